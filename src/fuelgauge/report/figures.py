"""The charts of the page as PNG files, for a README and for ``dvc plots show``."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fuelgauge.claims.judging.verdict import models_of
from fuelgauge.report._contents import MODEL, Contents, loss_name
from fuelgauge.report._numbers import TIMES, figure, is_number, seconds
from fuelgauge.report._payload import forest_rows
from fuelgauge.report._style import LineStyle, dash_pattern, slide_styles
from fuelgauge.report._ticks import log_ticks, size_label, size_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["DPI", "GRID", "INK", "LOOK", "MUTED", "draw_note", "draw_pictures"]

# Width of an entry of a legend: its line with the space around it, and a letter of its name.
LINE_INCHES, LETTER_INCHES = 0.8, 0.085
MOST_PANELS = 9
MOST_FOREST_DATASETS, MOST_FOREST_PAIRS = 40, 6
PANELS_A_ROW = 3
# A band may widen the axis beyond the means by this factor at most; the rest of the band is cut off.
BAND_REACH = 1.6
DPI = 120
INK, MUTED, GRID = "#1c2430", "#5b6675", "#e4e8ee"
MARKERS = {"circle": "o", "square": "s", "triangle": "^", "diamond": "D", "dot": "."}
LOOK: dict[Any, Any] = {
    "font.size": 9.5,
    "font.family": "sans-serif",
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.minor.bottom": False,
    "ytick.minor.left": False,
    "text.parse_math": False,
}


def draw_pictures(contents: Contents, folder: Path) -> dict[str, Path]:
    """Draw all pictures that the contents have numbers for; return their paths by name.

    Parameters
    ----------
    contents
        Tables and verdicts to draw.
    folder
        Folder of the PNG files; it is made if it does not exist.
    """
    import matplotlib

    folder.mkdir(parents=True, exist_ok=True)
    drawings: dict[str, Callable[[Contents], Figure | None]] = {
        "learning_curves": _learning_curves,
        "fit_time": _fit_times,
        "cost": _costs,
        "der": _forest,
        "engine": _slide,
    }
    with matplotlib.rc_context(LOOK):
        made = {name: draw(contents) for name, draw in drawings.items()}
        return {name: _save(picture, folder / f"{name}.png") for name, picture in made.items() if picture}


def _save(picture: Figure, path: Path) -> Path:
    picture.savefig(path, dpi=DPI, facecolor="white", metadata={"Software": None})
    return path


def _learning_curves(contents: Contents) -> Figure | None:
    return _panels(contents, "loss_mean", _draw_learning_curves)


def _fit_times(contents: Contents) -> Figure | None:
    return _panels(contents, "fit_seconds_mean", _draw_fit_times)


def _costs(contents: Contents) -> Figure | None:
    return _panels(contents, "fit_seconds_mean", _draw_costs)


def _panels(
    contents: Contents, column: str, draw: Callable[[Axes, Contents, pd.DataFrame], None]
) -> Figure | None:
    """Draw one panel per dataset, with one legend for all."""
    shown = [name for name in contents.datasets if _drawable(contents, name)[column].notna().any()]
    if not shown:
        return None
    left_out, shown = len(shown) - MOST_PANELS, shown[:MOST_PANELS]
    columns = min(PANELS_A_ROW, len(shown))
    n_rows = math.ceil(len(shown) / columns)
    picture = _new_figure(max(4.2 * columns, 6.4), 3.3 * n_rows + 0.9)
    axes = picture.subplots(n_rows, columns, squeeze=False).ravel()
    for ax, name in zip(axes, shown, strict=False):
        draw(ax, contents, _drawable(contents, name))
        ax.set_title(_shortened(name, 32))
    for ax in axes[len(shown) :]:
        ax.set_visible(False)
    _add_legend(picture, axes[: len(shown)])
    _note_left_out(picture, left_out, "datasets")
    return picture


def _note_left_out(picture: Figure, how_many: int, what: str) -> None:
    if how_many > 0:
        picture.supxlabel(f"The page shows {how_many} more {what}.", fontsize=9, color=MUTED)


def _shortened(name: str, most: int) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _new_figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    picture = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(picture)
    return picture


def _drawable(contents: Contents, dataset: str) -> pd.DataFrame:
    return contents.curves_of(dataset, MODEL if MODEL in contents.levels else None)


def _draw_learning_curves(ax: Axes, contents: Contents, curves: pd.DataFrame) -> None:
    floor = _floor(curves["loss_mean"])
    for name, style, curve in _styled(contents, curves):
        _line(ax, curve["n_train"], curve["loss_mean"].clip(lower=floor), name, style)
        _band(ax, curve["n_train"], curve["loss_lo"].clip(lower=floor), curve["loss_hi"], style)
    _size_axis(ax, curves["n_train"])
    _loss_axis(ax, contents, curves, floor)


def _draw_fit_times(ax: Axes, contents: Contents, curves: pd.DataFrame) -> None:
    for name, style, curve in _styled(contents, curves):
        _line(ax, curve["n_train"], curve["fit_seconds_mean"], name, style)
        _band(ax, curve["n_train"], curve["fit_seconds_lo"], curve["fit_seconds_hi"], style)
    _size_axis(ax, curves["n_train"])
    _log_axis(ax, "y", _positive(curves["fit_seconds_mean"]), seconds)
    ax.set_ylabel("time of one fit")


def _draw_costs(ax: Axes, contents: Contents, curves: pd.DataFrame) -> None:
    floor = _floor(curves["loss_mean"])
    for name, style, curve in _styled(contents, curves):
        _line(ax, curve["fit_seconds_mean"], curve["loss_mean"].clip(lower=floor), name, style)
    _log_axis(ax, "x", _positive(curves["fit_seconds_mean"]), seconds, at_most=5)
    ax.set_xlabel("time of one fit")
    _loss_axis(ax, contents, curves, floor)


def _styled(contents: Contents, curves: pd.DataFrame) -> list[tuple[str, LineStyle, pd.DataFrame]]:
    level = str(curves["level"].iloc[0])
    groups = dict(list(curves.groupby("model", sort=False)))
    return [(name, style, groups[name]) for name, style in contents.styles[level].items() if name in groups]


def _line(ax: Axes, x: pd.Series, y: pd.Series, name: str, style: LineStyle) -> None:
    ax.plot(
        x,
        y,
        label=_shortened(name, 26),
        color=style.colour,
        linestyle=dash_pattern(style.dash),
        linewidth=1.6,
        marker=MARKERS[style.marker],
        markersize=4,
        markerfacecolor="white" if style.is_open else style.colour,
    )


def _band(ax: Axes, x: pd.Series, low: pd.Series, high: pd.Series, style: LineStyle) -> None:
    if high.notna().any():
        ax.fill_between(x, low, high, color=style.colour, alpha=0.15, linewidth=0)


def _positive(values: pd.Series) -> pd.Series:
    return values[values > 0]


def _floor(losses: pd.Series) -> float:
    """Return the place of zero losses on a log axis: half of the smallest positive loss."""
    positive = _positive(losses)
    return float(positive.min()) / 2 if len(positive) else 1e-3


def _size_axis(ax: Axes, sizes: pd.Series) -> None:
    low, high = float(sizes.min()), float(sizes.max())
    ax.set_xscale("log", base=2)
    ax.set_xlim(low / 1.15, high * 1.15)
    ticks = size_ticks(low, high)
    ax.set_xticks(ticks, [size_label(tick) for tick in ticks])
    ax.set_xlabel("labelled training rows")


def _loss_axis(ax: Axes, contents: Contents, curves: pd.DataFrame, floor: float) -> None:
    means = curves["loss_mean"].clip(lower=floor)
    bounds = pd.concat([curves["loss_lo"], curves["loss_hi"]]).dropna()
    shown = bounds.clip(means.min() / BAND_REACH, means.max() * BAND_REACH)
    _log_axis(ax, "y", pd.concat([means, shown]), figure)
    metric = loss_name(contents.metrics.get(str(curves["dataset"].iloc[0]), ""))
    clipped = "\n(0 is drawn at the bottom)" if (curves["loss_mean"] <= 0).any() else ""
    ax.set_ylabel(f"test loss ({metric}){clipped}" if metric else f"test loss{clipped}")


def _log_axis(ax: Axes, which: str, values: pd.Series, label: Callable[[Any], str], at_most: int = 7) -> None:
    from matplotlib.ticker import NullLocator

    low, high = (float(values.min()), float(values.max())) if len(values) else (0.1, 1.0)
    pad = max((high / low) ** 0.06, 1.02)
    low, high = low / pad, high * pad
    ticks = log_ticks(low, high, at_most)
    ax.set(**{f"{which}scale": "log", f"{which}lim": (low, high)})
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_ticks(ticks, [label(tick) for tick in ticks])
    axis.set_minor_locator(NullLocator())
    ax.grid(color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(length=0)


def _add_legend(picture: Figure, axes: Iterable[Axes]) -> None:
    entries = {
        name: handle for ax in axes for handle, name in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    widest = LINE_INCHES + LETTER_INCHES * max(map(len, entries), default=0)
    picture.legend(
        list(entries.values()),
        list(entries),
        loc="outside upper left",
        ncols=max(1, min(len(entries), int(picture.get_figwidth() / widest))),
        frameon=False,
        handlelength=3.2,
    )


def _slide(contents: Contents) -> Figure | None:
    """Draw the well-known slide from measurements: performance against the amount of data."""
    found = contents.slide
    if found is None:
        return None
    picture = _new_figure(8.4, 5.2)
    ax = picture.subplots()
    lines = {str(name): line for name, line in found.points.groupby("line", sort=False)}
    for name, style in slide_styles(list(lines)).items():
        _line(ax, lines[name]["n_train"], lines[name]["performance"], name, style)
    _size_axis(ax, found.points["n_train"])
    low, high = performance_range(found.points["performance"])
    ax.set_ylim(low, high)
    ax.set_ylabel("performance")
    ax.set_title("Performance against the amount of data")
    ax.grid(color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(length=0)
    ax.legend(loc="lower right", frameon=False, handlelength=3.2)
    picture.supxlabel(textwrap.fill(found.caption, 150), fontsize=8, color=MUTED, x=0.01, ha="left")
    return picture


def performance_range(values: pd.Series) -> tuple[float, float]:
    """Return the ends of the performance axis: 0, or a little below the lowest, and just above the best."""
    return max(min(0.0, float(values.min()) - 0.03), -0.25), min(1.0, float(values.max()) + 0.05)


def draw_note(path: Path, text: str) -> None:
    """Draw a sentence in place of a picture that has no numbers."""
    import matplotlib

    with matplotlib.rc_context(LOOK):
        picture = _new_figure(8.4, 1.2)
        picture.text(0.5, 0.5, textwrap.fill(text, 100), ha="center", va="center", color=MUTED)
        _save(picture, path)


def _forest(contents: Contents) -> Figure | None:
    """Draw data-efficiency ratios with intervals, one row per dataset; a censored ratio is an arrow."""
    every = _judged(contents, forest_rows(contents))
    if not every:
        return None
    pairs = list(dict.fromkeys((row["a"], row["b"]) for row in every))[:MOST_FOREST_PAIRS]
    by_dataset = _from_few_to_many_rows([row for row in every if (row["a"], row["b"]) in pairs])
    shown = list(by_dataset)[:MOST_FOREST_DATASETS]
    picture = _new_figure(8.4, (0.17 * len(pairs) + 0.1) * len(shown) + 1.5)
    ax = picture.subplots()
    _ratio_axis(ax, [row for name in shown for row in by_dataset[name]])
    for a, b in pairs:
        colour = contents.style_of(b).colour
        ax.plot([], [], color=colour, marker="s", markersize=5, label=f"{a} against {models_of(b)}")
    for height, name in enumerate(shown):
        for row in by_dataset[name]:
            lift = (pairs.index((row["a"], row["b"])) + 0.5) / len(pairs) - 0.5
            _forest_row(ax, height + 0.8 * lift, row, contents.style_of(row["b"]).colour)
    ax.set_yticks(range(len(shown)), [_shortened(name, 26) for name in shown])
    ax.tick_params(axis="y", pad=8)
    ax.set_ylim(len(shown) - 0.4, -0.6)
    _add_legend(picture, [ax])
    _note_left_out(picture, len(every) - sum(len(by_dataset[name]) for name in shown), "pairs")
    return picture


def _judged(contents: Contents, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows whose pair has a verdict on data-efficiency ratios; all rows if there is none."""
    judged = {
        (v.get("family_a"), v.get("family_b")) for v in contents.verdicts if v.get("effect_name") == "der"
    }
    return [row for row in rows if (row["a"], row["b"]) in judged] or rows


def _from_few_to_many_rows(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows by dataset, in increasing order of the median ratio."""
    by_dataset: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_dataset.setdefault(row["dataset"], []).append(row)

    def middle(name: str) -> float:
        return float(np.median([row["der"] if is_number(row["der"]) else 1.0 for row in by_dataset[name]]))

    return {name: by_dataset[name] for name in sorted(by_dataset, key=middle)}


def _ratio_axis(ax: Axes, rows: list[dict[str, Any]]) -> None:
    ends = [row[key] for row in rows for key in ("der", "lo", "hi")]
    values = [end for end in ends if is_number(end) and end > 0]
    low, high = min([*values, 0.5]) / 1.3, max([*values, 2.0]) * 1.3
    _log_axis(ax, "x", pd.Series([low, high]), lambda ratio: f"{figure(ratio)}{TIMES}", at_most=5)
    ax.axvline(1, color=MUTED, linewidth=1)
    ax.set_xlabel("DER: rows that the first needs / rows that the second has", loc="right")


def _forest_row(ax: Axes, height: float, row: dict[str, Any], colour: str) -> None:
    low_edge, high_edge = ax.get_xlim()
    start = row["lo"] if is_number(row["lo"]) and row["lo"] > 0 else low_edge
    end = row["hi"] if is_number(row["hi"]) else high_edge
    if is_number(row["lo"]) or is_number(row["hi"]):
        ax.plot([start, end], [height, height], color=colour, linewidth=1.6)
    if row["censored"]:
        edge, arrow = (low_edge, "<") if row["censored"] == "below" else (high_edge, ">")
        origin = row["der"] if is_number(row["der"]) else 1.0
        ax.plot([origin, edge], [height, height], color=colour, linewidth=1.6)
        ax.plot(edge, height, marker=arrow, color=colour, markersize=8, clip_on=False)
    elif is_number(row["der"]):
        ax.plot(row["der"], height, marker="s", color=colour, markersize=6)
