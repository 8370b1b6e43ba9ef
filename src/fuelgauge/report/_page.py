"""The page: the contents of its sections, for the template."""

from __future__ import annotations

import base64
import gzip
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup
from PIL import Image

from fuelgauge.claims.judging.verdict import models_of
from fuelgauge.claims.statistics.crossover import NOT_SHOWN, SHOWN
from fuelgauge.report import _numbers as numbers
from fuelgauge.report._contents import (
    MODEL,
    Contents,
    headline_pairs,
    records,
    summarise_pairs,
)
from fuelgauge.report._costs import cost_rows, cost_summary
from fuelgauge.report._leads import choices, is_telling, lead_panels
from fuelgauge.report._payload import chart_payload
from fuelgauge.report._provenance import ReportContext
from fuelgauge.report._ratios import ratio_picture
from fuelgauge.report._style import BASELINE, PALETTE
from fuelgauge.report._verdicts import (
    answer,
    claim_rows,
    in_words,
    matrix,
    sentences_on,
    side_by_side,
    stratum_rows,
)
from fuelgauge.report.savings import saving_rows
from fuelgauge.report.summary import PRIMARY

MOST_ROWS = 200
MOST_BYTES_OF_STATIC_PICTURES = 350_000
COLOURS_OF_STATIC_PICTURES = 48
MOST_DATASETS_IN_WORDS = 40
LONGEST_PLAIN_JSON = 400_000
CARD_FIELDS = ("modality", "task", "metric", "n_rows", "n_features", "n_classes", "licence", "reference")
CARD_LINKS = ("name", "title", "citation", "url")


def render_page(contents: Contents, context: ReportContext, pictures: Mapping[str, Path]) -> str:
    """Return the page as one HTML text that loads nothing from other files or the network.

    Parameters
    ----------
    contents
        Tables and verdicts to show.
    context
        Facts around the analysis.
    pictures
        PNG files by name. The page shows them where scripts are switched off.
    """
    verdicts = contents.verdicts
    panels = lead_panels(contents.leads)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            context=context,
            palette=PALETTE,
            baseline=BASELINE,
            answer=answer(verdicts),
            panels=panels,
            choices=choices(panels),
            ratios=ratio_picture(verdicts),
            is_telling=is_telling(panels),
            facts=_facts(contents, context),
            claims=claim_rows(verdicts),
            strata=stratum_rows(verdicts),
            in_words=in_words(verdicts),
            matrix=matrix(verdicts, contents.datasets),
            slide=contents.slide,
            sizes=_size_rows(contents),
            savings=saving_rows(contents.savings),
            prices=context.prices,
            costs=cost_rows(contents),
            cost_summary=cost_summary(contents),
            has_exponents=bool(contents.exponents["loss_exponent"].notna().any()),
            published=side_by_side(verdicts, context.published),
            datasets=[_dataset(contents, context, *named) for named in _tags(contents, context).items()],
            levels=contents.levels,
            has_times=bool(contents.curves["fit_seconds_mean"].notna().any()),
            has_bands=bool(contents.curves["loss_hi"].notna().any()),
            has_extrapolations=bool(len(contents.extrapolations)),
            crossovers=_comparison_rows(contents),
            has_judged_pairs=bool(len(contents.judged_pairs)),
            data_cards=[_data_card(card) for card in context.data_cards],
            flags=_flag_groups(contents),
            failures=_failure_rows(contents),
            warnings=contents.warnings,
            most_rows=MOST_ROWS,
            static_pictures=_static_pictures(pictures),
            payload=embedded_json(chart_payload(contents, context.prices.currency if context.prices else "")),
        )
    )


def embedded_json(payload: Any) -> Markup:
    """Return JSON that cannot end its script element; a long text is packed by gzip and base64."""
    text = json.dumps(payload, allow_nan=False, separators=(",", ":"))
    if len(text) > LONGEST_PLAIN_JSON:
        return Markup(base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode("ascii"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fuelgauge.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = numbers.figure
    environment.filters["count"] = numbers.count
    return environment


def _facts(contents: Contents, context: ReportContext) -> list[tuple[str, str]]:
    """Return the numbers that describe the size of the experiment, with their labels."""
    curves, trials = contents.curves, contents.trials
    models = curves[curves["level"] == MODEL] if MODEL in contents.levels else curves
    facts = [
        (numbers.count(len(contents.datasets)), _datasets_by_kind(contents)),
        (numbers.count(models["model"].nunique()), _plural("model", models["model"].nunique())),
    ]
    if len(trials):
        facts.append((numbers.count(_finished(trials)), "trials"))
    if curves["n_repeats"].notna().any():
        facts.append(
            (numbers.count(int(curves["n_repeats"].max())), _plural("repeat", curves["n_repeats"].max()))
        )
    if len(curves):
        sizes = f"{numbers.count(curves['n_train'].min())} to {numbers.count(curves['n_train'].max())}"
        facts.append((sizes, "labelled rows"))
    if "fit_seconds" in trials and trials["fit_seconds"].notna().any():
        facts.append((numbers.seconds(_seconds_of_fits(trials)), "of fits"))
    if context.sweep_efficiency is not None:
        facts.append((f"{context.sweep_efficiency:.0%}", "of the cores' time in fits"))
    return facts


def _datasets_by_kind(contents: Contents) -> str:
    """Return the word for the datasets, with the numbers of tables and controls where not all are counted."""
    noun, trials = _plural("dataset", len(contents.datasets)), contents.trials
    if "dataset" not in trials:
        return noun
    parts = [noun]
    if "modality" in trials:
        kinds = trials.groupby("dataset")["modality"].first()
        tables = int((kinds == PRIMARY).sum())
        parts += [f"{tables} of them tables"] if 0 < tables < len(kinds) else []
    if "control" in trials and (controls := trials.loc[trials["control"].eq(True), "dataset"].nunique()):
        parts.append(f"{numbers.count(controls)} {_plural('control', controls)} not counted")
    return ", ".join(parts)


def _seconds_of_fits(trials: pd.DataFrame) -> float:
    """Return the seconds of all fits, with those of searches; a packed fit counts its CPU seconds."""
    kept = trials["fit_seconds"]
    searched = trials["search_seconds"].fillna(0) if "search_seconds" in trials else 0 * kept.fillna(0)
    alone = searched.where(searched > 0, kept)
    packed = trials.get("used_cpu_seconds", 0.0)
    return float(alone.fillna(packed).sum())


def _finished(trials: pd.DataFrame) -> int:
    return int((trials["status"] == "done").sum()) if "status" in trials else len(trials)


def _plural(noun: str, how_many: float) -> str:
    return noun if how_many == 1 else f"{noun}s"


def _dataset(contents: Contents, context: ReportContext, name: str, tags: list[str]) -> dict[str, Any]:
    curves = contents.curves_of(name)
    has_sentences = len(contents.datasets) <= MOST_DATASETS_IN_WORDS
    return {
        "name": name,
        "tags": tags,
        "sentences": sentences_on(contents.verdicts, name) if has_sentences else [],
        "pretrained": _pretrained(curves, context),
        "has_zero_loss": bool((curves["loss_mean"] <= 0).any()),
        "one_repeat": bool(curves["n_repeats"].notna().any() and curves["n_repeats"].max() <= 1),
    }


def _pretrained(curves: pd.DataFrame, context: ReportContext) -> list[tuple[str, str]]:
    """Return the pretrained models among the curves, with the description of their pretraining."""
    shown = sorted(set(curves["model"]))
    return [
        (model, told)
        for model in shown
        for name, told in context.pretrained_on.items()
        if model == name or model.startswith((f"{name}-", f"{name}+", f"{name}@"))
    ]


def _tags(contents: Contents, context: ReportContext) -> dict[str, list[str]]:
    """Return modality, task and metric of every dataset, as far as they are known."""
    cards = {str(card.get("name")): card for card in context.data_cards}
    measured = [name for name in ("modality", "task") if name in contents.trials]
    known: dict[Any, Any] = {}
    if measured and "dataset" in contents.trials:
        known = contents.trials.groupby("dataset")[measured].first().to_dict("index")
    tags = {
        name: [
            cards.get(name, {}).get(field) or known.get(name, {}).get(field) for field in ("modality", "task")
        ]
        for name in contents.datasets
    }
    return {
        name: [str(tag) for tag in (*own, contents.metrics.get(name)) if _is_given(tag) and tag]
        for name, own in tags.items()
    }


def _comparison_rows(contents: Contents) -> list[dict[str, str]]:
    pairs = summarise_pairs(headline_pairs(contents))
    return [_comparison_row(row) for row in records(pairs.head(MOST_ROWS))]


def _comparison_row(row: dict[str, Any]) -> dict[str, str]:
    return {
        "dataset": row["dataset"],
        "a": row["model_a"],
        "b": row["model_b"],
        "ratio": ratio(row),
        "ratio_interval": numbers.interval(row["der_lo"], row["der_hi"], numbers.times),
        "crossover": _crossover(row),
        "where_better": _where_better(row),
        "slope": numbers.percent(row["slope"]),
        "slope_interval": numbers.interval(row["slope_lo"], row["slope_hi"], numbers.percent),
        "p_value": numbers.p_value(row["p_value"]).removeprefix("= "),
        "time_ratio": numbers.times(row["time_ratio"]),
        "time_ratio_at_equal_loss": numbers.times(row["time_ratio_at_equal_loss"]),
    }


def ratio(row: Mapping[str, Any]) -> str:
    """Write a data-efficiency ratio; a censored one is a bound."""
    if row["censored"]:
        sign = "<" if row["censored"] == "below" else ">"
        return (
            f"{sign} {numbers.times(row['der'])}"
            if numbers.is_number(row["der"])
            else f"{sign} the range of the data"
        )
    return numbers.times(row["der"])


def _crossover(row: Mapping[str, Any]) -> str:
    """Write the crossover of A and B with its interval, if it is shown."""
    if row["crossover_kind"] != SHOWN:
        return NOT_SHOWN
    low, high = row["crossover_lo"], row["crossover_hi"]
    start = numbers.rows(low) if numbers.is_number(low) and low > 0 else "below the data"
    end = numbers.rows(high) if numbers.is_number(high) else "above the data"
    return f"{numbers.rows(row['crossover'])} ({start} to {end})"


def _where_better(row: Mapping[str, Any]) -> str:
    """Write at which numbers of rows A or B is shown to be better."""
    names = {"a": row["model_a"], "b": models_of(row["model_b"])}
    said = [f"{names[side]} at {_span(first, last)}" for side, first, last in row["better_at"]]
    return ", ".join(said) or "neither"


def _span(first: float, last: float) -> str:
    return numbers.count(first) if first == last else f"{numbers.count(first)} to {numbers.count(last)}"


def _size_rows(contents: Contents) -> list[dict[str, Any]]:
    """Return the best size at each anchor, one row per dataset and model."""
    groups = contents.sizes.groupby(["dataset", "model"], sort=False)
    return [
        {"dataset": dataset, "model": model, "points": [_size_point(row) for row in records(own)]}
        for (dataset, model), own in groups
    ]


def _size_point(row: Mapping[str, Any]) -> dict[str, str]:
    bounds = numbers.interval(row["ratio_lo"], row["ratio_hi"], numbers.times)
    return {
        "n": numbers.count(row["n_train"]),
        "best": row["best_size"],
        "ratio": numbers.times(row["ratio"]),
        "interval": bounds,
    }


def _data_card(card: Mapping[str, Any]) -> dict[str, Any]:
    known = [(field, card.get(field)) for field in CARD_FIELDS]
    further = [(field, value) for field, value in card.items() if field not in (*CARD_FIELDS, *CARD_LINKS)]
    url = str(card.get("url") or "")
    return {
        "name": card.get("name", ""),
        "title": card.get("title") or "",
        "citation": card.get("citation") or "",
        "url": url if url.startswith(("https://", "http://")) else "",
        "fields": [(_words(field), _plain(value)) for field, value in [*known, *further] if _is_given(value)],
    }


def _is_given(value: Any) -> bool:
    return value is not None and value != "" and not (isinstance(value, float) and math.isnan(value))


def _plain(value: Any) -> str:
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        whole = float(value).is_integer()
        return numbers.count(int(value)) if whole else numbers.figure(float(value))
    return str(value)


def _words(name: str) -> str:
    renamed = {
        "n_rows": "rows",
        "n_features": "features",
        "n_classes": "classes",
        "reference": "published result",
    }
    return renamed.get(name, name.replace("_", " "))


def _flag_groups(contents: Contents) -> list[dict[str, Any]]:
    """Return the flags by kind, with at most `MOST_ROWS` examples of each kind."""
    return [
        {
            "kind": _words(str(kind)) or "other",
            "how_many": len(group),
            "examples": [_flag(row) for row in records(group.head(MOST_ROWS))],
        }
        for kind, group in contents.flags.groupby("kind", sort=False)
    ]


def _flag(row: dict[str, Any]) -> dict[str, str]:
    size = numbers.count(row["n_train"]) if numbers.is_number(row["n_train"]) else ""
    return {"dataset": row["dataset"], "model": row["model"], "size": size, "text": row["text"]}


def _failure_rows(contents: Contents) -> list[dict[str, Any]]:
    """Return failed and skipped trials, one row per status, dataset, model and reason."""
    keys = ["status", "dataset", "model", "reason"]
    groups = contents.failures.groupby(keys, sort=False)
    return [
        {**dict(zip(keys, key, strict=True)), "how_many": len(group), "sizes": _sizes(group["n_train"])}
        for key, group in groups
    ]


def _sizes(sizes: pd.Series) -> str:
    return ", ".join(numbers.count(size) for size in sorted(set(sizes.dropna().tolist())))


def _static_pictures(pictures: Mapping[str, Path]) -> list[tuple[str, Markup]]:
    """Return pictures in few colours as data addresses, up to a total size that suits the page."""
    embedded, left = [], MOST_BYTES_OF_STATIC_PICTURES
    for name, path in pictures.items():
        content = _in_few_colours(path)
        if len(content) <= left:
            left -= len(content)
            address = f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"
            embedded.append((name.replace("_", " "), Markup(address)))
    return embedded


def _in_few_colours(path: Path) -> bytes:
    """Return a PNG file with a palette, which is a fifth as large."""
    stream = io.BytesIO()
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOURS_OF_STATIC_PICTURES).save(stream, "PNG", optimize=True)
    return stream.getvalue()
