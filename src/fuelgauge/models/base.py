"""The contract that every contestant keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from fuelgauge.data.dataset import Examples
from fuelgauge.errors import ConfigError, FuelgaugeError, nearest
from fuelgauge.loading import load_object


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


class Model(ABC):
    """A contestant: a dataclass of hyperparameters that can be fitted once and then predicts.

    A model is a subclass in a file of its own in this folder, decorated with `dataclass`, and a
    file conf/model/<name>.yaml that names it and gives its defaults. Everything that is fitted,
    preprocessing too, is fitted in `fit` on `train` alone; `validation` may choose when to stop.
    """

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

    @abstractmethod
    def predict(self, examples: Examples) -> np.ndarray:
        """Return class probabilities, shape (rows, n_classes), or values, shape (rows,)."""


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
