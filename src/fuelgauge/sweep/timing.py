"""The one way in which anything is timed.

The fairness contract: what is compared is measured by this function alone. Imports, reading rows
and a warm-up call come before it and evaluation after it, so none of them is inside. Work queued on
a CUDA device is waited for on both sides. CPU seconds are those of the whole process, all threads.
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

T = TypeVar("T")
MEGABYTE = 2**20
LEAST_SECONDS = 0.1  # ten ticks of the clock that tells how busy a machine is


@dataclass(frozen=True)
class Cost:
    """Wall seconds, and CPU seconds of the process."""

    seconds: float
    cpu_seconds: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.seconds + other.seconds, self.cpu_seconds + other.cpu_seconds)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.seconds - other.seconds, self.cpu_seconds - other.cpu_seconds)


def now() -> Cost:
    """Return the wall and CPU seconds so far, from a moment that does not change."""
    return Cost(time.perf_counter(), time.process_time())


@dataclass(frozen=True)
class Measured(Generic[T]):
    """What a call returned and what it cost.

    `peak_memory_mb` is the largest resident size of the process during the call, in MiB, where
    the system lets the mark be reset (Linux); elsewhere the largest so far. `load` is the share of
    the machine's cores that processes other than the sweep's workers kept busy meanwhile, from 0 to 1:
    work beside it makes a call slower. It is NaN where the system does not tell, and for a call so short
    that the ticks of its clock would be all that is seen.
    """

    value: T
    seconds: float
    cpu_seconds: float
    peak_memory_mb: float
    load: float

    @property
    def cost(self) -> Cost:
        """Wall and CPU seconds."""
        return Cost(self.seconds, self.cpu_seconds)


def measure(call: Callable[[], T], device: str) -> Measured[T]:
    """Run a call once and measure it.

    Parameters
    ----------
    call
        The work, without arguments.
    device
        `cuda` to wait for the device before and after; `cpu` otherwise.
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
    """Return the CPU seconds that processes which are no workers of the sweep have used so far."""
    return busy_seconds() - sum(map(process_seconds, sweep_processes()))


def sweep_processes() -> set[int]:
    """Return this process and, where it is a worker, the others that its parent has started."""
    siblings = Path(f"/proc/{os.getppid()}/task/{os.getppid()}/children")
    if multiprocessing.parent_process() is None or not siblings.is_file():
        return {os.getpid()}
    return {os.getpid(), *map(int, siblings.read_text().split())}


def process_seconds(process: int) -> float:
    """Return the CPU seconds that a process has used so far; 0 for one that is gone, and outside Linux."""
    try:
        fields = fields_after_name(process)
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fields_after_name(process: int) -> list[str]:
    """Return what the kernel tells of a process after its name, which may hold any character (proc(5), stat).

    Raises
    ------
    OSError
        There is no such process, or no /proc.
    """
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


def busy_seconds() -> float:
    """Return the CPU seconds that all processes of the machine have used so far; NaN outside Linux."""
    if sys.platform != "linux":
        return math.nan
    user, nice, system = Path("/proc/stat").read_text().split(maxsplit=4)[1:4]
    return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")


@functools.cache
def device_name(device: str) -> str:
    """Return what the maker calls the machine's processor, or its first CUDA device."""
    if device == "cuda" and (torch := sys.modules.get("torch")):
        return str(torch.cuda.get_device_name())
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def synchronise(device: str) -> None:
    """Wait until a CUDA device has done what was asked of it."""
    if device == "cuda" and (torch := sys.modules.get("torch")):
        torch.cuda.synchronize()


def reset_peak_memory() -> None:
    """Set the process' peak-memory mark to its present size, where the system allows it."""
    if sys.platform == "linux":
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:
            return


def peak_memory_mb() -> float:
    """Return the process' peak-memory mark in MiB."""
    if sys.platform == "linux":
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / MEGABYTE if sys.platform == "darwin" else peak / 1024
