"""Write files whole: a reader sees either the old content or the new content, never a part."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil

__all__ = ["whole", "write_whole"]


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; it replaces the target when the block ends.

    A written file is flushed to the disk before it is renamed. If the block raises an error, the target stays
    unchanged.

    Parameters
    ----------
    path
        Target, a file or a folder. Its parent folder is created if it does not exist.

    Yields
    ------
    Path
        Path in the folder of the target, at which nothing exists yet.
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
    """Write bytes, or a text as UTF-8 with unchanged line ends, whole."""
    with whole(path) as partial:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)


def flush(path: Path) -> None:
    """Flush a written file to the disk."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def remove(path: Path) -> None:
    """Remove a file or a folder, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_leftovers(path: Path) -> None:
    """Remove the temporary paths of a target that killed processes have left behind."""
    prefix = f".{path.name}."
    for leftover in path.parent.glob(f"{glob.escape(prefix)}*.partial*"):
        pid = leftover.name.removeprefix(prefix).split(".")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            remove(leftover)
