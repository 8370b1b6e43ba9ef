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
    for name, seconds in (("letter/mlp", 30.0), ("letter/mlp", 10.0), ("letter/dummy", 20.0)):
        progress.expect(name, seconds)
    with caplog.at_level(logging.INFO), progress:
        clock.seconds = 5.0
        progress.ended(trial(128, 0), "letter/mlp", 30.0, failed=False)
        assert caplog.text == ""  # one line every ten seconds, and one at the end of each curve
        clock.seconds = 8.0
        progress.ended(trial(32, 1), "letter/mlp", 10.0, failed=True)
    (line,) = caplog.messages
    assert line.split() == [
        "letter/mlp", "2/2", "failed", "1", "n=32", "repeat=1", "(all:", "2/3", "failed", "1", "ETA", "0:04)",
    ]  # fmt: skip


def test_on_a_terminal_there_is_a_bar_a_curve_until_it_is_done(clock, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    progress = SweepProgress()
    for _ in range(2):
        progress.expect("letter/mlp", 1.0)
    with progress:
        clock.seconds = 1.0
        progress.ended(trial(64, 0), "letter/mlp", 1.0, failed=False)
        whole, curve = progress.bars.tasks
        assert (whole.completed, whole.total, whole.fields["detail"]) == (1, 2, "ETA 0:01")
        assert (curve.description, curve.visible) == ("letter/mlp", True)
        progress.ended(trial(32, 0), "letter/mlp", 1.0, failed=True)
        assert not curve.visible
        assert whole.fields["detail"] == "ETA 0:00  failed 1"


def test_a_trial_may_end_before_the_bars_are_shown(clock, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    progress = SweepProgress()
    progress.expect("letter/dummy", 1.0)
    clock.seconds = 1.0
    progress.ended(trial(64, 0), "letter/dummy", 1.0, failed=False)
    with progress:
        assert [(task.completed, task.total) for task in progress.bars.tasks] == [(1, 1), (1, 1)]
