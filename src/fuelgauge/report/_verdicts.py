"""Write verdicts in words: the headline of the page, and the cards of the datasets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fuelgauge.claims.judging.verdict import models_of
from fuelgauge.report._contents import Contents
from fuelgauge.report._numbers import figure, interval, is_number, p_value, percent, times

WORDS = ("supported", "refuted", "undecided")
PAIR_KEYS = (("family_a", "family_b"), ("model_a", "model_b"))
TOO_FEW = "too few datasets"
NO_VERDICT = "No claim can be judged from this table; its learning curves are below."


def headline(verdicts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the first sentence of the page and the verdicts right below it.

    Parameters
    ----------
    verdicts
        Verdicts of the claims as dictionaries. The headline is about those across datasets; with a single
        dataset it is about that dataset.
    """
    overall = [v for v in verdicts if v.get("level") == "overall" and _has_a_say(v)]
    single = [v for v in verdicts if v.get("level") != "overall" and not v.get("control")]
    names = {verdict.get("dataset") for verdict in single} - {None}
    if len(names) == 1 and all(map(_lacks_datasets, overall)):
        return _of_one_dataset(single, str(*names))
    leading = _of_first_claim([v for v in overall if v.get("n_datasets") != 0])
    return {
        "sentence": _sentence(leading, _of_first_claim(single)),
        "tally": _tally(_of_first_claim(single)) if leading else "",
        "overall": [_view(verdict) for verdict in overall if _is_general(verdict)],
        "by_modality": [_view(verdict) for verdict in overall if not _is_general(verdict)],
    }


def _of_one_dataset(single: Sequence[Mapping[str, Any]], name: str) -> dict[str, Any]:
    """Return the headline of a table with one dataset."""
    leading = _of_first_claim(single)
    return {
        "sentence": f"On {name}, “{_claim(leading[0])}” is {_outcomes(leading)}.",
        "tally": "This is one dataset only; the result need not hold on another.",
        "overall": [_view(verdict) for verdict in single],
        "by_modality": [],
    }


def _lacks_datasets(verdict: Mapping[str, Any]) -> bool:
    return verdict.get("n_datasets") == 0 or _has_too_few(verdict)


def _has_too_few(verdict: Mapping[str, Any]) -> bool:
    return str(verdict.get("reason") or "").startswith(TOO_FEW)


def _has_a_say(verdict: Mapping[str, Any]) -> bool:
    """Tell whether a verdict rests on at least one dataset, or says why it rests on none."""
    return verdict.get("n_datasets") != 0 or not _has_too_few(verdict)


def claims_of(single_cards: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the claims that any card has a verdict on, in order of appearance."""
    return list(dict.fromkeys(claim for card in single_cards for claim in card["claims"]))


def cards(contents: Contents) -> list[dict[str, Any]]:
    """Return one card for each dataset with a verdict of its own."""
    single = [verdict for verdict in contents.verdicts if verdict.get("level") != "overall"]
    names = dict.fromkeys(str(verdict.get("dataset")) for verdict in single if verdict.get("dataset"))
    return [_card(name, [v for v in single if v.get("dataset") == name]) for name in names]


def _card(name: str, verdicts: list[Mapping[str, Any]]) -> dict[str, Any]:
    modality = next((str(verdict["modality"]) for verdict in verdicts if verdict.get("modality")), "")
    control = any(verdict.get("control") for verdict in verdicts)
    claims: dict[str, list[dict[str, Any]]] = {}
    for verdict in verdicts:
        claims.setdefault(_claim(verdict), []).append(_view(verdict))
    return {
        "name": name,
        "tags": [tag for tag in (modality, "control" if control else "") if tag],
        "claims": claims,
    }


def _claim(verdict: Mapping[str, Any]) -> str:
    return str(verdict.get("title") or verdict.get("claim") or "").replace("_", " ")


def _is_general(verdict: Mapping[str, Any]) -> bool:
    return verdict.get("modality") in (None, "", "all")


def _of_first_claim(verdicts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the verdicts on the first claim; only those over all modalities, if there are any."""
    if not verdicts:
        return []
    leading = verdicts[0].get("claim")
    chosen = [verdict for verdict in verdicts if verdict.get("claim") == leading]
    return [verdict for verdict in chosen if _is_general(verdict)] or chosen


def _sentence(overall: list[Mapping[str, Any]], single: list[Mapping[str, Any]]) -> str:
    speaking = overall or single
    if not speaking:
        return NO_VERDICT
    if len(speaking) == 1 and speaking[0].get("sentence"):
        return str(speaking[0]["sentence"])
    question = _claim(speaking[0])
    if not overall:
        return f"“{question}”? {_tally(single)}"
    return f"“{question}” is {_outcomes(overall)}."


def _outcomes(verdicts: list[Mapping[str, Any]]) -> str:
    """Write equal verdicts once, and different ones with their rivals."""
    rivals: dict[str, list[str]] = {}
    for verdict in verdicts:
        rivals.setdefault(_with_reason(verdict), []).append(_rival(verdict))
    if len(rivals) == 1:
        return next(iter(rivals))
    return "; ".join(f"{word} against {_listed(names)}" for word, names in rivals.items())


def _listed(names: list[str]) -> str:
    """Write a list of names: ``a, b and c``."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _with_reason(verdict: Mapping[str, Any]) -> str:
    return f"{_word(verdict)}: {verdict['reason']}" if _has_too_few(verdict) else _word(verdict)


def _rival(verdict: Mapping[str, Any]) -> str:
    pair = _pair(verdict)
    return models_of(pair[1]) if pair else "the others"


def _tally(verdicts: list[Mapping[str, Any]]) -> str:
    """Count the verdicts on single datasets, by rival."""
    rivals = dict.fromkeys(_rival(verdict) for verdict in verdicts)
    return " ".join(
        f"Against {rival}: {_counted([v for v in verdicts if _rival(v) == rival])}." for rival in rivals
    )


def _counted(verdicts: list[Mapping[str, Any]]) -> str:
    counts = Counter(_word(verdict) for verdict in verdicts)
    parts = [f"{word} on {counts[word]}" for word in WORDS if counts[word]]
    return (
        f"{', '.join(parts)} of {len(verdicts)} datasets"
        if len(verdicts) > 1
        else f"{_word(verdicts[0])} on the one dataset"
    )


def _word(verdict: Mapping[str, Any]) -> str:
    word = str(verdict.get("verdict") or "").split(":")[0].strip().lower()
    return word if word in WORDS else "undecided"


def _pair(verdict: Mapping[str, Any]) -> tuple[str, str] | None:
    for key_a, key_b in PAIR_KEYS:
        if verdict.get(key_a) and verdict.get(key_b):
            return str(verdict[key_a]), str(verdict[key_b])
    return None


def _named_pair(verdict: Mapping[str, Any]) -> str:
    pair = _pair(verdict)
    return f"{pair[0]} against {_rival(verdict)}" if pair else ""


def _view(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a verdict that are shown."""
    effects = [verdict, *(verdict.get("further") or [])]
    return {
        "word": _word(verdict),
        "pair": _named_pair(verdict) or _claim(verdict),
        "sentence": str(verdict.get("sentence") or verdict.get("reason") or ""),
        "numbers": [_effect(effect) for effect in effects if is_number(effect.get("effect"))],
        "note": str(verdict.get("note") or ""),
        "beside": _beside(verdict),
    }


def _beside(verdict: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each choice of members: its verdict on all datasets, then on the unexposed ones.

    There are none where nothing stands beside the verdict, and no second cell where the table does not say
    on which datasets defaults were chosen.
    """
    others = verdict.get("beside") or []
    found = {_members(each): each for each in (verdict, *others)}
    columns = (False, True) if any(unexposed for _, unexposed in found) else (False,)
    names = {each.get("comparison"): str(each.get("counted") or "") for each in found.values()}
    rows = [
        {"counted": counted, "cells": [_cell(found.get((name, unexposed))) for unexposed in columns]}
        for name, counted in names.items()
    ]
    return rows if others else []


def _members(verdict: Mapping[str, Any]) -> tuple[Any, bool]:
    return verdict.get("comparison"), bool(verdict.get("unexposed"))


def _cell(verdict: Mapping[str, Any] | None) -> dict[str, str] | None:
    if verdict is None:
        return None
    n_datasets = int(verdict.get("n_datasets") or 0)
    where = f"{n_datasets} {'dataset' if n_datasets == 1 else 'datasets'}"
    value = _value(verdict) if is_number(verdict.get("effect")) else ""
    return {"word": _word(verdict), "said": ", ".join(part for part in (value, where) if part)}


def _effect(effect: Mapping[str, Any]) -> str:
    """Write an effect, its interval and its test in one line."""
    return "; ".join(part for part in (f"{_name(effect)} {_value(effect)}", _test(effect)) if part)


def _value(effect: Mapping[str, Any]) -> str:
    """Write the number of an effect with its interval."""
    write = _writer(effect)
    sign = {"above": "> ", "below": "< "}.get(str(effect.get("censored") or ""), "")
    bounds = interval(effect.get("lo"), effect.get("hi"), write)
    said = f"{sign}{write(effect['effect'])}"
    return f"{said} ({bounds})" if bounds else said


def _writer(effect: Mapping[str, Any]) -> Callable[[Any], str]:
    """Return the function that writes a number on the scale of an effect."""
    if effect.get("scale") != "ratio":
        return figure
    return percent if effect.get("per_doubling") else times


def _name(effect: Mapping[str, Any]) -> str:
    label = str(effect.get("label") or effect.get("effect_name") or "effect").replace("_", " ")
    return f"{label}, in {effect['unit']}," if effect.get("unit") else label


def _test(effect: Mapping[str, Any]) -> str:
    if not is_number(effect.get("p")):
        return ""
    said = f"{effect.get('test') or 'test'}, p {p_value(effect['p'])}"
    return said + (
        f", adjusted {p_value(effect['p_adjusted'])}" if is_number(effect.get("p_adjusted")) else ""
    )


def side_by_side(
    ours: Sequence[Mapping[str, Any]], published: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the verdicts across datasets on the same claim and pair, ours and those from published ones."""
    here, there = ({_question(v): v for v in found if _is_across_all(v)} for found in (ours, published))
    return [
        {
            "claim": _claim(verdict),
            "pair": _named_pair(verdict),
            "ours": _view(here[question]) if question in here else None,
            "published": _view(verdict),
        }
        for question, verdict in there.items()
        if _has_a_say(verdict)
    ]


def _is_across_all(verdict: Mapping[str, Any]) -> bool:
    return verdict.get("level") == "overall" and _is_general(verdict)


def _question(verdict: Mapping[str, Any]) -> tuple[Any, ...]:
    return verdict.get("claim"), _pair(verdict)
