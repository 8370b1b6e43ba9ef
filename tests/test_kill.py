"""A run that is killed and repeated gives the table of an undisturbed run, without duplicates in MLflow."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import psutil
import pytest

from fuelgauge.spec.params import TrackingConfig
from fuelgauge.tracking.tracker import connect
from tests.conftest import make_project

MODELS = ["dummy", "logistic", "mlp"]
IDENTICAL = [
    "trial_id",
    "model",
    "n_train",
    "repeat",
    "seed",
    "status",
    "loss",
    "score",
    "val_loss",
    "n_steps",
]


def heed_interrupts() -> None:
    """Let a child process receive SIGINT, even if these tests run in the background of a shell."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Sweep:
    """The train stage of a separate project."""

    def __init__(self, root: Path, featurized: Path):
        make_project(root)
        shutil.copytree(featurized / "data/features", root / "data/features")
        self.root = root
        self.variables: dict[str, str] = {}

    def start(
        self, *command: str, preexec_fn: Callable[[], None] = heed_interrupts
    ) -> subprocess.Popen[bytes]:
        environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
        return subprocess.Popen(
            [sys.executable, *(command or ("pipelines/train.py",))],
            cwd=self.root,
            env={**environment, "FUELGAUGE_ROOT": str(self.root), **self.variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=preexec_fn,
        )

    def run(self, *command: str) -> None:
        assert self.start(*command).wait(240) == 0

    def wait_for(self, records: int, process: subprocess.Popen[bytes]) -> None:
        """Wait until there are `records` records or the process has ended, at most 60 seconds."""
        end = time.monotonic() + 60
        while self.n_records() < records and process.poll() is None and time.monotonic() < end:
            time.sleep(0.005)

    def stores(self) -> list[Path]:
        return list(self.root.glob("data/store/*/*.trials"))

    def n_records(self) -> int:
        return sum(path.read_bytes().count(b"\n") for path in self.stores())

    def kill_after(self, records: int, seconds: float) -> None:
        """Start the stage, wait for a number of records, then some seconds more, and kill the process."""
        process = self.start()
        self.wait_for(records, process)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def table(self) -> pd.DataFrame:
        tables = [pd.read_parquet(self.root / f"data/trials/mnist1d/{model}.parquet") for model in MODELS]
        return pd.concat(tables, ignore_index=True)[IDENTICAL]

    def metric_steps(self) -> dict[str, dict[str, list[int]]]:
        """Return the steps of every metric of every run, by model.

        `load` is left out because it is unknown for short fits; it must only have no step twice.
        """
        uri = self.variables.get("MLFLOW_TRACKING_URI", f"sqlite:///{self.root}/mlflow.db")
        client = connect(TrackingConfig(uri=uri))
        runs = client.search_runs([client.get_experiment_by_name("mnist1d").experiment_id])
        assert sorted(run.data.tags["model"] for run in runs) == sorted(MODELS)
        found = {
            run.data.tags["model"]: {
                metric: sorted(p.step for p in client.get_metric_history(run.info.run_id, metric))
                for metric in sorted(run.data.metrics)
            }
            for run in runs
        }
        loads = [metrics.pop("detail/cost/load", []) for metrics in found.values()]
        assert all(len(set(steps)) == len(steps) and set(steps) <= {32, 64, 128} for steps in loads)
        return found


@pytest.fixture(scope="module")
def undisturbed(featurized, tmp_path_factory):
    sweep = Sweep(tmp_path_factory.mktemp("undisturbed"), featurized)
    sweep.run()
    return sweep


def check_killed(undisturbed: Sweep, killed: Sweep) -> None:
    killed.run()
    pd.testing.assert_frame_equal(killed.table(), undisturbed.table(), check_exact=True)
    steps = killed.metric_steps()
    assert steps == undisturbed.metric_steps()
    for metrics in steps.values():  # a summary has no section and is logged once, when all is done
        assert all(found == ([32, 64, 128] if "/" in name else [0]) for name, found in metrics.items())


def test_a_killed_sweep_ends_as_an_undisturbed_one(undisturbed, featurized, tmp_path):
    sweep = Sweep(tmp_path, featurized)
    sweep.kill_after(3, 0.0)
    sweep.kill_after(12, 0.05)
    check_killed(undisturbed, sweep)


@pytest.mark.slow
def test_a_second_clean_run_gives_the_same_losses(undisturbed, featurized, tmp_path):
    sweep = Sweep(tmp_path, featurized)
    sweep.run()
    pd.testing.assert_frame_equal(sweep.table(), undisturbed.table(), check_exact=True)


def test_ctrl_c_stops_cleanly_and_keeps_what_is_done(undisturbed, featurized, tmp_path):
    sweep = Sweep(tmp_path, featurized)
    process = sweep.start()
    sweep.wait_for(3, process)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert sweep.n_records() >= 3
    psutil.wait_procs(workers, timeout=10)
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)
    check_killed(undisturbed, sweep)


def test_a_stage_ends_when_its_dvc_is_killed(featurized, tmp_path):
    sweep = Sweep(tmp_path, featurized)
    starter = "import subprocess, sys; subprocess.run([sys.executable, 'pipelines/train.py', 'repeats=200'])"
    sweep.variables["DVC_ROOT"] = str(tmp_path)
    dvc = sweep.start("-c", starter)
    sweep.wait_for(3, dvc)
    (stage,) = psutil.Process(dvc.pid).children()
    dvc.send_signal(signal.SIGKILL)
    dvc.wait()
    gone, _ = psutil.wait_procs([stage], timeout=20)
    assert gone
