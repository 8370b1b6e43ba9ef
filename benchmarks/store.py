"""Time the reading of the stores of a hundred thousand trials, and the planning of these trials.

    python benchmarks/store.py

Makes a temporary project with the dataset digits and with stores of made-up records. Prints the seconds with
their limits: 2 to read the stores, and 5 to plan the trials. Imports do not count. Memory does not grow with
the number of stores if reading ten stores takes no more of it than reading one.
The exit code is 1 if a limit is exceeded.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
ROOT = Path(tempfile.mkdtemp(prefix="fuelgauge-benchmark-"))
os.environ["FUELGAUGE_ROOT"] = str(ROOT)
PARAMS = """
datasets: [digits]
models: [dummy, logistic, knn, xgboost, random_forest, mlp, cnn2d]
sizes: [tiny, small, default, large]
anchors: {start: 32, factor: 2, stop: 1024}
repeats: 670
claims: [data]
"""
READ_ALLOWED, PLAN_ALLOWED = 2.0, 5.0
RESULT = {
    "loss": 0.0512345678901234, "score": 0.9487654321098766, "metric_accuracy": 0.9487654321098766,
    "metric_log_loss": 0.1812345678901234, "val_loss": 0.0612345678901234, "n_test": 270,
    "fit_seconds": 0.5123456789, "fit_cpu_seconds": 0.5112345678, "search_seconds": 0.0,
    "search_cpu_seconds": 0.0, "n_fits": 1, "predict_seconds": 0.0123456789, "peak_memory_mb": 512.3,
    "n_parameters": 12345, "n_steps": 640,
    "hyperparameters": '{"batch_size": 256, "dropout": 0.1, "learning_rate": 0.001, "width": 256}',
}  # fmt: skip


def main() -> None:
    """Print the measurements with their limits."""
    shutil.copytree(CHECKOUT / "conf", ROOT / "conf")
    (ROOT / "params.yaml").write_text(PARAMS, encoding="utf-8")
    from fuelgauge.config.compose import all_curves
    from fuelgauge.sweep import fingerprint
    from fuelgauge.sweep.grid import anchor_support
    from fuelgauge.sweep.plan import grid_plan
    from fuelgauge.sweep.status import Outline
    from fuelgauge.sweep.store import stores

    n_trials = write_stores()
    started = time.perf_counter()
    for path in stores():
        Outline.read(path)
    read = time.perf_counter() - started
    for cached in (anchor_support, fingerprint.normalised, fingerprint.imports, fingerprint.version):
        cached.cache_clear()
    started = time.perf_counter()
    plan = grid_plan(all_curves())
    planned = time.perf_counter() - started
    assert not any(state.waiting for state, _ in plan.curves)
    print(f"{n_trials:,} trials in {len(list(stores()))} stores, {size_of_stores():.0f} MiB")
    print(f"read  {read:5.2f} s (limit {READ_ALLOWED:g} s): {read / READ_ALLOWED:.2f} of the limit")
    print(f"plan  {planned:5.2f} s (limit {PLAN_ALLOWED:g} s): {planned / PLAN_ALLOWED:.2f} of the limit")
    one, ten = memory_of_reading(1), memory_of_reading(10)
    print(f"peak memory of reading one store {one:.1f} MiB, of reading ten stores {ten:.1f} MiB")
    sys.exit(read > READ_ALLOWED or planned > PLAN_ALLOWED)


def write_stores() -> int:
    """Write a record of every trial; return their number."""
    from fuelgauge.config.compose import all_curves, compose
    from fuelgauge.data.ingest import ingest
    from fuelgauge.features.featurize import featurize
    from fuelgauge.sweep.grid import plan_curve, why_not
    from fuelgauge.sweep.runner import trial_record
    from fuelgauge.sweep.store import store_path, to_line

    config = compose("dataset=digits")
    ingest(config.dataset)
    featurize(config.dataset, config.feature_set)
    count, begun = 0, datetime.now(UTC)
    for config in all_curves():
        if why_not(config) is None:
            path = store_path("digits", config.contestant)
            path.parent.mkdir(parents=True, exist_ok=True)
            trials = plan_curve(config).trials
            path.write_bytes(b"".join(to_line(trial_record(trial, RESULT, begun)) for trial in trials))
            count += len(trials)
    return count


def size_of_stores() -> float:
    """Return the size of all stores in MiB."""
    from fuelgauge.sweep.store import stores

    return sum(path.stat().st_size for path in stores()) / 2**20


def memory_of_reading(n: int) -> float:
    """Return the peak memory of reading the first n stores, in MiB."""
    from fuelgauge.sweep.status import Outline
    from fuelgauge.sweep.store import stores

    tracemalloc.start()
    for path in list(stores())[:n]:
        Outline.read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(ROOT, ignore_errors=True)
