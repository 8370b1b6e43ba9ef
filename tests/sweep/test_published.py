"""Costs of the published runs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from fuelgauge.sweep._published import COLUMNS, published_costs
from fuelgauge.sweep.costs import trial_seconds


def row(**fields: object) -> dict[str, object]:
    about = {"dataset": "a", "model": "mlp", "features": "raw", "size": "default", "search": "none"}
    kind = {"n_train": 64, "status": "done", "task": "binary", "n_features": 5.0, "device": "cpu"}
    seconds = {"fit_seconds": 2.0, "used_cpu_seconds": 3.0, "refit_seconds": 1.0, "search_seconds": 0.0}
    return about | kind | seconds | {"predict_seconds": 0.5} | fields


def write(folder: Path, rows: list[dict[str, object]], name: str = "one") -> None:
    pd.DataFrame(rows)[COLUMNS].to_parquet(folder / f"{name}.parquet")


def test_the_seconds_are_those_that_trials_of_the_own_store_have(tmp_path: Path) -> None:
    packed = row(model="gru", fit_seconds=None)
    searched = row(search="tpe", search_seconds=9.0)
    write(tmp_path, [row(), packed, searched])
    costs = published_costs(tmp_path)
    for contestant, record in (("mlp", row()), ("gru", packed), ("mlp+tpe", searched)):
        assert costs.estimate("a", contestant, 64) == pytest.approx(trial_seconds(record))


def test_failed_trials_and_other_devices_do_not_count_and_all_tables_are_read(tmp_path: Path) -> None:
    others = [row(status="failed", fit_seconds=99.0), row(device="cuda", fit_seconds=99.0)]
    write(tmp_path, [row(), *others])
    write(tmp_path, [row(dataset="b", n_features=50.0, fit_seconds=8.0)], "two")
    costs = published_costs(tmp_path)
    assert costs.estimate("a", "mlp", 64) == pytest.approx(2.5)
    assert costs.estimate("unknown", "mlp", 64) == pytest.approx((2.5 * 8.5) ** 0.5)


def test_without_a_table_nothing_is_known(tmp_path: Path) -> None:
    assert published_costs(tmp_path).estimate("a", "mlp", 64) is None
