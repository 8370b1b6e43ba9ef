import numpy as np
import pytest

from fuelgauge.models.targets import Standardised


def test_a_target_has_mean_0_and_deviation_1_and_comes_back():
    y = np.array([2.0, 4.0, 6.0, 8.0])
    scale = Standardised.of(y)
    assert (scale.mean, scale.deviation) == (5.0, pytest.approx(np.sqrt(5)))
    assert np.allclose(scale.encode(y), np.array([-3, -1, 1, 3]) / np.sqrt(5))
    assert np.allclose(scale.decode(scale.encode(y)), y)


@pytest.mark.parametrize("value", [0.1, 1.7e9, 0.0])
def test_a_constant_target_becomes_0(value):
    scale = Standardised.of(np.full(1000, value))
    assert scale == Standardised(value, 1.0)
    assert not scale.encode(np.full(3, value)).any()


def test_a_deviation_that_float32_would_lose_is_kept():
    small = np.random.default_rng(0).normal(size=1000)
    scaled = Standardised.of(1.7e9 + small).encode(1.7e9 + small)
    assert np.allclose(scaled, Standardised.of(small).encode(small), atol=1e-6)
    assert Standardised.of(small).decode(scaled.astype(np.float32)).dtype == np.float64
