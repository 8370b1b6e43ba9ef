"""LightGBM: boosted trees that grow leaf by leaf."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, Work
from fuelgauge.models.boosting import ROWS_TO_SAMPLE, Boosted, loss_name, spread

__all__ = ["LightGBM"]

OBJECTIVES = {"binary": "binary", "multiclass": "multiclass", "regression": "regression"}
LOSSES = {
    "binary": {"error": "binary_error", "cross_entropy": "binary_logloss"},
    "multiclass": {"error": "multi_error", "cross_entropy": "multi_logloss"},
    "regression": {"rmse": "rmse"},
}
BOOSTER = "booster.txt"


@dataclass
class LightGBM(Boosted):
    """Gradient boosted trees on histograms, with early stopping, native categories and missing values.

    `parameters` are those of `lightgbm.train`. The fit is as in `Boosted`.

    References
    ----------
    Ke et al. (2017), LightGBM: a highly efficient gradient boosting decision tree, NeurIPS 30.
    """

    def boost(
        self, train: Examples, validation: Examples | None, rounds: int, context: FitContext
    ) -> Sequence[float]:
        """Fit the trees and return the validation loss after each round; none without validation rows."""
        settings = self.settings(train, context)
        data = self.binned(train, settings, None)
        if validation is None:
            self.booster = lightgbm.train(settings, data, num_boost_round=rounds)
            return []
        losses: dict[str, dict[str, list[float]]] = {}
        self.booster = lightgbm.train(
            settings,
            data,
            num_boost_round=rounds,
            valid_sets=[self.binned(validation, settings, data)],
            valid_names=["validation"],
            # Else only the rounds up to the first of the best ones would remain.
            keep_training_booster=True,
            callbacks=[
                lightgbm.early_stopping(self.patience, verbose=False),
                lightgbm.record_evaluation(losses),
            ],
        )
        return losses["validation"][settings["metric"]]

    def count_parameters(self) -> int:
        """Return the number of nodes of all trees that predictions use."""
        text = self.booster.model_to_string(num_iteration=self.rounds)
        return sum(2 * leaves - 1 for leaves in numbers("num_leaves", text))

    def count_work(self, train: Examples) -> Work:
        """Return the number of nodes that the rows pass through, estimated from some rounds."""
        rounds = self.booster.current_iteration()
        visited = [self.visits(int(first)) for first in spread(rounds)]
        return Work(nodes_visited=float(np.mean(visited)) * rounds * len(train))

    def visits(self, first: int) -> float:
        """Return the mean number of nodes that a row of the fit passes through in one round."""
        text = self.booster.model_to_string(num_iteration=1, start_iteration=first)
        in_leaves = sum(numbers("leaf_count", text))
        trees = self.booster.num_model_per_iteration()
        # A tree without a split counts no rows. All rows are in its only node.
        return trees * (1 + sum(numbers("internal_count", text)) / in_leaves) if in_leaves else trees

    def raw(self, examples: Examples) -> np.ndarray:
        """Return values, probabilities of class 1, or those of all classes."""
        matrix = self.columns.transform(examples)
        return np.asarray(self.booster.predict(matrix, num_iteration=self.rounds, num_threads=self.threads))

    def save_own(self, folder: Path) -> None:
        """Write the trees."""
        self.booster.save_model(folder / BOOSTER, num_iteration=self.rounds)

    def load_own(self, folder: Path) -> None:
        """Read the trees."""
        self.booster = lightgbm.Booster(model_file=folder / BOOSTER)

    def settings(self, train: Examples, context: FitContext) -> dict[str, Any]:
        """Return the parameters of `lightgbm.train`."""
        task = train.task
        settings = {
            "objective": OBJECTIVES[task],
            "metric": LOSSES[task][loss_name(task, context.metric)],
            "verbosity": -1,
            # Left alone, LightGBM chooses a layout by timing it, and the layout decides the last digits.
            "deterministic": True,
            "force_row_wise": True,
            **self.chosen(task),
            "num_threads": context.threads,
            "seed": context.seed % 2**31,
        }
        if len(train) < ROWS_TO_SAMPLE:
            settings["bagging_freq"] = 0
        return {**settings, "num_class": train.n_classes} if task == "multiclass" else settings

    def binned(
        self, examples: Examples, settings: dict[str, Any], reference: lightgbm.Dataset | None
    ) -> lightgbm.Dataset:
        """Return examples in LightGBM's structure, with the bins of the reference if there is one."""
        return lightgbm.Dataset(
            self.columns.transform(examples),
            self.labels(examples),
            reference=reference,
            categorical_feature=self.columns.categorical,
            params=settings,
        )


def numbers(name: str, text: str) -> list[int]:
    """Return the whole numbers of all lines of a stored model that begin with a name."""
    lines = re.findall(rf"^{name}=([\d ]+)$", text, re.MULTILINE)
    return [int(number) for line in lines for number in line.split()]
