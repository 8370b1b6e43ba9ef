"""The page of an answer: one file that needs nothing else."""

from __future__ import annotations

import html
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from fuelgauge.answer import _drawing, _lines
from fuelgauge.answer._standing import NEVER, Findings, Standing
from fuelgauge.answer._state import State
from fuelgauge.files import write_whole

__all__ = ["head", "write_page"]

MOST_COLUMNS = 20
STEPS = 80
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
        f"{reading.n_columns - 1} columns · {_lines.seconds(state.seconds)}"
    )
    return Markup(
        f'<p class="small">{html.escape(about)}</p><h1>{html.escape(sentence)}</h1>'
        f'<div class="facts">{facts}</div>'
    )


def numbers(state: State, found: Findings) -> list[tuple[str, str]]:
    """Return the four numbers under the sentence, each with its meaning."""
    best, judged = found.best, found.judged
    change, low, high = (100 * value for value in found.doubling(best))
    ends = judged.between(best.low, best.high) if math.isfinite(best.low + best.high) else "one repeat"
    rival = max(found.rivals, key=lambda each: each.p_double, default=None)
    chance = _lines.share(rival.p_double) if rival else MISSING
    return [
        (f"{judged.name} {judged.shown(best.loss)}", f"{best.title}, {ends}"),
        (f"{change:+.2g}% loss", f"at twice the rows ({low:+.2g} to {high:+.2g})"),
        (chance, f"probability that {rival.title if rival else 'another model'} is best at twice the rows"),
        (_lines.seconds(best.fit_seconds), "one fit, on one core"),
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
        "payload": payload(found),
    }
    if found:
        made |= {
            "metric": found.judged.name,
            "top": f"{found.top:,}",
            "chart": Markup(_drawing.curves(found)),
            "models": [model_row(found, each) for each in (found.best, *found.rivals)],
            "missing": _lines.missing(found),
            "more": sentence(_lines.more(state, found).removeprefix("MORE")),
            "goal": round(found.judged.of(found.best.loss * (1 - _lines.BETTER)), 4),
            "reliability": Markup(_drawing.reliability(state.calibration)) if state.calibration else "",
            "trust": sentence(_lines.trust(state, found).removeprefix("TRUST")) + lift(state),
            "slices": state.slices,
            "columns": column_bars(state),
        }
    return made


def sentence(text: str) -> str:
    """Return a text of the terminal with a capital letter."""
    text = text.strip()
    return text[:1].upper() + text[1:]


def asked(line: str) -> tuple[str, str, str]:
    """Return a question of the terminal as its kind, its text and the flag that settles it."""
    kind, _, rest = line.partition(" ")
    text, mark, flag = rest.strip().rpartition("--")
    return kind, text if mark else rest, f"{mark}{flag}" if mark else ""


def payload(found: Findings | None) -> Markup:
    """Return the numbers that the script of the page needs, as JSON that cannot end the element."""
    content: dict[str, Any] = {"models": []}
    if found:
        content = {
            "isScore": found.judged.is_score,
            "nRows": found.n_rows,
            "top": found.top,
            "models": [curve_of(found, each) for each in (found.best, *found.rivals)],
        }
    return Markup(json.dumps(content).replace("<", "\\u003c"))


def curve_of(found: Findings, model: Standing) -> dict[str, Any]:
    """Return the curve of a model and its forecast to a thousand times the rows of the table."""
    rows = np.unique(np.geomspace(model.curve[0][0], NEVER * found.n_rows, STEPS).astype(int))
    ahead = found.at(model, rows.tolist())
    values = {
        name: [float(f"{getattr(each, name):.6g}") for each in ahead] for name in ("loss", "low", "high")
    }
    return {"title": model.title, "rows": rows.tolist(), **values}


def model_row(found: Findings, model: Standing) -> dict[str, Any]:
    """Return a model as a row of the table of models."""
    judged = found.judged
    (then,) = found.at(model, found.targets[1:2])
    is_known = math.isfinite(model.gap_low)
    more, low, high = map(_lines.percent, (model.gap, model.gap_low, model.gap_high))
    is_best = model is found.best
    cells = [
        model.title,
        judged.shown(model.loss),
        judged.between(model.low, model.high) if math.isfinite(model.low + model.high) else MISSING,
        MISSING if is_best else f"{more}%",
        f"{low} to {high}%" if is_known and not is_best else MISSING,
        f"{model.wins} of {model.of}" if model.of else MISSING,
        _lines.share(model.p_now),
        _lines.share(model.p_double),
        f"{judged.shown(then.loss)} ({judged.between(then.low, then.high)})",
        _lines.seconds(model.fit_seconds),
        f"{model.predict_ms:.2g} ms",
        str(model.repeats),
    ]
    return {"cells": cells, "note": model.note}


def lift(state: State) -> str:
    """Return the lift of the tenth of the rows with the highest probability in words."""
    known = state.calibration
    if known is None or not math.isfinite(known.lift):
        return "."
    return (
        f". The tenth of the rows with the highest probability holds {known.lift:.1f} times the usual share."
    )


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


def columns_read(state: State) -> list[tuple[str, str, str]]:
    """Return how columns were read: one row for each with a reason, one for the others."""
    reading, question = state.reading, state.question
    kinds = {"numbers": reading.numeric, "categories": reading.categorical, "dates": reading.dates}
    found = [(question.target, "target", state.description.task)]
    found += [(name, role, why) for name, role, why in roles(state) if name]
    for kind, names in kinds.items():
        plain = [name for name in names if name not in reading.numbers]
        found += [(name, kind, reading.numbers[name]) for name in names if name in reading.numbers]
        found += [(", ".join(plain), kind, "")] if plain else []
    return [*found, *((name, "left out", why) for name, why in reading.left_out.items())]


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
