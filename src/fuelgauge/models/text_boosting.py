"""Boosted trees for texts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext
from fuelgauge.models.lightgbm import LightGBM
from fuelgauge.models.reduced import Reduced

__all__ = ["TextBoosting"]


@dataclass
class TextBoosting(Reduced, LightGBM):
    """`LightGBM` on the reduced TF-IDF of texts (`Reduced`). The parameters are those of both.

    A refit learns the reduction anew, from all of its rows.
    """

    own_format: ClassVar[tuple[str, ...]] = ("grams", "booster")

    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        """Fit the reduction, then boost until the validation loss has not improved for `patience` rounds."""
        reduced = self.fit_reduction(train, context.seed)
        return LightGBM.fit(self, reduced, self.reduced(validation), context)

    def refit(self, rows: Examples, found: Self, context: FitContext) -> int:
        """Fit the reduction and boost on all rows for the number of rounds that predicted best before."""
        return LightGBM.refit(self, self.fit_reduction(rows, context.seed), found, context)

    def predict(self, examples: Examples) -> np.ndarray:
        """Return class probabilities or values."""
        return LightGBM.predict(self, self.reduced(examples))

    def save_own(self, folder: Path) -> None:
        """Write the n-grams and the trees."""
        self.save_grams(folder)
        LightGBM.save_own(self, folder)

    def load_own(self, folder: Path) -> None:
        """Read the n-grams and the trees."""
        self.load_grams(folder)
        LightGBM.load_own(self, folder)
