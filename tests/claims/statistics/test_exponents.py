import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fuelgauge.claims.statistics.cube import cubes
from fuelgauge.claims.statistics.exponents import exponent_table, fit_exponents
from fuelgauge.claims.statistics.resample import RepeatTest
from tests.claims.worlds import Noise, power_law, trial_table

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


NO_SHARE = pd.DataFrame({"test_share": 0.0}, index=["d"])
MODELS = {"a": ("deep", power_law(2.0, 0.3, 0.0)), "b": ("linear", power_law(1.0, 0.1, 0.0))}


def table(**kwargs) -> pd.DataFrame:
    seconds = {"fit_seconds": {"a": lambda n: 0.01 * n**0.8, "b": lambda n: 0.01 * n}}
    return trial_table({"d": MODELS}, columns=seconds, **kwargs).assign(level="model")


def test_the_table_has_the_exponents_of_both_quantities() -> None:
    found = exponent_table(cubes(table(noise=Noise(0, 0, 0, 0))), NO_SHARE).set_index("model")
    assert found["loss_exponent"].to_dict() == pytest.approx({"a": -0.3, "b": -0.1})
    assert found["fit_seconds_exponent"].to_dict() == pytest.approx({"a": 0.8, "b": 1.0})


@pytest.mark.parametrize("n_repeats", [3, 5])
def test_intervals_cover_the_exponents(n_repeats: int) -> None:
    truths = {f"d{i}": MODELS for i in range(300)}
    drawn = trial_table(truths, n_repeats=n_repeats).assign(level="model")
    found = exponent_table(cubes(drawn), pd.DataFrame({"test_share": 0.0}, index=list(truths)))
    of_a = found[found["model"] == "a"]
    held = (of_a["loss_exponent_lo"] <= -0.3) & (of_a["loss_exponent_hi"] >= -0.3)
    assert held.mean() == pytest.approx(0.95, abs=0.04)


def test_shared_rows_widen_the_interval_of_losses_and_not_of_seconds() -> None:
    of_table = cubes(table())
    apart, sharing = (exponent_table(of_table, NO_SHARE.assign(test_share=share)) for share in (0, 0.25))
    for name, factor in (("loss", 1.5), ("fit_seconds", 1.0)):
        widths = [f[f"{name}_exponent_hi"] - f[f"{name}_exponent_lo"] for f in (apart, sharing)]
        assert widths[1].to_numpy() == pytest.approx(factor * widths[0].to_numpy())


def test_with_one_timed_repeat_the_interval_is_that_of_a_regression_over_the_anchors() -> None:
    drawn = table()
    drawn.loc[drawn["repeat"] > 0, "fit_seconds"] = np.nan
    found = exponent_table(cubes(drawn), NO_SHARE).set_index("model").loc["a"]
    own = drawn[(drawn["model"] == "a") & (drawn["repeat"] == 0)]
    line = stats.linregress(np.log(own["n_train"]), np.log(own["fit_seconds"]))
    reach = stats.t.ppf(0.975, len(own) - 2) * line.stderr
    assert found["fit_seconds_exponent"] == pytest.approx(line.slope)
    assert found["fit_seconds_exponent_hi"] == pytest.approx(line.slope + reach)


def test_what_cannot_be_fitted_is_missing() -> None:
    short = table(anchors=np.array([32.0, 64.0])).drop(columns="fit_seconds")
    found = exponent_table(cubes(short), NO_SHARE)
    assert found[["loss_exponent", "fit_seconds_exponent"]].isna().all().all()


def test_three_anchors_have_an_exponent_and_two_have_none() -> None:
    anchors = np.array([32.0, 64.0, 128.0])
    losses = np.repeat(4 * anchors[:, None] ** -0.5, 3, axis=1)
    assert fit_exponents(anchors, losses).value == pytest.approx(-0.5)
    assert np.isnan(fit_exponents(anchors[:2], losses[:2]).value)


def test_every_dataset_has_rows_of_its_own() -> None:
    trials = trial_table({"d": MODELS, "e": MODELS}).assign(level="model")
    found = exponent_table(cubes(trials), pd.DataFrame({"test_share": 0.0}, index=["d", "e"]))
    assert found["dataset"].to_dict() == {0: "d", 1: "d", 2: "e", 3: "e"}
