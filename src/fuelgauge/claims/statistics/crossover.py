"""Find where two learning curves are shown to be in an order, and where that order changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fuelgauge.claims.statistics.curves import ROUNDING
from fuelgauge.claims.statistics.resample import Floats, RepeatTest, holm

__all__ = ["NOT_SHOWN", "SHOWN", "between_anchors", "find_crossover"]

SHOWN, NOT_SHOWN = "shown", "not shown"
NAMES = {-1: "a", 1: "b"}  # the better curve, by the sign of the gap
PERSISTENCE = 2
STEPS_BETWEEN_ANCHORS = 16


@dataclass(frozen=True)
class Crossover:
    """Where two learning curves are shown to be in an order, and where that order is shown to change.

    Attributes
    ----------
    kind
        ``shown`` if both an order and, above it, the opposite one are shown; else ``not shown``. A crossover
        that is not shown may exist.
    n
        Number of rows at which the order changes for the last time; NaN if that is not shown.
    lo, hi
        Nearest numbers of rows on either side at which the order is significant. They are 0 or infinite where
        no number of rows shows it, and NaN if no crossover is shown.
    above
        Curve that is better above n: ``a`` or ``b``; empty if no crossover is shown.
    better
        Curve that is shown to be better at each anchor: ``a``, ``b``, or an empty text for neither; shape
        (anchors,).
    """

    kind: str
    n: float
    lo: float
    hi: float
    above: str
    better: NDArray[np.object_]


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
    """Find where an order of two curves is shown, and where it is shown to change.

    The anchors fall into stretches of one order; a new order begins where it holds on two anchors in a row.
    An order is shown over a stretch if the mean gap of the stretch differs significantly from zero, after
    Holm's correction over the stretches. It is shown at an anchor of that stretch if the gap at the anchor
    differs significantly, too. A crossover lies between two stretches that show opposite orders. One repeat
    shows nothing.

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
    shown = _shown(_stretches(at_anchors[0]), at_anchors, test)
    better = _shown_at_anchors(shown, at_anchors, test)
    last = _last_change(shown)
    if last is None:
        return Crossover(NOT_SHOWN, np.nan, np.nan, np.nan, "", better)
    x = np.log(n)
    zero = _last_zero(x, gaps[0] * last.sign, last.start)
    lo, hi = _unclear_around(x, gaps * last.sign, zero, test)
    return Crossover(SHOWN, float(np.exp(zero)), lo, hi, NAMES[last.sign], better)


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


def _shown(stretches: Sequence[_Stretch], gaps: Floats, test: RepeatTest) -> list[_Stretch]:
    """Return the stretches whose mean gap is significant, after Holm's correction over the stretches."""
    if not stretches:
        return []
    means = [gaps[:, stretch.start : stretch.stop].mean(axis=1) for stretch in stretches]
    p_values = holm(test.p_value(np.stack(means, axis=1)))
    agrees = [stretch.sign * mean[0] > 0 for stretch, mean in zip(stretches, means, strict=True)]
    shown = (p_values < 1 - test.level) & agrees
    return [stretch for stretch, is_shown in zip(stretches, shown, strict=True) if is_shown]


def _shown_at_anchors(shown: Sequence[_Stretch], gaps: Floats, test: RepeatTest) -> NDArray[np.object_]:
    """Return which curve is shown to be better at each anchor of the stretches that show an order."""
    better, reach = np.full(gaps.shape[1], "", dtype=object), test.reach(gaps)
    for stretch in shown:
        within = np.zeros(len(better), dtype=bool)
        within[stretch.start : stretch.stop] = True
        better[within & (stretch.sign * gaps[0] > reach)] = NAMES[stretch.sign]
    return better


def _last_change(shown: Sequence[_Stretch]) -> _Stretch | None:
    """Return the last stretch whose order is the opposite of the shown one before it."""
    changes = [after for before, after in pairwise(shown) if before.sign != after.sign]
    return changes[-1] if changes else None


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
