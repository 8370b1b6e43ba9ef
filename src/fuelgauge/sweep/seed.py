"""Put the trials of a trial table back into the trial store.

The store of another machine, or one that was lost, goes on where it was: a trial whose identity today's code,
data and settings give is not run again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from fuelgauge.errors import DataError, TableError
from fuelgauge.spec.names import USUAL, contestant
from fuelgauge.spec.params import Config
from fuelgauge.spec.trials import Curve
from fuelgauge.sweep.grid import plan_curve, why_not
from fuelgauge.sweep.store import SEEDED, TRIAL, Record, TrialStore, store_path
from fuelgauge.sweep.table import MEASURED

__all__ = ["Seeded", "seed"]

ENDED = ("done", "failed")
KEYS = ["trial_id", "dataset", "model", *USUAL, "n_train", "repeat", "status", "reason", "started_at", "loss"]
# Columns of the table that the plan knows, and not the record of a trial.
OF_THE_PLAN = {"n_pool", "n_features"}
WHOLE = {"n_test", "n_fits", "packed", "n_parameters", "n_steps", "n_samples"}
TEXTS = ("device_name", "hyperparameters")

Name = tuple[str, str]  # of a dataset and a contestant


@dataclass
class Seeded:
    """What became of the rows of a table.

    Attributes
    ----------
    added, known
        Numbers of trials that were put into the store, and that it had already.
    changed
        Number of refused rows by curve: today's code, data, settings or libraries give another identity.
    unprepared
        Number of refused rows by dataset that is not featurized, so that identities are not known.
    foreign
        Number of refused rows of curves that params.yaml does not name.
    """

    added: int = 0
    known: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    unprepared: Counter[str] = field(default_factory=Counter)
    foreign: int = 0

    @property
    def refused(self) -> int:
        """Number of refused rows."""
        return self.changed.total() + self.unprepared.total() + self.foreign

    def lines(self) -> Iterator[str]:
        """Yield sentences on what was done."""
        yield f"{self.added:,} trials put into the store, {self.known:,} were there already"
        if self.changed:
            yield (
                f"{self.changed.total():,} rows refused: today's code, data, settings or libraries give "
                f"other identities, so these trials run again ({counts(self.changed)})"
            )
        if self.unprepared:
            yield (
                f"{self.unprepared.total():,} rows refused: their data are not prepared; run `dvc repro "
                f"featurize`, then this command again ({counts(self.unprepared)})"
            )
        if self.foreign:
            yield f"{self.foreign:,} rows refused: params.yaml does not name their curves"


def counts(found: Mapping[str, int]) -> str:
    """Return counts by name as text, at most five of them."""
    shown = [f"{name} {count:,}" for name, count in sorted(found.items())[:5]]
    return ", ".join([*shown, f"and {len(found) - 5} more"] if len(found) > 5 else shown)


def seed(path: Path, configs: Iterable[Config]) -> Seeded:
    """Put the ended trials of a trial table into the stores of some curves.

    Parameters
    ----------
    path
        Trial table in Parquet format, such as reports/trials.parquet. Rows of skipped trials are ignored.
    configs
        Configurations of the curves.

    Raises
    ------
    TableError
        The file is no trial table, or holds a trial twice.
    StoreError
        Another process is writing to a store.
    """
    waiting = rows_by_curve(read(path))
    seeded = Seeded()
    curves: dict[Name, list[Curve]] = defaultdict(list)
    for config in configs:
        name = (config.dataset.name, config.contestant)
        if name in waiting and why_not(config) is None:
            try:
                curves[name].append(plan_curve(config).curve)
            except DataError:
                seeded.unprepared[name[0]] += len(waiting.pop(name))
    for name, rows in waiting.items():
        if name in curves:
            seed_curve(name, rows, curves[name], seeded)
        else:
            seeded.foreign += len(rows)
    return seeded


def read(path: Path) -> pd.DataFrame:
    """Return the rows of a trial table that belong to ended trials."""
    if path.suffix.lower() != ".parquet":
        raise TableError(f"{path} is no Parquet file; a trial table is one, such as reports/trials.parquet.")
    try:
        table = pd.read_parquet(path)
    except FileNotFoundError:
        raise TableError(f"{path} does not exist.") from None
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        raise TableError(f"{path} cannot be read as Parquet ({error}).") from error
    if missing := [name for name in KEYS if name not in table.columns]:
        raise TableError(
            f"{path} has no column '{missing[0]}'; only a table that fuelgauge has written holds the "
            "identities of its trials."
        )
    table = table[table["status"].isin(ENDED)]
    if (twice := table["trial_id"].duplicated()).any():
        raise TableError(
            f"{path} holds the trial {table.loc[twice, 'trial_id'].iloc[0]} twice; remove one of the rows."
        )
    return table


def rows_by_curve(table: pd.DataFrame) -> dict[Name, list[dict[str, Any]]]:
    """Return the rows of a table by dataset and contestant."""
    rows: dict[Name, list[dict[str, Any]]] = defaultdict(list)
    for record in table.to_dict("records"):
        row = {str(column): value for column, value in record.items()}
        name = contestant(str(row["model"]), *(str(row[key]) for key in USUAL))
        rows[str(row["dataset"]), name].append(row)
    return dict(rows)


def seed_curve(name: Name, rows: Iterable[dict[str, Any]], curves: Iterable[Curve], seeded: Seeded) -> None:
    """Append the records of a contestant on a dataset to its store, except those that are there."""
    curves = list(curves)
    with TrialStore(store_path(*name)) as store:
        for row in rows:
            if not any(has(curve, row) for curve in curves):
                seeded.changed["/".join(name)] += 1
            elif row["trial_id"] in store.records:
                seeded.known += 1
            else:
                store.append(record_of(row, name))
                seeded.added += 1


def has(curve: Curve, row: Mapping[str, Any]) -> bool:
    """Return whether a row has the identity that a curve gives a trial today."""
    return bool(curve.trial(int(row["n_train"]), int(row["repeat"])).trial_id == row["trial_id"])


def record_of(row: Mapping[str, Any], name: Name) -> Record:
    """Return the store record of an ended trial, from its row of the table."""
    is_done = row["status"] == "done"
    kind, _, message = str(row["reason"]).partition(": ")
    return {
        "kind": TRIAL,
        "trial_id": row["trial_id"],
        "dataset": name[0],
        "model": name[1],
        "n_train": int(row["n_train"]),
        "repeat": int(row["repeat"]),
        "status": row["status"],
        "failure": None if is_done else {"kind": kind, "message": message, "traceback": ""},
        "result": result_of(row) if is_done else {},
        "started_at": row["started_at"],
        "session": SEEDED,
        "elapsed": 0.0,
        "cores": 0,
    }


def result_of(row: Mapping[str, Any]) -> Record:
    """Return the measurements of a row; None where there is none."""
    result: Record = {name: None if pd.isna(row[name]) else str(row[name]) for name in TEXTS if name in row}
    for name, value in row.items():
        if name.startswith("metric_") and pd.notna(value):  # other tasks of the table have other metrics
            result[name] = float(value)
        elif name in MEASURED and name not in OF_THE_PLAN:
            result[name] = None if pd.isna(value) else int(value) if name in WHOLE else float(value)
    return result
