"""Numbers as text for the page and the pictures."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import Any

UNKNOWN = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"
SECONDS = ((3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def is_number(value: Any) -> bool:
    """Return whether a value is a finite number."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def rounded(value: Any, digits: int = 4) -> float | None:
    """Return a value rounded to significant digits; None if it is not a finite number."""
    if not is_number(value):
        return None
    return float(f"{float(value):.{digits}g}")


def count(value: Any) -> str:
    """Write a number of rows: ``16,384``."""
    return f"{round(value):,}" if is_number(value) else UNKNOWN


def rows(value: Any) -> str:
    """Write an estimated number of rows with three significant digits: estimates are not more exact."""
    return count(rounded(value, 3)) if is_number(value) else UNKNOWN


def figure(value: Any, digits: int = 3) -> str:
    """Write a measured number with a few significant digits: ``0.0312``."""
    if not is_number(value):
        return UNKNOWN
    written = f"{float(value):,.{digits}g}"
    return count(rounded(value, digits)) if "e+" in written else written.replace("-", MINUS)


def interval(low: Any, high: Any, write: Callable[[Any], str] = figure) -> str:
    """Write an interval: a missing end as infinity, and an empty text if both ends are missing."""
    if not is_number(low) and not is_number(high):
        return ""
    start = write(low) if is_number(low) else f"{MINUS}∞"
    return f"{start} to {write(high) if is_number(high) else '∞'}"


def times(value: Any) -> str:
    """Write a ratio with two significant digits: ``2.4×``. Ratios are not more exact."""
    return f"{figure(value, 2)}{TIMES}" if is_number(value) else UNKNOWN


def percent(slope: Any) -> str:
    """Write the slope of a logarithm as a relative change: ``−4.1%``."""
    return f"{100 * math.expm1(slope):+.1f}%".replace("-", MINUS) if is_number(slope) else UNKNOWN


def seconds(value: Any) -> str:
    """Write a duration in a suitable unit: ``3.2 s``, ``12 min``."""
    if not is_number(value):
        return UNKNOWN
    if value <= 0:
        return "0 s"
    size, unit = next(((size, unit) for size, unit in SECONDS if value >= size), SECONDS[-1])
    return f"{figure(value / size, 2 if value / size < 10 else 3)} {unit}"


def p_value(value: Any) -> str:
    """Write a p value with its relation: ``= 0.031``, ``< 0.001``."""
    if not is_number(value):
        return UNKNOWN
    return "< 0.001" if value < 0.001 else f"= {figure(value, 2)}"
