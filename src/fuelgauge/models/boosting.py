"""What XGBoost, LightGBM and CatBoost share: rounds, early stopping, defaults by task, and coded columns."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, Model
from fuelgauge.models.preprocessing import as_matrix
from fuelgauge.models.targets import Standardised

__all__ = ["COUNTED_ROUNDS", "ROWS_TO_SAMPLE", "Boosted", "Columns", "loss_name", "spread"]

COUNTED_ROUNDS = 40
# With fewer rows, a tree takes all of them. LightGBM and CatBoost refuse a sample that holds no row.
ROWS_TO_SAMPLE = 16


class Columns:
    """Coder of a table as one matrix for trees that take categories and missing values as they are.

    Columns are known by their position alone, so that a name may hold any character and may occur twice.

    - Numbers become float32. Before that they lose their median in the fit, where more distinct values of
      the fit are kept that way, as beside a large number.
    - Categories get the codes 0, 1 and so on, in their sorted order.
    - A value that is missing is NaN, and so is a category that was not in the fit.

    Sequences and images are flattened.

    Attributes
    ----------
    known : list of ndarray or None
        Sorted categories of each column of a table, None for a number.
    offsets : list of float
        Number that each column of a table loses before it becomes float32; 0 in most cases.
    """

    def fit(self, examples: Examples) -> Columns:
        """Learn the categories of the examples."""
        self.known: list[np.ndarray | None] = []
        self.offsets: list[float] = []
        if isinstance(examples.x, pd.DataFrame):
            names = set(examples.categorical)
            self.known = [
                categories(examples.x.iloc[:, at]) if name in names else None
                for at, name in enumerate(examples.x.columns)
            ]
            self.offsets = [
                offset(numbers_of(examples.x.iloc[:, at])) if known is None else 0.0
                for at, known in enumerate(self.known)
            ]
        return self

    @property
    def categorical(self) -> list[int]:
        """Positions of the categorical columns."""
        return [at for at, known in enumerate(self.known) if known is not None]

    def transform(self, examples: Examples) -> np.ndarray:
        """Return a float32 matrix of shape (rows, columns)."""
        if not isinstance(examples.x, pd.DataFrame):
            return as_matrix(examples.x).astype(np.float32, copy=False)
        matrix = np.empty((len(examples), len(self.known)), dtype=np.float32)
        for at, known in enumerate(self.known):
            column = examples.x.iloc[:, at]
            matrix[:, at] = numbers_of(column) - self.offsets[at] if known is None else codes(column, known)
        return matrix


@dataclass
class Boosted(Model):
    """Boosted trees with early stopping on the validation rows, whatever their library.

    Boosting stops when the validation loss has not improved for `patience` rounds. The last of the best
    rounds counts. The validation loss is that of arXiv 2407.04491 (sections C.1 and B.5): the
    error rate if the dataset is judged by accuracy, else the cross-entropy. For values it is the root of the
    mean squared error. A refit makes as many rounds on all rows.

    Parameters
    ----------
    max_rounds
        Upper bound on boosting rounds.
    patience
        Number of rounds without a better validation loss after which boosting stops.
    parameters
        Parameters that are passed to the library unchanged, for every task. They have precedence over the
        defaults by task. None takes a default by task away.
    for_classes
        Default parameters for classes.
    for_values
        Default parameters for values.

    Attributes
    ----------
    rounds : int
        Number of rounds that predictions use.
    """

    own_format: ClassVar[tuple[str, ...]] = ("booster",)

    max_rounds: int = 1000
    patience: int = 300
    parameters: Mapping[str, Any] = field(default_factory=dict)
    for_classes: Mapping[str, Any] = field(default_factory=dict)
    for_values: Mapping[str, Any] = field(default_factory=dict)

    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        """Boost until the validation loss has not improved for `patience` rounds."""
        self.prepare(train, context)
        losses = self.boost(train, validation, context.step_limit or self.max_rounds, context)
        # Of equal losses, np.argmin would take the first.
        self.rounds = len(losses) - int(np.argmin(losses[::-1]))
        return len(losses)

    def refit(self, rows: Examples, found: Self, context: FitContext) -> int:
        """Boost on all rows for the number of rounds that predicted best before."""
        self.prepare(rows, context)
        self.rounds = found.rounds
        self.boost(rows, None, self.rounds, context)
        return self.rounds

    def prepare(self, train: Examples, context: FitContext) -> None:
        """Learn what the fit needs besides its trees."""
        self.threads = context.threads
        self.columns = Columns().fit(train)
        self.scale = Standardised.of(train.y) if train.task == "regression" else None

    @abstractmethod
    def boost(
        self, train: Examples, validation: Examples | None, rounds: int, context: FitContext
    ) -> Sequence[float]:
        """Fit the trees and return the validation loss after each round; none without validation rows."""

    @abstractmethod
    def settings(self, train: Examples, context: FitContext) -> dict[str, Any]:
        """Return the parameters of the library for a fit."""

    @abstractmethod
    def raw(self, examples: Examples) -> np.ndarray:
        """Return the library's predictions: values, probabilities of class 1, or those of all classes."""

    def predict(self, examples: Examples) -> np.ndarray:
        """Return class probabilities or values."""
        predicted = self.raw(examples)
        if self.scale is not None:
            return self.scale.decode(predicted)
        if examples.task == "binary":
            return np.column_stack([1 - predicted, predicted])
        return predicted

    def labels(self, examples: Examples) -> np.ndarray:
        """Return class codes, or values in the scale of the fit."""
        return examples.y if self.scale is None else self.scale.encode(examples.y)

    def chosen(self, task: str) -> dict[str, Any]:
        """Return the parameters of a task."""
        defaults = self.for_values if task == "regression" else self.for_classes
        return {name: value for name, value in {**defaults, **self.parameters}.items() if value is not None}


def loss_name(task: str, metric: str) -> str:
    """Return the kind of the validation loss: `error`, `cross_entropy` or `rmse`."""
    if task == "regression":
        return "rmse"
    return "error" if metric == "accuracy" else "cross_entropy"


def spread(rounds: int) -> np.ndarray:
    """Return the positions of at most `COUNTED_ROUNDS` rounds, spread evenly over all rounds."""
    return np.unique(np.linspace(0, rounds - 1, min(rounds, COUNTED_ROUNDS)).astype(int))


def categories(column: pd.Series) -> np.ndarray:
    """Return the sorted categories of a column as objects."""
    return np.array(sorted(column.dropna().unique()), dtype=object)


def numbers_of(column: pd.Series) -> np.ndarray:
    """Return a column as float64, NaN where missing."""
    return column.to_numpy(np.float64, na_value=np.nan)


def offset(values: np.ndarray) -> float:
    """Return the median of values if float32 keeps more of them apart without it, else 0."""
    known = np.unique(values[~np.isnan(values)])
    if not len(known) or len(np.unique(known.astype(np.float32))) == len(known):
        return 0.0
    middle = float(np.median(known))
    kept = [len(np.unique((known - away).astype(np.float32))) for away in (0.0, middle)]
    return middle if kept[1] > kept[0] else 0.0


def codes(column: pd.Series, known: np.ndarray) -> np.ndarray:
    """Return the codes of a column's categories as floats, NaN where missing or unknown."""
    found = pd.Index(known, dtype=object).get_indexer(column.to_numpy(object)).astype(np.float32)
    found[found < 0] = np.nan
    return found
