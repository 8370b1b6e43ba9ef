"""Names and values of the metrics and parameters of a learning curve's run in MLflow.

The UI puts metrics into sections by the text before the last slash, and sorts sections and metrics by name.
The names are chosen so that it shows loss, score and seconds first:

- `curve/`: loss, score, seconds of a fit, and the loss over that of a constant prediction, by n_train.
- `detail/`: bounds and further measurements, by n_train; costs are in `detail/cost/`.
- no section: one value for each run, which makes a table of runs a leaderboard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fuelgauge.spec.params import Config
from fuelgauge.spec.trials import Plan
from fuelgauge.sweep.store import Record

__all__ = [
    "CURVES",
    "LEADERBOARD",
    "RIVAL_ROWS",
    "SCORE",
    "anchor_metrics",
    "curve_params",
    "summary_metrics",
]

LEVEL = 0.95
DIGITS = 4  # significant digits of a value in the table of runs
LOSS, SCORE, SECONDS, RELATIVE = "curve/loss", "curve/score", "curve/seconds", "curve/vs_constant"
CURVES = (LOSS, SCORE, SECONDS, RELATIVE)
DETAIL, COST, HYPERPARAMETERS, DESIGN = "detail", "detail/cost", "hp", "run"
RIVAL_ROWS = "rows_vs_best_rival"
# Metrics and parameters that the table of runs shows, in this order.
LEADERBOARD = (
    "params.dataset", "params.family", "metrics.n_train", "metrics.loss", "metrics.score",
    "metrics.loss_vs_constant", f"metrics.{RIVAL_ROWS}", "tags.best_rival", "metrics.seconds",
    "metrics.loss_exponent", "metrics.seconds_exponent",
)  # fmt: skip
ON_CURVE = ("loss", "score", "fit_seconds")
NOT_SHOWN = {"n_test", "n_features", "hyperparameters", "device_name", "predictions", *ON_CURVE}
COSTS = {
    "fit_cpu_seconds", "refit_seconds", "refit_cpu_seconds", "search_seconds",
    "search_cpu_seconds", "used_cpu_seconds", "train_loss_seconds", "predict_seconds", "peak_memory_mb",
    "load", "packed", "flops", "nodes_visited", "n_fits", "n_steps", "n_samples", "n_parameters",
}  # fmt: skip


def anchor_metrics(results: Sequence[Record], n_pool: int) -> dict[str, float]:
    """Return the metrics of an anchor: means over its repeats, and bounds of loss, score and seconds.

    The curves come first, because the compare page of the UI opens with the first metric that was logged.
    Bounds are t intervals. Those of loss and score include the correction of Nadeau and Bengio
    (docs/explanation/protocol.md). No bound is a value that the quantity cannot have.
    """
    loss, score, seconds = (values(results, name) for name in ON_CURVE)
    metrics, limits = {}, {}
    if len(loss):
        metrics = {LOSS: float(loss.mean()), SCORE: float(score.mean())}
        limits = loss_bounds(loss, float(score.mean()), results[0]["n_test"] / n_pool)
        constant = values(results, "constant_loss")
        if len(constant) and constant.mean() > 0:
            metrics[RELATIVE] = float(loss.mean() / constant.mean())
    if len(seconds):
        metrics[SECONDS] = float(seconds.mean())
        limits |= bounds(f"{COST}/fit_seconds", float(seconds.mean()), half_width(seconds))
    further = {name: values(results, name) for name in results[0] if name not in NOT_SHOWN}
    means = {place(name): float(column.mean()) for name, column in further.items() if len(column)}
    return {**metrics, **limits, **means}


def values(results: Sequence[Record], name: str) -> np.ndarray:
    """Return the values of a measurement in the repeats that have it."""
    return np.array([result[name] for result in results if result.get(name) is not None], dtype=float)


def place(name: str) -> str:
    """Return the name in MLflow of a column of the trial table that is not on the first charts."""
    return f"{COST if name in COSTS else DETAIL}/{name}"


def half_width(column: np.ndarray, test_share: float = 0.0) -> float:
    """Return half the width of the interval of a mean over repeats; NaN for one repeat."""
    from fuelgauge.claims.statistics.resample import correction, t_quantile

    if len(column) < 2:
        return np.nan
    error = column.std(ddof=1) / np.sqrt(len(column)) * correction(len(column), test_share)
    return float(t_quantile(LEVEL, len(column)) * error)


def loss_bounds(loss: np.ndarray, score: float, test_share: float) -> dict[str, float]:
    """Return the bounds of loss and score; a score that is one minus the loss stays between 0 and 1."""
    mean = float(loss.mean())
    most = 1.0 if np.isclose(mean + score, 1.0) else np.inf
    of_loss = bounds(f"{DETAIL}/loss", mean, half_width(loss, test_share), most)
    if not of_loss:
        return {}
    lo, hi = of_loss.values()
    return {**of_loss, f"{DETAIL}/score_lo": score + mean - hi, f"{DETAIL}/score_hi": score + mean - lo}


def bounds(name: str, mean: float, half: float, most: float = np.inf) -> dict[str, float]:
    """Return the ends of an interval, cut off at 0 and at the largest possible value; empty without one."""
    if not np.isfinite(half):
        return {}
    return {f"{name}_lo": max(mean - half, 0.0), f"{name}_hi": min(mean + half, most)}


def summary_metrics(points: Mapping[int, Sequence[Record]], n_pool: int) -> dict[str, float]:
    """Return one value a run: loss, score and seconds at the largest anchor, and the fitted exponents.

    Parameters
    ----------
    points
        Results of the repeats, by n_train.
    n_pool
        Number of rows from which training rows are drawn.
    """
    from fuelgauge.claims.statistics.exponents import fit_exponents
    from fuelgauge.claims.statistics.resample import RepeatTest

    largest = max(points)
    last = anchor_metrics(points[largest], n_pool)
    names = {"loss": LOSS, "score": SCORE, "seconds": SECONDS, "loss_vs_constant": RELATIVE}
    summary = {name: last[shown] for name, shown in names.items() if shown in last}
    anchors = np.array(sorted(points), dtype=float)
    share = points[largest][0]["n_test"] / n_pool
    for name, column, test in (
        ("loss", "loss", RepeatTest(LEVEL, share)),
        ("seconds", "fit_seconds", RepeatTest(LEVEL)),
    ):
        fitted = fit_exponents(anchors, by_repeat(points, column), test)
        for end, value in zip(("", "_lo", "_hi"), fitted, strict=True):
            summary[f"{name}_exponent{end}"] = float(value)
    rounded = {name: float(f"{value:.{DIGITS}g}") for name, value in summary.items() if np.isfinite(value)}
    return {"n_train": float(largest), **rounded}


def by_repeat(points: Mapping[int, Sequence[Record]], column: str) -> np.ndarray:
    """Return a measurement of every trial, shape (anchors, repeats); NaN where there is none."""
    most = max(map(len, points.values()))
    table = np.full((len(points), most), np.nan)
    for row, n_train in enumerate(sorted(points)):
        for at, result in enumerate(points[n_train]):
            if result.get(column) is not None:
                table[row, at] = result[column]
    return table


def curve_params(config: Config, plan: Plan) -> dict[str, str]:
    """Return the parameters of a run, with values of at most 500 characters.

    The compare page of the UI opens with the first three by name that differ. So what tells runs apart has
    plain names, and hyperparameters and the design of the run have prefixes.
    """
    curve = plan.curve
    shown = {
        "contestant": curve.name,
        "dataset": curve.dataset.name,
        "family": curve.family,
        "features": curve.dataset.features,
        "group": curve.subfamily or curve.family,
        "metric": curve.dataset.metric,
        "model": curve.model,
        "search": curve.search_name,
        "size": curve.size,
        f"{DESIGN}/anchors": f"{config.anchors.start} x {config.anchors.factor:g}",
        f"{DESIGN}/device": curve.device,
        f"{DESIGN}/repeats": curve.repeats,
        f"{DESIGN}/seed": curve.seed,
        f"{DESIGN}/threads": curve.threads,
        f"{DESIGN}/validation_fraction": curve.split.validation_fraction,
        **{f"{HYPERPARAMETERS}/{name}": value for name, value in curve.hyperparameters.items()},
    }
    return {name: str(value)[:500] for name, value in shown.items()}
