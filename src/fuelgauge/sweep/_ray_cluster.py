"""Run trials as Ray tasks, on this machine or on a cluster; imported only if the executor is Ray."""

from __future__ import annotations

import logging
import math
import pkgutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fuelgauge import paths
from fuelgauge.errors import ConfigError
from fuelgauge.sweep.pool import THREAD_VARIABLES, WORKER_DIED, Failure, attempt, too_late

try:
    import ray
    from ray.exceptions import RayError, WorkerCrashedError
except ModuleNotFoundError as missing:
    raise ConfigError(
        "executor is 'ray', but Ray is not installed; install it with: pip install 'fuelgauge[cluster]'"
    ) from missing


@dataclass
class Running:
    """A task that Ray is running."""

    task: Any
    started: float
    time_limit: float

    @property
    def seconds_left(self) -> float:
        """Seconds until the task exceeds its time limit; infinite without a limit."""
        return self.started + self.time_limit - time.monotonic()


class RayCluster:
    """The `Executor` of a Ray cluster: run one function on many tasks, each as a Ray task.

    Parameters
    ----------
    function
        Location of the function, `package.module:name`.
    address
        Address of a running cluster; None starts Ray on this machine.
    num_cpus
        Number of cores for Ray on this machine, None for all. Ignored if there is an address.
    threads
        Number of cores that a task reserves, and of threads that numeric libraries may start in it.
    gpus
        Share of a GPU that a task reserves, such as 0.25.
    """

    def __init__(self, function: str, address: str | None, num_cpus: int | None, threads: int, gpus: float):
        self.running: dict[Any, Running] = {}
        connect(address, num_cpus, threads)
        self.remote = ray.remote(max_retries=0, num_cpus=threads, num_gpus=gpus)(run_one).options(
            name="trial"
        )
        self.function = function
        self.n_side_by_side = side_by_side(ray.cluster_resources(), threads, gpus)

    @property
    def is_ready(self) -> bool:
        """Always true, because Ray starts its own workers."""
        return True

    @property
    def free(self) -> int:
        """Number of further tasks that the cluster can run now."""
        return self.n_side_by_side - len(self.running)

    def start(self, task: Any, time_limit: float | None) -> None:
        """Submit a task to the cluster."""
        limit = math.inf if time_limit is None else time_limit
        self.running[self.remote.remote(self.function, task)] = Running(task, time.monotonic(), limit)

    def ended(self, wait: bool) -> Iterator[tuple[Any, Any]]:
        """Yield the tasks that have a result, whose worker has died, or that exceeded their time limit."""
        if not self.running:
            return
        ready, _ = ray.wait(list(self.running), timeout=self.patience() if wait else 0)
        for reference in ready:
            yield self.running.pop(reference).task, result_of(reference)
        for reference, running in list(self.running.items()):
            if running.seconds_left < 0:
                ray.cancel(reference, force=True)
                del self.running[reference]
                yield running.task, too_late(running.time_limit)

    def patience(self) -> float | None:
        """Return the seconds until the first task exceeds its time limit, or None if no task has a limit."""
        least = min(running.seconds_left for running in self.running.values())
        return None if least == math.inf else max(0.0, least)

    def abandon(self) -> None:
        """Stop all running tasks."""
        for reference in self.running:
            ray.cancel(reference, force=True)
        self.running.clear()

    def close(self) -> None:
        """Disconnect from the cluster; a cluster that this process started ends."""
        ray.shutdown()


def connect(address: str | None, num_cpus: int | None, threads: int) -> None:
    """Start Ray on this machine, or connect to a cluster.

    Raises
    ------
    ConfigError
        No cluster answers at the address.
    """
    variables = {**dict.fromkeys(THREAD_VARIABLES, str(threads)), "FUELGAUGE_ROOT": str(paths.ROOT)}
    local: dict[str, Any] = {"num_cpus": num_cpus, "include_dashboard": False} if address is None else {}
    try:
        ray.init(
            address=address or "local",
            runtime_env={"env_vars": variables},
            logging_level=logging.ERROR,
            log_to_driver=False,
            **local,
        )
    except (ConnectionError, RuntimeError, ValueError, RayError) as error:
        raise ConfigError(
            f"executor.address: no Ray cluster answers at '{address}' ({first_line(error)}); start one with "
            "`ray start --head`, or set executor.address to null to use this machine."
        ) from error


def side_by_side(resources: Mapping[str, float], threads: int, gpus: float) -> int:
    """Return the number of tasks that a cluster can run at the same time.

    Raises
    ------
    ConfigError
        The cluster is too small for a single task.
    """
    wanted = {"CPU": float(threads), "GPU": gpus}
    fits = {name: int(resources.get(name, 0.0) / share) for name, share in wanted.items() if share}
    for name, count in fits.items():
        if not count:
            raise ConfigError(
                f"a trial needs {wanted[name]:g} {name} (set by threads and executor.gpus), but the Ray "
                f"cluster has {resources.get(name, 0.0):g}."
            )
    return min(fits.values())


def run_one(path: str, task: Any) -> Any:
    """Run a task in a Ray worker."""
    return attempt(pkgutil.resolve_name(path), task)


def result_of(reference: Any) -> Any:
    """Return the result of a task, or a Failure if its worker has died."""
    try:
        return ray.get(reference)
    except WorkerCrashedError as error:
        return Failure(WORKER_DIED, f"the Ray worker died: {first_line(error)}")
    except RayError as error:
        kind = "out_of_memory" if isinstance(error, ray.exceptions.OutOfMemoryError) else WORKER_DIED
        return Failure(kind, f"{type(error).__name__}: {first_line(error)}")


def first_line(error: Exception) -> str:
    """Return the first line of an error message, at most 200 characters."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
