"""Held-out rows for the evaluation of champion and challenger, in the form of queries.

They are the test rows of repeat 0. If a dataset ends with a held-out month (`data.until`), they are rows of
that month.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fuelgauge import paths
from fuelgauge.data.about import About
from fuelgauge.data.dataset import GROUP, ROW, Dataset
from fuelgauge.data.duplicates import repeated
from fuelgauge.data.months import to_judge_on
from fuelgauge.data.splits import Draw, nested_order_of, split_validation
from fuelgauge.errors import DataError
from fuelgauge.registry.query import Query
from fuelgauge.spec.trials import Curve, Trial
from fuelgauge.sweep.trial import Rows, draw_of, open_dataset, rows_of

__all__ = [
    "REPEAT",
    "HeldOut",
    "Sides",
    "featurized_rows",
    "final_pool",
    "final_rows",
    "hashed_columns",
    "raw_path",
    "sides",
]

REPEAT = 0


@dataclass(frozen=True)
class HeldOut:
    """Held-out rows with their targets, hashes and groups.

    Parameters
    ----------
    rows
        Rows as a query brings them.
    y
        Class codes or target values, shape (rows,).
    hashes
        Hashes that are equal for identical rows, shape (rows,).
    groups
        Group codes, shape (rows,); None if the rows do not form groups. Rows of one group are not
        independent.
    """

    rows: pd.DataFrame | np.ndarray
    y: np.ndarray
    hashes: np.ndarray
    groups: np.ndarray | None

    def __len__(self) -> int:
        return len(self.y)

    def without(self, hashes: np.ndarray) -> HeldOut:
        """Return the rows whose hash is not among the given hashes."""
        kept = np.flatnonzero(~np.isin(self.hashes, hashes))
        rows = self.rows.iloc[kept] if isinstance(self.rows, pd.DataFrame) else self.rows[kept]
        groups = None if self.groups is None else self.groups[kept]
        return HeldOut(rows, self.y[kept], self.hashes[kept], groups)


@dataclass(frozen=True)
class Sides:
    """Held-out rows and fitting rows of a final fit.

    Attributes
    ----------
    fitted_on
        Hashes of all rows that the final fit uses, validation rows included.
    example
        A few of these rows as a query brings them.
    query
        Query format with the categories and ranges of these rows.
    """

    held_out: HeldOut
    fitted_on: np.ndarray
    example: pd.DataFrame | np.ndarray
    query: Query


def raw_path(dataset: str) -> Path:
    """Return the path of a dataset's ingested table; raise DataError if the file does not exist."""
    path = paths.RAW / f"{dataset}.parquet"
    if not path.is_file():
        raise DataError(f"{path} does not exist; make it with: dvc repro ingest@{dataset}")
    return path


def sides(trial: Trial, query: Query, n_example: int = 2) -> Sides:
    """Return the held-out rows of a trial, the hashes of its fitting rows, and a few fitting rows.

    Raises
    ------
    DataError
        The ingested table does not exist, or is not the table that was featurized.
    """
    about = trial.curve.dataset
    dataset = open_dataset(about.name, about.features)
    hashes = dataset.table[ROW].to_numpy()
    table = featurized_rows(raw_path(about.name), hashes, about.duplicates)
    fitting = final_pool(trial.curve)
    example = query.rows_of(table.take(pa.array(fitting[:n_example])))
    judged_on = month_of(trial.curve) or (dataset, repeat_0(trial.curve).test)
    knowing = query.with_seen(table.take(pa.array(fitting)))
    return Sides(held_out_rows(*judged_on, query), hashes[fitting], example, knowing)


def final_pool(curve: Curve) -> np.ndarray:
    """Return the row numbers of the final fit: the training pool of repeat 0, or the rows before the month.

    Rows within the dataset's gap before the month are left out, as before any test set.
    """
    month = month_of(curve)
    if month is None:
        return repeat_0(curve).order
    rows, later = open_dataset(curve.dataset.name, curve.dataset.features).rows, month[0].rows.time
    assert rows.time is not None
    assert later is not None
    before = np.flatnonzero(rows.time <= later.min() - rows.gap)
    return nested_order_of(before, rows, np.random.default_rng([curve.seed, REPEAT]))


def final_rows(trial: Trial) -> Rows:
    """Return the fitting, validation and held-out rows of the final fit."""
    curve = trial.curve
    month = month_of(curve)
    if month is None:
        return rows_of(trial)
    dataset, pool = open_dataset(curve.dataset.name, curve.dataset.features), final_pool(curve)
    fitting, validation = split_validation(dataset.rows.take(pool), curve.split, curve.seed, REPEAT)
    return Rows(
        train=dataset.take(pool[fitting]),
        validation=dataset.take(pool[validation]),
        test=month[0].take(month[1]),
        whole=dataset.take(pool),
    )


def repeat_0(curve: Curve) -> Draw:
    """Return the draw of repeat 0."""
    return draw_of(curve.dataset.name, curve.dataset.features, curve.split, curve.seed, REPEAT)


def month_of(curve: Curve) -> tuple[Dataset, np.ndarray] | None:
    """Return the held-out month and the numbers of its evaluation rows, or None if there is no such month."""
    about = curve.dataset
    return to_judge_on(about.name, about.features, curve.split.test_max, curve.seed)


def hashed_columns(raw: Path) -> list[list[str]]:
    """Return name and type of each column that the row hashes of an ingested table cover, in order."""
    with pq.ParquetFile(raw) as file:
        columns, schema = About.of(file).columns, file.schema_arrow
    names = dict.fromkeys(name for name in (*columns.raw, columns.time, columns.target) if name)
    return [[name, str(schema.field(name).type)] for name in names]


def held_out_rows(dataset: Dataset, numbers: np.ndarray, query: Query) -> HeldOut:
    """Return rows of a featurized dataset as queries, with targets, hashes and groups."""
    about, hashes = dataset.description, dataset.table[ROW].to_numpy()
    table = featurized_rows(raw_path(about.name), hashes, about.duplicates).take(pa.array(numbers))
    groups = dataset.table[GROUP].to_numpy()[numbers] if GROUP in dataset.table.column_names else None
    return HeldOut(query.rows_of(table), dataset.target[numbers], hashes[numbers], groups)


def featurized_rows(path: Path, hashes: np.ndarray, duplicates: str) -> pa.Table:
    """Return the rows of an ingested table that were featurized, in their original order."""
    table = pq.read_table(path)
    of_table = table[ROW].to_numpy()
    kept = np.isin(of_table, hashes)
    if duplicates == "drop":
        kept &= ~repeated(of_table)
    if not np.array_equal(of_table[kept], hashes):
        raise DataError(f"{path} is not the table that was featurized; run: dvc repro featurize@{path.stem}")
    return table.filter(pa.array(kept))
