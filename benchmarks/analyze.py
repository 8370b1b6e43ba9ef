"""Time `fuelgauge analyze` on a million trials: 100 datasets x 10 models x 20 anchors x 50 repeats.

    python benchmarks/analyze.py

Prints the seconds and the peak memory of the command, which reads a Parquet file and writes verdicts, tables
and the page, and the bytes of the page. The limits are 120 seconds, 1.5 GB and 2 MB on two cores. The exit
code is 1 if a limit is exceeded.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

SECONDS_ALLOWED = 120.0
MEMORY_ALLOWED = 1_500_000_000  # bytes
PAGE_ALLOWED = 2_000_000  # bytes
N_DATASETS, N_MODELS, N_ANCHORS, N_REPEATS = 100, 10, 20, 50
FAMILIES = ["linear", "linear", "trees", "trees", "trees", "deep", "deep", "deep", "deep", "pretrained"]
SUBFAMILIES = ["", "", "forest", "boosted", "boosted", "", "", "", "", ""]


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
            "subfamily": np.array(SUBFAMILIES)[model],
            "n_train": anchors[anchor],
            "repeat": repeat,
            "loss": loss.ravel(),
            "val_loss": (loss * np.exp(random.normal(0, 0.05, shape))).ravel(),
            "choice_loss": (loss * np.exp(random.normal(0, 0.05, shape))).ravel(),
            "train_loss": (loss * random.uniform(0.5, 1, (*shape[:2], 1, 1))).ravel(),
            "constant_loss": 4.0,
            "score": 1 - loss.ravel(),
            "fit_seconds": 1e-4 * anchors[anchor] * np.exp(random.normal(0, 0.1, loss.size)),
            "n_test": 2000,
            "n_pool": 20_000,
        }
    )


def main() -> int:
    """Run the command once; return 1 if a limit is exceeded."""
    with tempfile.TemporaryDirectory() as folder:
        table, out = Path(folder) / "trials.parquet", Path(folder) / "report"
        generate().to_parquet(table)
        started = time.perf_counter()
        subprocess.run(["fuelgauge", "analyze", str(table), "--out", str(out)], check=True)
        seconds = time.perf_counter() - started
        page = (out / "index.html").stat().st_size
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    memory = used.ru_maxrss * (1 if sys.platform == "darwin" else 2**10)
    print(f"{seconds:.0f} s (limit {SECONDS_ALLOWED:.0f} s), {used.ru_utime + used.ru_stime:.0f} CPU seconds")
    print(f"peak memory {memory / 1e9:.2f} GB (limit {MEMORY_ALLOWED / 1e9:.2f} GB)")
    print(f"page {page / 1e6:.2f} MB (limit {PAGE_ALLOWED / 1e6:.2f} MB)")
    return int(seconds > SECONDS_ALLOWED or memory > MEMORY_ALLOWED or page > PAGE_ALLOWED)


if __name__ == "__main__":
    raise SystemExit(main())
