"""What fits cost, and how loss and time grow with the number of rows, for the tables of the page."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from fuelgauge.report import _numbers as numbers
from fuelgauge.report._contents import EXPONENTS, MODEL, Contents, is_score, records
from fuelgauge.report._style import is_baseline
from fuelgauge.report.money import price_of_progress

KEYS = ["dataset", "model"]


def cost_rows(contents: Contents) -> list[dict[str, str]]:
    """Return loss, time, price and exponents of every model on every dataset, at its largest anchor."""
    curves = dict(list(contents.curves[contents.curves["level"] == MODEL].groupby(KEYS)))
    rows = records(_last_points(contents))
    return [_cost_row(contents, row, curves[row["dataset"], row["model"]]) for row in rows]


def cost_summary(contents: Contents) -> list[dict[str, str]]:
    """Return one row for each model: medians over the datasets, with their range."""
    last = _last_points(contents)
    by_model = {str(model): own for model, own in last.groupby("model", sort=False)}
    return [_summary(name, by_model[name]) for name in contents.styles[MODEL] if name in by_model]


def _last_points(contents: Contents) -> pd.DataFrame:
    """Return the largest anchor of every model that is not a baseline, with its exponents."""
    curves = contents.curves[contents.curves["level"] == MODEL]
    named = zip(curves["model"], curves["family"], strict=True)
    contestants = curves[np.array([not is_baseline(*names) for names in named], dtype=bool)]
    last = contestants.sort_values("n_train", kind="stable").groupby(KEYS, sort=False).tail(1)
    own = contents.exponents[contents.exponents["level"] == MODEL].drop(columns="level")
    return last.sort_values("dataset", kind="stable", key=_place_in(contents)).merge(own, "left", on=KEYS)


def _place_in(contents: Contents) -> Callable[[pd.Series], pd.Series]:
    places = {name: place for place, name in enumerate(contents.datasets)}
    return lambda names: names.map(places)


def _summary(model: str, last: pd.DataFrame) -> dict[str, str]:
    seconds = last["fit_seconds_mean"].dropna()
    return {
        "model": model,
        "family": str(last["family"].iloc[0]),
        "datasets": numbers.count(len(last)),
        "seconds": numbers.seconds(seconds.median()) if len(seconds) else numbers.UNKNOWN,
        "price": numbers.figure(last["price_mean"].median(), 2),
        **{name: _exponent(last[name].median()) for name in EXPONENTS},
        **{f"{name}_range": _range(last[name].dropna()) for name in EXPONENTS},
    }


def _range(values: pd.Series) -> str:
    """Write the middle half of the values of several datasets."""
    if len(values) < 4:
        return ""
    low, high = np.quantile(values, [0.25, 0.75])
    return f"{_exponent(low)} to {_exponent(high)}"


def _cost_row(contents: Contents, row: dict[str, Any], curve: pd.DataFrame) -> dict[str, str]:
    metric = contents.metrics.get(row["dataset"], "")
    progress = price_of_progress(curve, is_score(metric))
    value = 1 - row["loss_mean"] if is_score(metric) else row["loss_mean"]
    return {
        "dataset": row["dataset"],
        "model": row["model"],
        "n": numbers.count(row["n_train"]),
        "value": numbers.figure(value),
        "metric": metric or "loss",
        "seconds": numbers.seconds(row["fit_seconds_mean"]),
        "price": numbers.figure(row["price_mean"], 2),
        "progress": numbers.figure(progress, 2) if math.isfinite(progress) else "",
        "unit": f"0.01 of {metric}" if is_score(metric) else "1% of loss",
        **{name: _exponent(row[name]) for name in EXPONENTS},
        **{f"{name}_interval": _ends(row, name) for name in EXPONENTS},
    }


def _ends(row: dict[str, Any], name: str) -> str:
    return numbers.interval(row[f"{name}_lo"], row[f"{name}_hi"], _exponent)


def _exponent(value: Any) -> str:
    return f"{value:.2f}".replace("-", numbers.MINUS) if numbers.is_number(value) else numbers.UNKNOWN
