"""Rules of anchors and splits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(unsafe_hash=True)
class AnchorRule:
    """Geometric anchors from `start` by `factor` to `stop` (None: all rows)."""

    start: int = 32
    factor: float = 2.0
    stop: int | None = None


@dataclass(unsafe_hash=True)
class SplitRule:
    """How many rows are held out for test and, within an anchor, for validation."""

    test_fraction: float = 0.15
    test_max: int = 10_000
    validation_fraction: float = 0.2
