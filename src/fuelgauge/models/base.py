"""The contract that every model keeps."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np

from fuelgauge.config.objects import load_class
from fuelgauge.data.dataset import Examples
from fuelgauge.errors import ConfigError, FuelgaugeError, nearest

__all__ = ["FitContext", "FitError", "Model", "Packable", "Work", "all_classes", "create"]


class FitError(FuelgaugeError):
    """A fit failed for a known reason, such as a loss that is not a number."""


@dataclass(frozen=True)
class FitContext:
    """Settings of a fit besides its rows.

    Parameters
    ----------
    seed
        Random seed of every random choice in the fit.
    threads
        Number of threads that the fit may use.
    device
        Device of the fit: `cpu` or `cuda`.
    metric
        Metric by which the dataset is judged. Early stopping may use it.
    step_limit
        Upper bound on optimizer steps or boosting rounds: a few for a warm-up, None for a real fit.
    """

    seed: int
    threads: int
    device: str
    metric: str
    step_limit: int | None = None


@dataclass(frozen=True)
class Work:
    """Computation of a fit. A number is NaN where it cannot be counted.

    Parameters
    ----------
    flops
        Floating-point operations of matrix products and convolutions, forward and backward. A multiplication
        and its addition count as two.
    nodes_visited
        Number of tree nodes that the training rows pass through.
    """

    flops: float = math.nan
    nodes_visited: float = math.nan


@runtime_checkable
class Packable(Protocol):
    """A model whose fit is `prepare` followed by `train`. Several fits of one shape can train together."""

    def prepare(self, train: Examples, validation: Examples, context: FitContext) -> Any:
        """Prepare a fit up to its first step."""

    def prepare_refit(self, rows: Examples, found: Any, context: FitContext) -> Any:
        """Prepare a refit up to its first step."""

    def train(self, prepared: Any) -> int:
        """Train alone and return the number of steps."""

    @staticmethod
    def shape_of(prepared: Any) -> Hashable:
        """Return what fits must share to train together, or None if this fit can only train alone."""

    @staticmethod
    def train_together(models: Sequence[Any], prepared: Sequence[Any]) -> list[int]:
        """Train several fits of one shape together and return the number of steps of each."""


class Model(ABC):
    """A model: a dataclass of hyperparameters that is fitted once and then predicts.

    Two files add a model:

    - a module in this folder with a subclass of this class, decorated with `dataclass`;
    - conf/model/<name>.yaml, which names the class and gives its defaults.

    `fit` fits everything, preprocessing included, on `train` alone. `validation` may only choose when to
    stop. `refit` then fits a new instance on all rows of the trial. A model that stops early overrides it.

    Fitted attributes are plain data, NumPy arrays and scikit-learn objects, which fuelgauge.models.storage
    can store. An attribute that needs a file format of its own is named in `own_format`.

    Attributes
    ----------
    own_format : tuple of str
        Names of the fitted attributes that `save_own` writes and `load_own` reads.
    stored_types : tuple of str
        Dotted names of third-party types among the other fitted attributes, such as compiled parts of
        scikit-learn's trees. A stored model is loaded only if it holds no other unusual type.
    """

    own_format: ClassVar[tuple[str, ...]] = ()
    stored_types: ClassVar[tuple[str, ...]] = ()

    def check(self, tasks: Sequence[str], modalities: Sequence[str]) -> None:  # noqa: B027
        """Check the hyperparameters before the sweep, without its data.

        Parameters
        ----------
        tasks, modalities
            Tasks and modalities that the model's file names.

        Raises
        ------
        ConfigError
            The hyperparameters cannot serve a task or a modality.
        """

    @abstractmethod
    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        """Fit the model on the training rows.

        Returns
        -------
        int
            Number of optimizer steps, boosting rounds or solver iterations.

        Raises
        ------
        FitError
            The fit failed. The message says where.
        """

    def refit(self, rows: Examples, found: Self, context: FitContext) -> int:
        """Fit the model on all rows of a trial, with the budget that an earlier fit has found.

        By default, it is `fit` without validation rows, for models that do not use them.

        Parameters
        ----------
        rows
            All rows of the trial: the fitting and the validation rows of `found`.
        found
            Model with the same hyperparameters, fitted with early stopping on a part of the rows.
        context
            Settings of the fit, the same as those of `found`.

        Returns
        -------
        int
            Number of optimizer steps, boosting rounds or solver iterations.

        Raises
        ------
        FitError
            The fit failed. The message says where.
        """
        return self.fit(rows, rows.head(0), context)

    @abstractmethod
    def count_parameters(self) -> int:
        """Return the number of fitted numbers: weights, coefficients, nodes of trees. Never timed."""

    def count_samples(self, steps: int, n_rows: int) -> int:
        """Return the number of rows that the steps of a fit have seen, repetitions included."""
        return steps * n_rows

    def count_work(self, train: Examples) -> Work:
        """Return the computation of the fit, as far as it can be counted. Never timed."""
        return Work()

    @abstractmethod
    def predict(self, examples: Examples) -> np.ndarray:
        """Return class probabilities, shape (rows, n_classes), or values, shape (rows,)."""

    def unstorable(self) -> str | None:
        """Return in one sentence why this model is never stored, or None if it may be."""
        return None

    def save_own(self, folder: Path) -> None:  # noqa: B027 - most models need neither method
        """Write the attributes named in `own_format` into a folder."""

    def load_own(self, folder: Path) -> None:  # noqa: B027
        """Read the attributes named in `own_format` from a folder. All others are already set."""


def all_classes(probabilities: np.ndarray, classes: np.ndarray, n_classes: int) -> np.ndarray:
    """Return probabilities with a column for every class. A class without a training row has 0.

    Parameters
    ----------
    probabilities
        Probabilities of the known classes, shape (rows, number of known classes).
    classes
        Codes of the known classes, in the order of the columns.
    n_classes
        Number of classes of the dataset.
    """
    placed = np.zeros((len(probabilities), n_classes))
    placed[:, classes] = probabilities
    return placed


def create(target: str, hyperparameters: Mapping[str, Any]) -> Model:
    """Import a model's class and create an instance of it.

    Parameters
    ----------
    target
        Dotted path of the class.
    hyperparameters
        Hyperparameters by name. The class's own defaults apply to the others.

    Raises
    ------
    ConfigError
        There is no such class, or it has no such hyperparameter. The message names the nearest valid one.
    """
    model_class = load_class(target, "conf/model")
    if not (isinstance(model_class, type) and issubclass(model_class, Model) and is_dataclass(model_class)):
        raise ConfigError(
            f"conf/model: '{target}' is not a dataclass that inherits from {Model.__module__}.Model; for an "
            "estimator of scikit-learn, write target: fuelgauge.models.estimator.Estimator."
        )
    valid = {f.name for f in fields(model_class) if f.init}
    for name in hyperparameters:
        if name not in valid:
            raise ConfigError(
                f"{model_class.__name__} has no hyperparameter '{name}', {nearest(str(name), valid)}."
            )
    return model_class(**hyperparameters)
