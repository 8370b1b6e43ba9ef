"""CatBoost: boosted symmetric trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import catboost
import numpy as np

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, Work
from fuelgauge.models.boosting import ROWS_TO_SAMPLE, Boosted, loss_name

__all__ = ["CatBoost"]

OBJECTIVES = {"binary": "Logloss", "multiclass": "MultiClass", "regression": "RMSE"}
LOSSES = {
    "binary": {"error": "ZeroOneLoss", "cross_entropy": "Logloss"},
    "multiclass": {"error": "ZeroOneLoss", "cross_entropy": "MultiClass"},
    "regression": {"rmse": "RMSE"},
}
BOOSTER = "booster.cbm"


@dataclass
class CatBoost(Boosted):
    """Gradient boosted symmetric trees, with early stopping, native categories and missing values.

    `parameters` are those of `catboost.CatBoost`. The fit is as in `Boosted`. CatBoost refuses rows of one
    class or value, and columns that do not vary. The model is then a constant, as its trees would be.

    References
    ----------
    Prokhorenkova et al. (2018), CatBoost: unbiased boosting with categorical features, NeurIPS 31.
    """

    def boost(
        self, train: Examples, validation: Examples | None, rounds: int, context: FitContext
    ) -> Sequence[float]:
        """Fit the trees and return the validation loss after each round; none without validation rows."""
        matrix, labels = self.columns.transform(train), self.labels(train)
        self.booster: Any = None
        self.constant: Any = None
        if len(np.unique(labels)) == 1 or not varies(matrix).any():
            self.constant = constant_of(labels, train)
            return [0.0] if validation is not None else []
        settings = {**self.settings(train, context), "iterations": rounds}
        self.booster = catboost.CatBoost(settings)
        if validation is None:
            self.booster.fit(self.pool(matrix, labels))
            return []
        held_out = self.pool(self.columns.transform(validation), self.labels(validation))
        self.booster.fit(self.pool(matrix, labels), eval_set=held_out, early_stopping_rounds=self.patience)
        return self.booster.get_evals_result()["validation"][settings["eval_metric"]]

    def count_parameters(self) -> int:
        """Return the number of nodes of all trees that predictions use; 1 for a constant."""
        if self.booster is None:
            return 1
        return int((2 * self.leaves()[: self.rounds] - 1).sum())

    def count_work(self, train: Examples) -> Work:
        """Return the number of nodes that the rows pass through. A symmetric tree has one depth."""
        if self.booster is None:
            return Work(nodes_visited=float(len(train)))
        if self.chosen(train.task).get("grow_policy", "SymmetricTree") != "SymmetricTree":
            return Work()
        return Work(nodes_visited=float((1 + np.log2(self.leaves())).sum()) * len(train))

    def leaves(self) -> np.ndarray:
        """Return the number of leaves of each tree."""
        return np.asarray(self.booster.get_tree_leaf_counts(), dtype=np.int64)

    def raw(self, examples: Examples) -> np.ndarray:
        """Return values, probabilities of class 1, or those of all classes."""
        if self.booster is None:
            return np.tile(self.constant, (len(examples), 1)).squeeze(1 if len(self.constant) == 1 else ())
        kind = "RawFormulaVal" if examples.task == "regression" else "Probability"
        predicted = self.booster.predict(
            self.pool(self.columns.transform(examples), None),
            prediction_type=kind,
            ntree_end=self.rounds,
            thread_count=self.threads,
        )
        return predicted[:, 1] if examples.task == "binary" else predicted

    def save_own(self, folder: Path) -> None:
        """Write the trees, if there are any."""
        if self.booster is not None:
            self.booster.save_model(str(folder / BOOSTER))

    def load_own(self, folder: Path) -> None:
        """Read the trees, if there are any."""
        self.booster = None
        if self.constant is None:
            self.booster = catboost.CatBoost().load_model(str(folder / BOOSTER))

    def settings(self, train: Examples, context: FitContext) -> dict[str, Any]:
        """Return the parameters of `catboost.CatBoost`."""
        task = train.task
        settings = {
            "loss_function": OBJECTIVES[task],
            "eval_metric": LOSSES[task][loss_name(task, context.metric)],
            **self.chosen(task),
            "use_best_model": False,  # it would keep the rounds up to the first of the best ones alone
            "allow_writing_files": False,
            "logging_level": "Silent",
            "thread_count": context.threads,
            "random_seed": context.seed % 2**31,
        }
        if len(train) < ROWS_TO_SAMPLE:
            settings = {**settings, "bootstrap_type": "No"}
            settings.pop("subsample", None)
        return {**settings, "classes_count": train.n_classes} if task == "multiclass" else settings

    def pool(self, matrix: np.ndarray, labels: np.ndarray | None) -> catboost.Pool:
        """Return rows in CatBoost's structure. A category that is missing is one of its own."""
        categorical = self.columns.categorical
        numeric = np.setdiff1d(np.arange(matrix.shape[1]), categorical)
        codes = np.nan_to_num(matrix[:, categorical], nan=-1).astype(np.int64).astype("S").astype(object)
        data = catboost.FeaturesData(
            num_feature_data=np.ascontiguousarray(matrix[:, numeric]) if len(numeric) else None,
            cat_feature_data=codes if categorical else None,
        )
        return catboost.Pool(data, labels, thread_count=self.threads)


def varies(matrix: np.ndarray) -> np.ndarray:
    """Return whether each column has two different values. A missing value is one, too."""
    return ((matrix != matrix[:1]) & ~(np.isnan(matrix) & np.isnan(matrix[:1]))).any(axis=0)


def constant_of(labels: np.ndarray, train: Examples) -> np.ndarray:
    """Return the mean value or the share of class 1, shape (1,), or the share of each class."""
    if train.task == "multiclass":
        return np.bincount(labels, minlength=train.n_classes) / len(labels)
    return np.array([labels.mean()])
