"""Calibration: compare the confidence of a model with how often it is right."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

N_BINS = 10


@dataclass(frozen=True)
class Bin:
    """Rows whose predicted label has a probability above `lo` and up to `hi`.

    Attributes
    ----------
    n_rows
        Number of rows in the bin.
    confidence
        Mean probability of the predicted label, between 0 and 1.
    accuracy
        Share of rows with a correct label, between 0 and 1.
    """

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
        Class probabilities, shape (rows, n_classes).
    n_bins
        Number of bins.

    Notes
    -----
    The bins divide the probability of the predicted class into intervals of equal width. Reference: Guo,
    Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, ICML 2017, section 2.
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
    """Return the expected calibration error (Guo et al. 2017, equation 3).

    It is the mean distance between accuracy and confidence, weighted by the number of rows in each bin.
    """
    n_rows = sum(one.n_rows for one in table)
    return sum(one.n_rows * abs(one.accuracy - one.confidence) for one in table) / n_rows


def regression_bias(target: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    """Return the mean of prediction minus target, and the least-squares slope of target on prediction.

    The slope is NaN if all predictions are equal.
    """
    spread = float(np.var(predicted))
    common = float(np.mean((predicted - predicted.mean()) * (target - target.mean())))
    return float(np.mean(predicted - target)), common / spread if spread else float("nan")
