"""The numbers that the script of the page draws, as plain lists with few digits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

import pandas as pd

from fuelgauge.report._contents import (
    PAIR_KEYS,
    Contents,
    headline_pairs,
    is_score,
    records,
    summarise_pairs,
)
from fuelgauge.report._numbers import is_number, rounded
from fuelgauge.report._style import LineStyle, slide_styles

MEANS = {"loss": "loss_mean", "fit": "fit_seconds_mean", "price": "price_mean"}
BOUNDS = {"lo": "loss_lo", "hi": "loss_hi", "fitLo": "fit_seconds_lo", "fitHi": "fit_seconds_hi"}
BEYOND = {"loss": "loss", "lo": "loss_lo", "hi": "loss_hi"}
CURVE_KEYS = ["dataset", "level", "model"]
Lists = Mapping[Any, list[Any]]


def chart_payload(contents: Contents, currency: str = "") -> dict[str, Any]:
    """Return the data of every chart of the page, ready for JSON."""
    return {
        "styles": {level: _styles(contents, level) for level in contents.levels},
        "datasets": _datasets(contents),
        "forest": forest_rows(contents),
        "slide": _slide(contents),
        "currency": currency,
    }


def forest_rows(contents: Contents) -> list[dict[str, Any]]:
    """Return the rows of the forest plot of data-efficiency ratios, one per dataset and pair."""
    pairs = summarise_pairs(headline_pairs(contents))
    drawn = pairs[pairs["der"].notna() | (pairs["censored"] != "")]
    return [_forest_row(row) for row in records(drawn)]


def _slide(contents: Contents) -> list[dict[str, Any]]:
    """Return the lines of the slide with their styles."""
    if contents.slide is None:
        return []
    lines = {str(name): line for name, line in contents.slide.points.groupby("line", sort=False)}
    return [
        {
            "name": name,
            "n": _sizes(lines[name]["n_train"]),
            "performance": _numbers(lines[name]["performance"], 4),
            "style": _style(style),
        }
        for name, style in slide_styles(list(lines)).items()
    ]


def _styles(contents: Contents, level: str) -> dict[str, dict[str, Any]]:
    curves = contents.curves[contents.curves["level"] == level]
    families = dict(zip(curves["model"], curves["family"], strict=True))
    return {
        name: _style(style) | {"family": families[name]} for name, style in contents.styles[level].items()
    }


def _style(style: LineStyle) -> dict[str, Any]:
    return {"slot": style.slot, "marker": style.marker, "dash": style.dash, "open": style.is_open}


def _datasets(contents: Contents) -> list[dict[str, Any]]:
    curves, beyond = _lists(contents.curves), _lists(contents.extrapolations)
    drawn: dict[str, list[dict[str, Any]]] = {name: [] for name in contents.datasets}
    for (dataset, level, model), curve in curves.items():
        continued = beyond.get((dataset, level, model), {})
        drawn[dataset].append(
            {"name": model, "level": level} | _curve(curve) | _continuation(curve, continued)
        )
    crossings = _crossings(contents)
    return [
        {
            "name": name,
            "metric": contents.metrics.get(name, ""),
            "isScore": is_score(contents.metrics.get(name, "")),
            "curves": own,
            "crossings": crossings.get(name, []),
        }
        for name, own in drawn.items()
    ]


def _lists(table: pd.DataFrame) -> dict[Any, Lists]:
    """Return the columns of every curve as plain lists, which are much faster to read than tables."""
    columns = {name: table[name].tolist() for name in table}
    places = table.groupby(CURVE_KEYS, sort=False).indices
    return {
        key: {name: [values[i] for i in rows] for name, values in columns.items()}
        for key, rows in places.items()
    }


def _curve(curve: Lists) -> dict[str, list[Any]]:
    means = {key: _numbers(curve[column], 4) for key, column in MEANS.items()}
    bounds = {key: _numbers(curve[column], 3) for key, column in BOUNDS.items()}
    known = {key: values for key, values in (means | bounds).items() if any(v is not None for v in values)}
    return {"n": _sizes(curve["n_train"])} | known


def _continuation(curve: Lists, beyond: Lists) -> dict[str, Any]:
    """Return the extrapolation beyond the last n; empty if there is none."""
    if not beyond or max(beyond["n_train"]) <= max(curve["n_train"]):
        return {}
    drawn = {key: _numbers(beyond[column], 3) for key, column in BEYOND.items()}
    return {"beyond": {"n": _sizes(beyond["n_train"])} | drawn}


def _sizes(sizes: Iterable[float]) -> list[int]:
    return [round(size) for size in sizes]


def _numbers(values: Iterable[float], digits: int) -> list[float | None]:
    return [float(f"{value:.{digits}g}") if isfinite(value) else None for value in values]


def _crossings(contents: Contents) -> dict[str, list[dict[str, Any]]]:
    """Return the shown crossings by dataset, each once, with the model that is better above first."""
    once = contents.pairs[contents.pairs["crossover_above"] == "a"].drop_duplicates(PAIR_KEYS)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in records(once):
        if is_number(row["crossover"]) and not _with_baseline(contents.styles[row["level"]], row):
            found.setdefault(row["dataset"], []).append(_crossing(row))
    return found


def _crossing(row: dict[str, Any]) -> dict[str, Any]:
    ends = {"n": "crossover", "lo": "crossover_lo", "hi": "crossover_hi"}
    about = {"level": row["level"], "a": row["model_a"], "b": row["model_b"]}
    return about | {key: rounded(row[column]) for key, column in ends.items()}


def _with_baseline(styles: dict[str, Any], row: dict[str, Any]) -> bool:
    return any(name not in styles or styles[name].slot < 0 for name in (row["model_a"], row["model_b"]))


def _forest_row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "dataset": row["dataset"],
        "a": row["model_a"],
        "b": row["model_b"],
        "der": rounded(row["der"]),
        "lo": rounded(row["der_lo"]),
        "hi": rounded(row["der_hi"]),
        "censored": row["censored"],
    }
