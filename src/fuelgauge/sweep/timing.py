"""The one way in which anything is timed.

The fairness contract: what is compared is measured by this function alone. Imports, reading rows
and a warm-up call come before it and evaluation after it, so none of them is inside. Work queued on
a CUDA device is waited for on both sides. CPU seconds are those of the whole process, all threads.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")
MEGABYTE = 2**20


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
    the system lets the mark be reset (Linux); elsewhere the largest so far.
    """

    value: T
    seconds: float
    cpu_seconds: float
    peak_memory_mb: float


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
    cpu, wall = time.process_time(), time.perf_counter()
    value = call()
    synchronise(device)
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    return Measured(value, seconds, cpu_seconds, peak_memory_mb())


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
