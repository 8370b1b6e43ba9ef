"""A random forest for texts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext
from fuelgauge.models.random_forest import RandomForest
from fuelgauge.models.reduced import Reduced

__all__ = ["TextForest"]


@dataclass
class TextForest(Reduced, RandomForest):
    """`RandomForest` on the reduced TF-IDF of texts (`Reduced`). The parameters are those of both."""

    own_format: ClassVar[tuple[str, ...]] = ("grams",)

    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        """Fit the reduction and the trees. A step is a tree."""
        reduced = self.fit_reduction(train, context.seed)
        return RandomForest.fit(self, reduced, validation, context)

    def predict(self, examples: Examples) -> np.ndarray:
        """Return values, or class probabilities. A class without a training row gets 0."""
        return RandomForest.predict(self, self.reduced(examples))

    def save_own(self, folder: Path) -> None:
        """Write the n-grams."""
        self.save_grams(folder)

    def load_own(self, folder: Path) -> None:
        """Read the n-grams."""
        self.load_grams(folder)
