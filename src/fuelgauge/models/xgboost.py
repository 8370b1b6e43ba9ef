"""XGBoost: boosted trees."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, Work
from fuelgauge.models.boosting import COUNTED_ROUNDS, Boosted, loss_name

__all__ = ["XGBoost"]

OBJECTIVES = {"binary": "binary:logistic", "multiclass": "multi:softprob", "regression": "reg:squarederror"}
LOSSES = {
    "binary": {"error": "error", "cross_entropy": "logloss"},
    "multiclass": {"error": "merror", "cross_entropy": "mlogloss"},
    "regression": {"rmse": "rmse"},
}
DEFAULT_BINS = 256
COUNTED_ROWS = 512
BOOSTER = "booster.ubj"


@dataclass
class XGBoost(Boosted):
    """Gradient boosted trees on histograms, with early stopping, native categories and missing values.

    `parameters` are those of `xgboost.train`. The fit is as in `Boosted`.

    References
    ----------
    Chen and Guestrin (2016), XGBoost, KDD.
    """

    def boost(
        self, train: Examples, validation: Examples | None, rounds: int, context: FitContext
    ) -> Sequence[float]:
        """Fit the trees and return the validation loss after each round; none without validation rows."""
        settings = self.settings(train, context)
        data = self.binned(train, settings, None)
        if validation is None:
            self.booster = xgboost.train(settings, data, num_boost_round=rounds)
            return []
        losses: dict[str, dict[str, list[float]]] = {}
        self.booster = xgboost.train(
            settings,
            data,
            num_boost_round=rounds,
            evals=[(self.binned(validation, settings, data), "validation")],
            early_stopping_rounds=self.patience,
            evals_result=losses,
            verbose_eval=False,
        )
        return losses["validation"][settings["eval_metric"]]

    def count_parameters(self) -> int:
        """Return the number of nodes of all trees that predictions use."""
        return sum(dump.count("\n") for dump in self.booster[: self.rounds].get_dump())

    def count_work(self, train: Examples) -> Work:
        """Return the number of nodes that the rows pass through, estimated from some rows and some rounds."""
        some, rounds = train.head(COUNTED_ROWS), self.booster.num_boosted_rounds()
        every = -(-rounds // COUNTED_ROUNDS)
        # XGBoost refuses a slice whose length is not a multiple of its step.
        booster = self.booster[: rounds // every * every : every]
        leaves = booster.predict(self.plain(some), pred_leaf=True).reshape(len(some), -1)
        trees = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]["model"]["trees"]
        first = np.cumsum([0, *(len(tree["parents"]) for tree in trees)])[:-1]
        visited = depths([tree["parents"] for tree in trees])[first + leaves.astype(np.intp)].mean()
        trees_a_round = len(trees) / booster.num_boosted_rounds()
        return Work(nodes_visited=float(visited) * trees_a_round * rounds * len(train))

    def raw(self, examples: Examples) -> np.ndarray:
        """Return values, probabilities of class 1, or those of all classes."""
        return self.booster.predict(self.plain(examples), iteration_range=(0, self.rounds))

    def save_own(self, folder: Path) -> None:
        """Write the trees."""
        self.booster.save_model(folder / BOOSTER)

    def load_own(self, folder: Path) -> None:
        """Read the trees."""
        self.booster = xgboost.Booster(model_file=folder / BOOSTER)

    def settings(self, train: Examples, context: FitContext) -> dict[str, Any]:
        """Return the parameters of `xgboost.train`."""
        task = train.task
        settings = {
            "objective": OBJECTIVES[task],
            "eval_metric": LOSSES[task][loss_name(task, context.metric)],
            "tree_method": "hist",
            **self.chosen(task),
            "device": context.device,
            "nthread": context.threads,
            "seed": context.seed,
        }
        return {**settings, "num_class": train.n_classes} if task == "multiclass" else settings

    def plain(self, examples: Examples) -> xgboost.DMatrix:
        """Return examples in XGBoost's structure for predictions."""
        return xgboost.DMatrix(self.columns.transform(examples), **self.kinds(), nthread=self.threads)

    def binned(
        self, examples: Examples, settings: dict[str, Any], reference: xgboost.QuantileDMatrix | None
    ) -> xgboost.QuantileDMatrix:
        """Return examples in XGBoost's structure for a fit, with the bins of a reference if given."""
        return xgboost.QuantileDMatrix(
            self.columns.transform(examples),
            self.labels(examples),
            **self.kinds(),
            ref=reference,
            # The data and the booster must agree on the number of bins.
            max_bin=settings.get("max_bin", DEFAULT_BINS),
            nthread=self.threads,
        )

    def kinds(self) -> dict[str, Any]:
        """Return the arguments that mark the categorical columns, if there are any."""
        if not self.columns.categorical:
            return {}
        kinds = ["q" if known is None else "c" for known in self.columns.known]
        return {"feature_types": kinds, "enable_categorical": True}


def depths(trees: list[list[int]]) -> np.ndarray:
    """Return the number of nodes on the way from the root to each node, tree after tree.

    The root and the node itself are counted.

    Parameters
    ----------
    trees
        Parents of the nodes of each tree. The root comes first.
    """
    firsts = np.cumsum([0, *map(len, trees)])
    parents = np.concatenate([np.add(tree, first) for tree, first in zip(trees, firsts, strict=False)])
    parents[firsts[:-1]] = -1
    found, above = np.ones(len(parents), dtype=np.int64), parents.copy()
    while (below := above >= 0).any():
        found[below] += 1
        above[below] = parents[above[below]]
    return found
