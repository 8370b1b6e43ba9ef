"""A process pool that survives its workers: the death of one costs the task that it held.

`concurrent.futures` gives the whole pool up when a worker dies, and does not say which task killed
it. Here each worker has a pipe of its own and one task at a time.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from fuelgauge.errors import FuelgaugeError

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Failure:
    """Why a task has no result.

    `kind` is `error` (one sentence from this package), `exception`, `out_of_memory`,
    `worker_died` or `time_limit`.
    """

    kind: str
    message: str
    traceback: str = ""


class Worker:
    """One process and the task that it holds."""

    def __init__(self, function: Callable[[Any], Any]):
        context = multiprocessing.get_context("spawn")
        self.pipe, remote = context.Pipe()
        self.process = context.Process(target=work, args=(remote, function), daemon=True)
        self.process.start()
        remote.close()
        self.task: Any = None
        self.since = 0.0

    def give(self, task: Any) -> None:
        """Hand the worker a task."""
        self.task, self.since = task, time.monotonic()
        with contextlib.suppress(BrokenPipeError):  # it has just died: `collect` says so
            self.pipe.send(task)

    def collect(self) -> Any:
        """Return the result of the task, or the Failure that the worker's death is."""
        try:
            return self.pipe.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            return Failure("worker_died", describe_exit(self.process.exitcode))

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


class WorkerPool:
    """A fixed number of spawned processes that run one function on many tasks.

    Parameters
    ----------
    function
        Importable; takes a task, returns a result. An exception becomes a `Failure`.
    n_workers
        Processes side by side.
    threads
        Threads that numeric libraries may start in each.
    """

    def __init__(self, function: Callable[[Any], Any], n_workers: int, threads: int):
        self.function = function
        self.n_workers = n_workers
        self.threads = threads
        self.workers: list[Worker] = []

    def run(self, tasks: Iterable[Any], time_limit: float | None = None) -> Iterator[tuple[Any, Any]]:
        """Yield (task, result or Failure) as they end; tasks are started in the order given.

        Parameters
        ----------
        time_limit
            Seconds after which a task is stopped and its Failure yielded.
        """
        waiting = list(tasks)[::-1]
        busy: list[Worker] = []
        try:
            while waiting or busy:
                while waiting and len(busy) < self.n_workers:
                    worker = self.idle_worker(busy)
                    worker.give(waiting.pop())
                    busy.append(worker)
                for worker, result in self.ended(busy, time_limit):
                    busy.remove(worker)
                    if isinstance(result, Failure) and result.kind in ("worker_died", "time_limit"):
                        self.discard(worker)
                    yield worker.task, result
        finally:
            for worker in busy:
                self.discard(worker)

    def idle_worker(self, busy: list[Worker]) -> Worker:
        """Return a worker without a task, starting one if need be."""
        for worker in self.workers:
            if worker not in busy:
                if worker.process.is_alive():
                    return worker
                self.discard(worker)
                break
        with limited_threads(self.threads):
            worker = Worker(self.function)
        self.workers.append(worker)
        return worker

    def ended(self, busy: list[Worker], time_limit: float | None) -> Iterator[tuple[Worker, Any]]:
        """Wait until a worker has a result, is dead or over its time, and yield those that are."""
        timeout = None
        if time_limit is not None:
            timeout = max(0.0, min(w.since for w in busy) + time_limit - time.monotonic())
        ready = wait([worker.pipe for worker in busy], timeout)
        for worker in list(busy):
            if worker.pipe in ready:
                yield worker, worker.collect()
            elif time_limit is not None and time.monotonic() - worker.since > time_limit:
                yield worker, Failure("time_limit", f"took longer than {time_limit:g} seconds")

    def discard(self, worker: Worker) -> None:
        """Stop a worker and forget it."""
        worker.stop()
        if worker in self.workers:
            self.workers.remove(worker)

    def close(self) -> None:
        """Stop every worker."""
        for worker in list(self.workers):
            self.discard(worker)


class limited_threads:
    """Set the thread variables of numeric libraries while child processes are started."""

    def __init__(self, threads: int):
        self.threads = threads

    def __enter__(self) -> None:
        self.before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(self.threads)))

    def __exit__(self, *_: object) -> None:
        for name, value in self.before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def work(pipe: Connection, function: Callable[[Any], Any]) -> None:
    """Run tasks from a pipe until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=die_with_parent, daemon=True).start()
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        pipe.send(attempt(function, task))


def die_with_parent() -> None:
    """End this process when its parent ends, also by SIGKILL and in the middle of a task."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def attempt(function: Callable[[Any], Any], task: Any) -> Any:
    """Return the function's result, or the Failure that its exception is."""
    try:
        return function(task)
    except Exception as error:
        text = " ".join(str(error).split()) or type(error).__name__
        return Failure(failure_kind(error), f"{type(error).__name__}: {text}", traceback.format_exc())


def failure_kind(error: Exception) -> str:
    """Return the kind of failure that an exception is."""
    text = str(error).lower()
    if (
        isinstance(error, MemoryError)
        or "out of memory" in text
        or "can't allocate memory" in text
        or "bad_alloc" in text
    ):
        return "out_of_memory"
    return "error" if isinstance(error, FuelgaugeError) else "exception"


def describe_exit(exitcode: int | None) -> str:
    """Return what the exit code of a dead worker tells."""
    if exitcode is not None and exitcode < 0:
        name = signal.Signals(-exitcode).name
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return f"the process was ended by {name}{hint}"
    return f"the process ended with exit code {exitcode}"
