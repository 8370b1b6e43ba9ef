"""Ridge regression: the linear model for values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sklearn.linear_model

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, Model
from fuelgauge.models.preprocessing import DenseEncoder
from fuelgauge.models.targets import Standardised

__all__ = ["Ridge"]


@dataclass
class Ridge(Model):
    """Least squares with an L2 penalty on scaled, one-hot encoded inputs.

    Parameters
    ----------
    alpha
        Strength of the penalty.
    """

    alpha: float = 1.0

    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        """Fit the encoder and, in closed form, the coefficients: one step."""
        self.encoder, self.scale = DenseEncoder().fit(train), Standardised.of(train.y)
        self.regression = sklearn.linear_model.Ridge(alpha=self.alpha)
        self.regression.fit(self.encoder.transform(train), self.scale.encode(train.y))
        return 1

    def count_parameters(self) -> int:
        """Return the number of coefficients, the intercept included."""
        return self.regression.coef_.size + 1

    def predict(self, examples: Examples) -> np.ndarray:
        """Return values."""
        return self.scale.decode(self.regression.predict(self.encoder.transform(examples)))
