import math

import numpy as np
import pytest

from fuelgauge.claims.statistics import meta
from fuelgauge.claims.statistics.meta import (
    FLOOR,
    detectable,
    difference,
    hochberg,
    moderated,
    random_effects,
)

# Thirteen trials of the BCG vaccine (Colditz et al., JAMA 271, 1994): log risk ratios, and their variances.
BCG = -np.array(
    [0.8893, 1.5854, 1.3481, 1.4416, 0.2175, 0.7861, 1.6209, -0.012, 0.4694, 1.3713, 0.3394, -0.4459, 0.0173]
)
VARIANCE = np.array(
    [0.3256, 0.1946, 0.4154, 0.0200, 0.0512, 0.0069, 0.2230, 0.0040, 0.0564, 0.0730, 0.0124, 0.5325, 0.0714]
)


def world(seed, k, mean, tau, reach=math.inf):
    """Return log ratios with noisy standard errors; ratios beyond a random reach are bounds."""
    random = np.random.default_rng(seed)
    true_error = random.uniform(0.05, 0.35, k)
    error = true_error * np.sqrt(random.chisquare(4, k) / 4)
    values = random.normal(mean, tau, k) + random.normal(0, true_error)
    high, low = random.uniform(0.8, 1.6, k) * reach, -random.uniform(0.8, 1.6, k) * reach
    censored = np.where(values > high, 1, np.where(values < low, -1, 0))
    return np.clip(values, low, high), error, censored


def test_without_censoring_it_is_reml_with_the_interval_of_hartung_and_knapp():
    """The figures are those of the package metafor for these data."""
    found = meta._estimate(BCG, np.sqrt(VARIANCE), np.zeros(13))
    assert found.tau**2 == pytest.approx(0.3132, abs=2e-3)
    assert found.mean == pytest.approx(-0.7145, abs=2e-3)
    assert found.error == pytest.approx(0.1808, abs=2e-3)
    assert found.interval() == pytest.approx((-1.1084, -0.3206), abs=4e-3)
    assert [found.tau_lo**2, found.tau_hi**2] == pytest.approx([0.1197, 1.1115], rel=0.02)


def test_a_bound_counts_as_what_it_is():
    values, errors = np.array([0.0, 0.1, 0.2, 0.3, 1.0]), np.full(5, 0.1)
    exact = random_effects(values, errors, np.zeros(5))
    above = random_effects(values, errors, np.array([0, 0, 0, 0, 1]))
    below = random_effects(values, errors, np.array([0, 0, 0, 0, -1]))
    assert below.mean < exact.mean < above.mean
    assert above.weight < 5


def test_a_bound_that_says_nothing_changes_nothing():
    values, errors = np.array([0.0, 0.1, 0.2, 0.3]), np.full(4, 0.1)
    without = random_effects(values, errors, np.zeros(4))
    far = random_effects(np.append(values, -50.0), np.full(5, 0.1), np.array([0, 0, 0, 0, 1]))
    assert [far.mean, far.error, far.tau] == pytest.approx(
        [without.mean, without.error, without.tau], abs=1e-4
    )


def test_one_dataset_is_no_sample_of_datasets():
    found = random_effects(np.array([0.3]), np.array([0.1]), np.zeros(1))
    assert found.interval() == (-math.inf, math.inf) and math.isnan(found.p_value())
    assert found.share_above(0.0).lo == 0 and found.share_above(0.0).hi == 1
    assert detectable(found) == math.inf


def test_small_standard_errors_are_drawn_to_the_others_and_have_a_floor():
    assert moderated(np.array([0.1, 0.3])) == pytest.approx([0.03**0.5, 0.07**0.5])
    assert moderated(np.array([math.nan, 0.0])) == pytest.approx([FLOOR, FLOOR])


@pytest.mark.parametrize(
    ("k", "mean", "tau", "reach"), [(8, 0.0, 0.5, 1.0), (24, 0.47, 0.9, 1.0), (12, 0.0, 0.1, math.inf)]
)
def test_the_interval_covers_and_false_answers_are_few(k, mean, tau, reach):
    found = [random_effects(*world(seed, k, mean, tau, reach)) for seed in range(250)]
    covered = [lo <= mean <= hi for lo, hi in (each.interval() for each in found)]
    assert 0.91 <= np.mean(covered) <= 0.99
    shares = [each.share_above(mean) for each in found]
    assert np.mean([share.lo <= 0.5 <= share.hi for share in shares]) >= 0.91


def test_a_ratio_of_1_6_on_24_tables_is_shown_and_the_stated_power_is_kept():
    found = [random_effects(*world(seed, 24, math.log(1.6), 0.5)) for seed in range(100)]
    assert np.mean([each.p_above(0.0) < 0.025 for each in found]) >= 0.95
    smallest = float(np.median([detectable(each) for each in found]))
    there = [random_effects(*world(seed, 24, smallest, 0.5)) for seed in range(200)]
    assert 0.7 <= np.mean([each.p_value() < 0.05 for each in there]) <= 0.9


def test_the_next_dataset_is_less_certain_than_the_mean():
    found = random_effects(*world(1, 24, math.log(1.6), 0.5))
    share = found.share_above(0.0)
    assert share.lo < share.share < share.hi
    assert 0.7 < share.next_one < 1 - found.p_above(0.0)


def test_hochberg_steps_up():
    assert hochberg(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.04, 0.04])
    assert hochberg(np.array([0.02, math.nan, 0.5])) == pytest.approx([0.04, math.nan, 0.5], nan_ok=True)


def test_the_difference_of_two_means_is_that_of_welch():
    one, other = random_effects(*world(1, 9, 0.5, 0.4)), random_effects(*world(2, 14, 0.0, 0.6))
    found = difference(one, other)
    assert found.mean == one.mean - other.mean
    assert found.error == math.hypot(one.error, other.error)
    assert min(one.freedom, other.freedom) <= found.freedom <= one.freedom + other.freedom


def test_bounds_alone_bound_the_mean_on_their_side_only():
    above = random_effects(np.log([4.0, 6.0, 5.0, 8.0]), np.full(4, 0.1), np.ones(4))
    lo, hi = above.interval()
    assert math.log(2) < lo and hi == math.inf
    assert above.p_value(0.0) < 0.01 and above.p_value(math.log(20)) == 1.0
    below = random_effects(-np.log([4.0, 6.0, 5.0, 8.0]), np.full(4, 0.1), -np.ones(4))
    assert below.interval() == pytest.approx((-math.inf, -lo))
    both = random_effects(np.log([4.0, 6.0, 0.2]), np.full(3, 0.1), np.array([1, 1, -1]))
    assert math.isnan(both.mean)


def test_with_two_values_bounds_stay_bounds_and_with_one_they_count_as_values():
    values, errors = np.log([2.0, 2.0, 8.0, 8.0]), np.full(4, 0.1)
    two = random_effects(values, errors, np.array([0, 0, 1, 1]))
    one = random_effects(values, errors, np.array([0, 1, 1, 1]))
    assert two.bound == 0 and math.isfinite(two.interval()[1])
    assert one.bound == 1 and one.interval()[1] == math.inf
