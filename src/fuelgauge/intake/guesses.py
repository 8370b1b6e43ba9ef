"""What `fuelgauge add` infers from a user's data: the modality, the task, and the part of each column.

Every guess carries its reason, which becomes a comment in the file that is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from fuelgauge.data.arrow import ARRAY
from fuelgauge.data.dataset import OWN
from fuelgauge.data.inspection import tell_tales
from fuelgauge.data.validation import MAX_CATEGORIES, MAX_CLASSES, MAX_MISSING_TARGETS
from fuelgauge.errors import ConfigError, DataError, nearest
from fuelgauge.intake._survey import MOST_VALUES, MOSTLY, Facts, Survey, forms, is_ambiguous
from fuelgauge.spec.dataset import METRICS, TASKS

MANY_CATEGORIES = 1_000
MOST_WHOLE_CLASSES = 20
ROWS_A_WHOLE_CLASS = 5
WORDS_OF_TEXT = 4
FEWEST_GROUPS = 20
ROWS_A_GROUP = 1.2
FEWEST_TIMES = 20
FEW_ROWS = 100
RARE_CLASS = 10

ID_WORDS = ("id", "ids", "uuid", "guid", "identifier")
CODE_WORDS = ("key", "no", "nr", "number", "code")
PEOPLE = (
    *("account", "author", "client", "customer", "driver", "employee", "family", "household", "member"),
    *("participant", "patient", "person", "player", "respondent", "speaker", "student", "subject", "user"),
)
TIME_WORDS = ("date", "datetime", "day", "hour", "month", "step", "time", "timestamp", "week", "year")

SAID = "as you said"
BESIDE = "beside"
GROWING = "whole numbers that grow with every row: an id, or a time"

NUMERIC, CATEGORICAL, DATES = "numeric", "categorical", "dates"
TEXT, NAMES, OUT = "text", "names", "out"


@dataclass(frozen=True)
class Wishes:
    """What the user says about a file; what is empty is guessed."""

    target: str = ""
    task: str = ""
    time: str = ""
    group: str = ""
    text: str = ""
    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()


class Role(NamedTuple):
    """What a column is taken for, and why.

    `kind` is numeric, categorical or dates for a feature; text (sentences), names (strings of which
    hardly one repeats) or out for a column that is left out.
    """

    kind: str
    why: str = ""


@dataclass
class Guess:
    """What is guessed of a dataset.

    Parameters
    ----------
    roles
        The part of each column, but for target, group and time.
    formats
        Columns of strings that hold dates, and how these are written.
    duplicates
        What becomes of identical rows; empty: the default.
    why
        The reason for the value of a setting, by its name.
    warnings
        What the user should look at.
    """

    modality: str
    task: str
    metric: str
    target: str
    n_rows: int
    roles: dict[str, Role] = field(default_factory=dict)
    formats: dict[str, str] = field(default_factory=dict)
    text: str = ""
    group: str = ""
    time: str = ""
    time_is_date: bool = False
    duplicates: str = ""
    why: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def named(self, kind: str) -> dict[str, str]:
        """Return the columns of a role, and the reason for each."""
        return {name: role.why for name, role in self.roles.items() if role.kind == kind}


def guess(found: Survey, wishes: Wishes, where: str) -> Guess:
    """Return what a table is taken for.

    Raises
    ------
    DataError
        The table cannot be learned from, or a guess would be a gamble; the sentence says what to do.
    ConfigError
        The user named a column that is not there.
    """
    check_names(found, wishes, where)
    facts = found.columns[wishes.target]
    if wishes.target not in found.sample:
        raise DataError(f"{where}: the target '{wishes.target}' is of type {facts.type}, which is no target.")
    task, why = guess_task(facts, found.sample[facts.name], wishes.task, where)
    made = Guess("tabular", task, METRICS[task][0], wishes.target, found.n_rows)
    made.why = {"task": why, "metric": f"also possible: {', '.join(METRICS[task][1:])}"}
    made.why["target"] = missing_targets(facts)
    made.warnings = warnings_on_rows(facts, task)
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
    made.formats = date_formats(found, made, where)
    settle_modality(found, made, wishes, where)
    check_only_feature(made, where)
    warn_of_leaks(found, made)
    warn_of_marks(found, made)
    return made


def check_marks(found: Survey, wishes: Wishes, decimal: str, where: str) -> None:
    """Raise DataError if a column that is to be used has another decimal mark than the file."""
    is_settled = {*wishes.drop, *wishes.categorical, wishes.group}
    is_settled |= {wishes.target} if wishes.task in ("binary", "multiclass") else set()
    for name in [wishes.target] if wishes.text else found.columns:
        facts = found.columns.get(name)
        if facts is None or name in is_settled or not (facts.is_turned and facts.turned):
            continue
        theirs, other = ("point", "comma") if decimal == "." else ("comma", "point")
        raise DataError(
            f"{where}: column '{name}' holds '{facts.turned.value}' in row {facts.turned.row}, a number with "
            f"a decimal {other}, but the decimal mark of the file is a {theirs}; write all numbers with one "
            f"mark, or say --categorical '{name}' if these are names."
        )


def check_names(found: Survey, wishes: Wishes, where: str) -> None:
    """Raise an error if the user names a column that is not there or one for two parts, or a name is kept."""
    if taken := [name for name in found.columns if name in OWN]:
        raise DataError(f"{where} has a column '{taken[0]}', a name kept for the pipeline; rename it.")
    named = [wishes.target, wishes.time, wishes.group, wishes.text, *wishes.drop, *wishes.categorical]
    for name in filter(None, named):
        if name not in found.columns:
            raise ConfigError(f"{where} has no column '{name}', {nearest(name, found.columns)}.")
    for name in (wishes.time, wishes.group, wishes.text, *wishes.drop):
        if name and named.count(name) > 1:
            raise ConfigError(f"{where}: column '{name}' cannot have two parts; name it once.")


def guess_task(facts: Facts, values: pd.Series, wished: str, where: str) -> tuple[str, str]:
    """Return the task that a target makes, and why.

    Raises
    ------
    DataError
        The target is missing in most rows, constant, has a class of one row, or is no target at all.
    """
    place = f"{where}: the target '{facts.name}'"
    if facts.n_missing > MAX_MISSING_TARGETS * facts.n_rows:
        raise DataError(f"{place} is missing in {facts.n_missing:,} of {facts.n_rows:,} rows; half need one.")
    if facts.is_complete and facts.n_distinct < 2:
        raise DataError(f"{place} is constant ({next(iter(facts.counts))}); there is nothing to learn.")
    check_finite(facts, where)
    check_mixture(facts, where)
    task, why = (wished, SAID) if wished else task_of(facts, values, place)
    if task not in TASKS:
        raise ConfigError(f"--task is '{task}', {nearest(task, TASKS)}.")
    if task == "regression" and not facts.is_number:
        raise DataError(f"{place} does not hold numbers; it makes no regression.")
    if task != "regression":
        check_classes(facts, task, place)
    return task, why


def task_of(facts: Facts, values: pd.Series, place: str) -> tuple[str, str]:
    """Return the task that the values of a target speak for, and why."""
    if facts.is_complete and facts.n_distinct == 2:
        return "binary", f"two different values: {shares(facts)}"
    if facts.is_date:
        raise DataError(
            f"{place} is a date; derive a class or a number from it, such as the days until then."
        )
    if not facts.is_number:
        return "multiclass", f"{facts.n_distinct:,} different strings: {shares(facts)}"
    rows_a_value = facts.n_counted / facts.n_distinct
    few = facts.is_complete and facts.n_distinct <= MOST_WHOLE_CLASSES and rows_a_value >= ROWS_A_WHOLE_CLASS
    if few and are_whole(values):
        why = f"{facts.n_distinct} different whole numbers, {rows_a_value:,.0f} rows each on average"
        return "multiclass", f"{why}; if they are a quantity: --task regression"
    return "regression", f"numbers, {several(facts)} different ones"


def check_classes(facts: Facts, task: str, place: str) -> None:
    """Raise DataError if the values of a target do not make classes."""
    if not facts.is_complete or facts.n_distinct > MAX_CLASSES:
        raise DataError(f"{place} has {several(facts)} different values; these are no classes.")
    if task == "binary" and facts.n_distinct != 2:
        raise DataError(f"{place} has {facts.n_distinct} classes; a binary task has two.")
    lonely = [value for value, rows in facts.counts.items() if rows == 1]
    if lonely:
        raise DataError(
            f"{place} has the class '{lonely[0]}' with a single row; leave the row out, join the class with "
            "another, or, if the target is a quantity, say --task regression."
        )


def shares(facts: Facts, most: int = 3) -> str:
    """Return the most frequent values and their shares, such as ``no (73%), yes (27%)``."""
    named = [f"{value} ({rows / facts.n_counted:.0%})" for value, rows in facts.counts.most_common(most)]
    return ", ".join(named) + (", ..." if len(facts.counts) > most else "")


def several(facts: Facts) -> str:
    """Return how many different values there are, as far as they were counted."""
    return (
        f"{facts.n_distinct:,}"
        if facts.is_complete
        else f"more than {min(MOST_VALUES, facts.n_distinct - 1):,}"
    )


def missing_targets(facts: Facts) -> str:
    """Return what happens to rows without a target."""
    if not facts.n_missing:
        return ""
    return f"missing in {facts.n_missing:,} of {facts.n_rows:,} rows, which are left out"


def warnings_on_rows(facts: Facts, task: str) -> list[str]:
    """Return what makes a table hard to learn from: few rows, a rare class."""
    warnings = []
    if facts.n_present < FEW_ROWS:
        warnings.append(f"{facts.n_present} rows with a target make a short learning curve.")
    if task != "regression":
        rarest, rows = facts.counts.most_common()[-1]
        if rows < RARE_CLASS:
            warnings.append(f"class '{rarest}' of the target has only {rows} rows.")
    return warnings


def role(facts: Facts, found: Survey, wishes: Wishes, where: str) -> Role:
    """Return the part of a column: what the first rule that knows it says."""
    values = found.sample.get(facts.name)
    if whole := wishes.text or ("x" if "x" in found.arrays else ""):
        return Role(OUT, f"{BESIDE} {whole}, from which alone is learned")
    for rule in (asked, unusable, constant, moment, identifier, number):
        if answer := rule(facts, values, wishes, where):
            return answer
    return strings(facts, values)


Rule = Callable[[Facts, "pd.Series | None", Wishes, str], "Role | None"]


def asked(facts: Facts, _: pd.Series | None, wishes: Wishes, __: str) -> Role | None:
    """Say what the user said."""
    if facts.name in wishes.drop:
        return Role(OUT, SAID)
    return Role(CATEGORICAL, SAID) if facts.name in wishes.categorical else None


def unusable(facts: Facts, values: pd.Series | None, _: Wishes, __: str) -> Role | None:
    """Leave out what no model can take: no name, no known type, no values."""
    if not facts.name:
        return Role(OUT, "it has no name")
    if values is None:
        return Role(OUT, f"its type is {facts.type}")
    return None if facts.n_present else Role(OUT, "all its values are missing")


def constant(facts: Facts, _: pd.Series | None, __: Wishes, ___: str) -> Role | None:
    """Leave out a column that says nothing."""
    if facts.is_complete and facts.n_distinct == 1 and not facts.n_missing:
        return Role(OUT, f"it is the same in every row ({next(iter(facts.counts))})")
    return None


def moment(facts: Facts, _: pd.Series | None, __: Wishes, where: str) -> Role | None:
    """Recognise dates.

    Raises
    ------
    DataError
        They are written in several forms, or some values are no dates.
    """
    if facts.is_date:
        form = the_form(facts, where)
        unsure = "; day and month could be the other way round" if is_ambiguous(facts) else ""
        return Role(DATES, f"dates like {form}{unsure}" if form else "")
    check_dates(facts, where)
    return None


def check_dates(facts: Facts, where: str) -> None:
    """Raise DataError if nearly all strings of a column are dates."""
    if facts.is_text and facts.n_dates >= MOSTLY * facts.n_present and facts.no_date:
        value, row = facts.no_date
        raise DataError(
            f"{where}: column '{facts.name}' holds dates, but row {row} holds '{value}'; mend the row, say "
            f"--missing '{value}' if that means missing, or --drop '{facts.name}'."
        )


def the_form(facts: Facts, where: str) -> str:
    """Return the form that all dates of a column are written in; empty for a column of a date type."""
    found = forms(facts)
    if len(found) > 1:
        listed = ", ".join(f"'{seen.value}' (row {seen.row}: {form})" for form, seen in found.items())
        raise DataError(
            f"{where}: column '{facts.name}' holds dates in {len(found)} formats: {listed}; write all "
            f"in one, best as 2026-01-31, or say --drop '{facts.name}'."
        )
    return next(iter(found), "")


def identifier(facts: Facts, values: pd.Series | None, _: Wishes, __: str) -> Role | None:
    """Leave out numbers of rows and names of individuals, which foretell nothing of others."""
    assert values is not None
    is_whole = facts.is_number and are_whole(values)
    if is_whole and facts.is_unique and len(values) >= FEWEST_GROUPS and values.is_monotonic_increasing:
        return Role(OUT, GROWING)
    if not has_id_name(facts.name):
        return None
    if facts.is_unique:
        return Role(OUT, "an id by its name, different in every row")
    if names_people(facts.name):
        return Role(OUT, f"an id of individuals by its name, {several(facts)} of them")
    if is_whole and (not facts.is_complete or facts.n_distinct > MANY_CATEGORIES):
        return Role(OUT, f"an id by its name, {several(facts)} different ones")
    return Role(CATEGORICAL, "an id by its name, with repeats") if is_whole else None


def are_whole(values: pd.Series) -> bool:
    """Return whether all numbers are whole, but for missing ones."""
    return bool((values.dropna() % 1 == 0).all())


def number(facts: Facts, _: pd.Series | None, __: Wishes, where: str) -> Role | None:
    """Recognise numbers.

    Raises
    ------
    DataError
        Some values of a column of numbers are none, or one is infinite.
    """
    check_finite(facts, where)
    check_mixture(facts, where)
    if not facts.is_number and str(facts.type) != "bool":
        return None
    if facts.is_text and any(re.match(r"\s*0\d", str(value)) for value in facts.counts):
        return Role(CATEGORICAL, "digits with leading zeros")
    return Role(NUMERIC, gaps(facts))


def gaps(facts: Facts) -> str:
    """Return how many values are missing, if any are."""
    return f"missing in {facts.n_missing:,} rows" if facts.n_missing else ""


def check_finite(facts: Facts, where: str) -> None:
    """Raise DataError if a column holds an infinite number."""
    if facts.infinite:
        raise DataError(
            f"{where}: column '{facts.name}' holds {facts.infinite.value} in row {facts.infinite.row}; "
            f"mend the row, or say --drop '{facts.name}'."
        )


def check_mixture(facts: Facts, where: str) -> None:
    """Raise DataError if nearly all strings of a column are numbers."""
    if facts.is_text and facts.no_number and facts.n_numbers >= MOSTLY * facts.n_present:
        value, row = facts.no_number
        raise DataError(
            f"{where}: column '{facts.name}' holds numbers, but row {row} holds '{value}'; mend the row, say "
            f"--missing '{value}' if that means missing, or --categorical '{facts.name}' if "
            "its numbers are names."
        )


def strings(facts: Facts, values: pd.Series | None) -> Role:
    """Tell sentences, names and categories apart."""
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
    """Return the column by which train comes before test, if that is clear, and why.

    It is if there is one column of dates (or of whole numbers with a name like year) without missing
    values, and the rows of the file are in its order.
    """
    if wishes.time:
        check_time(found.columns[wishes.time], where)
        return wishes.time, "as you said: the test rows are later than the training rows"
    dated = [name for name, part in roles.items() if part.kind == DATES or counts_time(name, part)]
    ordered = [name for name in dated if is_ordered(found, name, where)]
    if len(ordered) == 1:
        return ordered[0], "the rows are in its order, so the test rows are later than the training rows"
    if dated:
        return "", f"or {' or '.join(dated)}, if the future is to be foretold"
    return "", ""


def check_time(facts: Facts, where: str) -> None:
    """Raise DataError if a column holds neither dates nor numbers, or misses some."""
    check_dates(facts, where)
    if not (facts.is_date or facts.is_number):
        raise DataError(f"{where}: the time column '{facts.name}' holds neither dates nor numbers.")
    if facts.n_missing:
        raise DataError(f"{where}: the time column '{facts.name}' is missing in {facts.n_missing:,} rows.")


def counts_time(name: str, part: Role) -> bool:
    """Return whether a column counts years, days or the like, by its name."""
    return part.why == GROWING and not set(TIME_WORDS).isdisjoint(words_of(name)[-1:])


def is_ordered(found: Survey, name: str, where: str) -> bool:
    """Return whether the rows are in the order of a column of times."""
    facts = found.columns[name]
    if facts.n_missing or facts.n_distinct < FEWEST_TIMES:
        return False
    values = found.sample[name]
    if facts.is_text and not facts.is_number:
        values = as_moments(values, the_form(facts, where), found.step, f"{where}: column '{name}'")
    return bool(values.is_monotonic_increasing)


def as_moments(texts: pd.Series, form: str, step: int, place: str) -> pd.Series:
    """Return the dates of a sample, of which every `step`-th row is there.

    Raises
    ------
    DataError
        One has the form of a date, but is none that can be computed with.
    """
    moments = pd.to_datetime(texts, format=form, utc=True, errors="coerce")
    odd = np.flatnonzero(moments.isna() & texts.notna())
    if odd.size:
        raise DataError(
            f"{place}: row {step * odd[0] + 1} holds '{texts.iloc[odd[0]]}', which is no date of the form "
            f"{form}; mend the row, or leave the column out with --drop."
        )
    return moments


def guess_group(found: Survey, roles: Mapping[str, Role], wishes: Wishes, where: str) -> tuple[str, str]:
    """Return the column whose rows stay on one side of a split, if that is clear, and why.

    It is if one column is named like an id of persons, has no missing values and at least 20
    different ones, and these have 1.2 rows or more on average.
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
        return "", f"or {' or '.join(repeated)}, if rows of one are not to be on both sides of a split"
    return "", ""


def has_groups(facts: Facts) -> bool:
    """Return whether a column divides the rows into groups of some size."""
    rows_a_group = facts.n_counted / max(1, facts.n_distinct)
    return not facts.n_missing and facts.n_distinct >= FEWEST_GROUPS and rows_a_group >= ROWS_A_GROUP


def words_of(name: str) -> list[str]:
    """Return the words of a column's name: customer_id, CustomerID and customer.id have two."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [word.lower() for word in re.split(r"[^A-Za-z]+", spaced) if word]


def has_id_name(name: str) -> bool:
    """Return whether a column is named like an id, of persons or of anything."""
    return not set(ID_WORDS).isdisjoint(words_of(name)[-1:]) or names_people(name)


def names_people(name: str) -> bool:
    """Return whether a column is named like an id of persons: customer, customerid, customer_no."""
    words = words_of(name)
    is_coded = len(words) > 1 and words[-1] in ID_WORDS + CODE_WORDS and not set(PEOPLE).isdisjoint(words)
    return is_coded or "".join(words) in [*PEOPLE, *(f"{person}id" for person in PEOPLE)]


def date_formats(found: Survey, made: Guess, where: str) -> dict[str, str]:
    """Return how the dates of columns of strings are written."""
    columns = [*made.named(DATES), *filter(None, [made.time])]
    facts = [found.columns[name] for name in columns]
    return {f.name: the_form(f, where) for f in facts if f.is_text and not f.is_number}


def settle_modality(found: Survey, made: Guess, wishes: Wishes, where: str) -> None:
    """Make it a dataset of texts if the user says so, or if strings are all that there is to learn from."""
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
        raise DataError(f"{where} leaves no column to learn from ({reasons}).")


def check_only_feature(made: Guess, where: str) -> None:
    """Raise DataError if the only feature is a column of strings whose name is kept for arrays and texts."""
    kinds = [part.kind for part in made.roles.values() if part.kind in (NUMERIC, CATEGORICAL, DATES)]
    if made.modality == "tabular" and kinds == [CATEGORICAL] and ARRAY in made.named(CATEGORICAL):
        raise DataError(
            f"{where}: the only feature is a column '{ARRAY}' of strings, which looks like texts; rename it."
        )


def warn_of_marks(found: Survey, made: Guess) -> None:
    """Warn of strings that would be numbers if they had another decimal mark."""
    for name, part in made.roles.items():
        facts = found.columns[name]
        if part.kind in (NAMES, CATEGORICAL) and part.why != SAID and facts.is_turned and facts.turned:
            taken = "left out as names" if part.kind == NAMES else "taken for categories"
            made.warnings.append(
                f"column '{name}' looks like numbers with another decimal mark ('{facts.turned.value}' in "
                f"row {facts.turned.row}), and is {taken}; write numbers as in 3.14 if they are a quantity."
            )


def warn_of_leaks(found: Survey, made: Guess) -> None:
    """Warn of columns that give the target away, of texts left out and of many categories."""
    looked_at = [
        name
        for name, part in made.roles.items()
        if name in found.sample and part.kind != TEXT and part.why != SAID and not part.why.startswith(BESIDE)
    ]
    columns = [made.target, *looked_at]
    for name, how in tell_tales(found.sample[columns], made.target, made.task).items():
        is_out = made.roles[name].kind in (OUT, NAMES)
        advice = "it is left out" if is_out else f"say --drop '{name}' unless it is known at prediction"
        made.warnings.append(f"column '{name}' gives the target away: {how}; {advice}.")
        made.roles[name] = Role(made.roles[name].kind, f"gives the target away? {how}")
    for name in made.named(TEXT):
        made.warnings.append(
            f"column '{name}' is free text and left out; to learn from it alone: --text '{name}'."
        )
    for name in made.named(CATEGORICAL):
        if found.columns[name].n_distinct > MANY_CATEGORIES:
            made.warnings.append(f"column '{name}' has {found.columns[name].n_distinct:,} categories.")
