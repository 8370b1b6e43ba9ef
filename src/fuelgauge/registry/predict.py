"""Answer a whole file with the champion of a dataset, in batches (`fuelgauge predict`)."""

from __future__ import annotations

import contextlib
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fuelgauge.errors import DataError
from fuelgauge.files import whole
from fuelgauge.registry import package
from fuelgauge.registry._reading import settings_of
from fuelgauge.registry._seen import Notes
from fuelgauge.registry.loader import UNSEEN, Served
from fuelgauge.registry.versions import Registry, RegistryError
from fuelgauge.spec.params import Config

__all__ = ["BATCH", "Predicted", "predict"]

log = logging.getLogger("fuelgauge")

BATCH = 4096  # rows that the model answers at a time
ROW = "row"

Write = Callable[[pa.Table], None]


@dataclass(frozen=True)
class Predicted:
    """The result of answering a file.

    Parameters
    ----------
    version
        Version that has answered.
    n_rows
        Number of answered rows.
    unseen
        Number of rows with a category that no training row has, by column.
    """

    version: str
    n_rows: int
    unseen: dict[str, int]


def predict(config: Config, file: Path, out: Path | None = None) -> Predicted:
    """Answer every row of a file with the champion of a dataset.

    The file is read like the dataset's own file. The answers are a table with these columns:

    - the number of the row, counted from 1;
    - its label and the probability of each class, or its value;
    - the columns of the row whose category no training row has.

    Parameters
    ----------
    file
        CSV, Excel, Parquet or JSON lines file with the columns of a query; further columns are ignored.
    out
        File for the answers: Parquet if its name ends in .parquet, else CSV. It appears only when it is
        complete. None writes CSV to the standard output.

    Raises
    ------
    RegistryError
        The dataset does not have a champion, or the registry cannot be used.
    DataError
        The file cannot be read; the message names the file, and the column and the row where there are any.
    """
    if not file.is_file():
        raise DataError(f"{file} does not exist, or is not a file.")
    if out is not None and out.resolve() == file.resolve():
        raise DataError(f"--out is {out}, the file to read; choose another name.")
    name, registry = config.dataset.name, Registry(config.tracking)
    champion = registry.champion(name)
    if champion is None:
        raise RegistryError(f"{name} has no champion yet; make one with: make register DATASET={name}")
    with tempfile.TemporaryDirectory() as room:
        served = Served(registry.fetch(champion, Path(room)) / "data" / package.DATA)
        if served.query.source is None:  # a version of an earlier release does not know the file's settings
            served.query = replace(served.query, source=settings_of(config.dataset.source))
        n_rows, unseen = 0, Counter[str]()
        with writing(out) as write:
            for table, notes in answers(served, file):
                write(table)
                n_rows += table.num_rows
                unseen.update(notes.unseen_by_column)
    return Predicted(str(champion.version), n_rows, dict(unseen))


def answers(served: Served, file: Path) -> Iterator[tuple[pa.Table, Notes]]:
    """Yield the answers to the rows of a file as tables, with the findings about the rows."""
    query, first_row = served.query, 0
    for batch in query.reading.opened(file, query.dataset, str(file)):
        for start in range(0, batch.num_rows, BATCH):
            rows = batch.slice(start, BATCH)
            found, notes = served.answer(rows, first_row, str(file))
            yield as_table(found, notes, first_row), notes
            first_row += rows.num_rows


def as_table(found: list[dict[str, Any]], notes: Notes, first_row: int) -> pa.Table:
    """Return answers as a table with one column per class."""
    columns: dict[str, Any] = {ROW: range(first_row + 1, first_row + len(found) + 1)}
    for key in found[0]:
        values = [answer[key] for answer in found]
        if isinstance(values[0], dict):
            columns |= {f"probability_{name}": [each[name] for each in values] for name in values[0]}
        else:
            columns[key] = values
    columns[UNSEEN] = [", ".join(names) for names in notes.unseen] or [""] * len(found)
    return pa.table({name: pa.array(values) for name, values in columns.items()})


@contextlib.contextmanager
def writing(out: Path | None) -> Iterator[Write]:
    """Yield a function that writes the next rows of a table to a file or to the standard output."""
    if out is None:
        yield csv_writer(sys.stdout)
        return
    with whole(out) as partial, contextlib.ExitStack() as opened:
        if out.suffix.lower() in (".parquet", ".pq"):
            yield parquet_writer(partial, opened)
        else:
            yield csv_writer(opened.enter_context(partial.open("w", newline="", encoding="utf-8")))


def csv_writer(stream: Any) -> Write:
    """Return a function that writes tables to a stream as CSV, with one header."""
    written = 0

    def write(table: pa.Table) -> None:
        nonlocal written
        frame: pd.DataFrame = table.to_pandas()
        frame.to_csv(stream, index=False, header=not written, lineterminator="\n")
        written += 1

    return write


def parquet_writer(path: Path, opened: contextlib.ExitStack) -> Write:
    """Return a function that writes tables to a Parquet file."""
    writers: list[pq.ParquetWriter] = []

    def write(table: pa.Table) -> None:
        if not writers:
            writers.append(opened.enter_context(pq.ParquetWriter(path, table.schema)))
        writers[0].write_table(table)

    return write
