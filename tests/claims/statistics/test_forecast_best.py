import numpy as np
import pytest

from fuelgauge.claims.statistics.forecast_best import (
    choose,
    forecast_best,
    paired_noise,
    probabilities_of_best,
)
from fuelgauge.errors import TableError

N = 2.0 ** np.arange(5, 12)
LOSS = np.array([0.42, 0.36, 0.33, 0.29, 0.27, 0.25, 0.235])
REPEATS = 1 + 0.03 * np.random.default_rng(0).normal(size=(7, 5))


def curve(factor, power=0.0):
    return (N, (factor * LOSS * (N / N[-1]) ** power)[:, None] * REPEATS)


def test_two_equal_models_have_even_chances():
    found = forecast_best({"a": curve(1.0), "b": curve(1.0)}, 4096)
    assert found.pairs["p_a"].item() == pytest.approx(0.5)
    np.testing.assert_allclose(found.models["p_best"], 0.5, atol=0.02)
    assert found.pairs["ratio_lo"].item() < 1 < found.pairs["ratio_hi"].item()


def test_a_model_that_is_far_ahead_stays_best():
    found = forecast_best({"ahead": curve(0.5), "b": curve(1.0), "c": curve(1.1)}, 4096)
    assert found.choice == "ahead"
    assert found.models["p_best"].iloc[0] > 0.9
    assert found.models["p_best"].sum() == pytest.approx(1)


def test_a_steeper_model_close_behind_is_likelier_to_win_the_farther_the_target():
    curves = {"flat": curve(1.0), "steep": curve(1.02, -0.25)}
    chances = [1 - forecast_best(curves, n).pairs["p_a"].item() for n in (2048, 4096, 20480)]
    assert chances == sorted(chances)
    assert chances[-1] > 0.5 > chances[0]


def test_a_ratio_now_is_the_paired_ratio_and_the_interval_grows_with_the_level():
    curves = {"a": curve(1.0), "b": curve(1.1, 0.05)}
    wide, narrow = (forecast_best(curves, 4096, level).pairs.iloc[0] for level in (0.9, 0.5))
    assert wide["ratio_now"] == pytest.approx(1 / 1.1)
    assert wide["ratio_lo"] < narrow["ratio_lo"] < wide["ratio"] < narrow["ratio_hi"] < wide["ratio_hi"]


def test_the_best_of_today_is_kept_unless_another_probably_beats_it():
    now, scale = np.array([0.0, 0.1, 0.1]), 1 - np.eye(3)
    assert choose(now, np.array([0.0, -0.1, 0.2]), scale, 5.0) == 0
    assert choose(now, np.array([0.0, -0.1, -1.0]), scale, 5.0) == 2
    assert choose(now, np.array([0.0, -0.1, -1.0]), 100 * scale, 5.0) == 0


def test_names_and_order_do_not_matter():
    curves = {"a": curve(1.0), "b": curve(1.05, -0.1), "c": curve(1.1)}
    found, again = (forecast_best(each, 4096) for each in (curves, dict(reversed(curves.items()))))
    first, second = (each.pairs.set_index(["model_a", "model_b"])["p_a"] for each in (found, again))
    assert first["a", "b"] == pytest.approx(1 - second["b", "a"])


def test_models_are_compared_from_the_last_anchor_that_all_have():
    n, loss = curve(1.0)
    found = forecast_best({"short": (n[:5], loss[:5]), "long": curve(1.1)}, 2048)
    assert (found.n_shared, found.n_target) == (512, 2048)
    assert found.pairs["ratio_now"].item() == pytest.approx(1 / 1.1)
    now = found.models.set_index("model")["loss_now"].to_dict()
    assert now == pytest.approx({"short": loss[4].mean(), "long": 1.1 * loss[4].mean()})


def test_the_constant_predictor_is_no_contestant():
    found = forecast_best({"a": curve(1.0), "b": curve(1.1), "constant": ([32], [0.6])}, 4096)
    assert set(found.models["model"]) == {"a", "b"}


@pytest.mark.parametrize("columns", [1, 3])
def test_repeats_that_do_not_match_are_no_error(columns):
    n, loss = curve(1.0)
    found = forecast_best({"a": (n, loss[:, :columns]), "b": curve(1.1), "c": (N, LOSS)}, 4096)
    assert np.isfinite(found.pairs.select_dtypes("number")).all().all()


def test_paired_noise_is_that_of_the_difference():
    losses = np.array([[0.1, 0.2, 0.3], [0.2, 0.4, 0.6], [0.3, 0.2, 0.1]])
    found = paired_noise(losses)
    assert found[0, 1] == pytest.approx(0)
    assert found[0, 2] == pytest.approx(np.std([-1, 0, 1], ddof=1) / np.sqrt(3))
    assert np.isnan(paired_noise([[0.1], [0.2]])).all()
    assert np.isnan(paired_noise([[0.1, np.nan], [np.nan, 0.2]])[0, 1])


def test_probabilities_of_independent_models_are_known():
    """Three equal models share the chances; of two at distance 1 with scale 1, the better has Phi(1)."""
    equal = np.sqrt(2) * (1 - np.eye(3))
    np.testing.assert_allclose(probabilities_of_best(np.zeros(3), equal, 1e6), 1 / 3, atol=0.02)
    two = probabilities_of_best(np.array([0.0, 1.0]), 1 - np.eye(2), 1e6)
    assert two[0] == pytest.approx(0.8413, abs=0.015)


@pytest.mark.parametrize(
    ("curves", "target", "says"),
    [
        ({"a": curve(1.0)}, 4096, "at least two models"),
        ({"a": curve(1.0), "constant": curve(2.0)}, 4096, "at least two models"),
        ({"a": curve(1.0), "b": curve(1.1)}, 1000, "lies below 2048"),
        ({"a": curve(1.0), "b": curve(1.1)}, np.nan, "n_target"),
        ({"a": curve(1.0), "b": (N, np.zeros(7))}, 4096, "model 'b' has no loss above zero"),
        ({"a": (N[:2], LOSS[:2]), "b": (N[4:], LOSS[4:])}, 4096, "model 'b' .* starts beyond"),
        ({"a": curve(1.0), "b": (N, -LOSS)}, 4096, "model 'b': loss holds"),
    ],
)
def test_bad_input_is_one_sentence(curves, target, says):
    with pytest.raises(TableError, match=says) as caught:
        forecast_best(curves, target)
    assert "\n" not in str(caught.value)
