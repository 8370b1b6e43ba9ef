"""The claim that deep learning needs a massive dataset (rules: conf/claim/massive.yaml)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from fuelgauge.claims.data import DER, SLOPE, change_of_gap
from fuelgauge.claims.judging.measures import DIFFERENCE, Effect, Measure
from fuelgauge.claims.judging.members import PREFIX, best_members
from fuelgauge.claims.judging.sides import PRIMARY, Comparison, Lineup, comparisons
from fuelgauge.claims.judging.verdict import (
    ALL,
    REFUTED,
    SUPPORTED,
    UNDECIDED,
    Evidence,
    Finding,
    Question,
    Rules,
    Verdict,
    judge_pairs,
    measure_pairs,
    models_of,
    opening,
    times,
    unclear,
)
from fuelgauge.claims.leads import DEEP, TREES, Passing, leaders, passing
from fuelgauge.claims.statistics.cube import cubes
from fuelgauge.claims.statistics.pairs import REACH, Range, compare_models

__all__ = ["judge"]

LATE_DER = replace(DER, label="data-efficiency ratio with many rows")
PASSED = Measure(
    "passing", "number of rows at which deep models pass tree models", scale=DIFFERENCE, unit="rows"
)
SIGN_TEST = "sign test on the median"


def judge(evidence: Evidence, rules: Rules) -> list[Verdict]:
    """Judge the ratio of rows where rows are many, and then where deep models pass tree models.

    Parameters
    ----------
    evidence
        Tables to judge from.
    rules
        Rules of the claim.

    Returns
    -------
    Verdicts on the ratio, on every dataset and across datasets, and verdicts across datasets on the number of
    rows at which deep models pass trees. If no dataset has enough rows, one verdict says that nothing was
    measured.
    """
    if evidence.trials["n_train"].max() < _fewest_rows(rules):
        return [_not_measured(rules)]
    question = Question((LATE_DER, SLOPE), partial(_decide, rules), partial(_say, rules), _topic)
    verdicts = judge_pairs(question, evidence, rules, _measure)
    if not any(verdict.n_datasets for verdict in verdicts):
        return [_not_measured(rules)]
    return [*verdicts, *_judge_passing(evidence, rules)]


def _fewest_rows(rules: Rules) -> int:
    return int(REACH * rules["rows"]["first"])


def _not_measured(rules: Rules) -> Verdict:
    reason = f"too few datasets (0 of {rules['min_datasets']})"
    sentence = (
        f"{rules['title']}: not measured, because no dataset has nets and boosted trees at "
        f"{_fewest_rows(rules):,} rows."
    )
    return _verdict(rules, ALL, LATE_DER.unknown(), 0, (UNDECIDED, reason, sentence), rules["pairs"][0][1])


def _measure(
    measures: Sequence[Measure], comparison: Comparison, evidence: Evidence, rules: Rules
) -> pd.DataFrame:
    """Return one row for each dataset on which the ratio can be read; see `judge_measured`."""
    found = measure_pairs(measures, _late(comparison, evidence, rules), evidence, rules)
    if found.empty:
        return found
    is_read = [math.isfinite(effect.effect) for effect in found[DER.name]]
    return found[is_read].reset_index(drop=True)


def _late(comparison: Comparison, evidence: Evidence, rules: Rules) -> Comparison:
    """Return a comparison with the pairs as they are where rows are many."""
    span = rules["rows"]
    rows = Range(span["first"], span["last"], span["gap_from"])
    tables = [
        _compared(key, trials, evidence, rows)
        for key, trials in _trials_of(comparison.lineups, evidence.trials, rules)
    ]
    pairs = pd.concat(tables, ignore_index=True) if tables else comparison.pairs.iloc[:0]
    return replace(comparison, pairs=pairs)


def _trials_of(
    lineups: Mapping[tuple[str, str, str], Lineup], trials: pd.DataFrame, rules: Rules
) -> Iterator[tuple[tuple[str, str, str], pd.DataFrame]]:
    """Yield the trials of each lineup up to the largest anchor that all of its members have, if it is enough.

    A member that stopped earlier would else leave its side to the other members above its last anchor.
    """
    many = trials.groupby("dataset")["n_train"].max() >= _fewest_rows(rules)
    by_dataset = dict(iter(trials[trials["dataset"].map(many)].groupby("dataset")))
    for key, lineup in lineups.items():
        if key[0] not in by_dataset:
            continue
        members = {*lineup.members_a, *lineup.members_b}
        own = by_dataset[key[0]]
        own = own[own["model"].isin(members)]
        last = own.groupby("model")["n_train"].max().min()
        if last >= _fewest_rows(rules):
            side = np.where(own["model"].isin(lineup.members_a), key[1], key[2])
            yield key, own.assign(side=side)[own["n_train"] <= last]


def _compared(
    key: tuple[str, str, str], trials: pd.DataFrame, evidence: Evidence, rows: Range
) -> pd.DataFrame:
    best, _ = best_members(trials.drop(columns="side"), trials["side"])
    of_sides = cubes(best.assign(level="family"), ())
    pair = (PREFIX + key[1], PREFIX + key[2])
    pairs, _ = compare_models(of_sides, evidence.datasets, evidence.level, lambda _: [pair], rows)
    return pairs


def _decide(rules: Rules, finding: Finding) -> tuple[str, str]:
    margin, der = float(rules["margin"]), finding.effects[DER.name]
    a, b = models_of(finding.family_a), models_of(finding.family_b)
    is_more, is_less = _beyond(der, margin)
    if is_more:
        return SUPPORTED, f"{a} need at least {margin:g} times the rows of {b}"
    if is_less:
        return REFUTED, f"{a} need less than {margin:g} times the rows of {b}"
    if finding.sides[DER.name]:
        more = "more" if finding.sides[DER.name] > 0 else "fewer"
        return UNDECIDED, f"between: {a} need {more} rows than {b}, and {margin:g} times as many is open"
    return UNDECIDED, unclear(finding, (DER.name,))


def _beyond(der: Effect, margin: float) -> tuple[bool, bool]:
    """Tell whether a ratio is shown to be at least the margin, and whether it is shown to be less."""
    if der.across is None:
        return der.lo >= margin, der.hi < margin
    return der.across.at_least >= margin, der.across.less_than <= margin


def _say(rules: Rules, finding: Finding, verdict: str, _: str) -> str:
    a, b = models_of(finding.family_a), models_of(finding.family_b)
    claim = f"{a} need at least {rules['margin']:g} times the rows of {b}"
    at = f"from {rules['rows']['first']:,} rows up"
    opened = f"{finding.where}, {at}, {claim}: {opening(finding, verdict)}"
    der, slope = finding.effects[DER.name], finding.effects[SLOPE.name]
    if not math.isfinite(der.effect):
        return f"{opened}. The ratio of rows cannot be measured."
    gap = change_of_gap(slope, bool(finding.sides[SLOPE.name]), b)
    return f"{opened}. They needed {times(der)} the rows{gap}."


def _topic(rules: Rules, rival: str) -> str:
    return f"{rules['title']}, at least {rules['margin']:g} times the rows of {models_of(rival)}"


def _judge_passing(evidence: Evidence, rules: Rules) -> Iterator[Verdict]:
    """Judge across all datasets, and across those of each modality, where deep models pass trees."""
    primary = next(one for one in comparisons(evidence, rules) if one.name == PRIMARY)
    trials = [own for _, own in _trials_of(primary.lineups, evidence.trials, rules)]
    orders = leaders(pd.concat(trials).drop(columns="side"), evidence.datasets, evidence.level)
    orders = orders[orders["rival"] == TREES]
    for modality in (ALL, *sorted({*orders["modality"]} - {""})):
        counted = orders if modality == ALL else orders[orders["modality"] == modality]
        yield _passing_verdict(modality, passing(counted, evidence.level), rules)


def _passing_verdict(modality: str, found: Passing, rules: Rules) -> Verdict:
    where = f"Across {found.n_datasets} {'' if modality == ALL else modality + ' '}datasets"
    claim = f"{models_of(DEEP)} pass {models_of(TREES)} only beyond {rules['passing']:,} rows"
    if found.n_datasets < rules["min_datasets"]:
        reason = f"too few datasets ({found.n_datasets} of {rules['min_datasets']})"
        said = (UNDECIDED, reason, f"{where}, {claim}: undecided, {reason}.")
        return _verdict(rules, modality, PASSED.unknown(SIGN_TEST), found.n_datasets, said, TREES)
    word, reason = _decide_passing(found, rules)
    sentence = f"{where}, {claim}: {word}. {_median(found)}"
    return _verdict(rules, modality, _effect(found, rules), found.n_datasets, (word, reason, sentence), TREES)


def _decide_passing(found: Passing, rules: Rules) -> tuple[str, str]:
    rows = rules["passing"]
    if found.median_lo >= rows:
        return SUPPORTED, f"on the median dataset tree models still lead at {found.median_lo:,.0f} rows"
    if found.median_hi <= rows:
        return REFUTED, f"on the median dataset deep models lead by {found.median_hi:,.0f} rows"
    return UNDECIDED, f"the interval of the median contains {rows:,} rows"


def _median(found: Passing) -> str:
    at_least = f"above {found.median_lo:,.0f}" if found.median_lo > 0 else ""
    at_most = f"at most {found.median_hi:,.0f}" if math.isfinite(found.median_hi) else ""
    ends = " and ".join(part for part in (at_least, at_most) if part)
    known = f"An order is shown on {found.n_known} of {found.n_datasets}."
    return f"Median number of rows: {ends or 'not bounded'}. {known}"


def _effect(found: Passing, rules: Rules) -> Effect:
    """Return the median as a bound: it lies above the lower end of the interval that holds it."""
    left, _ = found.distribution.median
    value = left if math.isfinite(left) else 0.0
    p = found.p_value(float(rules["passing"]))
    return PASSED.effect(value, found.median_lo, found.median_hi, SIGN_TEST, p, censored="above")


def _verdict(
    rules: Rules, modality: str, effect: Effect, n_datasets: int, said: tuple[str, str, str], rival: str
) -> Verdict:
    word, reason, sentence = said
    return Verdict(
        claim=rules["claim"],
        title=rules["title"],
        modality=modality,
        level="overall",
        dataset=None,
        control=False,
        family_a=DEEP,
        family_b=rival,
        main=effect,
        further=(),
        n_datasets=n_datasets,
        verdict=word,
        reason=reason,
        sentence=sentence,
        comparison=PRIMARY,
    )
