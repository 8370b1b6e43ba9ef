import os
import re

import pytest

from fuelgauge.sweep.pool import Failure, WorkerPool

from .jobs import job


@pytest.fixture(scope="module")
def pool():
    made = WorkerPool(job, 2, 1)
    yield made
    made.close()


def test_results_come_with_their_tasks(pool):
    assert sorted(pool.run(range(20))) == [(i, i * i) for i in range(20)]


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
    results = dict(pool.run([1, 2, task, 3, 4, 5]))
    failure = results.pop(task)
    assert isinstance(failure, Failure)
    assert failure.kind == kind
    assert re.search(message, failure.message)
    assert results == {1: 1, 2: 4, 3: 9, 4: 16, 5: 25}


def test_an_exception_carries_its_traceback(pool):
    (_, failure), = pool.run(["raise"])  # fmt: skip
    assert "jobs.py" in failure.traceback


def test_a_task_over_its_time_is_stopped(pool):
    results = dict(pool.run(["sleep", 2, 3], time_limit=1.0))
    assert results["sleep"].kind == "time_limit"
    assert results[2] == 4
    assert results[3] == 9


def test_workers_are_kept_from_run_to_run(pool):
    first = {pid for _, pid in pool.run(["pid"] * 4)}
    again = {pid for _, pid in pool.run(["pid"] * 4)}
    assert again <= first | {w.process.pid for w in pool.workers}
    assert first & again


def test_threads_are_set_in_workers_and_not_here(pool):
    before = os.environ.get("OMP_NUM_THREADS")
    fresh = WorkerPool(job, 1, 3)
    assert [value for _, value in fresh.run(["threads"])] == ["3"]
    fresh.close()
    assert os.environ.get("OMP_NUM_THREADS") == before


def test_an_interrupt_leaves_no_task_running(pool):
    running = pool.run(["sleep", "sleep", 1])
    with pytest.raises(KeyboardInterrupt):
        running.throw(KeyboardInterrupt)
    assert dict(pool.run([6])) == {6: 36}
