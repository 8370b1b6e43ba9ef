"""Trials as Ray tasks on this machine."""

import sys

import pandas as pd
import pytest

from fuelgauge.config.compose import compose
from fuelgauge.errors import ConfigError
from fuelgauge.sweep import runner
from fuelgauge.sweep.pool import Failure
from fuelgauge.sweep.runner import run_curve
from fuelgauge.sweep.store import store_path
from fuelgauge.tracking.tracker import NoTracker

ray = pytest.importorskip("ray")
JOB = "tests.sweep.jobs:job"
MEASURED = ["trial_id", "status", "loss", "score", "val_loss", "n_steps"]


@pytest.fixture(scope="module")
def cluster():
    from fuelgauge.sweep._ray_cluster import RayCluster

    made = RayCluster(JOB, None, 2, 1, 0.0)
    yield made
    made.close()


def results(cluster, *tasks, time_limit=None):
    for task in tasks:
        cluster.start(task, time_limit)
    found = {}
    while cluster.running:
        found |= dict(cluster.ended(wait=True))
    return found


def test_a_bad_task_costs_itself_alone(cluster):
    found = results(cluster, 2, "raise", "exit", 3)
    assert (found[2], found[3]) == (4, 9)
    assert isinstance(found["raise"], Failure)
    assert (found["raise"].kind, found["raise"].message) == ("exception", "ValueError: told to raise")
    assert found["exit"].kind == "worker_died"


def test_a_task_over_its_time_is_stopped_and_threads_are_set(cluster):
    assert results(cluster, "sleep", time_limit=1.0)["sleep"].kind == "time_limit"
    assert results(cluster, "threads") == {"threads": "1"}


def test_what_is_abandoned_makes_room(cluster):
    cluster.start("sleep", None)
    cluster.start("sleep", None)
    assert cluster.free == 0
    cluster.abandon()
    assert cluster.free == 2
    assert results(cluster, 5) == {5: 25}


def test_a_curve_on_ray_is_that_of_the_local_pool(cluster, project, monkeypatch):
    monkeypatch.setattr(cluster, "function", runner.RUN_TASK)
    monkeypatch.setattr(runner, "shared_cluster", lambda *_: cluster)
    chosen = ("dataset=mnist1d", "model=mlp", "tracking=none", "anchors.stop=64")
    local = run_curve(compose(*chosen), lambda *_: NoTracker())
    store_path("mnist1d", "mlp").unlink()
    on_ray = run_curve(compose(*chosen, "executor=ray"), lambda *_: NoTracker())
    pd.testing.assert_frame_equal(on_ray[MEASURED], local[MEASURED], check_exact=True)


def test_a_cluster_runs_as_many_tasks_as_its_cores_and_gpus_hold():
    from fuelgauge.sweep._ray_cluster import side_by_side

    assert side_by_side({"CPU": 9.0}, 2, 0.0) == 4
    assert side_by_side({"CPU": 9.0, "GPU": 1.0}, 1, 0.25) == 4
    with pytest.raises(ConfigError, match="a trial needs 0.5 GPU .* the Ray cluster has 0"):
        side_by_side({"CPU": 9.0}, 1, 0.5)


def test_an_address_that_does_not_answer_is_one_sentence(monkeypatch):
    from fuelgauge.sweep import _ray_cluster as ray_cluster

    def refuse(**_):
        raise ConnectionError("Could not find any running Ray instance.\nMore about it.")

    monkeypatch.setattr(ray_cluster.ray, "init", refuse)
    with pytest.raises(ConfigError, match=r"no Ray cluster answers at '10.0.0.1:6379' \(Could not find.*\)"):
        ray_cluster.connect("10.0.0.1:6379", None, 1)


def test_without_ray_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "fuelgauge.sweep._ray_cluster", raising=False)
    with pytest.raises(
        ConfigError, match=r"Ray is not installed; install it with: pip install 'fuelgauge\[cluster\]'"
    ):
        runner.shared_cluster.__wrapped__("auto", None, 1, 0.0)
