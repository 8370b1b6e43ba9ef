import importlib

import lightgbm as lgb
import numpy as np
import pytest

from fuelgauge.claims.statistics.trees import Trees
from tests.conftest import CHECKOUT


def stump(missing_goes_left):
    """Return one tree: 1 where input 1 is at most 0.5, else 2."""
    return Trees(
        inputs=2,
        depth=1,
        root=np.array([0], dtype=np.int32),
        column=np.array([1 + 2 * missing_goes_left, 0, 0], dtype=np.int16),
        threshold=np.array([0.5, 1, 2], dtype=np.float32),
        child=np.array([[2, 1], [1, 1], [2, 2]], dtype=np.int32),
    )


@pytest.mark.parametrize(("missing_goes_left", "at_missing"), [(True, 1), (False, 2)])
def test_a_row_goes_left_up_to_the_threshold(missing_goes_left, at_missing):
    rows = np.array([[9, 0.5], [9, 0.6], [9, np.nan], [9, -np.inf]])
    np.testing.assert_array_equal(stump(missing_goes_left).predict(rows), [1, 2, at_missing, 1])


def test_no_rows_have_no_values():
    assert stump(True).predict(np.zeros((0, 2))).shape == (0,)


def test_arrays_hold_the_whole_trees():
    trees = stump(True)
    again = Trees.from_arrays(trees.arrays("a"), "a")
    rows = np.random.default_rng(0).normal(size=(2500, 2))
    np.testing.assert_array_equal(again.predict(rows), trees.predict(rows))


def test_boosters_become_trees_that_answer_the_same(monkeypatch):
    monkeypatch.syspath_prepend(CHECKOUT / "scripts")
    script = importlib.import_module("learn_forecast")
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2000, 5)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.3] = np.nan
    answer = np.nan_to_num(rows[:, 0]) * np.nan_to_num(rows[:, 1], nan=2.0)
    settings = {"verbose": -1, "num_threads": 1, "objective": "l1", "num_leaves": 20}
    booster = lgb.train(settings, lgb.Dataset(rows, answer), 30)
    trees = script.as_trees(booster, 5)
    np.testing.assert_allclose(trees.predict(rows), booster.predict(rows), atol=1e-6)
