"""A value of a table with the row in which it stands, so that a message can point at it."""

from typing import NamedTuple

__all__ = ["Seen"]


class Seen(NamedTuple):
    """A value, and the number of the first row that has it, counted from 1."""

    value: str
    row: int
