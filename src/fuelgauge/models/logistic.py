"""Logistic regression: the linear contestant for classes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, Model
from fuelgauge.models.preprocessing import DenseEncoder


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
        """Fit encoder and coefficients."""
        self.encoder = DenseEncoder().fit(train)
        limit = context.step_limit or self.max_iter
        self.regression = LogisticRegression(C=self.C, max_iter=limit, random_state=context.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
            self.regression.fit(self.encoder.transform(train), train.y)
        return int(np.max(self.regression.n_iter_))

    def count_parameters(self) -> int:
        """Return the number of coefficients and intercepts."""
        return self.regression.coef_.size + self.regression.intercept_.size

    def predict(self, examples: Examples) -> np.ndarray:
        """Return class probabilities; a class without a training row gets 0."""
        probabilities = np.zeros((len(examples), examples.n_classes))
        probabilities[:, self.regression.classes_] = self.regression.predict_proba(
            self.encoder.transform(examples)
        )
        return probabilities
