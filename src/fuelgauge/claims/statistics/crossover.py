"""Find where two learning curves change order for good, with an interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fuelgauge.claims.statistics.curves import ROUNDING
from fuelgauge.claims.statistics.resample import Floats, RepeatTest

__all__ = ["between_anchors", "find_crossover"]

PERSISTENCE = 2
STEPS_BETWEEN_ANCHORS = 16


@dataclass(frozen=True)
class Crossover:
    """Number of rows above which one curve stays better.

    Attributes
    ----------
    kind
        ``never`` (A is better nowhere), ``always`` (A is better everywhere), ``once`` (A is better above n),
        ``reversed`` (A is better below n), or ``multiple`` (n is the last change).
    n
        Number of rows; infinite for ``never`` ("> n_max"), 0 for ``always`` ("< n_min").
    lo, hi
        Ends of the range around n in which the curves do not differ significantly. They are 0 or infinite if
        the measured range ends first, and NaN with one repeat.
    """

    kind: str
    n: float
    lo: float
    hi: float


@dataclass(frozen=True)
class _Stretch:
    """Neighbouring anchors, from start to before stop, at which the same curve is better."""

    sign: int
    start: int
    stop: int


def between_anchors(anchors: Floats) -> Floats:
    """Return the anchors and, between them, the numbers of rows at which `find_crossover` needs gaps."""
    steps = np.arange((len(anchors) - 1) * STEPS_BETWEEN_ANCHORS + 1) / STEPS_BETWEEN_ANCHORS
    return np.exp(np.interp(steps, np.arange(len(anchors)), np.log(anchors)))


def find_crossover(n: Floats, gaps: Floats, test: RepeatTest) -> Crossover:
    """Find where the order of two curves changes for good, if it does.

    The order changes if a new order holds on two anchors in a row; a single anchor changes nothing. With two
    repeats or more, both orders must also be significant: by `test`, the mean gap over the stretch differs
    from zero. Otherwise the stretch counts as noise.

    Parameters
    ----------
    n
        Numbers of rows of `between_anchors`, shape (q,).
    gaps
        Gaps between the monotone curves at n, negative where A is better; shape (repeats + 1, q). Row 0 is
        over all repeats, each other row leaves one repeat out.
    test
        Test of the orders, which also gives the interval.
    """
    gaps = np.where(np.abs(gaps) <= ROUNDING, 0.0, gaps)
    at_anchors = gaps[:, ::STEPS_BETWEEN_ANCHORS]
    stretches = _merged([s for s in _stretches(at_anchors[0]) if _is_shown(s, at_anchors, test)])
    if not stretches:
        stretches = [_overall(at_anchors, test)]
    if len(stretches) == 1:
        return _one_sided(stretches[0].sign)
    last, x = stretches[-1], np.log(n)
    zero = _last_zero(x, gaps[0] * last.sign, last.start)
    lo, hi = _unclear_around(x, gaps * last.sign, zero, test)
    kind = "multiple" if len(stretches) > 2 else "once" if last.sign < 0 else "reversed"
    return Crossover(kind, float(np.exp(zero)), lo, hi)


def _stretches(gap: Floats) -> list[_Stretch]:
    """Split the anchors where the order changes for at least two of them."""
    signs = _without_ties(np.sign(gap).astype(int))
    holds = signs[:-1] == signs[1:]
    if not holds.any() or not signs.any():
        return []
    found = [_Stretch(int(signs[np.argmax(holds)]), 0, len(signs))]
    for k in range(1, len(signs) - PERSISTENCE + 1):
        current = found[-1]
        if holds[k] and signs[k] != current.sign and k > int(np.argmax(holds)):
            found[-1] = _Stretch(current.sign, current.start, k)
            found.append(_Stretch(int(signs[k]), k, len(signs)))
    return found


def _without_ties(signs: NDArray[np.int_]) -> NDArray[np.int_]:
    """Replace ties by the order at the anchor before; ties at the first anchors by the order after them."""
    decided = np.flatnonzero(signs)
    if decided.size == 0:
        return signs
    positions = np.searchsorted(decided, np.arange(len(signs)), side="right") - 1
    return signs[decided[np.maximum(positions, 0)]]


def _is_shown(stretch: _Stretch, gaps: Floats, test: RepeatTest) -> bool:
    if _is_single(gaps):
        return True
    mean = gaps[:, stretch.start : stretch.stop].mean(axis=1, keepdims=True)
    return bool(stretch.sign * mean[0, 0] > test.reach(mean)[0])


def _is_single(gaps: Floats) -> bool:
    """Tell whether there is one repeat only, so that nothing can be tested."""
    return len(gaps) == 1


def _merged(stretches: list[_Stretch]) -> list[_Stretch]:
    merged: list[_Stretch] = []
    for stretch in stretches:
        if merged and merged[-1].sign == stretch.sign:
            merged[-1] = _Stretch(stretch.sign, merged[-1].start, stretch.stop)
        else:
            merged.append(stretch)
    return merged


def _overall(gaps: Floats, test: RepeatTest) -> _Stretch:
    everywhere = _Stretch(int(np.sign(gaps[0].mean())), 0, gaps.shape[1])
    return everywhere if _is_shown(everywhere, gaps, test) else _Stretch(0, 0, gaps.shape[1])


def _one_sided(sign: int) -> Crossover:
    return Crossover("always", 0.0, 0.0, 0.0) if sign < 0 else Crossover("never", np.inf, np.inf, np.inf)


def _last_zero(x: Floats, gap: Floats, anchor: int) -> float:
    """Return x where the gap, positive at `anchor` and not at the one before, becomes positive for good."""
    right = anchor * STEPS_BETWEEN_ANCHORS
    within = slice(right - STEPS_BETWEEN_ANCHORS, right)
    before = right - STEPS_BETWEEN_ANCHORS + int(np.flatnonzero(gap[within] <= 0)[-1])
    return _root(x, gap, before + 1, -1)


def _unclear_around(x: Floats, gaps: Floats, zero: float, test: RepeatTest) -> tuple[float, float]:
    """Return the nearest n on either side at which the order is significant (Fieller's idea, on a grid).

    Positive gaps mean the order above the crossover.
    """
    if _is_single(gaps):
        return np.nan, np.nan
    reach = test.reach(gaps)
    below = np.flatnonzero((-gaps[0] > reach) & (x < zero))
    above = np.flatnonzero((gaps[0] > reach) & (x > zero))
    lo = _root(x, -gaps[0] - reach, below[-1], 1) if below.size else -np.inf
    hi = _root(x, gaps[0] - reach, above[0], -1) if above.size else np.inf
    return float(np.exp(min(lo, zero))), float(np.exp(max(hi, zero)))


def _root(x: Floats, excess: Floats, shown: int, step: int) -> float:
    """Return x where `excess`, positive at `shown`, falls to zero before the next grid point."""
    neighbour = shown + step
    share = excess[shown] / (excess[shown] - excess[neighbour])
    return float(x[shown] + share * (x[neighbour] - x[shown]))
