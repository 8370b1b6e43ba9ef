"""The model card of a champion (Mitchell et al., Model Cards for Model Reporting, FAT* 2019)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from fuelgauge.claims.statistics.extrapolate import extrapolate
from fuelgauge.data.card import data_card
from fuelgauge.data.months import AboutMonths
from fuelgauge.registry._calibration import Bin, bins, expected_calibration_error, regression_bias
from fuelgauge.registry._comparison import Interval
from fuelgauge.registry.heldout import HeldOut
from fuelgauge.spec.description import Description
from fuelgauge.spec.params import Config

TIMES_MORE = (2, 10)
EXTRAPOLATION_LEVEL = 0.9
DATA_ROWS = (
    "title", "modality", "task", "n_rows", "n_features", "n_classes", "left out", "smallest class", "target",
    "missing", "identical rows", "split", "looks suspicious", "licence", "citation",
)  # fmt: skip
LIMITS_OF_A_DRAW = (
    "It answers for rows drawn as its training rows were; nothing watches whether they still are.",
    "Champion and challengers have been compared on the same held-out rows again and again, so that the "
    "metrics of a champion that beat many are somewhat too good.",
)
COSTS = {
    "fit": ("fit_seconds", "{:.3g} s"),
    "CPU of the fit": ("fit_cpu_seconds", "{:.3g} s"),
    "search": ("search_seconds", "{:.3g} s"),
    "fits of the search": ("n_fits", "{:,}"),
    "peak memory of the process": ("peak_memory_mb", "{:,.0f} MiB"),
    "numbers fitted": ("n_parameters", "{:,}"),
    "device": ("device", "{}"),
    "threads": ("threads", "{}"),
}


def model_card(
    config: Config,
    about: Description,
    facts: Mapping[str, Any],
    metrics: Mapping[str, Interval],
    rows: HeldOut,
    predicted: np.ndarray,
) -> str:
    """Return the card as Markdown.

    Parameters
    ----------
    facts
        How the model was chosen and fitted.
    metrics
        Of the held-out rows.
    predicted
        For the held-out rows.
    """
    months = AboutMonths.of(config.dataset.name)
    sections = (
        [f"# {config.dataset.name}: {facts['contestant']}", "", introduction(about, facts, months)],
        ["## Data", *data_section(config)],
        ["## How it was chosen", *choice_section(facts, months)],
        ["## How good it is", *metric_section(config, about, metrics)],
        ["## Calibration", *calibration_section(rows, predicted, about)],
        ["## Cost", *cost_section(facts)],
        ["## What more data would bring", *more_data_section(about, facts)],
        ["## Limits", *limits_section(config, about, facts, months)],
    )
    return "\n".join("\n".join([*section, ""]) for section in sections)


def introduction(about: Description, facts: Mapping[str, Any], months: AboutMonths | None) -> str:
    """Return what the model is, in a sentence or two."""
    held_out = f"rows of {months.until}, the month after them" if months else "the test rows of repeat 0"
    return (
        f"{about.title} The model {facts['contestant']} ({facts['family']}) was fitted on "
        f"{facts['n_train']:,} rows, {facts['n_validation']:,} of them validation rows, and judged on "
        f"{facts['n_test']:,} held-out rows, {held_out}."
    )


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Return a Markdown table."""
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *([one_line(cell) for cell in row] for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines]


def one_line(cell: str) -> str:
    """Return a text that stays in its cell."""
    return " ".join(cell.split()).replace("|", "\\|")


def data_section(config: Config) -> list[str]:
    """Return what the data are."""
    known = data_card(config.dataset.name, config)
    return table(("", ""), ([name, str(known[name])] for name in DATA_ROWS if known[name] not in ("", None)))


def choice_section(facts: Mapping[str, Any], months: AboutMonths | None) -> list[str]:
    """Return which contestants there were and what they were compared by."""
    judged = (
        f"the mean validation loss of all repeats, which have no row of {months.until},"
        if months
        else "the validation loss of repeat 0, whose validation rows are none of the held-out rows,"
    )
    told = f"By {judged} at {facts['anchor']:,} rows, the largest anchor that all contestants share."
    losses = facts["val_losses"].items()
    return [told, "", *table(("contestant", "validation loss"), ([n, f"{v:.4g}"] for n, v in losses))]


def metric_section(config: Config, about: Description, metrics: Mapping[str, Interval]) -> list[str]:
    """Return the metrics with intervals, the one that the dataset is judged by first."""
    rule = config.registry
    order = sorted(metrics, key=lambda name: (name != about.metric, name))
    told = (
        f"Intervals: {rule.level:.0%} percentile bootstrap over the held-out rows ({rule.resamples:,} "
        "resamples), of this fitted model; another draw of training rows would differ by more."
    )
    return [told, "", *table(("metric", "value", "interval"), ([n, *shown(metrics[n])] for n in order))]


def shown(value: Interval) -> tuple[str, str]:
    """Return a number and its interval as text."""
    return f"{value.value:.4g}", f"{value.lo:.4g} to {value.hi:.4g}"


def calibration_section(rows: HeldOut, predicted: np.ndarray, about: Description) -> list[str]:
    """Return whether the model is as often right as it says, or whether its values are too high or low."""
    if not about.classes:
        bias, slope = regression_bias(rows.y, predicted)
        return [
            f"Predictions are {abs(bias):.3g} too {'high' if bias > 0 else 'low'} in the mean; the "
            f"least-squares line of target on prediction has the slope {slope:.3f} (1 is calibrated, "
            "below 1 too extreme; Steyerberg, Clinical Prediction Models, 2019, section 15.3). The model "
            "gives no intervals."
        ]
    found = bins(rows.y, predicted)
    told = (
        f"Expected calibration error {expected_calibration_error(found):.4f}: the mean distance between the "
        "probability of the label and how often it is right, over ten bins of equal width by that "
        "probability (Guo et al., ICML 2017, equation 3)."
    )
    return [told, "", *table(("probability of the label", "rows", "mean", "right"), map(cells, found))]


def cells(one: Bin) -> tuple[str, str, str, str]:
    """Return a bin as text."""
    return f"{one.lo:.1f} to {one.hi:.1f}", f"{one.n_rows:,}", f"{one.confidence:.3f}", f"{one.accuracy:.3f}"


def cost_section(facts: Mapping[str, Any]) -> list[str]:
    """Return what the fit took, and what a prediction takes."""
    rows = [[name, form.format(facts[key])] for name, (key, form) in COSTS.items()]
    each = 1000 * facts["predict_seconds"] / facts["n_test"]
    rows.append(["1,000 rows predicted in one call, features ready", f"{each:.3g} s"])
    return table(("", ""), rows)


def more_data_section(about: Description, facts: Mapping[str, Any]) -> list[str]:
    """Return what the learning curve, continued, says of more rows."""
    curve = facts["curve"]
    if len(curve) < 2:
        return ["The learning curve has a single anchor: nothing can be continued."]
    anchors, losses = [point["n_train"] for point in curve], [point["loss"] for point in curve]
    targets = [times * facts["n_train"] for times in TIMES_MORE]
    found = extrapolate(anchors, losses, targets, EXTRAPOLATION_LEVEL)
    told = (
        f"Measured at {anchors[-1]:,} rows: a loss of {losses[-1]:.4g} ({loss_name(about.metric)}, mean of "
        "the repeats). Beyond that it is an **extrapolation** of the learning curve "
        f"(docs/extrapolation.md), with an interval of {EXTRAPOLATION_LEVEL:.0%}."
    )
    rows = [
        [f"{times} x, {row.n_train:,.0f}", f"{row.loss:.4g}", f"{row.loss_lo:.4g} to {row.loss_hi:.4g}"]
        for times, row in zip(TIMES_MORE, found.itertuples(), strict=True)
    ]
    return [told, "", *table(("rows", "extrapolated loss", "interval"), rows)]


def loss_name(metric: str) -> str:
    """Return how a metric is counted as a loss."""
    return f"1 - {metric}" if metric in ("accuracy", "roc_auc", "r2") else metric


def limits_section(
    config: Config, about: Description, facts: Mapping[str, Any], months: AboutMonths | None
) -> list[str]:
    """Return what the model should not be trusted with."""
    limits = [
        *(limits_of_a_month(months) if months else LIMITS_OF_A_DRAW),
        "No metric says how it does on a part of the rows, such as a group of people.",
    ]
    if about.control:
        limits.append("The dataset is a control: what is learned from it means nothing.")
    if config.dataset.time:
        limits.append("Rows in time depend on each other; the intervals take them as independent.")
    if about.classes and min(about.class_counts) < 100:
        limits.append(f"A class has {min(about.class_counts)} rows only.")
    if seen := facts["pretrained_on"]:
        limits.append(f"It has learned from other data before: {seen}")
    return [f"- {limit}" for limit in limits]


def limits_of_a_month(months: AboutMonths) -> tuple[str, ...]:
    """Return what is not known of a model that was judged on one month."""
    return (
        "It answers for rows as those of the months before were; whether a new month still is like them is "
        "told by the report of a retraining (reports/drift).",
        f"It was judged on {months.until} alone; other months may be easier or harder. Contestants that are "
        "registered in one month are compared on the same rows of it.",
    )
