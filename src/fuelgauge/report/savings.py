"""The labels that pretraining saves, as a table in Markdown and as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fuelgauge.report import _numbers as numbers
from fuelgauge.report._ticks import size_label
from fuelgauge.report.figures import draw_note

__all__ = ["draw_savings", "embedding_lines", "saving_rows", "savings_table"]

NOTHING = (
    "Labels that pretraining saves: nothing to draw. It needs a pretrained model and another one on the same "
    "texts, with at least 256 rows."
)
MOST_DATASETS = 10
DPI = 120
BOUNDS = {"above": "at least ", "below": "at most "}


def savings_table(savings: pd.DataFrame) -> str:
    """Return a table in Markdown: a line for each dataset and number of rows.

    Parameters
    ----------
    savings
        Table of `fuelgauge.claims.savings.savings`.
    """
    lines = [
        "| dataset | labelled rows, pretrained | from scratch: times as many | 95% interval |",
        "| --- | --- | --- | --- |",
    ]
    for row in savings.itertuples():
        bound = BOUNDS.get(str(row.censored), "")
        interval = f"{row.ratio_lo:.2g} to {row.ratio_hi:.2g}"
        lines.append(f"| {row.dataset} | {row.n:,.0f} | {bound}{row.ratio:.2g} | {interval} |")
    return "\n".join(lines) + "\n"


def saving_rows(savings: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a row for each dataset: its name, and the ratio at each number of rows with its interval.

    Parameters
    ----------
    savings
        Table of `fuelgauge.claims.savings.savings`.
    """
    return [
        {"dataset": str(name), "points": [_point(row) for row in own.itertuples()]}
        for name, own in savings.groupby("dataset", sort=True)
    ]


def _point(row: Any) -> dict[str, str]:
    return {
        "n": numbers.count(row.n),
        "ratio": f"{BOUNDS.get(str(row.censored), '')}{numbers.times(row.ratio)}",
        "interval": numbers.interval(row.ratio_lo, row.ratio_hi, numbers.times),
    }


def embedding_lines(costs: Iterable[Mapping[str, Any]]) -> str:
    """Return a line for each dataset and encoder: what embedding all rows cost, which no fit counts.

    Parameters
    ----------
    costs
        Mappings with dataset, target (class of the encoder), n_embedded, seconds and cpu_seconds.
    """
    return "".join(
        f"- {cost['dataset']}: {str(cost['target']).rpartition('.')[2]} embedded {cost['n_embedded']:,} rows "
        f"in {cost['seconds']:.0f} s ({cost['cpu_seconds']:.0f} CPU seconds), once for all trials; no fit "
        "counts them.\n"
        for cost in costs
    )


def draw_savings(savings: pd.DataFrame, path: Path) -> None:
    """Draw the ratio over the number of rows, a line with its interval for each dataset.

    Filled marks are values, and open ones bounds. Without a row, the picture is a sentence.

    Parameters
    ----------
    savings
        Table of `fuelgauge.claims.savings.savings`.
    path
        PNG file to write.
    """
    if savings.empty:
        draw_note(path, NOTHING)
        return
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    picture = Figure(figsize=(7.2, 4.4), layout="constrained")
    FigureCanvasAgg(picture)
    axes = picture.subplots()
    for name, rows in list(savings.groupby("dataset", sort=True))[:MOST_DATASETS]:
        (line,) = axes.plot(rows["n"], rows["ratio"], label=str(name))
        low, high = (rows[end].replace([0, np.inf], np.nan) for end in ("ratio_lo", "ratio_hi"))
        axes.fill_between(rows["n"], low, high, color=line.get_color(), alpha=0.15, linewidth=0)
        for is_bound, fill in ((False, line.get_color()), (True, "white")):
            own = rows[(rows["censored"] != "") == is_bound]
            axes.plot(own["n"], own["ratio"], "o", color=line.get_color(), markerfacecolor=fill)
    axes.axhline(1, color="#5b6675", linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlabel="labelled rows of the pretrained model")
    axes.set_ylabel("times as many from scratch (open: a bound)")
    sizes = sorted(savings["n"].unique())
    axes.set_xticks(sizes, [size_label(size) for size in sizes])
    axes.minorticks_off()
    axes.set_title("Labels that pretraining saves", loc="left")
    axes.legend(frameon=False, fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.savefig(path, dpi=DPI, facecolor="white", metadata={"Software": None})
