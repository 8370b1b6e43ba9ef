import logging
import sys
from types import SimpleNamespace

import pytest

from fuelgauge.sweep import _progress as module
from fuelgauge.sweep._progress import SweepProgress


def trial(n_train: int, repeat: int):
    return SimpleNamespace(n_train=n_train, repeat=repeat)


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that the test sets."""
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: now.seconds)
    return now


def test_without_a_terminal_lines_say_where_the_sweep_is(clock, caplog):
    progress = SweepProgress()
    for seconds in (30.0, 10.0, 20.0):
        progress.expect(seconds)
    with caplog.at_level(logging.INFO), progress:
        clock.seconds = 5.0
        progress.ended(trial(128, 0), "letter/mlp", 30.0, failed=False)
        assert caplog.text == ""  # one line every ten seconds, and one at the end
        clock.seconds = 12.0
        progress.ended(trial(32, 1), "letter/mlp", 10.0, failed=True)
        clock.seconds = 13.0
        progress.ended(trial(64, 0), "letter/dummy", 20.0, failed=False)
    assert caplog.messages == [
        "2/3 trials  failed 1  ETA 0:06  letter/mlp n=32",
        "3/3 trials  failed 1  ETA 0:00  letter/dummy n=64",
    ]


def test_on_a_terminal_there_is_one_bar_for_all_curves(clock, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    progress = SweepProgress()
    for _ in range(2):
        progress.expect(1.0)
    clock.seconds = 1.0
    progress.ended(trial(64, 0), "letter/mlp", 1.0, failed=False)  # before the bar is shown
    with progress:
        (whole,) = progress.bars.tasks
        assert (whole.completed, whole.total) == (1, 2)
        assert whole.fields["detail"] == "ETA 0:01  letter/mlp n=64"
        progress.ended(trial(32, 0), "letter/dummy", 1.0, failed=True)
        assert whole.fields["detail"] == "ETA 0:00  failed 1  letter/dummy n=32"


def test_no_time_is_told_while_too_little_has_ended(clock):
    progress = SweepProgress()
    for seconds in (1.0, 99.0):
        progress.expect(seconds)
    clock.seconds = 8.0
    progress.ended(trial(32, 0), "letter/dummy", 1.0, failed=False)
    assert progress.eta() == "?"


def test_no_time_is_left_at_the_end_whatever_the_order_of_the_trials(clock):
    progress, expected = SweepProgress(), [0.1, 0.2, 0.7, 1.1, 0.3]  # sums that differ by rounding
    for seconds in expected:
        progress.expect(seconds)
    clock.seconds = 60.0
    for seconds in reversed(expected):
        progress.ended(trial(32, 0), "letter/dummy", seconds, failed=False)
    assert progress.eta() == "0:00"
