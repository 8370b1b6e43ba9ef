"""Drift: compare a new month with the earlier months, and the losses of models by month.

A column has drifted if the difference is both significant and large enough to matter.

- The tests are two-sample tests: Kolmogorov-Smirnov for numbers, Pearson's chi-square for categories. The p
  values are adjusted with Holm's method over all columns.
- The size is the population stability index (Siddiqi, Credit Risk Scorecards, 2006). Siddiqi calls values
  from 0.1 a slight change and values from 0.25 a clear change.

The size is needed because with many rows the tests are significant for almost every column.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from fuelgauge.claims.statistics.resample import holm
from fuelgauge.months._markdown import Part, escaped
from fuelgauge.sweep.metrics import HIGHER_IS_BETTER, all_metrics, loss_and_score

LEVEL = 0.05
SLIGHT, CLEAR = 0.1, 0.25
BINS = 10
LEAST_EXPECTED = 5  # fewest expected rows in a cell of the chi-square table; rarer categories are pooled
FEWEST = 1e-4  # smallest share of a bin, which keeps the index finite
MISSING = "missing"
INK, OLD, NEW = "#1c2430", "#98a3b3", "#2f6fde"


@dataclass(frozen=True)
class Shift:
    """The difference of one column between the new month and the earlier months.

    Parameters
    ----------
    test
        Name of the test: kolmogorov_smirnov, chi_square or none (nothing to compare).
    p
        Holm-adjusted p value.
    size
        Population stability index; missing values form a separate bin.
    """

    column: str
    test: str
    statistic: float
    p: float
    size: float

    @property
    def verdict(self) -> str:
        """Return whether the column has drifted: clearly, slightly or no."""
        if not (self.p < LEVEL and self.size >= SLIGHT):
            return "no"
        return "clearly" if self.size >= CLEAR else "slightly"


@dataclass(frozen=True)
class MonthLoss:
    """The loss of a model on the rows of one month.

    Parameters
    ----------
    seen
        Share of the rows that the model was fitted on, between 0 and 1. Its loss on them says little.
    """

    model: str
    month: str
    n_rows: int
    loss: float
    seen: float


@dataclass(frozen=True)
class Drift:
    """The drift report of one dataset and one month.

    Parameters
    ----------
    until
        New month, such as 2013-06.
    n_before, n_month
        Number of compared rows in the earlier months and in the new month.
    left_out
        One sentence for each model that could not predict the rows.
    """

    dataset: str
    until: str
    metric: str
    n_before: int
    n_month: int
    shifts: tuple[Shift, ...]
    losses: tuple[MonthLoss, ...]
    left_out: tuple[str, ...] = ()

    @property
    def drifted(self) -> list[Shift]:
        """Columns that have drifted, the largest drift first."""
        return sorted((s for s in self.shifts if s.verdict != "no"), key=lambda s: -s.size)

    @property
    def loss_name(self) -> str:
        """Name of the loss."""
        return f"1 - {self.metric}" if self.metric in HIGHER_IS_BETTER else self.metric

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain data for a JSON file; unknown numbers are null."""
        content = asdict(self)
        for shift, known in zip(content["shifts"], self.shifts, strict=True):
            shift["drifted"] = known.verdict
        return json.loads(json.dumps(content), parse_constant=lambda _: None)


def shifts(before: Mapping[str, pd.Series], month: Mapping[str, pd.Series]) -> tuple[Shift, ...]:
    """Return the difference of each column between the new month and the earlier months."""
    found = [compared(before[name], month[name]) for name in before]
    adjusted = holm(np.array([p for _, _, p, _ in found]))
    return tuple(
        Shift(name, test, statistic, float(p), size)
        for name, (test, statistic, _, size), p in zip(before, found, adjusted, strict=True)
    )


def compared(before: pd.Series, month: pd.Series) -> tuple[str, float, float, float]:
    """Return test, statistic, p value and size of the difference in one column."""
    if not (pd.api.types.is_numeric_dtype(before) and pd.api.types.is_numeric_dtype(month)):
        old, new = category_counts(before, month)
        return (*chi_square(old, new), stability_index(old, new))
    old, new = bin_counts(before.to_numpy(np.float64), month.to_numpy(np.float64))
    known = before.dropna(), month.dropna()
    if min(map(len, known)) == 0:
        return (*chi_square(old, new), stability_index(old, new))
    found = stats.ks_2samp(*known, method="asymp")
    return "kolmogorov_smirnov", float(found.statistic), float(found.pvalue), stability_index(old, new)


def chi_square(old: np.ndarray, new: np.ndarray) -> tuple[str, float, float]:
    """Return name, statistic and p value of Pearson's test of counts, with rare categories pooled."""
    table = np.array([old, new], dtype=float)
    expected = table.sum(axis=0) * table.sum(axis=1).min() / max(table.sum(), 1)
    rare = expected < LEAST_EXPECTED
    pooled = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    pooled = pooled[:, pooled.sum(axis=0) > 0]
    if pooled.shape[1] < 2 or not pooled.sum(axis=1).all():
        return "none", float("nan"), float("nan")
    found = stats.chi2_contingency(pooled, correction=False)
    return "chi_square", float(found.statistic), float(found.pvalue)


def category_counts(before: pd.Series, month: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the counts of each category in both samples; missing values form a category."""
    old, new = (values.astype("string").fillna(MISSING).value_counts() for values in (before, month))
    names = old.index.union(new.index)
    return old.reindex(names, fill_value=0).to_numpy(), new.reindex(names, fill_value=0).to_numpy()


def bin_counts(before: np.ndarray, month: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the counts of both samples by deciles of the earlier months; missing values come last."""
    known = before[~np.isnan(before)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else np.array([])

    def counts(values: np.ndarray) -> np.ndarray:
        present = values[~np.isnan(values)]
        inside = np.bincount(np.searchsorted(edges, present, side="left"), minlength=len(edges) + 1)
        return np.append(inside, len(values) - len(present))

    return counts(before), counts(month)


def stability_index(old: np.ndarray, new: np.ndarray) -> float:
    """Return the population stability index of two vectors of counts (Siddiqi 2006)."""
    p, q = (np.maximum(counts / max(counts.sum(), 1), FEWEST) for counts in (old, new))
    return float(((q - p) * np.log(q / p)).sum())


def score_of(predicted: np.ndarray) -> np.ndarray:
    """Return one number per prediction: the value, the second of two probabilities, or the largest one."""
    if predicted.ndim == 1:
        return predicted
    return predicted[:, 1] if predicted.shape[1] == 2 else predicted.max(axis=1)


def losses_by_month(
    months: np.ndarray,
    y: np.ndarray,
    predicted: Mapping[str, np.ndarray],
    seen: Mapping[str, np.ndarray],
    task: str,
    metric: str,
) -> tuple[MonthLoss, ...]:
    """Return the loss of each model in each month.

    Parameters
    ----------
    months
        Month of each row, such as 2013-06, shape (rows,).
    y
        Class codes or target values, shape (rows,).
    predicted
        Predictions for each row, by model.
    seen
        Mask of the rows that a model was fitted on, by model.
    task, metric
        Task and metric of the dataset.
    """
    found = []
    for model, values in predicted.items():
        for month in sorted(set(months)):
            rows = months == month
            metrics = all_metrics(y[rows], values[rows], task)
            loss = loss_and_score(metrics[metric], metric)[0] if metric in metrics else float("nan")
            found.append(
                MonthLoss(model, month, int(rows.sum()), float(loss), float(seen[model][rows].mean()))
            )
    return tuple(found)


def write(drift: Drift, folder: Path) -> Path:
    """Write <dataset>.json, .md and .png into a folder, and return the path of the Markdown file."""
    folder.mkdir(parents=True, exist_ok=True)
    base = folder / drift.dataset
    base.with_suffix(".json").write_text(json.dumps(drift.to_json(), indent=2) + "\n", encoding="utf-8")
    draw(drift, base.with_suffix(".png"))
    base.with_suffix(".md").write_text("\n".join(markdown(drift)) + "\n", encoding="utf-8")
    return base.with_suffix(".md")


def markdown(drift: Drift, folder: str = "") -> list[str]:
    """Return the report as lines of Markdown."""
    return [line for part in parts(drift, folder) for line in part.lines]


def parts(drift: Drift, folder: str = "") -> list[Part]:
    """Return the report in parts of Markdown; tables have a higher rank than sentences and the picture.

    Parameters
    ----------
    folder
        Prefix of the link to the picture, such as `drift/`.
    """
    name = escaped(drift.dataset)
    named = ", ".join(f"{escaped(s.column)} ({s.verdict}, {s.size:.2f})" for s in drift.drifted)
    head = [
        f"## {name}: {drift.until} compared with earlier months",
        f"{drift.n_month:,} rows, compared with {drift.n_before:,} earlier rows. "
        f"Drifted columns: {named or 'none'}.",
        "",
    ]
    columns = [
        "| column | test | statistic | p (Holm) | stability index | drifted |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {escaped(s.column)} | {s.test.replace('_', ' ')} | {s.statistic:.3g} | {s.p:.2g} "
            f"| {s.size:.3f} | {s.verdict} |"
            for s in sorted(drift.shifts, key=lambda s: -s.size)
        ),
    ]
    left_out = [line for sentence in drift.left_out for line in (escaped(sentence), "")]
    picture = f"![Drift of {name}]({folder}{drift.dataset}.png)"
    return [
        Part(head),
        Part(columns, rank=3),
        Part(["", *loss_table(drift)], rank=2),
        Part(["", *left_out], rank=1),
        Part([picture]),
    ]


def loss_table(drift: Drift) -> list[str]:
    """Return the losses by month as lines of Markdown; losses on fitting rows are marked."""
    models = list(dict.fromkeys(loss.model for loss in drift.losses))
    by_place = {(loss.month, loss.model): loss for loss in drift.losses}
    if not models:
        return ["There is no model to compare."]

    def cell(month: str, model: str) -> str:
        loss = by_place[month, model]
        return f"{loss.loss:.4f}" + (f" (fitted on {loss.seen:.0%})" if loss.seen else "")

    return [
        f"Loss ({drift.loss_name}) by month:",
        "",
        f"| month | rows | {' | '.join(map(escaped, models))} |",
        f"| --- | --- |{' --- |' * len(models)}",
        *(
            f"| {month} | {by_place[month, models[0]].n_rows:,} | "
            f"{' | '.join(cell(month, model) for model in models)} |"
            for month in sorted({loss.month for loss in drift.losses})
        ),
    ]


def draw(drift: Drift, path: Path) -> None:
    """Draw the sizes of the shifts and the losses by month."""
    from matplotlib.figure import Figure

    picture = Figure(figsize=(10, 3.6), layout="constrained", dpi=120)
    left, right = picture.subplots(1, 2)
    draw_sizes(left, sorted(drift.shifts, key=lambda s: s.size)[-12:])
    draw_losses(right, drift)
    picture.suptitle(f"{drift.dataset}: {drift.until} compared with earlier months", color=INK)
    picture.savefig(path, metadata={"Software": None})


def draw_sizes(ax: Any, shown: Sequence[Shift]) -> None:
    """Draw one bar per column."""
    colours = [NEW if shift.verdict != "no" else OLD for shift in shown]
    ax.barh([shift.column for shift in shown], [shift.size for shift in shown], color=colours)
    for limit in (SLIGHT, CLEAR):
        ax.axvline(limit, color=INK, linewidth=0.8, linestyle=":")
    ax.set_xlabel("population stability index (dotted: slight and clear drift)")


def draw_losses(ax: Any, drift: Drift) -> None:
    """Draw one line per model; hollow points mark months with rows that the model was fitted on."""
    for model, colour in zip(dict.fromkeys(loss.model for loss in drift.losses), (OLD, NEW), strict=False):
        points = [loss for loss in drift.losses if loss.model == model]
        months, values = [p.month for p in points], [p.loss for p in points]
        ax.plot(months, values, color=colour, label=model)
        ax.scatter(months, values, color=colour, facecolors=["white" if p.seen else colour for p in points])
    if drift.losses:
        ax.legend(frameon=False)
        ax.tick_params(axis="x", labelrotation=45)
    ax.set_ylabel(f"loss ({drift.loss_name}); hollow: fitted on rows of the month")
