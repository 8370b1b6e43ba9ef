"""Whether a model is as often right as it says."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

N_BINS = 10


@dataclass(frozen=True)
class Bin:
    """Rows whose label has a probability above `lo` and up to `hi`; its mean, and the share that is right."""

    lo: float
    hi: float
    n_rows: int
    confidence: float
    accuracy: float


def bins(target: np.ndarray, probabilities: np.ndarray, n_bins: int = N_BINS) -> list[Bin]:
    """Return the reliability table of a classifier, without empty bins.

    Parameters
    ----------
    target
        Class codes, shape (rows,).
    probabilities
        Shape (rows, n_classes).

    Notes
    -----
    Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, ICML 2017, section 2: bins of
    equal width by the probability of the predicted class.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == target
    edges = np.linspace(0, 1, n_bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, n_bins - 1)
    return [
        Bin(lo, hi, int(here.sum()), float(confidence[here].mean()), float(right[here].mean()))
        for i, (lo, hi) in enumerate(itertools.pairwise(map(float, edges)))
        if (here := place == i).any()
    ]


def expected_calibration_error(table: Sequence[Bin]) -> float:
    """Return the mean distance of accuracy from confidence over the rows (Guo et al. 2017, equation 3)."""
    n_rows = sum(one.n_rows for one in table)
    return sum(one.n_rows * abs(one.accuracy - one.confidence) for one in table) / n_rows


def regression_bias(target: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    """Return the mean of prediction minus target, and the slope of target on prediction.

    The slope is NaN where all predictions are the same.
    """
    spread = float(np.var(predicted))
    common = float(np.mean((predicted - predicted.mean()) * (target - target.mean())))
    return float(np.mean(predicted - target)), common / spread if spread else float("nan")
