"""Forecasts from the first part of measured curves, scored by their later part."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from fuelgauge.claims.statistics.beyond import forecast_curves
from fuelgauge.claims.statistics.resample import Floats
from fuelgauge.errors import TableError

__all__ = ["ROUNDING", "by_octaves", "score_forecasts"]

KEY = ["dataset", "model"]
KEPT = [*KEY, "family", "n_max", "n_train", "octaves", "loss", "forecast", "lo", "hi", "last"]
ROUNDING = 1e-12  # 1 - AUC of a perfect order is about 1e-16
COLUMNS = ["octaves", "curves", "datasets", "error", "error_of_last", "bias", "coverage"]


def score_forecasts(
    trials: pd.DataFrame, known: int = 4096, first: int = 16384, level: float = 0.9
) -> pd.DataFrame:
    """Forecast every curve from its anchors up to some n, and set beside it what was measured further on.

    Parameters
    ----------
    trials
        Checked trials (`fuelgauge.claims.statistics.trial_table.read_trials`).
    known
        Largest number of rows that the forecasts may know.
    first
        Smallest number of rows that is forecast.
    level
        Probability that an interval contains the loss, above 0 and at most 0.99.

    Returns
    -------
    pandas.DataFrame
        One row per curve and later anchor, with these columns.

    dataset, model, family
        Names of the curve.
    n_max, n_train, octaves
        Last anchor that was known, the later anchor, and the doublings between them.
    loss, last
        Mean losses over the repeats, at the later anchor and at n_max.
    forecast, lo, hi
        Forecast and its interval. It uses other curves of its dataset only up to `known`, too.

    Raises
    ------
    TableError
        No curve has trials both at or below `known` and at or above `first`.
    """
    later = trials[trials["n_train"] >= first].groupby([*KEY, "n_train"])[["loss"]].mean().reset_index()
    tables = list(_scored(trials[trials["n_train"] <= known], later, level))
    if not tables:
        raise TableError(
            f"No forecast can be scored: no curve has trials at {known} rows or fewer and at {first} or more."
        )
    return pd.concat(tables, ignore_index=True)[KEPT]


def _scored(known: pd.DataFrame, later: pd.DataFrame, level: float) -> Iterator[pd.DataFrame]:
    """Yield the scored forecasts of each dataset."""
    for dataset, own in known.groupby("dataset", sort=True):
        measured = later[later["dataset"] == dataset]
        ends = own.groupby("model")["n_train"].max().rename("n_max")
        asked = measured.merge(ends, left_on="model", right_index=True)
        if asked.empty:
            continue
        factors = sorted({*(asked["n_train"] / asked["n_max"])})
        found = forecast_curves(own.assign(level="model"), factors, level)
        found = found.rename(columns={"loss": "forecast", "loss_lo": "lo", "loss_hi": "hi"})
        found["n_train"] = found["n_train"].round().astype(np.int64)
        scored = asked.drop(columns="n_max").merge(found, on=[*KEY, "n_train"])
        last = own[own["n_train"] == own["model"].map(ends)].groupby("model")["loss"].mean().rename("last")
        scored = scored.merge(last, left_on="model", right_index=True)
        yield scored.assign(octaves=np.log2(scored["n_train"] / scored["n_max"]))


def by_octaves(scored: pd.DataFrame) -> pd.DataFrame:
    """Return error and coverage of forecasts by whole octaves ahead.

    Parameters
    ----------
    scored
        Table of `score_forecasts`.

    Returns
    -------
    pandas.DataFrame
        One row per number of octaves, with these columns. A loss of zero, up to rounding, has no ln error.

    curves, datasets
        Numbers of forecasts and of datasets.
    error, error_of_last
        Mean absolute ln error of the forecast, and of the last known loss in its place.
    bias
        Mean ln error; above 0 the forecast is too high.
    coverage
        Share of losses in their intervals.
    """
    forecast, last = (_log_ratio(scored[name], scored["loss"]) for name in ("forecast", "last"))
    table = pd.DataFrame(
        {
            "octaves": scored["octaves"].round().astype(int),
            "dataset": scored["dataset"],
            "curves": 1,
            "error": np.abs(forecast),
            "error_of_last": np.abs(last),
            "bias": forecast,
            "coverage": scored["loss"].between(scored["lo"], scored["hi"]).astype(float),
        }
    )
    grouped = table.groupby("octaves")
    means = grouped[["error", "error_of_last", "bias", "coverage"]].mean()
    counts = {"curves": grouped["curves"].sum(), "datasets": grouped["dataset"].nunique()}
    return means.assign(**counts).reset_index()[COLUMNS]


def _log_ratio(values: pd.Series, loss: pd.Series) -> Floats:
    """Return ln(values / loss), NaN where one of the two is zero up to rounding."""
    upper, lower = (np.where(side > ROUNDING, side, np.nan) for side in (values, loss))
    ratio: Floats = np.log(upper / lower)
    return ratio
