import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.isotonic import IsotonicRegression

from fuelgauge.claims.statistics.curves import MonotoneCurves, curve_table, interpolate, isotonic

ANCHORS = np.array([32.0, 64.0, 128.0, 256.0])
CURVE = np.array([0.8, 0.4, 0.4, 0.1])


@settings(deadline=None, max_examples=50)
@given(arrays(float, (3, 9), elements=st.floats(0, 10, allow_subnormal=False)))
def test_isotonic_equals_pooling_adjacent_violators(loss: np.ndarray) -> None:
    pooled = [IsotonicRegression(increasing=False).fit_transform(np.arange(9), row) for row in loss]
    assert isotonic(loss) == pytest.approx(np.array(pooled), abs=1e-9)


def test_isotonic_leaves_a_falling_curve_alone_and_pools_a_rise() -> None:
    assert isotonic(np.array([0.4, 0.3, 0.1])).tolist() == [0.4, 0.3, 0.1]
    assert isotonic(np.array([0.4, 0.1, 0.3])) == pytest.approx([0.4, 0.2, 0.2])


def test_a_power_law_is_read_exactly_between_anchors() -> None:
    n, power_law = np.array([45.0, 100.0, 200.0]), 3 * ANCHORS**-0.4
    assert interpolate(ANCHORS, power_law, n) == pytest.approx(3 * n**-0.4)
    assert MonotoneCurves(ANCHORS, power_law).at(n) == pytest.approx(3 * n**-0.4)


def test_a_segment_that_touches_zero_is_read_in_the_loss() -> None:
    anchors, loss, n = np.array([64.0, 256.0]), np.array([0.2, 0.0]), np.array([128.0])
    assert interpolate(anchors, loss, n) == pytest.approx([0.1])
    assert MonotoneCurves(anchors, loss).at(n) == pytest.approx([0.1])


def test_a_bent_curve_is_read_far_better_than_by_straight_lines() -> None:
    anchors, n = 32 * 2.0 ** np.arange(9), np.geomspace(32, 8192, 1000)
    bent = lambda n: 0.02 + 0.48 / (1 + (n / 400) ** 2)  # noqa: E731
    straight = np.abs(np.log(interpolate(anchors, bent(anchors), n) / bent(n))).max()
    cubic = np.abs(np.log(MonotoneCurves(anchors, bent(anchors)).at(n) / bent(n))).max()
    assert cubic < straight / 8


falling = arrays(float, (2, 7), elements=st.sampled_from([0.0, 0.01, 0.1, 0.11, 0.3, 0.5, 2.0])).map(
    lambda loss: -np.sort(-loss, axis=1)
)


@settings(deadline=None, max_examples=200)
@given(falling)
def test_curves_stay_monotone_between_anchors_and_go_through_them(loss: np.ndarray) -> None:
    anchors = 32 * 2.0 ** np.arange(7)
    fine = np.geomspace(32, 2048, 601)
    read = MonotoneCurves(anchors, loss).at(fine)
    assert (np.diff(read, axis=1) <= 1e-12).all()
    assert read[:, ::100] == pytest.approx(loss, abs=1e-12)


@settings(deadline=None, max_examples=200)
@given(falling, st.floats(0.011, 1.9))
def test_rows_needed_are_the_smallest_that_reach_the_loss(loss: np.ndarray, target: float) -> None:
    curves = MonotoneCurves(32 * 2.0 ** np.arange(7), loss)
    rows, censored = curves.rows_needed(np.full((2, 1), target))
    assert (np.abs(curves.at(rows) - target) < 1e-9)[censored == 0].all()
    assert (curves.at(rows * 0.999) > target * (1 - 1e-9))[censored == 0].all()
    assert (censored[:, 0] == np.where(loss[:, -1] > target, 1, np.where(loss[:, 0] < target, -1, 0))).all()


def test_a_flat_stretch_is_left_flat() -> None:
    read = MonotoneCurves(ANCHORS, CURVE).at(np.geomspace(64, 128, 9))
    assert read == pytest.approx(0.4)


def test_rows_needed_inverts_the_reading() -> None:
    targets = np.array([0.6, 0.4, 0.2, 0.1])
    curves = MonotoneCurves(ANCHORS, CURVE)
    rows, censored = curves.rows_needed(targets)
    assert curves.at(rows) == pytest.approx(targets)
    assert rows[1] == pytest.approx(64)  # the smallest number of rows on a flat stretch
    assert not censored.any()


def test_rows_needed_is_censored_outside_the_measured_losses() -> None:
    rows, censored = MonotoneCurves(ANCHORS, CURVE).rows_needed(np.array([0.9, 0.8, 0.05]))
    assert rows.tolist() == [32, 32, 256]
    assert censored.tolist() == [-1, 0, 1]


def test_zero_losses_are_reached() -> None:
    curves = MonotoneCurves(ANCHORS, np.array([0.5, 0.2, 0.0, 0.0]))
    rows, censored = curves.rows_needed(np.array([0.0, 0.1]))
    assert rows == pytest.approx([128, 64 * np.sqrt(2)])
    assert not censored.any()


def test_the_curve_table_by_hand() -> None:
    trials = pd.DataFrame(
        {
            "dataset": "d",
            "model": "m",
            "family": "linear",
            "level": "model",
            "n_train": [32, 32, 64],
            "repeat": [0, 1, 0],
            "loss": [0.4, 0.6, 0.3],
            "score": [0.6, 0.4, 0.7],
        }
    )
    table = curve_table(trials, pd.DataFrame({"test_share": [0.0]}, index=["d"]))
    assert table["loss_mean"].tolist() == pytest.approx([0.5, 0.3])
    assert table["n_repeats"].tolist() == [2, 1]
    reach = 12.7062 * 0.1  # t with one degree of freedom times the standard error
    assert table["loss_hi"][0] == pytest.approx(0.5 * np.exp(reach / 0.5), rel=1e-4)
    assert table["score_lo"][0] == pytest.approx(0.5 - reach, rel=1e-4)
    assert np.isnan(table["loss_lo"][1])
    corrected = curve_table(trials, pd.DataFrame({"test_share": [0.25]}, index=["d"]))
    assert corrected["score_lo"][0] == pytest.approx(0.5 - reach * np.sqrt(1 + 2 * 0.25), rel=1e-4)


def test_equal_losses_that_differ_by_rounding_are_reached() -> None:
    targets = np.array([0.4, 0.1]) * (1 - 1e-15)
    rows, censored = MonotoneCurves(ANCHORS, CURVE).rows_needed(targets)
    assert rows == pytest.approx([64, 256]) and not censored.any()


def test_a_mean_loss_of_zero_has_no_width_and_with_one_repeat_no_interval() -> None:
    trials = pd.DataFrame({"n_train": [32, 32, 64, 64, 128], "loss": [0.4, 0.6, 0.0, 0.0, 0.0]})
    trials = trials.assign(dataset="d", model="m", family="linear", level="model")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = curve_table(trials, pd.DataFrame({"test_share": [0.0]}, index=["d"]))
    assert table["loss_lo"].tolist()[1:] == pytest.approx([0.0, np.nan], nan_ok=True)
    assert table["loss_hi"].tolist()[1:] == pytest.approx([0.0, np.nan], nan_ok=True)
