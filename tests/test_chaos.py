"""After kills, a full disk or a dead server, the table and MLflow equal those of an undisturbed run."""

import contextlib
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from fuelgauge.sweep.store import lines_of, read_store
from tests.test_kill import Sweep, check_killed, heed_interrupts, undisturbed  # noqa: F401 - a fixture

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
KILLS = 20
RETRY = ("-m", "fuelgauge.cli", "retry", "--failed")


def workers_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return the worker processes of a train stage."""
    with contextlib.suppress(psutil.NoSuchProcess):
        children = psutil.Process(process.pid).children(recursive=True)
        return [child for child in children if is_worker(child)]
    return []


def is_worker(child: psutil.Process) -> bool:
    """Return whether a process is a worker, and not the fork server or Python's resource tracker."""
    parent = child.parent()
    words = " ".join(child.cmdline())
    forked = parent is not None and "forkserver" in " ".join(parent.cmdline())
    return "spawn_main" in words or ("forkserver" in words and forked)


def kill_something(sweep: Sweep, chance: random.Random) -> None:
    """Kill the parent at a random moment; in half of the cases, kill a worker first."""
    process = sweep.start()
    sweep.wait_for(min(17, sweep.n_records() + chance.randrange(3)), process)
    time.sleep(chance.uniform(0, 1))
    if chance.random() < 0.5:
        for worker in chance.sample(workers := workers_of(process), min(1, len(workers))):
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.kill()
        time.sleep(chance.uniform(0, 1))
    process.send_signal(signal.SIGKILL)
    process.wait()


def check_once(sweep: Sweep, n_trials: int = 18) -> None:
    """Check that every trial is done exactly once."""
    records = [r for path in sweep.stores() for r in lines_of(path)]
    done = Counter(r["trial_id"] for r in records if r["kind"] == "trial" and r["status"] == "done")
    assert len(done) == n_trials
    assert set(done.values()) == {1}


def test_kills_of_parent_and_workers_cost_nothing_but_time(undisturbed, featurized, tmp_path):  # noqa: F811
    chance = random.Random(0)
    sweep = Sweep(tmp_path, featurized)
    for _ in range(KILLS):
        kill_something(sweep, chance)
        sweep.run(*RETRY)  # the death of a worker is a failed trial
    check_killed(undisturbed, sweep)
    check_once(sweep)


@contextlib.contextmanager
def small_disk(folder: Path):
    """Mount a file system of 64 KiB on a folder; afterwards, copy its files into the folder."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting needs root")
    aside = folder.with_name("aside")
    try:
        yield
        shutil.copytree(folder, aside)
    finally:
        subprocess.run(["umount", str(folder)], check=True)
    shutil.copytree(aside, folder, dirs_exist_ok=True)


# Each fit runs alone, as in the undisturbed sweep of few repeats, so that losses are identical bit for bit.
REPEATS = ("pipelines/train.py", "repeats=30", "tracking=none", "executor.pack=off")


def check_full(whole: Sweep, sweep: Sweep) -> None:
    """Check that a sweep that ran out of disk space kept its records, and run it to its end."""
    assert 0 < sweep.n_records() < 3 * 90
    stored = {key for path in sweep.stores() for key in read_store(path)[0]}
    sweep.run(*REPEATS)
    check_once(sweep, 3 * 90)
    assert stored <= {key for path in sweep.stores() for key in read_store(path)[0]}
    check_killed(whole, sweep)


def test_a_full_disk_keeps_what_was_stored(undisturbed, featurized, tmp_path):  # noqa: F811
    sweep = Sweep(tmp_path, featurized)
    with small_disk(tmp_path / "data/store"):
        assert sweep.start(*REPEATS).wait(240) == 1
    check_full(undisturbed, sweep)


def test_files_that_may_not_grow_keep_what_was_stored(undisturbed, featurized, tmp_path):  # noqa: F811
    sweep = Sweep(tmp_path, featurized)

    def no_room() -> None:
        heed_interrupts()
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    assert sweep.start(*REPEATS, preexec_fn=no_room).wait(240) == 1
    check_full(undisturbed, sweep)


class Server:
    """An MLflow server on this machine."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder

    def __enter__(self):
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        store = ["--backend-store-uri", f"sqlite:///{self.folder}/server.db"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *where, *store],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        end = time.monotonic() + 120
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return self
            time.sleep(0.2)
        raise AssertionError("the MLflow server did not start")

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def test_a_tracking_server_that_dies_is_caught_up(undisturbed, featurized, tmp_path):  # noqa: F811
    sweep = Sweep(tmp_path, featurized)
    server = Server(tmp_path)
    sweep.variables["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{server.port}"
    with server:
        process = sweep.start("pipelines/train.py", "tracking=server")
        sweep.wait_for(7, process)
    assert process.wait(240) == 0
    assert sweep.n_records() == 18 + 3
    with server:
        sweep.run("-m", "fuelgauge.cli", "track")
        assert sweep.metric_steps() == undisturbed.metric_steps()
    check_once(sweep)
