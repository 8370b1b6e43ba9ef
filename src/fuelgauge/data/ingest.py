"""The ingest stage: read a source and write one checked table.

Rows are read, checked and written in batches, so that even a large table needs little memory.
"""

from __future__ import annotations

import inspect
import itertools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.parquet as pq

from fuelgauge import paths
from fuelgauge.config.objects import load_object
from fuelgauge.data import _schemas as schemas
from fuelgauge.data import columns as column_kinds
from fuelgauge.data.about import About
from fuelgauge.data.columns import Columns
from fuelgauge.data.dataset import ROW
from fuelgauge.data.duplicates import row_hashes
from fuelgauge.data.inspection import leaks
from fuelgauge.data.months import Months
from fuelgauge.data.validation import Tally, batch_schema, check_batch, check_complete
from fuelgauge.errors import ConfigError, DataError
from fuelgauge.files import whole
from fuelgauge.spec.dataset import DatasetConfig

__all__ = ["ingest"]

log = logging.getLogger("fuelgauge")

LOOKED_AT = 50_000  # rows in which target leakage is looked for, all from the first batch


def ingest(dataset: DatasetConfig, folder: Path = paths.RAW, until: str | None = None) -> Path:
    """Read a dataset from its source and write the columns that its description names.

    The column `__row__` is a hash of the raw features, the time and the target. It serves to find identical
    rows (`fuelgauge.data.duplicates`).

    Parameters
    ----------
    dataset
        Description of the dataset.
    folder
        Folder of the table. The kinds of the columns go to ../schema, seen from this folder
        (`fuelgauge.data._schemas`).
    until
        Last month to use, such as 2013-06; None for all months. Later rows are checked and left out. A
        dataset without a time column ignores it.

    Returns
    -------
    pathlib.Path
        Path of the table, data/raw/<name>.parquet.

    Raises
    ------
    DataError
        The source differs from its description; the sentence names the file, and the column and row where
        there are any. With `until`: the month has no row, or no row comes before it, or a column is missing
        or has another kind than in the last accepted data.
    ConfigError
        The loader or a check of the description is not valid.
    """
    where = f"conf/dataset/{dataset.name}.yaml"
    reader = column_kinds.batches(read_source(dataset), where)
    remembered = folder.parent / "schema" / f"{dataset.name}.json"
    limited = bool(until and dataset.time)
    if limited:
        schemas.compare(remembered, reader.schema, dataset, where)
    columns = column_kinds.choose(reader.schema, dataset, where)
    path = folder / f"{dataset.name}.parquet"
    with whole(path) as partial:
        tables = checked(reader, columns, dataset, where)
        months = Months(until if limited else None, columns.time, where)
        about = write(months.known(tables), columns, dataset, where, months, partial)
    for warning in about.warnings:
        log.warning("%s", warning)
    schemas.remember(remembered, reader.schema, columns)
    return path


def read_source(dataset: DatasetConfig) -> Any:
    """Call the loader that `source._target_` names and return its result.

    The other keys of `source` are its arguments. A loader with a parameter `dataset` also receives the
    description of the dataset.
    """
    where = f"conf/dataset/{dataset.name}.yaml"
    arguments = {key: value for key, value in dataset.source.items() if key != "_target_"}
    loader = load_object(dataset.source["_target_"], where)
    signature = inspect.signature(loader)
    if "dataset" in signature.parameters:
        arguments["dataset"] = dataset
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise ConfigError(f"{where}: source, {dataset.source['_target_']}: {error}.") from error
    return loader(**arguments)


def checked(
    reader: pa.RecordBatchReader, columns: Columns, dataset: DatasetConfig, where: str
) -> Iterator[pa.Table]:
    """Yield each batch with converted columns and checked values."""
    schema = None
    for first_row, batch in column_kinds.numbered(reader):
        table = column_kinds.convert(batch, columns, dataset.task, first_row, where)
        schema = schema or described_checks(table.schema, columns, dataset, where)
        check_batch(table, schema, first_row, where)
        check_complete(table, tuple(n for n in (columns.group, columns.time) if n), first_row, where)
        yield table


def described_checks(
    schema: pa.Schema, columns: Columns, dataset: DatasetConfig, where: str
) -> pandera.DataFrameSchema:
    """Return the checks of each batch as a pandera schema."""
    try:
        return batch_schema(schema, columns, dataset.checks)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def write(
    tables: Iterator[pa.Table],
    columns: Columns,
    dataset: DatasetConfig,
    where: str,
    months: Months,
    path: Path,
) -> About:
    """Write the rows that have a target, and the findings about the source; return the findings."""
    tally = Tally(dataset, columns, where)
    first = next(tables, None)
    if first is None:
        months.check()
        raise DataError(f"{where}: the source has no rows.")
    warnings = suspicions(first, columns, dataset, where)
    hashed = list(dict.fromkeys(name for name in (*columns.raw, columns.time, columns.target) if name))
    schema = first.schema.append(pa.field(ROW, pa.uint64()))
    with pq.ParquetWriter(path, schema, compression="lz4", use_dictionary=repetitive(schema)) as writer:
        for table in itertools.chain([first], tables):
            labelled = tally.count(table)
            hashes = pa.array(row_hashes(labelled.select(hashed)))
            writer.write_table(labelled.append_column(ROW, hashes).cast(schema))
        tally.check()
        months.check()
        counts = (tally.n_rows, tally.n_without_target)
        about = About(columns, *counts, tuple(warnings), months.until or "", months.n_later)
        writer.add_key_value_metadata(about.to_metadata())
    return about


def repetitive(schema: pa.Schema) -> list[str]:
    """Return the columns to encode with a dictionary: strings. For numbers, the attempt alone is costly."""
    return [field.name for field in schema if pa.types.is_string(field.type)]


def suspicions(table: pa.Table, columns: Columns, dataset: DatasetConfig, where: str) -> list[str]:
    """Return a warning for each column that gives the target away in the first rows."""
    named = [*columns.all_numeric, *columns.all_categorical]
    if not named:
        return []
    frame = table.slice(0, LOOKED_AT).select([*dict.fromkeys([*named, columns.target])]).to_pandas()
    return [f"{where}: {sentence}" for sentence in leaks(frame, columns.target, dataset.task)]
