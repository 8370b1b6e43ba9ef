"""The page of an answer: one file that needs nothing else."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from fuelgauge.answer import _drawing, _lines, _words
from fuelgauge.answer._forecast import Forecast
from fuelgauge.answer._standing import Findings, Standing
from fuelgauge.answer._state import State
from fuelgauge.files import write_whole

__all__ = ["head", "write_page"]

MOST_COLUMNS = 20
STEPS = 80
FAR = 10  # times the rows of the table
MISSING = "-"


def write_page(state: State, path: Path) -> Path:
    """Write the page of an answer and return its path."""
    write_whole(path, environment().get_template("answer.html.j2").render(**content(state)))
    return path


def head(state: State) -> str:
    """Return the head of the page with its style, for a notebook."""
    return f"<style>{template('answer.css')}</style>{opening(state)}"


def environment() -> Environment:
    """Return the templates of this room; all values are escaped."""
    made = Environment(loader=PackageLoader("fuelgauge.answer", "templates"), autoescape=True)
    made.trim_blocks = made.lstrip_blocks = True
    return made


def template(name: str) -> str:
    """Return a file of the templates as it is."""
    loader = environment().loader
    assert loader is not None
    return loader.get_source(environment(), name)[0]


def opening(state: State) -> Markup:
    """Return what the table is, the answer in a sentence, and four numbers."""
    found, reading = state.findings, state.reading
    facts = "".join(
        f"<div><b>{html.escape(value)}</b><span>{html.escape(meaning)}</span></div>"
        for value, meaning in (numbers(state, found) if found else [])
    )
    sentence = _lines.headline(found) if found else "No model could be measured in this time."
    about = (
        f"{Path(state.question.file).name} · {state.question.target} · {reading.n_rows:,} rows · "
        f"{reading.n_columns - 1} columns · {_words.seconds(state.seconds)}"
    )
    return Markup(
        f'<p class="small">{html.escape(about)}</p><h1>{html.escape(sentence)}</h1>'
        f'<div class="facts">{facts}</div>'
    )


def numbers(state: State, found: Findings) -> list[tuple[str, str]]:
    """Return the four numbers under the sentence, each with its meaning."""
    best, judged, ahead = found.best, found.judged, found.ahead
    between = judged.between(best.low, best.high) if math.isfinite(best.low + best.high) else "few repeats"
    gain, _, interval = _lines.gained(found, ahead).partition(" (")
    than = f"than {_words.short(best.title)} has now ({interval}"
    nets = found.chances().get("nets")
    chance, whose = (ahead.kind_probability, ahead.kind) if nets is None else (nets, "a net")
    verb = "are" if whose.endswith("s") else "is"
    return [
        (
            f"{judged.name} {judged.shown(best.loss)}",
            f"{best.title} ({between}). {sentence(_lines.chances(best))}.",
        ),
        (
            gain.partition(" loss")[0] + " loss",
            f"at twice the rows with {ahead.model.title}, {than}",
        ),
        (_words.share(chance), f"probability that {whose} {verb} best at twice the rows"),
        (_words.seconds(best.fit_seconds), "one fit, on one core"),
    ]


def content(state: State) -> dict[str, Any]:
    """Return everything that the template shows."""
    found = state.findings
    made: dict[str, Any] = {
        "name": Path(state.question.file).name,
        "target": state.question.target,
        "style": Markup(template("answer.css")),
        "script": Markup(template("answer.js")),
        "head": opening(state),
        "questions": [asked(line) for line in _lines.to_settle(state)],
        "found": found is not None,
        "reading": columns_read(state),
        "notes": state.reading.notes,
        "method": method(state),
        "snippet": snippet(state),
        "payload": payload(state, found),
    }
    if found:
        made |= {
            "metric": found.judged.name,
            "metric_title": sentence(found.judged.name),
            "top": f"{found.top:,}",
            "chart": Markup(_drawing.curves(found, state.question.label_price)),
            "models": [model_row(found, each) for each in (found.best, *found.rivals)],
            "missing": _lines.missing(found),
            "more": sentence(_lines.more(state, found).removeprefix("MORE")),
            "loss": found.judged.loss_name,
            "goal": f"{found.judged.of(_lines.goal(found)):.6g}",
            "price": "" if state.question.label_price is None else f"{state.question.label_price:g}",
            "cost": sentence(_lines.cost(state, found).removeprefix("COST")) + ".",
            "reliability": Markup(_drawing.reliability(state.calibration)) if state.calibration else "",
            "trust": sentence(_lines.trust(state, found).removeprefix("TRUST")) + lift(state),
            "slices": state.slices,
            "rarest": rare(state, found),
            "columns": column_bars(state),
        }
    return made


def sentence(text: str) -> str:
    """Return a text of the terminal with a capital letter."""
    text = text.strip().replace(_words.TIED, " ")
    return text[:1].upper() + text[1:]


def asked(line: str) -> tuple[str, str, str]:
    """Return a question of the terminal as its kind, its text and the flag that settles it."""
    kind, _, rest = line.partition(" ")
    text, mark, flag = rest.strip().rpartition("--")
    return kind, text if mark else rest, f"{mark}{flag}" if mark else ""


def payload(state: State, found: Findings | None) -> Markup:
    """Return the numbers that the script of the page needs, as JSON that cannot end the element."""
    content: dict[str, Any] = {"models": []}
    if found:
        ahead = found.ahead.model
        content = {
            "isScore": found.judged.is_score,
            "nRows": found.n_rows,
            "top": found.top,
            "models": [curve_of(found, each) for each in (found.best, *found.rivals)],
            "ahead": {**numbers_of(found.path(ahead)), "title": ahead.title, "last": ahead.curve[-1]},
        }
    return Markup(json.dumps(content).replace("<", "\\u003c"))


def curve_of(found: Findings, model: Standing) -> dict[str, Any]:
    """Return the curve of a model and its forecast to ten times the rows of the table."""
    rows = np.unique(np.geomspace(model.curve[0][0], FAR * found.n_rows, STEPS).astype(int))
    return {"title": model.title, **numbers_of(found.at(model, rows.tolist()))}


def numbers_of(ahead: Sequence[Forecast]) -> dict[str, list[float]]:
    """Return losses by rows as lists."""
    names = ("loss", "low", "high")
    values = {name: [float(f"{getattr(each, name):.6g}") for each in ahead] for name in names}
    return {"rows": [each.rows for each in ahead], **values}


def model_row(found: Findings, model: Standing) -> dict[str, Any]:
    """Return a model as a row of the table of models."""
    judged = found.judged
    (then,) = found.at(model, found.targets[1:2])
    is_known = math.isfinite(model.gap_low)
    is_best = model is found.best
    between = f" ({judged.between(model.low, model.high)})" if math.isfinite(model.low + model.high) else ""
    beside = "the first" if is_best else _words.compared(model.gap, "").strip()
    if is_known and not is_best:
        beside += f" ({_words.ends(model.gap_low, model.gap_high)})"
    cells = [
        f"{judged.shown(model.loss)}{between}",
        beside,
        f"{model.wins} of {model.of}" if model.of else MISSING,
        _words.share(model.p_now),
        _words.share(model.p_double),
        f"{judged.shown(then.loss)} ({judged.between(then.low, then.high)})",
        _words.seconds(model.fit_seconds),
        _words.milliseconds(model.predict_ms),
        _words.counted(model.n_parameters),
    ]
    return {"title": model.title, "cells": cells, "note": model.note}


def lift(state: State) -> str:
    """Return the lift of the tenth of the rows with the highest probability in words."""
    known = state.calibration
    if known is None or not math.isfinite(known.lift):
        return "."
    return (
        f". The tenth of the rows with the highest probability holds {known.lift:.1f} times the usual share."
    )


def rare(state: State, found: Findings) -> dict[str, Any]:
    """Return the learning curves of the rarest class, as the table of the page."""
    known = state.rarest
    if known is None:
        return {}
    sizes = [size for size in found.sizes if any(size in own for own in known.found.values())]
    rows = [
        (name, [f"{100 * own[size]:.0f}%" if size in own else "" for size in sizes])
        for name, own in known.found.items()
    ]
    return {
        "name": known.name,
        "share": f"{100 * known.share:.2g}%",
        "sizes": [f"{size:,}" for size in sizes],
        "rows": rows,
    }


def column_bars(state: State) -> list[dict[str, Any]]:
    """Return the columns with the lengths of their bars, the most important first."""
    parts = state.parts_of_whole()
    largest = max(state.importance.values(), default=0.0)
    names = sorted(state.importance, key=lambda name: -state.importance[name])[:MOST_COLUMNS]
    return [
        {
            "name": name,
            "is_leak": name in state.leaks,
            "shuffled": round(100 * max(0.0, state.importance[name]) / largest, 1) if largest > 0 else 0,
            "alone": round(100 * min(1.0, parts.get(name, 0.0)), 1),
            "shown": f"{state.importance[name]:+.3g}",
        }
        for name in names
    ]


def columns_read(state: State) -> list[tuple[str, str]]:
    """Return how columns were read: what they became, with the reason if there is one, and their names."""
    reading, question = state.reading, state.question
    kinds = {"numbers": reading.numeric, "categories": reading.categorical, "dates": reading.dates}
    found = [(f"target, {state.description.task}", question.target)]
    found += [(f"{role}: {why}" if why else role, name) for name, role, why in roles(state) if name]
    for kind, names in kinds.items():
        plain = [name for name in names if name not in reading.numbers]
        found += [(kind, ", ".join(plain))] if plain else []
    found += [(f"numbers, {why}", ", ".join(names)) for why, names in by_reason(reading.numbers)]
    return [*found, *((f"left out: {why}", ", ".join(names)) for why, names in by_reason(reading.left_out))]


def by_reason(columns: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """Return the columns of each reason."""
    found: dict[str, list[str]] = {}
    for name, why in columns.items():
        found.setdefault(why, []).append(name)
    return list(found.items())


def roles(state: State) -> list[tuple[str, str, str]]:
    """Return the time and the group column, each with the reason."""
    reading = state.reading
    return [(reading.time, "time", reading.why_time), (reading.group, "group", reading.why_group)]


def method(state: State) -> str:
    """Return how the answer was measured."""
    found = state.findings
    if not found:
        return "No model was measured."
    split = "the latest rows" if state.reading.time else "a random part"
    sizes = ", ".join(f"{size:,}" for size in found.sizes)
    return (
        f"In each repeat, {split} of the table ({found.n_test:,} rows) was held out. All models were fitted "
        f"on the same {sizes} rows, and a smaller size is a part of a larger one. A model that stops early "
        "did so on a fifth of its rows, and was then fitted again on all of them. Differences are paired by "
        "repeat. Their intervals carry the factor of Nadeau and Bengio (2003), as all repeats draw from the "
        "same rows. A model that was clearly behind was not repeated; the best one is dropped so with a "
        "probability of at most 5%. The loss at all rows, at twice and at ten times the rows is a forecast."
    )


def snippet(state: State) -> str:
    """Return how to use the model, the trials and the pipeline."""
    place = state.place
    return (
        f"from fuelgauge.answer.ask import load\n"
        f'model = load("{place.model.name}")        # predict, predict_proba on the columns of the table\n\n'
        f"fuelgauge analyze {place.table.name} --out report\n"
        f"fuelgauge ask --resume --minutes 30\n"
        f"fuelgauge adopt {place.base}      # in a checkout: a dataset of the pipeline"
    )
