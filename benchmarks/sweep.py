"""Compare a learning curve by this pipeline with the usual ways: the same trials in one run.

    python benchmarks/sweep.py [--repeats 10]

The model is an MLP 16-128-128-26 at n = 128, 512, 2,048 and 8,192, with at most 20 epochs and early stopping.
It is compared with two other ways (benchmarks/usual.py):

- (a) bare PyTorch loops, one after another;
- (b) a Hydra multirun with one job per trial, which uses Lightning, a DataLoader, checkpoints, early stopping
  and MLFlowLogger.

XGBoost with 60 rounds at the same n is compared with (c) scikit-learn's `learning_curve`.

Prints ratios of wall seconds with their limits, for whole commands and for the time after the first fit
begins. The exit code is 1 if a limit is exceeded.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fuelgauge.sweep.machine import cores

CHECKOUT = Path(__file__).resolve().parents[1]
USUAL = CHECKOUT / "benchmarks/usual.py"
N_ROWS, N_COLUMNS, N_CLASSES = 10_000, 16, 26
ANCHORS = (128, 512, 2048, 8192)
WHOLE_AT_LEAST, AFTER_START_AT_LEAST, LEARNING_CURVE_ALLOWED = 6.0, 10.0, 1.1
PARAMS = """
datasets: [rows]
models: [mlp, xgboost]
anchors: {{start: 128, factor: 4, stop: 8192}}
repeats: {repeats}
claims: [data]
"""
NET = [
    *(f"model.hyperparameters.{setting}" for setting in (
        "width=128", "depth=2", "dropout=0.0", "batch_size=64", "learning_rate=0.003", "max_epochs=20",
        "min_steps=1", "rounds=20", "patience=5",
    )),
    "model.packed_rows.cpu=8192",  # with batches of 64 rows and so small a net, packing pays at any n
]  # fmt: skip
TREES = ["model.hyperparameters.max_rounds=60", "model.hyperparameters.patience=60"]


class Project:
    """A temporary project with one dataset."""

    def __init__(self, root: Path, repeats: int):
        self.root = root
        for name in ("conf", "pipelines"):
            shutil.copytree(CHECKOUT / name, root / name)
        (root / "data/own").mkdir(parents=True)
        (root / "params.yaml").write_text(PARAMS.format(repeats=repeats), encoding="utf-8")
        self.rows = root / "rows.npz"
        random = np.random.default_rng(0)
        x = random.normal(size=(N_ROWS, N_COLUMNS)).astype(np.float32)
        y = np.argmax(np.tanh(x) @ random.normal(size=(N_COLUMNS, N_CLASSES)), axis=1)
        np.savez(self.rows, x=x, y=y)
        (root / "params.yaml").write_text(
            PARAMS.format(repeats=repeats).replace("[rows]", "[digits]"), encoding="utf-8"
        )
        self.run(
            "-m", "fuelgauge.cli", "add", str(self.rows), "--target", "y", "--sequences", "--name", "rows"
        )
        (root / "params.yaml").write_text(PARAMS.format(repeats=repeats), encoding="utf-8")
        for stage in ("ingest", "featurize"):
            self.run(f"pipelines/{stage}.py", "dataset=rows")

    def run(self, *command: str) -> float:
        """Run a Python command in the project; return its wall seconds."""
        variables = {"FUELGAUGE_ROOT": str(self.root), "OMP_NUM_THREADS": "1"}
        started = time.perf_counter()
        result = subprocess.run(
            [sys.executable, *command],
            cwd=self.root,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
            encoding="utf-8",
        )
        if result.returncode:
            sys.exit(result.stderr)
        self.output = result.stdout
        return time.perf_counter() - started

    def sweep(self, model: str, settings: Sequence[str]) -> tuple[float, float]:
        """Run the train stage of a curve; return the wall seconds, in total and from the first fit on."""
        whole = self.run("pipelines/train.py", "dataset=rows", f"model={model}", *settings)
        return whole, seconds_from_first_fit(self.root / f"data/store/rows/{model}.trials")


def seconds_from_first_fit(path: Path) -> float:
    """Return the seconds from the start of the first fit to the end of the last fit, by the records."""
    from fuelgauge.sweep.costs import trial_seconds
    from fuelgauge.sweep.store import read_store

    records = read_store(path)[0].values()
    assert all(record["status"] == "done" for record in records)
    begun = min(record["elapsed"] - trial_seconds(record["result"]) for record in records)
    return max(record["elapsed"] for record in records) - begun


def print_ratio(what: str, ratio: float, limit: str, holds: bool) -> bool:
    """Print a ratio with its limit; return whether the limit is kept."""
    print(f"{what}: {ratio:.2f} ({limit}) {'' if holds else '  <- exceeded'}")
    return holds


def compare_nets(project: Project, repeats: int) -> bool:
    """Compare the curve of the MLP with bare loops and with the usual code."""
    arguments = [str(project.rows), str(repeats), ",".join(map(str, ANCHORS))]
    whole, after = project.sweep("mlp", NET)
    project.run(str(USUAL), "bare", *arguments)
    bare = float(project.output)
    usual = project.run(
        str(USUAL), "usual", "--multirun", f"+n={arguments[2]}", f"+repeat=range({repeats})",
        f"+rows={project.rows}", "hydra.sweep.dir=usual",
    )  # fmt: skip
    usual_after = usual - float((project.root / "started").read_text(encoding="utf-8"))
    n_cores = cores()
    n_trials = len(ANCHORS) * repeats
    print(f"MLP, {n_trials} trials on {n_cores} cores: {whole:.1f} s, {after:.1f} s from the first fit on")
    print(f"  (a) bare loops one after another {bare:.1f} s, divided by the cores {bare / n_cores:.1f} s")
    print(f"      ours, from the first fit on, over (a) divided by the cores: {after / (bare / n_cores):.2f}")
    print(f"  (b) the usual code {usual:.1f} s, {usual_after:.1f} s from the first fit on")
    ratios = (usual / whole, WHOLE_AT_LEAST), (usual_after / after, AFTER_START_AT_LEAST)
    names = "  (b) over ours, the whole command", "  (b) over ours, from the first fit on"
    kept = [
        print_ratio(name, ratio, f"at least {limit:g}", ratio >= limit)
        for name, (ratio, limit) in zip(names, ratios, strict=True)
    ]
    return all(kept)


def compare_trees(project: Project, repeats: int) -> bool:
    """Compare the curve of XGBoost with scikit-learn's `learning_curve`."""
    whole, _ = project.sweep("xgboost", TREES)
    arguments = [str(project.rows), str(repeats), ",".join(map(str, ANCHORS))]
    sklearn = project.run(str(USUAL), "learning_curve", *arguments)
    print(f"XGBoost, {len(ANCHORS) * repeats} trials: {whole:.1f} s; (c) learning_curve {sklearn:.1f} s")
    ratio = whole / sklearn
    limit = LEARNING_CURVE_ALLOWED
    return print_ratio("  ours over (c)", ratio, f"at most {limit:g}", ratio <= limit)


def main() -> int:
    """Run both comparisons; return 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10, help="repeats per anchor (default: 10)")
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory(prefix="fuelgauge-benchmark-") as folder:
        project = Project(Path(folder), repeats)
        return 0 if all([compare_nets(project, repeats), compare_trees(project, repeats)]) else 1


if __name__ == "__main__":
    sys.exit(main())
