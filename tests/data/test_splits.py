import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fuelgauge.data import splits
from fuelgauge.data.splits import Rows, anchors, cannot_split, draw
from fuelgauge.errors import DataError
from fuelgauge.spec.splits import AnchorRule, SplitRule

TASKS = st.sampled_from(["multiclass", "regression"])
KINDS = ["plain", "group", "time", "group and time"]


@st.composite
def any_rows(draw_, kinds=tuple(KINDS), min_size=8, max_size=120):
    """Draw rows with uneven classes, uneven groups and tied times."""
    kind, task = draw_(st.sampled_from(kinds)), draw_(TASKS)
    n = draw_(st.integers(min_size, max_size))
    rng = np.random.default_rng(draw_(st.integers(0, 10_000)))
    share = 1 / np.arange(1, 1 + draw_(st.integers(1, 5))) ** draw_(st.sampled_from([0, 2]))
    target = rng.choice(len(share), n, p=share / share.sum())
    group = time = None
    if "group" in kind:
        share = 1 / np.arange(1, 1 + draw_(st.integers(1, 40))) ** draw_(st.sampled_from([0, 1]))
        group = rng.choice(len(share), n, p=share / share.sum()) * 3 - 7
    if "time" in kind:
        ticks = draw_(st.sampled_from([2, 7, 50, 10_000]))
        time = rng.integers(0, ticks, n) / 4
        if group is not None and draw_(st.booleans()):
            time += group  # each group has its own period, instead of occurring at all times
    gap = draw_(st.sampled_from([0.0, 0.5, 3.0])) if time is not None else 0.0
    target = target / 2 if task == "regression" else np.unique(target, return_inverse=True)[1]
    return Rows(target, task, group, time, gap)


def split_validation(rows, fraction, seed, repeat):
    return splits.split_validation(rows, SplitRule(validation_fraction=fraction), seed, repeat)


def try_draw(rows, rule, repeat=0):
    """Return a draw; a test skips rows that cannot be divided, which must raise DataError."""
    try:
        return draw(rows, rule, 0, repeat)
    except DataError:
        assume(False)


fractions = st.sampled_from([0.05, 0.15, 0.3, 0.45])
repeats = st.integers(0, 50)


# --- Known answers -------------------------------------------------------------------------------

SMALL = [0, 1, 2, 0, 1, 0, 0, 1, 2, 0, 0, 2, 0, 1, 2, 0, 1, 2, 0, 1, 0, 0, 1, 2]


@pytest.mark.parametrize(
    ("task", "test", "order", "validation"),
    [
        (
            "multiclass",
            [7, 9, 10, 11, 13, 20],
            [12, 23, 22, 18, 8, 16, 0, 3, 17, 19, 21, 6, 2, 1, 5, 14, 4, 15],
            [0, 1, 9, 10],
        ),
        (
            "regression",
            [2, 10, 11, 13, 14, 20],
            [12, 1, 23, 0, 18, 15, 8, 19, 17, 7, 22, 9, 6, 5, 3, 16, 21, 4],
            [4, 5, 7, 10],
        ),
    ],
)
def test_rows_without_group_and_time_are_divided_as_in_the_first_published_results(
    task, test, order, validation
):
    rows = Rows(np.array(SMALL), task)
    drawn = draw(rows, SplitRule(0.25, 10_000, 0.3), 3, 1)
    assert (drawn.test.tolist(), drawn.order.tolist()) == (test, order)
    fitting, held_out = split_validation(rows.take(drawn.order[:12]), 0.3, 3, 1)
    assert held_out.tolist() == validation
    assert fitting.tolist() == [row for row in range(12) if row not in validation]


@pytest.mark.parametrize(
    ("task", "expected"), [("multiclass", "fe217f896fa8f406"), ("regression", "3fe3bec6c587975d")]
)
def test_a_larger_draw_is_as_in_the_first_published_results(task, expected):
    target = np.arange(5000) ** 2 % 7
    rows = Rows(target / 2 if task == "regression" else target, task)
    drawn = draw(rows, SplitRule(), 20, 4)
    parts = [drawn.test, drawn.order, *split_validation(rows.take(drawn.order[:512]), 0.2, 20, 4)]
    assert hashlib.sha256(np.concatenate(parts).astype("<i8").tobytes()).hexdigest()[:16] == expected


def test_a_grouped_draw_has_a_known_answer():
    group = np.array([5, 5, 5, 1, 1, 2, 2, 2, 2, 9, 9, 3, 3, 3, 7, 7])
    drawn = draw(Rows(np.arange(16) % 2, "binary", group), SplitRule(0.25), 0, 0)
    assert drawn.test.tolist() == [3, 4, 14, 15]  # groups 1 and 7, with two rows each
    assert drawn.order.tolist() == [2, 9, 5, 8, 13, 6, 7, 0, 1, 10, 11, 12]


def test_a_temporal_draw_has_a_known_answer():
    time = np.arange(16)[::-1] // 2  # row 15 is the oldest; two rows at each of the times 0 to 7
    rows = Rows(np.arange(16) % 2, "binary", time=time, gap=2)
    drawn = draw(rows, SplitRule(0.25), 0, 0)
    assert time[drawn.test].tolist() == [7, 7, 6, 6]
    assert drawn.order.tolist() == [7, 12, 9, 10, 11, 14, 15, 8, 13, 6]
    assert set(time[drawn.order]) == {0, 1, 2, 3, 4}  # 5 is closer than the gap
    anchor = rows.take(drawn.order)
    fitting, validation = split_validation(anchor, 0.2, 0, 0)
    assert sorted(anchor.time[validation]) == [4, 4]
    assert sorted(anchor.time[fitting]) == [0, 0, 1, 1, 2, 2]  # 3 is closer than the gap


# --- All rules: properties -------------------------------------------------------------------------


@given(any_rows(), fractions, repeats)
@settings(max_examples=300, deadline=None)
def test_no_row_is_on_both_sides(rows, fraction, repeat):
    drawn = try_draw(rows, SplitRule(fraction), repeat)
    both = np.concatenate([drawn.test, drawn.order])
    assert len(np.unique(both)) == len(both)
    assert len(drawn.test) and len(drawn.order)
    assert both.min() >= 0 and both.max() < len(rows)
    if rows.time is None:
        assert len(both) == len(rows)


@given(any_rows(), fractions, repeats)
@settings(max_examples=200, deadline=None)
def test_every_prefix_is_stratified_to_within_one_row_a_class(rows, fraction, repeat):
    codes = rows.classes[try_draw(rows, SplitRule(fraction), repeat).order]
    share = np.bincount(codes, minlength=5) / len(codes)
    for n in range(1, len(codes) + 1):
        counts = np.bincount(codes[:n], minlength=5)
        # one row by rounding, and one because positions of different classes can coincide
        assert np.abs(counts - n * share).max() <= 2


@given(any_rows(kinds=["group", "group and time"]), fractions, repeats)
@settings(max_examples=300, deadline=None)
def test_no_group_is_in_test_and_training(rows, fraction, repeat):
    drawn = try_draw(rows, SplitRule(fraction), repeat)
    assert not set(rows.group[drawn.test]) & set(rows.group[drawn.order])


@given(any_rows(kinds=["time", "group and time"]), fractions, repeats)
@settings(max_examples=300, deadline=None)
def test_training_rows_are_older_than_test_rows_by_the_gap(rows, fraction, repeat):
    drawn = try_draw(rows, SplitRule(fraction), repeat)
    newest, first = rows.time[drawn.order].max(), rows.time[drawn.test].min()
    assert newest < first
    assert newest <= first - rows.gap


@given(any_rows(), fractions, repeats)
@settings(max_examples=200, deadline=None)
def test_a_draw_depends_on_seed_repeat_and_rows_alone(rows, fraction, repeat):
    rule = SplitRule(fraction)
    drawn = try_draw(rows, rule, repeat)
    np.random.default_rng().random(3)
    alike = Rows(
        rows.target.copy(),
        rows.task,
        None
        if rows.group is None
        else 5 * rows.group + 11,  # the numbers of groups do not matter, only their order
        None if rows.time is None else 2 * rows.time + 64,  # the unit of time does not matter
        2 * rows.gap,
    )
    again = draw(alike, rule, 0, repeat)
    assert np.array_equal(drawn.test, again.test) and np.array_equal(drawn.order, again.order)
    anchor = drawn.order[: len(drawn.order) // 2 + 1]
    if cannot_split(rows.take(anchor)) is None:
        parts = [split_validation(some.take(anchor), 0.2, 0, repeat) for some in (rows, alike)]
        assert all(np.array_equal(one, other) for one, other in zip(*parts, strict=True))


@pytest.mark.parametrize("kind", KINDS)
@given(task=TASKS, seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_all_repeats_differ(kind, task, seed):
    n = 400
    group = np.random.default_rng(seed).integers(0, 60, n) if "group" in kind else None
    time = np.arange(n) / 7 if "time" in kind else None
    rows = Rows(np.arange(n) % 3, task, group, time)
    drawn = [draw(rows, SplitRule(), seed, repeat) for repeat in range(10)]
    assert len({tuple(one.order) for one in drawn}) == 10
    # two temporal cuts out of 140 may coincide, and then so do all test rows
    assert len({tuple(one.test) for one in drawn}) >= (7 if kind == "time" else 10)


# --- Random and stratified -------------------------------------------------------------------------


def test_a_balanced_prefix_is_within_one_row():
    target = np.repeat(np.arange(26), 40)
    codes = target[draw(Rows(target, "multiclass"), SplitRule(), 0, 0).order]
    for n in (26, 32, 64, 200):
        assert np.ptp(np.bincount(codes[:n], minlength=26)) <= 2
    assert set(codes[:40]) == set(range(26))


@given(any_rows(kinds=["plain"]), st.floats(0.05, 0.6), repeats)
@settings(max_examples=150, deadline=None)
def test_random_test_rows_are_a_stratified_sample_of_the_size_asked_for(rows, fraction, repeat):
    rule = SplitRule(fraction, 40)
    drawn = draw(rows, rule, 0, repeat)
    assert len(drawn.test) == splits.test_size(len(rows), rule)
    share = len(drawn.test) / len(rows) * np.bincount(rows.classes)
    counts = np.bincount(rows.classes[drawn.test], minlength=len(share))
    assert np.abs(counts - share).max() <= 2


def test_validation_has_its_share():
    rows = Rows(np.arange(1000) % 4, "multiclass")
    _, validation = split_validation(rows, 0.2, 0, 0)
    assert len(validation) == 200
    assert np.bincount(rows.target[validation]).tolist() == [50, 50, 50, 50]


# --- Grouped ---------------------------------------------------------------------------------------


def grouped(sizes, target=None):
    """Return regression rows, or rows with classes, in groups of the given sizes; the groups are shuffled."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    shuffled = np.random.default_rng(1).permutation(len(group))
    if target is None:
        return Rows(np.zeros(len(group)), "regression", group[shuffled])
    return Rows(np.asarray(target)[shuffled], "multiclass", group[shuffled])


@given(any_rows(kinds=["group"]), fractions, repeats)
@settings(max_examples=300, deadline=None)
def test_grouped_rows_are_all_used_and_every_class_can_be_trained_on(rows, fraction, repeat):
    drawn = try_draw(rows, SplitRule(fraction), repeat)
    assert len(drawn.test) + len(drawn.order) == len(rows)
    assert set(rows.classes[drawn.order]) == set(rows.classes)


@given(st.lists(st.integers(1, 20), min_size=10, max_size=60), fractions, repeats)
@settings(max_examples=200, deadline=None)
def test_grouped_test_rows_have_their_share_to_within_half_a_group(sizes, fraction, repeat):
    rows = grouped(sizes)
    wanted = splits.test_size(len(rows), SplitRule(fraction))
    drawn = draw(rows, SplitRule(fraction), 0, repeat)
    tested = len(drawn.test)
    largest = max(size for size in sizes if size <= max(wanted, np.median(sizes)))
    n_groups = len(np.unique(rows.group[drawn.test]))
    half = tested < wanted and n_groups == len(sizes) // 2
    assert half or abs(tested - wanted) <= max(largest / 2, largest - wanted)
    assert n_groups <= max(len(sizes) // 2, round(fraction * len(sizes)))


@given(st.lists(st.integers(1, 20), min_size=10, max_size=60), st.integers(20, 40), repeats)
@settings(max_examples=100, deadline=None)
def test_grouped_test_rows_are_never_more_than_test_max(sizes, test_max, repeat):
    assert len(draw(grouped(sizes), SplitRule(0.3, test_max), 0, repeat).test) <= test_max


@pytest.mark.parametrize("fraction", [0.15, 0.6])
def test_one_group_a_row_is_a_stratified_draw(fraction):
    target = (np.arange(2000) % 10 == 0).astype(int)
    for repeat in range(10):
        drawn = draw(Rows(target, "binary", np.arange(2000)), SplitRule(fraction), 0, repeat)
        assert len(drawn.test) == 2000 * fraction
        assert target[drawn.test].sum() == pytest.approx(200 * fraction, abs=1)


def test_groups_of_one_class_are_stratified():
    target = np.repeat((np.arange(200) % 10 == 0).astype(int), 7)
    for repeat in range(10):
        drawn = draw(Rows(target, "binary", np.repeat(np.arange(200), 7)), SplitRule(0.2), 0, repeat)
        assert len(drawn.test) == 280
        assert target[drawn.test].sum() == pytest.approx(28, abs=7)


def test_a_group_larger_than_the_test_is_not_tested_on():
    rows = grouped([900, 10, 20, 30, 40, 50, 60, 70])
    for repeat in range(20):
        drawn = draw(rows, SplitRule(0.1), 0, repeat)
        assert 0 not in rows.group[drawn.test]
        assert 80 <= len(drawn.test) <= 160


def test_few_large_groups_still_give_different_test_rows():
    rows = grouped([100] * 5)
    tested = [set(rows.group[draw(rows, SplitRule(0.15), 0, repeat).test]) for repeat in range(20)]
    assert all(len(groups) == 1 for groups in tested)
    assert len(set.union(*tested)) >= 4


def test_small_groups_beside_large_ones_are_not_all_tested_on():
    rows = grouped([1] * 100 + [1000] * 3)
    drawn = draw(rows, SplitRule(0.15), 0, 0)
    assert len(drawn.test) == 51  # half of the groups


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (grouped([30]), "all 30 rows are of one group"),
        (grouped([10, 10, 10], np.repeat([0, 1, 2], 10)), "each group among the 30 rows is the only one"),
    ],
)
def test_groups_that_cannot_be_held_out_are_named(rows, reason):
    with pytest.raises(DataError, match=f"No group can be held out for the test: {reason}.*name another"):
        draw(rows, SplitRule(), 0, 0)


# --- Temporal --------------------------------------------------------------------------------------


@given(any_rows(kinds=["time"]), fractions, repeats)
@settings(max_examples=200, deadline=None)
def test_without_a_gap_every_row_before_the_cut_is_used_once(rows, fraction, repeat):
    drawn = try_draw(replace(rows, gap=0.0), SplitRule(fraction), repeat)
    before = rows.time <= rows.time[drawn.order].max()
    assert np.array_equal(np.sort(drawn.order), np.flatnonzero(before))
    after = np.sort(rows.time[~before])  # the test rows are among the next rows
    window = after[: max(1, round(fraction * len(rows)))]
    assert rows.time[drawn.test].max() <= window[-1]
    assert len(drawn.test) == min(splits.test_size(len(rows), SplitRule(fraction)), len(after))


@given(any_rows(kinds=["time"]), fractions, repeats, st.integers(0, 100))
@settings(max_examples=200, deadline=None)
def test_the_gap_takes_the_rows_before_the_cut_and_no_others(rows, fraction, repeat, gap):
    rule = SplitRule(fraction)
    without = try_draw(replace(rows, gap=0.0), rule, repeat)
    first = rows.time[rows.time > rows.time[without.order].max()].min()
    kept = without.order[rows.time[without.order] <= first - gap / 4]
    if len(kept):
        purged = draw(replace(rows, gap=gap / 4), rule, 0, repeat)
        assert np.array_equal(np.sort(purged.order), np.sort(kept))
        assert np.array_equal(purged.test, without.test)
    else:
        with pytest.raises(DataError, match="leaves no row to train on before the test; make it smaller"):
            draw(replace(rows, gap=gap / 4), rule, 0, repeat)


@given(st.integers(20, 300), fractions, repeats)
@settings(max_examples=200, deadline=None)
def test_at_least_half_of_the_rows_are_before_the_cut_and_the_test_share_after_it(n, fraction, repeat):
    rows = Rows(np.zeros(n), "regression", time=np.random.default_rng(n).permutation(n).astype(float))
    rule = SplitRule(fraction)
    drawn = draw(rows, rule, 0, repeat)
    cut = len(drawn.order)
    assert cut >= n / 2
    assert np.sort(rows.time[drawn.test]).tolist() == list(range(cut, cut + splits.test_size(n, rule)))


def test_cuts_reach_from_half_of_the_rows_to_the_last_test_share():
    rows = Rows(np.zeros(100), "regression", time=np.arange(100.0))
    cuts = {len(draw(rows, SplitRule(0.2), 0, repeat).order) for repeat in range(400)}
    assert cuts == set(range(50, 81))


def test_a_test_of_fewer_rows_spans_the_same_time():
    rows = Rows(np.arange(10_000) % 2, "binary", time=np.arange(10_000.0))
    drawn = draw(rows, SplitRule(0.15, 100), 0, 0)
    assert len(drawn.test) == 100
    assert np.ptp(rows.time[drawn.test]) > 1300  # a sample of the next 1,500 rows, not the next 100
    assert rows.target[drawn.test].sum() == 50


def test_ties_stay_on_one_side_even_where_that_moves_the_cut():
    time = np.repeat([2020.0, 2021.0], [10, 90])
    drawn = draw(Rows(np.zeros(100), "regression", time=time), SplitRule(0.15), 0, 0)
    assert set(time[drawn.order]) == {2020} and set(time[drawn.test]) == {2021}
    assert len(drawn.test) == 15


@pytest.mark.parametrize(
    ("time", "gap", "message"),
    [
        (np.ones(20), 0.0, "All 20 rows have the same time; name another time column"),
        (np.where(np.arange(20) == 7, np.nan, np.arange(20)), 0.0, "Row 7 has no time"),
        (np.where(np.arange(20) == 4, -np.inf, np.arange(20)), 0.0, "Row 4 has no time"),
        (np.arange(20.0), 24.0, "The gap of 24 leaves no row to train on"),
    ],
)
def test_times_that_cannot_be_cut_are_named(time, gap, message):
    with pytest.raises(DataError, match=message):
        draw(Rows(np.zeros(20), "regression", time=time, gap=gap), SplitRule(), 0, 0)


# --- Group and time --------------------------------------------------------------------------------


def test_groups_of_their_own_time_are_tested_on_in_full():
    time = np.arange(1000.0)
    rows = Rows(np.zeros(1000), "regression", np.arange(1000) // 10, time)
    drawn = draw(rows, SplitRule(0.15), 0, 0)
    cut = time[drawn.order].max() + 1
    assert len(drawn.test) == 150
    assert cut >= 490  # of the rows before the cut, only those of the group that it divides are left out


def test_groups_of_all_times_cost_no_more_than_the_test_share_of_the_training_rows():
    rows = Rows(np.zeros(2000), "regression", np.arange(2000) % 20, np.arange(2000.0))
    drawn = draw(rows, SplitRule(0.15), 0, 0)
    assert len(np.unique(rows.group[drawn.test])) == 3
    assert len(np.unique(rows.group[drawn.order])) == 17
    assert len(drawn.test) == pytest.approx(45, abs=3)
    assert len(drawn.order) >= 850


def test_a_group_that_costs_too_many_training_rows_is_not_tested_on():
    group = np.where(np.arange(2000) % 2 == 0, -1, np.arange(2000) // 10)
    rows = Rows(np.zeros(2000), "regression", group, np.arange(2000.0))
    for repeat in range(20):
        drawn = draw(rows, SplitRule(0.15), 0, repeat)
        assert -1 not in group[drawn.test]
        assert -1 in group[drawn.order]


def test_one_group_for_all_times_is_refused():
    rows = Rows(np.zeros(100), "regression", np.zeros(100, dtype=int), np.arange(100.0))
    with pytest.raises(DataError, match="Every row before the test rows is in a group of the test rows"):
        draw(rows, SplitRule(), 0, 0)


# --- Fitting and validation: properties --------------------------------------------------------------


@given(any_rows(min_size=1, max_size=60), st.sampled_from([0.05, 0.2, 0.45, 0.95]), repeats)
@settings(max_examples=400, deadline=None)
def test_an_anchor_is_divided_or_there_is_a_reason_why_not(rows, fraction, repeat):
    if (reason := cannot_split(rows)) is not None:
        assert reason.endswith("so none can be for validation")
        with pytest.raises(DataError, match="An anchor has no validation rows"):
            split_validation(rows, fraction, 0, repeat)
        return
    fitting, validation = split_validation(rows, fraction, 0, repeat)
    both = np.concatenate([fitting, validation])
    assert len(fitting) and len(validation)
    assert len(np.unique(both)) == len(both)
    if rows.time is None:
        assert np.array_equal(np.sort(both), np.arange(len(rows)))
    assert set(rows.classes[fitting]) == set(rows.classes)
    if rows.group is not None:
        assert not set(rows.group[fitting]) & set(rows.group[validation])


@given(any_rows(kinds=["time", "group and time"], max_size=80), fractions, repeats)
@settings(max_examples=300, deadline=None)
def test_validation_rows_are_the_latest(rows, fraction, repeat):
    assume(cannot_split(rows) is None)
    fitting, validation = split_validation(rows, fraction, 0, repeat)
    first = rows.time[validation].min()
    order = np.argsort(rows.time, kind="stable")
    oldest = [order[rows.classes[order] == code][0] for code in set(rows.classes)]
    assert (rows.time[np.setdiff1d(fitting, oldest)] < first).all()
    assert set(oldest) <= set(fitting)


@given(any_rows(kinds=["time"], max_size=80), fractions, repeats)
@settings(max_examples=300, deadline=None)
def test_the_gap_within_an_anchor_takes_the_latest_rows_but_never_more_than_half(rows, fraction, repeat):
    assume(cannot_split(rows) is None)
    whole, validation = split_validation(replace(rows, gap=0.0), fraction, 0, repeat)
    fitting, same = split_validation(rows, fraction, 0, repeat)
    assert len(whole) + len(validation) == len(rows)
    assert np.array_equal(validation, same)
    first = rows.time[validation].min()
    before = np.flatnonzero(rows.time < first)
    dropped = np.setdiff1d(whole, fitting)
    assert (rows.time[dropped] > first - rows.gap).all()
    assert len(dropped) <= len(before) / 2
    if len(dropped) and (rows.time[before] <= first - rows.gap).sum() >= (len(before) + 1) // 2:
        kept = np.intersect1d(before, fitting)
        late = kept[rows.time[kept] > first - rows.gap]
        assert len(late) <= len(set(rows.classes))  # the oldest rows of their classes


@given(st.integers(10, 200), fractions, repeats)
@settings(max_examples=100, deadline=None)
def test_temporal_validation_is_the_newest_share(n, fraction, repeat):
    time = np.random.default_rng(n).permutation(n).astype(float)
    _, validation = split_validation(Rows(time, "regression", time=time), fraction, 0, repeat)
    wanted = max(1, round(n * fraction))
    assert sorted(time[validation]) == list(range(n - wanted, n))


@given(st.integers(12, 60), st.integers(1, 9), st.sampled_from([0.1, 0.2, 0.3]), repeats)
@settings(max_examples=100, deadline=None)
def test_grouped_validation_is_as_near_to_its_share_as_groups_allow(n_groups, size, fraction, repeat):
    rows = grouped([size] * n_groups)
    _, validation = split_validation(rows, fraction, 0, repeat)
    wanted = max(1, round(len(rows) * fraction))
    assert len(validation) % size == 0
    assert abs(len(validation) - wanted) <= size / 2


def test_the_only_group_of_a_class_is_not_for_validation():
    rows = grouped([5, 5, 5, 5], np.repeat([0, 0, 0, 1], 5))
    for repeat in range(20):
        fitting, validation = split_validation(rows, 0.5, 0, repeat)
        assert 3 in rows.group[fitting]
        assert len(validation) == 10


def test_a_group_that_holds_all_classes_of_another_is_for_fitting():
    rows = Rows(np.array([0, 0, 0, 0, 0, 1]), "binary", np.array([5, 5, 5, 4, 4, 4]))
    for repeat in range(20):
        assert split_validation(rows, 0.2, 0, repeat)[1].tolist() == [0, 1, 2]


def test_a_class_that_is_new_among_the_latest_rows_keeps_its_oldest_in_fitting():
    target = np.array([0] * 16 + [1, 0, 1, 0])
    rows = Rows(target, "binary", time=np.arange(20.0), gap=3.0)
    fitting, validation = split_validation(rows, 0.15, 0, 0)
    assert validation.tolist() == [17, 18, 19]
    assert fitting.tolist() == [*range(15), 16]  # 15 and 16 lie within the gap; 16 is the oldest of its class


def test_recurring_groups_leave_most_of_an_anchor_for_fitting():
    rows = Rows(np.zeros(1000), "regression", np.arange(1000) % 10, np.arange(1000.0))
    fitting, validation = split_validation(rows, 0.2, 0, 0)
    assert len(np.unique(rows.group[validation])) == 2
    assert len(validation) == pytest.approx(40, abs=5)
    assert len(fitting) == pytest.approx(640, abs=20)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (Rows(np.zeros(1), "regression"), "there is a single row"),
        (Rows(np.arange(9), "multiclass"), "no class has more than one row among the 9"),
        (grouped([9]), "all 9 rows are of one group"),
        (grouped([4, 5], np.repeat([0, 1], [4, 5])), "each group among the 9 rows is the only one with some"),
        (Rows(np.zeros(9), "regression", time=np.ones(9)), "all 9 rows have the same time"),
        (replace(grouped([9]), time=np.arange(9.0)), "all 9 rows are of one group"),
        (
            Rows(np.array([0, 0, 1]), "binary", time=np.array([1.0, 1.0, 2.0])),
            "each later row among the 3 is the oldest of its class",
        ),
        (
            Rows(np.array([0, 1, 1]), "binary", np.array([7, 8, 8]), np.arange(3.0)),
            "each later row among the 3 is the oldest of its class or of the group of such a row",
        ),
    ],
)
def test_an_anchor_that_cannot_be_divided_says_why(rows, reason):
    assert cannot_split(rows).startswith(reason)


# --- Sizes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "n_pool", "expected"),
    [
        (AnchorRule(32, 2, 256), 10_000, [32, 64, 128, 256]),
        (AnchorRule(32, 2, 300), 10_000, [32, 64, 128, 256]),
        (AnchorRule(32, 2, 256), 100, [32, 64, 128, 256]),
        (AnchorRule(32, 2, None), 1000, [32, 64, 128, 256, 512, 1000]),
        (AnchorRule(32, 2, None), 600, [32, 64, 128, 256, 600]),
        (AnchorRule(32, 2, None), 512, [32, 64, 128, 256, 512]),
        (AnchorRule(32, 2**0.5, 128), 500, [32, 45, 64, 91, 128]),
        (AnchorRule(32, 2, None), 20, []),
    ],
)
def test_anchors_are_geometric(rule, n_pool, expected):
    assert anchors(rule, n_pool) == expected


def test_test_size_is_bounded():
    assert splits.test_size(100, SplitRule(0.15, 10)) == 10
    assert splits.test_size(100, SplitRule(0.15, 50)) == 15


@pytest.mark.parametrize("kind", KINDS)
def test_taken_rows_keep_all_that_is_known_of_them(kind):
    group = np.arange(10) % 3 if "group" in kind else None
    time = np.arange(10.0) if "time" in kind else None
    rows = Rows(np.arange(10), "multiclass", group, time, 2.0)
    taken = rows.take(np.array([7, 1]))
    assert (len(taken), taken.target.tolist(), taken.task, taken.gap) == (2, [7, 1], "multiclass", 2.0)
    assert (taken.group is None) == (group is None) and (taken.time is None) == (time is None)
    assert group is None or taken.group.tolist() == [1, 1]
    assert time is None or taken.time.tolist() == [7, 1]


def test_the_validation_rows_have_a_largest_number():
    rows = Rows(np.arange(200) % 2, "binary")
    rule = SplitRule(validation_fraction=0.2, validation_max=15)
    assert [len(part) for part in splits.split_validation(rows, rule, 0, 0)] == [185, 15]
