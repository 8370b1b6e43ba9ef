"""Who leads at n, for the first picture of the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from fuelgauge.claims.judging.verdict import models_of
from fuelgauge.claims.leads import DEEP, RIVALS, Passing, passing, shares
from fuelgauge.report import _numbers as numbers
from fuelgauge.report._contents import records
from fuelgauge.report._ticks import size_label
from fuelgauge.report.summary import PRIMARY

ALL = "all"
FEWEST_DATASETS = 6
MUCH = 25  # percent of the datasets that show an order at some n
NOUNS = {"tabular": "tables", "text": "texts", "image": "images", "sequence": "sequences", ALL: "datasets"}


def lead_panels(leads: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the panels of the picture, one for each kind of dataset and rival; the first is shown.

    Parameters
    ----------
    leads
        Table of `fuelgauge.claims.leads.leaders`.
    """
    return [
        _panel(stratum, rival, own)
        for stratum in _strata(leads)
        for rival in RIVALS
        if len(own := _chosen(leads, stratum, rival))
    ]


def choices(panels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the rivals of panels, and the kinds of datasets with their names."""
    return {
        "rivals": list(dict.fromkeys(panel["rival"] for panel in panels)),
        "strata": {
            panel["stratum"]: "all" if panel["stratum"] == ALL else panel["where"] for panel in panels
        },
    }


def is_telling(panels: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether an order is shown at some n on a quarter of the datasets of the first panel."""
    return any(bar[DEEP] + bar["rival"] >= MUCH for panel in panels[:1] for bar in panel["bars"])


def _strata(leads: pd.DataFrame) -> list[str]:
    """Return the kinds of datasets: tables first where there are enough of them, else all datasets."""
    counts = leads.groupby("modality")["dataset"].nunique() if len(leads) else pd.Series(dtype=int)
    kinds = [str(kind) for kind in counts.index if kind]
    if len(kinds) < 2:
        return [kinds[0] if kinds else ALL] if len(leads) else []
    others = [ALL, *sorted(kinds, key=lambda kind: kind != PRIMARY)]
    is_primary = counts.get(PRIMARY, 0) >= FEWEST_DATASETS
    return sorted(others, key=lambda kind: kind != PRIMARY) if is_primary else others


def _chosen(leads: pd.DataFrame, stratum: str, rival: str) -> pd.DataFrame:
    own = leads[leads["rival"] == rival]
    return own if stratum == ALL else own[own["modality"] == stratum]


def _panel(stratum: str, rival: str, orders: pd.DataFrame) -> dict[str, Any]:
    names = sorted(set(orders["dataset"]))
    where = NOUNS.get(stratum, f"{stratum} datasets")
    counted = f"{len(names)} {where}" if len(names) > 1 else names[0]
    return {
        "stratum": stratum,
        "where": where,
        "rival": rival,
        "rival_name": models_of(rival),
        "title": f"Who is shown to have the lower loss with n labelled rows, on {counted}",
        "is_alone": len(names) == 1,
        "bars": list(_bars(orders, models_of(rival), is_many=len(names) >= FEWEST_DATASETS)),
        "passing": _said_of_passing(passing(orders), where, models_of(rival)),
    }


def _bars(orders: pd.DataFrame, rival: str, is_many: bool) -> Iterator[dict[str, Any]]:
    for row in records(shares(orders)):
        total = row["datasets"]
        parts = {side: round(100 * row[side] / total, 1) for side in (DEEP, "neither", "rival")}
        said = f"deep models {row['deep']}, {rival} {row['rival']}, neither {row['neither']}"
        yield parts | {
            "n": size_label(row["n"]),
            "datasets": total,
            "few": is_many and total < FEWEST_DATASETS,
            "said": f"{numbers.count(row['n'])} rows: {said} of {total}",
        }


def _said_of_passing(found: Passing, where: str, rival: str) -> str:
    """Write at how many rows deep models pass a rival, on half of the datasets."""
    if found.n_datasets < FEWEST_DATASETS:
        return ""
    if not found.n_known:
        return f"On none of the {found.n_datasets} {where} is either side shown to lead."
    low, high = found.distribution.median
    lower, upper = found.median_lo, found.median_hi
    opened = f"On half of the {where}, deep models pass {rival}"
    is_beyond = not numbers.is_number(high)
    if is_beyond:
        at = "beyond what was measured, if at all"
    elif low == 0:
        at = f"at {numbers.count(high)} rows or fewer"
    else:
        at = f"at {numbers.count(low)} to {numbers.count(high)} rows"
    if lower == 0 and not numbers.is_number(upper):
        return f"{opened} {at}. The datasets are too few, or show too little, for an interval."
    if not numbers.is_number(upper):
        return f"{opened} {at} (95% interval: more than {numbers.count(lower)} rows)."
    if lower == 0:
        return f"{opened} {at} (95% interval: {numbers.count(upper)} rows or fewer)."
    return f"{opened} {at} (95% interval {numbers.count(lower)} to {numbers.count(upper)} rows)."
