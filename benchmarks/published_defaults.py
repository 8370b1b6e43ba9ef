"""Compare models that have a published default with their authors' own classes on the same rows.

    pip install pytabkit skorch dill msgpack numba probmetrics   # not among the project's requirements
    python benchmarks/published_defaults.py [--models xgboost realmlp catboost] [--rows 2048 8000]

For each model, dataset and number of rows it prints the mean of ln(our loss / their loss) over paired
repeats, with its 95% interval. The CPU seconds of both fits stand beside it. The losses are those before
the refit, on the same fitting, validation and test rows. The limit is a mean within 0.03 of 0. The exit
code is 1 if it is exceeded. Where the loss is an error rate, a few test rows decide it, so the ratio of
cross-entropies stands beside it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

REPOSITORY = Path(__file__).resolve().parents[1]
ROOT = REPOSITORY / "outputs" / "published"
DATASETS, ROWS, REPEATS = ("penbased", "hotel_rates"), (2048, 8000), 10
ALLOWED = 0.03
THEIRS = {
    "xgboost": "XGB_TD",
    "lightgbm": "LGBM_TD",
    "catboost": "CatBoost_TD",
    "realmlp": "RealMLP_TD",
    "realmlp_s": "RealMLP_TD_S",
    "mlp": "MLP_RTDL_D",
    "tabm": "TabM_D",
    "ft_transformer": "FTT_D",
}


def prepare_root() -> None:
    """Make a separate project folder, so that the results of the pipeline do not change."""
    (ROOT / "data").mkdir(parents=True, exist_ok=True)
    for name in ("data/archives", "data/own"):
        (REPOSITORY / name).mkdir(parents=True, exist_ok=True)
    for name in ("conf", "params.yaml", "data/archives", "data/own"):
        link = ROOT / name
        if not link.is_symlink():
            link.symlink_to(REPOSITORY / name)
    os.environ["FUELGAUGE_ROOT"] = str(ROOT)


def first_trials(dataset: str, model: str, n: int, repeats: int) -> list[Any]:
    """Return the trials of a model with n rows; ingest and featurize the dataset if that is still to do."""
    from fuelgauge import paths
    from fuelgauge.config.compose import compose
    from fuelgauge.data.ingest import ingest
    from fuelgauge.features.featurize import featurize
    from fuelgauge.sweep.grid import plan_curve

    config = compose(
        f"dataset={dataset}",
        f"model={model}",
        f"anchors.start={n}",
        f"anchors.stop={n}",
        f"repeats={repeats}",
    )
    if not (paths.FEATURES / dataset / "raw.arrow").is_file():
        ingest(config.dataset)
        featurize(config.dataset, config.feature_set)
    return list(plan_curve(config).trials)


def ours(trial: Any, rows: Any) -> tuple[np.ndarray, float]:
    """Return our test predictions before the refit, and the CPU seconds of the fit."""
    from fuelgauge.sweep.trial import fit_best

    best = fit_best(trial, rows).best
    return best.model.predict(rows.test), best.fit.cpu_seconds


def theirs(name: str, rows: Any, seed: int) -> tuple[np.ndarray, float]:
    """Return the test predictions of the authors' class, and the CPU seconds of its fit."""
    import pytabkit

    kind = "Regressor" if rows.train.task == "regression" else "Classifier"
    model = getattr(pytabkit, f"{THEIRS[name]}_{kind}")(device="cpu", n_threads=1, random_state=seed)
    start = time.process_time()
    model.fit(as_frame(rows.train), rows.train.y, as_frame(rows.validation), rows.validation.y)
    seconds = time.process_time() - start
    test = as_frame(rows.test)
    return (model.predict(test) if kind == "Regressor" else model.predict_proba(test)), seconds


def as_frame(examples: Any) -> pd.DataFrame:
    """Return the inputs as a table whose categories are marked as such."""
    table = examples.x if isinstance(examples.x, pd.DataFrame) else pd.DataFrame(examples.x)
    return table.astype(dict.fromkeys(examples.categorical, "category"))


def loss(predicted: np.ndarray, rows: Any, metric: str) -> float:
    """Return the loss of test predictions."""
    from fuelgauge.sweep.scores import score_predictions

    return score_predictions(predicted, rows.test, metric)[0]


def compare(dataset: str, model: str, n: int, repeats: int) -> bool:
    """Print the comparison of a model on a dataset; return whether it is within the limit."""
    from fuelgauge.sweep.trial import rows_of

    ratios, finer, seconds = [], [], []
    for trial in first_trials(dataset, model, n, repeats):
        rows, metric = rows_of(trial), trial.curve.dataset.metric
        own, own_seconds = ours(trial, rows)
        other, other_seconds = theirs(model, rows, trial.repeat)
        ratios.append(np.log(loss(own, rows, metric) / loss(other, rows, metric)))
        if rows.train.task != "regression":
            finer.append(np.log(loss(own, rows, "log_loss") / loss(other, rows, "log_loss")))
        seconds.append((own_seconds, other_seconds))
    cost = np.mean(seconds, axis=0)
    print(
        f"{model:9s} {dataset:12s} n = {n:5d}  mean ln ratio {interval(ratios)}, limit {ALLOWED}"
        + (f"; of cross-entropy {interval(finer)}" if finer else "")
        + f"; CPU seconds {cost[0]:.1f} and {cost[1]:.1f}",
        flush=True,
    )
    return abs(float(np.mean(ratios))) <= ALLOWED


def interval(ratios: list[float]) -> str:
    """Return the mean of paired values with its 95% interval by Student's t."""
    mean, error = float(np.mean(ratios)), stats.sem(ratios)
    half = float(stats.t.ppf(0.975, len(ratios) - 1) * error)
    return f"{mean:+.3f} ({mean - half:+.3f} to {mean + half:+.3f})"


def main() -> int:
    """Compare what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["xgboost", "realmlp", "catboost"], choices=THEIRS)
    parser.add_argument("--datasets", nargs="+", default=DATASETS, help="datasets (default: both)")
    parser.add_argument("--rows", nargs="+", type=int, default=ROWS, help="values of n_train")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="paired repeats (default: 10)")
    asked = parser.parse_args()
    prepare_root()
    within = [
        compare(dataset, model, n, asked.repeats)
        for model in asked.models
        for dataset in asked.datasets
        for n in asked.rows
    ]
    return 0 if all(within) else 1


if __name__ == "__main__":
    sys.exit(main())
