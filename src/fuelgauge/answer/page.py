"""The page of an answer: one file that needs nothing else."""

from __future__ import annotations

from pathlib import Path

from fuelgauge.answer._lines import lines
from fuelgauge.answer._state import State
from fuelgauge.files import write_whole

__all__ = ["head", "write_page"]


def write_page(answer: State, path: Path) -> Path:
    """Write the page of an answer and return its path."""
    write_whole(path, head(answer))
    return path


def head(answer: State) -> str:
    """Return the head of the page: the sentence and the numbers."""
    return "<pre>" + "\n".join(lines(answer)) + "</pre>"
