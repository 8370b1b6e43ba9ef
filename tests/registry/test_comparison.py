import numpy as np
import pytest

from fuelgauge.registry._comparison import improvement, metric_intervals, resamples
from fuelgauge.registry.heldout import HeldOut
from fuelgauge.spec.params import RegistryConfig

RULE = RegistryConfig(resamples=400)


def rows(y: np.ndarray, groups: np.ndarray | None = None) -> HeldOut:
    return HeldOut(np.zeros((len(y), 1)), y, np.arange(len(y), dtype=np.uint64), groups)


def certain(codes: np.ndarray) -> np.ndarray:
    return np.eye(2)[codes]


def test_the_interval_of_an_accuracy_is_that_of_a_share():
    y = np.zeros(1000, dtype=int)
    predicted = certain(np.r_[np.ones(200, dtype=int), np.zeros(800, dtype=int)])
    found = metric_intervals(rows(y), predicted, "multiclass", RULE)["accuracy"]
    half = 1.96 * (0.8 * 0.2 / 1000) ** 0.5
    assert found.value == 0.8
    assert found.lo == pytest.approx(0.8 - half, abs=0.006)
    assert found.hi == pytest.approx(0.8 + half, abs=0.006)


def test_pairing_sees_a_small_but_steady_improvement():
    random = np.random.default_rng(0)
    y = random.normal(0, 1, 500)
    noise = random.normal(0, 1, 500)
    fall = improvement(rows(y), y + noise, y + 0.9 * noise, "regression", "rmse", RULE)
    assert fall.value == pytest.approx(0.1)
    assert fall.lo == pytest.approx(0.1)  # the rows are paired, so every resample gives the same share
    assert fall.hi == pytest.approx(0.1)


def test_equal_models_show_no_improvement():
    y = np.array([0, 1] * 50)
    fall = improvement(rows(y), certain(y), certain(y), "binary", "accuracy", RULE)
    assert (fall.value, fall.lo, fall.hi) == (0.0, 0.0, 0.0)


def test_no_model_is_better_than_a_champion_without_an_error():
    y = np.array([0, 1] * 50)
    fall = improvement(rows(y), certain(y), certain(1 - y), "binary", "accuracy", RULE)
    assert fall.hi == -np.inf


def test_groups_are_drawn_as_wholes():
    groups = np.repeat([7, 3, 9], [2, 3, 4])
    for drawn in resamples(rows(np.zeros(9), groups), RULE):
        counts = np.bincount(drawn, minlength=9)
        assert all(len(set(counts[groups == group])) == 1 for group in (7, 3, 9))
    assert sum(1 for _ in resamples(rows(np.zeros(9)), RULE)) == 400


def test_rows_that_a_champion_was_fitted_on_are_left_out():
    held_out = rows(np.arange(5.0)).without(np.array([1, 3], dtype=np.uint64))
    assert held_out.y.tolist() == [0.0, 2.0, 4.0]
    assert len(held_out.rows) == 3
