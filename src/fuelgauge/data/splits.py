"""Splits: the test rows, the nested order of the training rows, and the validation rows.

All results depend only on the seed, the repeat, the rule, and the targets, groups and times of the rows.
Every model of a repeat therefore gets the same rows (docs/explanation/protocol.md, rules 1 to 4).

Three kinds of split exist:

- rows without a group and a time are divided at random, stratified by class;
- rows with a group but without a time are divided by whole groups;
- rows with a time are divided by a cut in time, with or without a group.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fuelgauge.errors import DataError
from fuelgauge.spec.splits import AnchorRule, SplitRule

__all__ = [
    "Draw",
    "Rows",
    "anchors",
    "cannot_split",
    "draw",
    "fit_seed",
    "nested_order_of",
    "split_validation",
]


@dataclass(frozen=True, eq=False)
class Rows:
    """The information about rows that a split may use: all rows of a dataset, or those of an anchor.

    Parameters
    ----------
    target
        Class codes, or values of a regression target, shape (n_rows,).
    task
        binary, multiclass or regression. Classes are stratified; a regression target is not.
    group
        Whole number per row, shape (n_rows,). Rows of one group are never on both sides of a split.
    time
        Time per row, shape (n_rows,). Test rows are later than training rows. Validation rows are later than
        fitting rows, but for the oldest row of each class, which is always a fitting row.
    gap
        Least distance in time between the two sides of a split, in units of `time`. Training or fitting rows
        that are closer to the first row of the other side are left out. Within an anchor, at most half of the
        rows before the validation rows are left out.
    """

    target: np.ndarray
    task: str
    group: np.ndarray | None = None
    time: np.ndarray | None = None
    gap: float = 0.0

    def __len__(self) -> int:
        return len(self.target)

    def take(self, rows: np.ndarray) -> Rows:
        """Return the rows with the given numbers."""
        group = None if self.group is None else self.group[rows]
        time = None if self.time is None else self.time[rows]
        return Rows(self.target[rows], self.task, group, time, self.gap)

    @property
    def classes(self) -> np.ndarray:
        """Class codes, shape (n_rows,); all rows of a regression count as one class."""
        return self.target if self.task != "regression" else np.zeros(len(self), dtype=np.int64)


@dataclass(frozen=True)
class Draw:
    """The rows of one repeat.

    Parameters
    ----------
    test
        Numbers of the test rows, sorted, shape (n_test,).
    order
        Numbers of the rows to train on, shape (n_pool,). The first n are the rows of anchor n.
    """

    test: np.ndarray
    order: np.ndarray


def draw(rows: Rows, rule: SplitRule, seed: int, repeat: int) -> Draw:
    """Draw the test rows and the nested training order of one repeat.

    Raises
    ------
    DataError
        The groups or times leave no row for the test, or no row to train on.
    """
    rng = np.random.default_rng([seed, repeat])
    if rows.time is not None:
        test, pool = divide_by_time(rows, rows.time, rule, rng)
    elif rows.group is not None:
        test, pool = divide_by_group(rows, rows.group, rule, rng)
    else:
        order = nested_order(rows.target, rows.task, rng)
        test, pool = np.split(order, [test_size(len(rows), rule)])
    return Draw(test=np.sort(test), order=nested_order_of(pool, rows, rng))


def divide_by_group(
    rows: Rows, group: np.ndarray, rule: SplitRule, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of some groups as test rows, and the rows of the other groups."""
    if reason := why_no_group_is_spare(rows, group):
        raise DataError(
            f"No group can be held out for the test: {reason}; name another group column, or none."
        )
    held_out = hold_out_groups(rows, group, test_size(len(rows), rule), rule.test_max, rng)
    return np.flatnonzero(held_out), np.flatnonzero(~held_out)


def divide_by_time(
    rows: Rows, time: np.ndarray, rule: SplitRule, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return test rows after a random cut in time, and the rows before it.

    The test rows are a sample of a stretch of rows that follows the cut. The stretch holds the share
    `test_fraction` of all rows, and more if several rows share its last time.
    """
    by_time = np.argsort(time, kind="stable")
    time = time[by_time]
    if not np.isfinite(time[[0, -1]]).all():
        row = np.flatnonzero(~np.isfinite(time))[0]
        raise DataError(f"Row {by_time[row]} has no time; fill the time column or remove the row.")
    n, wanted = len(rows), test_size(len(rows), rule)
    share = max(1, round(n * rule.test_fraction))
    cut = choose_cut(time, math.ceil(n / 2), n - share, rng)
    end = np.searchsorted(time, time[min(cut + share, n) - 1], side="right")
    late, early = by_time[cut:end], by_time[: min(cut, np.searchsorted(time, time[cut] - rows.gap, "right"))]
    if not len(early):
        raise DataError(
            f"The gap of {rows.gap:g} leaves no row to train on before the test; make it smaller."
        )
    if rows.group is not None:
        late, early = part_by_group(rows.group, late, early, wanted, rule.test_fraction, rng)
    if not len(early):
        raise DataError(
            "Every row before the test rows is in a group of the test rows; name a group or a time, not both."
        )
    return nested_order_of(late, rows, rng)[:wanted], early


def choose_cut(time: np.ndarray, lowest: int, highest: int, rng: np.random.Generator) -> int:
    """Return the number of rows before a random cut; the rows are sorted by time.

    A cut lies between two different times, so rows of one time stay together. All cuts with `lowest` to
    `highest` rows before them are equally likely. If there is no such cut, the nearest one is taken.
    """
    cuts = np.flatnonzero(np.diff(time) > 0) + 1
    if not len(cuts):
        raise DataError(f"All {len(time)} rows have the same time; name another time column, or none.")
    outside = np.maximum(lowest - cuts, cuts - highest)
    return int(rng.choice(cuts[outside <= max(0, outside.min())]))


def part_by_group(
    group: np.ndarray,
    late: np.ndarray,
    early: np.ndarray,
    wanted: int,
    share: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the late rows of some groups, and the early rows of the other groups.

    Groups are taken in random order until they hold the wanted number of late rows, or the given share of the
    early rows. The second limit matters if groups recur over time: the late rows of all groups would leave no
    early row to train on.
    """
    names, codes = np.unique(group[np.concatenate([late, early])], return_inverse=True)
    late_codes, early_codes = np.split(codes, [len(late)])
    gains = np.bincount(late_codes, minlength=len(names))
    costs = np.bincount(early_codes, minlength=len(names))
    order = rng.permutation(np.flatnonzero(gains))
    budget = share * len(early)
    order = order[costs[order] <= max(budget, np.median(costs[order]))]
    enough = np.searchsorted(np.cumsum(gains[order]), wanted) + 1
    affordable = np.searchsorted(np.cumsum(costs[order]), budget, side="right")
    taken = np.zeros(len(names), dtype=bool)
    taken[order[: max(1, min(enough, affordable))]] = True
    return late[taken[late_codes]], early[~taken[early_codes]]


def hold_out_groups(
    rows: Rows, group: np.ndarray, wanted: int, most: int, rng: np.random.Generator
) -> np.ndarray:
    """Return which rows are held out: whole groups, with a total as close as possible to the wanted rows.

    The groups are taken in nested order of their classes; the class of a group is that of one random row.
    These limits apply:

    - at most half of all groups are held out, or the wanted share of the rows if that is more;
    - together they hold at most `most` rows, unless the first group alone is larger;
    - every class keeps at least one group;
    - a group that is larger than both the wanted rows and the median group is skipped.

    Parameters
    ----------
    rows
        All rows.
    group
        Group of each row, shape (n_rows,).
    wanted
        Number of rows to hold out.
    most
        Largest number of rows to hold out.

    Returns
    -------
    numpy.ndarray
        Whether each row is held out, bool, shape (n_rows,).
    """
    _, codes, sizes = np.unique(group, return_inverse=True, return_counts=True)
    order = order_of_groups(rows, codes, len(sizes), rng)
    spare = spare_groups(rows.classes, codes)
    eligible = spare & (sizes <= max(wanted, np.median(sizes[spare])))
    order = removable(np.concatenate([order[eligible[order]], order[~eligible[order]]]), rows.classes, codes)
    order = order[eligible[order]]
    totals = np.cumsum(sizes[order])
    n_most = min(max(len(sizes) // 2, round(len(sizes) * wanted / len(rows))), len(sizes) - 1)
    totals = totals[: max(1, min(n_most, np.searchsorted(totals, most, side="right")))]
    held_out = np.zeros(len(sizes), dtype=bool)
    held_out[order[: np.argmin(np.abs(totals - wanted)) + 1]] = True
    return held_out[codes]


def order_of_groups(rows: Rows, codes: np.ndarray, n_groups: int, rng: np.random.Generator) -> np.ndarray:
    """Return the groups in nested order of their classes; one random row gives the class of a group."""
    shuffled = rng.permutation(len(rows))
    drawn = np.empty(n_groups, dtype=np.int64)
    drawn[codes[shuffled]] = shuffled
    return nested_order(rows.target[drawn], rows.task, rng)


def spare_groups(classes: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return whether each group can be spared: every class in it also occurs in another group."""
    n_groups, n_classes = int(codes.max()) + 1, int(classes.max()) + 1
    first, last = np.full(n_classes, n_groups), np.full(n_classes, -1)
    np.minimum.at(first, classes, codes)
    np.maximum.at(last, classes, codes)
    spare = np.ones(n_groups, dtype=bool)
    spare[first[first == last]] = False
    return spare


def removable(order: np.ndarray, classes: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return the order of the groups without the last group of each class, so that each class keeps one."""
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    last = np.full(int(classes.max()) + 1, -1)
    np.maximum.at(last, classes, place[codes])
    return np.delete(order, last[last >= 0])


def test_size(n_rows: int, rule: SplitRule) -> int:
    """Return the number of test rows among n_rows rows."""
    return max(1, min(round(n_rows * rule.test_fraction), rule.test_max))


def nested_order(target: np.ndarray, task: str, rng: np.random.Generator) -> np.ndarray:
    """Return a random order in which every prefix is stratified by class.

    This is systematic sampling. The m rows of a class are shuffled, and row r of them gets the position
    (r + 1/2) / m on a line that all classes share. A prefix with the share s of all rows then holds s * m
    rows of the class, to within one row. Rows of different classes at the same position are in random order.
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


def nested_order_of(numbers: np.ndarray, rows: Rows, rng: np.random.Generator) -> np.ndarray:
    """Return the given row numbers in nested order (see `nested_order`)."""
    return numbers[nested_order(rows.target[numbers], rows.task, rng)]


def split_validation(rows: Rows, rule: SplitRule, seed: int, repeat: int) -> tuple[np.ndarray, np.ndarray]:
    """Divide the rows of an anchor into fitting and validation rows.

    The validation rows are a share of the rows, up to the rule's largest number. Every class keeps a fitting
    row. If n_train is close to the number of classes, there are therefore fewer validation rows than the rule
    asks for. With a time, some rows may be in neither part.

    Parameters
    ----------
    rows
        Rows of the anchor, n_train in number.
    rule
        Rule of the number of validation rows.
    seed
        Random seed of the run.
    repeat
        Number of the repeat.

    Returns
    -------
    tuple of numpy.ndarray
        Positions of the fitting rows and of the validation rows among the rows of the anchor.

    Raises
    ------
    DataError
        No row can be a validation row; `cannot_split` gives the reason.
    """
    if reason := cannot_split(rows):
        raise DataError(f"An anchor has no validation rows: {reason}.")
    rng = np.random.default_rng([seed, repeat, len(rows)])
    wanted = min(max(1, round(len(rows) * rule.validation_fraction)), rule.validation_max, len(rows) - 1)
    if rows.time is not None:
        return split_by_time(rows, rows.time, wanted, wanted / len(rows), rng)
    if rows.group is not None:
        held_out = hold_out_groups(rows, rows.group, wanted, len(rows), rng)
    else:
        held_out = hold_out_rows(rows, wanted, rng)
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def hold_out_rows(rows: Rows, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """Return which rows are held out: stratified by class, and never all rows of a class."""
    order = nested_order(rows.target, rows.task, rng)
    if rows.task != "regression":
        order = order[is_repetition(rows.target[order])]
    held_out = np.zeros(len(rows), dtype=bool)
    held_out[order[:wanted]] = True
    return held_out


def split_by_time(
    rows: Rows, time: np.ndarray, wanted: int, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the fitting rows, and the latest rows as validation rows.

    Rows within the gap before the first validation row are dropped, the latest first. At most half of the
    rows before it are dropped. The oldest row of each class is always a fitting row.
    """
    oldest = oldest_rows(rows, time)
    movable = movable_rows(rows, oldest)
    first = first_validation_time(np.sort(time[movable]), time.min(), wanted)
    late, early = np.flatnonzero(movable & (time >= first)), np.flatnonzero(time < first)
    middle = np.partition(time[early], (len(early) - 1) // 2)[(len(early) - 1) // 2]
    early = early[time[early] <= max(first - rows.gap, middle)]
    if rows.group is not None:
        late, early = part_by_group(rows.group, late, early, wanted, share, rng)
    fitting = np.zeros(len(rows), dtype=bool)
    fitting[early] = fitting[oldest] = True
    return np.flatnonzero(fitting), late


def oldest_rows(rows: Rows, time: np.ndarray) -> np.ndarray:
    """Return the oldest row of each class; if several have the same time, the first of them."""
    by_time = np.argsort(time, kind="stable")
    return by_time[~is_repetition(rows.classes[by_time])]


def movable_rows(rows: Rows, oldest: np.ndarray) -> np.ndarray:
    """Return which rows may be validation rows: not the oldest of a class, nor in the group of such a row."""
    movable = np.ones(len(rows), dtype=bool)
    movable[oldest] = False
    if rows.group is not None:
        movable &= ~np.isin(rows.group, rows.group[oldest])
    return movable


def first_validation_time(times: np.ndarray, start: float, wanted: int) -> float:
    """Return the first time of the validation rows, later than `start`.

    The number of rows from this time on is as close as possible to the wanted number.
    """
    firsts = np.flatnonzero(np.diff(times, prepend=-np.inf) > 0)
    firsts = firsts[times[firsts] > start]
    return float(times[firsts[np.argmin(np.abs(len(times) - firsts - wanted))]])


def cannot_split(rows: Rows) -> str | None:
    """Return why the rows of an anchor cannot be divided, as a clause for a message; None if they can."""
    if reason := why_none_validates(rows):
        return f"{reason}, so none can be for validation"
    return None


def why_none_validates(rows: Rows) -> str | None:
    """Return why no row of an anchor can be a validation row; None if one can."""
    n = len(rows)
    if rows.task != "regression" and np.bincount(rows.target).max() < 2:
        return f"no class has more than one row among the {n}"
    if rows.time is not None:
        return why_none_is_late(rows, rows.time)
    if rows.group is not None:
        return why_no_group_is_spare(rows, rows.group)
    return "there is a single row" if n < 2 else None


def why_none_is_late(rows: Rows, time: np.ndarray) -> str | None:
    """Return why no row can be held out by its time; None if one can."""
    n, later = len(rows), time > time.min()
    if not later.any():
        return f"all {n} rows have the same time"
    if rows.group is not None and (rows.group == rows.group[0]).all():
        return f"all {n} rows are of one group"
    if not (movable_rows(rows, oldest_rows(rows, time)) & later).any():
        group = "" if rows.group is None else " or of the group of such a row"
        return f"each later row among the {n} is the oldest of its class{group}"
    return None


def why_no_group_is_spare(rows: Rows, group: np.ndarray) -> str | None:
    """Return why no whole group can be held out; None if one can."""
    if (group == group[0]).all():
        return f"all {len(rows)} rows are of one group"
    if not spare_groups(rows.classes, np.unique(group, return_inverse=True)[1]).any():
        return f"each group among the {len(rows)} rows is the only one with some class"
    return None


def is_repetition(codes: np.ndarray) -> np.ndarray:
    """Return whether the class at each position occurs at an earlier position."""
    repeated = np.ones(len(codes), dtype=bool)
    repeated[np.unique(codes, return_index=True)[1]] = False
    return repeated


def anchors(rule: AnchorRule, n_pool: int) -> list[int]:
    """Return the anchors of a rule: a geometric sequence up to `stop`, or up to n_pool if `stop` is None.

    If `stop` is None, n_pool becomes the last anchor. The anchor before it is dropped if the ratio of the two
    is below the square root of the factor. There are no anchors if n_pool is below `start`. With a `stop`,
    anchors above n_pool are returned too: the grid records them as skipped.
    """
    stop = n_pool if rule.stop is None else rule.stop
    count = math.floor(math.log(stop / rule.start, rule.factor) + 1e-9) + 1 if stop >= rule.start else 0
    steps = sorted({round(rule.start * rule.factor**i) for i in range(count)})
    if rule.stop is None and steps and steps[-1] < n_pool:
        close = n_pool / steps[-1] < math.sqrt(rule.factor)
        steps = [*(steps[:-1] if close else steps), n_pool]
    return steps


def fit_seed(seed: int, repeat: int, n_train: int) -> int:
    """Return the random seed of a fit, the same for every model at an anchor of a repeat."""
    return int(np.random.SeedSequence([seed, repeat, n_train]).generate_state(1)[0])
