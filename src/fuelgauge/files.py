"""Files written whole: a reader sees the old content or the new one, never a part."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a path beside the target to write to; it takes the target's place when the block ends.

    What the block has written is flushed to the disk before it is renamed. An error in the block leaves the
    target as it was.

    Parameters
    ----------
    path
        Target, a file or a folder; its folder is made if need be.

    Yields
    ------
    Path
        Path in the target's folder, where nothing is yet.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    remove(partial)
    try:
        yield partial
        if partial.is_dir():
            remove(path)
        else:
            flush(partial)
        partial.replace(path)
    finally:
        remove(partial)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a text as UTF-8, its line ends as they are, or bytes."""
    with whole(path) as partial:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)


def flush(path: Path) -> None:
    """Flush a written file to the disk."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes have left of a target."""
    prefix = f".{path.name}."
    for leftover in path.parent.glob(f"{glob.escape(prefix)}*.partial*"):
        pid = leftover.name.removeprefix(prefix).split(".")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            remove(leftover)
