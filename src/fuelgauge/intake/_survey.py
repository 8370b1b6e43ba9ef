"""Count values, numbers and dates in the columns of a table, in one pass and with bounded memory."""

from __future__ import annotations

import calendar
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from fuelgauge.data.arrow import is_tensor
from fuelgauge.data.sources import numerals
from fuelgauge.data.sources.clocks import Clocks
from fuelgauge.data.sources.month_names import WORD, month_of
from fuelgauge.data.sources.numerals import Numeral, Tally, absent_among, clean, is_marker
from fuelgauge.data.sources.seen import Seen

MOST_VALUES = 20_000
MOST_FRACTIONS = 1_000
SAMPLE = 20_000
FIRST_LOOK = 1_000
MOSTLY = 0.9

DATE = re.compile(
    r"(?P<first>\d{1,4})(?P<mark>[-/.])(?P<second>\d{1,2})(?P=mark)(?P<third>\d{1,4})(?P<clock>\D.*)?"
)
NAMED_MONTH = re.compile(
    rf"(?P<weekday>(?:{'|'.join([*calendar.day_name, *calendar.day_abbr])}),? )?"
    rf"(?P<first>\d{{1,2}}|{WORD})(?P<mark>\. ?| de |[- /])(?P<second>\d{{1,2}}|{WORD})(?P<end>,? | de |[-/])"
    r"(?P<year>\d{4}|\d{2})(?P<clock>\D.*)?"
)
CLOCK = re.compile(
    r"(?P<mark>, |[ T:])(?P<hour>[01]?\d|2[0-3]):[0-5]\d(?P<seconds>:[0-5]\d)?(?P<fraction>\.\d+)?"
    r"(?P<half> ?[AP]M)?(?P<zone>Z| ?[+-]\d\d:?\d\d| UTC| GMT)?"
)
ENGLISH = f"(?i:{'|'.join(calendar.month_abbr[1:])})"  # OUT-01 is an outlet, not October 2001
YEAR = r"(?:1[0-9]|2[0-9])\d\d"
PERIODS = [
    (re.compile(pattern.replace("YEAR", YEAR).replace("WORD", WORD).replace("ENGLISH", ENGLISH)), form)
    for pattern, form in (
        (r"YEAR(?P<mark>[-/])(?P<month>\d{1,2})", "%Y~%m"),
        (r"(?P<month>\d{1,2})(?P<mark>[-/])YEAR", "%m~%Y"),
        (r"(?P<month>WORD)(?P<mark>[- /]|, )YEAR", "%B~%Y"),
        (r"YEAR(?P<mark>[- /])(?P<month>WORD)", "%Y~%B"),
        (r"(?P<month>ENGLISH)(?P<mark>-)\d\d", "%B~%y"),
        (r"YEAR(?P<month>0[1-9]|1[0-2])[0-3]\d(?P<mark>T)[0-2]\d[0-5]\d[0-5]\d", "%Y%m%d~%H%M%S"),
        (r"YEAR(?P<mark>年)(?P<month>\d{1,2})月\d{1,2}日", "%Y~%m月%d日"),
        (r"YEAR(?P<mark>년 ?)(?P<month>\d{1,2})월 \d{1,2}일", "%Y~%m월 %d일"),
        (r"YEAR(?P<mark>년 ?)(?P<month>\d{1,2})월\d{1,2}일", "%Y~%m월%d일"),
        (r"YEAR(?P<mark>-?)W(?:0[1-9]|[1-4]\d|5[0-3])", "%G~W%V"),
        (r"YEAR(?P<mark>-?)W(?:0[1-9]|[1-4]\d|5[0-3])-[1-7]", "%G~W%V-%u"),
        (r"YEAR(?P<mark>[- ]?)Q[1-4]", "%Y~Q%q"),
        (r"Q[1-4](?P<mark>[- /]?)YEAR", "Q%q~%Y"),
        (r"[1-4]Q(?P<mark>[- /]?)YEAR", "%qQ~%Y"),
    )
]
NAMED_ZONES = (" UTC", " GMT")
OTHER_MARK = {".": ",", ",": "."}
DAY_FIRST, MONTH_FIRST, EITHER = "day first", "month first", "day or month first"
FULL_OR_SHORT = "May"  # stands for every name of a month that is its own short form
UNSURE = (EITHER, FULL_OR_SHORT)
MOST_YEARS, FEWEST_DAYS = 10, 20  # different first and last numbers of dates such as 19-01-31
ISO = "ISO8601"
MARKER = "missing"  # in place of the layout of a date


@dataclass
class Facts:
    """The facts about a column.

    Parameters
    ----------
    name, type
        Name and Arrow type of the column.
    n_rows, n_missing
        Number of rows, and of rows without a value.
    counts
        Number of rows per value; empty if there are more than `MOST_VALUES` values.
    n_distinct, n_counted
        Number of different values, and of rows with a value in which they were counted.
    is_complete
        Whether all rows were counted; counting stops when there are too many different values.
    infinite
        First infinite number.
    n_numbers, no_number
        Number of strings that are numbers, and the first string that is not. The search for numbers ends
        after a batch with too few of them.
    n_turned, turned
        Number of strings that are numbers only with the other decimal mark (point or comma), and the first.
    n_dates, no_date
        Number of strings that are dates, and the first string that is not.
    layouts
        First date of each layout.
    ends
        Different first and last numbers of the dates whose year has two digits, such as 31.01.26.
    date_markers, where_markers
        Strings that often stand for a missing value among dates: their numbers of rows, and the first row of
        each.
    tally
        Counts of the strings by the way in which numbers are written.
    clocks
        Counts of the strings that are times of day or durations.
    numeral
        Rule by which the strings are read as numbers; None if they are not read as such.
    epoch
        Format of dates that are written as whole numbers; empty for other columns.
    is_saved_index
        Whether pandas has saved the column as the index of the table, by the metadata of the file.
    """

    name: str
    type: pa.DataType
    n_rows: int = 0
    n_missing: int = 0
    counts: Counter[object] = field(default_factory=Counter)
    n_distinct: int = 0
    n_counted: int = 0
    is_complete: bool = True
    infinite: Seen | None = None
    n_numbers: int = 0
    no_number: Seen | None = None
    n_turned: int = 0
    turned: Seen | None = None
    n_dates: int = 0
    no_date: Seen | None = None
    layouts: dict[str, Seen] = field(default_factory=dict)
    ends: tuple[set[str], set[str]] = field(default_factory=lambda: (set(), set()))
    date_markers: Counter[str] = field(default_factory=Counter)
    where_markers: dict[str, int] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    clocks: Clocks = field(default_factory=Clocks)
    numeral: Numeral | None = None
    epoch: str = ""
    is_saved_index: bool = False

    @property
    def n_present(self) -> int:
        """Number of rows that have a value."""
        return self.n_rows - self.n_missing

    @property
    def is_text(self) -> bool:
        """Whether the values are strings, which may hold numbers."""
        return pa.types.is_string(self.type) or pa.types.is_large_string(self.type)

    @property
    def is_number(self) -> bool:
        """Whether all values are numbers that are not dates."""
        if self.epoch:
            return False
        return is_number(self.type) or self.numeral is not None or self.are_plain_numbers

    @property
    def are_plain_numbers(self) -> bool:
        """Whether the values are strings, and all of them are numbers as a computer writes them."""
        return self.is_text and 0 < self.n_present == self.n_numbers

    @property
    def is_turned(self) -> bool:
        """Whether nearly all strings are numbers, but only if some of them have the other decimal mark."""
        numbers = self.n_numbers + self.n_turned
        return self.is_text and self.turned is not None and numbers >= MOSTLY * self.n_present

    @property
    def is_date(self) -> bool:
        """Whether all values are dates."""
        return (
            pa.types.is_temporal(self.type)
            or bool(self.epoch)
            or (self.is_text and 0 < self.n_dates == self.n_present)
        )

    @property
    def is_unique(self) -> bool:
        """Whether all counted rows have different values."""
        return 1 < self.n_distinct == self.n_counted

    @property
    def has_absent_dates(self) -> bool:
        """Whether some strings stand for a missing value, and all others are dates."""
        return self.is_date and bool(self.date_markers)

    @property
    def lonely_marker(self) -> Seen | None:
        """First string among dates that often stands for a missing value, but is not repeated here."""
        lonely = (
            Seen(text, self.where_markers[text]) for text, rows in self.date_markers.items() if rows == 1
        )
        return next(lonely, None)

    @property
    def has_dates_and_markers(self) -> bool:
        """Whether all strings are dates, or markers of a missing value that are repeated."""
        n_absent = self.date_markers.total()
        are_all = 0 < self.n_dates == self.n_present - n_absent
        return self.is_text and are_all and n_absent > 0 and min(self.date_markers.values()) > 1

    def without_markers(self) -> Facts:
        """Return the facts about a column of dates if its markers are missing values."""
        counts = Counter(
            {value: rows for value, rows in self.counts.items() if value not in self.date_markers}
        )
        n_absent = self.date_markers.total()
        return replace(
            self,
            n_missing=self.n_missing + n_absent,
            counts=counts,
            n_distinct=self.n_distinct - len(self.date_markers),
            n_counted=self.n_counted - n_absent,
        )

    def read_by(self, rule: Numeral) -> Facts:
        """Return the facts about the column if its strings are read as numbers by a rule."""
        others = self.clocks.others if rule.clock else self.tally.others
        absent = absent_among(others, self.tally.missing)
        counts = Counter(
            {value: rows for value, rows in self.counts.items() if clean(str(value)) not in absent}
        )
        n_absent = sum(absent.values())
        return replace(
            self,
            numeral=rule,
            n_missing=self.n_missing + n_absent,
            counts=counts,
            n_distinct=len(counts) if self.is_complete else self.n_distinct,
            n_counted=counts.total() if self.is_complete else self.n_counted,
        )


@dataclass(frozen=True)
class Survey:
    """The facts about a table.

    Parameters
    ----------
    n_rows
        Number of rows.
    columns
        Facts about each column, by name.
    arrays
        Types of the columns that hold one array per row, by name.
    sample
        All rows, or 20,000 to 40,000 evenly spaced rows. Only columns of plain types are included.
    step
        Distance between two rows of the sample, in rows of the table.
    decimal
        Decimal mark of the file.
    is_table
        Whether the file is a table, whose columns can be read by rules; a NumPy archive is not.
    """

    n_rows: int
    columns: dict[str, Facts]
    arrays: dict[str, pa.FixedShapeTensorType]
    sample: pd.DataFrame
    step: int = 1
    decimal: str = "."
    is_table: bool = True

    def dated_by(self, formats: Mapping[str, str]) -> Survey:
        """Return the facts about the table if whole numbers in some columns are dates."""
        dated = {name: replace(self.columns[name], epoch=form) for name, form in formats.items()}
        return replace(self, columns={**self.columns, **dated})

    def read_by(self, rules: Mapping[str, Numeral]) -> Survey:
        """Return the facts about the table if the strings of some columns are read as numbers."""
        columns = {**self.columns, **{name: self.columns[name].read_by(rule) for name, rule in rules.items()}}
        sample = self.sample.copy(deep=False)
        for name, rule in rules.items():
            if self.columns[name].are_plain_numbers:  # the sample holds numbers already
                continue
            sample[name] = rule.read(pa.array(sample[name], pa.string(), from_pandas=True))[0].to_pandas()
        return replace(self, columns=columns, sample=sample)

    def spelled(self, name: str, spellings: Mapping[str, str]) -> Survey:
        """Return the facts about the table if the values of a column are spelled in another way."""
        facts, counts = self.columns[name], Counter[object]()
        for value, rows in facts.counts.items():
            counts[spellings[str(value)]] += rows
        sample = self.sample.copy(deep=False)
        sample[name] = sample[name].map(spellings)
        columns = {**self.columns, name: replace(facts, counts=counts, n_distinct=len(counts))}
        return replace(self, columns=columns, sample=sample)


def survey(
    reader: pa.RecordBatchReader,
    decimal: str = ".",
    decimals: Mapping[str, str] | None = None,
    missing: tuple[str, ...] = (),
    is_doubtful: bool = False,
) -> Survey:
    """Return the facts about a table, which is read once.

    Parameters
    ----------
    reader
        Batches of rows.
    decimal
        Decimal mark of numbers in strings.
    decimals
        Decimal marks of single columns, by name.
    missing
        Further texts that stand for a missing value in a column of numbers.
    is_doubtful
        Whether the decimal mark could also be a mark between thousands.
    """
    columns = {f.name: Facts(f.name, plain(f.type)) for f in reader.schema if is_plain(plain(f.type))}
    others = {f.name: Facts(f.name, f.type) for f in reader.schema if f.name not in columns}
    index, said = saved_index(reader.schema), decimals or {}
    for name, facts in columns.items():
        facts.is_saved_index = name in index
        facts.tally = Tally(said.get(name, decimal), name in said, is_doubtful and name not in said, missing)
    sampler = Sampler()
    n_rows = 0
    for batch in reader:
        table = pa.table({name: as_plain(batch.column(name), facts.type) for name, facts in columns.items()})
        for name, facts in columns.items():
            look(facts, table[name].chunk(0), n_rows, facts.tally.decimal)
        sampler.add(table)
        n_rows += batch.num_rows
    sample = sampler.table.to_pandas() if n_rows else pd.DataFrame()
    for name, facts in columns.items():
        if facts.are_plain_numbers:
            texts = pa.array(sample[name], from_pandas=True)
            sample[name] = as_numbers(texts, facts.tally.decimal).to_pandas()
    for name, facts in columns.items():
        if facts.has_dates_and_markers:
            columns[name] = facts.without_markers()
            sample[name] = sample[name].mask(sample[name].isin(list(facts.date_markers)))
    arrays = {f.name: f.type for f in reader.schema if is_tensor(f.type)}
    return Survey(n_rows, {**columns, **others}, arrays, sample, sampler.step, decimal)


def saved_index(schema: pa.Schema) -> set[str]:
    """Return the columns that pandas has saved as the index of a table, by the metadata of the file."""
    listed = (schema.pandas_metadata or {}).get("index_columns", [])
    return {name for name in listed if isinstance(name, str)}


class Sampler:
    """Keep every k-th row of a stream, with k such that between `SAMPLE` and twice as many rows remain."""

    def __init__(self) -> None:
        self.step, self.n_seen = 1, 0
        self.kept: list[pa.Table] = []

    def add(self, table: pa.Table) -> None:
        """Add further rows."""
        places = np.arange(-self.n_seen % self.step, table.num_rows, self.step)
        self.kept.append(table.take(pa.array(places)))
        self.n_seen += table.num_rows
        while sum(part.num_rows for part in self.kept) > 2 * SAMPLE:
            whole = pa.concat_tables(self.kept)
            self.kept = [whole.take(pa.array(np.arange(0, whole.num_rows, 2)))]
            self.step *= 2

    @property
    def table(self) -> pa.Table:
        """The rows of the sample, in order."""
        return pa.concat_tables(self.kept)


def plain(kind: pa.DataType) -> pa.DataType:
    """Return the plain type to which a column is converted for the survey."""
    if pa.types.is_dictionary(kind):
        return plain(kind.value_type)
    if pa.types.is_string_view(kind):
        return pa.large_string()
    return pa.float64() if pa.types.is_decimal(kind) or pa.types.is_float16(kind) else kind


def is_plain(kind: pa.DataType) -> bool:
    """Return whether a type is plain: a number, a truth value, a string or a date."""
    tests = (pa.types.is_boolean, pa.types.is_string, pa.types.is_large_string)
    dates = pa.types.is_timestamp(kind) or pa.types.is_date(kind)
    return is_number(kind) or dates or any(test(kind) for test in tests)


def as_plain(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return a column in its plain type."""
    decoded = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    return decoded if decoded.type == kind else pc.cast(decoded, kind)


def is_number(kind: pa.DataType) -> bool:
    """Return whether a type is a number."""
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def look(facts: Facts, values: pa.Array, first_row: int, decimal: str) -> None:
    """Add a batch of a column to its facts."""
    if pa.types.is_floating(values.type):
        values = pa.array(values.to_numpy(zero_copy_only=False), from_pandas=True)  # NaN counts as missing
    facts.n_rows += len(values)
    facts.n_missing += values.null_count
    numbers = values if is_number(values.type) else None
    if facts.is_text:
        numbers = look_at_strings(facts, values, first_row, decimal)
    if numbers is not None and pa.types.is_floating(numbers.type) and facts.infinite is None:
        facts.infinite = first_where(pc.is_inf(numbers), values, first_row)
    if facts.is_complete:
        count(facts, values, MOST_FRACTIONS if has_fractions(numbers) else MOST_VALUES)


def look_at_strings(facts: Facts, values: pa.Array, first_row: int, decimal: str) -> pa.Array | None:
    """Count the strings that are numbers or dates; return the numbers if all strings are numbers."""
    before = facts.n_present - (len(values) - values.null_count)
    numbers = None
    if facts.n_numbers + facts.n_turned >= MOSTLY * before:
        numbers = look_for_numbers(facts, values, first_row, decimal)
    if numbers is not None:
        facts.tally.add_plain(values)
        return numbers
    facts.tally.add(values, first_row)
    if not facts.clocks.is_hopeless:
        facts.clocks.add(numerals.plain(values), first_row)
    if facts.n_dates + facts.date_markers.total() >= MOSTLY * before:
        look_for_dates(facts, values, first_row)
    return None


def look_for_numbers(facts: Facts, values: pa.Array, first_row: int, decimal: str) -> pa.Array | None:
    """Count the strings that are numbers; return the numbers if all strings are numbers."""
    try:
        numbers = as_numbers(values, decimal)
    except pa.ArrowInvalid:
        is_other = are_no_numbers(values, decimal)
        facts.n_numbers += len(values) - values.null_count - int(is_other.sum())
        facts.no_number = facts.no_number or first_where(pa.array(is_other), values, first_row)
        is_turned = is_other & ~are_no_numbers(values, OTHER_MARK.get(decimal, "."))
        facts.n_turned += int(is_turned.sum())
        facts.turned = facts.turned or first_where(pa.array(is_turned), values, first_row)
        return None
    facts.n_numbers += len(values) - values.null_count
    return numbers


def as_numbers(values: pa.Array, decimal: str = ".") -> pa.Array:
    """Return strings as float64; raise ArrowInvalid if a string is not a number."""
    return pc.cast(with_points(values, decimal), pa.float64())


def are_no_numbers(values: pa.Array, decimal: str) -> pd.Series:
    """Return which values are present but are not numbers."""
    points = with_points(values, decimal).to_pandas().astype(object)
    return pd.to_numeric(points, errors="coerce").isna() & points.notna()


def with_points(values: pa.Array, decimal: str) -> pa.Array:
    """Return strings with a decimal point in place of the mark.

    A string that has a point although the mark is a comma is not a number afterwards.
    """
    trimmed = pc.utf8_trim_whitespace(values)
    if decimal == ".":
        return trimmed
    return pc.replace_substring(pc.replace_substring(trimmed, ".", "?"), decimal, ".")


def look_for_dates(facts: Facts, values: pa.Array, first_row: int) -> None:
    """Count the strings that are dates, and keep the first date of each layout."""
    if facts.n_dates == 0 and share_of_dates(values.drop_null()[:FIRST_LOOK]) < MOSTLY:
        return
    encoded = values.dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    layouts = [layout(text) or (MARKER if is_marker(text) else None) for text in texts]
    places = pc.fill_null(encoded.indices, len(layouts)).to_numpy(zero_copy_only=False)
    of_rows = np.array([*layouts, ""], dtype=object)[places]  # "" is a missing value
    for name in dict.fromkeys(layouts):
        first = first_where(pa.array(of_rows == name), values, first_row)
        if name is None:
            facts.no_date = facts.no_date or first
        elif first is not None and name != MARKER:
            facts.layouts.setdefault(name, first)
    for place, (text, name) in enumerate(zip(texts, layouts, strict=True)):
        if name == MARKER:
            facts.date_markers[text] += int((places == place).sum())
            facts.where_markers.setdefault(text, first_row + int(np.flatnonzero(places == place)[0]) + 1)
        elif name is not None and "%y" in name and (found := DATE.fullmatch(text.strip())):
            facts.ends[0].add(found["first"])
            facts.ends[1].add(found["third"])
    facts.n_dates += sum(1 for name in of_rows if name and name != MARKER)


def share_of_dates(values: pa.Array) -> float:
    """Return the share of dates among the strings that do not often stand for a missing value.

    It is 0 if more than half of all strings do.
    """
    texts = [text for text in values.to_pylist() if not is_marker(text)]
    if len(texts) < len(values) / 2:
        return 0.0
    return sum(layout(text) is not None for text in texts) / max(1, len(texts))


def layout(text: str) -> str | None:
    """Return the layout of a date, such as ``%Y-%m-%d``; None if the text is not a date.

    If day and month are both numbers, the layout begins with their order, as far as this date shows it:
    ``day first|%d.%m.%Y``. `forms` combines the layouts of all dates of a column.
    """
    text = text.strip()
    if found := DATE.fullmatch(text):
        date = numbers_layout(*found.group("first", "mark", "second", "third"))
    elif found := NAMED_MONTH.fullmatch(text):
        date = names_layout(*found.group("weekday", "first", "mark", "second", "end", "year"))
    else:
        return period_layout(text)
    clock = clock_layout(found["clock"] or "")
    if date is None or clock is None:
        return None
    is_iso = date == "%Y-%m-%d" and clock.startswith((" %H", "T%H")) and not clock.endswith(NAMED_ZONES)
    return ISO if is_iso else date + clock


def period_layout(text: str) -> str | None:
    """Return the layout of a month, a week or a quarter, or None if the text is none of these."""
    for pattern, form in PERIODS:
        if found := pattern.fullmatch(text):
            month = found.groupdict().get("month", "1")
            if month.isdigit():
                return form.replace("~", found["mark"]) if 1 <= int(month) <= 12 else None
            order, bar, named = (month_form(month) or "").rpartition("|")
            return f"{order}{bar}{form.replace('~', found['mark']).replace('%B', named)}" if named else None
    return None


def numbers_layout(first: str, mark: str, second: str, third: str) -> str | None:
    """Return the layout of a date of three numbers, or None if it is not a date."""
    if len(first) == 4:
        return mark.join(("%Y", "%m", "%d")) if is_day(first, second, third) else None
    if len(third) not in (2, 4) or len(first) > 2:
        return None
    if len(third) == 2 and int(first) > 31:
        return mark.join(("%y", "%m", "%d")) if is_day(f"20{first}", second, third) else None
    year = third if len(third) == 4 else f"20{third}"
    low, high = sorted((int(first), int(second)))
    if not is_day(year, low, high):
        return None
    order = EITHER if high <= 12 else DAY_FIRST if int(first) > 12 else MONTH_FIRST
    parts = ("%m", "%d") if order == MONTH_FIRST else ("%d", "%m")
    return f"{order}|{mark.join((*parts, '%Y' if len(third) == 4 else '%y'))}"


def is_day(year: str, month: int | str, day: int | str) -> bool:
    """Return whether a day exists in the calendar."""
    if not (1 <= int(year) <= 9999 and 1 <= int(month) <= 12):
        return False
    return 1 <= int(day) <= calendar.monthrange(int(year), int(month))[1]


def names_layout(weekday: str | None, first: str, mark: str, second: str, end: str, year: str) -> str | None:
    """Return the layout of a date with the name of a month, in full or in short; None for no date."""
    day_is_first = first.isdigit()
    day, word = (first, second) if day_is_first else (second, first)
    month, named = month_of(word), month_form(word)
    whole_year = year if len(year) == 4 else f"20{year}"
    if month is None or named is None or not day.isdigit() or not is_day(whole_year, month.number, day):
        return None
    if len(year) == 2 and not day_is_first:
        return None
    order, _, name = named.rpartition("|")
    form = f"%d{mark}{name}{end}" if day_is_first else f"{name}{mark}%d{end}"
    return f"{order}{'|' if order else ''}{weekday_form(weekday)}{form}{'%Y' if len(year) == 4 else '%y'}"


def weekday_form(weekday: str | None) -> str:
    """Return the format of a day of the week before a date, with what stands behind it; empty for none."""
    if weekday is None:
        return ""
    name = weekday.rstrip(", ")
    return ("%A" if name in calendar.day_name else "%a") + weekday.removeprefix(name)


def month_form(word: str) -> str | None:
    """Return the format of the name of a month, ``%B`` or ``%b``, or None for other words.

    That of a name such as May, which is both, begins with ``May|``.
    """
    month = month_of(word)
    if month is None:
        return None
    if month.is_full and month.is_short:
        return f"{FULL_OR_SHORT}|%b"
    return "%B" if month.is_full else "%b"


def clock_layout(text: str) -> str | None:
    """Return the layout of a time of day; empty for an empty text, None if the text is not a time."""
    if not text:
        return ""
    found = CLOCK.fullmatch(text)
    if found is None:
        return None
    seconds, fraction = ":%S" if found["seconds"] else "", ".%f" if found["fraction"] else ""
    zone = found["zone"] or ""
    if zone and zone not in NAMED_ZONES:
        zone = " %z" if zone.startswith(" ") else "%z"
    if half := found["half"]:
        if not 1 <= int(found["hour"]) <= 12:
            return None
        return f"{found['mark']}%I:%M{seconds}{fraction}{' ' if half[0] == ' ' else ''}%p{zone}"
    return f"{found['mark']}%H:%M{seconds}{fraction}{zone}"


def forms(facts: Facts) -> dict[str, Seen]:
    """Return the formats of the dates in a column, each with the first date that has it.

    - A date such as 01.02.2026 does not show whether the day or the month comes first. It gets the format of
      the unambiguous dates with the same separators. If there are none, the day comes first. With slashes, as
      in 01/02/2026, the month comes first.
    - In a date such as 19-01-20 the year may come first (`years_first`).
    - May is the full name of a month if the others are written in full.
    - Dates by ISO 8601 with and without a time of day have one format.
    """
    found: dict[str, Seen] = {}
    for name, seen in sorted(facts.layouts.items(), key=lambda item: item[0].startswith(UNSURE)):
        order, _, form = name.rpartition("|")
        if order == EITHER:
            turned = form.replace("%d", "?").replace("%m", "%d").replace("?", "%m")
            if form not in found and turned not in found:
                found[turned if "/" in form else form] = seen
        elif not (order == FULL_OR_SHORT and form.replace("%b", "%B") in found):
            found.setdefault(form, seen)
    if ISO in found:
        found.pop("%Y-%m-%d", None)
    return years_first(found) if are_years_first(facts, found) else found


def are_years_first(facts: Facts, found: Mapping[str, Seen]) -> bool:
    """Return whether the dates of a column begin with a year of two digits, as far as its numbers show it.

    They do if some first number is no day, or if few first numbers meet many last ones, all of them days.
    """
    if any(form.startswith("%y") for form in found):
        return True
    firsts, lasts = facts.ends
    are_days = all(1 <= int(last) <= 31 for last in lasts) and not any("%m" in form[:2] for form in found)
    has_dots = any("." in form for form in found)
    return are_days and not has_dots and 1 < len(firsts) <= MOST_YEARS and len(lasts) >= FEWEST_DAYS


def years_first(found: Mapping[str, Seen]) -> dict[str, Seen]:
    """Return formats in which the day stood before a year of two digits with the two in turned places."""
    turned: dict[str, Seen] = {}
    for form, seen in found.items():
        ends = form.replace("%d", "?").replace("%y", "%d").replace("?", "%y")
        turned.setdefault(form if form.startswith("%y") else ends, seen)
    return turned


def is_ambiguous(facts: Facts) -> bool:
    """Return whether no date of a column shows which number is the day."""
    return bool(facts.layouts) and all(name.startswith(EITHER) for name in facts.layouts)


def first_where(mask: pa.Array, values: pa.Array, first_row: int) -> Seen | None:
    """Return the first value at which a mask is true."""
    hits = np.flatnonzero(pc.fill_null(mask, False).to_numpy(zero_copy_only=False))
    return Seen(str(values[int(hits[0])].as_py()), first_row + int(hits[0]) + 1) if hits.size else None


def has_fractions(numbers: pa.Array | None) -> bool:
    """Return whether some numbers are not whole."""
    if numbers is None or not pa.types.is_floating(numbers.type):
        return False
    finite = numbers.filter(pc.is_finite(numbers))
    return bool(pc.any(pc.not_equal(finite, pc.floor(finite))).as_py())


def count(facts: Facts, values: pa.Array, most: int) -> None:
    """Count the rows per value in a batch. With more than `most` values in all, the counts are dropped."""
    present = values.drop_null()
    counted = present.value_counts()
    unique = counted.field("values")
    known = pa.array(list(facts.counts), unique.type) if facts.counts else None
    n_known = pc.sum(pc.is_in(unique, known)).as_py() or 0 if known is not None and len(unique) else 0
    facts.n_counted += len(present)
    facts.n_distinct += len(unique) - n_known
    if facts.n_distinct > most:
        facts.counts.clear()
        facts.is_complete = False
        return
    rows = counted.field("counts").to_pylist()
    facts.counts.update(dict(zip(unique.to_pylist(), rows, strict=True)))
