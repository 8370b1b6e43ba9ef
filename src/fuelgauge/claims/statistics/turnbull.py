"""The distribution of values of which only intervals are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from fuelgauge.claims.statistics.resample import Floats

__all__ = ["Distribution", "interval_censored", "median_interval", "median_p_value"]

ITERATIONS = 5000
TOLERANCE = 1e-10
HALF = 0.5 - 1e-6


@dataclass(frozen=True)
class Distribution:
    """Probability on intervals that exclude their left end and include their right end.

    Attributes
    ----------
    left, right
        Ends of the intervals, increasing; shape (intervals,). The first left end may be 0, the last right
        end infinite.
    mass
        Probability of each interval, shape (intervals,).
    """

    left: Floats
    right: Floats
    mass: Floats

    @property
    def median(self) -> tuple[float, float]:
        """Return the ends of the interval that holds the median; NaN if there is no interval."""
        if not len(self.mass):
            return np.nan, np.nan
        at = int(np.argmax(np.cumsum(self.mass) >= HALF))
        return float(self.left[at]), float(self.right[at])

    @property
    def beyond(self) -> float:
        """Return the probability of the interval without an upper end."""
        return float(self.mass[np.isinf(self.right)].sum())


def interval_censored(left: Floats, right: Floats) -> Distribution:
    """Estimate a distribution from values that are known to lie above `left` and at or below `right`.

    Parameters
    ----------
    left, right
        Ends of the interval of each value, shape (values,); 0 and infinity where nothing is known.

    Returns
    -------
    The nonparametric maximum-likelihood estimate. A value of which nothing is known has no influence.

    Notes
    -----
    The estimate has probability only on the innermost intervals (Peto, Appl. Statist. 22, 1973). It is found
    by self-consistency: Turnbull, J. R. Statist. Soc. B 38 (1976), equation 3.5.
    """
    known = (left > 0) | np.isfinite(right)
    left, right = left[known], right[known]
    inner_left, inner_right = _innermost(left, right)
    inside = (inner_left >= left[:, None]) & (inner_right <= right[:, None])
    return Distribution(inner_left, inner_right, _self_consistent(inside))


def _innermost(left: Floats, right: Floats) -> tuple[Floats, Floats]:
    """Return the intervals from a left end to a right end without any end between them."""
    ends = np.concatenate([right, left])
    opens = np.repeat([False, True], len(left))
    order = np.lexsort((opens, ends))  # of equal ends, a right one comes first: it is included
    ends, opens = ends[order], opens[order]
    starts = np.flatnonzero(opens[:-1] & ~opens[1:])
    return ends[starts], ends[starts + 1]


def _self_consistent(inside: np.ndarray) -> Floats:
    n_values, n_intervals = inside.shape
    mass = np.full(n_intervals, 1.0 / max(n_intervals, 1))
    for _ in range(ITERATIONS if n_values else 0):
        shares = inside * mass
        updated = (shares / shares.sum(axis=1, keepdims=True)).mean(axis=0)
        if np.abs(updated - mass).max() < TOLERANCE:
            break
        mass = updated
    return mass


def median_interval(left: Floats, right: Floats, level: float = 0.95) -> tuple[float, float]:
    """Return a confidence interval of the median of values that are known by intervals only.

    Parameters
    ----------
    left, right
        Ends of the interval of each value, as in `interval_censored`, shape (values,).
    level
        Least probability of the interval, between 0 and 1.

    Returns
    -------
    Lower and upper end; 0 and infinity where the values do not bound the median.

    Notes
    -----
    It is the interval of order statistics, which inverts the sign test (David and Nagaraja, Order Statistics,
    2003, section 7.1). The lower end takes the left ends of the values and the upper end the right ends. So
    it holds however the values came to be censored. Those of which nothing is known count, too.
    """
    n_values = len(left)
    needed = _fewest_on_one_side(n_values, (1 - level) / 2)
    if needed > n_values:
        return 0.0, float("inf")
    return float(np.sort(left)[n_values - needed]), float(np.sort(right)[needed - 1])


def median_p_value(left: Floats, right: Floats, value: float) -> float:
    """Return the two-sided p value of the sign test that a median is `value`; see `median_interval`.

    Parameters
    ----------
    left, right
        Ends of the interval of each value, as in `interval_censored`, shape (values,).
    value
        Median to test.
    """
    sides = np.array([np.sum(left >= value), np.sum(right <= value)])
    at_least = special.bdtrc(sides - 1, len(left), 0.5) if len(left) else np.ones(2)
    return float(min(2 * at_least.min(), 1.0))


def _fewest_on_one_side(n_values: int, alpha: float) -> int:
    """Return the fewest values on one side of a point that show it is not the median."""
    counts = np.arange(1, n_values + 1)
    at_least = special.bdtrc(counts - 1, n_values, 0.5)  # probability of this many or more
    enough = np.flatnonzero(at_least <= alpha)
    return int(counts[enough[0]]) if len(enough) else n_values + 1
