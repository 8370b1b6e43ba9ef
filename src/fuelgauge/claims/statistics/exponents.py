"""Fit the exponents with which loss and cost change with the number of rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fuelgauge.claims.statistics.resample import Floats, RepeatTest, leave_one_out_means

__all__ = ["Exponents", "fit_exponents"]

FEWEST_ANCHORS = 3


class Exponents(NamedTuple):
    """Exponents of curves with their confidence intervals, each of shape (...).

    Attributes
    ----------
    value
        Exponent b in: value proportional to n to the power b. It is below zero for a loss that falls.
    lo, hi
        Ends of the interval; NaN with a single repeat.
    """

    value: Floats
    lo: Floats
    hi: Floats


def fit_exponents(anchors: Floats, values: Floats, test: RepeatTest | None = None) -> Exponents:
    """Return the exponents of power laws that are fitted to curves by least squares on logarithmic scales.

    Parameters
    ----------
    anchors
        Numbers of training rows, shape (anchors,).
    values
        Losses or seconds of the trials, shape (..., anchors, repeats); NaN where a trial is missing. Means
        over repeats are fitted. Anchors without a mean above zero are left out.
    test
        Level of the intervals and share of the test rows; by default 0.95 and independent repeats.

    Returns
    -------
    Exponents
        NaN for a curve with fewer than three anchors.

    Notes
    -----
    A power law of the number of rows describes losses of nets over decades of rows: Hestness et al., Deep
    Learning Scaling is Predictable, Empirically (arXiv 1712.00409), equation 1. A curve that bends has no
    single exponent; the fitted one is its mean slope over the measured range. The interval is Student's t on
    a jackknife over repeats (`RepeatTest`).
    """
    means = leave_one_out_means(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(means)
    usable = np.isfinite(logs).all(axis=-2, keepdims=True)
    count = usable.sum(axis=-1, keepdims=True)
    x = np.where(usable, np.log(anchors), 0.0)
    x = np.where(usable, x - x.sum(axis=-1, keepdims=True) / np.maximum(count, 1), 0.0)
    rise = np.sum(x * np.where(usable, logs, 0.0), axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = np.where(count >= FEWEST_ANCHORS, rise / np.sum(x**2, axis=-1, keepdims=True), np.nan)
    lo, hi = (test or RepeatTest()).interval(slopes)
    return Exponents(slopes[..., 0, 0], lo[..., 0], hi[..., 0])
