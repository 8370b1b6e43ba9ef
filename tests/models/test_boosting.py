"""What the three libraries of boosted trees share, and what each of them does by itself."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, create
from fuelgauge.models.boosting import Boosted, Columns, loss_name, offset, spread
from fuelgauge.models.catboost import CatBoost
from fuelgauge.models.storage import load, save
from tests.models.kinds import examples
from tests.models.test_contract import CONFIGS, METRIC

LIBRARIES = ("xgboost", "lightgbm", "catboost")
CONTEXT = FitContext(0, 1, "cpu", "accuracy")


def new(name: str, **changes) -> Boosted:
    return create(CONFIGS[name]["target"], {**CONFIGS[name]["hyperparameters"], "max_rounds": 40, **changes})


class Scripted(Boosted):
    """A library whose validation losses are given."""

    def __init__(self, losses):
        super().__init__()
        self.losses, self.calls = losses, []

    def boost(self, train, validation, rounds, context):
        self.calls.append((len(train), validation is not None, rounds))
        return self.losses if validation is not None else []

    def settings(self, train, context):
        return {}

    def raw(self, examples):
        return np.zeros(len(examples))

    def count_parameters(self):
        return 0


def test_the_last_of_the_best_rounds_counts_and_a_refit_makes_as_many_on_all_rows():
    rows = examples("matrix", "binary", 20)
    found, again = Scripted([0.3, 0.1, 0.2, 0.1, 0.4]), Scripted([])
    assert found.fit(rows.head(16), rows.head(4), CONTEXT) == 5
    assert found.rounds == 4
    assert again.refit(rows, found, CONTEXT) == 4
    assert again.calls == [(20, False, 4)]


def test_early_stopping_is_by_the_metric_of_the_dataset():
    assert loss_name("binary", "accuracy") == loss_name("multiclass", "accuracy") == "error"
    assert loss_name("binary", "roc_auc") == loss_name("multiclass", "log_loss") == "cross_entropy"
    assert loss_name("regression", "mae") == "rmse"


def test_given_parameters_have_precedence_over_the_defaults_of_a_task_and_none_takes_one_away():
    model = CatBoost(
        parameters={"depth": 3, "subsample": None},
        for_classes={"depth": 7, "subsample": 0.9, "border_count": 254},
        for_values={"depth": 9},
    )
    assert model.chosen("binary") == {"depth": 3, "border_count": 254}
    assert model.chosen("regression") == {"depth": 3}
    assert replace(model, parameters={}).chosen("regression") == {"depth": 9}


def test_columns_are_known_by_their_position():
    x = pd.DataFrame({"a": ["x", None, "y"], "b": [1.0, np.nan, 3.0], "c": ["u", "u", "v"]})
    x.columns = ["same", "n", "same"]
    rows = Examples(x, np.zeros(3, dtype=np.int64), "binary", 2, ("same",))
    columns = Columns().fit(rows)
    assert columns.categorical == [0, 2]
    expected = [[0, 1, 0], [np.nan, np.nan, 0], [1, 3, 1]]
    assert np.array_equal(columns.transform(rows), np.array(expected, np.float32), equal_nan=True)
    other = replace(rows, x=pd.DataFrame([["new", 7.0, "v"]] * 3, columns=x.columns))
    assert np.array_equal(columns.transform(other)[0], np.array([np.nan, 7, 1], np.float32), equal_nan=True)


@pytest.mark.parametrize("name", LIBRARIES)
def test_names_that_occur_twice_are_taken(name):
    train = examples("table", "binary", 60)
    usual = new(name)
    usual.fit(train, train.head(10), CONTEXT)
    before = usual.predict(train)
    twice = replace(train, x=train.x.set_axis(["a"] * 8 + ["kind"], axis=1))
    model = new(name)
    model.fit(twice, twice.head(10), CONTEXT)
    assert np.array_equal(model.predict(twice), before)


@pytest.mark.parametrize("task", METRIC)
@pytest.mark.parametrize("name", LIBRARIES)
def test_predictions_use_the_best_rounds_and_a_refit_all_of_its_own(name, task):
    """A refit on the fitting rows alone is the first fit, cut off at its best round."""
    train, validation, test = (examples("table", task, n, n, noise=3) for n in (120, 40, 30))
    context = replace(CONTEXT, metric="log_loss")
    found = new(name, patience=3, parameters={"learning_rate": 0.5})
    steps = found.fit(train, validation, context)
    assert 1 <= found.rounds < steps <= 40, "noise makes boosting stop early"
    again = new(name, patience=3, parameters={"learning_rate": 0.5})
    assert again.refit(train, found, context) == found.rounds
    assert np.allclose(again.predict(test), found.predict(test), atol=1e-6)
    assert again.count_parameters() == found.count_parameters()
    more = examples("table", task, 160, 5, noise=3)
    again.refit(more, found, context)
    assert not np.allclose(again.predict(test), found.predict(test), atol=1e-3)


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_stump_is_counted_as_three_nodes_of_which_a_row_sees_two(name):
    one_split = {"xgboost": {"max_depth": 1}, "lightgbm": {"num_leaves": 2}, "catboost": {"depth": 1}}[name]
    train = examples("matrix", "regression", 200)
    model = new(name, max_rounds=3, patience=3, parameters=one_split)
    model.fit(train, train.head(20), CONTEXT)
    model.rounds = 3
    assert model.count_parameters() == 3 * 3
    assert model.count_work(train).nodes_visited == pytest.approx(2 * 3 * 200)


def test_catboost_writes_no_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train = examples("table", "binary", 40)
    new("catboost").fit(train, train.head(10), CONTEXT)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("task", METRIC)
def test_catboost_is_a_constant_where_nothing_varies(task, tmp_path):
    train = examples("matrix", task, 30)
    alike = replace(train, x=np.zeros_like(train.x))
    expected = [train.y.mean()] if task == "regression" else np.bincount(train.y) / 30
    model = new("catboost")
    model.fit(alike, alike.head(5), CONTEXT)
    assert np.allclose(model.predict(train)[:1], expected)
    save(model, tmp_path)
    assert np.array_equal(load(tmp_path).predict(train), model.predict(train))
    assert load(tmp_path).count_parameters() == model.count_work(train).nodes_visited / 30 == 1


def test_catboost_is_a_constant_for_rows_of_one_class():
    train = examples("table", "binary", 30)
    model = new("catboost")
    model.refit(replace(train, y=np.ones(30, dtype=np.int64)), model_with_rounds(3), CONTEXT)
    assert np.array_equal(model.predict(train), np.tile([0.0, 1.0], (30, 1)))


def model_with_rounds(rounds: int) -> CatBoost:
    model = new("catboost")
    model.rounds = rounds
    return model


@pytest.mark.parametrize(("rounds", "expected"), [(1, [0]), (3, [0, 1, 2]), (79, list(range(0, 79, 2)))])
def test_the_rounds_of_an_estimate_are_spread_evenly(rounds, expected):
    assert spread(rounds).tolist() == expected


def test_differences_beside_a_large_number_are_kept_and_small_ones_beside_zero_too():
    assert offset(1.7e9 + np.arange(5)) == 1.7e9 + 2
    assert offset(np.array([1e-9, 2e-9, 1.0, np.nan])) == 0.0
    assert offset(np.array([0.1, 0.2])) == 0.0
    x = pd.DataFrame({"a": 1.7e9 + np.arange(5) / 4})
    rows = Examples(x, np.zeros(5, dtype=np.int64), "binary", 2, ())
    assert Columns().fit(rows).transform(rows)[:, 0].tolist() == [-0.5, -0.25, 0, 0.25, 0.5]
