"""Numbers as people write them: with thousands marks, currencies, percent signs, units and missing markers.

Times of day and durations are numbers too (`fuelgauge.data.sources.clocks`).

`Tally` counts how the strings of a column are written and proposes a `Numeral`, the rule by which they are
read. `fuelgauge add` writes this rule into the file of the dataset, and ingest reads every row by it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fuelgauge.data.sources import clocks
from fuelgauge.data.sources.seen import Places, Seen, flags
from fuelgauge.errors import ConfigError, DataError, nearest

__all__ = [
    "MARKERS",
    "WORDS",
    "Numeral",
    "Tally",
    "absent_among",
    "clean",
    "is_marker",
    "numerals",
    "plain",
    "readable",
]

WORDS = ("NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None")  # may be names of classes
MARKERS = frozenset(
    re.split(
        " ",
        " na n/a #n/a n.a. n.a nan -nan null none nil <na> (null) missing unknown undefined nat k.a. n.d. nd "
        "- -- --- \u2013 \u2014 . .. ... ? * # / x #value! #div/0! #ref! #num! #name? \\n",
    )
)
MOST_TEXTS = 200
FIRST_LOOK = 1_000
HOPELESS = 0.1
OTHER_MARK = {".": ",", ",": "."}

CODES = re.split(
    " ",
    "AED ARS AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JPY KRW MXN MYR NGN "
    "NOK NZD PEN PHP PKR PLN RON RSD RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR Fr. SFr. Fr kr. kr K\u010d "
    "z\u0142 Rs. Rs Ft BTC ETH",
)
CURRENCY = rf"(?:[A-Z]{{0,3}}\p{{Sc}}|{'|'.join(map(re.escape, CODES))})"
UNIT = r"(?:[\pL°µμ%‰][\pL°µμ%‰²³/·^. ]{0,14}[23]?)"
PARTS = (
    rf"^(?P<outside>{CURRENCY}?) ?(?P<open>\(?) ?(?P<ahead>[+-]?) ?(?P<before>{CURRENCY}?) ?"
    r"(?P<within>[+-]?) ?"
    r"(?P<body>[0-9.,][0-9 .,'_]*(?:[eE][+-]?[0-9]+)?) ?"
    rf"(?P<after>(?:{CURRENCY}|{UNIT})?) ?(?P<behind>-?) ?(?P<close>\)?)$"
)
PART_NAMES = ("outside", "open", "ahead", "before", "within", "body", "after", "behind", "close")
# Powers of ten that letters behind a number stand for; the longer spellings come first.
POWERS = {
    "crore": 7,
    "lakh": 5,
    "lac": 5,
    "mrd": 9,
    "mln": 6,
    "mio": 6,
    "mn": 6,
    "bn": 9,
    "k": 3,
    "m": 6,
    "b": 9,
}
TIMES = f"(?i:{'|'.join(POWERS)})"
LONELY = ("m", "b")  # metres or bytes, if no other letter stands in the column
SIGN_WORDS = ("cr", "dr")  # credit and debit, or crores
SPACES = "[\u00a0\u2000-\u200a\u202f\u205f\u3000]"
MINUS = "[\u2212\u2010\u2011\uff0d]"
NO_CENTS = "([0-9])[.,] ?[-\u2013\u2014]{1,2}"  # as in 1200.- and 12,--
APOSTROPHES = "[\u2019\u02bc\u00b4`]"
# As in "5" with its quotes, ="5" of spreadsheets, their '5 for a text, and ~5.
WRAPPED = r"""^(?:="([^"]*)"|"([^"]*)"|'([-+0-9.,$][^']*)|[~≈] ?([-+0-9].*))$"""
# Digits of Arabic, Persian, Hindi and East Asian scripts.
ZEROS = (0x660, 0x6F0, 0x966, 0xFF10)
OTHER_DIGITS = {zero + digit: str(digit) for zero in ZEROS for digit in range(10)}


@dataclass(frozen=True)
class Numeral:
    """The rule by which the strings of a column are read as numbers.

    Parameters
    ----------
    decimal
        Decimal mark, one character.
    thousands
        Mark between groups of three digits; empty for none. A space stands for every kind of space, and an
        apostrophe for every kind of apostrophe.
    unit
        Text before or after each number, such as $, % or kg, which is left off; empty for none.
    bare
        Whether numbers may also stand without the unit.
    parentheses
        Whether (5) means -5.
    multiples
        Whether k, M and B after a number mean thousands, millions and billions; `POWERS` lists all spellings.
    missing
        Texts that stand for a missing value in this column.
    clock
        `minutes` or `seconds` for times of day and durations, which are counted in this unit
        (`fuelgauge.data.sources.clocks.count`); empty for plain numbers.
    """

    decimal: str = "."
    thousands: str = ""
    unit: str = ""
    bare: bool = False
    parentheses: bool = False
    multiples: bool = False
    missing: tuple[str, ...] = ()
    clock: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether the numbers themselves need no rule, so that the rule only lists missing values."""
        return not (self.thousands or self.unit or self.parentheses or self.multiples or self.clock)

    def settings(self) -> dict[str, Any]:
        """Return the rule as settings for a file: those that differ from the defaults."""
        usual = asdict(Numeral())
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
            if value != usual[key]
        }

    def read(self, values: pa.Array) -> tuple[pa.Array, np.ndarray]:
        """Return strings as float64, and which of them are present but do not follow the rule."""
        texts = plain(values)
        texts = pc.if_else(pc.is_in(texts, pa.array(map(clean, self.missing), texts.type)), None, texts)
        if self.clock:
            return self.times(texts)
        fits = pc.match_substring_regex(texts, self.pattern())
        odd = pc.fill_null(pc.invert(fits), False).to_numpy(zero_copy_only=False)
        return pc.cast(self.digits(pc.if_else(fits, texts, None)), pa.float64()), odd

    def times(self, texts: pa.Array) -> tuple[pa.Array, np.ndarray]:
        """Return times as float64, and which strings are present but are no times."""
        counted, fits = clocks.count(texts, self.clock)
        return pa.array(counted, pa.float64(), from_pandas=True), ~fits & np.asarray(texts.is_valid())

    def pattern(self) -> str:
        """Return the pattern of all strings that follow the rule."""
        number = body(self.decimal, self.thousands)
        if self.multiples:
            number = f"(?:{number}|{mantissa(self.decimal, self.thousands)} ?{TIMES})"
        unit = self.unit_pattern()
        dressed = [f"{unit} ?{number}", f"{number} ?{unit}"] if self.unit else []
        bare = [number] if self.bare or not self.unit else []
        unsigned = f"(?:{'|'.join([*dressed, *bare])})"
        forms = [f"[+-]? ?{unsigned}", f"{unsigned} ?-", *([f"{unit} ?[+-] ?{number}"] if self.unit else [])]
        if self.parentheses:
            forms += [rf"\( ?{unsigned} ?\)", *([rf"{unit} ?\( ?{number} ?\)"] if self.unit else [])]
        return f"^(?:{'|'.join(forms)})$"

    def unit_pattern(self) -> str:
        """Return the pattern of the unit; the case matters only for a unit of one letter."""
        unit = re.escape(clean(self.unit))
        return f"(?i:{unit})" if len(self.unit) > 1 else unit

    def digits(self, texts: pa.Array) -> pa.Array:
        """Return strings that follow the rule, written as a computer writes numbers."""
        if self.unit:
            texts = pc.replace_substring_regex(texts, self.unit_pattern(), "")
        if self.thousands:
            texts = pc.replace_substring(texts, mark(self.thousands), "")
        texts = pc.replace_substring(pc.replace_substring(texts, " ", ""), self.decimal, ".")
        texts = pc.replace_substring_regex(texts, r"^\((.*)\)$", r"-\1")
        texts = pc.replace_substring_regex(texts, r"^\+?([^-].*)-$", r"-\1")
        for letters, power in POWERS.items() if self.multiples else ():
            texts = pc.replace_substring_regex(texts, f"(?i){letters}$", f"e{power}")
        return texts


def numerals(settings: Mapping[str, Mapping[str, Any]], place: str) -> dict[str, Numeral]:
    """Return the rules of columns from the settings of a file.

    Raises
    ------
    ConfigError
        A setting is unknown or not valid.
    """
    known = [each.name for each in fields(Numeral)]
    rules = {}
    for column, given in settings.items():
        for key in given:
            if key not in known:
                raise ConfigError(
                    f"{place}: source.numbers.{column} has a key '{key}', {nearest(key, known)}."
                )
        rule = Numeral(**{**given, "missing": tuple(map(str, given.get("missing", ())))})
        if len(rule.decimal) != 1 or len(rule.thousands) > 1 or rule.decimal == rule.thousands:
            raise ConfigError(
                f"{place}: source.numbers.{column}: decimal and thousands must be two different characters."
            )
        if rule.clock and rule.clock not in clocks.KINDS:
            hint = nearest(rule.clock, clocks.KINDS)
            raise ConfigError(f"{place}: source.numbers.{column}.clock is '{rule.clock}', {hint}.")
        rules[column] = rule
    return rules


def readable(rule: Numeral, values: pa.Array, first_row: int, place: str) -> pa.Array:
    """Return strings as float64; raise DataError with the row of a value that does not follow the rule."""
    numbers, odd = rule.read(values)
    if odd.any():
        row = int(np.flatnonzero(odd)[0])
        raise DataError(
            f"{place} is read as numbers by source.numbers, but row {first_row + row + 1} holds "
            f"'{values[row].as_py()}'; correct the row, or list the value as missing there."
        )
    return numbers


def body(decimal: str, thousands: str) -> str:
    """Return the pattern of a number without sign and unit; one in groups of digits has no power of ten."""
    single, grouped = without_power(decimal, thousands)
    single = f"{single}(?:[eE][+-]?[0-9]+)?"
    return f"(?:{grouped}|{single})" if grouped else f"(?:{single})"


def mantissa(decimal: str, thousands: str) -> str:
    """Return the pattern of a number without sign, unit and power of ten."""
    return f"(?:{'|'.join(filter(None, without_power(decimal, thousands)))})"


def without_power(decimal: str, thousands: str) -> tuple[str, str]:
    """Return the patterns of numbers without marks between digits, and with them; empty for no such mark."""
    point = re.escape(decimal)
    single = f"(?:[0-9]+(?:{point}[0-9]*)?|{point}[0-9]+)"
    if not thousands:
        return single, ""
    between = re.escape(mark(thousands))
    threes = f"[1-9][0-9]{{0,2}}(?:{between}[0-9]{{3}})+"
    indian = f"[1-9][0-9]?(?:{between}[0-9]{{2}})+{between}[0-9]{{3}}"
    return single, f"(?:{threes}|{indian})(?:{point}[0-9]*)?"


def plain(values: pa.Array) -> pa.Array:
    """Return strings with one kind of space, minus, apostrophe and digit, and without what is around them."""
    texts = in_own_digits(pc.cast(values, pa.large_string()))
    texts = pc.replace_substring_regex(texts, NO_CENTS, r"\1")
    for pattern, sign in ((SPACES, " "), (MINUS, "-"), (APOSTROPHES, "'")):
        texts = pc.replace_substring_regex(texts, pattern, sign)
    unwrapped = pc.replace_substring_regex(pc.utf8_trim_whitespace(texts), WRAPPED, r"\1\2\3\4")
    return pc.utf8_trim_whitespace(unwrapped)


def in_own_digits(texts: pa.Array) -> pa.Array:
    """Return strings with the digits 0 to 9 in place of those of other scripts."""
    if not pc.any(pc.match_substring_regex(texts, f"[{''.join(map(chr, OTHER_DIGITS))}]")).as_py():
        return texts
    return pa.array([text and text.translate(OTHER_DIGITS) for text in texts.to_pylist()], texts.type)


def clean(text: str) -> str:
    """Return a text as `plain` returns it."""
    return str(plain(pa.array([text], pa.large_string()))[0].as_py())


def mark(sign: str) -> str:
    """Return a mark between digits as `plain` returns it; `clean` would trim a space."""
    return re.sub(APOSTROPHES, "'", re.sub(SPACES, " ", sign))


def is_marker(text: str) -> bool:
    """Return whether a text often stands for a missing value."""
    return clean(text).lower() in MARKERS


def absent_among(texts: Mapping[str, int], missing: Sequence[str]) -> dict[str, int]:
    """Return the texts that stand for a missing value, each with its number of rows.

    A text is taken for one if the user said so, or if it is a usual marker that occurs at least twice.
    """
    said, usual = {clean(text) for text in missing}, {clean(text) for text in WORDS}
    return {
        text: rows
        for text, rows in texts.items()
        if text in said or text in usual or (text.lower() in MARKERS and rows > 1)
    }


@dataclass
class Tally:
    """Counts of the strings of a column by the way in which they are written.

    Parameters
    ----------
    decimal
        Decimal mark of the file, which decides where a column can be read in two ways.
    is_said
        Whether the user has said the decimal mark, so that no other one is considered.
    is_doubtful
        Whether to count plain numbers whose decimal mark could stand between thousands.
    missing
        Further texts that stand for a missing value.
    n_strings
        Number of strings that were looked at.
    n_fitting, misfits
        Number of strings that fit, and the first one that does not, by decimal and thousands mark.
    units
        Number of strings with a unit, by the unit; "" counts those without a unit.
    with_unit
        First string with each unit.
    bare
        First number other than zero without a unit.
    n_in_parentheses
        Number of strings such as (5).
    n_multiples
        Number of strings with a currency and a letter such as M.
    others, where_others
        Strings that are not numbers: their number of rows, and the first row of each.
    example
        First number that is not plain.
    n_pointed, n_threes, threes
        Number of plain numbers with a decimal mark, number of those whose mark could stand between thousands,
        and the first of these; counted only if `is_doubtful`.
    is_hopeless
        Whether so few strings were numbers that counting has ended.
    """

    decimal: str = "."
    is_said: bool = False
    is_doubtful: bool = False
    missing: tuple[str, ...] = ()
    n_strings: int = 0
    n_fitting: Counter[tuple[str, str]] = field(default_factory=Counter)
    misfits: dict[tuple[str, str], Seen] = field(default_factory=dict)
    units: Counter[str] = field(default_factory=Counter)
    with_unit: dict[str, Seen] = field(default_factory=dict)
    bare: Seen | None = None
    n_in_parentheses: int = 0
    n_multiples: int = 0
    others: Counter[str] = field(default_factory=Counter)
    where_others: dict[str, int] = field(default_factory=dict)
    n_beyond: int = 0
    example: Seen | None = None
    n_pointed: int = 0
    n_threes: int = 0
    threes: str = ""
    is_hopeless: bool = False

    @property
    def conventions(self) -> list[tuple[str, str]]:
        """The pairs of decimal and thousands mark, the most likely first."""
        own, other = self.decimal, OTHER_MARK.get(self.decimal, ",")
        said = [(own, mark) for mark in ("", other, " ", "'", "_")]
        return said if self.is_said else [*said, *((other, mark) for mark in ("", own, " ", "'"))]

    @property
    def best(self) -> tuple[str, str]:
        """The decimal and thousands mark that most strings fit."""
        return max(self.conventions, key=lambda marks: self.n_fitting[marks])

    @property
    def n_numbers(self) -> int:
        """Number of strings that are numbers by the best marks."""
        return self.n_fitting[self.best]

    @property
    def share(self) -> float:
        """Share of the strings that are numbers by the best marks."""
        return self.n_numbers / max(1, self.n_strings)

    def add_plain(self, values: pa.Array) -> None:
        """Count strings of which it is known that all are numbers with the decimal mark of the file."""
        present = values.drop_null()
        n_pointed = pc.sum(pc.match_substring(present, self.decimal)).as_py() or 0
        self.n_strings += len(present)
        self.units[""] += len(present)
        if self.is_doubtful:
            pointed = pc.match_substring(present, self.decimal)
            other = OTHER_MARK.get(self.decimal, ",")
            threes = pc.match_substring_regex(plain(present), f"^[+-]?{body(other, self.decimal)}$")
            only_thousands = pc.and_(pointed, threes)
            self.n_pointed += n_pointed
            self.n_threes += pc.sum(only_thousands).as_py() or 0
            if self.threes == "" and pc.any(only_thousands).as_py():
                self.threes = present.filter(only_thousands)[0].as_py()
        for marks in self.conventions:
            self.n_fitting[marks] += len(present) - (n_pointed if marks[0] != self.decimal else 0)

    def add(self, values: pa.Array, first_row: int) -> None:
        """Count strings of any kind."""
        if self.is_hopeless:
            return
        texts = plain(values)
        counted = texts.drop_null().value_counts()
        names, rows = counted.field("values"), counted.field("counts").to_numpy()
        parts = pc.extract_regex(names, PARTS)
        part = {key: pc.fill_null(pc.struct_field(parts, key), "") for key in PART_NAMES}
        has = {key: flags(pc.not_equal(values, "")) for key, values in part.items()}
        n_signs = np.sum([has[key] for key in ("open", "ahead", "within", "behind")], axis=0)
        number = pc.utf8_trim_whitespace(part["body"])
        ahead = pc.binary_join_element_wise(part["outside"], part["before"], pa.scalar("", names.type))
        is_times = (has["outside"] ^ has["before"]) & flags(
            pc.match_substring_regex(part["after"], f"^{TIMES}$")
        )
        after = pc.if_else(pa.array(is_times), "", part["after"])
        n_units = np.sum([has["outside"], has["before"], has["after"] & ~is_times], axis=0)
        like = has["body"] & (n_signs < 2) & (has["open"] == has["close"]) & (n_units < 2)
        fits = {m: like & flags(pc.match_substring_regex(number, f"^{body(*m)}$")) for m in self.conventions}
        is_number = np.logical_or.reduce([*fits.values()])
        place = Places(texts, names, first_row)
        self.n_strings += int(rows.sum())
        for marks, mask in fits.items():
            self.n_fitting[marks] += int(rows[mask].sum())
            if marks not in self.misfits and (is_number & ~mask).any():
                self.misfits[marks] = place.first(is_number & ~mask)
        self.n_in_parentheses += int(rows[is_number & has["open"]].sum())
        self.n_multiples += int(rows[is_number & is_times].sum())
        units = pc.binary_join_element_wise(ahead, after, pa.scalar("", names.type))
        self.count_units(units, number, is_number, rows, place)
        self.count_others(~is_number, names, rows, place)
        bare = flags(pc.match_substring_regex(names, f"^[+-]?{body(self.decimal, '')}$"))
        dressed = is_number & ~bare
        if self.example is None and dressed.any():
            self.example = place.first(dressed)
        self.is_hopeless = self.n_strings >= FIRST_LOOK and self.share < HOPELESS

    def count_units(
        self, units: pa.Array, number: pa.Array, is_number: np.ndarray, rows: np.ndarray, place: Places
    ) -> None:
        """Count the strings with each unit."""
        units = pc.utf8_trim_whitespace(units)
        for unit in pc.unique(units.filter(pa.array(is_number))).to_pylist():
            mask = is_number & flags(pc.equal(units, unit))
            if unit or len(self.units) <= MOST_TEXTS:
                self.units[unit] += int(rows[mask].sum())
            if unit and unit not in self.with_unit and len(self.with_unit) < MOST_TEXTS:
                self.with_unit[unit] = place.first(mask)
            nonzero = mask & flags(pc.match_substring_regex(number, "[1-9]"))
            if not unit and self.bare is None and nonzero.any():
                self.bare = place.first(nonzero)

    def count_others(self, mask: np.ndarray, names: pa.Array, rows: np.ndarray, place: Places) -> None:
        """Count the strings that are not numbers; beyond `MOST_TEXTS` different ones, only their rows."""
        for at in np.flatnonzero(mask):
            text = names[int(at)].as_py()
            if text not in self.others and len(self.others) >= MOST_TEXTS:
                self.n_beyond += int(rows[at])
                continue
            self.others[text] += int(rows[at])
            if text not in self.where_others:
                self.where_others[text] = place.row(int(at))

    @property
    def named_units(self) -> dict[str, list[str]]:
        """The spellings of each unit, the most frequent first; the case matters only for a single letter."""
        grouped: dict[str, list[str]] = {}
        for unit, _ in self.units.most_common():
            if unit:
                grouped.setdefault(unit.casefold() if len(unit) > 1 else unit, []).append(unit)
        return grouped

    @property
    def are_multiples(self) -> bool:
        """Whether letters behind the numbers stand for powers of ten, such as k for thousands."""
        letters = list(self.named_units)
        if self.n_multiples:
            return True
        if not letters or not POWERS.keys() >= {each.casefold() for each in letters}:
            return False
        is_mixed = len({each.casefold() for each in letters}) > 1
        return is_mixed or letters == ["k"] or (self.bare is not None and letters[0] not in LONELY)

    @property
    def is_signed_by_words(self) -> bool:
        """Whether CR or DR stands behind some numbers, which may be the sign."""
        return any(unit in SIGN_WORDS for unit in self.named_units)

    @property
    def absent(self) -> dict[str, int]:
        """The strings that stand for a missing value, each with its number of rows (`absent_among`)."""
        return absent_among(self.others, self.missing)

    @property
    def strangers(self) -> Counter[str]:
        """The strings that are neither numbers nor stand for a missing value, with their numbers of rows."""
        absent = self.absent
        return Counter({text: rows for text, rows in self.others.items() if text not in absent})

    @property
    def n_mixed(self) -> int:
        """Number of strings that are numbers only with other marks than the best ones."""
        return self.n_strings - self.n_numbers - self.others.total() - self.n_beyond

    def rule(self) -> Numeral:
        """Return the rule that the strings suggest, whether or not all of them follow it."""
        decimal, thousands = self.best
        spellings = next(iter(self.named_units.values()), [""])
        unit = "" if self.are_multiples and not self.n_multiples else spellings[0]
        return Numeral(
            decimal=decimal,
            thousands=thousands,
            unit=unit,
            bare=bool(unit and self.units[""]),
            parentheses=self.n_in_parentheses > 0,
            multiples=self.are_multiples,
            missing=tuple(self.absent),
        )

    def is_ambiguous(self) -> bool:
        """Return whether the mark between thousands could also be the decimal mark."""
        _, thousands = self.best
        return thousands in OTHER_MARK and self.n_fitting[(thousands, "")] == self.n_numbers

    def could_be_thousands(self) -> bool:
        """Return whether the decimal mark of every plain number could stand between thousands."""
        return 0 < self.n_pointed == self.n_threes
