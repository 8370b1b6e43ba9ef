"""Build the trial table (docs/reference/trial_table.md) from the records of the store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from fuelgauge import paths
from fuelgauge.data.splits import fit_seed
from fuelgauge.files import whole
from fuelgauge.spec.names import USUAL
from fuelgauge.spec.trials import Curve, Plan, Trial
from fuelgauge.sweep.store import Record

__all__ = ["MEASURED", "curve_table", "read_tables", "table_path", "write_table"]

TEXT = [
    "trial_id", "dataset", "modality", "task", "model", "family", "subfamily", "features", "size", "search",
]  # fmt: skip
MEASURED = [
    "loss", "score", "loss_before_refit", "val_loss", "choice_loss", "train_loss", "train_loss_before_refit",
    "train_loss_seconds", "constant_loss", "n_test", "n_features", "n_pool", "fit_seconds", "fit_cpu_seconds",
    "refit_seconds", "refit_cpu_seconds", "search_seconds", "search_cpu_seconds", "used_cpu_seconds",
    "n_fits", "packed", "predict_seconds", "peak_memory_mb", "load", "n_parameters", "n_steps", "n_samples",
    "flops", "nodes_visited",
]  # fmt: skip
COLUMNS = [
    *TEXT, "control", "exposed", "n_train", "repeat", "seed", "status", "reason", "metric", *MEASURED,
    "device", "device_name", "threads", "hyperparameters", "started_at", "versions",
]  # fmt: skip


def trial_columns(trial: Trial) -> dict[str, Any]:
    """Return the columns that are known before a trial has run."""
    curve, about = trial.curve, trial.curve.dataset
    return {
        "trial_id": trial.trial_id,
        "dataset": about.name,
        "modality": about.modality,
        "task": about.task,
        "model": curve.model,
        "family": curve.family,
        "subfamily": curve.subfamily,
        "features": about.features,
        "size": curve.size,
        "search": curve.search_name,
        "control": about.control,
        "exposed": curve.exposed,
        "n_train": trial.n_train,
        "repeat": trial.repeat,
        "seed": fit_seed(curve.seed, trial.repeat, trial.n_train),
        "metric": about.metric,
        "n_features": about.n_features,
        "n_pool": curve.n_pool,
        "device": curve.device,
        "threads": curve.threads,
        "hyperparameters": json.dumps(dict(curve.hyperparameters), sort_keys=True),
        "versions": json.dumps(dict(curve.versions), sort_keys=True),
    }


def curve_table(plan: Plan, records: Mapping[str, Record]) -> pd.DataFrame:
    """Return the trial table of a curve, with one row for each trial that ended or was skipped."""
    rows = [
        {**trial_columns(trial), **outcome_columns(records[trial.trial_id])}
        for trial in plan.trials
        if trial.trial_id in records
    ]
    rows += [
        {**trial_columns(trial), "status": "skipped", "reason": reason} for trial, reason in plan.skipped
    ]
    table = pd.DataFrame(rows)
    extra = sorted(name for name in table.columns if name.startswith("metric_"))
    table = table.reindex(columns=[*COLUMNS, *extra])
    measured = [*MEASURED, *extra]
    table[measured] = table[measured].astype("float64")
    counts = ["n_train", "repeat", "seed", "threads", "control", "exposed"]
    text = [name for name in table.columns if name not in [*measured, *counts]]
    table[text] = table[text].astype("string")
    return table.sort_values(["n_train", "repeat"], ignore_index=True)


def outcome_columns(record: Record) -> dict[str, Any]:
    """Return the columns that come from a stored record."""
    columns = dict(record["result"])
    failure = record.get("failure")
    return {
        **columns,
        "status": record["status"],
        "reason": f"{failure['kind']}: {failure['message']}" if failure else "",
        "started_at": record["started_at"],
    }


def table_path(curve: Curve, folder: Path = paths.TRIALS) -> Path:
    """Return the path of the trial table of a curve."""
    return folder / curve.dataset.name / f"{curve.name}.parquet"


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table, whole or not at all; replace an older one."""
    with whole(path) as partial:
        table.to_parquet(partial, index=False)


def read_tables(folder: Path = paths.TRIALS) -> pd.DataFrame:
    """Return the trial tables of all curves as one, sorted by dataset, contestant, anchor and repeat."""
    tables = [pd.read_parquet(path) for path in sorted(folder.glob("*/*.parquet"))]
    if not tables:
        return pd.DataFrame(columns=COLUMNS)
    whole = pd.concat(tables, ignore_index=True)
    extra = sorted(name for name in whole.columns if name.startswith("metric_"))
    keys = ["dataset", "model", *USUAL, "n_train", "repeat"]
    return whole.reindex(columns=[*COLUMNS, *extra]).sort_values(keys, ignore_index=True)
