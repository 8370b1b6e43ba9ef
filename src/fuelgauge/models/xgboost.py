"""XGBoost: boosted trees."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import xgboost

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, Model, Work
from fuelgauge.models.preprocessing import as_matrix

__all__ = ["XGBoost"]

OBJECTIVES = {
    "binary": {"objective": "binary:logistic", "eval_metric": "logloss"},
    "multiclass": {"objective": "multi:softprob", "eval_metric": "mlogloss"},
    "regression": {"objective": "reg:squarederror", "eval_metric": "rmse"},
}
DEFAULT_BINS = 256
COUNTED_ROWS, COUNTED_ROUNDS = 512, 40
BOOSTER = "booster.ubj"


@dataclass
class XGBoost(Model):
    """Gradient boosted trees on histograms, with early stopping, native categories and missing values.

    Parameters
    ----------
    max_rounds
        Upper bound on boosting rounds.
    patience
        Number of rounds without a better validation loss after which boosting stops.
    parameters
        Parameters that are passed to `xgboost.train` unchanged.
    """

    own_format: ClassVar[tuple[str, ...]] = ("booster",)

    max_rounds: int = 1000
    patience: int = 20
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        """Boost until the validation loss has not improved for `patience` rounds."""
        self.threads = context.threads
        self.categories = training_categories(train)
        data = self.matrix(train, train.y)
        watched = xgboost.QuantileDMatrix(
            **self.columns(validation),
            label=validation.y,
            ref=data,
            max_bin=self.max_bin,
            nthread=self.threads,
        )
        rounds = context.step_limit or self.max_rounds
        self.booster = xgboost.train(
            self.settings(train, context),
            data,
            num_boost_round=rounds,
            evals=[(watched, "validation")],
            early_stopping_rounds=self.patience,
            verbose_eval=False,
        )
        return self.booster.num_boosted_rounds()

    def count_parameters(self) -> int:
        """Return the number of nodes of all trees."""
        return sum(dump.count("\n") for dump in self.booster.get_dump())

    def count_work(self, train: Examples) -> Work:
        """Return the number of nodes that the rows pass through, estimated from some rows and some rounds."""
        some, rounds = train.head(COUNTED_ROWS), self.booster.num_boosted_rounds()
        every = math.ceil(rounds / COUNTED_ROUNDS)
        # XGBoost refuses a slice whose length is not a multiple of its step.
        booster = self.booster[: rounds // every * every : every]
        leaves = booster.predict(self.matrix(some, None), pred_leaf=True).reshape(len(some), -1)
        trees = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]["model"]["trees"]
        first = np.cumsum([0, *(len(tree["parents"]) for tree in trees)])[:-1]
        visited = depths([tree["parents"] for tree in trees])[first + leaves.astype(np.intp)].mean()
        trees_a_round = len(trees) / booster.num_boosted_rounds()
        return Work(nodes_visited=float(visited) * trees_a_round * rounds * len(train))

    def predict(self, examples: Examples) -> np.ndarray:
        """Return class probabilities or values from the rounds up to the best one."""
        best = (0, self.booster.best_iteration + 1)
        predicted = self.booster.predict(self.matrix(examples, None), iteration_range=best)
        if examples.task == "binary":
            return np.column_stack([1 - predicted, predicted])
        return predicted

    def save_own(self, folder: Path) -> None:
        """Write the trees."""
        self.booster.save_model(folder / BOOSTER)

    def load_own(self, folder: Path) -> None:
        """Read the trees."""
        self.booster = xgboost.Booster(model_file=folder / BOOSTER)

    def settings(self, train: Examples, context: FitContext) -> dict[str, Any]:
        """Return the parameters of `xgboost.train`."""
        chosen = {**OBJECTIVES[train.task], "tree_method": "hist", **self.parameters}
        if train.task == "multiclass":
            chosen["num_class"] = train.n_classes
        return {**chosen, "device": context.device, "nthread": context.threads, "seed": context.seed}

    def matrix(
        self, examples: Examples, label: np.ndarray | None
    ) -> xgboost.QuantileDMatrix | xgboost.DMatrix:
        """Return examples in XGBoost's own structure: binned for the fit, plain for prediction."""
        if label is None:
            return xgboost.DMatrix(**self.columns(examples), nthread=self.threads)
        return xgboost.QuantileDMatrix(
            **self.columns(examples), label=label, max_bin=self.max_bin, nthread=self.threads
        )

    @property
    def max_bin(self) -> int:
        """Number of bins of a feature. The data and the booster must agree on it."""
        return int(self.parameters.get("max_bin", DEFAULT_BINS))

    def columns(self, examples: Examples) -> dict[str, Any]:
        """Return the data argument, with categories coded as in the fit. An unseen category is missing.

        A column without a category in the fit becomes missing numbers, because XGBoost refuses an empty set.
        """
        if not isinstance(examples.x, pd.DataFrame):
            return {"data": as_matrix(examples.x)}
        coded = {
            name: pd.Categorical(examples.x[name].where(examples.x[name].isin(known)), categories=known)
            if len(known)
            else np.full(len(examples), np.nan)
            for name, known in self.categories.items()
        }
        return {"data": examples.x.assign(**coded), "enable_categorical": True}


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


def training_categories(train: Examples) -> dict[str, np.ndarray]:
    """Return the sorted categories of each categorical column in the training rows."""
    if not isinstance(train.x, pd.DataFrame):
        return {}
    return {
        name: np.array(sorted(train.x[name].dropna().unique()), dtype=object) for name in train.categorical
    }
