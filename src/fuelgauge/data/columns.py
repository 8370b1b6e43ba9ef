"""Which columns of a source are what, and each batch of rows in the types that the pipeline works with."""

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

ARRAY_MODALITIES = ("sequence", "image")
MOMENT = pa.timestamp("us")


@dataclass(frozen=True)
class Columns:
    """The columns of a dataset by kind.

    The first five are what `raw` shows; `further` are columns that only engineered features use, by
    their kind.
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
        """Names of all columns that hold numbers, the target apart."""
        return (*self.numeric, *self.further_numeric)

    @property
    def all_categorical(self) -> tuple[str, ...]:
        """Names of all columns that hold categories, the target apart."""
        return (*self.categorical, *self.further_categorical)

    @property
    def all_dates(self) -> tuple[str, ...]:
        """Names of all columns that hold dates, the target and the time apart."""
        return (*self.dates, *self.further_dates)

    @property
    def everything(self) -> tuple[str, ...]:
        """Names of all columns that are kept, each once."""
        further = (*self.further_numeric, *self.further_categorical, *self.further_dates)
        named = (*self.raw, *further, self.group, self.time, self.target)
        return tuple(dict.fromkeys(name for name in named if name))

    def to_json(self) -> dict[str, Any]:
        """Return plain data, for a file."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Columns:
        """Return what `to_json` was made of."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
        return cls(**values)


def choose(schema: pa.Schema, dataset: DatasetConfig, where: str) -> Columns:
    """Return the columns that a description names, or infers, from those that a source has.

    Raises
    ------
    DataError
        A column is not there, or is there twice, or has a type that no feature can have.
    """
    if twice := [name for name in schema.names if schema.names.count(name) > 1]:
        raise DataError(f"{where}: the source has two columns '{twice[0]}'; rename one of them.")
    if taken := [name for name in schema.names if name in OWN]:
        raise DataError(
            f"{where}: the source has a column '{taken[0]}', a name kept for the pipeline; rename it."
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
            f"{where}: the only feature is a column '{ARRAY}' of strings, which looks like texts; rename it."
        )
    for name in chosen.everything:
        if name not in schema.names:
            raise DataError(
                f"{where}: the source has no column '{name}', {nearest(name, schema.names)} "
                f"(it has {len(schema.names)} columns)."
            )
    return chosen


def infer(schema: pa.Schema, others: Sequence[str], where: str) -> tuple[list[str], list[str], list[str]]:
    """Return the numeric, categorical and date columns among those that have no other role."""
    kinds: tuple[list[str], list[str], list[str]] = ([], [], [])
    for field in schema:
        if field.name not in others:
            kinds[kind_of(field, where)].append(field.name)
    return kinds


def kind_of(field: pa.Field, where: str) -> int:
    """Return 0 for a numeric column, 1 for a categorical one, 2 for dates."""
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
        f"{where}: column '{field.name}' is of type {field.type}, which is no feature; "
        "list the columns to use under features instead of infer."
    )


def batches(source: pd.DataFrame | pa.Table | pa.RecordBatchReader, where: str) -> pa.RecordBatchReader:
    """Return what a loader gave as a stream of batches of rows.

    Raises
    ------
    DataError
        A column of a DataFrame mixes types.
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
    """Return dates with a time zone as UTC without one, anything else as it is."""
    return values.dt.tz_convert(None) if isinstance(values.dtype, pd.DatetimeTZDtype) else values


def mixture(values: pd.Series) -> str:
    """Return a sentence on the first value of a column whose type is not that of the values before."""
    present = values.reset_index(drop=True).dropna()
    types = present.map(type)
    first = types.iloc[0]
    place = int(np.flatnonzero(types != first)[0])
    return (
        f"column '{values.name}' mixes types: row {present.index[place] + 1} holds {present.iloc[place]!r} "
        f"({types.iloc[place].__name__}), the rows before hold {first.__name__}; make them one type."
    )


def convert(batch: pa.RecordBatch, columns: Columns, task: str, first_row: int, where: str) -> pa.Table:
    """Return the chosen columns of a batch in the types that the pipeline works with.

    Numbers keep their type, categories become strings, dates microseconds, a missing text is empty.
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
            raise DataError(f"{place} holds {values.type}, not one array of the same shape a row.")
        converted[name] = values
    return pa.table(converted)


def is_number(kind: pa.DataType) -> bool:
    """Return whether a type is a number that can be computed with."""
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def as_numbers(values: pa.Array, first_row: int, place: str) -> pa.Array:
    """Return numbers as they are, and truth values, decimals and strings of digits as float64."""
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
            "mend the row, or list the column as categorical."
        ) from error


def as_dates(values: pa.Array, first_row: int, place: str) -> pa.Array:
    """Return dates as timestamps in microseconds; strings must be written in ISO 8601."""
    if pa.types.is_temporal(values.type):
        return utc(values) if has_zone(values.type) else pc.cast(values, MOMENT, safe=False)
    strings = values.to_pandas()
    parsed = pd.to_datetime(strings, utc=True, format="ISO8601", errors="coerce")
    if (odd := parsed.isna() & strings.notna()).any():
        row = int(np.flatnonzero(odd)[0])
        raise DataError(
            f"{place}: row {first_row + row + 1} holds the date '{strings.iloc[row]}', which is not written "
            "like 2026-01-31; mend it, or give the format in source.dates if all rows have it."
        )
    return pa.array(without_zone(parsed).astype("datetime64[us]"), type=MOMENT)


def has_zone(kind: pa.DataType) -> bool:
    """Return whether a type of dates knows its time zone."""
    return pa.types.is_timestamp(kind) and kind.tz is not None


def utc(values: pa.Array) -> pa.Array:
    """Return timestamps with a zone as UTC without one."""
    return pc.local_timestamp(pc.cast(values, pa.timestamp("us", "UTC"), safe=False))


def numbered(reader: pa.RecordBatchReader) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield each batch with the number of rows before it."""
    first_row = 0
    for batch in reader:
        yield first_row, batch
        first_row += batch.num_rows
