"""Costs of the published runs, for a machine that has measured none."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import cast

import pandas as pd

from fuelgauge import paths
from fuelgauge.spec.names import contestant
from fuelgauge.sweep.costs import Kind, PastCosts, kind_of, trial_seconds
from fuelgauge.sweep.store import Record

__all__ = ["published_costs"]

NAMES = ["dataset", "model", "features", "size", "search"]
COLUMNS = [
    *NAMES, "n_train", "status", "task", "n_features", "device", "fit_seconds", "used_cpu_seconds",
    "refit_seconds", "search_seconds", "predict_seconds",
]  # fmt: skip


@functools.cache
def published_costs(folder: Path | None = None) -> PastCosts:
    """Return the mean costs of the trials on a CPU in the published tables; none where there is no table.

    Parameters
    ----------
    folder
        Folder of the published trial tables; None for that of the project.
    """
    folder = folder or paths.ROOT / "published"
    tables = [pd.read_parquet(path, columns=COLUMNS) for path in sorted(folder.glob("*.parquet"))]
    if not tables:
        return PastCosts({})
    trials = pd.concat(tables, ignore_index=True)
    trials = trials[(trials["status"] == "done") & (trials["device"] == "cpu")]
    records = trials.astype(object).where(trials.notna(), None).to_dict("records")
    costs = pd.Series([trial_seconds(cast(Record, each)) for each in records], trials.index, float)
    means = costs.groupby([trials[name] for name in (*NAMES, "n_train")]).mean()
    seconds: dict[tuple[str, str], dict[int, float]] = {}
    for key, mean in means.items():
        dataset, model, features, size, search, n_train = cast(tuple[str, str, str, str, str, int], key)
        name = contestant(model, features, size, search)
        seconds.setdefault((dataset, name), {})[int(n_train)] = float(mean)
    about = trials.groupby("dataset")[["task", "n_features"]].first()
    kinds = {
        str(name): Kind(str(task), int(width))
        for name, task, width in zip(about.index, about["task"], about["n_features"], strict=True)
    }
    return PastCosts(seconds, lambda dataset, features: kinds.get(dataset) or kind_of(dataset, features))
