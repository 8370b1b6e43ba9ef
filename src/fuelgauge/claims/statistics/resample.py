"""Resampling and tests over repeats and over datasets.

Repeats are few (five or ten) and draw from the same rows. Every interval and test over repeats is therefore
Student's t on a jackknife standard error (leave one repeat out), corrected for the rows that repeats share;
see `RepeatTest`. A quantity that can be censored gets its interval by inverting that test. The same repeat is
left out for both models of a pair, which keeps them paired.

Only the bootstrap over datasets is random, and its seed is derived from its own label.
"""

from __future__ import annotations

import zlib
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
    "leave_one_out_means",
    "median_interval",
    "reach_of_mean",
    "shift",
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


def median_interval(values: Floats, level: float, n_resamples: int, label: str) -> tuple[float, float]:
    """Bootstrap the median over datasets; return the expanded percentile interval.

    Parameters
    ----------
    values
        Effects of the datasets, finite; shape (datasets,).
    level
        Confidence level of the interval, between 0 and 1.
    n_resamples
        Number of bootstrap resamples.
    label
        Name of the interval. The seed is derived from it, so that no interval changes another.

    Returns
    -------
    Lower and upper end; NaN with fewer than two values.

    Notes
    -----
    The percentile interval of few values is too short. Its tail area alpha/2 therefore becomes
    Phi(-sqrt(n / (n - 1)) t_{alpha/2, n - 1}): Hesterberg, What teachers should know about the bootstrap, The
    American Statistician 69 (2015), section 5.3.
    """
    n = len(values)
    if n < 2:
        return float("nan"), float("nan")
    tail = float(special.ndtr(-np.sqrt(n / (n - 1)) * t_quantile(level, n)))
    random = np.random.default_rng(zlib.crc32(label.encode()))
    medians = _medians(values, random.integers(0, n, size=(n_resamples, n)))
    lower, upper = np.quantile(medians, [tail, 1 - tail])
    return float(lower), float(upper)


def _medians(values: Floats, drawn: NDArray[np.int64]) -> Floats:
    """Return the median of values at drawn places, shape (resamples,); ranks of 16 bits part fastest."""
    in_order, n = np.argsort(values, kind="stable"), len(values)
    ranks = np.empty(n, dtype=np.uint16 if n < 2**16 else np.uint32)
    ranks[in_order] = np.arange(n)
    middle = [(n - 1) // 2, n // 2]
    drawn_ranks = np.partition(ranks[drawn], sorted(set(middle)), axis=1)
    pair: Floats = values[in_order][drawn_ranks[:, middle]]
    return pair.mean(axis=1)


def shift(
    values: Floats, others: Floats, level: float, threshold: float
) -> tuple[float, float, float, float]:
    """Estimate how far values lie above others, with an interval and a test.

    Parameters
    ----------
    values, others
        Effects of the datasets of two groups, finite and not empty; shape (datasets,).
    level
        Confidence level of the interval, between 0 and 1.
    threshold
        Shift under the null hypothesis of the test.

    Returns
    -------
    Estimate, lower end, upper end, and the two-sided p value of the exact Mann-Whitney test (the normal
    approximation if values tie). With too few values for an interval, its ends are infinite.

    Notes
    -----
    The test is that of Mann and Whitney, Ann. Math. Statist. 18 (1947). The estimate is that of Hodges and
    Lehmann, the median of all differences (Ann. Math. Statist. 34, 1963).

    The interval consists of the shifts that the test does not reject. Its ends are the k-th smallest and k-th
    largest difference; k - 1 is the largest u for which P(U <= u) <= (1 - level) / 2. See Hollander and
    Wolfe, Nonparametric Statistical Methods (1999), section 4.3.
    """
    differences = np.sort((values[:, np.newaxis] - others).ravel())
    below = np.cumsum(_mann_whitney_counts(len(values), len(others)))
    k = int(np.searchsorted(below / below[-1], (1 - level) / 2, side="right"))
    lower, upper = (differences[k - 1], differences[-k]) if k else (-np.inf, np.inf)
    is_tied = np.any(differences == threshold) or len(np.unique([*values, *others])) < len([*values, *others])
    method = "asymptotic" if is_tied else "exact"
    from scipy import stats

    p = stats.mannwhitneyu(values - threshold, others, alternative="two-sided", method=method).pvalue
    return float(np.median(differences)), float(lower), float(upper), float(p)


def _mann_whitney_counts(n: int, m: int) -> Floats:
    """Return the number of orders of n + m ranks for each value of U, 0 to n m (a Gaussian binomial)."""
    counts = np.zeros(n * m + 1)
    counts[0] = 1.0
    for i in range(1, n + 1):
        for u in range(n * m, m + i - 1, -1):
            counts[u] -= counts[u - m - i]
        for u in range(i, n * m + 1):
            counts[u] += counts[u - i]
    return counts
