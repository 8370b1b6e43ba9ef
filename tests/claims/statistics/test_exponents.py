import numpy as np
import pytest
from scipy import stats

from fuelgauge.claims.statistics.exponents import fit_exponents
from fuelgauge.claims.statistics.resample import RepeatTest

ANCHORS = np.array([32.0, 64.0, 128.0, 256.0])


def powers(*exponents: float) -> np.ndarray:
    """Return curves of one repeat for each exponent, shape (anchors, repeats)."""
    return np.stack([3.0 * ANCHORS**exponent for exponent in exponents], axis=-1)


def test_a_power_law_gives_its_exponent_back():
    found = fit_exponents(ANCHORS, np.stack([powers(-0.3, -0.3), powers(1.2, 1.2)]))
    assert found.value == pytest.approx([-0.3, 1.2])
    assert found.lo == pytest.approx(found.value)
    assert found.hi == pytest.approx(found.value)


def test_the_exponent_is_the_slope_of_least_squares():
    values = np.array([0.4, 0.35, 0.2, 0.19])[:, None]
    assert fit_exponents(ANCHORS, values).value == pytest.approx(
        stats.linregress(np.log(ANCHORS), np.log(values[:, 0])).slope
    )


def test_the_interval_widens_with_the_spread_of_repeats_and_their_shared_rows():
    narrow = fit_exponents(ANCHORS, powers(-0.31, -0.30, -0.29))
    wide = fit_exponents(ANCHORS, powers(-0.4, -0.3, -0.2))
    shared = fit_exponents(ANCHORS, powers(-0.31, -0.30, -0.29), RepeatTest(test_share=1.0))
    assert narrow.lo < -0.3 < narrow.hi
    assert wide.hi - wide.lo > 5 * (narrow.hi - narrow.lo)
    assert shared.hi - shared.lo == pytest.approx(2 * (narrow.hi - narrow.lo))


def test_one_repeat_has_no_interval():
    found = fit_exponents(ANCHORS, powers(-0.5))
    assert found.value == pytest.approx(-0.5)
    assert np.isnan([found.lo, found.hi]).all()


def test_anchors_without_a_mean_above_zero_are_left_out():
    values = powers(-0.5, -0.5)
    values[0], values[1, 0] = 0.0, np.nan
    longer = np.array([16.0, *ANCHORS])
    found = fit_exponents(longer, np.concatenate([[[np.nan, np.nan]], np.vstack([powers(-0.5, -0.5)])]))
    assert found.value == pytest.approx(-0.5)
    assert np.isnan(fit_exponents(ANCHORS, values).value), "two anchors are too few"
