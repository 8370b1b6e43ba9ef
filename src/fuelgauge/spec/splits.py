"""Rules of anchors and splits."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AnchorRule", "SplitRule"]


@dataclass(unsafe_hash=True)
class AnchorRule:
    """Rule of the anchors: start, start * factor, start * factor^2, ... up to stop.

    Parameters
    ----------
    start
        Number of labelled rows at the first anchor.
    factor
        Ratio of an anchor to the one before it.
    stop
        Largest number of labelled rows; None for all rows of the dataset that are not in the test set.
    """

    start: int = 32
    factor: float = 2.0
    stop: int | None = None


@dataclass(unsafe_hash=True)
class SplitRule:
    """Rule of the numbers of test rows and validation rows.

    Parameters
    ----------
    test_fraction
        Share of all rows in the test set, between 0 and 1.
    test_max
        Largest number of rows in the test set.
    validation_fraction
        Share of the rows of an anchor that is used for validation, between 0 and 1.
    validation_max
        Largest number of validation rows.
    """

    test_fraction: float = 0.15
    test_max: int = 10_000
    validation_fraction: float = 0.2
    validation_max: int = 10_000
