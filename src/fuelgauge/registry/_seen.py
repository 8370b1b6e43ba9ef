"""What the training rows of a registered model held: categories, and ranges of numbers and dates.

A query is compared with it. A number or a truth value is turned into the category that it stands for, and the
inputs that no training row resembles are counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fuelgauge.errors import DataError

FILE = "seen.json"
SLICE = 1 << 16  # rows whose features are computed at a time
NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?")
WORDS = {True: ("true", "t", "yes", "y", "1", "on"), False: ("false", "f", "no", "n", "0", "off")}
SHOWN = 5  # categories that a message lists

Features = Mapping[str, Any]  # numpy.ndarray or pyarrow.StringArray by name


@dataclass(frozen=True)
class Notes:
    """Findings about the inputs of a query.

    Parameters
    ----------
    unseen
        Columns of each row that hold a category which no training row has; empty if no row has one.
    missing
        Number of missing values by column, without columns that lack none.
    out_of_range
        Number of values outside the range of the training rows by column, without columns that have none.
    """

    unseen: Sequence[Sequence[str]] = ()
    missing: Mapping[str, int] = field(default_factory=dict)
    out_of_range: Mapping[str, int] = field(default_factory=dict)

    @property
    def unseen_by_column(self) -> dict[str, int]:
        """Number of unseen categories by column."""
        names = [name for row in self.unseen for name in row]
        return {name: names.count(name) for name in dict.fromkeys(names)}


@dataclass(frozen=True)
class Seen:
    """Categories and ranges of the training rows of a model.

    Parameters
    ----------
    categories
        Categories by column.
    ranges
        Smallest and largest number by column. Dates count as days since 1970. The range of a column of arrays
        covers all numbers of all arrays.
    """

    categories: Mapping[str, frozenset[str]]
    ranges: Mapping[str, tuple[float, float]]

    @classmethod
    def of(cls, table: pa.Table, features_of: Callable[[pa.Table], Features]) -> Seen:
        """Return what the rows of a table hold.

        Parameters
        ----------
        table
            Training rows, as the ingest stage writes them.
        features_of
            Function that returns the raw features of some rows.
        """
        categories: dict[str, set[str]] = {}
        ends: dict[str, list[tuple[float, float]]] = {}
        for start in range(0, table.num_rows, SLICE):
            for name, values in features_of(table.slice(start, SLICE)).items():
                if not isinstance(values, np.ndarray):
                    categories.setdefault(name, set()).update(pc.unique(values).drop_null().to_pylist())
                elif values.dtype.kind in "biuf" and not np.isnan(values).all():
                    ends.setdefault(name, []).append((float(np.nanmin(values)), float(np.nanmax(values))))
        ranges = {
            name: (min(lo for lo, _ in found), max(hi for _, hi in found)) for name, found in ends.items()
        }
        return cls({name: frozenset(found) for name, found in categories.items()}, ranges)

    def save(self, folder: Path) -> None:
        """Write the categories and ranges into a folder."""
        categories = {name: sorted(found) for name, found in self.categories.items()}
        (folder / FILE).write_text(
            json.dumps({"categories": categories, "ranges": dict(self.ranges)}) + "\n", encoding="utf-8"
        )

    @classmethod
    def load(cls, folder: Path) -> Seen | None:
        """Return what `save` has written; None for a version of an earlier release."""
        path = folder / FILE
        if not path.is_file():
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        categories = {name: frozenset(found) for name, found in content["categories"].items()}
        return cls(categories, {name: tuple(ends) for name, ends in content["ranges"].items()})

    def notes(self, features: Features, n_rows: int) -> Notes:
        """Return the findings about the features of a query."""
        missing: dict[str, int] = {}
        beyond: dict[str, int] = {}
        names = [name for name in self.ranges if name in features]
        if names:
            values: np.ndarray = np.stack([features[name].reshape(n_rows, -1) for name in names])
            lo, hi = (ends[[self.places[name] for name in names]] for ends in self.ends)
            missing = counted(names, np.any(np.isnan(values), axis=2))
            beyond = counted(names, np.any((values < lo) | (values > hi), axis=2))
        unseen: dict[str, list[int]] = {}
        for name, known in self.categories.items():
            held = features[name].to_pylist()
            if found := [row for row, value in enumerate(held) if value is not None and value not in known]:
                unseen[name] = found
            if absent := held.count(None):
                missing[name] = absent
        return Notes(by_row(unseen, n_rows), missing, beyond)

    @cached_property
    def places(self) -> dict[str, int]:
        """Place of each column in `ends`."""
        return {name: place for place, name in enumerate(self.ranges)}

    @cached_property
    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the ranges, float32, each of shape (columns, 1, 1)."""
        found = np.array([*self.ranges.values()], dtype=np.float32).reshape(-1, 2)
        return found[:, :1, np.newaxis], found[:, 1:, np.newaxis]

    def category(self, value: bool | int | float, name: str, place: str) -> str:
        """Return the category that a number or a truth value stands for.

        A number that equals no category becomes a new category, if some categories are numbers.

        Raises
        ------
        DataError
            Several categories could be meant, or none.
        """
        known = self.categories.get(name, frozenset())
        if isinstance(value, bool):
            found = truths(known, value)
        else:
            number = Decimal(repr(value))
            if (text := as_text(value)) in known:
                return text
            found = self.numbers(name).get(number, [])
            if not found and self.numbers(name):
                return text
        if len(found) == 1:
            return found[0]
        shown = ", ".join(f"'{each}'" for each in sorted(found or known)[:SHOWN])
        more = ", ..." if len(found or known) > SHOWN else ""
        which = f"could be any of {shown}{more}" if found else f"is none of its categories ({shown}{more})"
        said = json.dumps(value)
        raise DataError(f"{place} holds {said}, which {which}; send the text that the table has.")

    def numbers(self, name: str) -> dict[Decimal, list[str]]:
        """Return the categories of a column that are numbers, by their value."""
        if name not in self.numbers_by_column:
            found: dict[Decimal, list[str]] = {}
            for text in sorted(self.categories.get(name, ())):
                if NUMBER.fullmatch(text):
                    found.setdefault(Decimal(text), []).append(text)
            self.numbers_by_column[name] = found
        return self.numbers_by_column[name]

    @cached_property
    def numbers_by_column(self) -> dict[str, dict[Decimal, list[str]]]:
        """Results of `numbers`, which are computed once."""
        return {}


def counted(names: Sequence[str], flags: np.ndarray) -> dict[str, int]:
    """Return the number of rows with a flag by column, without zeros; `flags` has shape (columns, rows)."""
    if not flags.any():
        return {}
    return {name: int(n) for name, n in zip(names, flags.sum(axis=1), strict=True) if n}


def by_row(found: Mapping[str, Sequence[int]], n_rows: int) -> list[list[str]]:
    """Return the columns of each row; an empty list if no row has any."""
    if not found:
        return []
    rows: list[list[str]] = [[] for _ in range(n_rows)]
    for name, places in found.items():
        for place in places:
            rows[place].append(name)
    return rows


def truths(known: frozenset[str], value: bool) -> list[str]:
    """Return the categories that mean a truth value; none if some categories are not truth values."""
    words = {text: text.strip().casefold() for text in known}
    plain = [text for text, word in words.items() if word == WORDS[value][0]]
    if plain or not all(word in (*WORDS[True], *WORDS[False]) for word in words.values()):
        return plain
    return [text for text, word in words.items() if word in WORDS[value]]


def as_text(value: int | float) -> str:
    """Return a number as text; a whole number has no decimal point."""
    return str(int(value)) if value == int(value) else repr(value)
