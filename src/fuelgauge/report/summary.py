"""The verdicts in a few lines, for the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fuelgauge.claims.judging.claims import available_claims
from fuelgauge.claims.judging.verdict import models_of, short_number

__all__ = [
    "FEW_DATASETS",
    "PRIMARY",
    "bounded",
    "chosen_verdicts",
    "is_measured",
    "short_title",
    "shown_margins",
    "shown_ratio",
    "shown_size",
    "summary",
    "titled",
]

Row = Mapping[str, Any]
# Strata in the order of preference: tables are the primary one.
PRIMARY, EVERYTHING = "tabular", "all"
NOTHING = "No claim can be judged from this table; the notes say why."
TOO_FEW = "too few"
WIDTH = 100
FEW_DATASETS = 2  # with so few datasets, each is answered by itself
ROWS = "rows"  # unit
TITLES_OF = {"passing": "passes only late"}  # measures that are not what their claim is named after
TITLES = ("claim", "against", "sets", "on average", "answer", "above 1 on")


def summary(verdicts: Sequence[Row]) -> list[str]:
    """Return the answer in one sentence, and a line for each claim and rival.

    The verdicts are those on tables where enough tables were run, else those on all datasets. If there are
    only one or two datasets, they are answered one by one.

    Parameters
    ----------
    verdicts
        Content of verdicts.json.

    Returns
    -------
    list of str
        Lines of at most 100 characters; sentences on single datasets may be longer.
    """
    if not any(v.get("n_datasets") for v in verdicts):
        return [NOTHING]
    overall = [v for v in verdicts if v["level"] == "overall"]
    names = {v["dataset"] for v in verdicts if v["level"] == "dataset" and not v.get("control")}
    judged = [v for v in overall if is_measured(v)]
    if not judged and len(names) <= FEW_DATASETS:
        return [_sentence(v) for v in verdicts if v["level"] == "dataset"] or [_sentence(v) for v in overall]
    shown = chosen_verdicts(verdicts)
    rows = [TITLES, *map(_cells, shown)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(TITLES))]
    table = ["  ".join(map(str.ljust, row, widths)).rstrip()[:WIDTH] for row in rows]
    return [*_answer(shown), "", *table]


def is_measured(verdict: Row) -> bool:
    """Return whether there were datasets enough for a verdict across them."""
    return _number(verdict.get("p")) is not None


def chosen_verdicts(verdicts: Sequence[Row]) -> list[Row]:
    """Return a verdict for each claim and pair, on the primary stratum where it was judged, else on all.

    A claim that rests on no dataset is left out, unless its reason is more than that there are too few.

    Parameters
    ----------
    verdicts
        Content of verdicts.json.
    """
    by_question: dict[tuple[str, str, str], Row] = {}
    for stratum in (EVERYTHING, PRIMARY):
        for verdict in verdicts:
            is_of_stratum = verdict.get("level") == "overall" and verdict.get("modality") == stratum
            if is_of_stratum and (stratum == EVERYTHING or is_measured(verdict)) and not _is_empty(verdict):
                key = verdict["claim"], str(verdict.get("family_a")), str(verdict.get("family_b"))
                by_question[key] = verdict
    return list(by_question.values())


def _is_empty(verdict: Row) -> bool:
    return verdict.get("n_datasets") == 0 and str(verdict.get("reason") or "").startswith(TOO_FEW)


def _answer(shown: Sequence[Row]) -> list[str]:
    """Return the answer to the first claim, about its last judged rival, in one sentence."""
    asked = [v for v in shown if v["claim"] == shown[0]["claim"] and is_measured(v)] if shown else []
    if not asked:
        return ["Too few datasets for a verdict across datasets; fuelgauge verdict --all has each of them."]
    of_one = asked[-1]
    where = f"On {of_one['n_datasets']} {'tables' if of_one['modality'] == PRIMARY else 'datasets'}"
    a, b = models_of(str(of_one["family_a"])), models_of(str(of_one["family_b"]))
    rows = f"{shown_ratio(of_one, ' times')} the rows of {b}"
    said = f"{where}, {a} needed {rows} on average: {of_one['verdict']}."
    seen = _number(of_one.get("detectable"))
    if of_one["verdict"] == "undecided" and seen is not None:
        beyond = f"above {seen:.2g} or below {1 / seen:.2g}"
        return [said, f"A mean ratio {beyond} would be shown with probability .8."]
    return [said]


def _cells(verdict: Row) -> tuple[str, ...]:
    title = titled(verdict)
    rival = str(verdict.get("family_b", ""))
    against = (
        rival if rival == "trees" else models_of(rival).removesuffix(" models").removesuffix(" classical")
    )
    if not is_measured(verdict):
        return title, against, str(verdict.get("n_datasets", "")), "", "too few datasets", ""
    share = _number(verdict.get("share"))
    above = ""
    if share is not None:
        ends = (100 * float(verdict[name]) for name in ("share_lo", "share_hi"))
        above = f"{share:.0%} ({'-'.join(f'{end:.0f}' for end in ends)})"
    return title, against, str(verdict["n_datasets"]), shown_ratio(verdict), _answered(verdict), above


def short_title(claim: str) -> str:
    """Return the short title of a claim, for a table."""
    return str(available_claims().get(claim, {}).get("short", claim)).replace("_", " ")


def titled(verdict: Row) -> str:
    """Return what a verdict is about, in a few words."""
    return TITLES_OF.get(str(verdict.get("effect_name")), short_title(str(verdict["claim"])))


def shown_ratio(verdict: Row, unit: str = "") -> str:
    """Return a ratio, or a number of rows, with its interval, for a table; a unit stands between the two."""
    if verdict.get("unit") == ROWS:
        return _shown_rows(verdict)
    ends = [_number(verdict.get(name)) for name in ("lo", "hi")]
    low, high = (short_number(end) if end is not None else "?" for end in ends)
    return f"{bounded(verdict)}{unit} ({low} to {high})"


def _shown_rows(verdict: Row) -> str:
    """Return a number of rows with its interval."""
    bound = {"above": "> ", "below": "< "}.get(str(verdict.get("censored", "")), "")
    low, high = (_number(verdict.get(name)) for name in ("lo", "hi"))
    if not low and high is None:
        between = "no interval"
    else:
        between = f"from {low or 0:,.0f}" + (f" to {high:,.0f}" if high is not None else "")
    return f"{bound}{float(verdict['effect']):,.0f} rows ({between})"


def bounded(verdict: Row) -> str:
    """Return a ratio, marked by `>` or `<` where only a bound of it is known."""
    bound = {"above": "> ", "below": "< "}.get(str(verdict.get("censored", "")), "")
    return f"{bound}{short_number(float(verdict['effect']))}"


def _answered(verdict: Row) -> str:
    """Return the verdict with the size that is shown."""
    return ": ".join(part for part in (str(verdict["verdict"]), shown_size(verdict)) if part)


def shown_size(verdict: Row) -> str:
    """Return the size that is shown of a mean, such as ``at least 2, less than 10``.

    The least is left out where it says no more than the verdict: below 1, or where more is not supported.
    """
    parts = zip(("at least", "less than"), shown_margins(verdict), strict=True)
    return ", ".join(f"{words} {margin}" for words, margin in parts if margin)


def shown_margins(verdict: Row) -> tuple[str, str]:
    """Return the margins that a mean is shown to reach, and to stay below; empty where there is none.

    The first is given for supported claims and above 1 only. The second is given where it is not 1.
    """
    least, most = (_number(verdict.get(name)) for name in ("at_least", "less_than"))
    has_least = verdict["verdict"] == "supported" and least is not None and least > 1
    has_most = most is not None and most != 1
    return f"{least:.3g}" if has_least else "", f"{most:.3g}" if has_most else ""


def _sentence(verdict: Row) -> str:
    return f"{str(verdict['verdict']).upper():<10} {verdict['sentence']}"


def _number(value: object) -> float | None:
    """Return a finite number, or None."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
