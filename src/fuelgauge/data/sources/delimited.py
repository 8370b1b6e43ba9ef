"""CSV files, read in blocks: their dialect, their header, and one-sentence messages about their errors."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from fuelgauge.errors import ConfigError, DataError, nearest
from fuelgauge.spec.dataset import DatasetConfig

__all__ = [
    "MISSING",
    "Dialect",
    "first_lines",
    "is_number",
    "marked_encoding",
    "named_columns",
    "open_csv",
    "read_header",
    "skipped",
    "sniff",
    "with_missing",
]

BLOCK = 1 << 24  # bytes that Arrow reads at a time
HEAD = 1 << 20  # bytes at the beginning of a file from which its header and dialect are read
TAIL = 1 << 16  # bytes at the end of a file in which lines that are no rows are looked for
MOST_ABOVE, MOST_BELOW = 50, 5  # lines above the header and below the last row
DELIMITER_LINE = re.compile(r'"?sep=(?P<mark>[^\r\n"])?"?[ \t,;|]*(\r|\n|$)', re.IGNORECASE)
BLANKS = re.compile(r"\S\s+\S+\s+\S|\S\s{2,}\S")  # a column may be named in two words
LINE_END = re.compile(rb"(\r\n|\r|\n)")
TOTAL = re.compile(
    r"((grand|sub|overall)[- ]?)?totals?|total (general|général|geral)|totale|sum|summe|gesamt(summe)?|"
    r"insgesamt|somme|suma|всего|итого|合计|总计|合計",
    re.IGNORECASE,
)
NOTE = re.compile(r"[^\W\d_][^\r\n]*[ :][^\r\n]*|\([^\r\n]*\)")  # several words, a colon, or parentheses
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# What files that are no CSV files begin with, and what to do with them.
UNPACK = "unpack it, or name it after its kind, such as .csv.gz"
OTHER_KINDS = {
    b"\x1f\x8b": ("compressed by gzip", UNPACK),
    b"BZh9": ("compressed by bzip2", UNPACK),
    b"\xfd7zXZ": ("compressed by xz", "unpack it"),
    b"PK\x03\x04": ("a workbook or a ZIP archive", "unpack it, or save its sheet as CSV UTF-8"),
    b"\xd0\xcf\x11\xe0": ("a workbook", "save its sheet as CSV UTF-8"),
    b"PAR1\x15": ("a Parquet file", "name it .parquet"),
    b"ARROW1\x00": ("an Arrow file", "name it .arrow"),
    b"SQLite format 3\x00": ("a SQLite database", "export its table as CSV"),
    **dict.fromkeys(
        (b"<html", b"<HTML", b"<!doctype", b"<!DOCTYPE"), ("a web page", "save its table as CSV")
    ),
    b"<?xml": ("an XML file", "save its table as CSV"),
    b"%PDF-": ("a PDF file", "save its table as CSV"),
}
UNNAMED = "Unnamed: "
DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
MISSING = ("", "NA", "N/A", "#N/A", "n/a", "NaN", "nan", "-nan", "NULL", "null", "None", "?")


@dataclass(frozen=True)
class Dialect:
    """The format of a CSV file.

    Parameters
    ----------
    delimiter
        Character between two values.
    encoding
        Name of the encoding, any that Python knows.
    decimal
        Decimal point of the numbers, one character.
    missing
        Texts that stand for a missing value.
    missing_in
        Texts that stand for a missing value in single columns of strings, in place of `missing`, by column.
    skip, skip_end
        Numbers of lines above the header, and of lines below the last row; empty lines at the end do not
        count.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    missing: tuple[str, ...] = MISSING
    missing_in: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    skip: int = 0
    skip_end: int = 0

    def __post_init__(self) -> None:
        for name in ("delimiter", "decimal"):
            if len(getattr(self, name)) != 1:
                raise ConfigError(f"{name} is {getattr(self, name)!r}; it must be one character.")
        for name in ("skip", "skip_end"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be 0 or more lines.")


def open_csv(
    file: Path, dialect: Dialect, dataset: DatasetConfig | None, where: str, written: Container[str] = ()
) -> pa.RecordBatchReader:
    """Open a CSV file as a stream of batches of rows.

    With a dataset, only the columns that it names are read: numbers as float64, all others as strings.
    Without a dataset, all columns are read as strings, and so are always the columns in `written`. Messages
    count rows below the header, from 1.

    Raises
    ------
    DataError
        The header is wrong; this is raised at once. Errors in the rows are raised while they are read.
    """
    header = read_header(file, dialect, where)
    names = header if dataset is None else needed(dataset, header, where)
    numbers = set() if dataset is None else numeric_columns(dataset, file, dialect)
    numbers = {name for name in numbers if name not in written}
    types = {name: pa.float64() if name in numbers else pa.string() for name in names}
    blocks = guarded(file, dialect, types, header, where)
    schema = pa.schema(types)
    return pa.RecordBatchReader.from_batches(schema, blocks)


def guarded(
    file: Path, dialect: Dialect, types: Mapping[str, pa.DataType], header: list[str], where: str
) -> Iterator[pa.RecordBatch]:
    """Yield the blocks of a CSV file; turn an error of Arrow into one sentence."""
    n_rows = 0
    try:
        for block in arrow_reader(file, dialect, header, types):
            n_rows += block.num_rows
            yield with_missing(block, dialect)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(explain(str(error), file, dialect, header, where)) from error
    if not n_rows:
        raise DataError(f"{where} holds a header but no rows.")


def arrow_reader(
    file: Path, dialect: Dialect, header: list[str], types: Mapping[str, pa.DataType]
) -> Iterator[pa.RecordBatch]:
    """Return Arrow's reader of a CSV file; with a single thread, its errors name the row."""
    return pa.csv.open_csv(
        without_end(file, dialect.skip_end) if dialect.skip_end else str(file),
        read_options=pa.csv.ReadOptions(
            use_threads=False,
            block_size=BLOCK,
            encoding=dialect.encoding,
            skip_rows=dialect.skip + empty_lines(file, dialect),
            column_names=header,
            skip_rows_after_names=1,
        ),
        parse_options=pa.csv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict(types),
            include_columns=list(types),
            null_values=list(dialect.missing),
            strings_can_be_null=False,  # see with_missing
            decimal_point=dialect.decimal,
        ),
    )


def empty_lines(file: Path, dialect: Dialect) -> int:
    """Return the number of empty lines before the header, which Arrow counts as rows before the names."""
    below = itertools.islice(io.StringIO(head(file, dialect, file.name), newline=""), dialect.skip, None)
    return sum(1 for _ in itertools.takewhile(lambda line: not line.strip("\r\n"), below))


def with_missing(block: pa.RecordBatch, dialect: Dialect) -> pa.RecordBatch:
    """Return a block without the texts that stand for a missing value in columns of strings."""
    columns = []
    for field_, values in zip(block.schema, block.columns, strict=True):
        if pa.types.is_string(field_.type) or pa.types.is_large_string(field_.type):
            absent = pa.array(dialect.missing_in.get(field_.name, dialect.missing), field_.type)
            values = pc.if_else(pc.is_in(values, absent), pa.scalar(None, field_.type), values)
        columns.append(values)
    return pa.RecordBatch.from_arrays(columns, schema=block.schema)


def explain(problem: str, file: Path, dialect: Dialect, header: list[str], where: str) -> str:
    """Return one sentence for an error message of Arrow's CSV reader."""
    if "UTF8" in problem or "codec can't decode" in problem:
        return undecodable(file, dialect.encoding, where)
    if found := re.search(
        r"column #(\d+): Row #(\d+): .* to double: invalid value '(.*)'", problem, re.DOTALL
    ):
        column, row, value = found.groups()
        return (
            f"{where}: column '{header[int(column)]}' is listed as numeric, but row {int(row) - 1} holds "
            f"'{value}'; correct the row, list the value under source.missing, or the column as categorical."
        )
    if found := re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", problem):
        row, expected, got = map(int, found.groups())
        remedy = (
            f"a value that holds {DELIMITERS.get(dialect.delimiter, 'the delimiter')} needs quotes around it"
        )
        if got < expected:
            remedy = "complete the row, or remove it"
        values = f"{got} value{'s' * (got > 1)}"
        return f"{where}: row {row - 1} has {values}, but the header has {expected}; {remedy}."
    if "straddl" in problem:
        return f"{where}: a quote is opened and not closed, or one row is larger than {BLOCK >> 20} MB."
    return f"{where} is not a readable CSV file: {' '.join(problem.split())}."


def read_header(file: Path, dialect: Dialect, where: str) -> list[str]:
    """Return the names of the columns of a CSV file.

    Raises
    ------
    DataError
        The file is empty, its header is not text or names a column twice, or the delimiter seems wrong.
    """
    written = next(iter(first_lines(file, dialect, where)), None)
    if written is None:
        raise DataError(f"{where} is empty.")
    header = names_of(written)
    for name in header:
        if header.count(name) > 1:
            raise DataError(f"{where} has {header.count(name)} columns named '{name}'; rename them.")
    if len(header) == 1:
        check_delimiter(header[0], dialect.delimiter, where)
    return header


def names_of(written: list[str]) -> list[str]:
    """Return the names of columns without the blanks around them, unless these alone tell two names apart.

    Where several have no name, each gets the name that pandas would give it, such as ``Unnamed: 2``.
    """
    names = [name.strip() for name in written]
    if len({*names} - {""}) < len({name for name in written if name.strip()}):
        names = written
    if names.count("") < 2:
        return names
    return [name or f"{UNNAMED}{place}" for place, name in enumerate(names)]


def first_lines(file: Path, dialect: Dialect, where: str, most: int = 100) -> list[list[str]]:
    """Return the values of the header and of the first rows of a file; empty lines are left out."""
    text = head(file, dialect, where)
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # the default limit refuses long texts
    below = itertools.islice(io.StringIO(text, newline=""), dialect.skip, None)
    lines = csv.reader(below, delimiter=dialect.delimiter)
    try:
        first = list(itertools.islice(filter(None, lines), most))
    except csv.Error as error:
        raise DataError(f"{where} is not a readable CSV file: {error}.") from error
    is_cut = len(text) >= HEAD // 4 and len(first) < most
    return first[:-1] if is_cut and len(first) > 1 else first


def head(file: Path, dialect: Dialect, where: str) -> str:
    """Return the beginning of a file as text; an incomplete character at its end is left out."""
    try:
        with pa.input_stream(str(file), compression="detect") as stream:
            start = stream.read(HEAD)
        check_kind(start, dialect.encoding, where)
        decoder = codecs.getincrementaldecoder(dialect.encoding)()
        return decoder.decode(start).removeprefix("\ufeff")
    except LookupError as error:
        raise DataError(f"{where}: Python does not know the encoding '{dialect.encoding}'.") from error
    except UnicodeDecodeError as error:
        raise DataError(undecodable(file, dialect.encoding, where)) from error
    except OSError as error:
        raise DataError(f"{where} cannot be read: {error}.") from error


def check_kind(start: bytes, encoding: str, where: str) -> None:
    """Raise DataError if the beginning of a file shows that it is not a CSV file, or of another encoding."""
    for beginning, (kind, remedy) in OTHER_KINDS.items():
        if start.lstrip().startswith(beginning):
            raise DataError(f"{where} is {kind}, not a CSV file; {remedy}.")
    if codecs.lookup(encoding).name == "utf-8" and (likely := wide_encoding(start)):
        raise DataError(not_utf_8(where, likely))


def check_delimiter(header: str, delimiter: str, where: str) -> None:
    """Raise DataError if the only column name of a file contains another delimiter."""
    for other, called in DELIMITERS.items():
        if other != delimiter and other in header:
            raise DataError(
                f"{where} has one column, named '{header}': its delimiter seems to be {called}; "
                f"set delimiter: {other!r} under source."
            )
    if BLANKS.search(header):
        raise DataError(
            f"{where} has one column, named '{header}'; if blanks stand between its values, write commas."
        )


def undecodable(file: Path, encoding: str, where: str) -> str:
    """Return a sentence about the first bytes of a file that its encoding cannot decode."""
    decoder = codecs.getincrementaldecoder(encoding)()
    offset, lines = 0, 1
    with pa.input_stream(str(file), compression="detect") as stream:
        while block := stream.read(HEAD):
            try:
                lines += decoder.decode(block).count("\n")
            except UnicodeDecodeError as error:
                pending = len(error.object) - len(block)  # bytes kept from the block before
                lines += error.object[: error.start].count(b"\n")
                bad = error.object[error.start : error.end].hex(" ")
                likely = likely_encoding(error.object[error.start :])
                at = f"byte {offset - pending + error.start} in line {lines} is {bad}; "
                return not_utf_8(where, likely, encoding, at)
            offset += len(block)
    return f"{where} is not {encoding.upper()}: it ends in the middle of a character."


def not_utf_8(where: str, likely: str, encoding: str = "utf-8", at: str = "") -> str:
    """Return a sentence about a file that its encoding cannot decode."""
    return (
        f"{where} is not {encoding.upper()}: {at}it may be {likely}: set encoding: {likely} under source "
        f"(fuelgauge add --encoding {likely}), or convert the file to UTF-8."
    )


def marked_encoding(file: Path) -> str:
    """Return the encoding that the mark at the beginning of a file names; empty if there is none."""
    try:
        with pa.input_stream(str(file), compression="detect") as stream:
            start = stream.read(4)
    except OSError:  # said by whoever reads the file
        return ""
    return next((name for mark, name in BYTE_ORDER_MARKS.items() if start.startswith(mark)), "")


def wide_encoding(start: bytes) -> str:
    """Return the encoding of a beginning with two or four bytes a character; empty for other beginnings."""
    for mark, name in BYTE_ORDER_MARKS.items():
        if start.startswith(mark):
            return name
    zeros = [start[place:2000:2].count(0) for place in (0, 1)]
    if max(zeros) < max(1, min(len(start), 2000) // 4):
        return ""
    return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"


def likely_encoding(sample: bytes) -> str:
    """Return the most likely encoding of bytes that are not UTF-8."""
    try:
        sample.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"


def needed(dataset: DatasetConfig, header: list[str], where: str) -> list[str]:
    """Return the columns of a file that a dataset uses, in the order of the file.

    Raises
    ------
    DataError
        A column is missing, or the features are to be inferred: a CSV file does not store types.
    """
    if dataset.features.infer:
        raise DataError(
            f"{where}: features cannot be inferred from a CSV file, which does not store types; "
            "list the columns under features instead of infer."
        )
    named = named_columns(dataset)
    for name in named:
        if name not in header:
            raise DataError(
                f"{where} has no column '{name}', {nearest(name, header)}; "
                f"conf/dataset/{dataset.name}.yaml names it."
            )
    return [name for name in header if name in named]


def named_columns(dataset: DatasetConfig) -> list[str]:
    """Return the columns that a dataset names, each once."""
    features, further = dataset.features, dataset.engineered
    named = [*features.numeric, *features.categorical, *features.dates, features.text]
    named += [*further.numeric, *further.categorical, *further.dates]
    named += ["x"] if dataset.modality in ("image", "sequence") else []
    named += [dataset.target, dataset.group, dataset.time]
    return [name for name in dict.fromkeys(named) if name]


def numeric_columns(dataset: DatasetConfig, file: Path, dialect: Dialect) -> set[str]:
    """Return the columns that are read as numbers.

    These are the numeric columns of the dataset, the target of a regression, and a time column whose first
    value is a number.
    """
    names = {*dataset.features.numeric, *dataset.engineered.numeric}
    if dataset.task == "regression":
        names.add(dataset.target)
    if dataset.time and is_number(first_value(file, dialect, dataset.time)):
        names.add(dataset.time)
    return names


def first_value(file: Path, dialect: Dialect, column: str) -> str:
    """Return the first value of a column that is not missing; an empty string if there is none."""
    header, *rows = first_lines(file, dialect, file.name)
    place = names_of(header).index(column)
    values = (row[place] for row in rows if len(row) > place)
    return next((value for value in values if value not in dialect.missing), "")


def is_number(text: str) -> bool:
    """Return whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def skipped(
    file: Path, dialect: Dialect, where: str, column: str, is_given: bool = False
) -> tuple[Dialect, str]:
    """Return a dialect without the lines above the header and below the last row, and which lines these are.

    The header is the first line that holds the name of a column, if all lines above it have fewer values. A
    first line such as ``sep=;`` names the delimiter. Lines at the end are left out if they begin with a word
    such as Total, or if they are notes. If there are no such lines, the dialect is unchanged.

    Parameters
    ----------
    column
        Name of a column that the table must have.
    is_given
        Whether the delimiter of the dialect is known; otherwise, all usual ones are tried.
    """
    named = DELIMITER_LINE.match(head(file, dialect, where))
    marks = [named["mark"]] if named and named["mark"] else list(DELIMITERS)
    found = {}
    for mark in [dialect.delimiter] if is_given else marks:
        place = header_line(file, replace(dialect, delimiter=mark), where, column)
        if place is not None:
            found[mark] = place
    if not found:
        return dialect, ""
    mark = max(found, key=lambda each: found[each][1])
    tried = replace(dialect, delimiter=mark, skip=found[mark][0])
    end = lines_at_end(file, tried, where)
    about = about_skipped(tried.skip, end)
    return (replace(tried, skip_end=len(end)), about) if about else (dialect, "")


def header_line(file: Path, dialect: Dialect, where: str, column: str) -> tuple[int, int] | None:
    """Return the numbers of lines above the header and of its values, or None if no line is a header."""
    most_above = 0
    for number, line in enumerate(io.StringIO(head(file, dialect, where), newline="")):
        values = values_of(line, dialect)
        if column in names_of(values):
            is_header = held(values) > max(most_above, 1) or not number
            return (number, len(values)) if is_header else None
        if number == MOST_ABOVE:
            break
        most_above = max(most_above, held(values))
    return None


def values_of(line: str, dialect: Dialect) -> list[str]:
    """Return the values of one line."""
    try:
        return next(csv.reader([line], delimiter=dialect.delimiter), [])
    except csv.Error:  # a value is too long, or a quote is not closed
        return []


def held(values: list[str]) -> int:
    """Return the number of values that are not empty."""
    return sum(bool(value.strip()) for value in values)


def lines_at_end(file: Path, dialect: Dialect, where: str) -> list[str]:
    """Return the last lines of a file that are no rows: totals, and notes of a single value.

    At most `MOST_BELOW` lines can be such; if there are more, none is.
    """
    lines = end_of(file, dialect)
    if "".join(lines).count('"') % 2:  # a quoted value goes over several lines
        return []
    width = len(read_header(file, dialect, where))
    found: list[str] = []
    for line in reversed(lines):
        values = values_of(line, dialect)
        if held(values) and not is_no_row(values, width):
            break
        found.insert(0, line.strip())
    while found and not held(values_of(found[0], dialect)):
        del found[0]
    while found and not held(values_of(found[-1], dialect)):
        del found[-1]
    return found if len(found) <= MOST_BELOW else []


def is_no_row(values: list[str], width: int) -> bool:
    """Return whether the values of a line are a total of a table of some width, or a note below it."""
    first = next(value.strip() for value in values if value.strip())
    is_note = held(values) == 1 and len(values) < width and NOTE.fullmatch(first)
    return bool(TOTAL.fullmatch(first.rstrip(": "))) or bool(is_note)


def end_of(file: Path, dialect: Dialect) -> list[str]:
    """Return the last lines of a file; empty if a line end of its encoding is not one byte."""
    if "\n".encode(dialect.encoding) != b"\n":
        return []
    with pa.input_stream(str(file), compression="detect") as stream:
        kept = b""
        while block := stream.read(HEAD):
            kept = (kept + block)[-TAIL:]
    text = kept.decode(dialect.encoding, errors="replace")
    lines = list(io.StringIO(text, newline=None))
    return lines[1:]  # the first may be cut, or is the header


def about_skipped(above: int, end: list[str]) -> str:
    """Return a sentence on the lines that are left out; empty if there are none."""
    parts = [f"{in_lines(above)} above the header"] if above else []
    parts += [f"{in_lines(len(end))} at the end ('{end[0][:40]}')"] if end else []
    if not parts:
        return ""
    settings = " and ".join(name for name, count in (("skip", above), ("skip_end", len(end))) if count)
    return f"{' and '.join(parts)} left out ({settings} under source)."


def in_lines(number: int) -> str:
    """Return a number of lines in words."""
    return "1 line" if number == 1 else f"{number} lines"


def without_end(file: Path, n_lines: int) -> io.BufferedReader:
    """Return the bytes of a file without its last lines; empty lines at the end do not count."""
    return io.BufferedReader(WithoutEnd(file, n_lines), buffer_size=HEAD)


class WithoutEnd(io.RawIOBase):
    """The bytes of a file except its last lines, which are known only when the file has been read."""

    def __init__(self, file: Path, n_lines: int):
        self.stream = pa.input_stream(str(file), compression="detect")
        self.n_lines = n_lines
        self.held = b""
        self.is_over = False

    def readable(self) -> bool:
        """Return that bytes can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with the next bytes; return their number, 0 at the end."""
        while not self.is_over and len(self.held) <= TAIL:
            block = self.stream.read(HEAD)
            self.is_over = not block
            self.held = self.held + block if block else self.rows()
        size = min(len(buffer), len(self.held) if self.is_over else len(self.held) - TAIL)
        buffer[:size] = self.held[:size]
        self.held = self.held[size:]
        return size

    def rows(self) -> bytes:
        """Return what is held without the last lines."""
        lines = LINE_END.split(self.held.rstrip(b"\r\n\t ,;|"))
        return self.held[: sum(map(len, lines[: -2 * self.n_lines]))]


def sniff(file: Path, dialect: Dialect, where: str) -> Dialect:
    """Return a dialect with the delimiter and the decimal point that the first rows suggest.

    The delimiter must divide all of these rows into the same number of values. Among those that do, the one
    with the most values is taken. If none yields two values or more, the dialect is unchanged. The decimal
    point is a comma if more values look like 3,14 than like 3.14, and the delimiter is not a comma.
    """
    read = {mark: first_lines(file, replace(dialect, delimiter=mark), where) for mark in DELIMITERS}
    delimiter = max(read, key=lambda mark: width(read[mark]))
    if width(read[delimiter]) < 2:
        return dialect
    values = [value.strip() for line in read[delimiter][1:] for value in line]
    commas = sum(re.fullmatch(r"[-+]?\d+,\d+", value) is not None for value in values)
    points = sum(re.fullmatch(r"[-+]?\d+\.\d+", value) is not None for value in values)
    decimal = "," if delimiter != "," and commas > points else dialect.decimal
    return replace(dialect, delimiter=delimiter, decimal=decimal)


def width(lines: list[list[str]]) -> int:
    """Return the number of values per line; 0 if the lines differ in it."""
    widths = {len(line) for line in lines}
    return widths.pop() if len(widths) == 1 else 0
