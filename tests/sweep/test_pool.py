import os
import re
import subprocess
import sys
from multiprocessing import forkserver

import pytest

from fuelgauge.sweep import pool as pool_module
from fuelgauge.sweep import runner
from fuelgauge.sweep.pool import Failure, WorkerPool

JOB = "tests.sweep.jobs:job"


@pytest.fixture(scope="module", params=[True, False], ids=["forked", "spawned"])
def pool(request):
    if request.param and sys.platform != "linux":
        pytest.skip("elsewhere workers are spawned")
    if request.param:
        restart_nursery()
    made = WorkerPool(JOB, 2, 1, forks=request.param)
    assert made.forks == request.param
    yield made
    made.close()


def restart_nursery():
    """Stop the fork server that earlier tests started, because it has other environment variables.

    Its workers keep it alive, so the pools of earlier sweeps are closed first.
    """
    for earlier in runner._pools.values():
        earlier.close()
    runner._pools.clear()
    forkserver._forkserver._stop()
    pool_module._nursery_variables.clear()


def run(pool, tasks, time_limit=None):
    """Return (task, result) in the order in which the tasks end."""
    waiting, results, running = list(tasks)[::-1], [], 0
    while waiting or running:
        while waiting and pool.free:
            pool.start(waiting.pop(), time_limit)
            running += 1
        ended = list(pool.ended(wait=True))
        running -= len(ended)
        results += ended
    return results


def test_results_come_with_their_tasks(pool):
    assert sorted(run(pool, range(20))) == [(i, i * i) for i in range(20)]


@pytest.mark.parametrize(
    ("task", "kind", "message"),
    [
        ("raise", "exception", "ValueError: told to raise"),
        ("memory", "out_of_memory", "Unable to allocate"),
        ("segfault", "worker_died", "SIGSEGV"),
        ("killed", "worker_died", r"SIGKILL \(out of memory\?\)"),
        ("exit", "worker_died", "exit code 3"),
    ],
)
def test_a_bad_task_costs_itself_alone(pool, task, kind, message):
    results = dict(run(pool, [1, 2, task, 3, 4, 5]))
    failure = results.pop(task)
    assert isinstance(failure, Failure)
    assert failure.kind == kind
    assert re.search(message, failure.message)
    assert results == {1: 1, 2: 4, 3: 9, 4: 16, 5: 25}


def test_an_exception_carries_its_traceback(pool):
    (_, failure), = run(pool, ["raise"])  # fmt: skip
    assert "jobs.py" in failure.traceback


def test_a_task_over_its_time_is_stopped(pool):
    results = dict(run(pool, ["sleep", 2, 3], time_limit=1.0))
    assert results["sleep"].kind == "time_limit"
    assert results[2] == 4
    assert results[3] == 9


def test_workers_are_kept_from_run_to_run(pool):
    first = {pid for _, pid in run(pool, ["pid"] * 4)}
    again = {pid for _, pid in run(pool, ["pid"] * 4)}
    assert again <= first | {w.process.pid for w in pool.workers}
    assert first & again


def test_threads_are_set_in_workers_and_not_here(pool):
    before = os.environ.get("OMP_NUM_THREADS")
    fresh = WorkerPool(JOB, 1, 3)
    assert [value for _, value in run(fresh, ["threads"])] == ["3"]
    fresh.close()
    assert os.environ.get("OMP_NUM_THREADS") == before


def run_script(script, **variables):
    """Run a script in a new process, which has no fork server yet."""
    head = "from fuelgauge.sweep.pool import WorkerPool"
    command = [sys.executable, "-c", f"{head}\n{script}"]
    surroundings = {**os.environ, **variables}
    result = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


only_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere workers are spawned")


@only_linux
def test_forked_workers_share_their_imports():
    run_script("""
pool = WorkerPool("tests.sweep.jobs:importer", 2, 1, ["tests.sweep.heavy", "tests.sweep.broken"])
assert not pool.is_ready
for task in range(2):
    pool.start(task)
assert pool.is_ready
importers = []
while len(importers) < 2:
    importers += [importer for _, importer in pool.ended(wait=True)]
assert len(set(importers)) == 1, importers
assert importers[0] not in {worker.process.pid for worker in pool.workers}
pool.close()
""")


@only_linux
def test_a_module_that_ends_its_process_costs_the_sharing_and_no_more():
    run_script("""
pool = WorkerPool("tests.sweep.jobs:job", 2, 1, ["tests.sweep.deadly"])
for task in (2, 3):
    pool.start(task)
assert not pool.forks
results = []
while len(results) < 2:
    results += [result for _, result in pool.ended(wait=True)]
assert sorted(results) == [4, 9]
pool.close()
""")


@only_linux
def test_where_a_socket_has_no_room_workers_are_spawned(tmp_path):
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    script = """
pool = WorkerPool("tests.sweep.jobs:job", 1, 1)
assert not pool.forks
pool.start(5)
assert [result for _, result in pool.ended(wait=True)] == [25]
pool.close()
"""
    run_script(script, TMPDIR=str(deep))


@only_linux
def test_a_pool_of_other_settings_spawns_its_workers():
    run_script("""
first, other = (WorkerPool("tests.sweep.jobs:job", 1, threads) for threads in (1, 2))
assert first.forks and not other.forks
other.close()
first.close()
""")


def test_what_is_abandoned_leaves_no_task_running(pool):
    for task in ("sleep", "sleep"):
        pool.start(task)
    assert (pool.free, list(pool.ended(wait=False))) == (0, [])
    pool.abandon()
    assert pool.free == 2
    assert run(pool, [6]) == [(6, 36)]


def test_a_dead_worker_is_replaced_before_its_next_task(pool):
    (_, pid), = run(pool, ["pid"])  # fmt: skip
    for worker in pool.workers:
        worker.process.kill()
        worker.process.join()
    assert sorted(run(pool, [1, 2])) == [(1, 1), (2, 4)]
    assert pid not in {worker.process.pid for worker in pool.workers}
