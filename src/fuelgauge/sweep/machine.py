"""The machine that fits run on: its cores and its kind."""

from __future__ import annotations

import os
import platform
from pathlib import Path

__all__ = ["cores", "machine_class"]


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine_class() -> str:
    """Return a short description of the machine."""
    return f"{cores()} cores, {platform.system()} {platform.machine()}, {processor_name()}"


def processor_name() -> str:
    """Return the name of the processor, if the system reports it."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"
