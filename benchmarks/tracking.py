"""What logging to MLflow costs a sweep.

    python benchmarks/tracking.py [--turns 3]

A train stage of one dataset (10,000 rows of 16 numbers in 26 classes, six models, eight anchors, five
repeats) with and without MLflow, in turns, each in a process of its own, from an empty store and an empty
database, which a project makes once. Workers are not told of MLflow, and both cores are busy while the
stage lasts; so what MLflow takes of the wall is the CPU seconds that it adds to the stage's own process,
over those that the cores have in the stage's time. That share stands beside its limit. The wall itself is
printed too; it varies more from run to run than MLflow costs.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from fuelgauge.sweep.runner import cores
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

    Workers are not among them: the process that they are forked from is one for which no stage waits.
    """
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Print the shares; 1 if the limit is broken."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=3)
    turns = parser.parse_args().turns
    measured: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory(prefix="fuelgauge-benchmark-") as folder:
        project = Project(Path(folder), repeats=5)
        (project.root / "params.yaml").write_text(PARAMS)
        make_database(f"{SQLITE}{project.root / EMPTY}")
        for _ in range(turns):
            for way in WAYS:
                measured[way].append(run_stage(project, way))
                print(f"tracking={way}: {measured[way][-1][0]:.1f} s, own CPU {measured[way][-1][1]:.2f} s")
    (wall, cpu), (tracked_wall, tracked_cpu) = (
        [median(values) for values in zip(*measured[way], strict=True)] for way in WAYS
    )
    share = (tracked_cpu - cpu) / (cores() * tracked_wall)
    print(
        f"MLflow adds {tracked_cpu - cpu:.2f} CPU seconds (medians): {share:.1%} of the cores' time", end=""
    )
    print(f" (limit {ALLOWED:.0%}){'' if share <= ALLOWED else '  <- broken'}")
    print(f"the wall, {tracked_wall:.1f} instead of {wall:.1f} s: {tracked_wall / wall - 1:+.1%}")
    return 0 if share <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
