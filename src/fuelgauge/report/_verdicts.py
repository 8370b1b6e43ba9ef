"""Write verdicts for the page: the answer, a line for each claim, and a mark for each dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fuelgauge.claims.judging.verdict import models_of
from fuelgauge.report._numbers import TIMES, figure, interval, is_number, p_value, percent, times
from fuelgauge.report.summary import PRIMARY, chosen_verdicts, short_title, shown_margins, shown_size, titled

Verdict = Mapping[str, Any]

WORDS = ("supported", "refuted", "undecided")
PAIR_KEYS = (("family_a", "family_b"), ("model_a", "model_b"))
TOO_FEW = "too few datasets"
NO_VERDICT = "No claim can be judged from this table; its learning curves are below."
# What is shown of the rows that deep models need, by verdict.
NEEDS = {
    "supported": "need more rows than {}",
    "refuted": "need fewer rows than {}",
    "undecided": "are not shown to need more or fewer rows than {}",
}
NEARLY_ONE = 1.1
STRATA = {"tabular": "table", "text": "text", "image": "image", "sequence": "sequence"}


def answer(verdicts: Sequence[Verdict]) -> dict[str, str]:
    """Return the first sentence of the page, and the sizes behind it.

    Parameters
    ----------
    verdicts
        Verdicts of the claims as dictionaries. The answer is about the first claim, across datasets; with a
        single dataset it is about that dataset.
    """
    across = [v for v in chosen_verdicts(verdicts) if _has_a_say(v)]
    single = [v for v in verdicts if v.get("level") != "overall" and not v.get("control")]
    alone = _of_only_dataset(verdicts)
    if alone:
        leading = _of_first_claim(alone)
        return _answered(leading, f"On {leading[0]['dataset']}") | {
            "note": "This is one dataset only; the result need not hold on another."
        }
    leading = _of_first_claim([v for v in across if v.get("n_datasets") != 0])
    if not leading:
        return {"asked": "", "sentence": NO_VERDICT, "sizes": "", "note": ""}
    if all(map(_has_too_few, leading)):
        said = f"There is no answer across datasets: {leading[0]['reason']}."
        tally = _tally(_of_first_claim(single))
        return {"asked": _asked(leading), "sentence": said, "sizes": "", "note": tally}
    return _answered(leading, f"On {_counted_datasets(leading)}")


def _of_only_dataset(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts on the only dataset; none where there are several or a verdict across datasets."""
    single = [v for v in verdicts if v.get("level") != "overall" and not v.get("control")]
    is_alone = len({v.get("dataset") for v in single} - {None}) == 1
    return single if is_alone and all(map(_lacks_datasets, chosen_verdicts(verdicts))) else []


def _answered(leading: Sequence[Verdict], where: str) -> dict[str, str]:
    """Return the answer to a claim from its verdicts against each rival."""
    rivals = _by_word(leading)
    pair = _pair(leading[0])
    if pair and leading[0].get("effect_name") == "der":
        said = f"{where}, {models_of(pair[0])} {_needs(leading)}.{_open_direction(leading)}"
    elif len(rivals) == 1:
        said = f"{where}, it is {next(iter(rivals))}."
    else:
        parts = [f"{word} against {_listed(names)}" for word, names in rivals.items()]
        said = f"{where}, it is {'; '.join(parts)}."
    return {"asked": _asked(leading), "sentence": said, "sizes": _sizes(leading), "note": ""}


def _needs(leading: Sequence[Verdict]) -> str:
    """Return what is shown of the rows that deep models need, against each rival.

    Rivals against which the direction is open are left to `_open_direction` where another one is decided.
    """
    rivals: dict[str, list[str]] = {}
    for verdict in _decided(leading) or leading:
        rivals.setdefault(_need(verdict), []).append(_rival(verdict))
    shown = [wording.format(_listed(names)) for wording, names in rivals.items()]
    if " rows than " in shown[0]:
        shown[1:] = [part.replace(" rows than ", " than ") for part in shown[1:]]
    if any(", but" in part for part in shown):
        return ", and ".join(shown)
    return _listed(shown)


def _need(verdict: Verdict) -> str:
    """Return what is shown of the rows that deep models need, with a place for the rivals."""
    word = _word(verdict)
    least, most = shown_margins(verdict)
    if word == "supported":
        limit = f", but less than {most} times as many" if most else ""
        return f"need at least {least} times the rows of {{}}{limit}" if least else f"{NEEDS[word]}{limit}"
    if word == "undecided" and most:
        return f"need less than {most} times the rows of {{}}"
    return NEEDS[word]


def _decided(leading: Sequence[Verdict]) -> list[Verdict]:
    return [v for v in leading if _word(v) != "undecided"]


def _open_direction(leading: Sequence[Verdict]) -> str:
    """Say that the direction is open, with the size that is shown if the first sentence lacks it."""
    undecided = [v for v in leading if _word(v) == "undecided"]
    if len(undecided) == len(leading):
        return " Whether they need more or fewer rows is open." if any(map(shown_size, undecided)) else ""
    by_size: dict[str, list[str]] = {}
    for verdict in undecided:
        by_size.setdefault(shown_size(verdict), []).append(_rival(verdict))
    return "".join(
        f" Against {_listed(rivals)} the direction is open{f' ({size} times)' if size else ''}."
        for size, rivals in by_size.items()
    )


def _asked(leading: Sequence[Verdict]) -> str:
    return f"The claim: “{_claim(leading[0])}.”"


def _sizes(leading: Sequence[Verdict]) -> str:
    measured = [v for v in leading if is_number(v.get("effect"))]
    if not measured or leading[0].get("effect_name") != "der":
        return ""
    parts = [f"{value_of(v)} the rows of {_rival(v)}" for v in measured]
    kind = "Mean" if leading[0].get("level") == "overall" else "Median over n"
    return f"For the same loss they needed {_listed(parts)}. {kind}, with 95% interval."


def _by_word(verdicts: Sequence[Verdict]) -> dict[str, list[str]]:
    rivals: dict[str, list[str]] = {}
    for verdict in verdicts:
        rivals.setdefault(_word(verdict), []).append(_rival(verdict))
    return rivals


def _counted_datasets(verdicts: Sequence[Verdict]) -> str:
    """Return the number of datasets in words, a range where the rivals have different ones."""
    counts = sorted({int(v.get("n_datasets") or 0) for v in verdicts})
    how_many = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    noun = STRATA.get(str(verdicts[0].get("modality")), "dataset")
    noun = noun if noun == "table" else f"{noun} dataset" if noun != "dataset" else noun
    return f"{how_many} {noun}{'s' if counts != [1] else ''}"


def claim_rows(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Return a line for each claim and rival: across datasets, or on the only dataset.

    There is none where no claim could be judged across datasets.
    """
    alone = _of_only_dataset(verdicts)
    rows = [_claim_row(v) for v in alone or chosen_verdicts(verdicts) if _has_a_say(v)]
    return rows if any(row["size"] for row in rows) else []


def stratum_rows(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Return the lines of the strata that the claims are not answered on, such as images."""
    chosen = {id(v) for v in chosen_verdicts(verdicts)}
    others = [v for v in verdicts if v.get("level") == "overall" and id(v) not in chosen]
    return [_claim_row(v) for v in others if _has_a_say(v) and not _has_too_few(v)]


def _claim_row(verdict: Verdict) -> dict[str, Any]:
    is_judged = is_number(verdict.get("p" if verdict.get("level") == "overall" else "effect"))
    known = is_number(verdict.get("share"))
    seen = verdict.get("detectable")
    return {
        "title": _claim(verdict),
        "claim": titled(verdict),
        "modality": "" if _is_general(verdict) else str(verdict["modality"]),
        "against": _short_rival(verdict),
        "word": _word(verdict),
        "shown": shown_size(verdict) if is_judged else "",
        "size": number(verdict) if is_number(verdict.get("effect")) and is_judged else "",
        "interval": _bounds(verdict) if is_judged else "",
        "reason": "" if is_judged else str(verdict.get("reason") or ""),
        "share": f"{verdict['share']:.0%}" if known else "",
        "share_interval": _percents(verdict.get("share_lo"), verdict.get("share_hi")),
        "sides": f"{verdict['n_above']}\u2009/\u2009{verdict['n_below']}" if known else "",
        "datasets": int(verdict.get("n_datasets") or 0),
        "seen": _seen(verdict) if is_number(seen) else "",
    }


def _percents(low: Any, high: Any) -> str:
    return f"{100 * low:.0f} to {high:.0%}" if is_number(low) and is_number(high) else ""


def _seen(verdict: Verdict) -> str:
    """Write the smallest ratio that a run can show; one close to 1 with a digit more."""
    seen = float(verdict["detectable"])
    is_close = verdict.get("scale") == "ratio" and seen < NEARLY_ONE
    return f"{figure(seen)}{TIMES}" if is_close else _writer(verdict)(seen)


def in_words(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Return the sentences on the claims across datasets, with their tests and what stands beside them."""
    return [_view(v) for v in chosen_verdicts(verdicts) if _has_a_say(v) and not _has_too_few(v)]


def matrix(verdicts: Sequence[Verdict], datasets: Sequence[str]) -> dict[str, Any]:
    """Return the table of datasets against questions: its columns and its rows.

    Parameters
    ----------
    verdicts
        Verdicts of the claims.
    datasets
        Names of the datasets that have curves, in the order of the page.
    """
    single = [v for v in verdicts if v.get("level") != "overall" and v.get("dataset")]
    columns = list(dict.fromkeys(_question(v) for v in single))
    short = {claim: short_title(claim) for claim in {str(v.get("claim")) for v in single}}
    titles = {_question(v): (short[str(v.get("claim"))], _short_rival(v)) for v in single}
    found = {(str(v["dataset"]), _question(v)): v for v in single}
    about = {str(v["dataset"]): v for v in single}
    names = sorted(about, key=lambda name: (*_place_of_kind(about[name]), name))
    rows = [
        {
            "name": name,
            "place": datasets.index(name) if name in datasets else None,
            "modality": str(about[name].get("modality") or ""),
            "control": bool(about[name].get("control")),
            "cells": [_mark(found.get((name, column))) for column in columns],
        }
        for name in names
    ]
    claims: dict[str, int] = {}
    for column in columns:
        claims[titles[column][0]] = claims.get(titles[column][0], 0) + 1
    return {"claims": claims, "rivals": [titles[column][1] for column in columns], "rows": rows}


def _place_of_kind(verdict: Verdict) -> tuple[Any, ...]:
    """Return a sort key: tables first, then other modalities by name, controls last in each."""
    modality = str(verdict.get("modality") or "")
    return modality != PRIMARY, modality, bool(verdict.get("control"))


def _mark(verdict: Verdict | None) -> dict[str, str] | None:
    if verdict is None:
        return None
    is_known = is_number(verdict.get("effect"))
    ends = _bounds(verdict) if is_known else ""
    return {"word": _word(verdict), "size": number(verdict) if is_known else "", "interval": ends}


def sentences_on(verdicts: Sequence[Verdict], dataset: str) -> list[dict[str, Any]]:
    """Return the sentences on the claims on one dataset."""
    own = [v for v in verdicts if v.get("level") != "overall" and v.get("dataset") == dataset]
    return [{"word": _word(v), "sentence": _said(v), "note": str(v.get("note") or "")} for v in own]


def _lacks_datasets(verdict: Mapping[str, Any]) -> bool:
    return verdict.get("n_datasets") == 0 or _has_too_few(verdict)


def _has_too_few(verdict: Mapping[str, Any]) -> bool:
    return str(verdict.get("reason") or "").startswith(TOO_FEW)


def _has_a_say(verdict: Mapping[str, Any]) -> bool:
    """Tell whether a verdict rests on at least one dataset, or says why it rests on none."""
    return verdict.get("n_datasets") != 0 or not _has_too_few(verdict)


def _claim(verdict: Mapping[str, Any]) -> str:
    return str(verdict.get("title") or verdict.get("claim") or "").replace("_", " ")


def _is_general(verdict: Mapping[str, Any]) -> bool:
    return verdict.get("modality") in (None, "", "all")


def _of_first_claim(verdicts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the verdicts on the first claim, where there are any on tables only those."""
    leading = verdicts[0].get("claim") if verdicts else None
    chosen = [verdict for verdict in verdicts if verdict.get("claim") == leading]
    on_tables = [v for v in chosen if v.get("modality") == PRIMARY and v.get("level") == "overall"]
    return on_tables or chosen


def _listed(names: list[str]) -> str:
    """Write a list of names: ``a, b and c``."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _rival(verdict: Mapping[str, Any]) -> str:
    pair = _pair(verdict)
    return models_of(pair[1]) if pair else "the others"


def _short_rival(verdict: Verdict) -> str:
    """Return the rival without the word models, for a table."""
    return _rival(verdict).removesuffix(" models")


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
        "sentence": _said(verdict),
        "numbers": [_effect(effect) for effect in effects if is_number(effect.get("effect"))],
        "note": str(verdict.get("note") or ""),
        "beside": _beside(verdict),
    }


def _said(verdict: Verdict) -> str:
    return str(verdict.get("sentence") or verdict.get("reason") or "")


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
    value = value_of(verdict) if is_number(verdict.get("effect")) else ""
    return {"word": _word(verdict), "said": ", ".join(part for part in (value, where) if part)}


def _effect(effect: Mapping[str, Any]) -> str:
    """Write an effect, its interval and its test in one line."""
    return "; ".join(part for part in (f"{_name(effect)} {value_of(effect)}", _test(effect)) if part)


def number(effect: Mapping[str, Any]) -> str:
    """Write the number of an effect; a censored one is a bound."""
    sign = {"above": "> ", "below": "< "}.get(str(effect.get("censored") or ""), "")
    return f"{sign}{_writer(effect)(effect['effect'])}"


def value_of(effect: Mapping[str, Any]) -> str:
    """Write the number of an effect with its interval."""
    bounds = _bounds(effect)
    return f"{number(effect)} ({bounds})" if bounds else number(effect)


def _bounds(effect: Mapping[str, Any]) -> str:
    """Write the interval of an effect; the sign of a ratio stands with its number."""
    return interval(effect.get("lo"), effect.get("hi"), _writer(effect)).replace(TIMES, "")


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


def _question(verdict: Verdict) -> tuple[Any, ...]:
    return verdict.get("claim"), _pair(verdict)
