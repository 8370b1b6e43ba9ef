"""The claim that training deep models takes more time (rules: conf/claim/time.yaml)."""

from __future__ import annotations

import math
from dataclasses import replace

from fuelgauge.claims.judging.measures import column_measures
from fuelgauge.claims.judging.verdict import (
    REFUTED,
    SUPPORTED,
    UNDECIDED,
    Evidence,
    Finding,
    Question,
    Rules,
    Verdict,
    judge_pairs,
    models_of,
    opening,
    readings,
    times,
    unclear,
)

__all__ = ["judge"]

COLUMNS = ("fit_seconds",)
RATIO, *BESIDE = column_measures("fit_seconds", label="time")
GROWTH, AT_EQUAL_LOSS = (replace(measure, is_beside=True) for measure in BESIDE)


def judge(evidence: Evidence, rules: Rules) -> list[Verdict]:
    """Judge deep models against each classical family, on every dataset and across datasets."""
    return judge_pairs(Question((RATIO, GROWTH, AT_EQUAL_LOSS), _decide, _say, _topic), evidence, rules)


def _decide(finding: Finding) -> tuple[str, str]:
    a, b = models_of(finding.family_a), models_of(finding.family_b)
    if finding.sides[RATIO.name] > 0:
        return SUPPORTED, f"a fit of {a} takes longer than one of {b}"
    if finding.sides[RATIO.name] < 0:
        return REFUTED, f"a fit of {a} takes less time than one of {b}"
    return UNDECIDED, unclear(finding, (RATIO.name,))


def _topic(rules: Rules, rival: str) -> str:
    return f"{rules['title']} than training {models_of(rival)}"


def _say(finding: Finding, verdict: str, _: str) -> str:
    a, b = models_of(finding.family_a), models_of(finding.family_b)
    opened = f"{finding.where}, training {a} takes more time than training {b}: {opening(finding, verdict)}"
    ratio, at_equal_loss = finding.effects[RATIO.name], finding.effects[AT_EQUAL_LOSS.name]
    if not math.isfinite(ratio.effect):
        return f"{opened}. No fits of {a} and {b} can be compared."
    reached = (
        f", and {times(at_equal_loss)} as long to reach the same loss"
        if math.isfinite(at_equal_loss.effect)
        else ""
    )
    return f"{opened}. A fit took {times(ratio)} as long as a fit of {b}{reached}.{readings(ratio)}"
