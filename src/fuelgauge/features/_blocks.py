"""Helpers of the array featurizers: work in small blocks of rows, and a finite cast to float32."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

BLOCK_VALUES = 1 << 18
LARGEST = float(np.finfo(np.float32).max)


def by_block(featurizer: Callable[[np.ndarray], np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Apply a row-wise function to blocks of rows, so that its float64 copies fit into a processor's cache.

    Parameters
    ----------
    featurizer
        Function that turns rows of shape (n, ...) into features of shape (n, d); it must also accept n = 0.
    rows
        Rows, shape (rows, ...).

    Returns
    -------
    numpy.ndarray
        Features, float32, shape (rows, d).
    """
    step = max(1, BLOCK_VALUES // max(1, math.prod(rows.shape[1:])))
    starts = range(0, max(1, len(rows)), step)
    return np.concatenate([as_float32(featurizer(rows[start : start + step])) for start in starts])


def as_float32(values: np.ndarray) -> np.ndarray:
    """Return values as float32; values beyond its range become its largest values, and NaN stays NaN."""
    return np.clip(values, -LARGEST, LARGEST).astype(np.float32)
