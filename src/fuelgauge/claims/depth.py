"""The claim that depth, and not flexibility alone, needs more data (rules: conf/claim/depth.yaml)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pandas as pd

from fuelgauge.claims.data import DER, SLOPE
from fuelgauge.claims.judging.contrast import best_of_sides
from fuelgauge.claims.judging.evidence import exposed_datasets
from fuelgauge.claims.judging.measures import Effect
from fuelgauge.claims.judging.members import PREFIX
from fuelgauge.claims.judging.verdict import (
    REFUTED,
    SUPPORTED,
    UNDECIDED,
    Evidence,
    Finding,
    Question,
    Rules,
    Verdict,
    capital,
    effect_on_dataset,
    judge_measured,
    judge_unexposed,
    models_of,
    opening,
    times,
    unclear,
)
from fuelgauge.claims.statistics.pairs import compare_models

__all__ = ["judge"]

DEEP, FLEXIBLE, LINEAR = "deep", "flexible", "linear"
SIDES = (DEEP, FLEXIBLE, LINEAR)
# Measures by pair; the first one is the main effect.
MEASURES_OF = {
    (DEEP, FLEXIBLE): (DER, SLOPE),
    (DEEP, LINEAR): (
        replace(DER, name="der_against_linear", label=f"{DER.label} against linear models"),
        replace(SLOPE, name="slope_against_linear", label=f"{SLOPE.label} against linear models"),
    ),
    (FLEXIBLE, LINEAR): (
        replace(
            DER,
            name="flexible_der",
            label=f"{DER.label} of flexible against linear models",
            is_beside=True,
        ),
        replace(
            SLOPE,
            name="flexible_slope",
            label="loss ratio of flexible over linear models per doubling",
            is_beside=True,
        ),
    ),
}
DECIDING = {FLEXIBLE: "der", LINEAR: "der_against_linear"}


def judge(evidence: Evidence, rules: Rules) -> list[Verdict]:
    """Judge on every dataset that has all three sides, and across these datasets."""
    names = {family: side for side in SIDES for family in rules[side]}
    sides = evidence.trials["family"].map(names)
    measured = pd.DataFrame(list(_measured(evidence, sides)))

    def judge_without(left_out: set[str]) -> list[Verdict]:
        counted = measured[~measured["dataset"].isin(left_out)] if len(measured) else measured
        return judge_measured(QUESTION, counted, evidence, {**rules, "pairs": [(DEEP, FLEXIBLE)]})

    exposed = exposed_datasets(evidence.trials[sides.notna()])
    return judge_unexposed(judge_without(set()), judge_without, exposed)


def _measured(evidence: Evidence, side: pd.Series) -> Iterator[dict[str, Any]]:
    sides = best_of_sides(evidence.trials, side)
    pairs, _ = compare_models(list(sides.values()), evidence.datasets, evidence.level)
    for dataset, found in pairs.groupby("dataset", sort=True):
        by_pair = dict(iter(found.groupby(["model_a", "model_b"])))
        names_of = {pair: (PREFIX + pair[0], PREFIX + pair[1]) for pair in MEASURES_OF}
        if by_pair.keys() >= set(names_of.values()):
            groups = {pair: by_pair[names] for pair, names in names_of.items()}
            about = evidence.datasets.loc[dataset]
            yield {
                "dataset": dataset,
                "family_a": DEEP,
                "family_b": FLEXIBLE,
                "modality": about["modality"],
                "control": bool(about["control"]),
                **{
                    m.name: effect_on_dataset(m, groups[pair], evidence.level)
                    for pair in groups
                    for m in MEASURES_OF[pair]
                },
            }


def _decide(finding: Finding) -> tuple[str, str]:
    sides = {rival: finding.sides[name] for rival, name in DECIDING.items()}
    for rival, side in sides.items():
        if side < 0:
            return REFUTED, f"{models_of(DEEP)} need fewer rows than {models_of(rival)}"
    if all(side > 0 for side in sides.values()):
        return SUPPORTED, (
            f"{models_of(DEEP)} need more rows than {models_of(LINEAR)} and than {models_of(FLEXIBLE)}"
        )
    return UNDECIDED, _undecided(finding, sides)


def _undecided(finding: Finding, sides: dict[str, int]) -> str:
    reason = unclear(finding, [DECIDING[rival] for rival, side in sides.items() if side == 0])
    if sides[LINEAR] > 0 and finding.sides["flexible_der"] > 0:
        return f"{models_of(FLEXIBLE)} too need more rows than {models_of(LINEAR)}; {reason}"
    return reason


def _say(finding: Finding, verdict: str, reason: str) -> str:
    opened = f"{finding.where}, depth needs more data than flexibility alone: {opening(finding, verdict)}"
    if verdict == REFUTED:
        opened += f", because {reason}"
    effects = finding.effects
    said = [
        _needed(DEEP, FLEXIBLE, effects["der"]),
        _needed(DEEP, LINEAR, effects["der_against_linear"]),
        _needed(FLEXIBLE, LINEAR, effects["flexible_der"]),
    ]
    return f"{opened}. {capital('; '.join(said))}."


def _needed(a: str, b: str, der: Effect) -> str:
    if not math.isfinite(der.effect):
        return f"the data-efficiency ratio of {models_of(a)} to {models_of(b)} cannot be measured"
    return f"{models_of(a)} needed {times(der)} the rows of {models_of(b)}"


QUESTION = Question(
    measures=[measure for measures in MEASURES_OF.values() for measure in measures],
    decide=_decide,
    say=_say,
    topic=lambda rules, rival: str(rules["title"]),
)
