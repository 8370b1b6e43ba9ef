"""What the featurizers of arrays share: work in small blocks of rows, and a cast that stays finite."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

BLOCK_VALUES = 1 << 18
LARGEST = float(np.finfo(np.float32).max)


def by_block(featurizer: Callable[[np.ndarray], np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Apply a row-wise function to blocks of rows, so that its float64 copies fit a processor's cache.

    Parameters
    ----------
    featurizer
        From rows of shape (n, ...) to features of shape (n, d), for n = 0 as well.
    rows
        Shape (rows, ...).

    Returns
    -------
    numpy.ndarray
        float32, shape (rows, d).
    """
    step = max(1, BLOCK_VALUES // max(1, math.prod(rows.shape[1:])))
    starts = range(0, max(1, len(rows)), step)
    return np.concatenate([as_float32(featurizer(rows[start : start + step])) for start in starts])


def as_float32(values: np.ndarray) -> np.ndarray:
    """Return values as float32: too large ones become the largest, NaN stays."""
    return np.clip(values, -LARGEST, LARGEST).astype(np.float32)
