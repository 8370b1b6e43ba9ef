"""Which sizes the loop of an answer measures, by what its trials take."""

import time
from types import SimpleNamespace

import pytest

from fuelgauge.answer._loop import Clock, Loop

SIZES = [2_000, 4_000, 8_000, 16_000]


def contestant(name):
    """Return a model of the first answer."""
    trial = lambda size, repeat: SimpleNamespace(  # noqa: E731
        trial_id=f"{name}-{size}-{repeat}", n_train=size, repeat=repeat
    )
    return SimpleNamespace(
        name=name, is_core=True, is_net=False, is_own=False, curve=SimpleNamespace(trial=trial)
    )


@pytest.fixture
def loop():
    """Return a loop of two minutes on two workers, before its first trial."""
    frame, store = SimpleNamespace(repeats=4, n_pool=16_000), SimpleNamespace(records={})
    clock, pool = Clock(time.monotonic(), 120.0), SimpleNamespace(n_workers=2)
    return Loop(
        frame, [contestant("logistic"), contestant("xgboost")], SIZES, store, pool, clock, lambda _: None
    )


def took(loop, size, seconds):
    """Let a trial of XGBoost end, and choose the largest size anew."""
    loop.seconds["xgboost", size].append(seconds)
    loop.fix_top()


def test_without_a_trial_all_sizes_are_wanted(loop):
    assert loop.sizes == SIZES


def test_a_size_whose_trials_would_take_too_long_is_given_up(loop):
    took(loop, 2_000, 30.0)
    assert loop.top == 4_000


def test_a_size_comes_back_when_later_trials_are_quicker(loop):
    took(loop, 2_000, 30.0)
    loop.seconds["xgboost", 2_000].clear()
    took(loop, 2_000, 0.5)
    assert loop.sizes == SIZES


def test_a_model_that_was_behind_at_a_smaller_size_races_again(loop):
    took(loop, 2_000, 30.0)
    loop.out, loop.behind = {"logistic": "clearly behind", "mlp": "failed"}, {"logistic": 4_000}
    loop.seconds["xgboost", 2_000].clear()
    took(loop, 2_000, 0.5)
    assert loop.out == {"mlp": "failed"}


def test_a_size_that_was_begun_is_kept(loop):
    took(loop, 2_000, 30.0)
    took(loop, 16_000, 60.0)
    assert loop.top == 16_000


def test_the_seconds_of_a_large_size_follow_the_growth_that_was_seen(loop):
    xgboost = loop.contestants[1]
    took(loop, 2_000, 1.0)
    assert loop.expected(xgboost, 4_000) == pytest.approx(2**1.05)
    took(loop, 4_000, 1.7)
    assert loop.expected(xgboost, 8_000) == pytest.approx(1.7**2)


def test_the_time_is_extended_once_if_nothing_can_be_compared_yet(loop):
    loop.clock.budget = 1e-9
    assert loop.extend() is False
    loop.clock.budget, loop.is_extended = 100.0, False
    assert loop.extend() is True
    assert loop.clock.budget == 300.0
    assert loop.extend() is False


def test_the_time_is_not_extended_once_two_models_were_measured_at_a_size(loop):
    loop.seconds["logistic", 2_000].append(1.0)
    loop.seconds["xgboost", 2_000].append(1.0)
    assert loop.extend() is False
