"""Measure what the refit on all rows is worth, for each model.

    python benchmarks/refit.py [--models logistic xgboost ...] [--rows 64 256 1024] [--repeats 3]

Twelve tables. For each model it prints the mean of ln(loss of the refit / loss of the first fit) over tables,
sizes and repeats. The interval is Student's t over the tables, whose means are the units. The first fit sees
80% of the rows, and the refit all of them. Results are kept in outputs/published; a second call runs only
the missing ones.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np
import pandas as pd
from published_defaults import prepare_root
from scipy import stats

TABLES = (
    "churn", "credit", "diamonds", "flights", "hotel_rates", "lending_club",
    "letter", "magic", "penbased", "satimage", "spambase", "telco_churn",
)  # fmt: skip
MODELS = (
    "logistic", "ridge", "splines", "random_forest", "extra_trees",
    "xgboost", "lightgbm", "catboost", "mlp", "realmlp", "realmlp_s",
)  # fmt: skip
ROWS = (64, 256, 1024)


def measured(dataset: str, model: str, rows: list[int], repeats: int) -> pd.DataFrame | None:
    """Return the trials of a model on a table; None if the model does not suit it."""
    from fuelgauge import paths
    from fuelgauge.config.compose import compose
    from fuelgauge.data.ingest import ingest
    from fuelgauge.features.featurize import featurize
    from fuelgauge.sweep.grid import why_not
    from fuelgauge.sweep.runner import run_curve
    from fuelgauge.tracking.tracker import make_tracker

    settings: list[Any] = [f"dataset={dataset}", f"model={model}", "tracking=none", f"repeats={repeats}"]
    config = compose(*settings)
    if why_not(config):
        return None
    if not (paths.FEATURES / dataset / "raw.arrow").is_file():
        ingest(config.dataset)
        featurize(config.dataset, config.feature_set)
    tables = []
    for n in rows:
        table = run_curve(compose(*settings, f"anchors.start={n}", f"anchors.stop={n}"), make_tracker)
        assert table is not None
        tables.append(table[(table["n_train"] == n) & (table["status"] == "done")])
    return pd.concat(tables)


def main() -> int:
    """Run what the command line names and print a line for each model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=MODELS, help="models (default: all of tables)")
    parser.add_argument("--tables", nargs="+", default=TABLES, help="datasets (default: twelve tables)")
    parser.add_argument("--rows", nargs="+", type=int, default=ROWS, help="values of n_train")
    parser.add_argument("--repeats", type=int, default=3, help="repeats (default: 3)")
    asked = parser.parse_args()
    prepare_root()
    for model in asked.models:
        found = {name: measured(name, model, list(asked.rows), asked.repeats) for name in asked.tables}
        means = [
            float(np.log(table["loss"] / table["loss_before_refit"]).mean())
            for table in found.values()
            if table is not None and len(table)
        ]
        half = float(stats.t.ppf(0.975, len(means) - 1) * stats.sem(means))
        mean = float(np.mean(means))
        print(
            f"{model:14s} {len(means):2d} tables  mean ln ratio {mean:+.3f} "
            f"({mean - half:+.3f} to {mean + half:+.3f})",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
