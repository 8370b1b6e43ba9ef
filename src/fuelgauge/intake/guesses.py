"""Guess the modality, the task and the role of each column from a user's data, for `fuelgauge add`.

Every guess has a reason, which becomes a comment in the file of the dataset.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from fuelgauge.data.arrow import ARRAY
from fuelgauge.data.dataset import OWN
from fuelgauge.data.inspection import tell_tales
from fuelgauge.data.sources.delimited import MISSING
from fuelgauge.data.sources.files import UNITS, folded, moments, parsed_dates
from fuelgauge.data.sources.numerals import WORDS, Numeral, Tally, absent_among, clean, is_marker
from fuelgauge.data.sources.seen import Seen
from fuelgauge.data.validation import MAX_CATEGORIES, MAX_CLASSES, MAX_MISSING_TARGETS
from fuelgauge.errors import ConfigError, DataError, nearest
from fuelgauge.intake._alone import nearly_all
from fuelgauge.intake._survey import MOST_VALUES, MOSTLY, OTHER_MARK, Facts, Survey, forms, is_ambiguous
from fuelgauge.spec.dataset import METRICS, TASKS

__all__ = [
    "CATEGORICAL",
    "DATES",
    "FEW",
    "LABELS_MISSING",
    "NAMES",
    "NUMERIC",
    "OUT",
    "TEXT",
    "Guess",
    "Wishes",
    "check_marks",
    "few",
    "guess",
]

MANY_CATEGORIES = 1_000
MOST_WHOLE_CLASSES = 20
ROWS_A_WHOLE_CLASS = 5
WORDS_OF_TEXT = 4
FEWEST_GROUPS = 20
ROWS_A_GROUP = 1.2
FEWEST_TIMES = 20
FEW_ROWS = 100
FEW = 8
READ = 0.5
NINES = "-99+"
FEWEST_REPEATS = 3  # rows of a number that may stand for a missing value
RARE_CLASS = 10
FIRST_SIZE = 32  # rows of the first anchor of the ready-made profiles

ID_WORDS = ("id", "ids", "uuid", "guid", "identifier")
CODE_WORDS = ("key", "no", "nr", "number", "code")
PEOPLE = (
    *("account", "author", "client", "customer", "driver", "employee", "family", "household", "member"),
    *("participant", "patient", "person", "player", "respondent", "speaker", "student", "subject", "user"),
)
TIME_WORDS = ("date", "datetime", "day", "hour", "month", "step", "time", "timestamp", "week", "year")

MOMENT_WORDS = (
    *("at", "created", "date", "datetime", "day", "epoch", "modified", "moment", "time", "timestamp"),
    *("timestamps", "ts", "unix", "unixtime", "updated", "utc", "when"),
)
FIRST_MOMENT, LAST_MOMENT = 631_152_000_000_000, 2_208_988_800_000_000  # 1990 and 2040, in microseconds
FIRST_DAY, LAST_DAY = 19_000_101, 21_001_231
# Formats of dates in digits alone, with their lengths.
DIGITS = {"%Y%m%d": 8, "%Y%m%d%H%M%S": 14, "%Y%m%d%H%M": 12}
TURNED_DIGITS = {"%d%m%Y": 8, "%m%d%Y": 8}
FIRST_YEAR_OF_CENTURY, YEARS_AHEAD = 2000, 20
LABELS_MISSING = tuple(text for text in MISSING if text not in WORDS)
UNNAMED = r"Unnamed: \d+(\.\d+)*|__index_level_\d+__"
INDEX_NAMES = rf"{UNNAMED}|index|level_\d+|row_?(names?|num(ber)?|nr|no|id)?|rn"
SAID = "as you said"
BESIDE = "beside"
UNUSABLE = "its type is"
GROWING = "whole numbers that grow with every row: an id, or a time"

CLASSES = ("binary", "multiclass")  # tasks
NUMERIC, CATEGORICAL, DATES = "numeric", "categorical", "dates"
TEXT, NAMES, OUT = "text", "names", "out"


@dataclass(frozen=True)
class Wishes:
    """Settings that the user chose; empty ones are guessed.

    Parameters
    ----------
    target
        Column to predict.
    task
        binary, multiclass or regression.
    time
        Column by which training rows are earlier than test rows.
    group
        Column whose rows of one value are never on both sides of a split.
    text
        Column of the texts of a text dataset.
    drop
        Columns to leave out.
    categorical
        Columns to use as categories.
    numeric
        Columns to use as numbers.
    """

    target: str = ""
    task: str = ""
    time: str = ""
    group: str = ""
    text: str = ""
    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()


class Role(NamedTuple):
    """The role of a column, and the reason for it.

    Parameters
    ----------
    kind
        Features are `numeric`, `categorical` or `dates`. Columns that are not used are `text` (sentences),
        `names` (strings that hardly repeat) or `out` (any other column).
    why
        Reason; empty if none is needed.
    """

    kind: str
    why: str = ""


@dataclass
class Guess:
    """The guessed settings of a dataset.

    Parameters
    ----------
    modality, task, metric, target
        Settings of conf/dataset.
    n_rows
        Number of rows in the file.
    roles
        Role of each column by its name, without target, group and time.
    formats
        Format of the dates in columns of strings, by the name of the column.
    numbers
        Rule of the numbers in columns of strings that are not plain numbers, by the name of the column.
    labels
        Spellings of the labels of a target whose labels differ only in blanks or in case; empty otherwise.
    missing_labels
        Texts that stand for a missing target; None if they are the same as in all other columns.
    missing_dates
        Texts that stand for a missing date in columns of strings, by the name of the column.
    text, group, time
        Names of columns; empty for none.
    time_is_date
        Whether the time column holds dates.
    duplicates
        Treatment of identical rows; empty for the default.
    why
        Reasons by the name of the setting.
    warnings
        Sentences about possible problems, for the user.
    """

    modality: str
    task: str
    metric: str
    target: str
    n_rows: int
    roles: dict[str, Role] = field(default_factory=dict)
    formats: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, Numeral] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    missing_labels: tuple[str, ...] | None = None
    missing_dates: dict[str, tuple[str, ...]] = field(default_factory=dict)
    text: str = ""
    group: str = ""
    time: str = ""
    time_is_date: bool = False
    duplicates: str = ""
    why: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def named(self, kind: str) -> dict[str, str]:
        """Return the columns of a kind, each with its reason."""
        return {name: role.why for name, role in self.roles.items() if role.kind == kind}


def guess(found: Survey, wishes: Wishes, where: str) -> Guess:
    """Return the guessed settings of a table.

    Parameters
    ----------
    found
        Facts about the table.
    wishes
        Settings that the user chose.
    where
        Name of the file, for error messages.

    Raises
    ------
    DataError
        No model can learn from the table, or a setting cannot be guessed safely; the message says what to do.
    ConfigError
        The table does not have a column that the user named.
    """
    check_names(found, wishes, where)
    found = found.read_by(as_numerals(found, wishes, where))
    found = found.dated_by(dates_in_numbers(found, wishes))
    facts = found.columns[wishes.target]
    if wishes.target not in found.sample:
        raise DataError(
            f"{where}: the target '{wishes.target}' is of type {facts.type}, which cannot be a target."
        )
    target = settle_target(found, wishes, where)
    found, facts = target.found, target.found.columns[wishes.target]
    made = Guess("tabular", target.task, METRICS[target.task][0], wishes.target, found.n_rows)
    made.why = {"task": target.why, "metric": f"also possible: {', '.join(METRICS[target.task][1:])}"}
    made.why["target"] = missing_targets(facts)
    made.labels, made.missing_labels = target.labels, target.missing
    made.warnings = [*target.warnings, *warnings_on_rows(facts, target.task)]
    made.roles = {
        name: role(column, found, wishes, where)
        for name, column in found.columns.items()
        if not name or name not in (wishes.target, wishes.time, wishes.group)
    }
    made.time, made.why["time"] = guess_time(found, made.roles, wishes, where)
    made.time_is_date = bool(made.time) and found.columns[made.time].is_date
    made.group, made.why["group"] = guess_group(found, made.roles, wishes, where)
    for name in filter(None, [made.time, made.group]):
        made.roles.pop(name, None)
    settle_dates(found, made, where)
    settle_modality(found, made, wishes, where)
    check_only_feature(made, where)
    warn_of_leaks(found, made)
    if made.modality == "tabular":
        warn_of_strong_columns(found, made)
    settle_numbers(found, made)
    warn_of_epochs(found, made)
    warn_of_far_values(found, made)
    warn_of_texts(found, made)
    return made


def check_marks(found: Survey, wishes: Wishes, decimal: str, where: str, marks: Container[str] = ()) -> None:
    """Raise DataError if a column that will be used has another decimal mark than the file."""
    is_settled = {*wishes.drop, *wishes.categorical, wishes.group}
    is_settled |= {wishes.target} if wishes.task in ("binary", "multiclass") else set()
    for name in [wishes.target] if wishes.text else found.columns:
        facts = found.columns.get(name)
        if facts is None or name in is_settled or name in marks or not (facts.is_turned and facts.turned):
            continue
        if facts.tally.best[0] == decimal:  # a mark between thousands
            continue
        theirs, other = ("point", "comma") if decimal == "." else ("comma", "point")
        raise DataError(
            f"{where}: column '{name}' holds '{facts.turned.value}' in row {facts.turned.row}, a number with "
            f"a decimal {other}, but the decimal mark of the file is a {theirs}; write all numbers with one "
            f"mark, use --decimal '{name}={OTHER_MARK[decimal]}' if that is the mark of this column, or use "
            f"--categorical '{name}' if these are names."
        )


def check_names(found: Survey, wishes: Wishes, where: str) -> None:
    """Raise an error if the name of a column is not valid.

    Raises
    ------
    DataError
        A column has a name that the pipeline reserves.
    ConfigError
        The user named a column that does not exist, or gave one column two roles.
    """
    if taken := [name for name in found.columns if name in OWN]:
        raise DataError(f"{where} has a column '{taken[0]}', a name that the pipeline reserves; rename it.")
    named = [wishes.target, wishes.time, wishes.group, wishes.text]
    named += [*wishes.drop, *wishes.categorical, *wishes.numeric]
    for name in filter(None, named):
        if name not in found.columns:
            raise ConfigError(f"{where} has no column '{name}', {nearest(name, found.columns)}.")
    for name in (wishes.time, wishes.group, wishes.text, *wishes.drop, *wishes.numeric):
        if name and named.count(name) > 1:
            raise ConfigError(f"{where}: column '{name}' cannot have two roles; name it once.")


@dataclass(frozen=True)
class Target:
    """What has been settled about the target.

    Parameters
    ----------
    found
        Facts about the table, with the target as it will be read.
    task, why
        Task and the reason for it.
    labels
        Spellings of the labels, if they differ only in blanks or in case; empty otherwise.
    missing
        Texts that stand for a missing target; None if they are the same as in all other columns.
    warnings
        Sentences about decisions that the user should check.
    """

    found: Survey
    task: str
    why: str
    labels: list[str]
    missing: tuple[str, ...] | None
    warnings: list[str]


def settle_target(found: Survey, wishes: Wishes, where: str) -> Target:
    """Decide the task and how the target is read.

    A regression reads a column of strings as numbers. A classification takes strings as labels: those that
    differ only in blanks around them or in case become one label, and a label such as None stays one.
    """
    name = wishes.target
    rule = rule_of(found.columns[name], found, wishes, where, is_target=True)
    as_numbers = found.read_by({name: rule}) if rule else found
    task, why = guess_task(as_numbers.columns[name], as_numbers.sample[name], rule, wishes.task, where)
    if task == "regression":
        return Target(as_numbers, task, why, [], None, [])
    labels = merged_labels(found.columns[name])
    found = found.spelled(name, labels) if labels else found
    facts = found.columns[name]
    if rule or labels:
        task, why = guess_task(facts, found.sample[name], None, wishes.task or class_task(facts), where)
        why = SAID if wishes.task else class_reason(facts)
    check_classes(facts, task, f"{where}: the target '{name}'")
    words = [str(value) for value in facts.counts if facts.is_text and clean(str(value)) in WORDS]
    warnings = [
        *([about_labels(labels, facts)] if labels else []),
        *map(partial(about_word, facts), markers(facts)),
    ]
    return Target(found, task, why, sorted(set(labels.values())), LABELS_MISSING if words else None, warnings)


def class_task(facts: Facts) -> str:
    """Return the task of a target of classes."""
    return "binary" if facts.is_complete and facts.n_distinct == 2 else "multiclass"


def class_reason(facts: Facts) -> str:
    """Return the reason for the task of a target of classes."""
    number = "two" if class_task(facts) == "binary" else f"{facts.n_distinct:,}"
    kind = "values" if class_task(facts) == "binary" else "strings"
    return f"{number} different {kind}: {shares(facts)}"


def merged_labels(facts: Facts) -> dict[str, str]:
    """Return the commonest spelling of each label, if some labels differ only in blanks or in case."""
    if not facts.is_text:
        return {}
    spellings: dict[str, Counter[str]] = {}
    for label, rows in facts.counts.items():
        spellings.setdefault(folded(str(label)), Counter())[str(label).strip()] += rows
    if len(spellings) == len(facts.counts):
        return {}
    common = {key: max(rows, key=lambda label: (rows[label], label)) for key, rows in spellings.items()}
    return {str(label): common[folded(str(label))] for label in facts.counts}


def about_labels(labels: Mapping[str, str], facts: Facts) -> str:
    """Return a sentence about labels that have become one."""
    merged = [f"'{label}' to '{common}'" for label, common in labels.items() if label != common]
    return (
        f"labels of the target '{facts.name}' that differ only in blanks or in case are taken as one: "
        f"{few(merged)}; to keep them apart, remove source.labels from the file that is written."
    )


def markers(facts: Facts) -> list[str]:
    """Return the labels of a target that often stand for a missing value, the most frequent first."""
    return [str(label) for label, _ in facts.counts.most_common() if facts.is_text and is_marker(str(label))]


def about_word(facts: Facts, label: str) -> str:
    """Return a sentence about a label that often stands for a missing value."""
    return (
        f"'{label}' is a class of the target '{facts.name}' ({facts.counts[label]:,} rows); if it means a "
        f"missing value, use --missing '{label}'."
    )


def guess_task(
    facts: Facts, values: pd.Series, rule: Numeral | None, wished: str, where: str
) -> tuple[str, str]:
    """Return the task of a target, and the reason.

    Raises
    ------
    DataError
        The target is missing in most rows, is constant, or has an unsuitable type.
    """
    place = f"{where}: the target '{facts.name}'"
    if facts.n_missing > MAX_MISSING_TARGETS * facts.n_rows:
        raise DataError(
            f"{place} is missing in {facts.n_missing:,} of {facts.n_rows:,} rows; at least half need one."
        )
    if facts.is_complete and facts.n_distinct < 2:
        raise DataError(f"{place} is constant ({next(iter(facts.counts))}); there is nothing to learn.")
    check_finite(facts, where)
    check_mixture(facts, where)
    task, why = (wished, SAID) if wished else task_of(facts, values, place, rule)
    if task not in TASKS:
        raise ConfigError(f"--task is '{task}', {nearest(task, TASKS)}.")
    if task == "regression" and not facts.is_number:
        raise DataError(f"{place} does not hold numbers, which a regression needs{odd_ones(facts)}.")
    return task, why


def task_of(facts: Facts, values: pd.Series, place: str, rule: Numeral | None) -> tuple[str, str]:
    """Return the task that fits the values of a target, and the reason."""
    if facts.is_complete and facts.n_distinct == 2:
        return "binary", f"two different values: {shares(facts)}"
    if facts.is_date:
        raise DataError(
            f"{place} is a date; derive a class or a number from it, such as the number of days until then."
        )
    if not facts.is_number:
        return "multiclass", f"{facts.n_distinct:,} different strings: {shares(facts)}"
    if rule and not rule.is_plain and facts.tally.example:
        return "regression", f"numbers like '{facts.tally.example.value}', {several(facts)} different ones"
    rows_a_value = facts.n_counted / facts.n_distinct
    few = facts.is_complete and facts.n_distinct <= MOST_WHOLE_CLASSES and rows_a_value >= ROWS_A_WHOLE_CLASS
    if few and are_whole(values):
        why = f"{facts.n_distinct} different whole numbers, {rows_a_value:,.0f} rows each on average"
        return "multiclass", f"{why}; if they are a quantity: --task regression"
    return "regression", f"numbers, {several(facts)} different ones"


def check_classes(facts: Facts, task: str, place: str) -> None:
    """Raise DataError if the values of a target cannot be classes."""
    if not facts.is_complete or facts.n_distinct > MAX_CLASSES:
        raise DataError(f"{place} has {several(facts)} different values, too many for classes.")
    if task == "binary" and facts.n_distinct != 2:
        raise DataError(f"{place} has {facts.n_distinct} classes; a binary task has two.")
    lonely = [value for value, rows in facts.counts.items() if rows == 1]
    if lonely:
        missing = f", use --missing '{lonely[0]}' if that means missing" if is_marker(str(lonely[0])) else ""
        raise DataError(
            f"{place} has the class '{lonely[0]}' with a single row; leave the row out, merge the class with "
            f"another one{missing}, or use --task regression if the target is a quantity."
        )


def few(names: Iterable[str]) -> str:
    """Return the first names in one line, and the number of all if there are more."""
    listed = [*names]
    more = f", ... ({len(listed)} in all)" if len(listed) > FEW else ""
    return ", ".join(listed[:FEW]) + more


def either(names: Sequence[str], most: int = 3) -> str:
    """Return the first names as alternatives, and the number of others."""
    more = [f"{len(names) - most} others"] if len(names) > most else []
    return " or ".join([*names[:most], *more])


def shares(facts: Facts, most: int = 3) -> str:
    """Return the most frequent values and their shares, such as ``no (73%), yes (27%)``."""
    named = [f"{value} ({rows / facts.n_counted:.0%})" for value, rows in facts.counts.most_common(most)]
    return ", ".join(named) + (", ..." if len(facts.counts) > most else "")


def several(facts: Facts) -> str:
    """Return the number of different values in words, as far as they were counted."""
    return (
        f"{facts.n_distinct:,}"
        if facts.is_complete
        else f"more than {min(MOST_VALUES, facts.n_distinct - 1):,}"
    )


def missing_targets(facts: Facts) -> str:
    """Return a note on the rows without a target, or an empty string if there are none."""
    if not facts.n_missing:
        return ""
    return f"missing in {facts.n_missing:,} of {facts.n_rows:,} rows, which are left out"


def warnings_on_rows(facts: Facts, task: str) -> list[str]:
    """Return warnings about few rows and about a rare class."""
    warnings = []
    if facts.n_present < FEW_ROWS:
        warnings.append(f"{facts.n_present} rows with a target give only a short learning curve.")
    if task != "regression":
        rarest, rows = facts.counts.most_common()[-1]
        if rows < RARE_CLASS:
            warnings.append(f"class '{rarest}' of the target has only {rows} rows.")
        warnings += blank_sizes(facts)
    return warnings


def blank_sizes(facts: Facts) -> list[str]:
    """Return a warning about classes that small sizes do not hold, or nothing.

    The first of m rows of a class is after half of one m-th of all rows (`fuelgauge.data.splits`).
    """
    first = {value: facts.n_present / (2 * count) for value, count in facts.counts.items()}
    late = [f"'{value}'" for value, place in first.items() if place > FIRST_SIZE]
    if not late:
        return []
    return [
        f"rare classes of the target: {few(late)}. A size has results only where every class has a training "
        f"row, here from some {max(first.values()):,.0f} rows on; to have smaller ones, merge rare classes "
        "or leave their rows out."
    ]


def role(facts: Facts, found: Survey, wishes: Wishes, where: str) -> Role:
    """Return the role of a column by the first rule that applies."""
    values = found.sample.get(facts.name)
    if whole := wishes.text or ("x" if "x" in found.arrays else ""):
        return Role(OUT, f"{BESIDE} {whole}, the only input of the models")
    for rule in (asked, unusable, constant, moment, identifier, number):  # the first answer counts
        if answer := rule(facts, values, wishes, where):
            return answer
    return strings(facts, values)


Rule = Callable[[Facts, "pd.Series | None", Wishes, str], "Role | None"]


def asked(facts: Facts, _: pd.Series | None, wishes: Wishes, where: str) -> Role | None:
    """Return the role that the user chose."""
    if facts.name in wishes.drop:
        return Role(OUT, SAID)
    if facts.name in wishes.numeric:
        check_finite(facts, where)
        if not facts.is_number and str(facts.type) != "bool":
            raise DataError(f"{where}: column '{facts.name}' does not hold numbers{odd_ones(facts)}.")
        return Role(NUMERIC, SAID)
    return Role(CATEGORICAL, SAID) if facts.name in wishes.categorical else None


def unusable(facts: Facts, values: pd.Series | None, _: Wishes, __: str) -> Role | None:
    """Leave out a column that no model can use: without a name, of an unknown type, or without values."""
    if not facts.name:
        return Role(OUT, "it has no name")
    if values is None:
        return Role(OUT, f"{UNUSABLE} {facts.type}")
    return None if facts.n_present else Role(OUT, "all its values are missing")


def constant(facts: Facts, _: pd.Series | None, __: Wishes, ___: str) -> Role | None:
    """Leave out a column that has the same value in every row."""
    if facts.is_complete and facts.n_distinct == 1 and not facts.n_missing:
        return Role(OUT, f"it is the same in every row ({next(iter(facts.counts))})")
    return None


def moment(facts: Facts, _: pd.Series | None, __: Wishes, where: str) -> Role | None:
    """Recognise dates.

    Raises
    ------
    DataError
        The dates have several formats, or some values are not dates.
    """
    if facts.epoch:
        return Role(DATES, f"dates like {facts.epoch}")
    if facts.is_date:
        form = the_form(facts, where)
        unsure = "; day and month could be swapped" if is_ambiguous(facts) else ""
        return Role(DATES, f"dates like {form}{unsure}" if form else "")
    check_dates(facts, where)
    return None


def dates_in_numbers(found: Survey, wishes: Wishes) -> dict[str, str]:
    """Return the formats of the columns whose whole numbers are dates, by the name of the column.

    These are columns of days such as 20240131. Under a name of times, they are also columns whose numbers are
    seconds since 1970, or parts of seconds, between 1990 and 2040.
    """
    if not found.is_table or wishes.text:
        return {}
    settled = {wishes.target, wishes.group, *wishes.drop, *wishes.categorical, *wishes.numeric}
    candidates = {
        name: facts
        for name, facts in found.columns.items()
        if name in found.sample
        and name not in settled
        and (is_whole_type(facts) and facts.n_present and not facts.numeral)
    }
    forms = {name: form_of_numbers(found.sample[name]) if is_named_time(name) else "" for name in candidates}
    return {
        name: form for name, facts in candidates.items() if (form := forms[name] or form_of_digits(facts))
    }


def is_named_time(name: str) -> bool:
    """Return whether the name of a column is one of times."""
    return not set(MOMENT_WORDS).isdisjoint(words_of(name))


def form_of_digits(facts: Facts) -> str:
    """Return the format of dates that are written in digits alone; empty if a column does not hold them.

    Every value must be a date, and there must be at least 20 different ones. Then the name does not matter,
    as few numbers of eight digits are dates. Numbers that are no strings have lost the zero of 01022024.
    """
    texts = pd.Series([str(value).strip() for value in facts.counts], dtype="string")
    if not facts.is_complete or len(texts) < FEWEST_TIMES:
        return ""
    forms = DIGITS | (TURNED_DIGITS if facts.is_text else {})
    fitting = [form for form, length in forms.items() if are_digits_of(texts, form, length)]
    return fitting[0] if len(fitting) == 1 else ""  # 01022024 alone may be in January or in February


def are_digits_of(texts: pd.Series, form: str, length: int) -> bool:
    """Return whether all texts are dates of a format in digits alone, between 1900 and 2100."""
    if not texts.str.fullmatch(rf"\d{{{length}}}").all():
        return False
    years = pd.to_datetime(texts, format=form, errors="coerce").dt.year
    return bool(years.between(FIRST_DAY // 10_000, LAST_DAY // 10_000).all())


def is_whole_type(facts: Facts) -> bool:
    """Return whether a column may hold whole numbers."""
    return facts.is_number and str(facts.type) != "bool"


def form_of_numbers(values: pd.Series) -> str:
    """Return the format of dates that are written as whole numbers; empty if they are not dates."""
    numbers = values.dropna()
    if numbers.empty or not are_whole(numbers):
        return ""
    for form, microseconds in UNITS.items():
        if numbers.between(FIRST_MOMENT / microseconds, LAST_MOMENT / microseconds).all():
            return form
    if numbers.between(FIRST_DAY, LAST_DAY).all():
        days = numbers.astype("int64").astype("string")
        return "%Y%m%d" if pd.to_datetime(days, format="%Y%m%d", errors="coerce").notna().all() else ""
    return ""


def check_dates(facts: Facts, where: str) -> None:
    """Raise DataError if nearly all strings of a column are dates."""
    odd = facts.no_date or facts.lonely_marker
    if facts.is_text and not facts.is_date and facts.n_dates >= READ * facts.n_present and odd:
        value, row = odd
        raise DataError(
            f"{where}: column '{facts.name}' holds dates, but row {row} holds '{value}'; correct the row, "
            f"use --missing '{value}' if that means missing, or use --drop '{facts.name}'."
        )


def the_form(facts: Facts, where: str) -> str:
    """Return the format of all dates in a column; empty for a column of a date type."""
    found = forms(facts)
    if len(found) > 1:
        listed = ", ".join(f"'{seen.value}' (row {seen.row}: {form})" for form, seen in found.items())
        raise DataError(
            f"{where}: column '{facts.name}' holds dates in {len(found)} formats: {listed}; write all "
            f"in one, best as 2026-01-31, or use --drop '{facts.name}'."
        )
    return next(iter(found), "")


def identifier(facts: Facts, values: pd.Series | None, _: Wishes, __: str) -> Role | None:
    """Leave out row numbers and identifiers of individuals, which do not help to predict other rows."""
    assert values is not None
    is_whole = facts.is_number and are_whole(values)
    if is_whole and facts.is_unique and len(values) >= FEWEST_GROUPS and values.is_monotonic_increasing:
        return Role(OUT, GROWING)
    if is_saved_index(facts, is_whole):
        return Role(OUT, "a row number that was saved with the table, by its name")
    if not has_id_name(facts.name):
        return None
    if facts.is_unique:
        return Role(OUT, "an id by its name, different in every row")
    if names_people(facts.name):
        return Role(OUT, f"an id of individuals by its name, {several(facts)} of them")
    if is_whole and (not facts.is_complete or facts.n_distinct > MANY_CATEGORIES):
        return Role(OUT, f"an id by its name, {several(facts)} different ones")
    return Role(CATEGORICAL, "an id by its name, with repeats") if is_whole else None


def is_saved_index(facts: Facts, is_whole: bool) -> bool:
    """Return whether a column is the row number that another program has saved with the table.

    `Unnamed: 0` is the name that pandas gives to a column without one, so that whole numbers in it suffice.
    Under the other names, the values must be whole numbers or strings, and different in every row.
    """
    if re.fullmatch(UNNAMED, facts.name) and is_whole:
        return True
    named = facts.is_saved_index or re.fullmatch(INDEX_NAMES, facts.name.strip(), re.IGNORECASE)
    return bool(named) and facts.is_unique and (is_whole or (facts.is_text and not facts.is_number))


def are_whole(values: pd.Series) -> bool:
    """Return whether all numbers are whole; missing values do not count."""
    return bool((values.dropna() % 1 == 0).all())


def number(facts: Facts, _: pd.Series | None, __: Wishes, where: str) -> Role | None:
    """Recognise numbers.

    Raises
    ------
    DataError
        A column of numbers holds some values that are not numbers, or an infinite number.
    """
    check_finite(facts, where)
    check_mixture(facts, where)
    if not facts.is_number and str(facts.type) != "bool":
        return None
    if has_leading_zeros(facts):
        return Role(CATEGORICAL, "digits with leading zeros")
    example = example_of(facts, facts.numeral) if facts.numeral and not facts.numeral.is_plain else None
    notes = [f"numbers like '{example.value}'" if example else "", gaps(facts)]
    return Role(NUMERIC, ", ".join(filter(None, notes)))


def has_leading_zeros(facts: Facts) -> bool:
    """Return whether some strings are digits with a leading zero, as a code may be but a number is not."""
    if not facts.is_text or (facts.numeral is not None and facts.numeral.clock):
        return False
    return any(re.match(r"""\s*(=?"|')?0\d""", str(value)) for value in facts.counts)


def gaps(facts: Facts) -> str:
    """Return a note on the missing values, or an empty string if there are none."""
    return f"missing in {facts.n_missing:,} rows" if facts.n_missing else ""


def check_finite(facts: Facts, where: str) -> None:
    """Raise DataError if a column holds an infinite number."""
    if facts.infinite:
        raise DataError(
            f"{where}: column '{facts.name}' holds {facts.infinite.value} in row {facts.infinite.row}; "
            f"correct the row, or use --drop '{facts.name}'."
        )


def check_mixture(facts: Facts, where: str) -> None:
    """Raise DataError if nearly all strings of a column are numbers."""
    if facts.is_number or not facts.is_text:
        return
    if facts.no_number and facts.n_numbers >= MOSTLY * facts.n_present:
        value, row = facts.no_number
        raise DataError(
            f"{where}: column '{facts.name}' holds numbers, but row {row} holds '{value}'; correct the row, "
            f"use --missing '{value}' if that means missing, or use --categorical '{facts.name}' if "
            "its numbers are names."
        )


def strings(facts: Facts, values: pd.Series | None) -> Role:
    """Return whether strings are sentences, names or categories."""
    assert values is not None
    hardly_repeats = facts.n_counted >= FEWEST_GROUPS and facts.n_distinct > facts.n_counted / 2
    words = values.dropna().astype(str).str.count(r"\S+").mean()
    if words >= WORDS_OF_TEXT and (hardly_repeats or not facts.is_complete):
        return Role(TEXT, f"free text, {words:.0f} words on average")
    if hardly_repeats:
        return Role(NAMES, "a different value in " + ("every row" if facts.is_unique else "most rows"))
    if not facts.is_complete or facts.n_distinct > MAX_CATEGORIES:
        return Role(NAMES, f"{several(facts)} categories")
    return Role(CATEGORICAL, ", ".join(filter(None, [f"{facts.n_distinct:,} categories", gaps(facts)])))


def guess_time(found: Survey, roles: Mapping[str, Role], wishes: Wishes, where: str) -> tuple[str, str]:
    """Return the time column, by which training rows are earlier than test rows, and the reason.

    If the user names no column, one is chosen if it is the only one that meets all conditions:

    - it holds dates, or growing whole numbers under a name like year;
    - it has no missing values, and at least 20 different ones;
    - the rows of the file are in its order.
    """
    if wishes.time:
        check_time(found.columns[wishes.time], where)
        return wishes.time, "as you said: test rows are later than training rows"
    dated = [name for name, part in roles.items() if part.kind == DATES or counts_time(name, part)]
    ordered = [name for name in dated if is_ordered(found, name, where)]
    if len(ordered) == 1:
        return ordered[0], "the rows are in its order, so test rows are later than training rows"
    dated += [name for name, part in roles.items() if is_period(found, name, part)]
    if dated:
        return "", f"or {either(dated)}, to predict the future"
    return "", ""


def check_time(facts: Facts, where: str) -> None:
    """Raise DataError if a time column holds neither dates nor numbers, or has missing values."""
    check_dates(facts, where)
    if not (facts.is_date or facts.is_number):
        raise DataError(f"{where}: the time column '{facts.name}' holds neither dates nor numbers.")
    if facts.n_missing:
        raise DataError(f"{where}: the time column '{facts.name}' is missing in {facts.n_missing:,} rows.")


def counts_time(name: str, part: Role) -> bool:
    """Return whether a column, by its name, counts years, days or the like."""
    return part.why == GROWING and not set(TIME_WORDS).isdisjoint(words_of(name)[-1:])


def is_period(found: Survey, name: str, part: Role) -> bool:
    """Return whether a column of numbers, by its name, counts periods such as years in the order of the rows.

    Years need not be in order.
    """
    words = words_of(name)[-1:]
    if part.kind != NUMERIC or set(TIME_WORDS).isdisjoint(words) or not are_whole(found.sample[name]):
        return False
    values = found.sample[name]
    is_year = words == ["year"] and values.dropna().between(1500, 2500).all()
    return bool(values.nunique() > 1 and (is_year or values.is_monotonic_increasing))


def is_ordered(found: Survey, name: str, where: str) -> bool:
    """Return whether the rows are in the order of a time column."""
    facts = found.columns[name]
    if facts.n_missing or facts.n_distinct < FEWEST_TIMES:
        return False
    values = found.sample[name]
    if facts.is_text and not facts.is_number and not facts.epoch:
        values = as_moments(values, form_of(found, name, where), found.step, f"{where}: column '{name}'")
    if facts.epoch in TURNED_DIGITS:
        values = pd.to_datetime(with_zeros(values), format=facts.epoch)
    return bool(values.is_monotonic_increasing)


def with_zeros(values: pd.Series) -> pd.Series:
    """Return dates that are whole numbers as strings of eight digits."""
    return values.astype("int64").astype("string").str.zfill(TURNED_DIGITS["%d%m%Y"])


def as_moments(texts: pd.Series, form: str, step: int, place: str) -> pd.Series:
    """Return the dates in a sample of strings.

    Parameters
    ----------
    texts
        Strings of every `step`-th row of the table.
    form
        Format of the dates.
    step
        Distance between two rows of the sample, in rows of the table.
    place
        File and column, for error messages.

    Raises
    ------
    DataError
        A value looks like a date but cannot be converted.
    """
    parsed = parsed_dates(texts, form)
    odd = np.flatnonzero(parsed.isna() & texts.notna())
    if odd.size:
        raise DataError(
            f"{place}: row {step * odd[0] + 1} holds '{texts.iloc[odd[0]]}', which is not a date of the "
            f"format {form}; correct the row, or leave the column out with --drop."
        )
    return parsed


def guess_group(found: Survey, roles: Mapping[str, Role], wishes: Wishes, where: str) -> tuple[str, str]:
    """Return the group column, whose rows of one value stay on one side of a split, and the reason.

    If the user names no column, one is chosen if it is the only one that meets all conditions:

    - its name is that of an identifier of persons;
    - it has no missing values, and at least 20 different ones;
    - each value has at least 1.2 rows on average.
    """
    if wishes.group:
        facts = found.columns[wishes.group]
        if facts.n_missing:
            raise DataError(
                f"{where}: the group column '{facts.name}' is missing in {facts.n_missing:,} rows."
            )
        return wishes.group, "as you said: its rows are never on both sides of a split"
    repeated = [
        name
        for name, part in roles.items()
        if has_id_name(name) and part.why != SAID and not found.columns[name].is_unique
    ]
    clear = [name for name in repeated if names_people(name) and has_groups(found.columns[name])]
    if len(clear) == 1:
        return clear[0], "an id of individuals by its name; their rows are never on both sides of a split"
    if repeated:
        return "", f"or {either(repeated)}, to keep the rows of each value on one side of a split"
    return "", ""


def has_groups(facts: Facts) -> bool:
    """Return whether a column divides the rows into enough groups of more than one row."""
    rows_a_group = facts.n_counted / max(1, facts.n_distinct)
    return not facts.n_missing and facts.n_distinct >= FEWEST_GROUPS and rows_a_group >= ROWS_A_GROUP


def words_of(name: str) -> list[str]:
    """Return the words in the name of a column: customer_id, CustomerID and customer.id have two."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [word.lower() for word in re.split(r"[^A-Za-z]+", spaced) if word]


def has_id_name(name: str) -> bool:
    """Return whether the name of a column is that of an identifier, of persons or of anything else."""
    return not set(ID_WORDS).isdisjoint(words_of(name)[-1:]) or names_people(name)


def names_people(name: str) -> bool:
    """Return whether a name is that of an identifier of persons: customer, customerid, customer_no."""
    words = words_of(name)
    is_coded = len(words) > 1 and words[-1] in ID_WORDS + CODE_WORDS and not set(PEOPLE).isdisjoint(words)
    return is_coded or "".join(words) in [*PEOPLE, *(f"{person}id" for person in PEOPLE)]


def settle_dates(found: Survey, made: Guess, where: str) -> None:
    """Keep the formats and the missing values of dates in columns of strings, and warn of what is unsure."""
    for name in [*made.named(DATES), *filter(None, [made.time])]:
        facts = found.columns[name]
        if facts.epoch:
            made.formats[name] = facts.epoch
        elif facts.is_text and not facts.is_number:
            made.formats[name] = form_of(found, name, where)
            made.warnings += about_dates(found, name, made.formats[name], where)
            if facts.has_absent_dates:
                made.missing_dates[name] = tuple(facts.date_markers)


def form_of(found: Survey, name: str, where: str) -> str:
    """Return the format of the dates in a column of strings; empty for a column of a date type.

    Years of two digits are read as usual, those from 69 on in the last century. If this gives years ahead
    next to some of the last century, or years far ahead, all years are those up to now instead.
    """
    form, this_year = the_form(found.columns[name], where), datetime.now(UTC).year
    if "%y" not in form:
        return form
    years = parsed_dates(found.sample[name], form).dt.year
    is_split = years.max() > this_year and years.min() < FIRST_YEAR_OF_CENTURY
    return f"{form}|{this_year - 99}" if is_split or years.max() > this_year + YEARS_AHEAD else form


def about_dates(found: Survey, name: str, form: str, where: str) -> Iterator[str]:
    """Yield sentences about dates that could be read in another way, and about missing ones."""
    facts, texts = found.columns[name], found.sample[name].dropna()
    plain, _, first_year = form.partition("|")
    as_read = as_moments(texts, form, found.step, f"{where}: column '{name}'")
    if "%y" in form and (first_year or as_read.dt.year.max() > datetime.now(UTC).year):
        other = plain if first_year else f"{plain}|{datetime.now(UTC).year - 99}"
        years = parsed_dates(texts, other).dt.year
        place = (years != as_read.dt.year).to_numpy().argmax()
        yield (
            f"column '{name}' has years of two digits: '{texts.iloc[place]}' is read as "
            f"{as_read.iloc[place]:%Y-%m-%d}; if {years.iloc[place]} is meant, write {other} in source.dates "
            "of the file that is written."
        )
    if plain.startswith("%y"):
        yield (
            f"column '{name}' is read with the year first: '{texts.iloc[0]}' is {as_read.iloc[0]:%Y-%m-%d}; "
            "if the day is first, turn %y and %d in source.dates of the file that is written."
        )
    elif is_ambiguous(facts):
        yield (
            f"column '{name}' does not show whether the day or the month is first: '{texts.iloc[0]}' is read "
            f"as {as_read.iloc[0]:%Y-%m-%d}; if that is wrong, turn %d and %m in source.dates of the file "
            "that is written."
        )
    if facts.has_absent_dates:
        listed = [f"'{text}' ({rows:,} rows)" for text, rows in facts.date_markers.items()]
        stand = "stands" if len(listed) == 1 else "stand"
        yield f"column '{name}' is read as dates: {few(listed)} {stand} for a missing value."


def settle_modality(found: Survey, made: Guess, wishes: Wishes, where: str) -> None:
    """Set the modality of a guess.

    A dataset with an array `x` has images or sequences. It is a text dataset if the user chose a column of
    texts, or if there is exactly one such column and no other feature.

    Raises
    ------
    DataError
        The chosen column does not hold texts, or there is not exactly one possible input.
    """
    if array := found.arrays.get("x"):
        made.modality = "image" if array.value_type == pa.uint8() else "sequence"
        made.roles.pop("x", None)
        return
    if wishes.text and not found.columns[wishes.text].is_text:
        raise DataError(
            f"{where}: column '{wishes.text}' holds {found.columns[wishes.text].type}, not texts."
        )
    has_features = any(made.named(kind) for kind in (NUMERIC, CATEGORICAL, DATES))
    texts = [*made.named(TEXT)] or [*made.named(NAMES)]
    if wishes.text or (len(texts) == 1 and not has_features):
        made.modality, made.text = "text", wishes.text or texts[0]
        made.why["modality"] = SAID if wishes.text else "there is no other feature"
        made.roles = {
            n: r if r.kind in (OUT, NAMES) else Role(OUT, "not the text") for n, r in made.roles.items()
        }
        made.roles.pop(made.text)
    elif not has_features and texts:
        raise DataError(f"{where} has several columns of texts ({', '.join(texts)}); choose one with --text.")
    elif not has_features:
        reasons = "; ".join(f"{name}: {part.why}" for name, part in made.roles.items())
        raise DataError(f"{where} has no column to learn from ({reasons}).")


def as_numerals(found: Survey, wishes: Wishes, where: str) -> dict[str, Numeral]:
    """Return the rules of all columns, except the target, whose strings are read as numbers."""
    settled = {wishes.target, wishes.group, wishes.text, *wishes.drop, *wishes.categorical}
    if wishes.text or "x" in found.arrays:
        return {}
    rules = {
        name: rule_of(facts, found, wishes, where)
        for name, facts in found.columns.items()
        if name not in settled
    }
    return {name: rule for name, rule in rules.items() if rule}


def rule_of(
    facts: Facts, found: Survey, wishes: Wishes, where: str, is_target: bool = False
) -> Numeral | None:
    """Return the rule by which the strings of a column are read as numbers; None if they are not.

    Raises
    ------
    DataError
        The strings look like numbers or times, but it is not clear how to read them.
    """
    if timed := times_of(facts, is_target and wishes.task != "regression", where):
        return None if is_target and wishes.task in CLASSES else timed
    return figures_of(facts, found, wishes, where, is_target)


def figures_of(
    facts: Facts, found: Survey, wishes: Wishes, where: str, is_target: bool = False
) -> Numeral | None:
    """Return the rule of a column of numbers that are no times; None for other columns.

    At least half of the strings must be numbers, and all others must stand for a missing value.

    Raises
    ------
    DataError
        The strings look like numbers, but it is not clear how to read them.
    """
    tally = facts.tally
    is_wished = facts.name in wishes.numeric or (is_target and wishes.task == "regression")
    if facts.are_plain_numbers:
        return tally.rule() if tally.decimal != found.decimal else None
    if not facts.is_text or facts.name not in found.sample or tally.is_hopeless:
        return None
    if facts.n_dates >= MOSTLY * facts.n_present or not tally.n_numbers:
        return None
    if tally.share < READ and not is_wished:
        return None
    if has_leading_zeros(facts) and not is_wished and tally.rule().is_plain:
        return None
    if is_target and wishes.task in CLASSES:
        return None
    if are_several_units(tally) or tally.is_signed_by_words:
        return None
    if not (is_target and not wishes.task):
        check_clarity(facts, is_wished, where)
    return tally.rule() if not (tally.strangers or tally.n_beyond or tally.n_mixed) else None


def times_of(facts: Facts, is_lenient: bool, where: str) -> Numeral | None:
    """Return the rule of a column of times of day or durations; None for other columns.

    Raises
    ------
    DataError
        Nearly all strings are times; it is not raised if `is_lenient`.
    """
    clocks = facts.clocks
    if not clocks.kind or clocks.share < READ or clocks.n_beyond or clocks.n_strings < facts.n_present:
        return None
    assert clocks.example is not None
    absent = absent_among(clocks.others, facts.tally.missing)
    odd = next((text for text in clocks.others if text not in absent), None)
    if odd is None:
        return Numeral(clock=clocks.kind, missing=tuple(absent))
    if clocks.share < MOSTLY or is_lenient:
        return None
    raise DataError(
        f"{where}: column '{facts.name}' holds times such as '{clocks.example.value}', but row "
        f"{clocks.where_others[odd]} holds '{odd}'{in_rows(clocks.others[odd])}; correct the row, use "
        f"--missing '{odd}' if that means missing, or use --categorical '{facts.name}' if they are names."
    )


def are_several_units(tally: Tally) -> bool:
    """Return whether the numbers of a column stand in several units."""
    return len(tally.named_units) > 1 and not (tally.are_multiples and not tally.n_multiples)


def check_clarity(facts: Facts, is_wished: bool, where: str) -> None:
    """Raise DataError if the strings of a column look like numbers, but not how to read some of them."""
    tally, place = facts.tally, f"{where}: column '{facts.name}'"
    if tally.units["%"] and tally.bare:
        raise DataError(
            f"{place} holds '{tally.with_unit['%'].value}' in row {tally.with_unit['%'].row} and "
            f"'{tally.bare.value}' in row {tally.bare.row}; write the percent sign everywhere or nowhere, or "
            f"use --drop '{facts.name}'."
        )
    if tally.n_mixed:
        odd, (decimal, thousands) = tally.misfits[tally.best], tally.best
        marks = f"'{decimal}' as the decimal mark" + (
            f" and '{thousands}' for thousands" if thousands else ""
        )
        raise DataError(
            f"{place} holds numbers with {marks}, but row {odd.row} holds '{odd.value}'; write all numbers "
            f"in one way, or use --categorical '{facts.name}' if they are names."
        )
    strangers = tally.strangers
    is_one = len(strangers) == 1 and not tally.n_beyond
    if strangers and (is_one or is_wished or tally.share >= MOSTLY):
        value = next(iter(strangers))
        raise DataError(
            f"{place} holds numbers, but row {tally.where_others[value]} holds '{value}'"
            f"{in_rows(strangers[value])}; correct the row, use --missing '{value}' if that means missing, "
            f"or use --categorical '{facts.name}' if its numbers are names."
        )


def in_rows(n_rows: int) -> str:
    """Return a note on the number of rows that have a value, if there are several."""
    return f" ({n_rows:,} rows do)" if n_rows > 1 else ""


def odd_ones(facts: Facts) -> str:
    """Return a note on the first values of a column that are not numbers."""
    tally = facts.tally
    if are_several_units(tally):
        units = tally.named_units
        return f": it has the units {few([spellings[0] for spellings in units.values()])}"
    if not tally.where_others:
        return ""
    value, row = min(tally.where_others.items(), key=lambda item: item[1])
    return f": row {row} holds '{value}'"


def nearly_numbers(facts: Facts) -> str:
    """Return how a column of strings looks like numbers although it is not read so; empty if it does not."""
    tally = facts.tally
    if not facts.is_text or facts.is_number:
        return ""
    if facts.clocks.n_clear and not facts.clocks.kind and facts.clocks.share >= READ:
        return "that are times with and without seconds"
    if tally.is_hopeless or tally.share < READ:
        return ""
    if tally.is_signed_by_words:
        return "with CR or DR, which may be the sign"
    if are_several_units(tally):
        seen = [f"'{each.value}' in row {each.row}" for each in list(tally.with_unit.values())[:2]]
        return f"in several units ({' and '.join(seen)})"
    if strangers := tally.strangers:
        value = next(iter(strangers))
        return f"in {tally.share:.0%} of the rows (but '{value}' in row {tally.where_others[value]})"
    return ""


def warn_of_epochs(found: Survey, made: Guess) -> None:
    """Add a warning about each column whose whole numbers are taken for dates although not in order."""
    for name, form in made.formats.items():
        values = found.sample[name].dropna()
        if found.columns[name].epoch and not values.is_monotonic_increasing:
            first = pa.array(with_zeros(values[:1]) if form in TURNED_DIGITS else [int(values.iloc[0])])
            day = moments(first, form, 0, name)[0].as_py()
            made.warnings.append(
                f"column '{name}' is read as dates: {first[0]} is {day} ({form}); if it is a number, use "
                f"--numeric '{name}'."
            )


def settle_numbers(found: Survey, made: Guess) -> None:
    """Keep the rules of the columns that are used as numbers, each with a warning that says what it does."""
    used = [*made.named(NUMERIC), *filter(None, [made.time])]
    used += [made.target] if made.task == "regression" else []
    for name in used:
        facts = found.columns[name]
        if facts.numeral is not None:
            made.numbers[name] = facts.numeral
            made.warnings.append(about_rule(facts, facts.numeral, name == made.target))
        elif facts.are_plain_numbers and facts.tally.could_be_thousands():
            made.warnings.append(about_mark(facts))


def warn_of_far_values(found: Survey, made: Guess) -> None:
    """Add a warning about each number that is repeated far away from all others, as -999 may be."""
    targets = [made.target] if made.task == "regression" else []
    for name in [*made.named(NUMERIC), *targets]:
        if name in found.sample and (far := far_value(found.sample[name])):
            value, share, low, high = far
            made.warnings.append(
                f"column '{name}' holds {value:g} in {share:.0%} of the rows, far from its other numbers "
                f"({low:g} to {high:g}); if it stands for a missing value, use --missing '{value:g}', or "
                "leave it empty in the file."
            )


def far_value(values: pd.Series) -> tuple[float, float, float, float] | None:
    """Return a repeated number that may stand for a missing value, or None.

    It lies farther from all others than these lie apart, or is written in nines, such as -999, while no other
    has its sign. It comes with its share of the rows, and the least and greatest of the others. A zero is no
    such number.
    """
    numbers = values.dropna().to_numpy(np.float64)
    different, rows = np.unique(numbers, return_counts=True)
    if len(different) <= FEWEST_TIMES:
        return None
    for place, others in ((0, different[1:]), (-1, different[:-1])):
        low, high = others[0], others[-1]
        gap = low - different[place] if place == 0 else different[place] - high
        is_alone = re.fullmatch(NINES, f"{different[place]:g}") and low >= 0 > different[place]
        if different[place] and rows[place] >= FEWEST_REPEATS and (gap > high - low or is_alone):
            return float(different[place]), rows[place] / len(values), float(low), float(high)
    return None


def about_mark(facts: Facts) -> str:
    """Return a sentence about plain numbers whose decimal mark could stand between thousands."""
    text, mark = facts.tally.threes, facts.tally.decimal
    return (
        f"column '{facts.name}' is read as numbers: '{text}' is {float(text.replace(mark, '.')):g}; if "
        f"'{mark}' stands between thousands, use --decimal '{facts.name}={OTHER_MARK[mark]}'."
    )


def example_of(facts: Facts, rule: Numeral) -> Seen | None:
    """Return the first value of a column that shows by which rule its strings are read as numbers."""
    if rule.clock:
        return facts.clocks.example
    return facts.tally.example or (None if rule.missing else facts.no_number)


def about_rule(facts: Facts, rule: Numeral, is_target: bool) -> str:
    """Return a sentence about the rule by which the strings of a column are read as numbers."""
    notes, example = [], example_of(facts, rule)
    if example:
        number = rule.read(pa.array([example.value]))[0][0].as_py()
        notes.append(f"'{example.value}' in row {example.row} is {number:.15g}" if number is not None else "")
    if rule.unit == "%":
        notes.append("the percent sign is left off, and nothing is divided by 100")
    elif rule.unit:
        notes.append(f"'{rule.unit}' is left off" + (", and some numbers have none" if rule.bare else ""))
    if rule.clock:
        notes.append(f"times are counted in {rule.clock}")
    if rule.multiples:
        notes.append("letters such as k and M stand for thousands and millions")
    if rule.missing:
        rows = facts.clocks.others if rule.clock else facts.tally.others
        listed = [f"'{text}' ({rows[text]:,} rows)" for text in rule.missing]
        notes.append(f"{few(listed)} {'stands' if len(listed) == 1 else 'stand'} for a missing value")
    names = "--task multiclass" if is_target else f"--categorical '{facts.name}'"
    remedy = f"if these are names, use {names}"
    if facts.tally.is_ambiguous():
        remedy = f"if '{rule.thousands}' is the decimal mark, use --decimal '{facts.name}={rule.thousands}'"
    return f"column '{facts.name}' is read as numbers: {'; '.join(filter(None, notes))}; {remedy}."


def check_only_feature(made: Guess, where: str) -> None:
    """Raise DataError if the only feature is a column of strings named `x`, the name of arrays and texts."""
    kinds = [part.kind for part in made.roles.values() if part.kind in (NUMERIC, CATEGORICAL, DATES)]
    if made.modality == "tabular" and kinds == [CATEGORICAL] and ARRAY in made.named(CATEGORICAL):
        raise DataError(
            f"{where}: the only feature is a column '{ARRAY}' of strings, which looks like texts; rename it."
        )


def warn_of_leaks(found: Survey, made: Guess) -> None:
    """Add warnings about columns that reveal the target."""
    looked_at = [
        name
        for name, part in made.roles.items()
        if name in found.sample and part.kind != TEXT and part.why != SAID and not part.why.startswith(BESIDE)
    ]
    columns = [made.target, *looked_at]
    for name, how in tell_tales(found.sample[columns], made.target, made.task).items():
        is_out = made.roles[name].kind in (OUT, NAMES)
        advice = (
            "it is left out"
            if is_out
            else f"use --drop '{name}' unless it is known when a prediction is needed"
        )
        made.warnings.append(f"column '{name}' gives the target away: {how}; {advice}.")
        made.roles[name] = Role(made.roles[name].kind, f"gives the target away? {how}")


def warn_of_strong_columns(found: Survey, made: Guess) -> None:
    """Add warnings about columns that alone predict the target nearly as well as all together."""
    features = [
        name
        for kind in (NUMERIC, CATEGORICAL, DATES)
        for name, why in made.named(kind).items()
        if name in found.sample and why != SAID and not why.startswith("gives the target away")
    ]
    for name, how in nearly_all(found.sample, made.target, made.task, features).items():
        made.warnings.append(
            f"column '{name}' may give the target away: {how}; use --drop '{name}' unless it is known when a "
            "prediction is needed."
        )
        made.roles[name] = Role(made.roles[name].kind, f"gives the target away? {how}")


def warn_of_texts(found: Survey, made: Guess) -> None:
    """Add warnings about strings that are left out, and about columns of many categories."""
    for name in made.named(TEXT):
        made.warnings.append(
            f"column '{name}' is free text and left out; to use it as the only input: --text '{name}'."
        )
    for name in made.named(CATEGORICAL):
        if found.columns[name].n_distinct > MANY_CATEGORIES:
            made.warnings.append(f"column '{name}' has {found.columns[name].n_distinct:,} categories.")
    for name, part in made.roles.items():
        if (
            part.kind in (NAMES, CATEGORICAL)
            and part.why != SAID
            and (how := nearly_numbers(found.columns[name]))
        ):
            used = "left out as names" if part.kind == NAMES else "used as categories"
            made.warnings.append(
                f"column '{name}' looks like numbers {how}, and is {used}; if it is a quantity, write all "
                "of it as numbers in one unit."
            )
            made.roles[name] = Role(part.kind, f"looks like numbers {how}")
    for name in made.roles:
        if reason := left_out_unseen(found, name, made.roles[name]):
            made.warnings.append(reason)
    others = [name for name in made.named(NAMES) if not nearly_numbers(found.columns[name])]
    if others and made.modality == "tabular":
        made.warnings.append(
            f"strings that hardly repeat are left out: {few(others)}; to use such a column: --categorical, "
            "or --text as the only input."
        )


def left_out_unseen(found: Survey, name: str, part: Role) -> str:
    """Return a sentence about a column that is left out although it may say something; empty for others."""
    facts, values = found.columns[name], found.sample.get(name)
    if not name and facts.n_distinct > 1 and not facts.is_unique:
        return "a column without a name is left out; give it a name in the file if it says something."
    if part.why.startswith(UNUSABLE):
        return (
            f"column '{name}' is left out: {part.why}; if it says something, turn it into numbers or names."
        )
    if part.why != GROWING or values is None or has_id_name(name) or counts_time(name, part):
        return ""
    if values.diff().nunique() <= 1:
        return ""
    return (
        f"column '{name}' is left out, as its whole numbers grow with every row; if it is a quantity, use "
        f"--numeric '{name}'."
    )
