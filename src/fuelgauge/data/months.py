"""Data that arrive month by month: the rows known at the end of a month, and the held-out last month.

The setting `data.until` in params.yaml names a month. Ingest leaves out the rows of later months. The rows of
the month itself are held out: no trial uses them to fit or to choose a model. A retrained model is compared
with the champion on them. Trials use the rows of the months before.
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

__all__ = [
    "ABOUT_MONTHS",
    "HELD_OUT",
    "AboutMonths",
    "Months",
    "following",
    "held_out",
    "months_of",
    "of_last_month",
    "to_judge_on",
]

HELD_OUT = "held_out"
ABOUT_MONTHS = "months.json"


class Months:
    """A filter for the rows up to the end of a month, with counts; without a month, it keeps all rows.

    Parameters
    ----------
    until
        The month, such as 2013-06; None for no limit.
    column
        Name of the time column.
    where
        File that describes the dataset, for the messages.
    """

    def __init__(self, until: str | None, column: str, where: str):
        self.until, self.column, self.where = until, column, where
        self.n_later = 0
        self.n_last = 0
        self.months: set[str] = set()

    def known(self, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
        """Yield the rows of each table up to the end of the month, and count the others."""
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
        """Return the time column as an array; raise DataError if it does not hold dates."""
        if not pa.types.is_timestamp(table[self.column].type):
            raise DataError(
                f"{self.where}: the time column '{self.column}' holds numbers, not dates, and so no months; "
                "set data.until to null in params.yaml."
            )
        return table[self.column].to_numpy()

    def check(self) -> None:
        """Raise DataError if no row lies in the month, or none before it."""
        if self.until is None or (self.n_last and min(self.months) < self.until):
            return
        ends = (
            f"the source covers {min(self.months)} to {max(self.months)}" if self.months else "it has no rows"
        )
        what = "no row lies in" if not self.n_last else "no row lies before"
        raise DataError(f"{self.where}: {what} {self.until} (data.until in params.yaml); {ends}.")


def bounds(month: str) -> tuple[np.datetime64, np.datetime64]:
    """Return the first moment of a month and the first moment of the next month."""
    return np.datetime64(month, "us"), np.datetime64(following(month), "us")


def following(month: str) -> str:
    """Return the month after the given one."""
    return str(pd.Period(month, "M") + 1)


def of_last_month(time: np.ndarray, until: str) -> np.ndarray:
    """Return whether each row lies in the month `until` or later; `time` holds seconds since 1970."""
    return time >= bounds(until)[0].astype(np.int64) / 1e6


def months_of(time: np.ndarray) -> np.ndarray:
    """Return the month of each time, such as 2013-06; `time` holds seconds since 1970."""
    return pd.to_datetime(time, unit="s").strftime("%Y-%m").to_numpy()


@dataclass(frozen=True)
class AboutMonths:
    """The last month of a dataset, and the numbers of rows that trials do not see.

    Parameters
    ----------
    until
        Last month, such as 2013-06.
    n_held_out
        Number of rows of this month, which are held out.
    n_later
        Number of rows of the source from later months.
    """

    until: str
    n_held_out: int
    n_later: int

    def write(self, folder: Path) -> None:
        """Write the object as JSON into the folder of the features."""
        write_whole(folder / ABOUT_MONTHS, json.dumps(asdict(self)) + "\n")

    @classmethod
    def of(cls, name: str, folder: Path = paths.FEATURES) -> AboutMonths | None:
        """Return the last month of a featurized dataset, or None if the dataset does not end with a month."""
        path = folder / name / ABOUT_MONTHS
        return cls(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def to_judge_on(
    name: str, features: str, most: int, seed: int, folder: Path = paths.FEATURES
) -> tuple[Dataset, np.ndarray] | None:
    """Return the held-out month and the row numbers of a random sample of its rows.

    Parameters
    ----------
    name
        Name of the dataset.
    features
        Name of the feature set.
    most
        Largest number of sampled rows.
    seed
        Random seed of the sample.
    folder
        Folder of all features.

    Returns
    -------
    tuple or None
        The held-out month as a `Dataset`, and at most `most` sorted row numbers. None if the dataset does not
        end with a month.
    """
    month = held_out(name, features, folder)
    if month is None:
        return None
    shuffled = np.random.default_rng(seed).permutation(len(month.target))
    return month, np.sort(shuffled[:most])


def held_out(name: str, features: str, folder: Path = paths.FEATURES) -> Dataset | None:
    """Return the held-out rows of the last month, or None if the dataset does not end with a month."""
    return Dataset.open(HELD_OUT, features, folder / name) if AboutMonths.of(name, folder) else None
