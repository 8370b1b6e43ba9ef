"""Read the texts of a query as ingest reads those of the dataset's own file: dates, numbers, missing values.

JSON bodies, CSV bodies and whole files all pass through the same functions. A date may also be written by
ISO 8601, whatever the format of the dataset's own file is.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from fuelgauge.data.columns import MOMENT, Columns
from fuelgauge.data.sources import files, workbooks
from fuelgauge.data.sources.delimited import MISSING, Dialect, first_lines, marked_encoding, skipped
from fuelgauge.data.sources.numerals import Numeral, numerals, readable
from fuelgauge.errors import DataError, FuelgaugeError
from fuelgauge.registry._seen import Seen, as_text
from fuelgauge.spec.dataset import DatasetConfig

log = logging.getLogger("fuelgauge")

LOADER = "fuelgauge.data.sources.files.table"
PLACES = ("_target_", "path")  # arguments of a loader that say where its file is
DELIMITERS = (",", ";", "\t", "|")
EPOCH = "epoch "  # beginning of the formats of times since 1970
UNITS_A_DAY = {
    f"{EPOCH}{unit}": 86_400 * factor for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6), ("ns", 1e9))
}
ISO_WITH_HYPHENS = r"\s*[0-9]{4}-[0-9]{1,2}(-[0-9]{1,2}([T ].*)?)?$"
EIGHT_DIGITS = r"[0-9]{8}$"
ISO = rf"{ISO_WITH_HYPHENS}|[0-9]{{8}}(T.*)?$"
DIGIT = "[0-9]"
ISO_FORMAT = "ISO8601"


def settings_of(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings by which the rows of a dataset's own file are read; empty for other sources."""
    if source.get("_target_") != LOADER:
        return {}
    kept = {key: value for key, value in source.items() if key not in PLACES}
    try:
        kept.setdefault("format", files.format_of(Path(source["path"]), ""))
    except FuelgaugeError:  # a folder: its files store the types of their columns
        kept.setdefault("format", "parquet")
    return kept


@dataclass(frozen=True)
class Reading:
    """The rules by which the columns of a query are read.

    Parameters
    ----------
    columns
        Columns of a query by kind.
    source
        Settings by which the dataset's own file is read.
    seen
        Categories of the training rows; None if they are not known.
    """

    columns: Columns
    source: Mapping[str, Any]
    seen: Seen | None

    @cached_property
    def formats(self) -> Mapping[str, str]:
        """Formats of dates by column."""
        return self.source.get("dates") or {}

    @cached_property
    def numbers(self) -> Mapping[str, Numeral]:
        """Rules of numbers by column."""
        return numerals(self.source.get("numbers") or {}, "query")

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Kind of each column whose texts are read by a rule."""
        return {
            **dict.fromkeys(self.columns.all_numeric, "number"),
            **dict.fromkeys(self.columns.all_dates, "date"),
            **dict.fromkeys(self.columns.all_categorical, "category"),
        }

    def column(self, name: str, values: pa.Array | Sequence[Any], first_row: int, where: str) -> pa.Array:
        """Return a column with its texts read; a sequence may hold values of several types.

        Raises
        ------
        DataError
            A value cannot be read; the message names the column, the row, the value and the format.
        """
        place, kind = f"{where}: column '{name}'", self.kinds.get(name)
        if not isinstance(values, pa.Array):
            return self.spelled(name, values, first_row, place)
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        if files.is_text(values.type):
            values = without_marks(pc.cast(values, pa.string()), self.marks(name))
            if name in self.numbers:
                return readable(self.numbers[name], values, first_row, place)
        elif kind == "category":
            return self.recoded(name, values, first_row, place)
        elif kind == "number" and pa.types.is_boolean(values.type):
            self.check_truths(name, values, first_row, place)
        return self.moments(name, values, first_row, place) if kind == "date" else values

    def marks(self, name: str) -> tuple[str, ...]:
        """Return the texts that stand for a missing value in a column; a known category is none of them."""
        is_csv = self.source.get("format") in files.DELIMITED
        usual = self.source.get("missing", MISSING) if is_csv else ()
        marks = (self.source.get("missing_in") or {}).get(name, usual)
        return self.not_known(files.as_texts(marks), [name])

    def not_known(self, marks: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
        """Return the marks of a missing value that are no category of the named columns."""
        known = self.seen.categories if self.seen else {}
        return tuple(mark for mark in marks if not any(mark in known.get(name, ()) for name in names))

    def spelled(self, name: str, values: Sequence[Any], first_row: int, place: str) -> pa.Array:
        """Return values of several types as categories."""
        marks, found = self.marks(name), []
        for row, value in enumerate(values, first_row + 1):
            if isinstance(value, str):
                found.append(None if value in marks else value)
            elif value is None or value is pd.NA or value != value:
                found.append(None)
            elif isinstance(value, bool | int | float | np.bool_ | np.number):
                plain = value.item() if isinstance(value, np.generic) else value
                found.append(self.category(name, plain, f"{place}: row {row}"))
            else:
                raise DataError(f"{place}: row {row} holds {value!r}, which is not a category.")
        try:
            return pa.array(found, pa.string())
        except UnicodeEncodeError as error:  # half of a pair of surrogates, which JSON can hold
            raise DataError(f"{place} holds a text that cannot be read ({error}).") from error

    def recoded(self, name: str, values: pa.Array, first_row: int, place: str) -> pa.Array:
        """Return numbers or truth values as categories; values of other types are left to ingest's rule."""
        is_number = pa.types.is_integer(values.type) or pa.types.is_floating(values.type)
        if self.seen is None or not (is_number or pa.types.is_boolean(values.type)):
            return values
        coded = values.dictionary_encode()
        by_ingest = pc.cast(coded.dictionary, pa.string()).to_pylist()
        known, texts = self.seen.categories.get(name, frozenset()), []
        for plain, text in zip(coded.dictionary.to_pylist(), by_ingest, strict=True):
            if text not in known:
                row = first_row + int(pc.index(values, plain).as_py()) + 1
                text = None if plain != plain else self.category(name, plain, f"{place}: row {row}")
            texts.append(text)
        return pa.array(texts, pa.string()).take(coded.indices)

    def check_truths(self, name: str, values: pa.Array, first_row: int, place: str) -> None:
        """Raise DataError for a truth value where training rows hold other numbers than 0 and 1."""
        lo, hi = (self.seen.ranges if self.seen else {}).get(name, (0, 1))
        if (lo < 0 or hi > 1) and values.null_count < len(values):
            row = first_row + int(np.flatnonzero(values.is_valid())[0]) + 1
            raise DataError(
                f"{place}: row {row} holds a truth value, but the training rows hold numbers from {lo:g} to "
                f"{hi:g}."
            )

    def category(self, name: str, value: bool | int | float, place: str) -> str:
        """Return the category that a number or a truth value stands for."""
        return self.seen.category(value, name, place) if self.seen else as_text(value)

    def moments(self, name: str, values: pa.Array, first_row: int, place: str) -> pa.Array:
        """Return dates as timestamps: in the dataset's own format, or else by ISO 8601."""
        if pa.types.is_temporal(values.type):
            return values
        form, is_truth = self.formats.get(name, ISO_FORMAT), pa.types.is_boolean(values.type)
        is_text = files.is_text(values.type) or pa.types.is_null(values.type)
        texts = in_words(values)
        strings = texts.to_pandas().astype(object)
        if form.startswith(EPOCH) and not is_truth:
            own = strings.notna().to_numpy() & ~matching(strings, ISO_WITH_HYPHENS)
            self.check_unit(name, pc.if_else(pa.array(own), values, None), form, first_row, place)
        elif not is_truth and may_be_own(form, is_text):
            try:  # the usual case: all dates have the format of the file
                return files.moments(with_digits(texts), form, first_row, place)
            except DataError:
                own = are_own(strings, form)
        else:
            own = np.zeros(len(strings), dtype=bool)
        by_iso = by_iso_8601(strings, ~own, ISO if is_text else EIGHT_DIGITS)
        if (odd := strings.notna() & ~own & by_iso.isna()).any():
            row = int(np.flatnonzero(odd)[0])
            where = f"{place}: row {first_row + row + 1}"
            raise DataError(not_a_date(strings.iloc[row], is_text, form, where))
        moments = pa.array(by_iso.dt.tz_localize(None), type=MOMENT)
        if not own.any():
            return moments
        given = pc.if_else(pa.array(own), values if form.startswith(EPOCH) else texts, None)
        return pc.coalesce(files.moments(given, form, first_row, place), moments)

    def check_unit(self, name: str, values: pa.Array, form: str, first_row: int, place: str) -> None:
        """Raise DataError for a time since 1970 that only another unit puts among the training rows."""
        if self.seen is None or name not in self.seen.ranges:
            return
        lo, hi = self.seen.ranges[name]
        for row, value in enumerate(values.to_pylist(), first_row + 1):
            units = fitting_units(value, lo, hi) if value is not None else []
            if units and form not in units:
                raise DataError(
                    f"{place}: row {row} holds {value}, which lies among the training rows by the format "
                    f"{units[0]} alone; send it in the dataset's format, {form}, or by ISO 8601."
                )

    def opened(self, file: Path, dataset: DatasetConfig, where: str) -> pa.RecordBatchReader:
        """Open a file with the settings of the dataset's own file; its texts are still to be read.

        Parameters
        ----------
        dataset
            Description of the dataset, with the names of its columns.
        """
        kind = files.format_of(file, where)
        if kind == files.EXCEL:
            with workbooks.as_csv(file, where) as sheet:
                own = replace(
                    self.dialect(sheet),
                    delimiter=workbooks.DELIMITER,
                    encoding=workbooks.ENCODING,
                    decimal=".",
                )
                dialect = self.with_delimiter(own, sheet, where)
                return self.table(sheet, "csv", dialect, dataset, where).read_all().to_reader()
        dialect = self.with_delimiter(self.dialect(file), file, where) if kind == "csv" else Dialect()
        return self.table(file, None, dialect, dataset, where)

    def opened_body(self, file: Path, dataset: DatasetConfig, where: str) -> pa.RecordBatchReader:
        """Open the CSV body of a query, which is UTF-8 and begins with its header, in the same way."""
        usual, own = Dialect(), self.dialect(file)
        same = {key: getattr(own, key) for key in ("delimiter", "decimal", "missing", "missing_in")}
        dialect = self.with_delimiter(replace(usual, **same), file, where)
        return self.table(file, "csv", dialect, dataset, where)

    def table(
        self, file: Path, kind: str | None, dialect: Dialect, dataset: DatasetConfig, where: str
    ) -> pa.RecordBatchReader:
        """Open a file with the columns of a query."""
        listed = replace(dataset.features, infer=False)
        named = replace(dataset, target="", group="", time="", features=listed)
        numbers = {name: rule for name, rule in self.numbers.items() if name in self.columns.all_numeric}
        return files.open_table(file, kind, dialect, files.Rules(numbers=numbers), named, where)

    def dialect(self, file: Path) -> Dialect:
        """Return the dialect of the dataset's own file."""
        source = self.source if self.source.get("format") in files.DELIMITED else {}
        names = {each.name for each in fields(Dialect)} - {"skip", "skip_end"}  # see without_other_lines
        given = {name: source[name] for name in names if name in source}
        if mark := marked_encoding(file):
            given["encoding"] = mark
        marks = self.not_known(files.as_texts(source.get("missing", MISSING)), self.columns.all_categorical)
        within = {name: files.as_texts(texts) for name, texts in (source.get("missing_in") or {}).items()}
        mark = source.get("delimiter") or files.default_delimiter(file)
        return Dialect(**{**given, "delimiter": mark, "missing": marks, "missing_in": within})

    def with_delimiter(self, own: Dialect, file: Path, where: str) -> Dialect:
        """Return a dialect with the first delimiter by which the header has all columns of a query."""
        wanted = set(self.columns.everything)
        for mark in dict.fromkeys((own.delimiter, *DELIMITERS)) if len(wanted) > 1 else ():
            dialect = replace(own, delimiter=mark)
            if wanted <= {*next(iter(first_lines(file, dialect, where)), [])}:
                return self.without_other_lines(dialect, file, where)
        return self.without_other_lines(own, file, where)

    def without_other_lines(self, own: Dialect, file: Path, where: str) -> Dialect:
        """Return a dialect without lines around the rows, if the dataset's own file has such lines.

        Their number may differ from that of the dataset's own file, and they may be absent.
        """
        above, below = (self.source.get(name, 0) for name in ("skip", "skip_end"))
        if not (above or below):
            return own
        found, about = skipped(file, own, where, self.columns.everything[0])
        kept = replace(found, skip=found.skip if above else 0, skip_end=found.skip_end if below else 0)
        if about and kept == found:
            log.info("%s: %s", where, about)
        return kept


def without_marks(values: pa.Array, marks: Sequence[str]) -> pa.Array:
    """Return strings without those that stand for a missing value."""
    if not marks:
        return values
    return pc.if_else(pc.is_in(values, pa.array(marks, pa.string())), pa.scalar(None, pa.string()), values)


def in_words(values: pa.Array) -> pa.Array:
    """Return values as strings; a whole number has no decimal point."""
    if pa.types.is_floating(values.type):
        numbers = values.to_pylist()
        return pa.array(
            [None if each is None or each != each else as_text(each) for each in numbers], pa.string()
        )
    return pc.cast(values, pa.string())


def may_be_own(form: str, is_text: bool) -> bool:
    """Return whether dates may be in a dataset's own format.

    A number is a date only if its digits begin with the year: in other formats a zero may be lost.
    """
    return form != ISO_FORMAT and (is_text or form.startswith(("%Y", "%G")))


def with_digits(texts: pa.Array) -> pa.Array:
    """Return texts; raise DataError for one without digits, such as "now", which pandas takes for a date."""
    if pc.any(pc.invert(pc.match_substring_regex(texts, DIGIT))).as_py():
        raise DataError("a text has no digit.")
    return texts


def are_own(strings: pd.Series, form: str) -> np.ndarray:
    """Return which dates are in a dataset's own format, shape (rows,)."""
    return np.asarray(files.parsed_dates(strings.where(matching(strings, f".*{DIGIT}")), form).notna())


def fitting_units(value: str | float, lo: float, hi: float) -> list[str]:
    """Return the formats by which a time since 1970 lies in a range of days."""
    try:
        days = {form: float(value) / a_day for form, a_day in UNITS_A_DAY.items()}
    except ValueError:
        return []
    return [form for form, day in days.items() if lo - 1 <= day <= hi + 1]


def matching(strings: pd.Series, pattern: str) -> np.ndarray:
    """Return which strings match a pattern from their beginning, shape (rows,)."""
    compiled = re.compile(pattern)
    return np.array(
        [isinstance(text, str) and compiled.match(text) is not None for text in strings], dtype=bool
    )


def utc(strings: pd.Series, form: str) -> pd.Series:
    """Return strings as moments in UTC, with NaT where they do not follow the format."""
    return pd.to_datetime(strings, utc=True, format=form, errors="coerce").astype("datetime64[us, UTC]")


def by_iso_8601(strings: pd.Series, chosen: np.ndarray, pattern: str) -> pd.Series:
    """Return the chosen strings that match a pattern as moments in UTC, with NaT for all others."""
    fitting = matching(strings, pattern) & chosen
    if not fitting.any():
        return pd.Series(pd.NaT, strings.index, dtype="datetime64[us, UTC]")
    return utc(strings.where(fitting), ISO_FORMAT)


def not_a_date(value: str, is_text: bool, form: str, place: str) -> str:
    """Return a sentence about a value that is not a date of a column."""
    shown = f"'{value}'" if is_text else f"the number {value}"
    formats = (
        "ISO 8601 (like 2026-01-31)"
        if form == ISO_FORMAT
        else f"the format {form}, nor by ISO 8601 (like 2026-01-31)"
    )
    return f"{place} holds {shown}, which is not a date by {formats}."
