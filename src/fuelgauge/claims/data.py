"""The claim that deep learning needs more data (rules: conf/claim/data.yaml)."""

from __future__ import annotations

import math

from fuelgauge.claims.judging.measures import Effect, Measure
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
    judge_pairs,
    models_of,
    opening,
    readings,
    times,
    unclear,
)

__all__ = ["DER", "SLOPE", "change_of_gap", "judge"]

DER = Measure("der", "data-efficiency ratio", "der_median", censored_column="der_median_censored")
SLOPE = Measure(
    "slope", "loss ratio per doubling", "slope", per_doubling=True, p_column="p_value", is_beside=True
)


def judge(evidence: Evidence, rules: Rules) -> list[Verdict]:
    """Judge deep models against each classical family, on every dataset and across datasets."""
    return judge_pairs(Question((DER, SLOPE), _decide, _say), evidence, rules)


def _decide(finding: Finding) -> tuple[str, str]:
    a, b = models_of(finding.family_a), models_of(finding.family_b)
    if finding.sides["der"] < 0:
        return REFUTED, f"{a} need fewer rows than {b}"
    if finding.sides["der"] > 0:
        return SUPPORTED, f"{a} need more rows than {b}"
    return UNDECIDED, unclear(finding, ("der",))


def _say(finding: Finding, verdict: str, _: str) -> str:
    a, b = models_of(finding.family_a), models_of(finding.family_b)
    opened = f"{finding.where}, {a} need more data than {b}: {opening(finding, verdict)}"
    der, slope = finding.effects["der"], finding.effects["slope"]
    needed = (
        f"{a} needed {times(der)} the rows of {b} to reach the same loss"
        if math.isfinite(der.effect)
        else f"the data-efficiency ratio of {a} to {b} cannot be measured"
    )
    gap = change_of_gap(slope, bool(finding.sides["slope"]), b)
    return f"{opened}. {capital(needed)}{gap}.{readings(der)}"


def change_of_gap(slope: Effect, is_significant: bool, rival: str) -> str:
    """Return the sentence on what a doubling of the data does to the loss relative to a rival, or nothing."""
    if not math.isfinite(slope.effect):
        return ""
    if not is_significant and slope.lo <= 0 <= slope.hi:
        return f". The change of their loss relative to {rival} with more data is not significant"
    change = 100 * math.expm1(slope.effect)
    direction = "lowered" if change < 0 else "raised"
    return f". Each doubling of the data {direction} their loss relative to {rival} by {abs(change):.2g}%"
