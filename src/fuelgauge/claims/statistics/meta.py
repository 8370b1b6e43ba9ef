"""Random-effects meta-analysis of log ratios over datasets, where some ratios are only bounds.

The log ratio of dataset i is y_i = theta_i + e_i. The true ratios theta_i vary between datasets with mean mu
and standard deviation tau. The errors e_i have known standard errors s_i. A censored ratio is known to lie
above or below its bound, and enters by the probability of that.

Notes
-----
tau is estimated by restricted maximum likelihood. With censored values, the restricted likelihood is the
adjusted profile likelihood of Cox and Reid (J. R. Statist. Soc. B 49, 1987), which is REML without them. The
interval of mu is that of Hartung and Knapp (Statistics in Medicine 20, 2001), as recommended by IntHout,
Ioannidis and Borm (BMC Medical Research Methodology 14, 2014). With censored values, squared standardised
residuals become squared standardised scores, and the number of datasets becomes their number weighted by
information.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, special

from fuelgauge.claims.statistics.resample import Floats

__all__ = ["FLOOR", "Meta", "Share", "detectable", "difference", "hochberg", "moderated", "random_effects"]

# Smallest standard error of a log ratio. Few repeats can agree by chance.
FLOOR = 0.05
# Largest standard deviation between datasets that is looked for; a factor of 150 in rows.
LARGEST_TAU = 5.0
TINY = 1e-9
ITERATIONS = 60


@dataclass(frozen=True)
class Share:
    """The share of datasets whose true ratio lies above a threshold, with its interval.

    Attributes
    ----------
    share, lo, hi
        Estimated share and ends of its interval, between 0 and 1.
    next_one
        Predictive probability that the ratio of one more dataset lies above the threshold.
    """

    share: float
    lo: float
    hi: float
    next_one: float


@dataclass(frozen=True)
class Meta:
    """The distribution of a log ratio over datasets.

    Attributes
    ----------
    mean, error
        Mean log ratio and its standard error.
    tau, tau_lo, tau_hi
        Standard deviation of the true log ratios between datasets, and its 95% interval.
    weight
        Number of datasets, weighted by their information; censored ones count less than 1.
    n_datasets
        Number of datasets.
    bound
        1 if the mean is only known to lie above `mean`, -1 if below, else 0.
    """

    mean: float
    error: float
    tau: float
    tau_lo: float
    tau_hi: float
    weight: float
    n_datasets: int
    bound: int = 0

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the t distribution of the mean."""
        return self.weight - 1

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the confidence interval of the mean log ratio; infinite without degrees of freedom."""
        if not self.freedom > 0 or not math.isfinite(self.error):
            return -math.inf, math.inf
        reach = float(special.stdtrit(self.freedom, 0.5 + level / 2)) * self.error
        low = -math.inf if self.bound < 0 else self.mean - reach
        return low, math.inf if self.bound > 0 else self.mean + reach

    def p_above(self, threshold: float) -> float:
        """Return the one-sided p value of the mean log ratio being at most `threshold`; NaN if unknown."""
        if not self.freedom > 0 or not self.error > 0:
            return math.nan
        return float(special.stdtr(self.freedom, -(self.mean - threshold) / self.error))

    def p_value(self, threshold: float = 0.0) -> float:
        """Return the two-sided p value of the mean log ratio being `threshold`; NaN if unknown.

        A mean that is a bound can differ from the threshold on one side alone.
        """
        above = self.p_above(threshold)
        sides = {1: above, -1: 1 - above, 0: min(above, 1 - above)}
        return min(2 * sides[self.bound], 1.0)

    def share_above(self, threshold: float, level: float = 0.95) -> Share:
        """Return the share of datasets with a true log ratio above a threshold.

        Notes
        -----
        The share is Phi((mu - threshold) / tau). The ends of its interval are the extreme values over the
        interval of mu and that of tau, the Q profile of Viechtbauer (Statistics in Medicine 26, 2007). The
        predictive probability is that of Higgins, Thompson and Spiegelhalter (J. R. Statist. Soc. A 172,
        2009): a t distribution with variance tau^2 + error^2.
        """
        means = [end - threshold for end in self.interval(level)]
        if not all(map(math.isfinite, means)):
            return Share(math.nan, 0.0, 1.0, math.nan)
        taus = [max(tau, TINY) for tau in (self.tau_lo, self.tau_hi)]
        distance, wide = self.mean - threshold, math.hypot(max(self.tau, TINY), self.error)
        return Share(
            share=float(special.ndtr(distance / max(self.tau, TINY))),
            lo=float(special.ndtr(min(means[0] / tau for tau in taus))),
            hi=float(special.ndtr(max(means[1] / tau for tau in taus))),
            next_one=float(special.stdtr(self.freedom, distance / wide)),
        )


def _noncentrality(statistic: float, freedom: float, probability: float) -> float:
    """Return the noncentrality at which a noncentral t lies below `statistic` with a probability.

    Notes
    -----
    The normal approximation of Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.10.
    """
    spread = math.sqrt(1 + statistic**2 / (2 * freedom))
    return statistic * (1 - 1 / (4 * freedom)) - float(special.ndtri(probability)) * spread


def random_effects(values: Floats, errors: Floats, censored: Floats) -> Meta:
    """Estimate the mean of log ratios over datasets and their spread.

    Parameters
    ----------
    values
        Log ratios of the datasets, or their bounds; finite, shape (datasets,).
    errors
        Standard errors of the log ratios, shape (datasets,); see `moderated`. NaN counts as `FLOOR`.
    censored
        1 where the log ratio lies above its bound, -1 where below, else 0; shape (datasets,).

    Returns
    -------
    Meta
        Mean, standard error and spread. With fewer than two datasets that are not censored, the bounds count
        as values and the mean is a bound itself. All are NaN if bounds of both kinds are left, or fewer than
        two datasets.
    """
    values, censored = np.asarray(values, dtype=float), np.asarray(censored, dtype=float)
    errors = moderated(np.asarray(errors, dtype=float))
    kinds = set(censored[censored != 0])
    if np.sum(censored == 0) < 2 <= len(values) and len(kinds) == 1:
        return replace(_estimate(values, errors, np.zeros(len(values))), bound=int(kinds.pop()))
    return _estimate(values, errors, censored)


def _estimate(values: Floats, errors: Floats, censored: Floats) -> Meta:
    """Estimate the mean and the spread with the standard errors as given; see `random_effects`."""
    n_datasets = len(values)
    if np.sum(censored == 0) < 2:
        return Meta(math.nan, math.nan, math.nan, 0.0, math.inf, float(n_datasets), n_datasets)

    def unlikely(tau: float) -> float:
        return -_restricted(values, errors, censored, tau)

    found = optimize.minimize_scalar(unlikely, bounds=(0.0, LARGEST_TAU), method="bounded")
    tau = float(found.x) if found.fun < unlikely(0.0) else 0.0
    deviation = np.hypot(tau, errors)
    mean = _best_mean(values, deviation, censored)
    _, information = _derivatives(values, deviation, censored, mean)
    weight = float(np.sum(information * deviation**2))
    scale = _heterogeneity(values, errors, censored, tau) / (weight - 1) if weight > 1 else math.nan
    # Datasets that agree to the last digit, such as equal bounds, still have an error.
    error = max(math.sqrt(scale / information.sum()), FLOOR / math.sqrt(n_datasets))
    low, high = (_profile(values, errors, censored, weight, p) for p in (0.975, 0.025))
    return Meta(mean, error, tau, low, high, weight, n_datasets)


def _heterogeneity(values: Floats, errors: Floats, censored: Floats, tau: float) -> float:
    """Return the sum of squared standardised scores at a spread, the generalised Q of the datasets."""
    deviation = np.hypot(tau, errors)
    score, _ = _derivatives(values, deviation, censored, _best_mean(values, deviation, censored))
    return float(np.sum((score * deviation) ** 2))


def _profile(values: Floats, errors: Floats, censored: Floats, weight: float, probability: float) -> float:
    """Return the spread at which Q is a given quantile of its chi-squared distribution, at least 0."""
    if weight <= 1:
        return 0.0 if probability > 0.5 else math.inf
    quantile = float(special.chdtri(weight - 1, 1 - probability))

    def excess(tau: float) -> float:
        return _heterogeneity(values, errors, censored, tau) - quantile

    if excess(0.0) <= 0:
        return 0.0
    if excess(LARGEST_TAU) > 0:
        return math.inf
    return float(optimize.brentq(excess, 0.0, LARGEST_TAU, xtol=1e-4))


def moderated(errors: Floats) -> Floats:
    """Return standard errors whose squares are drawn halfway towards their mean, and raised to `FLOOR`.

    A standard error from few repeats is itself uncertain. One that is too small by chance would give its
    dataset too much weight.

    Notes
    -----
    The halfway weight takes the errors of all datasets together for as much evidence as the repeats of one.
    It is a fixed form of the moderated variance of Smyth, Statistical Applications in Genetics and Molecular
    Biology 3 (2004).
    """
    squares = np.fmax(np.where(np.isfinite(errors), errors, 0.0), FLOOR) ** 2
    return np.sqrt((squares + squares.mean()) / 2)


def difference(one: Meta, other: Meta) -> Meta:
    """Return the difference of two independent means; its degrees of freedom are those of Satterthwaite.

    Notes
    -----
    Satterthwaite, Biometrics Bulletin 2 (1946), as in Welch's t test. The spread is that of a difference.
    """
    variances = np.array([one.error, other.error]) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = variances.sum() ** 2 / np.sum(variances**2 / np.array([one.freedom, other.freedom]))
    return Meta(
        mean=one.mean - other.mean,
        error=float(np.sqrt(variances.sum())),
        tau=math.hypot(one.tau, other.tau),
        tau_lo=math.hypot(one.tau_lo, other.tau_lo),
        tau_hi=math.hypot(one.tau_hi, other.tau_hi),
        weight=float(freedom) + 1,
        n_datasets=one.n_datasets + other.n_datasets,
    )


def _restricted(values: Floats, errors: Floats, censored: Floats, tau: float) -> float:
    """Return the restricted log likelihood of tau, at the best mean."""
    deviation = np.hypot(tau, errors)
    mean = _best_mean(values, deviation, censored)
    z = (values - mean) / deviation
    terms = np.where(censored == 0, -np.log(deviation) - z**2 / 2, special.log_ndtr(-censored * z))
    _, information = _derivatives(values, deviation, censored, mean)
    return float(terms.sum() - np.log(information.sum()) / 2)


def _best_mean(values: Floats, deviation: Floats, censored: Floats) -> float:
    """Return the mean of largest likelihood, by Newton's method; the likelihood is concave."""
    mean = float(np.average(values, weights=deviation**-2))
    for _ in range(ITERATIONS):
        score, information = _derivatives(values, deviation, censored, mean)
        step = float(score.sum() / information.sum())
        mean += float(np.clip(step, -1.0, 1.0))
        if abs(step) < 1e-9:
            break
    return mean


def _derivatives(values: Floats, deviation: Floats, censored: Floats, mean: float) -> tuple[Floats, Floats]:
    """Return each dataset's derivative of the log likelihood by the mean, and its information."""
    z = (values - mean) / deviation
    sign = np.where(censored == 0, 1.0, censored)
    tail = -sign * z
    # Mills ratio of a normal deviate, stable in both tails.
    mills = np.exp(-(z**2) / 2 - special.log_ndtr(tail)) / math.sqrt(2 * math.pi)
    score = np.where(censored == 0, z, sign * mills) / deviation
    information = np.where(censored == 0, 1.0, mills * (mills + tail)) / deviation**2
    return score, information


def hochberg(p_values: Floats) -> Floats:
    """Adjust p values for the number of tests by Hochberg's step-up procedure; NaN stays and does not count.

    Notes
    -----
    Hochberg, A sharper Bonferroni procedure for multiple tests of significance, Biometrika 75 (1988).
    """
    adjusted = np.full(p_values.shape, np.nan)
    known = np.flatnonzero(np.isfinite(p_values))
    order = known[np.argsort(-p_values[known], kind="stable")]
    factors = np.arange(1, len(order) + 1)
    adjusted[order] = np.minimum(np.minimum.accumulate(p_values[order] * factors), 1.0)
    return adjusted


def detectable(meta: Meta, power: float = 0.8, level: float = 0.95) -> float:
    """Return the smallest log ratio, as a distance from the threshold, that is shown with a given power.

    Parameters
    ----------
    meta
        Result of as many datasets with as much spread and error.
    power
        Probability with which such a ratio is shown, between 0 and 1.
    level
        Confidence level of the two-sided test, between 0 and 1.

    Notes
    -----
    A mean at this distance, in standard errors, is the noncentrality at which a noncentral t exceeds the
    critical value with probability `power`.
    """
    if not meta.freedom > 0 or not math.isfinite(meta.error):
        return math.inf
    critical = float(special.stdtrit(meta.freedom, 0.5 + level / 2))
    return _noncentrality(critical, meta.freedom, 1 - power) * meta.error
