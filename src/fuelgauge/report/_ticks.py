"""Ticks and tick labels of log axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

MANTISSAS: Sequence[Sequence[float]] = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7))
BINARY_UNITS = ((2**20, "M"), (2**10, "k"))


def size_ticks(low: float, high: float, at_most: int = 7) -> list[float]:
    """Return powers of two between two sizes: all, or every second, third, ... if they are too many."""
    first, last = math.ceil(math.log2(low) - 1e-9), math.floor(math.log2(high) + 1e-9)
    for stride in (1, 2, 3, 4, 5, 6, 8):
        ticks = [2.0**power for power in range(first, last + 1) if (power - 5) % stride == 0]
        if len(ticks) <= at_most:
            return ticks or [low, high]
    return [low, high]


def size_label(size: float) -> str:
    """Write a size in short: 512, 2k, 128k; 2k stands for 2,048."""
    for unit, suffix in BINARY_UNITS:
        if size >= unit and size % unit == 0:
            return f"{size / unit:g}{suffix}"
    return f"{round(size):,}"


def log_ticks(low: float, high: float, at_most: int = 7) -> list[float]:
    """Return round numbers for a log axis, at most a given number; evenly spaced ones on a short axis."""
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    sets = [
        [m * 10.0**d for d in decades for m in mantissas if low <= m * 10.0**d <= high]
        for mantissas in MANTISSAS
    ]
    fitting = [ticks for ticks in sets if 3 <= len(ticks) <= at_most]
    return fitting[-1] if fitting else _even_ticks(low, high, at_most, sets[0])


def _even_ticks(low: float, high: float, at_most: int, decades: list[float]) -> list[float]:
    if len(decades) > at_most:
        return decades[:: math.ceil(len(decades) / at_most)]
    step = _round_step((high - low) / 4)
    return [step * k for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _round_step(step: float) -> float:
    unit = 10.0 ** math.floor(math.log10(step))
    return next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= step)
