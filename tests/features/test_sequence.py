import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fuelgauge.errors import ConfigError
from fuelgauge.features import _blocks as blocks
from fuelgauge.features._sequence import engineered, statistics
from fuelgauge.spec.features import SequenceSettings

SETTINGS = SequenceSettings()
STEPS = np.arange(48)

batches = st.tuples(st.integers(1, 6), st.integers(1, 20), st.integers(1, 3)).flatmap(
    lambda shape: arrays.arrays(np.float32, shape, elements=st.floats(width=32))
)


def of(channel) -> dict[str, float]:
    """Return the statistics of one channel."""
    values = np.asarray(channel, dtype=np.float64)[None, None]
    return {name: float(found[0, 0]) for name, found in statistics(values, SETTINGS).items()}


@pytest.mark.parametrize("cycles", [1, 3, 7, 12])
def test_a_sine_has_its_power_at_its_frequency(cycles):
    found = of(2.5 * np.sin(2 * np.pi * cycles * STEPS / 48 + 0.4))
    assert found["peak"] == pytest.approx(cycles / 48)
    assert found["centroid"] == pytest.approx(cycles / 48)
    assert found["entropy"] == pytest.approx(0, abs=1e-9)
    assert found[f"amplitude_{cycles}"] == pytest.approx(2.5)
    assert sum(found[f"amplitude_{k}"] for k in range(1, 17)) == pytest.approx(2.5)
    assert found["deviation"] == pytest.approx(2.5 / np.sqrt(2))
    assert found["crossings"] * 47 == pytest.approx(2 * cycles, abs=1)


def test_a_straight_line_has_its_slope():
    found = of(3 - 0.25 * STEPS)
    assert found["slope"] == pytest.approx(-0.25)
    assert (found["first"], found["last"], found["max"]) == (3, 3 - 0.25 * 47, 3)
    assert (found["position_max"], found["position_min"]) == (0, 1)
    assert found["change_mean"] == found["change_deviation"] == 0.25
    assert (found["change_min"], found["change_max"]) == (-0.25, 0)  # at least 0, by definition
    assert found["skewness"] == pytest.approx(0, abs=1e-9)


def test_statistics_agree_with_numpy_and_scipy():
    from scipy import stats

    x = np.random.default_rng(0).gamma(1.5, size=48)
    found = of(x)
    assert found["mean"] == pytest.approx(x.mean())
    assert found["deviation"] == pytest.approx(x.std())
    assert found["skewness"] == pytest.approx(stats.skew(x))
    assert found["kurtosis"] == pytest.approx(stats.kurtosis(x))
    assert found["slope"] == pytest.approx(np.polyfit(STEPS, x, 1)[0])
    for share in SETTINGS.quantiles:
        assert found[f"quantile_{share:g}"] == pytest.approx(np.quantile(x, share))
    centred = x - x.mean()
    assert found["autocorrelation_4"] == pytest.approx(centred[4:] @ centred[:-4] / (centred @ centred))


def test_missing_values_are_left_out():
    x = np.random.default_rng(1).normal(size=48)
    x[[0, 5, 6, 47]] = np.nan
    present = np.flatnonzero(~np.isnan(x))
    found = of(x)
    assert found["missing"] == pytest.approx(4 / 48)
    assert found["mean"] == pytest.approx(np.nanmean(x))
    assert found["deviation"] == pytest.approx(np.nanstd(x))
    assert found["slope"] == pytest.approx(np.polyfit(present, x[present], 1)[0])
    assert found["quantile_0.25"] == pytest.approx(np.nanquantile(x, 0.25))
    assert (found["first"], found["last"]) == (x[1], x[46])
    assert found["change_mean"] == pytest.approx(np.nanmean(np.abs(np.diff(x))))
    assert all(np.isfinite(value) for value in found.values())


def test_a_constant_channel_varies_in_nothing():
    found = of(np.full(48, 0.1))
    assert found["mean"] == pytest.approx(0.1)
    levels = {"mean", "min", "max", "first", "last", *(name for name in found if "quantile" in name)}
    assert {found[name] for name in found if name not in levels} == {0}


def test_a_channel_without_a_value_is_missing():
    found = of(np.full(48, np.nan))
    assert found.pop("missing") == 1
    assert np.isnan(list(found.values())).all()


def test_lags_are_values_counted_from_the_end():
    x = np.arange(24, dtype=np.float32).reshape(2, 6, 2)
    features = engineered(x, [1, 6], SETTINGS).reshape(2, 2, -1)
    assert features[..., -2].tolist() == [[10, 11], [22, 23]]
    assert features[..., -1].tolist() == [[0, 1], [12, 13]]


@pytest.mark.parametrize("lag", [0, 7])
def test_a_lag_outside_the_sequence_is_said(lag):
    with pytest.raises(
        ConfigError, match=f"engineered.lags holds {lag}; a lag must lie between 1 and the 6 steps"
    ):
        engineered(np.zeros((2, 6, 1), np.float32), [lag], SETTINGS)


@given(batches, st.data())
@settings(max_examples=150, deadline=None)
def test_features_of_a_row_depend_on_that_row_alone(x, data):
    lags = [1, x.shape[1]]
    together = engineered(x, lags, SETTINGS)
    assert together.dtype == np.float32
    assert not np.isinf(together).any()
    order = np.array(data.draw(st.permutations(range(len(x)))))
    np.testing.assert_array_equal(engineered(x[order], lags, SETTINGS), together[order])
    for row in range(len(x)):
        np.testing.assert_array_equal(engineered(x[row : row + 1], lags, SETTINGS)[0], together[row])


def test_blocks_change_nothing(monkeypatch):
    x = np.random.default_rng(0).normal(size=(500, 48, 3)).astype(np.float32)
    whole = engineered(x, [1], SETTINGS)
    monkeypatch.setattr(blocks, "BLOCK_VALUES", 48 * 3 * 7)
    np.testing.assert_array_equal(engineered(x, [1], SETTINGS), whole)


def test_no_rows_have_as_many_features():
    one = engineered(np.ones((1, 48, 2), np.float32), [], SETTINGS)
    assert engineered(np.ones((0, 48, 2), np.float32), [], SETTINGS).shape == (0, one.shape[1])


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"quantiles": [0.5, 1.5]}, r"feature_set.sequence.quantiles is \[0.5, 1.5\]; each must lie"),
        ({"autocorrelations": [0]}, r"feature_set.sequence.autocorrelations is \[0\]"),
        ({"frequencies": -1}, "feature_set.sequence.frequencies is -1"),
    ],
)
def test_a_wrong_setting_is_said(wrong, sentence):
    with pytest.raises(ConfigError, match=sentence):
        SequenceSettings(**wrong)
