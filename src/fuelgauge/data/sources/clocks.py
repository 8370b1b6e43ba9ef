"""Times of day and durations as numbers: 08:30, 8:30 PM, 1:02:03, 2 days 03:00:00, 2h 5m and PT2H5M."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fuelgauge.data.sources.seen import Places, Seen, flags

__all__ = ["KINDS", "MINUTES", "SECONDS", "Clocks", "count"]

MINUTES, SECONDS = "minutes", "seconds"
KINDS = (MINUTES, SECONDS)
MOST_TEXTS = 200
FIRST_LOOK = 1_000
HOPELESS = 0.5

HALF = r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?"
SIGN = r"(?P<sign>[+-]?)"
DECIMALS = r"(?:[.][0-9]+|,[0-9]{1,2})?"  # 1,250h is no decimal number
DAYS = r"(?P<days>-?[0-9]+) ?d(?:ays?)?,? ?\+?"
# 08:30 is hours and minutes, or minutes and seconds.
TWO_PARTS = rf"^{SIGN}(?P<major>[0-9]{{1,3}}):(?P<minor>[0-5][0-9]){HALF}$"
MINUTES_AND_SECONDS = rf"(?P<minutes>[0-5][0-9]):(?P<seconds>[0-5][0-9]{DECIMALS})"
THREE_PARTS = rf"^(?:{DAYS})?{SIGN}(?P<hours>[0-9]{{1,3}}):{MINUTES_AND_SECONDS}{HALF}$"
DAYS_AND_TWO = rf"^{DAYS}(?P<hours>[0-9]{{1,2}}):(?P<minutes>[0-5][0-9])$"
HOURS_AND_LESS = (
    rf"(?:(?P<hours>[0-9]+{DECIMALS}) ?(?:h|hrs?|hours?|std)\.?,? ?)?"
    rf"(?:(?P<minutes>[0-9]+{DECIMALS}) ?(?:m|mins?|minutes?)\.?,? ?)?"
    rf"(?:(?P<seconds>[0-9]+{DECIMALS}) ?(?:s|secs?|seconds?)\.?)?"
)
LETTERS = rf"^(?i:{SIGN}(?:(?P<days>[0-9]+) ?(?:d|days?),? ?)?{HOURS_AND_LESS})$"
ISO_8601 = rf"^(?i:{SIGN}P(?:(?P<days>[0-9]+)D)?(?:T{HOURS_AND_LESS})?)$"
FORMS = {MINUTES: (TWO_PARTS,), SECONDS: (THREE_PARTS, DAYS_AND_TWO, LETTERS, ISO_8601)}
# A lone 48m or 3d may be metres or a code; beside 2h 5m it is a duration.
CLEAR = r"[0-9]:[0-5][0-9]|^[+-]?P[0-9T]|[0-9] ?[DdHh][a-z]*\.?,? ?[0-9]|[0-9] ?[Mm][a-z]*\.?,? ?[0-9]"
SECONDS_IN = {"days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1, "major": 60, "minor": 1}
NOON = 12


def count(texts: pa.Array, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Return times of one kind as numbers.

    Parameters
    ----------
    texts : (n,)
        Trimmed strings.
    kind
        `minutes`: 8:30 and 8:30 AM are 510, the minutes since midnight. If 8:30 means minutes and seconds,
        510 is in seconds. `seconds`: 8:30:00, 2 days 03:00:00, 2h 5m and PT2H5M, in seconds.

    Returns
    -------
    numbers : (n,)
        Minutes or seconds; NaN where a string is no such time.
    fits : (n,)
        Whether a string is such a time.
    """
    numbers = np.full(len(texts), np.nan)
    for form in FORMS[kind]:
        parts = pc.extract_regex(texts, form)
        found = np.asarray(parts.is_valid()) & np.isnan(numbers)
        if found.any():
            numbers[found] = added(parts.filter(pa.array(found)))
    return numbers, ~np.isnan(numbers)


def added(parts: pa.StructArray) -> np.ndarray:
    """Return the sum of the parts of times, in units of the smallest one; NaN for times without any part."""
    names = [each.name for each in parts.type]
    part = {name: amounts(parts, name) for name in SECONDS_IN if name in names}
    is_nothing = np.all([np.isnan(each) for each in part.values()], axis=0)
    if "half" in names:
        hour = "major" if "major" in names else "hours"
        part[hour] = to_24_hours(part[hour], pc.utf8_lower(pc.struct_field(parts, "half")))
        is_nothing = np.isnan(part[hour])
    total = np.sum([np.nan_to_num(each) * SECONDS_IN[name] for name, each in part.items()], axis=0)
    if "sign" in names:
        total = np.where(np.asarray(pc.equal(pc.struct_field(parts, "sign"), "-")), -total, total)
    return np.where(is_nothing, np.nan, total)


def amounts(parts: pa.StructArray, name: str) -> np.ndarray:
    """Return a part of times as numbers, NaN where it is not there."""
    texts = pc.replace_substring(pc.struct_field(parts, name), ",", ".")
    present = pc.if_else(pc.equal(texts, ""), None, texts)
    return np.asarray(pc.cast(present, pa.float64()).to_numpy(zero_copy_only=False), dtype=float)


def to_24_hours(hours: np.ndarray, half: pa.Array) -> np.ndarray:
    """Return hours from 0 to 23; NaN where an hour with AM or PM is not from 1 to 12."""
    is_said = np.asarray(pc.not_equal(half, ""))
    after_noon = np.asarray(pc.equal(half, "p"))
    turned = np.where((hours >= 1) & (hours <= NOON), hours % NOON + NOON * after_noon, np.nan)
    return np.where(is_said, turned, hours)


@dataclass
class Clocks:
    """Counts of the strings of a column that are times of day or durations.

    Parameters
    ----------
    n_strings
        Number of strings that were looked at.
    n_of
        Number of times of each kind.
    n_clear
        Number of times that cannot be anything else.
    example
        First time, as it is written.
    others, where_others
        Strings that are no times: their number of rows, and the first row of each.
    n_beyond
        Number of rows with further strings that are no times.
    is_hopeless
        Whether so few strings were times that counting has ended.
    """

    n_strings: int = 0
    n_of: Counter[str] = field(default_factory=Counter)
    n_clear: int = 0
    example: Seen | None = None
    others: Counter[str] = field(default_factory=Counter)
    where_others: dict[str, int] = field(default_factory=dict)
    n_beyond: int = 0
    is_hopeless: bool = False

    @property
    def kind(self) -> str:
        """The kind of all times; empty if there are none, or times of several kinds."""
        kinds = [kind for kind in KINDS if self.n_of[kind]]
        return kinds[0] if len(kinds) == 1 and self.n_clear else ""

    @property
    def share(self) -> float:
        """Share of the strings that are times."""
        return self.n_of.total() / max(1, self.n_strings)

    def add(self, texts: pa.Array, first_row: int) -> None:
        """Count trimmed strings, the first of which stands in the row after `first_row`."""
        present = texts.drop_null()
        if not len(present):
            return
        if self.n_strings == 0 and not looks_like_times(present[:FIRST_LOOK]):
            self.is_hopeless = True
            return
        counted = present.value_counts()
        names, rows = counted.field("values"), counted.field("counts").to_numpy()
        self.n_strings += int(rows.sum())
        is_time = np.zeros(len(names), dtype=bool)
        for kind in KINDS:
            _, fits = count(names, kind)
            self.n_of[kind] += int(rows[fits].sum())
            is_time |= fits
        self.n_clear += int(rows[is_time & flags(pc.match_substring_regex(names, CLEAR))].sum())
        place = Places(texts, names, first_row)
        if self.example is None and is_time.any():
            self.example = place.first(is_time)
        for at in np.flatnonzero(~is_time):
            self.add_other(names[int(at)].as_py(), int(rows[at]), place.row(int(at)))

    def add_other(self, text: str, n_rows: int, first_row: int) -> None:
        """Count a string that is no time; beyond `MOST_TEXTS` different ones, only its rows."""
        if text not in self.others and len(self.others) >= MOST_TEXTS:
            self.n_beyond += n_rows
            return
        self.others[text] += n_rows
        self.where_others.setdefault(text, first_row)


def looks_like_times(texts: pa.Array) -> bool:
    """Return whether enough strings are times for all of them to be counted."""
    fits = np.logical_or.reduce([count(texts, kind)[1] for kind in KINDS])
    return bool(fits.sum() >= HOPELESS * max(1, len(texts)))
