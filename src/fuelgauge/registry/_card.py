"""The model card of a champion (Mitchell et al., Model Cards for Model Reporting, FAT* 2019)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from fuelgauge.data.card import data_card
from fuelgauge.data.months import AboutMonths
from fuelgauge.registry._calibration import Bin, bins, expected_calibration_error, regression_bias
from fuelgauge.registry._comparison import Interval
from fuelgauge.registry._outlook import LEVEL
from fuelgauge.registry.heldout import HeldOut
from fuelgauge.spec.description import Description
from fuelgauge.spec.params import Config

DATA_ROWS = (
    "title", "modality", "task", "n_rows", "n_features", "n_classes", "left out", "smallest class", "target",
    "missing", "identical rows", "split", "looks suspicious", "licence", "citation",
)  # fmt: skip
LIMITS_OF_A_DRAW = (
    "The model is meant for rows from the same source as its training rows. Nothing monitors whether new "
    "rows still resemble them.",
    "Every comparison of champion and challenger uses the same held-out rows. The metrics of a champion that "
    "has beaten many challengers are therefore somewhat optimistic.",
)
COSTS = {
    "fit time": ("fit_seconds", "{:.3g} s"),
    "CPU time of the fit": ("fit_cpu_seconds", "{:.3g} s"),
    "search time": ("search_seconds", "{:.3g} s"),
    "fits in the search": ("n_fits", "{:,}"),
    "peak memory of the process": ("peak_memory_mb", "{:,.0f} MiB"),
    "fitted parameters": ("n_parameters", "{:,}"),
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
    """Return the model card as Markdown.

    Parameters
    ----------
    about
        Description of the dataset.
    facts
        Records of the choice and the fit of the model.
    metrics
        Metrics on the held-out rows, with intervals.
    rows
        Held-out rows.
    predicted
        Predictions for the held-out rows.
    """
    months = AboutMonths.of(config.dataset.name)
    sections = (
        [f"# {config.dataset.name}: {facts['contestant']}", "", introduction(about, facts, months)],
        ["## Data", *data_section(config)],
        ["## Model selection", *choice_section(facts, months)],
        ["## Performance on held-out rows", *metric_section(config, about, metrics)],
        ["## Calibration", *calibration_section(rows, predicted, about)],
        ["## Cost", *cost_section(facts)],
        ["## Effect of more data", *more_data_section(about, facts)],
        ["## Limits", *limits_section(config, about, facts, months)],
    )
    return "\n".join("\n".join([*section, ""]) for section in sections)


def introduction(about: Description, facts: Mapping[str, Any], months: AboutMonths | None) -> str:
    """Return a short description of the model, its fit and its evaluation."""
    held_out = (
        f"rows of {months.until}, the month after the fitting rows" if months else "the test rows of repeat 0"
    )
    validated = (
        f"A first fit was validated on {facts['n_validation']:,} of them. The model was refitted on all."
        if facts["refit"]
        else f"{facts['n_validation']:,} of them are validation rows, on which it was not fitted."
    )
    return (
        f"{about.title} The model {facts['contestant']} ({facts['family']}) was trained on "
        f"{facts['n_train']:,} rows. {validated} It was evaluated on {facts['n_test']:,} held-out rows: "
        f"{held_out}."
    )


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Return a Markdown table."""
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *([one_line(cell) for cell in row] for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines]


def one_line(cell: str) -> str:
    """Return a text that fits into one cell of a Markdown table."""
    return " ".join(cell.split()).replace("|", "\\|")


def data_section(config: Config) -> list[str]:
    """Return the facts about the dataset."""
    known = data_card(config.dataset.name, config)
    return table(("", ""), ([name, str(known[name])] for name in DATA_ROWS if known[name] not in ("", None)))


def choice_section(facts: Mapping[str, Any], months: AboutMonths | None) -> list[str]:
    """Return the contestants, their validation losses and the rule of the choice."""
    rule = (
        f"the mean validation loss of all repeats; no repeat uses rows of {months.until}."
        if months
        else "the validation loss of repeat 0; none of its validation rows is a held-out row."
    )
    told = (
        f"The contestants were compared at {facts['anchor']:,} rows, the largest anchor that they all share. "
        f"The criterion is {rule}"
    )
    losses = facts["val_losses"].items()
    return [told, "", *table(("contestant", "validation loss"), ([n, f"{v:.4g}"] for n, v in losses))]


def metric_section(config: Config, about: Description, metrics: Mapping[str, Interval]) -> list[str]:
    """Return the metrics with intervals; the metric of the dataset comes first."""
    rule = config.registry
    order = sorted(metrics, key=lambda name: (name != about.metric, name))
    told = (
        f"The intervals are {rule.level:.0%} percentile bootstrap intervals over the held-out rows "
        f"({rule.resamples:,} resamples). They describe this fitted model; a model fitted on another draw of "
        "training rows would differ by more."
    )
    return [told, "", *table(("metric", "value", "interval"), ([n, *shown(metrics[n])] for n in order))]


def shown(value: Interval) -> tuple[str, str]:
    """Return a number and its interval as texts."""
    return f"{value.value:.4g}", f"{value.lo:.4g} to {value.hi:.4g}"


def calibration_section(rows: HeldOut, predicted: np.ndarray, about: Description) -> list[str]:
    """Return the calibration of a classifier, or the bias and the slope of a regression model."""
    if not about.classes:
        bias, slope = regression_bias(rows.y, predicted)
        return [
            f"On average, predictions are {abs(bias):.3g} too {'high' if bias > 0 else 'low'}. "
            f"The least-squares line of target on prediction has slope {slope:.3f}. A slope of 1 means "
            "calibrated, a slope below 1 means that predictions are too extreme (Steyerberg, Clinical "
            "Prediction Models, 2019, section 15.3). The model does not give prediction intervals."
        ]
    found = bins(rows.y, predicted)
    told = (
        f"The expected calibration error is {expected_calibration_error(found):.4f} (Guo et al., ICML 2017, "
        "equation 3). It is the mean distance between confidence and accuracy over ten bins of confidence of "
        "equal width. Confidence is the probability of the predicted label."
    )
    return [told, "", *table(("confidence", "rows", "mean confidence", "accuracy"), map(cells, found))]


def cells(one: Bin) -> tuple[str, str, str, str]:
    """Return a bin as the cells of a table."""
    return f"{one.lo:.1f} to {one.hi:.1f}", f"{one.n_rows:,}", f"{one.confidence:.3f}", f"{one.accuracy:.3f}"


def cost_section(facts: Mapping[str, Any]) -> list[str]:
    """Return the cost of the fit and of a prediction."""
    rows = [[name, form.format(facts[key])] for name, (key, form) in COSTS.items()]
    each = 1000 * facts["predict_seconds"] / facts["n_test"]
    rows.append(["prediction of 1,000 rows in one call, without featurization", f"{each:.3g} s"])
    return table(("", ""), rows)


def more_data_section(about: Description, facts: Mapping[str, Any]) -> list[str]:
    """Return the extrapolated loss with more rows."""
    if not facts["ahead"]:
        return ["The learning curve has a single anchor, so it cannot be extrapolated."]
    last = facts["curve"][-1]
    told = (
        f"The measured loss at {last['n_train']:,} rows is {last['loss']:.4g} ({loss_name(about.metric)}, "
        "mean of the repeats). The losses below are an **extrapolation** of the learning curve with "
        f"{LEVEL:.0%} intervals (docs/explanation/extrapolation.md). It knows the training losses, and the "
        "curves of the other models on this dataset."
    )
    rows = [
        [
            f"{there['times']} x, {there['n_train']:,}",
            f"{there['loss']:.4g}",
            f"{there['lo']:.4g} to {there['hi']:.4g}",
        ]
        for there in facts["ahead"]
    ]
    return [told, "", *table(("rows", "extrapolated loss", "interval"), rows)]


def loss_name(metric: str) -> str:
    """Return the name of the loss that a metric is turned into."""
    return f"1 - {metric}" if metric in ("accuracy", "roc_auc", "r2") else metric


def limits_section(
    config: Config, about: Description, facts: Mapping[str, Any], months: AboutMonths | None
) -> list[str]:
    """Return the known limits of the model."""
    limits = [
        *(limits_of_a_month(months) if months else LIMITS_OF_A_DRAW),
        "No metric describes the performance on subsets of the rows, such as groups of people.",
    ]
    if about.control:
        limits.append("The dataset is a control: a model fitted on it has no use outside the experiment.")
    if config.dataset.time:
        limits.append(
            "Rows that are close in time depend on each other, but the intervals treat them as independent."
        )
    if about.classes and min(about.class_counts) < 100:
        limits.append(f"The smallest class has only {min(about.class_counts)} rows.")
    if seen := facts["pretrained_on"]:
        limits.append(f"The model was pretrained on other data: {seen}")
    return [f"- {limit}" for limit in limits]


def limits_of_a_month(months: AboutMonths) -> tuple[str, ...]:
    """Return the limits of a model that was evaluated on a single month."""
    return (
        "The model is meant for rows like those of the months that it was fitted on. The drift report of a "
        "retraining (reports/drift) shows whether a new month still resembles them.",
        f"It was evaluated on {months.until} alone; other months may be easier or harder. All contestants "
        "that are registered with this month are compared on the same rows of it.",
    )
