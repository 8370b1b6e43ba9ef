"""Tracking on a real MLflow server that `make serve-tracking` starts."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from fuelgauge.config.compose import compose
from fuelgauge.sweep.runner import run_curve
from fuelgauge.tracking import catch_up
from fuelgauge.tracking.tracker import connect, make_tracker
from tests.conftest import CHECKOUT

PATIENCE = 240

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@contextmanager
def server(folder: Path, port: int):
    """Run `make serve-tracking` with its data in the given folder."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = ["make", "-o", "env", "serve-tracking", f"PORT={port}", f"TRACKING={folder}", "WORKERS=1"]
    with (folder.parent / "server.log").open("a") as log:
        process = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env={**os.environ, "PATH": path},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def wait_for(url: str, process: subprocess.Popen) -> None:
    for _ in range(PATIENCE):
        assert process.poll() is None, "the server ended"
        try:
            urllib.request.urlopen(url, timeout=1).read()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(1)
    raise AssertionError(f"{url} did not answer within {PATIENCE} seconds")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(model: str):
    return run_curve(compose("dataset=mnist1d", f"model={model}", "tracking=server"), make_tracker)


def steps(model: str) -> set[int]:
    client = connect(compose("tracking=server").tracking)
    experiment = client.get_experiment_by_name("mnist1d")
    (found,) = [r for r in client.search_runs([experiment.experiment_id]) if r.data.tags["model"] == model]
    return {point.step for point in client.get_metric_history(found.info.run_id, "curve/loss")}


def test_a_server_keeps_curves_and_artifacts_and_can_go_away(project, tmp_path, monkeypatch):
    port, folder = free_port(), tmp_path / "tracking"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    with server(folder, port):
        run("dummy")
        assert steps("dummy") == {32, 64, 128}
        assert list((folder / "artifacts").rglob("config.yaml"))

    table = run("logistic")
    assert (table["status"] == "done").all()

    with server(folder, port):
        catch_up_with("dummy", "logistic", monkeypatch=monkeypatch)
        assert steps("logistic") == {32, 64, 128}
        assert steps("dummy") == {32, 64, 128}


def catch_up_with(*models: str, monkeypatch) -> None:
    """Run `fuelgauge track` for some models of params.yaml."""
    curves = [c for c in catch_up.all_curves() if c.model.name in models]
    monkeypatch.setattr(catch_up, "all_curves", lambda: curves)
    catch_up.catch_up()
