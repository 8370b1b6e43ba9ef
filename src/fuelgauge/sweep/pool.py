"""A process pool that survives the death of a worker: only the worker's current task is lost.

`concurrent.futures` gives up the whole pool when a worker dies, and does not say which task killed it. Here
each worker has its own pipe and one task at a time.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import pkgutil
import signal
import sys
import threading
import time
import traceback
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as connections_ready
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from fuelgauge.errors import FuelgaugeError

__all__ = [
    "MODULES",
    "THREAD_VARIABLES",
    "WORKER_DIED",
    "Executor",
    "Failure",
    "WorkerPool",
    "attempt",
    "too_late",
]

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
WORKER_DIED = "worker_died"
NURSERY, MODULES = "fuelgauge.sweep._nursery", "FUELGAUGE_WORKER_MODULES"


@dataclass(frozen=True)
class Failure:
    """Why a task has no result.

    `kind` is `error` (an error of this package, with a message of one sentence), `exception` (any other
    error), `out_of_memory`, `worker_died` or `time_limit`.
    """

    kind: str
    message: str
    traceback: str = ""


class Executor(Protocol):
    """Runs tasks in parallel, in processes on this machine or on a cluster."""

    @property
    def is_ready(self) -> bool:
        """Whether a task can start now without waiting."""

    @property
    def free(self) -> int:
        """Number of further tasks that can start now."""

    def start(self, task: Any, time_limit: float | None) -> None:
        """Start a task; it is stopped after `time_limit` seconds."""

    def ended(self, wait: bool) -> Iterator[tuple[Any, Any]]:
        """Yield (task, result or Failure) for each task that has ended; with `wait`, wait for one to end."""

    def abandon(self) -> None:
        """Stop all running tasks."""


class Worker:
    """One worker process and its current task."""

    def __init__(self, function: str, context: BaseContext):
        self.pipe, remote = context.Pipe()
        self.process: BaseProcess = context.Process(  # type: ignore[attr-defined]
            target=work, args=(remote, function), daemon=True
        )
        with no_main_module():
            self.process.start()
        remote.close()
        self.task: Any = None
        self.time_limit, self.started = math.inf, 0.0

    @property
    def is_idle(self) -> bool:
        """Whether the worker has no task."""
        return self.task is None

    @property
    def seconds_left(self) -> float:
        """Seconds until the task exceeds its time limit; infinite without a limit."""
        return self.started + self.time_limit - time.monotonic()

    def give(self, task: Any, time_limit: float | None) -> None:
        """Hand the worker a task."""
        self.task, self.started = task, time.monotonic()
        self.time_limit = math.inf if time_limit is None else time_limit
        with contextlib.suppress(BrokenPipeError):  # the worker has just died, which `collect` reports
            self.pipe.send(task)

    def collect(self) -> Any:
        """Return the result of the task, or a Failure if the worker has died."""
        try:
            return self.pipe.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            return Failure(WORKER_DIED, describe_exit(self.process.exitcode))

    def stop(self) -> None:
        """Kill the process, even in the middle of a task."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


class WorkerPool:
    """A fixed number of processes that run one function on many tasks.

    Where it is safe, workers are forked from a process that contains nothing but imports. Modules that take
    seconds to import are then imported only once. That process starts at once, and the first task waits for
    it. Elsewhere, workers are spawned at once and import in parallel.

    Parameters
    ----------
    function
        Location of the function, `package.module:name`. Only workers import it. It takes a task and returns a
        result; an exception becomes a `Failure`.
    n_workers
        Number of worker processes.
    threads
        Number of threads that numeric libraries may start in each worker.
    modules
        Modules that tasks are going to import. If one cannot be imported, the task that needs it fails.
    forks
        Whether workers may be forked. Forking needs Linux, and is never safe after CUDA has been used.
    variables
        Further environment variables of the workers, by name.
    """

    def __init__(
        self,
        function: str,
        n_workers: int,
        threads: int,
        modules: Sequence[str] = (),
        forks: bool = True,
        variables: Mapping[str, str] | None = None,
    ):
        self.function, self.n_workers = function, n_workers
        self.variables = {
            **dict.fromkeys(THREAD_VARIABLES, str(threads)),
            MODULES: " ".join((function.partition(":")[0], *modules)),
            **(variables or {}),
        }
        self.forks = forks and sys.platform == "linux" and nursery_has(self.variables)
        self.context: BaseContext = multiprocessing.get_context("forkserver" if self.forks else "spawn")
        self.workers: list[Worker] = []
        for _ in range(0 if self.forks else n_workers):
            self.hire()

    @property
    def is_ready(self) -> bool:
        """Whether a task can start without waiting for imports."""
        return bool(self.workers) or not self.forks

    @property
    def free(self) -> int:
        """Number of workers without a task."""
        return self.n_workers - len(self.busy())

    def busy(self) -> list[Worker]:
        """Return the workers that have a task."""
        return [worker for worker in self.workers if not worker.is_idle]

    def start(self, task: Any, time_limit: float | None = None) -> None:
        """Hand a task to an idle worker."""
        worker = next((worker for worker in self.workers if worker.is_idle), None) or self.hire()
        if not worker.process.is_alive():
            worker = self.replace(worker)
        worker.give(task, time_limit)

    def ended(self, wait: bool) -> Iterator[tuple[Any, Any]]:
        """Yield the tasks that have a result, whose worker has died, or that exceeded their time limit."""
        busy = self.busy()
        ready = connections_ready([worker.pipe for worker in busy], self.patience(busy) if wait else 0.0)
        for worker in busy:
            if worker.pipe in ready:
                task, result = worker.task, worker.collect()
            elif worker.seconds_left < 0:
                task, result = worker.task, too_late(worker.time_limit)
            else:
                continue
            worker.task = None
            if isinstance(result, Failure) and result.kind in (WORKER_DIED, "time_limit"):
                self.replace(worker)
            yield task, result

    def patience(self, busy: list[Worker]) -> float | None:
        """Return the seconds until the first task exceeds its time limit, or None if no task has a limit."""
        least = min((worker.seconds_left for worker in busy), default=math.inf)
        return None if least == math.inf else max(0.0, least)

    def hire(self) -> Worker:
        """Start a worker; if the process to fork from is gone, spawn this worker and all later ones."""
        with set_variables(self.variables):
            try:
                worker = Worker(self.function, self.context)
            except (EOFError, OSError):  # an imported module, or the system, has ended the nursery
                if not self.forks:
                    raise
                self.forks, self.context = False, multiprocessing.get_context("spawn")
                worker = Worker(self.function, self.context)
        self.workers.append(worker)
        return worker

    def replace(self, worker: Worker) -> Worker:
        """Stop a worker and start a new one in its place."""
        self.dismiss(worker)
        return self.hire()

    def dismiss(self, worker: Worker) -> None:
        """Stop a worker and remove it from the pool."""
        worker.stop()
        self.workers.remove(worker)

    def abandon(self) -> None:
        """Stop all workers that have a task, and thereby their tasks."""
        for worker in self.busy():
            self.dismiss(worker)

    def close(self) -> None:
        """Stop every worker."""
        for worker in list(self.workers):
            self.dismiss(worker)


_nursery_variables: dict[str, str] = {}


def nursery_has(variables: Mapping[str, str]) -> bool:
    """Start the process that workers are forked from, if need be; return whether it has these variables.

    There is only one such process. Libraries read environment variables when they are imported, so workers
    have the environment with which that process was started.
    """
    if not _nursery_variables:
        with set_variables(variables):
            multiprocessing.set_forkserver_preload([NURSERY])
            try:
                forkserver.ensure_running()
            except OSError:  # for example, the path of the temporary folder is too long for a socket
                return False
        _nursery_variables.update(variables)
    return _nursery_variables == variables


class set_variables:
    """Set environment variables while child processes start."""

    def __init__(self, variables: Mapping[str, str]):
        self.variables = variables

    def __enter__(self) -> None:
        self.before = {name: os.environ.get(name) for name in self.variables}
        os.environ.update(self.variables)

    def __exit__(self, *_: object) -> None:
        for name, value in self.before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def no_main_module() -> Iterator[None]:
    """Keep child processes from importing the main module of this process, which they do not need."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def work(pipe: Connection, path: str) -> None:
    """Run tasks from a pipe until the parent process ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=die_with_parent, daemon=True).start()
    function = pkgutil.resolve_name(path)
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        pipe.send(attempt(function, task))


def die_with_parent() -> None:
    """End this process when its parent ends, even if the parent is killed or a task is running."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def attempt(function: Callable[[Any], Any], task: Any) -> Any:
    """Return the result of a function, or a Failure if it raises an exception."""
    try:
        return function(task)
    except Exception as error:
        text = " ".join(str(error).split()) or type(error).__name__
        return Failure(failure_kind(error), f"{type(error).__name__}: {text}", traceback.format_exc())


def failure_kind(error: Exception) -> str:
    """Return the kind of Failure for an exception."""
    text = str(error).lower()
    if (
        isinstance(error, MemoryError)
        or "out of memory" in text
        or "can't allocate memory" in text
        or "bad_alloc" in text
    ):
        return "out_of_memory"
    return "error" if isinstance(error, FuelgaugeError) else "exception"


def too_late(time_limit: float) -> Failure:
    """Return the Failure of a task that exceeded its time limit."""
    return Failure("time_limit", f"took longer than {time_limit:g} seconds")


def describe_exit(exitcode: int | None) -> str:
    """Return a description of the exit code of a dead worker."""
    if exitcode is not None and exitcode < 0:
        name = signal.Signals(-exitcode).name
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return f"the process was ended by {name}{hint}"
    return f"the process ended with exit code {exitcode}"
