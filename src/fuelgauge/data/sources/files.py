"""Loaders of a user's own files in data/own/: tables, folders of images and NumPy archives.

DVC watches that folder. Each loader returns a `pyarrow.RecordBatchReader`. Tables and images are streamed, so
that large ones need little memory; a NumPy archive is read whole.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
import pyarrow.parquet as pq
from PIL import Image, ImageOps, UnidentifiedImageError
from pyarrow.dataset import dataset as dataset_of

from fuelgauge import paths
from fuelgauge.data.arrow import tensor
from fuelgauge.data.columns import MOMENT, is_number
from fuelgauge.data.sources import workbooks
from fuelgauge.data.sources.delimited import (
    MISSING,
    Dialect,
    named_columns,
    open_csv,
    read_header,
    with_missing,
)
from fuelgauge.data.sources.month_names import in_english
from fuelgauge.data.sources.numerals import Numeral, numerals, readable
from fuelgauge.errors import ConfigError, DataError, nearest
from fuelgauge.spec.dataset import DatasetConfig

__all__ = [
    "DELIMITED",
    "EXCEL",
    "HOME",
    "IMAGE_FORMATS",
    "LABEL",
    "MODES",
    "OWN",
    "TABLES",
    "UNITS",
    "Rules",
    "as_texts",
    "decode",
    "default_delimiter",
    "folded",
    "format_of",
    "is_text",
    "list_images",
    "moments",
    "open_npz",
    "open_table",
    "parsed_dates",
    "table",
    "table_files",
    "two_sides",
]

HOME = paths.durable_root(paths.ROOT)
OWN = HOME / "data" / "own"
BATCH = 1 << 17  # most rows in a batch
JSON_BLOCK = 1 << 24  # bytes in which types of JSON values are found
BATCH_BYTES = 1 << 25  # most bytes in a batch of arrays
EXCEL = "excel"
DELIMITED = ("csv", EXCEL)  # formats that do not store types, so that the settings of CSV files count
FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    **dict.fromkeys(workbooks.SUFFIXES, EXCEL),
}
TABLES = frozenset(FORMATS) - {".txt", ".json"}  # names of tables, where folders may hold other files
ARCHIVES = (".zip", ".xz", ".7z", ".rar", ".tar", ".tgz", ".lz4", ".lzma")
WORKBOOKS = (".xls", ".xlsb", ".ods")
IMAGE_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")  # EPS would start Ghostscript
MODES = {"L": 1, "RGB": 3}
LABEL = "label"
ARROW_MAGIC = b"ARROW1"

PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}  # units of durations and times of day
UNITS = {"epoch s": 1_000_000, "epoch ms": 1_000, "epoch us": 1, "epoch ns": 0.001}  # in microseconds
LATEST = 253_402_300_800_000_000  # the end of the year 9999, in microseconds
WITHIN = dict.fromkeys(("%G-W%V", "%GW%V"), ("-1", "-%u"))  # formats of periods, and what makes a day of them

# A rule of a column, applied to its values; the number of rows before them and the place are for messages.
Function = Callable[[pa.Array, Any, int, str], pa.Array]
# The schema of a file, and a function that reads the named columns in batches.
Opened = tuple[pa.Schema, Callable[[list[str]], Iterator[pa.RecordBatch]]]


@dataclass(frozen=True)
class Rules:
    """How columns of strings are read, by column.

    Parameters
    ----------
    dates
        Formats of dates: ISO8601, a format of ``datetime.strptime``, or one of `WITHIN` and `UNITS`.
    numbers
        Rules of numbers as people write them.
    labels
        Spellings of the labels. Blanks around a value, and upper and lower case, do not matter.
    """

    dates: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, Numeral] = field(default_factory=dict)
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def by_setting(self) -> dict[str, Mapping[str, Any]]:
        """The rules by the name of their setting."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def table(
    path: str,
    format: str | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    decimal: str = ".",
    missing: Sequence[str] = MISSING,
    missing_in: Mapping[str, Sequence[str]] | None = None,
    skip: int = 0,
    skip_end: int = 0,
    dates: Mapping[str, str] | None = None,
    numbers: Mapping[str, Mapping[str, Any]] | None = None,
    labels: Mapping[str, Sequence[str]] | None = None,
    dataset: DatasetConfig | None = None,
) -> pa.RecordBatchReader:
    """Open a CSV, Excel, Parquet, Arrow or JSON lines file in data/own/, or a folder of Parquet files.

    Parameters
    ----------
    path
        Path relative to the project's root, such as data/own/churn.csv.
    format
        One of csv, excel, parquet, arrow and jsonl. Of a workbook the first sheet is read, like a CSV file.
        A folder of Parquet files is one table. Arrow files are IPC files, IPC streams or Feather. JSON lines
        are an object on each line, or one array of them. None decides by the file name.
    delimiter
        Character between two values of a CSV file. None decides by the file name: a tab for .tsv, otherwise
        a comma.
    encoding
        Encoding of a CSV file.
    decimal
        Decimal point of the numbers in a CSV file.
    missing
        Texts that stand for a missing value in a CSV file.
    missing_in
        Texts that stand for a missing value in single columns of strings, by column. In a CSV file they take
        the place of `missing`.
    skip, skip_end
        Numbers of lines of a CSV file above the header, and below the last row.
    dates
        Formats of columns that hold dates, by column: ISO8601, or a format of ``datetime.strptime`` such as
        %d.%m.%Y. In addition, %q is a quarter of a year, and a format with %G-W%V needs no day. ``epoch s``,
        ``epoch ms``, ``epoch us`` and ``epoch ns`` are times since 1970 in seconds or parts of them. The
        years of %d.%m.%y|1927 are those from 1927 to 2026.
    numbers
        Rules of string columns that hold numbers such as $1,200.50, by column: decimal, thousands, unit,
        bare, parentheses, multiples, missing and clock (see ``fuelgauge.data.sources.numerals.Numeral``).
    labels
        Spellings of the labels in string columns, by column. Blanks around a value, and upper and lower case,
        do not matter.
    dataset
        Dataset whose columns are read. None reads all columns; those of a CSV file as strings.

    Raises
    ------
    DataError
        The file cannot be read, or differs from its description. The sentence names the file, and the column
        and row where there are any.
    """
    file = find(path)
    absent_in = {name: as_texts(texts) for name, texts in (missing_in or {}).items()}
    mark = delimiter or default_delimiter(file)
    dialect = Dialect(mark, encoding, decimal, as_texts(missing), absent_in, skip, skip_end)
    rules = Rules(dates or {}, numerals(numbers or {}, path), labels or {})
    return open_table(file, format, dialect, rules, dataset, path)


def as_texts(values: Sequence[object]) -> tuple[str, ...]:
    """Return the texts that stand for a missing value as strings; YAML reads some of them as other types."""
    return tuple("" if value is None else str(value) for value in values)


def open_table(
    file: Path,
    format: str | None,
    dialect: Dialect,
    rules: Rules,
    dataset: DatasetConfig | None,
    where: str,
) -> pa.RecordBatchReader:
    """Open a table in any folder; messages call it `where`."""
    kind = format or format_of(file, where)
    if kind == EXCEL:
        plain = replace(dialect, delimiter=workbooks.DELIMITER, encoding=workbooks.ENCODING, decimal=".")
        with workbooks.as_csv(file, where) as sheet:
            return open_table(sheet, "csv", plain, rules, dataset, where).read_all().to_reader(BATCH)
    if kind == "csv":
        reader = open_csv(file, dialect, dataset, where, {*rules.numbers, *rules.dates})
    elif kind in READERS:
        reader = read_binary(kind, file, dataset, where)
    else:
        raise DataError(f"{where}: format is '{kind}', {nearest(kind, [*DELIMITED, *READERS])}.")
    if kind != "csv" and dialect.missing_in:
        reader = without_missing(reader, dialect)
    if not any(rules.by_setting.values()):
        return reader
    check_columns(rules, names_in(kind, file, dialect, where), where)
    return with_rules(reader, rules, where)


def without_missing(reader: pa.RecordBatchReader, dialect: Dialect) -> pa.RecordBatchReader:
    """Return a stream without the texts that stand for a missing value in single columns."""
    plain = replace(dialect, missing=())
    return pa.RecordBatchReader.from_batches(reader.schema, (with_missing(batch, plain) for batch in reader))


def names_in(kind: str, file: Path, dialect: Dialect, where: str) -> list[str]:
    """Return the names of all columns of a file, including those that the dataset does not use."""
    if kind == "csv":
        return read_header(file, dialect, where)
    with one_sentence(kind, where):
        schema, _ = READERS[kind](file)
    return list(schema.names)


def check_columns(rules: Rules, names: list[str], where: str) -> None:
    """Raise DataError if a rule is for a column that the file does not have."""
    for setting, columns in rules.by_setting.items():
        for name in columns:
            if name not in names:
                raise DataError(f"{where} has no column '{name}' (source.{setting}), {nearest(name, names)}.")


def find(path: str) -> Path:
    """Return the absolute path of a file or folder in data/own/, given relative to the project's root.

    Raises
    ------
    DataError
        The path lies outside data/own/, or does not exist.
    """
    file = Path(os.path.normpath(HOME / path))
    if OWN not in file.parents:
        raise DataError(
            f"{path} lies outside data/own/, the folder that DVC watches; copy it there "
            f"(fuelgauge add does this) and set path: data/own/{file.name}."
        )
    if not file.exists():
        raise DataError(f"{path} does not exist; copy the file to this place.")
    return file


def format_of(file: Path, where: str) -> str:
    """Return the format that the name of a file indicates; a folder of tables holds Parquet files."""
    if file.is_dir():
        return "parquet"
    if file.suffix.lower() in WORKBOOKS:
        raise DataError(f"{where} is a workbook of a kind that is not read; save it as .xlsx.")
    if file.suffix.lower() in ARCHIVES:
        raise DataError(f"{where} is compressed in a way that is not read; unpack it, or use gzip.")
    for suffix in reversed(file.suffixes):
        if suffix.lower() in FORMATS:
            return FORMATS[suffix.lower()]
        if suffix.lower() not in (".gz", ".bz2", ".zst"):
            break
    raise DataError(
        f"{where}: the name does not end in one of {', '.join(FORMATS)}; save the table as one of these."
    )


def default_delimiter(file: Path) -> str:
    """Return the delimiter that the name of a file indicates: a tab for .tsv, else a comma."""
    return "\t" if ".tsv" in file.suffixes else ","


def parquet(file: Path) -> Opened:
    """Open a Parquet file or a folder of them; return its schema and a function that reads columns."""
    if file.is_dir():
        return parquet_folder(file)
    opened = pq.ParquetFile(file, memory_map=True)
    return opened.schema_arrow, lambda names: opened.iter_batches(BATCH, columns=names)


def parquet_folder(folder: Path) -> Opened:
    """Open the Parquet files of a folder as one table, in the order of their paths.

    Names of sub-folders such as year=2024 are values of a column, as Hive and Spark write them.

    Raises
    ------
    ValueError
        The files have different columns.
    """
    parts = [str(part) for part in table_files(folder)]
    opened = dataset_of(parts, format="parquet", partitioning="hive", partition_base_dir=str(folder))
    first = None
    for part in parts:
        schema = pq.read_schema(part).remove_metadata()
        first = schema if first is None else first
        if not schema.equals(first):
            raise ValueError(
                f"{Path(part).relative_to(folder)} has other columns or types than "
                f"{Path(parts[0]).relative_to(folder)}"
            )
    schema = pa.schema([plain(each) for each in opened.schema], metadata=opened.schema.metadata)

    def read(names: list[str]) -> Iterator[pa.RecordBatch]:
        wanted = pa.schema([schema.field(name) for name in names])
        for fragment in sorted(opened.get_fragments(), key=lambda each: each.path):
            for batch in fragment.to_batches(opened.schema, columns=names, batch_size=BATCH):
                yield batch.cast(wanted)

    return schema, read


def plain(column: pa.Field) -> pa.Field:
    """Return a field without a dictionary, which only folder names have."""
    return column.with_type(values_of(column.type))


def table_files(folder: Path) -> list[Path]:
    """Return the Parquet files of a folder at any depth, without hidden ones and those such as _metadata."""
    parts = (file for file in sorted(folder.rglob("*")) if file.suffix in (".parquet", ".pq"))
    return [
        file
        for file in parts
        if file.is_file() and not any(part[0] in "._" for part in file.relative_to(folder).parts)
    ]


def json_lines(file: Path) -> Opened:
    """Open a file with a JSON object on each line, or with one array of them.

    It is read whole, and types are those of its values.

    Raises
    ------
    ValueError
        The file holds one object whose values are columns.
    """
    with pa.input_stream(str(file), compression="detect") as stream:
        is_array = stream.read(1024).lstrip().startswith(b"[")
    with pa.input_stream(str(file), compression="detect") as stream:
        lines = pa.BufferReader(as_lines(stream.read())) if is_array else stream
        read = pa.json.read_json(lines, pa.json.ReadOptions(block_size=JSON_BLOCK))
    if read.num_rows == 1 and all(pa.types.is_struct(kind) for kind in read.schema.types):
        raise ValueError("it is one JSON object of columns; save an object for each row, as orient='records'")
    return read.schema, lambda names: iter(read.select(names).to_batches(BATCH))


def absent(constant: str) -> None:
    """Return None for NaN; raise ValueError for an infinite number."""
    if constant != "NaN":
        raise ValueError(f"it holds {constant}")


def as_lines(text: bytes) -> bytes:
    """Return a JSON array of objects with an object on each line; NaN becomes null."""
    rows = json.loads(text, parse_constant=absent)
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("its array holds other values than objects")
    return "\n".join(map(json.dumps, rows)).encode()


def arrow(file: Path) -> Opened:
    """Open an Arrow IPC file (Feather is one) or an IPC stream; return the same as `parquet`."""
    with file.open("rb") as start:
        is_file = start.read(len(ARROW_MAGIC)) == ARROW_MAGIC
    source = pa.memory_map(str(file))
    if not is_file:
        stream = pa.ipc.open_stream(source)
        return stream.schema, lambda names: pieces(stream, names)
    opened = pa.ipc.open_file(source)
    batches = (opened.get_batch(place) for place in range(opened.num_record_batches))
    return opened.schema, lambda names: pieces(batches, names)


def pieces(batches: Iterable[pa.RecordBatch], names: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield the named columns of batches, in pieces with a bounded number of rows."""
    for batch in batches:
        for start in range(0, batch.num_rows, BATCH):
            yield batch.select(names).slice(start, BATCH)


READERS: dict[str, Callable[[Path], Opened]] = {
    "parquet": parquet,
    "arrow": arrow,
    "jsonl": json_lines,
}


def read_binary(kind: str, file: Path, dataset: DatasetConfig | None, where: str) -> pa.RecordBatchReader:
    """Open a file in a format that stores the types of its columns.

    Raises
    ------
    DataError
        The file cannot be read, now or later while rows are read. Or it lacks a column, or has one twice.
    """
    with one_sentence(kind, where):
        schema, read = READERS[kind](file)
    names = None if dataset is None or dataset.features.infer else named_columns(dataset)
    schema = in_seconds(chosen(schema, names, where))

    def batches() -> Iterator[pa.RecordBatch]:
        n_rows = 0
        with one_sentence(kind, where):
            for batch in read(schema.names):
                n_rows += batch.num_rows
                columns = [seconds(values) for values in batch.select(schema.names).columns]
                yield pa.record_batch(columns, schema=schema)
        if not n_rows:
            raise DataError(f"{where} has columns but no rows.")

    return pa.RecordBatchReader.from_batches(schema, batches())


def is_span(kind: pa.DataType) -> bool:
    """Return whether a type is that of durations or of times of day."""
    return pa.types.is_duration(kind) or pa.types.is_time(kind)


def in_seconds(schema: pa.Schema) -> pa.Schema:
    """Return a schema in which durations and times of day are numbers."""
    fields = [each.with_type(pa.float64()) if is_span(each.type) else each for each in schema]
    return pa.schema(fields, metadata=schema.metadata)


def seconds(values: pa.Array) -> pa.Array:
    """Return durations and times of day in seconds; other values unchanged."""
    if not is_span(values.type):
        return values
    whole = pa.int32() if pa.types.is_time32(values.type) else pa.int64()
    return pc.divide(pc.cast(pc.cast(values, whole), pa.float64(), safe=False), PER_SECOND[values.type.unit])


@contextlib.contextmanager
def one_sentence(kind: str, where: str) -> Iterator[None]:
    """Turn an error of Arrow or NumPy into a DataError of one sentence."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        detail = " ".join(str(error).split()).rstrip(".")
        raise DataError(
            f"{where} cannot be read as {kind} ({detail}); check that it is complete and of this format."
        ) from error


def chosen(schema: pa.Schema, names: list[str] | None, where: str) -> pa.Schema:
    """Return the schema of the named columns, or of all columns if `names` is None."""
    for name in schema.names:
        if schema.names.count(name) > 1:
            raise DataError(f"{where} has {schema.names.count(name)} columns named '{name}'; rename them.")
    for name in names or ():
        if name not in schema.names:
            raise DataError(f"{where} has no column '{name}', {nearest(name, schema.names)}.")
    kept = [field for field in schema if names is None or field.name in names]
    return pa.schema(kept, metadata=schema.metadata if names is None else None)


def with_rules(reader: pa.RecordBatchReader, rules: Rules, where: str) -> pa.RecordBatchReader:
    """Return a stream in which string columns are read by their rules.

    A rule of a column that does not hold strings is ignored.

    Raises
    ------
    DataError
        A value does not follow the rule of its column.
    """
    kinds: list[tuple[str, Mapping[str, Any], Function, pa.DataType]] = [
        ("dates", rules.dates, moments, MOMENT),
        ("numbers", rules.numbers, in_figures, pa.float64()),
        ("labels", rules.labels, spelled, pa.string()),
    ]
    schema = reader.schema
    chosen = {
        each.name: (function, of_column[each.name], kind)
        for setting, of_column, function, kind in kinds
        for each in schema
        if each.name in of_column and follows_rules(each.type, setting)
    }
    typed = pa.schema(
        [pa.field(each.name, chosen[each.name][2]) if each.name in chosen else each for each in schema]
    )

    def batches() -> Iterator[pa.RecordBatch]:
        first_row = 0
        for batch in reader:
            columns = dict(zip(batch.schema.names, batch.columns, strict=True))
            for name, (function, rule, _) in chosen.items():
                strings = columns[name]
                if pa.types.is_dictionary(strings.type):
                    strings = strings.dictionary_decode()
                columns[name] = function(strings, rule, first_row, f"{where}: column '{name}'")
            yield pa.record_batch(list(columns.values()), schema=typed)
            first_row += batch.num_rows

    return pa.RecordBatchReader.from_batches(typed, batches())


def follows_rules(kind: pa.DataType, setting: str) -> bool:
    """Return whether a rule applies to a column of this type: to strings, and to numbers that are dates."""
    kind = values_of(kind)
    return is_text(kind) or (setting == "dates" and is_number(kind))


def values_of(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values of a column, which may be encoded with a dictionary."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def is_text(kind: pa.DataType) -> bool:
    """Return whether a column of this type holds strings."""
    return any(test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))


def moments(values: pa.Array, form: str, first_row: int, place: str) -> pa.Array:
    """Return values that follow one date format as timestamps; dates with a time zone become UTC.

    A month, a week or a quarter becomes its first day.
    """
    if form in UNITS:
        return since_1970(values, form, first_row, place)
    texts = pc.cast(values, pa.string()).to_pandas().astype(object)
    try:
        parsed = parsed_dates(texts, form)
    except ValueError as error:
        raise ConfigError(f"{place}: '{form}' under source.dates is not a date format: {error}.") from error
    odd = np.flatnonzero(parsed.isna() & texts.notna())
    if odd.size:
        raise DataError(
            f"{place}: row {first_row + odd[0] + 1} holds '{texts.iloc[odd[0]]}', which is not a date of the "
            f"format {form}; write all dates in one format, or list the value under source.missing."
        )
    return pa.array(parsed.dt.tz_localize(None).astype("datetime64[us]"), type=MOMENT)


def parsed_dates(texts: pd.Series, form: str) -> pd.Series:
    """Return strings of one format as moments in UTC, with NaT for strings that do not follow it.

    A format with a year of two digits may end in ``|1927``. The years are then those from 1927 to 2026.

    Raises
    ------
    ValueError
        The format is not valid.
    """
    form, _, first_year = form.partition("|")
    days, day_form = of_periods(texts, form)
    parsed = pd.to_datetime(days, format=day_form, utc=True, errors="coerce")
    if "%b" in form or "%B" in form:
        odd = parsed.isna() & texts.notna()
        different = pd.Series(days[odd].unique(), dtype="object")
        english = days[odd].map(dict(zip(different, in_english(different, form), strict=True)))
        parsed[odd] = pd.to_datetime(english, format=day_form, utc=True, errors="coerce")
    if not first_year:
        return parsed
    ahead = (parsed.dt.year - int(first_year)) // 100 * 100
    shifts = {years: pd.DateOffset(years=int(years)) for years in ahead.dropna().unique() if years}
    for years, shift in shifts.items():
        parsed = parsed.mask(ahead == years, parsed - shift)
    return parsed


def of_periods(texts: pd.Series, form: str) -> tuple[pd.Series, str]:
    """Return weeks and quarters as their first days, with the format of these; others unchanged."""
    if "%q" in form:
        months = {str(quarter): f"{3 * quarter - 2:02d}" for quarter in range(1, 5)}
        parts = re.split("%[qY]", form)
        year, quarter = (r"(?P<year>\d{4})", "(?P<quarter>[1-4])")
        order = (year, quarter) if form.index("%Y") < form.index("%q") else (quarter, year)
        pattern = "".join(
            f"{re.escape(part)}{group}" for part, group in zip(parts, (*order, ""), strict=True)
        )
        found = texts.astype("string").str.strip().str.extract(f"^{pattern}$")
        return found["year"] + "-" + found["quarter"].map(months), "%Y-%m"
    ending, day = WITHIN.get(form, ("", ""))
    return (texts.str.strip() + ending if ending else texts), form + day


def since_1970(values: pa.Array, form: str, first_row: int, place: str) -> pa.Array:
    """Return numbers of seconds, or of parts of a second, since 1970 as timestamps."""
    try:
        numbers = values if is_number(values.type) else pc.cast(pc.utf8_trim_whitespace(values), pa.int64())
    except pa.ArrowInvalid:
        texts = values.to_pandas().astype(object)
        odd = np.flatnonzero(~texts.astype("string").str.fullmatch(r"\s*-?\d+\s*").fillna(True))
        raise DataError(
            f"{place}: row {first_row + odd[0] + 1} holds '{texts.iloc[odd[0]]}', which is not a whole "
            f"number, as the format {form} needs; correct the row, or list the value under source.missing."
        ) from None
    scaled = numbers.to_numpy(zero_copy_only=False).astype(np.float64) * UNITS[form]
    if (odd := np.flatnonzero(np.abs(scaled) > LATEST)).size:
        raise DataError(
            f"{place}: row {first_row + odd[0] + 1} holds {values[int(odd[0])].as_py()}, which is no time of "
            f"the format {form}; correct the row, or the format under source.dates."
        )
    if pa.types.is_integer(numbers.type) and UNITS[form] >= 1:  # exact, also beyond 53 bits
        return pc.cast(pc.multiply(pc.cast(numbers, pa.int64()), int(UNITS[form])), MOMENT)
    return pc.cast(pa.array(np.round(scaled), from_pandas=True).cast(pa.int64()), MOMENT)


def in_figures(strings: pa.Array, rule: Numeral, first_row: int, place: str) -> pa.Array:
    """Return strings that follow a rule of numbers as float64."""
    return readable(rule, strings, first_row, place)


def spelled(strings: pa.Array, labels: Sequence[str], first_row: int, place: str) -> pa.Array:
    """Return labels in their given spelling; raise DataError for a value that is none of them."""
    known = {folded(label): label for label in labels}
    texts = pc.cast(strings, pa.string()).dictionary_encode()
    found = [known.get(folded(text)) for text in texts.dictionary.to_pylist()]
    spellings = pa.array(found, pa.string()).take(texts.indices)
    odd = pc.and_(pc.is_null(spellings), pc.is_valid(strings)).to_numpy(zero_copy_only=False)
    if odd.any():
        row = int(np.flatnonzero(odd)[0])
        raise DataError(
            f"{place}: row {first_row + row + 1} holds '{strings[row].as_py()}', which is none of the labels "
            f"{', '.join(labels)} in source.labels; correct the row, or add the label there."
        )
    return spellings


def folded(label: str) -> str:
    """Return a label without the differences that do not matter: blanks around it, and its case."""
    return label.strip().casefold()


def images(path: str, size: int | Sequence[int], mode: str = "RGB") -> pa.RecordBatchReader:
    """Open a folder of images in data/own/ that has one sub-folder per class.

    The table has two columns: `x`, the pixels, and `label`, the name of the sub-folder. Rows are sorted by
    the names of sub-folders and files. Hidden files are left out.

    Parameters
    ----------
    path
        Path relative to the project's root, such as data/own/photos.
    size
        Height and width of the resized images in pixels, or one number for both.
    mode
        RGB, or L for grey.

    Raises
    ------
    DataError
        The folder does not hold images in sub-folders, or an image cannot be decoded. The sentence names it.
    ConfigError
        `size` is not a number of pixels or [height, width].
    """
    height, width = two_sides(size, path)
    if mode not in MODES:
        raise DataError(f"{path}: mode is '{mode}', {nearest(mode, MODES)}.")
    listed = list_images(find(path), path)
    shape = (height, width, MODES[mode])
    schema = pa.schema({"x": pa.fixed_shape_tensor(pa.uint8(), shape), LABEL: pa.string()})

    def batches() -> Iterator[pa.RecordBatch]:
        step = rows_a_batch(shape)
        for start in range(0, len(listed), step):
            files, labels = zip(*listed[start : start + step], strict=True)
            pixels = np.stack([decode(file, path, height, width, mode) for file in files])
            yield pa.record_batch([tensor(pixels), pa.array(labels)], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def two_sides(size: int | Sequence[int], where: str) -> tuple[int, int]:
    """Return the height and width of the resized images."""
    sides = (size, size) if isinstance(size, int) else tuple(size)
    if len(sides) != 2 or not all(isinstance(side, int) and side > 0 for side in sides):
        raise ConfigError(f"{where}: size is {size}; it must be a number of pixels, or [height, width].")
    return sides[0], sides[1]


def rows_a_batch(shape: Sequence[int], itemsize: int = 1) -> int:
    """Return the number of rows in a batch of arrays, bounded in rows and in bytes."""
    return max(1, min(BATCH, BATCH_BYTES // (int(np.prod(shape)) * itemsize)))


def list_images(folder: Path, where: str) -> list[tuple[Path, str]]:
    """Return the images of a folder with their classes, sorted by the names of sub-folders and files.

    Raises
    ------
    DataError
        The folder has no sub-folders, or a sub-folder is empty or holds folders.
    """
    if not folder.is_dir():
        raise DataError(f"{where} is not a folder; images need a folder with one sub-folder per class.")
    listed = []
    for label in visible(folder):
        if not label.is_dir():
            continue
        files = visible(label)
        if not files or any(file.is_dir() for file in files):
            held = "folders" if files else "nothing"
            raise DataError(f"{where}/{label.name} holds {held}, not the images of one class.")
        listed += [(file, label.name) for file in files]
    if not listed:
        raise DataError(
            f"{where} has no sub-folders; put the images of each class into a sub-folder with its name."
        )
    return listed


def visible(folder: Path) -> list[Path]:
    """Return the content of a folder by name, without hidden files and files that operating systems add."""
    litter = ("Thumbs.db", "desktop.ini", "__MACOSX")
    return sorted(file for file in folder.iterdir() if file.name[0] != "." and file.name not in litter)


def decode(file: Path, where: str, height: int, width: int, mode: str) -> np.ndarray:
    """Return an image as uint8 of shape (height, width, channels), turned upright and resized."""
    try:
        with Image.open(file, formats=IMAGE_FORMATS) as opened:
            opened.draft(mode, (width, height))
            upright = eight_bits(ImageOps.exif_transpose(opened)).convert(mode)
            resized = upright.resize((width, height), Image.Resampling.BILINEAR)
    except Exception as error:  # a decoder can raise anything on a broken file
        detail = "unknown format" if isinstance(error, UnidentifiedImageError) else str(error)
        raise DataError(
            f"{where}/{file.parent.name}/{file.name} does not decode as an image ({detail}); "
            "repair the file or remove it."
        ) from error
    return np.asarray(resized, dtype=np.uint8).reshape(height, width, MODES[mode])


def eight_bits(image: Image.Image) -> Image.Image:
    """Return a 16-bit grey image with 8 bits, and others unchanged; Pillow would clip the values at 255."""
    if image.mode in ("I", "F"):
        raise ValueError("its pixels have 32 bits; save it with 8 or 16")
    if not image.mode.startswith("I;16"):
        return image
    return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))


def npz(path: str, dataset: DatasetConfig | None = None) -> pa.RecordBatchReader:
    """Open a NumPy archive in data/own/ with the arrays `x` and `y`, and optionally `group` and `time`.

    The shape and type of `x` decide what its rows are:

    - (rows, columns): numbers, in the columns x0, x1, ...;
    - (rows, steps, channels): sequences;
    - (rows, height, width) or (rows, height, width, channels), as uint8: images;
    - (rows, steps), in a dataset of the modality `sequence`: sequences of one channel.

    Raises
    ------
    DataError
        An array is missing, has another number of rows than `x`, or has an unsuitable shape or type.
    """
    return open_npz(find(path), dataset.modality if dataset else "", path)


def open_npz(file: Path, modality: str, where: str) -> pa.RecordBatchReader:
    """Open a NumPy archive in any folder; messages call it `where`."""
    arrays = read_npz(file, where)
    x = shaped(arrays["x"], modality, f"{where}: x")
    columns: dict[str, pa.Array] = {}
    if x.ndim == 2:
        columns = {f"x{place}": pa.array(np.ascontiguousarray(x[:, place])) for place in range(x.shape[1])}
    else:
        columns["x"] = tensor(x)
    for name in ("y", "group", "time"):
        if name in arrays:
            columns[name] = pa.array(arrays[name])
    return pa.table(columns).to_reader(max_chunksize=rows_a_batch(x.shape[1:], x.itemsize))


def read_npz(file: Path, where: str) -> dict[str, np.ndarray]:
    """Return the arrays x, y, group and time of a NumPy archive, as far as it has them."""
    with one_sentence("npz", where):
        archive = np.load(file, allow_pickle=False)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise DataError(f"{where} holds a single array without a name; save two, x and y, with numpy.savez.")
    with one_sentence("npz", where), archive:
        names = list(archive.files)
        arrays: dict[str, np.ndarray] = {
            name: archive[name] for name in ("x", "y", "group", "time") if name in names
        }
    for name in ("x", "y"):
        if name not in arrays:
            raise DataError(
                f"{where} does not contain the array '{name}' (it contains {', '.join(names)}); "
                "name two arrays x and y."
            )
    n_rows = len(arrays["x"]) if arrays["x"].ndim else 0
    if not n_rows:
        raise DataError(f"{where}: x has no rows.")
    for name in arrays.keys() - {"x"}:
        arrays[name] = arrays[name].reshape(-1) if arrays[name].ndim == 2 else arrays[name]
        if arrays[name].shape != (n_rows,):
            raise DataError(f"{where}: {name} has shape {arrays[name].shape}, but x has {n_rows} rows.")
    return arrays


def shaped(x: np.ndarray, modality: str, place: str) -> np.ndarray:
    """Return an array of rows in the shape and type of its modality."""
    if x.dtype.kind not in "biuf":
        raise DataError(f"{place} is of type {x.dtype}; it must hold numbers.")
    if modality_of(x, place) == "image":
        return x if x.ndim == 4 else x[..., np.newaxis]
    if x.ndim == 2 and modality != "sequence":
        return x.astype(np.float32, copy=False)
    return (x if x.ndim == 3 else x[..., np.newaxis]).astype(np.float32, copy=False)


def modality_of(x: np.ndarray, place: str) -> str:
    """Return the modality of the rows of an array, by its shape and type."""
    if x.dtype == np.uint8 and (x.ndim == 3 or (x.ndim == 4 and x.shape[-1] in (1, 3, 4))):
        return "image"
    if x.ndim in (2, 3):
        return "tabular" if x.ndim == 2 else "sequence"
    raise DataError(
        f"{place} has shape {x.shape} and type {x.dtype}; it must be (rows, columns), (rows, steps, "
        "channels), or images of type uint8, (rows, height, width, channels)."
    )
