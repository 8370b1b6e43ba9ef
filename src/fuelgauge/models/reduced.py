"""Reduced TF-IDF of texts: the input of trees, which cannot use many thousand sparse columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.decomposition import TruncatedSVD

from fuelgauge.data.dataset import Examples
from fuelgauge.models.tfidf import TfIdf

__all__ = ["Reduced"]


@dataclass
class Reduced:
    """TF-IDF of words, pairs of words and runs of characters, reduced to a few numbers by a truncated SVD.

    This is latent semantic analysis. N-grams, their weights and the reduction are those of the training rows.

    Parameters
    ----------
    components
        Number of columns after the reduction.
    characters
        Number of characters of a run within a word.
    max_grams
        Largest number of n-grams of words, and of runs of characters.

    References
    ----------
    Deerwester et al. (1990), Indexing by latent semantic analysis, JASIS 41.
    """

    components: int = 64
    characters: int = 3
    max_grams: int = 20_000

    def fit_reduction(self, train: Examples, seed: int) -> Examples:
        """Learn n-grams and reduction from the training rows; return these rows in reduced form.

        Raises
        ------
        FitError
            No training text holds a word or a sign.
        """
        self.grams = self.vocabulary()
        weights = self.grams.fit_vocabulary(train)
        limit = max(1, min(weights.shape) - 1)
        self.reduction = TruncatedSVD(min(self.components, limit), random_state=seed)
        return replace(train, x=self.reduction.fit_transform(weights).astype(np.float32))

    def reduced(self, examples: Examples) -> Examples:
        """Return examples in reduced form, a matrix of shape (rows, components)."""
        weights = self.grams.encoder.transform(examples.x)
        return replace(examples, x=self.reduction.transform(weights).astype(np.float32))

    def vocabulary(self) -> TfIdf:
        """Return the unfitted n-grams."""
        return TfIdf(char_min=self.characters, char_max=self.characters, max_features=self.max_grams)

    def save_grams(self, folder: Path) -> None:
        """Write the n-grams and their weights."""
        self.grams.save_own(folder)

    def load_grams(self, folder: Path) -> None:
        """Read the n-grams and their weights."""
        self.grams = self.vocabulary()
        self.grams.load_own(folder)
