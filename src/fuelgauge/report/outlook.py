"""What a data scientist asks of one dataset: which model is best now, and what twice the rows would bring."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from fuelgauge.claims.statistics.beyond import BASELINE, kinds_of
from fuelgauge.claims.statistics.forecast_best import BestForecast, forecast_best
from fuelgauge.claims.statistics.forecast_inputs import CONSTANT, KINDS
from fuelgauge.errors import TableError
from fuelgauge.report.summary import FEW_DATASETS

__all__ = ["answers", "outlook"]

FEWEST_ANCHORS = 2


def answers(trials: pd.DataFrame) -> list[str]:
    """Return the lines of `outlook` for each dataset of a run with one or two datasets, else none.

    Parameters
    ----------
    trials
        As for `outlook`.
    """
    names = sorted(map(str, trials["dataset"].unique()))
    if len(names) > FEW_DATASETS:
        return []
    return [line for name in names for line in ([name] if len(names) > 1 else []) + outlook(trials, name)]


def outlook(trials: pd.DataFrame, dataset: str) -> list[str]:
    """Return the best model of a dataset, and the joint forecast at twice the rows, a line each.

    Parameters
    ----------
    trials
        Checked trials of models; the columns metric, score, train_loss, constant_loss and subfamily are
        optional.
    dataset
        Name of the dataset.

    Returns
    -------
    list of str
        No line for a dataset without models, and one where the forecast would need more than there is.

    Notes
    -----
    The forecast is that of `fuelgauge.claims.statistics.forecast_best.forecast_best`.
    """
    own = trials[(trials["dataset"] == dataset) & (trials["family"] != BASELINE)]
    if own.empty:
        return []
    last = own.groupby("model")["n_train"].max().min()
    there = own[own["n_train"] == last]
    losses = there.groupby("model")["loss"].mean()
    best = str(losses.idxmin())
    now = [f"SHIP    {best}: {_measured(there[there['model'] == best])} with {last:,} rows{_constant(there)}"]
    try:
        return [*now, _more(_forecast(own, 2 * float(last)), best)]
    except TableError:
        return now


def _forecast(own: pd.DataFrame, target: float) -> BestForecast:
    """Forecast which model is best at a number of rows."""
    curves = {str(name): _curve(str(name), trials) for name, trials in own.groupby("model", sort=True)}
    kinds = {name: kind if kind in KINDS else None for name, kind in kinds_of(own).items()}
    if "constant_loss" in own and own["constant_loss"].notna().any():
        sizes = np.sort(own["n_train"].unique()).astype(float)
        curves[CONSTANT] = sizes, np.full(len(sizes), own["constant_loss"].mean()), None
    return forecast_best(curves, target, kinds=kinds)


def _curve(name: str, trials: pd.DataFrame) -> tuple[Any, ...]:
    """Return the anchors, losses and training losses of a model, where all repeats are there."""
    losses = trials.pivot_table(index="n_train", columns="repeat", values="loss").dropna()
    if len(losses) < FEWEST_ANCHORS:
        raise TableError(f"{name} has fewer than {FEWEST_ANCHORS} anchors.")
    trained = None
    if "train_loss" in trials and trials["train_loss"].notna().all():
        table = trials.pivot_table(index="n_train", columns="repeat", values="train_loss")
        trained = table.loc[losses.index].to_numpy(float)
    return losses.index.to_numpy(float), losses.to_numpy(float), trained


def _measured(there: pd.DataFrame) -> str:
    """Return the mean in the metric of the dataset if the table has it, else the mean loss."""
    if {"metric", "score"} <= set(there) and there["score"].notna().all():
        return f"{there['metric'].iloc[0]} {abs(there['score'].mean()):.3g}"
    return f"loss {there['loss'].mean():.3g}"


def _constant(there: pd.DataFrame) -> str:
    """Return how the loss compares with that of a constant, where the table has it."""
    if "constant_loss" not in there or not there["constant_loss"].mean() > 0:
        return ""
    best = there.groupby("model")["loss"].mean().min()
    share = best / there["constant_loss"].mean()
    return f", {share:.2g} times the loss of a constant" if share < 1 else "; no model beats a constant"


def _more(ahead: BestForecast, best: str) -> str:
    """Return what twice the rows bring."""
    models = ahead.models.set_index("model")[["p_best", "loss", "loss_lo", "loss_hi", "loss_now"]]
    then = str(models.index[0])
    chance, loss, low, high, _ = map(float, models.iloc[0])
    change = loss / dict(zip(models.index, models["loss_now"].astype(float), strict=True))[best] - 1
    compared = f"{100 * abs(change):.2g}% {'less' if change < 0 else 'more'} than"
    stays, than = ("is still", "now") if then == best else ("is", f"{best} now")
    return (
        f"MORE    at {ahead.n_target:,.0f} rows {then} {stays} the likeliest to be best ({chance:.2f}): "
        f"loss {loss:.3g} ({low:.3g} to {high:.3g}), {compared} {than}"
    )
