"""A value of a table with the row in which it stands, so that a message can point at it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Places", "Seen", "flags"]


class Seen(NamedTuple):
    """A value, and the number of the first row that has it, counted from 1."""

    value: str
    row: int


class Places:
    """The rows of a batch, to find the first one with a text."""

    def __init__(self, texts: pa.Array, names: pa.Array, first_row: int) -> None:
        self.texts, self.names, self.first_row = texts, names, first_row

    def row(self, at: int) -> int:
        """Return the number of the first row with a text, counted from 1."""
        return self.first_row + int(pc.index(self.texts, self.names[at]).as_py()) + 1

    def first(self, mask: np.ndarray) -> Seen:
        """Return the first text, in the order of the rows, for which a mask is true."""
        at = int(np.flatnonzero(mask)[0])  # value_counts keeps the order of the first rows
        return Seen(self.names[at].as_py(), self.row(at))


def flags(mask: pa.Array) -> np.ndarray:
    """Return truth values as a NumPy array, with False where missing."""
    return np.asarray(pc.fill_null(mask, False).to_numpy(zero_copy_only=False))
