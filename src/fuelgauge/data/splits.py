"""Who sees which rows: test rows, the nested order of training rows, validation rows.

Everything here depends on the seed, the repeat and the targets alone, so that every model of a
repeat gets the same rows (docs/protocol.md, rules 1 to 4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass
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


@dataclass(frozen=True)
class Draw:
    """The rows of one repeat.

    Parameters
    ----------
    test
        Row numbers held out for the test, shape (n_test,).
    order
        The other row numbers; the first n are the rows of anchor n, shape (n_pool,).
    """

    test: np.ndarray
    order: np.ndarray


def draw(target: np.ndarray, task: str, rule: SplitRule, seed: int, repeat: int) -> Draw:
    """Draw the test rows and the nested training order of one repeat.

    Parameters
    ----------
    target
        Class codes or values of all rows, shape (n_rows,).
    task
        Classes are stratified; a regression target is not.
    """
    rng = np.random.default_rng([seed, repeat])
    order = nested_order(target, task, rng)
    n_test = test_size(len(target), rule)
    return Draw(test=np.sort(order[:n_test]), order=nested_order_of(order[n_test:], target, task, rng))


def test_size(n_rows: int, rule: SplitRule) -> int:
    """Return how many of n_rows rows are test rows."""
    return max(1, min(round(n_rows * rule.test_fraction), rule.test_max))


def nested_order(target: np.ndarray, task: str, rng: np.random.Generator) -> np.ndarray:
    """Return a random order of which every prefix holds the classes in proportion.

    Row r of m shuffled rows of a class gets the place (r + 1/2) / m on a common line, so that a
    prefix with a share s of all rows holds s * m rows of the class to within one (systematic
    sampling). Classes that meet at one place are put in random order.
    """
    shuffled = rng.permutation(len(target))
    if task == "regression":
        return shuffled
    codes = target[shuffled]
    by_class = np.argsort(codes, kind="stable")
    counts = np.bincount(codes)
    counts = counts[counts > 0]
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    place = np.empty(len(codes))
    place[by_class] = (np.arange(len(codes)) - starts + 0.5) / np.repeat(counts, counts)
    return shuffled[np.argsort(place, kind="stable")]


def nested_order_of(rows: np.ndarray, target: np.ndarray, task: str, rng: np.random.Generator) -> np.ndarray:
    """Return `rows` in nested order."""
    return rows[nested_order(target[rows], task, rng)]


def split_validation(
    target: np.ndarray, task: str, fraction: float, seed: int, repeat: int
) -> tuple[np.ndarray, np.ndarray]:
    """Divide the rows of an anchor into fitting and validation rows.

    The validation rows are stratified, but never take the only row of a class: where n is close to
    the number of classes they are fewer than the fraction says.

    Parameters
    ----------
    target
        Class codes or values of the anchor's rows, shape (n_train,).

    Returns
    -------
    tuple of numpy.ndarray
        Positions within the anchor's rows: fitting, validation.
    """
    n = len(target)
    rng = np.random.default_rng([seed, repeat, n])
    order = nested_order(target, task, rng)
    movable = order[is_repetition(target[order])] if task != "regression" else order
    validation = movable[: max(1, round(n * fraction))]
    return np.setdiff1d(np.arange(n), validation), np.sort(validation)


def is_repetition(codes: np.ndarray) -> np.ndarray:
    """Return which places hold a class that has been seen at an earlier place."""
    repeated = np.ones(len(codes), dtype=bool)
    repeated[np.unique(codes, return_index=True)[1]] = False
    return repeated


def anchors(rule: AnchorRule, n_pool: int) -> list[int]:
    """Return the anchors of a rule: geometric, up to `stop`, or to all rows where it is None.

    With `stop` None the last anchor is all rows; the one before is dropped if it is closer to it
    than the square root of the factor. Anchors above n_pool are returned too: the grid records
    them as skipped.
    """
    stop = n_pool if rule.stop is None else rule.stop
    count = math.floor(math.log(stop / rule.start, rule.factor) + 1e-9) + 1 if stop >= rule.start else 0
    steps = sorted({round(rule.start * rule.factor**i) for i in range(count)})
    if rule.stop is None and steps and steps[-1] < n_pool:
        close = n_pool / steps[-1] < math.sqrt(rule.factor)
        steps = [*(steps[:-1] if close else steps), n_pool]
    return steps
