"""Targets of a regression in the scale in which models are fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Standardised"]


@dataclass
class Standardised:
    """Scale of a target: mean 0 and standard deviation 1 by the rows of a fit, in float64.

    Libraries cast targets to float32, which holds about seven digits. A large mean with a small deviation
    would lose the deviation, so the mean is taken away before the cast.

    Parameters
    ----------
    mean
        Mean of the values.
    deviation
        Standard deviation of the values; 1 if they do not vary.
    """

    mean: float
    deviation: float

    @classmethod
    def of(cls, y: np.ndarray) -> Standardised:
        """Return the scale of values, shape (rows,)."""
        values = np.asarray(y, dtype=np.float64)
        if values.min() == values.max():
            return cls(float(values[0]), 1.0)
        mean = float(values.mean())
        # A second pass corrects the mean of values that are large beside their deviation.
        mean += float((values - mean).mean())
        return cls(mean, float((values - mean).std()))

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Return values in the scale of the fit, as float64."""
        return (np.asarray(y, dtype=np.float64) - self.mean) / self.deviation

    def decode(self, scaled: np.ndarray) -> np.ndarray:
        """Return values in the scale of the dataset, as float64."""
        return self.mean + self.deviation * np.asarray(scaled, dtype=np.float64)
