"""Columns of a source: the role of each, and the conversion of batches to the types of the pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from fuelgauge.data.arrow import ARRAY, is_tensor
from fuelgauge.data.dataset import OWN
from fuelgauge.errors import DataError, nearest
from fuelgauge.spec.dataset import DatasetConfig

__all__ = [
    "MOMENT",
    "Columns",
    "batches",
    "choose",
    "convert",
    "is_number",
    "mixture",
    "numbered",
    "without_zone",
]

ARRAY_MODALITIES = ("sequence", "image")
MOMENT = pa.timestamp("us")


@dataclass(frozen=True)
class Columns:
    """The columns of a dataset by kind.

    The first five fields hold the columns of the feature set `raw`. The fields `further_*` hold the columns
    that only engineered features use.
    """

    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    array: tuple[str, ...] = ()
    further_numeric: tuple[str, ...] = ()
    further_categorical: tuple[str, ...] = ()
    further_dates: tuple[str, ...] = ()
    target: str = ""
    group: str = ""
    time: str = ""

    @property
    def raw(self) -> tuple[str, ...]:
        """Names of the raw features."""
        return (*self.numeric, *self.categorical, *self.dates, *self.text, *self.array)

    @property
    def all_numeric(self) -> tuple[str, ...]:
        """Names of all columns that hold numbers, without the target."""
        return (*self.numeric, *self.further_numeric)

    @property
    def all_categorical(self) -> tuple[str, ...]:
        """Names of all columns that hold categories, without the target."""
        return (*self.categorical, *self.further_categorical)

    @property
    def all_dates(self) -> tuple[str, ...]:
        """Names of all columns that hold dates, without the target and the time column."""
        return (*self.dates, *self.further_dates)

    @property
    def everything(self) -> tuple[str, ...]:
        """Names of all columns that ingest keeps, each once."""
        further = (*self.further_numeric, *self.further_categorical, *self.further_dates)
        named = (*self.raw, *further, self.group, self.time, self.target)
        return tuple(dict.fromkeys(name for name in named if name))

    def to_json(self) -> dict[str, Any]:
        """Return the columns as plain data for a JSON file."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Columns:
        """Return the columns that `to_json` has written."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
        return cls(**values)


def choose(schema: pa.Schema, dataset: DatasetConfig, where: str) -> Columns:
    """Return the columns that a dataset uses: those that its description names, or the inferred ones.

    Raises
    ------
    DataError
        A column is missing, occurs twice, has a reserved name, or has a type that cannot be a feature.
    """
    if twice := [name for name in schema.names if schema.names.count(name) > 1]:
        raise DataError(f"{where}: the source has two columns '{twice[0]}'; rename one of them.")
    if taken := [name for name in schema.names if name in OWN]:
        raise DataError(
            f"{where}: the source has a column '{taken[0]}', a name reserved for the pipeline; rename it."
        )
    types = dataset.features
    numeric, categorical, dates = types.numeric, types.categorical, types.dates
    if types.infer:
        numeric, categorical, dates = infer(schema, (dataset.target, dataset.group, dataset.time), where)
    known = {*numeric, *categorical, *dates}
    further = dataset.engineered
    chosen = Columns(
        numeric=tuple(numeric),
        categorical=tuple(categorical),
        dates=tuple(dates),
        text=(types.text,) if dataset.modality == "text" else (),
        array=(ARRAY,) if dataset.modality in ARRAY_MODALITIES else (),
        further_numeric=tuple(name for name in further.numeric if name not in known),
        further_categorical=tuple(name for name in further.categorical if name not in known),
        further_dates=tuple(name for name in further.dates if name not in known),
        target=dataset.target,
        group=dataset.group,
        time=dataset.time,
    )
    if chosen.raw == (ARRAY,) == chosen.categorical:
        raise DataError(
            f"{where}: the only feature is a column '{ARRAY}' of strings, which would be taken for texts; "
            "rename it."
        )
    for name in chosen.everything:
        if name not in schema.names:
            raise DataError(
                f"{where}: the source has no column '{name}', {nearest(name, schema.names)} "
                f"(it has {len(schema.names)} columns)."
            )
    return chosen


def infer(schema: pa.Schema, others: Sequence[str], where: str) -> tuple[list[str], list[str], list[str]]:
    """Return the numeric, categorical and date columns of a source, except those in `others`."""
    kinds: tuple[list[str], list[str], list[str]] = ([], [], [])
    for field in schema:
        if field.name not in others:
            kinds[kind_of(field, where)].append(field.name)
    return kinds


def kind_of(field: pa.Field, where: str) -> int:
    """Return 0 for a numeric column, 1 for a categorical one and 2 for one of dates."""
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return 1 if pa.types.is_dictionary(field.type) else 0
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return 0
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return 1
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return 2
    raise DataError(
        f"{where}: column '{field.name}' has type {field.type}, which cannot be a feature; "
        "list the columns to use under features instead of infer."
    )


def batches(source: pd.DataFrame | pa.Table | pa.RecordBatchReader, where: str) -> pa.RecordBatchReader:
    """Return the result of a loader as a stream of batches of rows.

    Raises
    ------
    DataError
        A column of a DataFrame mixes types, or occurs twice.
    """
    if isinstance(source, pa.RecordBatchReader):
        return source
    if isinstance(source, pd.DataFrame):
        source = table_of(source, where)
    return source.to_reader(max_chunksize=1 << 17)


def table_of(frame: pd.DataFrame, where: str) -> pa.Table:
    """Return a DataFrame as an Arrow table."""
    if twice := frame.columns[frame.columns.duplicated()].tolist():
        raise DataError(f"{where}: the source has two columns '{twice[0]}'; rename one of them.")
    arrays = {}
    for name in frame.columns:
        try:
            arrays[str(name)] = pa.array(without_zone(frame[name]), from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise DataError(f"{where}: {mixture(frame[name])}") from error
    return pa.table(arrays)


def without_zone(values: pd.Series) -> pd.Series:
    """Return dates with a time zone as UTC without a time zone, and all other values unchanged."""
    return values.dt.tz_convert(None) if isinstance(values.dtype, pd.DatetimeTZDtype) else values


def mixture(values: pd.Series) -> str:
    """Return a sentence about the first value of a column whose type differs from the values before it."""
    present = values.reset_index(drop=True).dropna()
    types = present.map(type)
    first = types.iloc[0]
    place = int(np.flatnonzero(types != first)[0])
    return (
        f"column '{values.name}' mixes types: row {present.index[place] + 1} holds {present.iloc[place]!r} "
        f"({types.iloc[place].__name__}), but the rows before it hold {first.__name__}; use one type."
    )


def convert(batch: pa.RecordBatch, columns: Columns, task: str, first_row: int, where: str) -> pa.Table:
    """Return the chosen columns of a batch in the types of the pipeline.

    Numbers keep their type, categories become strings, and dates become timestamps in microseconds. A
    missing text becomes an empty one.
    """
    numeric, categorical = set(columns.all_numeric), set(columns.all_categorical)
    dates = set(columns.all_dates)
    converted = {}
    for name in columns.everything:
        values, place = batch.column(name), f"{where}: column '{name}'"
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        if name in numeric or (name == columns.target and task == "regression"):
            values = as_numbers(values, first_row, place)
        elif name in categorical:
            values = pc.cast(values, pa.string())
        elif name in dates or (name == columns.time and not is_number(values.type)):
            values = as_dates(values, first_row, place)
        elif name in columns.text:
            values = pc.fill_null(pc.cast(values, pa.string()), "")
        elif name in columns.array and not is_tensor(values.type):
            raise DataError(
                f"{place} holds {values.type}; every row must hold one array, and all of them one shape."
            )
        converted[name] = values
    return pa.table(converted)


def is_number(kind: pa.DataType) -> bool:
    """Return whether a type is an integer or a float."""
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def as_numbers(values: pa.Array, first_row: int, place: str) -> pa.Array:
    """Return integers and floats unchanged, and truth values, decimals and numbers in strings as float64."""
    if is_number(values.type):
        return values
    try:
        if pa.types.is_boolean(values.type):
            return pc.cast(pc.cast(values, pa.int8()), pa.float64())
        return pc.cast(values, pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        strings = values.to_pandas().astype("string")
        odd = pd.to_numeric(strings, errors="coerce").isna() & strings.notna()
        if not odd.any():
            raise DataError(f"{place} is listed as numeric but holds {values.type}.") from error
        row = int(np.flatnonzero(odd)[0])
        raise DataError(
            f"{place} is listed as numeric, but row {first_row + row + 1} holds '{strings.iloc[row]}'; "
            "correct the row, or list the column as categorical."
        ) from error


def as_dates(values: pa.Array, first_row: int, place: str) -> pa.Array:
    """Return dates as timestamps in microseconds; strings must follow ISO 8601."""
    if pa.types.is_temporal(values.type):
        return utc(values) if has_zone(values.type) else pc.cast(values, MOMENT, safe=False)
    strings = values.to_pandas()
    parsed = pd.to_datetime(strings, utc=True, format="ISO8601", errors="coerce")
    if (odd := parsed.isna() & strings.notna()).any():
        row = int(np.flatnonzero(odd)[0])
        raise DataError(
            f"{place}: row {first_row + row + 1} holds the date '{strings.iloc[row]}', which is not written "
            "like 2026-01-31; correct it, or give the format in source.dates if all rows have it."
        )
    return pa.array(without_zone(parsed).astype("datetime64[us]"), type=MOMENT)


def has_zone(kind: pa.DataType) -> bool:
    """Return whether a type is a timestamp with a time zone."""
    return pa.types.is_timestamp(kind) and kind.tz is not None


def utc(values: pa.Array) -> pa.Array:
    """Return timestamps with a time zone as UTC without a time zone."""
    return pc.local_timestamp(pc.cast(values, pa.timestamp("us", "UTC"), safe=False))


def numbered(reader: pa.RecordBatchReader) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield each batch with the number of rows that come before it."""
    first_row = 0
    for batch in reader:
        yield first_row, batch
        first_row += batch.num_rows
