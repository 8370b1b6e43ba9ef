import warnings

import numpy as np
import pytest
from scipy import stats

from fuelgauge.claims.statistics.resample import (
    RepeatTest,
    holm,
    invert,
    jackknife_error,
    leave_one_out_means,
    reach_of_mean,
    wilcoxon,
)

TEST = RepeatTest(0.95)


def test_leave_one_out_means_by_hand() -> None:
    means = leave_one_out_means(np.array([[1.0, 2.0, 6.0], [4.0, np.nan, 8.0]]))
    assert means.tolist() == [[3, 6], [4, 8], [3.5, 6], [1.5, 4]]


def test_the_jackknife_error_of_a_mean_is_its_standard_error() -> None:
    values = np.random.default_rng(0).normal(size=(1, 7))
    means = leave_one_out_means(values)
    assert jackknife_error(means)[0] == pytest.approx(stats.sem(values[0]))


def test_one_repeat_has_no_interval() -> None:
    means = leave_one_out_means(np.array([[1.0]]))
    lower, upper = TEST.interval(means)
    assert np.isnan(lower).all() and np.isnan(upper).all() and np.isnan(TEST.p_value(means)).all()


def test_nadeau_bengio_by_hand() -> None:
    # mean 2, variance 2.5, J = 5, n_test / n_pool = 0.25: t = 2 / sqrt((0.2 + 0.25) * 2.5) = 1.8856,
    # and with t(0.975, 4) = 2.776445 the interval reaches 2.776445 * sqrt(0.45 * 2.5) = 2.944864
    test, means = RepeatTest(0.95, 0.25), leave_one_out_means(np.array([[0.0, 1.0, 2.0, 3.0, 4.0]]))
    assert test.statistic(means) == pytest.approx(1.885618)
    assert test.p_value(means) == pytest.approx(0.132419, abs=1e-6)
    assert np.ravel(test.interval(means)) == pytest.approx([2 - 2.944864, 2 + 2.944864], abs=1e-6)
    deviation, n_repeats = np.sqrt(np.array([2.5])), np.array([5.0])
    assert reach_of_mean(deviation, n_repeats, 0.95, 0.25) == pytest.approx(2.944864, abs=1e-6)


def test_nadeau_bengio_without_test_rows_is_the_t_test() -> None:
    values = np.random.default_rng(1).normal(0.3, 1, 9)
    p_value = TEST.p_value(leave_one_out_means(values[None]))
    assert p_value == pytest.approx(stats.ttest_1samp(values, 0).pvalue)


def test_equal_repeats_are_told_from_zero_unless_they_are_zero() -> None:
    test = RepeatTest(0.95, 0.25)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert test.p_value(leave_one_out_means(np.array([[0.0] * 5, [1.0] * 5]))).tolist() == [1, 0]


def test_holm_by_hand() -> None:
    # sorted .01 .02 .03 .04 times 4 3 2 1 = .04 .06 .06 .04, made non-decreasing: .04 .06 .06 .06
    assert holm(np.array([0.03, 0.01, np.nan, 0.04, 0.02])) == pytest.approx(
        [0.06, 0.04, np.nan, 0.06, 0.06], nan_ok=True
    )


def test_wilcoxon_with_six_of_one_sign_is_one_in_thirty_two() -> None:
    assert wilcoxon(np.array([1.0, 2, 3, 4, 5, 6])) == pytest.approx(2 / 64)
    assert wilcoxon(np.zeros(6)) == 1
    assert np.isnan(wilcoxon(np.array([])))


def test_inverting_a_test_of_a_line_finds_its_root_and_leaves_ends_open() -> None:
    intercepts = np.array([0.0, 0.1, -0.1, 0.2, -0.2])
    replicates = leave_one_out_means(intercepts[None])[:, 0]

    def line(x: np.ndarray) -> np.ndarray:
        return replicates[None, :, None] - x[:, None, :]

    root, edge = np.zeros((1, 1)), np.full((1, 1), 0.05)
    reach = stats.t.ppf(0.975, 4) * stats.sem(intercepts)
    lower, upper = invert(line, root, root - 1, root + 1, TEST)
    assert (lower.item(), upper.item()) == pytest.approx((-reach, reach), abs=1e-4)
    lower, upper = invert(line, root, root - 1, edge, TEST)
    assert lower.item() == pytest.approx(-reach, abs=1e-4) and upper.item() == np.inf


def test_inverting_a_test_over_two_repeats_has_an_interval() -> None:
    """The mean of -0.1 and 0.1 has the standard error 0.1, and t(0.975) with one degree is 12.7062."""
    replicates = leave_one_out_means(np.array([[-0.1, 0.1]]))[:, 0]
    root = np.zeros((1, 1))
    ends = invert(lambda x: replicates[None, :, None] - x[:, None, :], root, root - 2, root + 2, TEST)
    assert np.ravel(ends) == pytest.approx([-1.27062, 1.27062], abs=1e-4)
