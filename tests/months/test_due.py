"""A retraining is due by time, by loss or by drift, and a month that has drifted too far stops one."""

import json
import time

import pytest

from fuelgauge import paths
from fuelgauge.cli import main
from fuelgauge.config.compose import compose
from fuelgauge.months import _drift as drift
from fuelgauge.months import due, retrain
from fuelgauge.months.retrain import DriftedTooFar
from fuelgauge.registry.champions import Champions
from fuelgauge.registry.versions import DECISION, SHA256, Registry


@pytest.fixture
def champions(project) -> Champions:
    """Make a champion with loss 0.25, and a drift report in which its loss is 0.31 and a column drifted."""
    registry = Registry(compose().tracking)
    registry.make_model("mnist1d")
    about = {"dataset": "mnist1d", "version": "1", "contestant": "dummy", "promoted": True, "champion": ""}
    numbers = {"n_train": 850, "n_test": 150, "metric": "accuracy", "improvement": None}
    metrics = {"accuracy": {"value": 0.75, "lo": 0.7, "hi": 0.8}}
    decision = {**about, **numbers, "metrics": metrics, "reason": "there was no champion"}
    tags = {SHA256: "x", "model": "dummy", DECISION: json.dumps(decision)}
    registry.client.create_model_version("mnist1d", "file:///nothing", tags=tags)
    registry.move("mnist1d", "1")
    losses = [
        {"model": "version 1, previous champion", "month": "2013-06", "loss": 0.9},
        {"model": "version 1, previous champion", "month": "2013-07", "loss": 0.31},
        {"model": "version 2, retrained", "month": "2013-07", "loss": 0.9},
    ]
    shifts = [
        {"column": "wind", "drifted": "clearly", "size": 0.4},
        {"column": "rain", "drifted": "slightly", "size": 0.2},
        {"column": "calm", "drifted": "no", "size": 0.9},
    ]
    report = {"dataset": "mnist1d", "until": "2013-07", "metric": "accuracy"}
    (paths.REPORTS / "drift").mkdir(parents=True)
    content = json.dumps({**report, "losses": losses, "shifts": shifts})
    (paths.REPORTS / "drift/mnist1d.json").write_text(content)
    return Champions(registry, "mnist1d")


def test_loss_and_drift_above_their_limits_call_for_a_retraining(champions, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["champion", "mnist1d", "--check"])
    assert ended.value.code == 3
    loss, column = capsys.readouterr().out.splitlines()
    assert loss == (
        "retraining is due: the loss of version 1 of mnist1d in 2013-07 is 0.31, more than 20% above "
        "the 0.25 when it was registered (registry.due_loss)"
    )
    assert column.endswith("index above 0.25 (registry.due_drift): wind (0.40)")


def test_nothing_is_due_below_the_limits(champions, capsys):
    for limits in (("0.25", "0.5"), ("null", "null")):
        settings = [f"registry.due_loss={limits[0]}", f"registry.due_drift={limits[1]}"]
        assert due.reasons(compose("dataset=mnist1d", *settings), champions) == []
    (paths.REPORTS / "drift/mnist1d.json").unlink()
    main(["champion", "mnist1d", "--check"])
    assert capsys.readouterr().out == "mnist1d: no retraining is due\n"


def test_a_champion_that_has_waited_too_long_is_said(champions, monkeypatch, capsys):
    (paths.REPORTS / "drift/mnist1d.json").unlink()
    now = time.time() + 46.2 * 24 * 3600
    monkeypatch.setattr(due.time, "time", lambda: now)
    (waited,) = due.reasons(compose("dataset=mnist1d"), champions)
    assert waited.startswith(
        "the champion of mnist1d has waited for 46 days: the last version was registered on"
    )
    assert due.reasons(compose("dataset=mnist1d", "registry.due_days=50"), champions) == []
    main(["champion", "mnist1d"])
    assert f"retraining is due: {waited}" in capsys.readouterr().out


def test_a_month_that_has_drifted_above_the_limit_stops_before_training(project, monkeypatch):
    config = compose("dataset=mnist1d", "registry.stop_drift=0.5")
    config.register = ["mnist1d"]
    wind, calm = (
        drift.Shift(name, "chi_square", 1.0, p, 0.81) for name, p in (("wind", 0.001), ("calm", 0.9))
    )
    found = drift.Drift("mnist1d", "2013-07", "accuracy", 10, 10, (wind, calm), ())
    ran = []
    monkeypatch.setattr(retrain, "compose", lambda *_: config)
    monkeypatch.setattr(retrain, "reproduce", lambda *stages: ran.append(stages))
    monkeypatch.setattr(retrain.AboutMonths, "of", lambda _: "a month")
    monkeypatch.setattr(retrain, "compare", lambda *_: found)
    with pytest.raises(DriftedTooFar, match=r"above 0.5 \(registry.stop_drift\): wind \(0.81\); look at"):
        retrain.stop_if_drifted("2013-07")
    assert ran == [("2013-07", "featurize@mnist1d")]
    for limit in (0.9, None):
        config.registry.stop_drift = limit
        retrain.stop_if_drifted("2013-07")
    assert len(ran) == 2
