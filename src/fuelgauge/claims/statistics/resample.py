"""Resampling and tests over repeats and over datasets.

Repeats are few (five or ten) and draw from the same rows. Every interval and test over repeats is therefore
Student's t on a jackknife standard error (leave one repeat out), corrected for the rows that repeats share;
see `RepeatTest`. A quantity that can be censored gets its interval by inverting that test. The same repeat is
left out for both models of a pair, which keeps them paired.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

__all__ = [
    "Floats",
    "RepeatTest",
    "correction",
    "holm",
    "invert",
    "jackknife_error",
    "leave_one_out_means",
    "reach_of_mean",
    "t_quantile",
    "wilcoxon",
]

Floats = NDArray[np.float64]
BISECTIONS = 16


def leave_one_out_means(values: Floats) -> Floats:
    """Average over all repeats, and over all but each one.

    Parameters
    ----------
    values
        Values of the trials, shape (..., anchors, repeats); NaN where a trial is missing.

    Returns
    -------
    Means of shape (..., repeats + 1, anchors). Row 0 is the mean over all repeats, row j the mean without
    repeat j - 1; NaN where no value is left. With a single repeat there is only row 0.
    """
    n_repeats = values.shape[-1]
    kept = np.ones((1, n_repeats))
    if n_repeats > 1:
        kept = np.vstack([kept, 1.0 - np.eye(n_repeats)])
    by_repeat = np.swapaxes(values, -1, -2)
    present = np.isfinite(by_repeat)
    total = kept @ np.where(present, by_repeat, 0.0)
    count = kept @ present.astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, total / count, np.nan)


def jackknife_error(replicates: Floats) -> Floats:
    """Return the jackknife standard error of a statistic.

    Parameters
    ----------
    replicates
        Values of the statistic, shape (..., repeats + 1, q). Row 0 is over all repeats, each other row leaves
        one repeat out.

    Returns
    -------
    Standard errors of shape (..., q); NaN with fewer than two repeats.

    Notes
    -----
    Tukey 1958; Efron and Tibshirani, An Introduction to the Bootstrap (1993), equation 11.5.
    """
    left_out = replicates[..., 1:, :]
    n_repeats = left_out.shape[-2]
    if n_repeats < 2:
        return np.full(replicates[..., 0, :].shape, np.nan)
    spread = left_out - left_out.mean(axis=-2, keepdims=True)
    error: Floats = np.sqrt((n_repeats - 1) / n_repeats * np.sum(spread**2, axis=-2))
    return error


@cache
def t_quantile(level: float, n_repeats: int) -> float:
    """Return the two-sided Student's t quantile for an interval of `level` from `n_repeats` repeats."""
    return float(special.stdtrit(n_repeats - 1, 0.5 + level / 2)) if n_repeats > 1 else np.nan


def correction(n_repeats: Floats | int, test_share: Floats | float) -> Floats:
    """Return the factor that corrects a standard error over repeats for the rows that repeats share.

    Parameters
    ----------
    n_repeats
        Number of repeats, J.
    test_share
        Ratio n_test / n_pool of the test rows to the rows that training rows are drawn from; 0 for
        independent repeats.

    Notes
    -----
    The factor is sqrt(1 + J test_share). For a mean it gives the variance (1/J + n_test/n_train) S^2 of the
    corrected resampled t test: Nadeau and Bengio, Inference for the generalization error, Machine Learning 52
    (2003). They assume that any two repeats correlate by n_test / (n_test + n_train).
    """
    return np.sqrt(1 + n_repeats * np.asarray(test_share))


@dataclass(frozen=True)
class RepeatTest:
    """Student's t test over repeats, and its confidence interval.

    Attributes
    ----------
    level
        Confidence level, between 0 and 1; a value is significant if its interval does not contain zero.
    test_share
        Ratio n_test / n_pool; see `correction`.
    """

    level: float = 0.95
    test_share: float = 0.0

    def standard_error(self, replicates: Floats) -> Floats:
        """Return the corrected standard error, shape (..., q), of replicates as in `jackknife_error`."""
        n_repeats = replicates.shape[-2] - 1
        return jackknife_error(replicates) * correction(n_repeats, self.test_share)

    def reach(self, replicates: Floats) -> Floats:
        """Return half the width of the interval, shape (..., q); NaN with one repeat."""
        return t_quantile(self.level, replicates.shape[-2] - 1) * self.standard_error(replicates)

    def interval(self, replicates: Floats) -> tuple[Floats, Floats]:
        """Return the lower and the upper end of the interval, each of shape (..., q); NaN with one repeat."""
        reach = self.reach(replicates)
        return replicates[..., 0, :] - reach, replicates[..., 0, :] + reach

    def statistic(self, replicates: Floats) -> Floats:
        """Return t, shape (..., q): 0 where the value itself is 0, NaN with one repeat."""
        value, error = replicates[..., 0, :], self.standard_error(replicates)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where((value == 0) & np.isfinite(error), 0.0, value / error)

    def p_value(self, replicates: Floats) -> Floats:
        """Return the two-sided p value of the test against zero, shape (..., q); NaN with one repeat."""
        p_value: Floats = 2 * special.stdtr(replicates.shape[-2] - 2, -np.abs(self.statistic(replicates)))
        return p_value


def reach_of_mean(deviation: Floats, n_repeats: Floats, level: float, test_share: Floats | float) -> Floats:
    """Return `RepeatTest.reach` for means of repeats, from standard deviations and numbers of repeats."""
    quantile = special.stdtrit(np.maximum(n_repeats - 1, 1), 0.5 + level / 2)
    error = deviation / np.sqrt(np.maximum(n_repeats, 1)) * correction(n_repeats, test_share)
    return np.where(n_repeats > 1, quantile * error, np.nan)


def invert(
    statistic: Callable[[Floats], Floats],
    estimate: Floats,
    lowest: Floats,
    highest: Floats,
    test: RepeatTest,
) -> tuple[Floats, Floats]:
    """Return the interval of all x at which a decreasing statistic does not differ significantly from zero.

    The idea is Fieller's (1954): the interval of the root of a function consists of the points at which the
    function does not differ significantly from zero. It needs no finite standard error of the root. A root
    beyond the measured range therefore has an open interval.

    Parameters
    ----------
    statistic
        Function that maps x of shape (p, q) to replicates of shape (p, repeats + 1, q).
    estimate, lowest, highest
        Root over all repeats, and ends of the measured range of x; each of shape (p, q).
    test
        Test of the statistic against zero.

    Returns
    -------
    Lower and upper ends, each of shape (p, q). An end is infinite if the range ends before the statistic
    becomes significant, and NaN with one repeat.
    """
    if statistic(estimate).shape[-2] < 3:
        unknown = np.full(estimate.shape, np.nan)
        return unknown, unknown.copy()

    def surely_positive(x: Floats) -> NDArray[np.bool_]:
        replicates = statistic(x)
        return np.asarray(replicates[..., 0, :] > test.reach(replicates))

    def surely_negative(x: Floats) -> NDArray[np.bool_]:
        replicates = statistic(x)
        return np.asarray(-replicates[..., 0, :] > test.reach(replicates))

    lower = np.where(surely_positive(lowest), _bisect(surely_positive, lowest, estimate), -np.inf)
    upper = np.where(surely_negative(highest), _bisect(surely_negative, highest, estimate), np.inf)
    return lower, upper


def _bisect(holds: Callable[[Floats], NDArray[np.bool_]], inside: Floats, outside: Floats) -> Floats:
    """Return the point between `inside`, where `holds` is true, and `outside` at which it becomes false."""
    inside, outside = inside.copy(), outside.copy()
    for _ in range(BISECTIONS):
        middle = (inside + outside) / 2
        true_here = holds(middle)
        inside = np.where(true_here, middle, inside)
        outside = np.where(true_here, outside, middle)
    return (inside + outside) / 2


def holm(p_values: Floats) -> Floats:
    """Adjust p values for the number of tests; NaN stays NaN and does not count.

    Notes
    -----
    Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).
    """
    adjusted = np.full(p_values.shape, np.nan)
    known = np.flatnonzero(np.isfinite(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1.0)
    return adjusted


def wilcoxon(values: Floats) -> float:
    """Return the two-sided p value of the signed-rank test that values are symmetric about zero.

    Parameters
    ----------
    values
        Effects of the datasets, shape (datasets,). Zeros are ranked with the others, then their ranks are
        dropped (Pratt 1959).

    Notes
    -----
    Wilcoxon 1945; for comparisons over datasets: Demsar, JMLR 7 (2006). Exact up to 50 values without
    zeros or ties and up to 13 with them, by the normal approximation otherwise.
    """
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return float("nan")
    if not np.any(values):
        return 1.0
    from scipy import stats  # the import takes half a second, and the train stage does not need it

    return float(stats.wilcoxon(values, zero_method="pratt").pvalue)
