"""The baseline: a constant prediction. A model that is not better has learned nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, Model

__all__ = ["Dummy"]


@dataclass
class Dummy(Model):
    """Constant prediction of the training rows' class frequencies or mean value."""

    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        """Count the classes or average the values."""
        if train.task == "regression":
            self.constant = np.array([train.y.mean()])
        else:
            self.constant = np.bincount(train.y, minlength=train.n_classes) / len(train)
        return 1

    def count_parameters(self) -> int:
        """Return the size of the constant."""
        return self.constant.size

    def predict(self, examples: Examples) -> np.ndarray:
        """Return the constant for every row."""
        rows = np.tile(self.constant, (len(examples), 1))
        return rows.ravel() if examples.task == "regression" else rows
