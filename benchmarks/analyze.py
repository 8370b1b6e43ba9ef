"""Time the analysis of 200,000 trials: 100 datasets x 10 models x 20 anchors x 10 repeats.

    python benchmarks/analyze.py

Prints the wall seconds and the peak memory with their limits: 60 seconds and 2 GiB on two cores.
The exit code is 1 if a limit is exceeded.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from fuelgauge.claims.analysis import analyze

SECONDS_ALLOWED = 60.0
MIB_ALLOWED = 2048.0
N_DATASETS, N_MODELS, N_ANCHORS, N_REPEATS = 100, 10, 20, 10
FAMILIES = ["linear", "linear", "trees", "trees", "trees", "deep", "deep", "deep", "deep", "pretrained"]


def generate() -> pd.DataFrame:
    """Return trials whose losses follow power laws.

    The noise has two parts: one that all models of a repeat share, and one of each trial.
    """
    random = np.random.default_rng(0)
    anchors = np.unique(np.geomspace(32, 32 * 2**9.5, N_ANCHORS).round()).astype(int)
    shape = (N_DATASETS, N_MODELS, N_ANCHORS, N_REPEATS)
    amplitude = random.uniform(0.5, 3, (*shape[:2], 1, 1))
    exponent = random.uniform(0.2, 0.6, (*shape[:2], 1, 1))
    shared = random.normal(0, 0.05, (N_DATASETS, 1, 1, N_REPEATS))
    noise = np.exp(shared + random.normal(0, 0.03, shape))
    loss = (0.05 + amplitude * anchors[:, None] ** -exponent) * noise
    dataset, model, anchor, repeat = (index.ravel() for index in np.indices(shape))
    return pd.DataFrame(
        {
            "dataset": np.array([f"dataset_{i:03d}" for i in range(N_DATASETS)])[dataset],
            "modality": np.array(["tabular", "text", "image", "sequence"])[dataset % 4],
            "model": np.array([f"model_{i}" for i in range(N_MODELS)])[model],
            "family": np.array(FAMILIES)[model],
            "n_train": anchors[anchor],
            "repeat": repeat,
            "loss": loss.ravel(),
            "val_loss": (loss * np.exp(random.normal(0, 0.05, shape))).ravel(),
            "score": 1 - loss.ravel(),
            "fit_seconds": 1e-4 * anchors[anchor] * np.exp(random.normal(0, 0.1, loss.size)),
            "n_test": 2000,
        }
    )


def main() -> int:
    """Run the analysis once; return 1 if a limit is exceeded."""
    trials = generate()
    with tempfile.TemporaryDirectory() as folder:
        started, started_cpu = time.perf_counter(), time.process_time()
        analysis = analyze(trials, Path(folder))
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - started_cpu
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    print(f"{len(trials):,} trials: {len(analysis.curves):,} curve points, {len(analysis.pairs):,} pair rows")
    print(f"{seconds:.1f} s (limit {SECONDS_ALLOWED:.0f} s; CPU time {cpu_seconds:.1f} s)")
    print(f"peak memory {mib:.0f} MiB (limit {MIB_ALLOWED:.0f} MiB)")
    return int(seconds > SECONDS_ALLOWED or mib > MIB_ALLOWED)


if __name__ == "__main__":
    raise SystemExit(main())
