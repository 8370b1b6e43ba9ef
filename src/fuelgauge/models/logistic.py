"""Logistic regression: the linear model for classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, Model, all_classes
from fuelgauge.models.linear import fit_logistic
from fuelgauge.models.preprocessing import DenseEncoder

__all__ = ["Logistic"]


@dataclass
class Logistic(Model):
    """Multinomial logistic regression with an L2 penalty on scaled, one-hot encoded inputs.

    Parameters
    ----------
    C
        Inverse strength of the penalty.
    max_iter
        Upper bound on iterations of L-BFGS.
    """

    C: float = 1.0
    max_iter: int = 1000

    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        """Fit the encoder and the coefficients."""
        self.encoder = DenseEncoder().fit(train)
        limit = context.step_limit or self.max_iter
        matrix = self.encoder.transform(train)
        self.regression = fit_logistic(matrix, train.y, self.C, limit, context.seed)
        return int(np.max(self.regression.n_iter_))

    def count_parameters(self) -> int:
        """Return the number of coefficients and intercepts."""
        return self.regression.coef_.size + self.regression.intercept_.size

    def predict(self, examples: Examples) -> np.ndarray:
        """Return class probabilities. A class without a training row gets 0."""
        known = self.regression.predict_proba(self.encoder.transform(examples))
        return all_classes(known, self.regression.classes_, examples.n_classes)
