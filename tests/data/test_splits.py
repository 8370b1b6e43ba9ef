import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuelgauge.data import splits
from fuelgauge.data.splits import AnchorRule, SplitRule, anchors, draw, split_validation

targets = st.lists(st.integers(0, 4), min_size=20, max_size=400).map(
    lambda codes: np.unique(codes, return_inverse=True)[1]
)
TASKS = st.sampled_from(["multiclass", "regression"])


@given(targets, TASKS, st.integers(0, 50), st.floats(0.05, 0.6))
@settings(max_examples=150, deadline=None)
def test_test_rows_and_training_rows_divide_all_rows(target, task, repeat, fraction):
    drawn = draw(target, task, SplitRule(fraction, 10_000), 0, repeat)
    assert np.array_equal(np.sort(np.concatenate([drawn.test, drawn.order])), np.arange(len(target)))


@given(targets, st.integers(0, 50))
@settings(max_examples=150, deadline=None)
def test_every_prefix_is_stratified_to_within_one_row_a_class(target, repeat):
    order = draw(target, "multiclass", SplitRule(), 0, repeat).order
    codes = target[order]
    share = np.bincount(codes, minlength=5) / len(codes)
    for n in range(1, len(codes) + 1):
        counts = np.bincount(codes[:n], minlength=5)
        # one row by rounding, one more because places of different classes can coincide
        assert np.abs(counts - n * share).max() <= 2


def test_a_balanced_prefix_is_within_one_row():
    target = np.repeat(np.arange(26), 40)
    codes = target[draw(target, "multiclass", SplitRule(), 0, 0).order]
    for n in (26, 32, 64, 200):
        assert np.ptp(np.bincount(codes[:n], minlength=26)) <= 2
    assert set(codes[:40]) == set(range(26))


def test_repeats_differ_and_a_repeat_is_the_same_twice():
    target = np.arange(200) % 3
    first, again, other = (draw(target, "multiclass", SplitRule(), 7, r) for r in (0, 0, 1))
    assert np.array_equal(first.order, again.order)
    assert not np.array_equal(first.test, other.test)


def test_test_rows_are_a_stratified_sample():
    target = (np.arange(2000) % 10 == 0).astype(int)
    drawn = draw(target, "binary", SplitRule(0.15), 0, 3)
    assert target[drawn.test].mean() == pytest.approx(0.1, abs=0.005)


@given(targets, TASKS, st.floats(0.05, 0.5), st.integers(0, 20))
@settings(max_examples=150, deadline=None)
def test_validation_rows_divide_the_anchor_and_leave_every_class_a_fitting_row(
    target, task, fraction, repeat
):
    fitting, validation = split_validation(target, task, fraction, 0, repeat)
    assert np.array_equal(np.sort(np.concatenate([fitting, validation])), np.arange(len(target)))
    if task == "multiclass":
        assert set(target[fitting]) == set(target)


def test_validation_has_its_share():
    target = np.arange(1000) % 4
    _, validation = split_validation(target, "multiclass", 0.2, 0, 0)
    assert len(validation) == 200
    assert np.bincount(target[validation]).tolist() == [50, 50, 50, 50]


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
