"""What models on frozen encoders share: embeddings that are kept."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fuelgauge.config.objects import weights_file, wrong_weights
from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitError
from fuelgauge.models.embedding_head import EmbeddingHead
from fuelgauge.models.embeddings import embedded, identity_of

__all__ = ["Frozen", "checked_weights"]


@dataclass
class Frozen(EmbeddingHead):
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

    def embed(self, examples: Examples) -> np.ndarray:
        """Return the embeddings of examples, kept or new, shape (rows, width)."""
        checked_weights(self.encoder)
        target = f"{type(self).__module__}.{type(self).__qualname__}"
        return embedded(np.asarray(examples.x), identity_of(target, self.encoder), self.encode)


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
