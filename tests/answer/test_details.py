"""The questions of a table, the order of the trials, the calibration, and what travels with the package."""

import numpy as np
import pytest

from fuelgauge.answer import _contestants
from fuelgauge.answer._alone import alone
from fuelgauge.answer._lines import question_of
from fuelgauge.answer._plan import frame_of, order
from fuelgauge.answer._question import Question, Workplace
from fuelgauge.answer._rows import prepare
from fuelgauge.answer._trust import of_outcomes
from fuelgauge.answer.own import check
from fuelgauge.errors import ConfigError
from tests.answer.test_ask import shop
from tests.conftest import CHECKOUT


def test_settings_in_the_package_are_those_of_the_project():
    for group in ("model", "price"):
        assert (_contestants.SETTINGS / group).resolve() == CHECKOUT / "conf" / group
    assert _contestants.model_config("xgboost").family == "trees"
    assert _contestants.prices().core_hour > 0


def test_more_minutes_bring_other_settings_of_the_same_models():
    usual, small = _contestants.model_config("lightgbm"), _contestants.model_config("lightgbm_small")
    assert small.target == usual.target
    assert small.hyperparameters["parameters"]["num_leaves"] == 8
    assert usual.hyperparameters["parameters"] == {}
    assert set(_contestants.OTHER_SETTINGS) <= set(_contestants.TITLES)


def test_other_settings_join_with_ten_minutes(tmp_path):
    shop(300).to_csv(tmp_path / "shop.csv", index=False)
    place = Workplace(tmp_path, "shop")
    place.open()
    question = Question.of_file(tmp_path / "shop.csv", "bought")
    table = prepare(question, place)
    frame = frame_of(table.config, table.dataset)

    def names(minutes, known=()):
        found = _contestants.contestants(frame, table.dataset, question, minutes, place, {}, known)
        return {each.name for each in found}

    assert set(_contestants.OTHER_SETTINGS) < names(10)
    assert not set(_contestants.OTHER_SETTINGS) & names(3)
    assert "lightgbm_slow" in names(3, {"lightgbm_slow"})


def test_the_trials_of_a_model_begin_with_its_curve_and_go_on_with_pairs_of_the_two_largest_sizes():
    asked = list(order([10, 20, 40, 80], 4))
    assert asked[:4] == [(10, 0), (20, 0), (40, 0), (80, 0)]
    assert asked[4:6] == [(80, 1), (40, 1)]
    assert asked[-2:] == [(80, 3), (40, 3)]
    assert len(set(asked)) == len(asked) == 2 * 4 + 2 * 2


def test_a_column_that_knows_all_explains_all_and_noise_nothing(tmp_path):
    shop(300).to_csv(tmp_path / "shop.csv", index=False)
    place = Workplace(tmp_path, "shop")
    place.open()
    shares = alone(prepare(Question.of_file(tmp_path / "shop.csv", "bought"), place).dataset)
    assert shares["receipt"] > 0.95
    assert 0 <= shares["city"] < 0.4


def test_questions_name_the_flag_that_settles_them():
    asked = question_of("time", "", "or since or until, to predict the future", True)
    assert asked == ["TIME?   since or until: to predict the future, --time since"]
    guessed = question_of("group", "shop id", "an id", True)
    assert guessed == ["GROUP?  shop id (an id) - if that is not so: --group none"]
    assert question_of("time", "since", "as you said", False) == []
    assert question_of("time", "", "", True) == []


def test_calibration_of_probabilities_that_come_true_and_of_some_that_do_not():
    rng = np.random.default_rng(0)
    said = rng.random(20_000)
    seen = (rng.random(20_000) < said).astype(float)
    assert of_outcomes(said, seen, True).error < 0.02
    assert of_outcomes(np.full(1000, 0.9), np.repeat([0.0, 1.0], 500), True).error == pytest.approx(
        0.4, abs=0.05
    )
    assert of_outcomes(said, seen, True).lift == pytest.approx(1.9, abs=0.1)


def test_a_model_of_ones_own_names_a_file_and_a_function(tmp_path):
    (tmp_path / "mine.py").write_text("make = dict")
    assert check(f"{tmp_path}/mine.py:make") == (tmp_path / "mine.py", "make")
    for given in ("mine.py", f"{tmp_path}/other.py:make", ":make"):
        with pytest.raises(ConfigError, match=r"mine\.py:make"):
            check(given)
