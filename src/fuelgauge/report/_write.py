"""Writing the files of a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from fuelgauge.files import write_whole
from fuelgauge.report._contents import Contents, gather
from fuelgauge.report._numbers import rounded
from fuelgauge.report._page import render_page
from fuelgauge.report._provenance import ReportContext
from fuelgauge.report.figures import draw_pictures

LEARNING_FIELDS = {"loss": "loss_mean", "loss_lo": "loss_lo", "loss_hi": "loss_hi"}
COST_FIELDS = {"fit_seconds": "fit_seconds_mean", "loss": "loss_mean"}
DIGITS = 6


def write_report(analysis: Any, out: Path, context: ReportContext | None = None) -> None:
    """Write ``index.html``, ``plots/*.png`` and the records for ``dvc plots`` into a folder.

    Parameters
    ----------
    analysis
        Analysis, a ``fuelgauge.claims.analysis.Analysis`` or an object with some of its attributes.
    out
        Folder of the report; it is made if it does not exist.
    context
        Facts around the analysis; without them the page leaves out their sections.
    """
    context = context or ReportContext()
    contents = gather(analysis, context)
    plots = out / "plots"
    pictures = draw_pictures(contents, plots)
    _write_records(contents, LEARNING_FIELDS | COST_FIELDS, plots / "learning_curves.json")
    timed = contents.curves["fit_seconds_mean"].notna()
    _write_records(contents, COST_FIELDS, plots / "cost_curves.json", timed)
    write_whole(out / "index.html", render_page(contents, context, pictures))


def _write_records(
    contents: Contents, fields: dict[str, str], path: Path, keep: pd.Series | None = None
) -> None:
    curves = contents.curves if keep is None else contents.curves[keep]
    named = curves[["dataset", "model", "n_train", *fields.values()]].astype({"n_train": int})
    keys = ("dataset", "model", "n_train", *fields)
    points = (
        dict(zip(keys, (*names, *map(_written, values)), strict=True))
        for names, values in ((row[:3], row[3:]) for row in named.itertuples(index=False, name=None))
    )
    lines = ",\n".join(json.dumps(point, allow_nan=False) for point in points)
    write_whole(path, f"[\n{lines}\n]\n")


def _written(value: Any) -> float | None:
    return rounded(value, DIGITS)
