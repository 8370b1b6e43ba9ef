"""Numbers of an answer in words: percent, probabilities, rows, seconds and money."""

from __future__ import annotations

import math
from collections.abc import Iterable

FEW = 4
LONG = 70
CENT = 0.01
TIED = "\u00a0"  # a blank at which a line is not broken
MOST_PERCENT = math.log(10)


def percent(log_ratio: float) -> str:
    """Return the logarithm of a ratio as percent more than equal, in two digits and at most 900."""
    if log_ratio > MOST_PERCENT:
        return ">900"
    value = 100 * math.expm1(log_ratio)
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"


def compared(log_ratio: float, loss: str = "loss") -> str:
    """Return the logarithm of a ratio of losses in words: `2.6% less loss`."""
    shown = percent(log_ratio)
    return f"{shown.removeprefix('-')}% {'less' if shown.startswith('-') else 'more'} {loss}"


def ends(low: float, high: float) -> str:
    """Return an interval of the logarithm of a ratio in words: `5% less to 0.6% more`."""
    if low < 0 <= high:
        return f"{compared(low, '').strip()} to {compared(high, '').strip()}"
    first, last = (low, high) if low >= 0 else (high, low)
    return f"{percent(first).removeprefix('-')} to {compared(last, '').strip()}"


def share(probability: float) -> str:
    """Return a probability in two digits, never as certain."""
    if not math.isfinite(probability):
        return "?"
    if probability < 0.01:
        return "<.01"
    return ">.99" if probability > 0.99 else f"{probability:.2f}".replace("0.", ".", 1)


def counted(rows: float) -> str:
    """Return a number of rows in two digits, or `never` beyond the forecast."""
    if not math.isfinite(rows):
        return "never"
    digits = max(0, int(math.log10(max(1.0, rows))) - 1)
    return f"{math.floor(rows / 10**digits + 0.5) * 10**digits:,}"


def seconds(value: float) -> str:
    """Return seconds in two digits."""
    if value < 10:
        return f"{value:.2g} s"
    return f"{value:.0f} s" if value < 100 else f"{value / 60:.2g} min"


def milliseconds(value: float) -> str:
    """Return milliseconds in two digits, and in seconds if they are many."""
    if value >= 1_000:
        return seconds(value / 1_000)
    return f"{value:.0f} ms" if value >= 10 else f"{value:.2g} ms"


def money(value: float) -> str:
    """Return an amount in whole units, or in hundredths below a hundred."""
    if 0 < value < CENT:
        return "<0.01"
    return f"{value:,.0f}" if value >= 100 or value == 0 else f"{value:.2f}"


def tied(text: str) -> str:
    """Return a text that no line is broken in."""
    return text.replace(" ", TIED)


def few(words: Iterable[str]) -> str:
    """Return the first words of a list."""
    given = list(words)
    shown = ", ".join(word if len(word) < LONG else f"{word[: LONG - 4]}..." for word in given[:FEW])
    return shown if len(given) <= FEW else f"{shown} and {len(given) - FEW} more"


def short(title: str) -> str:
    """Return the name of a model without its kind: `XGBoost` of `boosted trees (XGBoost)`."""
    return title[:-1].rpartition("(")[2] if title.endswith(")") else title
