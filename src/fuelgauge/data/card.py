"""Data cards: the facts about a dataset that a reader needs before trusting a learning curve on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import yaml

from fuelgauge import paths
from fuelgauge.data.dataset import ROW, Dataset
from fuelgauge.data.months import AboutMonths
from fuelgauge.data.splits import Rows, draw
from fuelgauge.spec.description import Description
from fuelgauge.spec.names import RAW
from fuelgauge.spec.params import Params

__all__ = ["data_card"]

MOST_MISSING = 3


def data_card(name: str, params: Params) -> dict[str, Any]:
    """Return the card of a dataset: kind, size, rows left out, missing values, split, licence and citation.

    Licence, citation and reference come from conf/dataset/<name>.yaml, and are empty without this file.
    """
    dataset = Dataset.open(name, RAW if RAW in params.features else params.features[0])
    about = dataset.description
    path = paths.CONF / "dataset" / f"{name}.yaml"
    conf = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {
        "name": name,
        "title": about.title,
        "modality": about.modality,
        "task": about.task,
        "metric": about.metric,
        "n_rows": about.n_rows,
        "n_features": None if about.inputs == "text" else about.n_features,
        "n_classes": len(about.classes) or None,
        "left out": left_out(about, AboutMonths.of(name)),
        "smallest class": f"{min(about.class_counts) / about.n_rows:.1%}" if about.class_counts else "",
        "target": ""
        if about.classes
        else f"mean {about.target_mean:.4g}, standard deviation {about.target_std:.4g}",
        "missing": missing(about),
        "identical rows": identical(dataset, params),
        "split": split_kind(dataset.rows),
        "looks suspicious": " ".join(about.warnings),
        "licence": conf.get("licence", ""),
        "citation": conf.get("citation", ""),
        "reference": conf.get("reference", ""),
    }


def left_out(about: Description, months: AboutMonths | None) -> str:
    """Return in words how many rows of the source are left out, and why; empty if there are none."""
    reasons = []
    if months:
        reasons.append(f"{months.n_held_out:,} from {months.until}, held out to compare retrained models")
        reasons.append(f"{months.n_later:,} from later months")
    if about.n_without_target:
        reasons.append(f"{about.n_without_target:,} without a target")
    if about.duplicates == "drop" and about.n_identical:
        reasons.append(f"{about.n_identical:,} identical to an earlier row")
    n_source = about.n_source + (months.n_later if months else 0)
    return f"{' and '.join(reasons)}, of {n_source:,} rows" if reasons else ""


def missing(about: Description) -> str:
    """Return in words the share of missing values, and the features with the largest shares."""
    if not about.missing:
        return "none"
    share = f"{about.missing_fraction:.1%}" if about.missing_fraction >= 0.0005 else "under 0.1%"
    most = sorted(about.missing.items(), key=lambda item: -item[1])[:MOST_MISSING]
    if len(about.missing) == 1 and about.n_features > 1 and about.shape:
        return f"{share} of all values"
    return f"{share} of all values; {', '.join(f'{n} {s:.1%}' for n, s in most)}"


def identical(dataset: Dataset, params: Params) -> str:
    """Return in words how identical rows are handled.

    If they are kept, the text gives the share of test rows of the first repeat that have an identical
    training row.
    """
    about = dataset.description
    if not about.n_identical:
        return "none"
    if about.duplicates == "drop":
        return "dropped: only the first of identical rows is kept"
    drawn = draw(dataset.rows, params.split, params.seed, 0)
    hashes = dataset.table[ROW].to_numpy()
    twins = np.isin(hashes[drawn.test], hashes[drawn.order]).mean()
    return f"kept: {about.n_identical:,}; {twins:.1%} of the test rows have an identical training row"


def split_kind(rows: Rows) -> str:
    """Return in words how the test rows are chosen."""
    if rows.time is not None:
        return "by time: training rows before test rows" + (
            ", no group on both sides" if rows.group is not None else ""
        )
    if rows.group is not None:
        return "by group: no group on both sides"
    return "at random" if rows.task == "regression" else "at random, stratified by class"
