import numpy as np
import pytest

from fuelgauge.registry._calibration import bins, expected_calibration_error, regression_bias


def test_a_calibrated_classifier_has_no_calibration_error():
    probabilities = np.tile([0.75, 0.25], (8, 1))
    found = bins(np.array([0, 0, 0, 1] * 2), probabilities)
    assert [(one.lo, one.n_rows, one.confidence, one.accuracy) for one in found] == [
        (pytest.approx(0.7), 8, 0.75, 0.75)
    ]
    assert expected_calibration_error(found) == 0


def test_the_error_is_the_mean_distance_weighted_by_rows():
    probabilities = np.array([[0.95, 0.05]] * 3 + [[0.55, 0.45]])
    found = bins(np.array([0, 0, 1, 0]), probabilities)
    assert [one.n_rows for one in found] == [1, 3]
    assert expected_calibration_error(found) == pytest.approx((3 * (0.95 - 2 / 3) + 1 * 0.45) / 4)


def test_a_probability_of_one_is_in_the_last_bin():
    (found,) = bins(np.array([1]), np.array([[0.0, 1.0]]))
    assert (found.lo, found.hi) == (pytest.approx(0.9), 1.0)


def test_bias_and_slope_show_predictions_that_are_too_high_and_too_extreme():
    target = np.array([1.0, 2.0, 3.0])
    bias, slope = regression_bias(target, 2 * target)
    assert bias == pytest.approx(2)
    assert slope == pytest.approx(0.5)
    assert np.isnan(regression_bias(target, np.ones(3))[1])
