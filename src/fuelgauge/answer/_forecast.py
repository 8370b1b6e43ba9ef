"""Where a learning curve goes from here. Nothing else in this room asks for a forecast."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

from fuelgauge.claims.statistics.extrapolate import extrapolate

LEVEL = 0.9
WIDE = 1.6448536269514722  # half the width of a 90% interval in standard deviations


class Forecast(NamedTuple):
    """The loss at a number of rows, and the ends of its 90% interval."""

    rows: int
    loss: float
    low: float
    high: float


def at(curve: Sequence[tuple[int, float]], targets: Sequence[int]) -> tuple[Forecast, ...]:
    """Return the forecast losses of a curve.

    Parameters
    ----------
    curve
        Numbers of rows, increasing, and the mean loss at each.
    targets
        Numbers of rows to forecast at.
    """
    return _at(tuple(curve), tuple(map(int, targets)))


@functools.lru_cache(maxsize=256)
def _at(curve: tuple[tuple[int, float], ...], targets: tuple[int, ...]) -> tuple[Forecast, ...]:
    sizes, losses = zip(*curve, strict=True)
    found = extrapolate(list(sizes), list(losses), list(targets), LEVEL)
    values = found[["loss", "loss_lo", "loss_hi"]].to_numpy(float)
    return tuple(Forecast(n, *map(float, row)) for n, row in zip(targets, values, strict=True))
