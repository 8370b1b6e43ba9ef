"""The contract that every contestant keeps."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from fuelgauge.config.objects import load_object
from fuelgauge.data.dataset import Examples
from fuelgauge.errors import ConfigError, FuelgaugeError, nearest


class FitError(FuelgaugeError):
    """A fit went wrong in a way that has a name, such as a loss that is not a number."""


@dataclass(frozen=True)
class FitContext:
    """What a fit is told beside its rows.

    Parameters
    ----------
    seed
        Of every random choice in the fit.
    threads
        That the fit may use.
    device
        `cpu` or `cuda`.
    metric
        By which the dataset is judged; early stopping may use it.
    step_limit
        Upper bound on optimizer steps or rounds: a few for a warm-up, None for a real fit.
    """

    seed: int
    threads: int
    device: str
    metric: str
    step_limit: int | None = None


@dataclass(frozen=True)
class Work:
    """What a fit has computed, NaN where it cannot be counted.

    Parameters
    ----------
    flops
        Floating-point operations of matrix products and convolutions, forward and backward; a multiplication
        and its addition are two.
    nodes_visited
        By the training rows on their way down the trees.
    """

    flops: float = math.nan
    nodes_visited: float = math.nan


@runtime_checkable
class Packable(Protocol):
    """A model whose fit is `prepare`, then `train`; several of one shape can be trained together."""

    def prepare(self, train: Examples, validation: Examples, context: FitContext) -> Any:
        """Do what comes before the first step."""

    def train(self, prepared: Any) -> int:
        """Train alone; return the steps."""

    @staticmethod
    def shape_of(prepared: Any) -> Hashable:
        """Return what fits must have in common to be trained together; None if this one cannot be."""

    @staticmethod
    def train_together(models: Sequence[Any], prepared: Sequence[Any]) -> list[int]:
        """Train several of one shape; return the steps of each."""


class Model(ABC):
    """A contestant: a dataclass of hyperparameters that can be fitted once and then predicts.

    A model is a subclass in a file of its own in this folder, decorated with `dataclass`, and a
    file conf/model/<name>.yaml that names it and gives its defaults. Everything that is fitted,
    preprocessing too, is fitted in `fit` on `train` alone; `validation` may choose when to stop.

    What is fitted are attributes of plain data, NumPy arrays and scikit-learn objects. An attribute
    that has a file format of its own is named in `own_format`, and `save_own` and `load_own` know it
    (fuelgauge.models.storage).
    """

    own_format: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        """Fit on the training rows.

        Returns
        -------
        int
            Optimizer steps, boosting rounds or solver iterations that were run.

        Raises
        ------
        FitError
            The fit broke down; the sentence says where.
        """

    @abstractmethod
    def count_parameters(self) -> int:
        """Return how many numbers were fitted: weights, coefficients, nodes of trees. Never timed."""

    def count_samples(self, steps: int, n_rows: int) -> int:
        """Return how many rows the steps of a fit have seen, a row as often as it was seen."""
        return steps * n_rows

    def count_work(self, train: Examples) -> Work:
        """Return what the fit has computed, as far as it can be counted. Never timed."""
        return Work()

    @abstractmethod
    def predict(self, examples: Examples) -> np.ndarray:
        """Return class probabilities, shape (rows, n_classes), or values, shape (rows,)."""

    def save_own(self, folder: Path) -> None:  # noqa: B027 - most models have nothing of the kind
        """Write the attributes named in `own_format` into a folder."""

    def load_own(self, folder: Path) -> None:  # noqa: B027
        """Set the attributes named in `own_format`, from a folder; all others are set already."""


def all_classes(probabilities: np.ndarray, classes: np.ndarray, n_classes: int) -> np.ndarray:
    """Return probabilities with a column for every class; a class without a training row has 0.

    Parameters
    ----------
    probabilities
        Shape (rows, number of known classes).
    classes
        Codes of the known classes, in the order of the columns.
    n_classes
        Of the dataset.
    """
    placed = np.zeros((len(probabilities), n_classes))
    placed[:, classes] = probabilities
    return placed


def create(target: str, hyperparameters: Mapping[str, Any]) -> Model:
    """Import a model's class and make an instance of it.

    Parameters
    ----------
    target
        Dotted path of the class.

    Raises
    ------
    ConfigError
        There is no such class, or it has no such hyperparameter (the nearest valid one is named).
    """
    model_class = load_object(target, "conf/model")
    valid = {f.name for f in fields(model_class) if f.init}
    for name in hyperparameters:
        if name not in valid:
            raise ConfigError(
                f"{model_class.__name__} has no hyperparameter '{name}', {nearest(str(name), valid)}."
            )
    return model_class(**hyperparameters)
