import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.isotonic import IsotonicRegression

from fuelgauge.claims.curves import curve_table, interpolate, isotonic, rows_needed

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
    n = np.array([45.0, 100.0, 200.0])
    assert interpolate(ANCHORS, 3 * ANCHORS**-0.4, n) == pytest.approx(3 * n**-0.4)


def test_a_segment_that_touches_zero_is_read_in_the_loss() -> None:
    read = interpolate(np.array([64.0, 256.0]), np.array([0.2, 0.0]), np.array([128.0]))
    assert read == pytest.approx([0.1])


def test_rows_needed_inverts_interpolation() -> None:
    targets = np.array([0.6, 0.4, 0.2, 0.1])
    rows, censored = rows_needed(ANCHORS, CURVE, targets)
    assert interpolate(ANCHORS, CURVE, rows) == pytest.approx(targets)
    assert rows[1] == pytest.approx(64)  # the smallest number of rows on a flat stretch
    assert not censored.any()


def test_rows_needed_is_censored_outside_the_measured_losses() -> None:
    rows, censored = rows_needed(ANCHORS, CURVE, np.array([0.9, 0.8, 0.05]))
    assert rows.tolist() == [32, 32, 256]
    assert censored.tolist() == [-1, 0, 1]


def test_zero_losses_are_reached() -> None:
    curve = np.array([0.5, 0.2, 0.0, 0.0])
    rows, censored = rows_needed(ANCHORS, curve, np.array([0.0, 0.1]))
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
    rows, censored = rows_needed(ANCHORS, CURVE, np.array([0.4 * (1 - 1e-15), 0.1 * (1 - 1e-15)]))
    assert rows == pytest.approx([64, 256]) and not censored.any()
