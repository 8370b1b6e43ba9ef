"""Measure the cost of logging a sweep to MLflow.

    python benchmarks/tracking.py [--turns 3]

Runs the train stage of one dataset with and without MLflow, in turns, each time in a subprocess. The dataset
has 10,000 rows of 16 numbers in 26 classes. There are six models, eight anchors and five repeats. Every run
starts from an empty store and an empty database. Making the database does not count, because a project makes
it only once.

Only the main process of the stage logs to MLflow, and the workers keep all cores busy. So the cost of MLflow
is the CPU time that it adds to the main process, as a share of the time of all cores during the stage.
This share is printed with its limit. The wall seconds are printed too, but they vary from run to run by more
than MLflow costs. The exit code is 1 if the limit is exceeded.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from fuelgauge.sweep.machine import cores
from fuelgauge.tracking.tracker import SQLITE, make_database
from sweep import Project

ALLOWED = 0.02
WAYS = ("none", "sqlite")
DATABASE, EMPTY = "mlflow.db", "empty.db"
PARAMS = """
datasets: [rows]
models: [dummy, logistic, xgboost, random_forest, mlp, fcn]
anchors: {start: 32, factor: 2, stop: 4096}
repeats: 5
claims: [data]
"""


def run_stage(project: Project, tracking: str) -> tuple[float, float]:
    """Run the train stage from an empty store; return its wall seconds and the CPU seconds of its process."""
    for folder in ("data/store", "data/trials"):
        shutil.rmtree(project.root / folder, ignore_errors=True)
    shutil.copy(project.root / EMPTY, project.root / DATABASE)
    before = cpu_seconds()
    wall = project.run("pipelines/train.py", "dataset=rows", f"tracking={tracking}")
    return wall, cpu_seconds() - before


def cpu_seconds() -> float:
    """Return the CPU seconds of child processes that have ended.

    Workers do not count: the stage does not wait for the process that forks them.
    """
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Print the share of MLflow; return 1 if the limit is exceeded."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=3, help="runs with and without MLflow (default: 3)")
    turns = parser.parse_args().turns
    measured: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory(prefix="fuelgauge-benchmark-") as folder:
        project = Project(Path(folder), repeats=5)
        (project.root / "params.yaml").write_text(PARAMS, encoding="utf-8")
        make_database(f"{SQLITE}{project.root / EMPTY}")
        for _ in range(turns):
            for way in WAYS:
                wall, cpu = run_stage(project, way)
                measured[way].append((wall, cpu))
                print(f"tracking={way}: wall time {wall:.1f} s, CPU time of the main process {cpu:.2f} s")
    (wall, cpu), (tracked_wall, tracked_cpu) = (
        [median(values) for values in zip(*measured[way], strict=True)] for way in WAYS
    )
    share = (tracked_cpu - cpu) / (cores() * tracked_wall)
    print(
        f"MLflow adds {tracked_cpu - cpu:.2f} CPU seconds (medians): {share:.1%} of the time of all cores",
        end="",
    )
    print(f" (limit {ALLOWED:.0%}){'' if share <= ALLOWED else '  <- exceeded'}")
    print(f"wall time {tracked_wall:.1f} s instead of {wall:.1f} s: {tracked_wall / wall - 1:+.1%}")
    return 0 if share <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
