"""Two machines that register a dataset at once make one champion, and lose neither runs nor versions."""

import subprocess
import sys
from pathlib import Path

import pytest

from fuelgauge.config.compose import compose
from fuelgauge.registry import register
from fuelgauge.registry import versions as versions_module
from fuelgauge.registry._decision import decision_of
from fuelgauge.registry.versions import IDENTITY, Registry
from fuelgauge.tracking.tracker import ensure_experiment
from tests.registry.made_trials import write_trials

SCRIPT = Path(__file__).with_name("register_as_machine.py")


def start(model: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), model], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def runs(kept: Registry) -> set[str]:
    experiment = kept.client.get_experiment_by_name("mnist1d").experiment_id
    found = kept.client.search_runs([experiment], filter_string=f"tags.`{IDENTITY}` != ''")
    return {run.info.run_id for run in found}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_machines_with_different_models_compare_the_second_with_the_first(project):
    """Each process has its own machine lock, as on two machines, and the registry in common."""
    write_trials({"logistic": 0.5, "dummy": 0.9})
    machines = [start("dummy"), start("logistic")]
    ended = [machine.communicate(timeout=280)[0] for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], ended
    kept = Registry(compose().tracking)
    first, second = kept.versions("mnist1d")
    assert decision_of(first).reason == "there was no champion"
    assert decision_of(second).champion == "1"
    assert "the challenger lowers the loss of version 1 by" in decision_of(second).reason
    winner = second if decision_of(second).promoted else first
    assert winner.tags["model"] == "logistic"
    assert kept.standing("mnist1d").number == str(winner.version)
    assert runs(kept) == {first.run_id, second.run_id}
    assert not [key for key in kept.model("mnist1d").tags if "lease" in key]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_machines_with_the_same_model_make_one_version(project):
    write_trials({"logistic": 0.5, "dummy": 0.9})
    machines = [start("logistic"), start("logistic")]
    ended = [machine.communicate(timeout=280)[0] for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], ended
    kept = Registry(compose().tracking)
    (only,) = kept.versions("mnist1d")
    assert kept.standing("mnist1d").number == str(only.version)
    assert runs(kept) == {only.run_id}


def test_a_run_without_a_version_is_deleted_by_its_age_alone(project, monkeypatch):
    write_trials({"logistic": 0.5, "dummy": 0.9})
    kept = Registry(compose().tracking)
    experiment = ensure_experiment(kept.client, "mnist1d", kept.tracking)
    other = kept.client.create_run(experiment, tags={IDENTITY: "of another machine"}).info.run_id
    register(compose("dataset=mnist1d", "registry.resamples=100"))
    assert other in runs(kept)
    monkeypatch.setattr(versions_module, "FORGET_AFTER", 0.0)
    kept.forget_killed("mnist1d", experiment)
    assert runs(kept) == {kept.champion("mnist1d").run_id}
