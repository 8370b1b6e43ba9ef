"""Who leads at each number of rows, and by how much, over several runs: one picture for a README."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fuelgauge.claims.judging.members import PREFIX
from fuelgauge.claims.leads import DEEP, TREES
from fuelgauge.report._ticks import size_label
from fuelgauge.report.figures import DPI, GRID, INK, LOOK, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_leads", "loss_ratios", "shares"]

BOOSTED, MODALITY = "boosted", "tabular"
SHOWN = "_shown"
# Parts of a bar, from below: the side with the lower loss, and whether it is shown to lead.
PARTS = {
    f"{TREES}{SHOWN}": ("#b93a0a", "trees, shown to lead"),
    TREES: ("#f3c3a6", "trees lower, not shown"),
    DEEP: ("#9cc4dd", "nets lower, not shown"),
    f"{DEEP}{SHOWN}": ("#155a86", "nets, shown to lead"),
}
OF_RUN = ("#1c2430", "#7c3aed", "#0f766e")
FEWEST = 5  # tables behind a median
BAR = 0.62  # of the distance between two sizes


def draw_leads(leads: Mapping[str, pd.DataFrame], curves: Mapping[str, pd.DataFrame], path: Path) -> Path:
    """Draw the shares of tables on which either side has the lower loss, and the ratios of the losses.

    Parameters
    ----------
    leads
        Table ``Analysis.leads`` of each run, by its name: columns dataset, modality, rival, n and leader.
    curves
        Table ``Analysis.curves`` of each run, by its name: columns dataset, model, n_train and loss_mean.
    path
        PNG file.
    """
    import matplotlib

    ratios = {name: loss_ratios(found, leads[name]) for name, found in curves.items()}
    shared = shares(pd.concat(leads.values()), pd.concat(ratios.values(), axis=1))
    with matplotlib.rc_context(LOOK):
        from matplotlib.figure import Figure

        picture = Figure(figsize=(9.2, 5.8), layout="constrained")
        above, below = picture.subplots(2, 1, sharex=True, height_ratios=(2, 3))
        draw_shares(above, shared)
        draw_ratios(below, ratios)
        label_sizes(below, shared.index)
        picture.savefig(path, dpi=DPI)
    return path


def shares(leads: pd.DataFrame, ratios: pd.DataFrame) -> pd.DataFrame:
    """Return the share of tables in each part of `PARTS`, and their number, one row for each n.

    Parameters
    ----------
    leads
        Columns dataset, modality, rival, n and leader.
    ratios
        Loss of nets over that of boosted trees, one row for each n and a column for each table.
    """
    asked = leads[(leads["rival"] == TREES) & (leads["modality"] == MODALITY)]
    shown = asked.set_index(["n", "dataset"])["leader"]
    rows = (
        ratios.rename_axis(index="n").reset_index().melt("n", var_name="dataset", value_name="ratio").dropna()
    )
    leader = shown.reindex(pd.MultiIndex.from_frame(rows[["n", "dataset"]])).fillna("").to_numpy()
    lower = np.where(rows["ratio"] < 1, DEEP, TREES)
    is_shown = np.isin(leader, (DEEP, TREES))
    part = np.where(is_shown, np.char.add(leader.astype(str), SHOWN), lower)
    found = pd.crosstab(rows["n"], part).reindex(columns=[*PARTS], fill_value=0)
    tables = found.sum(axis=1)
    return found.div(tables, axis=0).assign(tables=tables)


def loss_ratios(curves: pd.DataFrame, leads: pd.DataFrame) -> pd.DataFrame:
    """Return the loss of nets over that of boosted trees, one row for each n and a column for each table.

    Parameters
    ----------
    curves
        Columns dataset, model, n_train and loss_mean.
    leads
        Columns dataset and modality; the ratios are of its tables.
    """
    tables = leads.loc[leads["modality"] == MODALITY, "dataset"].unique()
    known = curves[curves["dataset"].isin(tables)]
    wide = {
        side: known[known["model"] == f"{PREFIX}{side}"].pivot(
            index="n_train", columns="dataset", values="loss_mean"
        )
        for side in (DEEP, BOOSTED)
    }
    return (wide[DEEP] / wide[BOOSTED]).dropna(how="all").dropna(axis=1, how="all")


def draw_shares(ax: Axes, shared: pd.DataFrame) -> None:
    """Draw the shares as stacked bars, trees at the bottom, with the number of tables above."""
    places = np.log2(shared.index.to_numpy(float))
    bottom = np.zeros(len(shared))
    for part, (colour, name) in PARTS.items():
        ax.bar(places, shared[part], BAR, bottom=bottom, color=colour, label=name)
        bottom += shared[part].to_numpy()
    for place, tables in zip(places, shared["tables"], strict=True):
        ax.text(place, 1.02, f"{tables:,.0f}", ha="center", va="bottom", color=MUTED, fontsize=8)
    ax.set_ylim(0, 1.12)
    ax.set_yticks([0, 0.5, 1], ["0%", "50%", "100%"])
    ax.set_title("Tables, by lower loss")
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(
        handles[::-1], labels[::-1], loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=4, frameon=False,
        fontsize=8.5, handlelength=1, columnspacing=1, borderaxespad=0.2,
    )  # fmt: skip


def draw_ratios(ax: Axes, ratios: Mapping[str, pd.DataFrame]) -> None:
    """Draw the ratio of the losses of each table, and the median of each run where it has tables enough."""
    for colour, (name, found) in zip(OF_RUN, ratios.items(), strict=False):
        places = np.log2(found.index.to_numpy(float))
        for table in found:
            ax.plot(places, found[table], color=colour, alpha=0.22, linewidth=0.9)
        enough = found.notna().sum(axis=1) >= FEWEST
        median = found.median(axis=1).where(enough)
        ax.plot(places, median, color=colour, linewidth=2.6, marker="o", label=f"{name}: median")
    ax.axhline(1, color=INK, linewidth=1)
    ax.set_yscale("log")
    marks = [0.5, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 3]
    low, high = np.nanquantile(np.concatenate([r.to_numpy().ravel() for r in ratios.values()]), [0.03, 0.97])
    ax.set_ylim(low / 1.05, high * 1.05)
    ax.set_yticks([mark for mark in marks if low / 1.05 <= mark <= high * 1.05])
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.yaxis.set_minor_formatter(lambda *_: "")
    ax.grid(axis="y", color=GRID)
    ax.set_title("Loss of nets over loss of boosted trees; below 1, nets are better")
    ax.legend(loc="upper right", frameon=False, fontsize=8.5)


def label_sizes(ax: Axes, sizes: pd.Index) -> None:
    """Label the numbers of rows, powers of two on an axis of their logarithms."""
    ax.set_xticks(np.log2(sizes.to_numpy(float)), [size_label(size) for size in sizes])
    ax.set_xlabel("labelled rows")
