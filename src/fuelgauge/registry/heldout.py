"""The rows that champion and challenger are judged on, as queries.

They are the test rows of repeat 0, or the last month of a dataset that ends with one (`data.until`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fuelgauge import paths
from fuelgauge.data.dataset import GROUP, ROW, Dataset
from fuelgauge.data.duplicates import repeated
from fuelgauge.data.months import to_judge_on
from fuelgauge.errors import DataError
from fuelgauge.registry.query import Query
from fuelgauge.sweep.grid import Trial
from fuelgauge.sweep.trial import draw_of, open_dataset


@dataclass(frozen=True)
class HeldOut:
    """Rows with their targets, and what ties them to other rows.

    Parameters
    ----------
    y
        Class codes or values.
    hashes
        By which identical rows are found.
    groups
        Codes of groups whose rows are no independent evidence; None where each row stands for itself.
    """

    rows: pd.DataFrame | np.ndarray
    y: np.ndarray
    hashes: np.ndarray
    groups: np.ndarray | None

    def __len__(self) -> int:
        return len(self.y)

    def without(self, hashes: np.ndarray) -> HeldOut:
        """Return the rows that are identical to none of the given ones."""
        kept = np.flatnonzero(~np.isin(self.hashes, hashes))
        rows = self.rows.iloc[kept] if isinstance(self.rows, pd.DataFrame) else self.rows[kept]
        groups = None if self.groups is None else self.groups[kept]
        return HeldOut(rows, self.y[kept], self.hashes[kept], groups)


@dataclass(frozen=True)
class Sides:
    """The two sides of repeat 0: what is held out, and what may be fitted on."""

    held_out: HeldOut
    fitted_on: np.ndarray
    example: pd.DataFrame | np.ndarray


def raw_path(dataset: str) -> Path:
    """Return the file of a dataset's ingested table; raise DataError if it is not there."""
    path = paths.RAW / f"{dataset}.parquet"
    if not path.is_file():
        raise DataError(f"{path} does not exist; make it with: dvc repro ingest@{dataset}")
    return path


def sides(trial: Trial, query: Query, n_example: int = 2) -> Sides:
    """Return the held-out rows of a trial, the hashes of those it is fitted on, and a few of these.

    Raises
    ------
    DataError
        The ingested table is not there, or not the one that was featurized.
    """
    about = trial.curve.dataset
    dataset = open_dataset(about.name, about.features)
    drawn = draw_of(about.name, about.features, trial.curve.split, trial.curve.seed, trial.repeat)
    hashes = dataset.table[ROW].to_numpy()
    table = featurized_rows(raw_path(about.name), hashes, about.duplicates)
    test, fitting = drawn.test, drawn.order[: trial.n_train]
    example = query.rows_of(table.take(pa.array(fitting[:n_example])))
    if month := month_of(trial):
        return Sides(held_out_rows(*month, query), hashes[fitting], example)
    return Sides(held_out_rows(dataset, test, query), hashes[fitting], example)


def month_of(trial: Trial) -> tuple[Dataset, np.ndarray] | None:
    """Return the last month and its rows to judge on, None if the dataset does not end with a month."""
    about, split = trial.curve.dataset, trial.curve.split
    return to_judge_on(about.name, about.features, split.test_max, trial.curve.seed)


def held_out_rows(dataset: Dataset, numbers: np.ndarray, query: Query) -> HeldOut:
    """Return some rows of a featurized dataset as queries with their targets."""
    about, hashes = dataset.description, dataset.table[ROW].to_numpy()
    table = featurized_rows(raw_path(about.name), hashes, about.duplicates).take(pa.array(numbers))
    groups = dataset.table[GROUP].to_numpy()[numbers] if GROUP in dataset.table.column_names else None
    return HeldOut(query.rows_of(table), dataset.target[numbers], hashes[numbers], groups)


def featurized_rows(path: Path, hashes: np.ndarray, duplicates: str) -> pa.Table:
    """Return the rows of an ingested table that were featurized, in their order."""
    table = pq.read_table(path)
    of_table = table[ROW].to_numpy()
    kept = np.isin(of_table, hashes)
    if duplicates == "drop":
        kept &= ~repeated(of_table)
    if not np.array_equal(of_table[kept], hashes):
        raise DataError(f"{path} is not the table that was featurized; run: dvc repro featurize@{path.stem}")
    return table.filter(pa.array(kept))
