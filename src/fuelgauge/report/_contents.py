"""An analysis in the one shape that the page and the pictures use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from fuelgauge.claims import savings
from fuelgauge.claims.judging.members import PREFIX
from fuelgauge.report._provenance import ReportContext
from fuelgauge.report._style import LineStyle, family_rank, is_baseline, line_styles
from fuelgauge.report.money import KEYS, curve_prices

CURVE_COLUMNS = [
    *("dataset", "model", "family", "level", "n_train", "n_repeats", "loss_mean", "loss_lo", "loss_hi"),
    *("fit_seconds_mean", "fit_seconds_lo", "fit_seconds_hi", "price_mean"),
]
PAIR_COLUMNS = [
    *("dataset", "level", "model_a", "model_b", "n", "der", "der_lo", "der_hi", "censored"),
    *("der_median", "der_median_lo", "der_median_hi", "der_median_censored"),
    *("slope", "slope_lo", "slope_hi", "p_value"),
    *("crossover", "crossover_lo", "crossover_hi", "crossover_kind", "crossover_above", "better"),
    *("time_ratio", "time_ratio_at_equal_loss", "time_median"),
]
EXTRAPOLATION_COLUMNS = ["dataset", "model", "level", "n_train", "loss", "loss_lo", "loss_hi"]
FLAG_COLUMNS = ["kind", "dataset", "model", "n_train", "text"]
LEAD_COLUMNS = ["dataset", "modality", "rival", "n", "leader"]
EXPONENTS = ("loss_exponent", "fit_seconds_exponent")
EXPONENT_COLUMNS = [
    *("dataset", "model", "level"),
    *(f"{name}{end}" for name in EXPONENTS for end in ("", "_lo", "_hi")),
]
SIZE_COLUMNS = ["dataset", "model", "family", "n_train", "best_size", "ratio", "ratio_lo", "ratio_hi"]
FAILURE_COLUMNS = ["dataset", "model", "status", "reason", "n_train"]
# Metrics for which higher is better. The loss is one minus such a metric.
SCORES = frozenset({"accuracy", "roc auc", "r2"})
MODEL, FAMILY = "model", "family"
PAIR_KEYS = ["dataset", "level", "model_a", "model_b"]


@dataclass(frozen=True)
class Contents:
    """All that the report draws and writes. Every column is present, and missing values are NaN."""

    datasets: list[str]
    curves: pd.DataFrame
    pairs: pd.DataFrame
    judged_pairs: pd.DataFrame
    extrapolations: pd.DataFrame
    verdicts: list[dict[str, Any]]
    flags: pd.DataFrame
    warnings: list[str]
    failures: pd.DataFrame
    trials: pd.DataFrame
    metrics: dict[str, str]
    styles: dict[str, dict[str, LineStyle]]
    sizes: pd.DataFrame
    slide: Any
    leads: pd.DataFrame
    exponents: pd.DataFrame
    savings: pd.DataFrame

    def curves_of(self, dataset: str, level: str | None = None) -> pd.DataFrame:
        """Return the learning curves of a dataset: those of a level (`model` or `family`), or all."""
        chosen = self.curves[self.curves["dataset"] == dataset]
        return chosen if level is None else chosen[chosen["level"] == level]

    def style_of(self, name: str) -> LineStyle:
        """Return the line style of a family, or of a model if there is no such family."""
        return self.styles[FAMILY].get(name) or self.styles[MODEL][name]

    @property
    def levels(self) -> list[str]:
        """Return the levels that have curves: `model`, `family` or both."""
        return [level for level in (MODEL, FAMILY) if (self.curves["level"] == level).any()]


def gather(analysis: Any, context: ReportContext) -> Contents:
    """Collect the contents of a report from an analysis and its context.

    Parameters
    ----------
    analysis
        Analysis, a ``fuelgauge.claims.analysis.Analysis`` or an object with some of its attributes.
    context
        Facts around the analysis.
    """
    further = getattr(analysis, "further", None) or {}
    every_trial = _frame(getattr(analysis, "trials", None))
    trials = _plain_trials(every_trial)
    curves = _curves(_priced(_frame(getattr(analysis, "curves", None)), every_trial, context))
    return Contents(
        datasets=list(dict.fromkeys(curves["dataset"])),
        curves=curves,
        pairs=_pairs(_shown_pairs(getattr(analysis, "pairs", None))),
        judged_pairs=_pairs(_frame(getattr(analysis, "judged_pairs", None))),
        extrapolations=_extrapolations(_frame(getattr(analysis, "extrapolations", None))),
        verdicts=[dict(verdict) for verdict in getattr(analysis, "verdicts", None) or []],
        flags=_flags(_frame(getattr(analysis, "flags", None))),
        warnings=[str(warning) for warning in getattr(analysis, "warnings", None) or []],
        failures=_failures(context, trials),
        trials=trials,
        metrics=_metrics(trials, context.data_cards),
        styles=_styles(curves),
        sizes=_with_columns(_frame(further.get("sizes")), SIZE_COLUMNS),
        slide=further.get("slide"),
        leads=_leads(_frame(getattr(analysis, "leads", None))),
        exponents=_exponents(_frame(getattr(analysis, "exponents", None))),
        savings=_with_columns(_frame(getattr(analysis, "savings", None)), savings.COLUMNS),
    )


def headline_pairs(contents: Contents) -> pd.DataFrame:
    """Return the pairs of the main question: deep against each other family, without baselines.

    The members of a family are those that a verdict counts, if the analysis says so. Without families, the
    pairs are those of models. Without deep models, every pair comes once, in one order.
    """
    pairs = contents.judged_pairs if len(contents.judged_pairs) else contents.pairs
    if not len(pairs):
        return pairs
    level = FAMILY if (pairs["level"] == FAMILY).any() else MODEL
    pairs, curves = pairs[pairs["level"] == level], contents.curves[contents.curves["level"] == level]
    family_of = dict(zip(curves["model"], curves["family"], strict=True))
    family_a, family_b = pairs["model_a"].map(family_of), pairs["model_b"].map(family_of)
    contestant = ~_baseline_mask(pairs["model_a"], family_a) & ~_baseline_mask(pairs["model_b"], family_b)
    asked = pairs[contestant & (family_a == "deep") & (family_b != "deep")]
    if len(asked):
        return asked
    order = {name: rank for rank, name in enumerate(contents.styles[level])}
    once = pairs["model_a"].map(order) > pairs["model_b"].map(order)
    return pairs[contestant & once]


def summarise_pairs(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per dataset and pair: medians over n if the table has them, else the middle row.

    Parameters
    ----------
    pairs
        Comparisons, one row per pair and n.
    """
    groups = pairs.groupby(PAIR_KEYS, sort=False)
    return pd.DataFrame([_summary(group) for _, group in groups], columns=[*PAIR_COLUMNS, "better_at"])


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as mappings from column name to value."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _summary(group: pd.DataFrame) -> dict[str, Any]:
    first = dict(group.iloc[0])
    has_medians = isfinite(first["der_median"])
    middle = first if has_medians else dict(_middle_row(group))
    times = first["time_median"] if isfinite(first["time_median"]) else _median(group["time_ratio"])
    prefix = "der_median" if has_medians else "der"
    return first | {
        "der": middle[prefix],
        "der_lo": middle[f"{prefix}_lo"],
        "der_hi": middle[f"{prefix}_hi"],
        "censored": middle["der_median_censored" if has_medians else "censored"],
        "time_ratio": times,
        "time_ratio_at_equal_loss": _median(group["time_ratio_at_equal_loss"]),
        "better_at": shown_ranges(group["n"].tolist(), group["better"].tolist()),
    }


def shown_ranges(sizes: Sequence[float], better: Sequence[str]) -> list[tuple[str, float, float]]:
    """Return the curve that is shown to be better and the first and last of neighbouring sizes with it."""
    order = sorted(zip(sizes, better, strict=True))
    runs = [(side, [n for n, _ in run]) for side, run in groupby(order, key=lambda point: point[1])]
    return [(side, own[0], own[-1]) for side, own in runs if side]


def _median(values: pd.Series) -> float:
    known = values.dropna()
    return float(known.median()) if len(known) else np.nan


def _middle_row(group: pd.DataFrame) -> pd.Series:
    """Return the row with the median ratio; a ratio censored above counts as infinite, not as missing."""
    ratios = group["der"].mask(group["censored"] == "above", np.inf).mask(group["censored"] == "below", 0.0)
    known = ratios.dropna().sort_values()
    return group.loc[known.index[(len(known) - 1) // 2]] if len(known) else group.iloc[0]


def _frame(table: Any) -> pd.DataFrame:
    if table is None:
        return pd.DataFrame()
    if isinstance(table, pd.DataFrame):
        return table.reset_index(drop=True)
    rows = [row if isinstance(row, Mapping) else {"text": str(row)} for row in table]
    return pd.DataFrame(rows)


def _plain_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Leave out the trials of families, which repeat trials of models."""
    return trials[trials["level"] != FAMILY] if "level" in trials else trials


def _with_columns(frame: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    return frame.reindex(columns=list(columns))


def _text(column: pd.Series, default: str = "") -> pd.Series:
    return column.astype(object).where(column.notna(), default).astype(str)


def _priced(curves: pd.DataFrame, trials: pd.DataFrame, context: ReportContext) -> pd.DataFrame:
    prices = curve_prices(trials, context.prices)
    return curves.merge(prices, how="left", on=KEYS) if len(prices) and len(curves) else curves


def _curves(frame: pd.DataFrame) -> pd.DataFrame:
    curves = _with_columns(frame, CURVE_COLUMNS)
    for name in ("dataset", "model", "family"):
        curves[name] = _text(curves[name])
    curves = _with_levels(curves, ["model"])
    one_repeat = curves["n_repeats"] <= 1
    curves.loc[one_repeat, ["loss_lo", "loss_hi", "fit_seconds_lo", "fit_seconds_hi"]] = np.nan
    return curves.sort_values("n_train", kind="stable").sort_values("dataset", kind="stable", key=_appearance)


def _appearance(column: pd.Series) -> pd.Series:
    return pd.Series(pd.factorize(column)[0], index=column.index)


def _with_levels(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Set the level of each row, model or family, and remove the prefix of family names."""
    is_family = frame[names[0]].str.startswith(PREFIX) | (frame["level"] == FAMILY)
    frame["level"] = np.where(is_family, FAMILY, MODEL)
    for name in names:
        frame[name] = frame[name].mask(is_family, frame[name].str.removeprefix(PREFIX))
    return frame


def _shown_pairs(table: Any) -> pd.DataFrame:
    """Return the pairs that the report shows: those of families, and one row of each crossing of models.

    A table without families is returned whole.
    """
    if table is None or "crossover_above" not in table or not (table["level"] == FAMILY).any():
        return _frame(table)
    crossing = table.loc[table["crossover_above"] == "a", PAIR_KEYS].drop_duplicates().index
    shown = (table["level"] == FAMILY) | table.index.isin(crossing)
    return table[shown].reset_index(drop=True)


def _pairs(frame: pd.DataFrame) -> pd.DataFrame:
    pairs = _with_columns(frame, PAIR_COLUMNS)
    named = ("dataset", "model_a", "model_b", "censored", "der_median_censored")
    for name in (*named, "crossover_kind", "crossover_above", "better"):
        pairs[name] = _text(pairs[name])
    return _with_levels(pairs, ["model_a", "model_b"])


def _extrapolations(frame: pd.DataFrame) -> pd.DataFrame:
    table = _with_columns(frame, EXTRAPOLATION_COLUMNS)
    table["model"] = _text(table["model"])
    return _with_levels(table, ["model"]).sort_values("n_train", kind="stable")


def _leads(frame: pd.DataFrame) -> pd.DataFrame:
    leads = _with_columns(frame, LEAD_COLUMNS)
    for name in ("dataset", "modality", "rival", "leader"):
        leads[name] = _text(leads[name])
    return leads


def _exponents(frame: pd.DataFrame) -> pd.DataFrame:
    exponents = _with_columns(frame, EXPONENT_COLUMNS)
    for name in ("dataset", "model"):
        exponents[name] = _text(exponents[name])
    return _with_levels(exponents, ["model"])


def _flags(frame: pd.DataFrame) -> pd.DataFrame:
    flags = _with_columns(frame, FLAG_COLUMNS)
    for name in ("kind", "dataset", "model", "text"):
        flags[name] = _text(flags[name])
    return flags


def _failures(context: ReportContext, trials: pd.DataFrame) -> pd.DataFrame:
    given = context.failures
    if given is None:
        given = trials[trials["status"] != "done"] if "status" in trials else None
    failures = _with_columns(_frame(given), FAILURE_COLUMNS)
    for name in ("dataset", "model", "status", "reason"):
        failures[name] = _text(failures[name])
    return failures


def is_score(metric: str) -> bool:
    """Return whether the loss is one minus this metric."""
    return metric in SCORES


def loss_name(metric: str) -> str:
    """Return the name of the loss that belongs to a metric."""
    return f"1 \u2212 {metric}" if is_score(metric) else metric


def _metrics(trials: pd.DataFrame, cards: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    metrics = {str(card["name"]): str(card["metric"]) for card in cards if card.get("metric")}
    if "metric" in trials and len(trials):
        measured = trials.dropna(subset=["metric"]).groupby("dataset", sort=False)["metric"].first()
        metrics.update({str(dataset): str(metric) for dataset, metric in measured.items()})
    return {dataset: metric.replace("_", " ") for dataset, metric in metrics.items()}


def _styles(curves: pd.DataFrame) -> dict[str, dict[str, LineStyle]]:
    return {
        level: line_styles(_families_in_order(curves[curves["level"] == level])) for level in (MODEL, FAMILY)
    }


def _families_in_order(curves: pd.DataFrame) -> dict[str, str]:
    families = dict(zip(curves["model"], curves["family"], strict=True))
    return dict(sorted(families.items(), key=lambda item: family_rank(item[1])))


def _baseline_mask(models: pd.Series, families: pd.Series) -> pd.Series:
    named = zip(models, families.fillna(""), strict=True)
    return pd.Series([is_baseline(model, family) for model, family in named], index=models.index, dtype=bool)
