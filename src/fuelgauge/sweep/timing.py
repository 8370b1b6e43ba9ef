"""Time fits and predictions, in the same way for every model.

`measure` times every fit and every prediction of test rows; the budget of a search is read from `now`.

- Imports, reading rows and a warm-up call come before `measure`, and scoring comes after it. None of them is
  timed.
- On a CUDA device, `measure` waits for queued work before it starts and before it stops.
- CPU seconds count all threads of the process.
"""

from __future__ import annotations

import functools
import math
import multiprocessing
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

__all__ = ["Cost", "Measured", "device_name", "fields_after_name", "measure", "now"]

T = TypeVar("T")
U = TypeVar("U")
MEGABYTE = 2**20
LEAST_SECONDS = 0.1  # ten ticks of the clock behind `busy_seconds`


@dataclass(frozen=True)
class Cost:
    """Wall seconds and CPU seconds of a process."""

    seconds: float
    cpu_seconds: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.seconds + other.seconds, self.cpu_seconds + other.cpu_seconds)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.seconds - other.seconds, self.cpu_seconds - other.cpu_seconds)


def now() -> Cost:
    """Return the wall and CPU seconds that have passed since a fixed moment."""
    return Cost(time.perf_counter(), time.process_time())


@dataclass(frozen=True)
class Measured(Generic[T]):
    """The return value of a call and its cost.

    Attributes
    ----------
    value
        Return value of the call.
    seconds
        Wall seconds of the call.
    cpu_seconds
        CPU seconds of the process during the call.
    peak_memory_mb
        Largest resident size of the process during the call, in MiB. Where the system does not let the mark
        be reset (outside Linux), the largest size since the process started.
    load
        Share of the machine's cores that processes other than the sweep's workers kept busy during the call,
        between 0 and 1. Such a load slows the call down. NaN outside Linux, and for calls shorter than
        `LEAST_SECONDS`, for which the clock is too coarse.
    shared_by
        Number of fits that the call made together. Seconds and memory of each are unknown if it is above 1.
    shared_cpu_seconds
        Share of one fit in the CPU seconds of fits that were made together.
    """

    value: T
    seconds: float
    cpu_seconds: float
    peak_memory_mb: float
    load: float
    shared_by: int = 1
    shared_cpu_seconds: float = math.nan

    @property
    def cost(self) -> Cost:
        """Wall and CPU seconds of the call."""
        return Cost(self.seconds, self.cpu_seconds)

    @property
    def used_cpu_seconds(self) -> float:
        """CPU seconds of the call, or the share of one fit in them."""
        return self.cpu_seconds if self.shared_by == 1 else self.shared_cpu_seconds

    def then(self, later: Measured[U]) -> Measured[U]:
        """Return the value of a later call with the cost of both calls."""
        cost = self.cost + later.cost
        return Measured(later.value, cost.seconds, cost.cpu_seconds, later.peak_memory_mb, later.load)


def measure(call: Callable[[], T], device: str) -> Measured[T]:
    """Run a call once and measure it.

    Parameters
    ----------
    call
        Function to run, without arguments.
    device
        `cuda` to wait for the device before and after the call; `cpu` otherwise.
    """
    reset_peak_memory()
    synchronise(device)
    before, cpu, wall = other_seconds(), time.process_time(), time.perf_counter()
    value = call()
    synchronise(device)
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    others = other_seconds() - before if seconds >= LEAST_SECONDS else math.nan
    load = np.clip(others / (seconds * (os.cpu_count() or 1)), 0, 1)
    return Measured(value, seconds, cpu_seconds, peak_memory_mb(), float(load))


def other_seconds() -> float:
    """Return the CPU seconds that all processes except the sweep's workers have used so far."""
    return busy_seconds() - sum(map(process_seconds, sweep_processes()))


def sweep_processes() -> set[int]:
    """Return the id of this process and, in a worker, those of all children of its parent."""
    siblings = Path(f"/proc/{os.getppid()}/task/{os.getppid()}/children")
    if multiprocessing.parent_process() is None or not siblings.is_file():
        return {os.getpid()}
    return {os.getpid(), *map(int, siblings.read_text().split())}


def process_seconds(process: int) -> float:
    """Return the CPU seconds that a process has used so far; 0 if it has ended, and outside Linux."""
    try:
        fields = fields_after_name(process)
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fields_after_name(process: int) -> list[str]:
    """Return the fields of /proc/PID/stat that follow the process name (see proc(5)).

    The name itself is cut off because it may contain any character.

    Raises
    ------
    OSError
        The process or /proc does not exist.
    """
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


def busy_seconds() -> float:
    """Return the CPU seconds that all processes on the machine have used so far; NaN outside Linux."""
    if sys.platform != "linux":
        return math.nan
    user, nice, system = Path("/proc/stat").read_text().split(maxsplit=4)[1:4]
    return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")


@functools.cache
def device_name(device: str) -> str:
    """Return the model name of the current CUDA device, or of the machine's processor."""
    if device == "cuda" and (torch := sys.modules.get("torch")):
        return str(torch.cuda.get_device_name())
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def synchronise(device: str) -> None:
    """Wait until a CUDA device has finished its queued work."""
    if device == "cuda" and (torch := sys.modules.get("torch")):
        torch.cuda.synchronize()


def reset_peak_memory() -> None:
    """Reset the peak-memory mark of the process to its current size, where the system allows it."""
    if sys.platform == "linux":
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:
            return


def peak_memory_mb() -> float:
    """Return the peak-memory mark of the process, in MiB."""
    if sys.platform == "linux":
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / MEGABYTE if sys.platform == "darwin" else peak / 1024
