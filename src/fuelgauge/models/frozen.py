"""What models on frozen encoders share: kept embeddings and a linear head."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import Ridge

from fuelgauge.config.objects import weights_file, wrong_weights
from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, FitError, Model, all_classes
from fuelgauge.models.embeddings import embedded, identity_of
from fuelgauge.models.linear import fit_logistic
from fuelgauge.models.preprocessing import Scaler

__all__ = ["Frozen", "checked_weights"]


@dataclass
class Frozen(Model):
    """Logistic or ridge regression on the embeddings of a pretrained encoder, scaled to variance 1.

    The encoder never changes: only the regression is fitted, and only its coefficients are counted. The
    embeddings of a dataset are computed once, before its first trial, and kept (fuelgauge.models.embeddings).
    So the seconds of a fit do not hold them. They are counted apart.

    Parameters
    ----------
    encoder
        `weights`, the file of the weights and its SHA-256 (`{file: , sha256: }`), and the encoder's settings.
    C
        Inverse strength of the penalty.
    max_iter
        Upper bound on iterations of L-BFGS.
    """

    encoder: Mapping[str, Any] = field(default_factory=dict)
    C: float = 0.03
    max_iter: int = 1000

    @abstractmethod
    def encode(self, rows: np.ndarray) -> np.ndarray:
        """Return the embeddings of rows, float32, shape (rows, width), computed by the encoder."""

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

    def embed(self, examples: Examples) -> np.ndarray:
        """Return the embeddings of examples, kept or new, shape (rows, width)."""
        checked_weights(self.encoder)
        target = f"{type(self).__module__}.{type(self).__qualname__}"
        return embedded(np.asarray(examples.x), identity_of(target, self.encoder), self.encode)

    def count_parameters(self) -> int:
        """Return the number of coefficients and intercepts. The encoder is not fitted."""
        return self.regression.coef_.size + np.size(self.regression.intercept_)

    def predict(self, examples: Examples) -> np.ndarray:
        """Return values, or class probabilities. A class without a training row gets 0."""
        scaled = self.scaler.transform(self.embed(examples))
        if examples.task == "regression":
            return self.regression.predict(scaled)
        return all_classes(
            self.regression.predict_proba(scaled), self.regression.classes_, examples.n_classes
        )


def checked_weights(encoder: Mapping[str, Any]) -> Path:
    """Return the path of an encoder's weights.

    Raises
    ------
    FitError
        The settings name no weights, or the file does not exist or has another hash.
    """
    weights = encoder.get("weights")
    if not isinstance(weights, Mapping) or {*weights} != {"file", "sha256"}:
        raise FitError("hyperparameters.encoder.weights must name the file and the sha256 of the weights.")
    if problem := wrong_weights(weights):
        raise FitError(f"{problem}.")
    return weights_file(weights)
