"""Data that come in month by month: what is known at the end of a month, and the month to be judged on.

With `data.until` in params.yaml the rows of later months are left out at ingest. The rows of that month
itself are held out: no trial sees them, neither to learn nor to choose a model, and a retrained model is
compared with the champion on them. What trials see ends with the month before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from fuelgauge import paths
from fuelgauge.data.dataset import Dataset
from fuelgauge.errors import DataError
from fuelgauge.files import write_whole

HELD_OUT = "held_out"
ABOUT_MONTHS = "months.json"


class Months:
    """The rows up to the end of a month, and what is counted of them; without a month, all rows."""

    def __init__(self, until: str | None, column: str, where: str):
        self.until, self.column, self.where = until, column, where
        self.n_later = 0
        self.n_last = 0
        self.months: set[str] = set()

    def known(self, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
        """Yield the rows of each table that are not later than the month."""
        if self.until is None:
            yield from tables
            return
        start, end = bounds(self.until)
        for table in tables:
            moments = self.moments(table)
            early = moments < end
            self.months.update(np.datetime_as_string(np.unique(moments.astype("datetime64[M]"))))
            self.n_later += int((~early).sum())
            self.n_last += int((early & (moments >= start)).sum())
            if early.any():
                yield table.filter(pa.array(early))

    def moments(self, table: pa.Table) -> np.ndarray:
        """Return the column of time, which must hold dates."""
        if not pa.types.is_timestamp(table[self.column].type):
            raise DataError(
                f"{self.where}: the time '{self.column}' holds numbers, not dates, so that it has no months; "
                "set data.until to null in params.yaml."
            )
        return table[self.column].to_numpy()

    def check(self) -> None:
        """Raise DataError if there is no row of the month, or none before it."""
        if self.until is None or (self.n_last and min(self.months) < self.until):
            return
        ends = f"the source has {min(self.months)} to {max(self.months)}" if self.months else "it has no rows"
        what = "no row is of" if not self.n_last else "no row is from before"
        raise DataError(f"{self.where}: {what} {self.until} (data.until in params.yaml); {ends}.")


def bounds(month: str) -> tuple[np.datetime64, np.datetime64]:
    """Return the first moment of a month and that of the next one."""
    return np.datetime64(month, "us"), np.datetime64(following(month), "us")


def following(month: str) -> str:
    """Return the month after one."""
    return str(pd.Period(month, "M") + 1)


def of_last_month(time: np.ndarray, until: str) -> np.ndarray:
    """Return which rows are of the month `until`, by their seconds since 1970."""
    return time >= bounds(until)[0].astype(np.int64) / 1e6


def months_of(time: np.ndarray) -> np.ndarray:
    """Return the months of seconds since 1970, such as 2013-06."""
    return pd.to_datetime(time, unit="s").strftime("%Y-%m").to_numpy()


@dataclass(frozen=True)
class AboutMonths:
    """What is known of a dataset that ends with a month.

    Parameters
    ----------
    until
        The month, such as 2013-06.
    n_held_out
        Its rows, which no trial sees.
    n_later
        Rows of the source that are later.
    """

    until: str
    n_held_out: int
    n_later: int

    def write(self, folder: Path) -> None:
        """Write it beside the features."""
        write_whole(folder / ABOUT_MONTHS, json.dumps(asdict(self)) + "\n")

    @classmethod
    def of(cls, name: str, folder: Path = paths.FEATURES) -> AboutMonths | None:
        """Return what is known of a featurized dataset, or None if it does not end with a month."""
        path = folder / name / ABOUT_MONTHS
        return cls(**json.loads(path.read_text())) if path.is_file() else None


def to_judge_on(
    name: str, features: str, most: int, seed: int, folder: Path = paths.FEATURES
) -> tuple[Dataset, np.ndarray] | None:
    """Return the last month and the numbers of at most so many of its rows, drawn at random.

    None if the dataset does not end with a month.
    """
    month = held_out(name, features, folder)
    if month is None:
        return None
    shuffled = np.random.default_rng(seed).permutation(len(month.target))
    return month, np.sort(shuffled[:most])


def held_out(name: str, features: str, folder: Path = paths.FEATURES) -> Dataset | None:
    """Return the rows of the last month, or None if the dataset does not end with a month."""
    return Dataset.open(HELD_OUT, features, folder / name) if AboutMonths.of(name, folder) else None
