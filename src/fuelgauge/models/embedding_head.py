"""The linear head of models on pretrained embeddings."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from sklearn.linear_model import Ridge

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, Model, all_classes
from fuelgauge.models.linear import fit_logistic
from fuelgauge.models.preprocessing import Scaler

__all__ = ["EmbeddingHead"]


class EmbeddingHead(Model):
    """Logistic or ridge regression on the embeddings of rows, scaled to variance 1.

    The embeddings never change: only the regression is fitted, and only its coefficients are counted.

    Attributes
    ----------
    C : float
        Inverse strength of the penalty; a setting of the subclass.
    max_iter : int
        Upper bound on iterations of L-BFGS; a setting of the subclass.
    """

    C: float
    max_iter: int

    @abstractmethod
    def embed(self, examples: Examples) -> np.ndarray:
        """Return the embeddings of examples, shape (rows, width)."""

    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        """Fit the scales and the coefficients."""
        vectors = self.embed(train)
        self.scaler = Scaler().fit(vectors)
        scaled = self.scaler.transform(vectors)
        if train.task == "regression":
            self.regression = Ridge(alpha=1 / self.C, random_state=context.seed).fit(scaled, train.y)
            return 1
        limit = context.step_limit or self.max_iter
        self.regression = fit_logistic(scaled, train.y, self.C, limit, context.seed)
        return int(np.max(self.regression.n_iter_))

    def count_parameters(self) -> int:
        """Return the number of coefficients and intercepts. The embeddings are not fitted."""
        return self.regression.coef_.size + np.size(self.regression.intercept_)

    def predict(self, examples: Examples) -> np.ndarray:
        """Return values, or class probabilities. A class without a training row gets 0."""
        scaled = self.scaler.transform(self.embed(examples))
        if examples.task == "regression":
            return self.regression.predict(scaled)
        return all_classes(
            self.regression.predict_proba(scaled), self.regression.classes_, examples.n_classes
        )
