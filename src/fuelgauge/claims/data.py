"""The claim that deep learning needs more data (rules: conf/claim/data.yaml)."""

from __future__ import annotations

import math

from fuelgauge.claims.judging.verdict import (
    REFUTED,
    SUPPORTED,
    UNDECIDED,
    Effect,
    Evidence,
    Finding,
    Measure,
    Question,
    Rules,
    Verdict,
    judge_pairs,
    models_of,
    opening,
    times,
    unclear,
)

DER = Measure("der", "der_median", is_ratio=True, censored_column="der_median_censored")
SLOPE = Measure("slope", "slope", is_ratio=False, p_column="p_value")


def judge(evidence: Evidence, rules: Rules) -> list[Verdict]:
    """Judge on every dataset and across datasets, deep against each classical family apart."""
    return judge_pairs(Question((DER, SLOPE), _decide, _say), evidence, rules)


def _decide(finding: Finding) -> tuple[str, str]:
    der, slope = finding.sides["der"], finding.sides["slope"]
    a, b = models_of(finding.family_a), models_of(finding.family_b)
    if reason := refutation(der, slope, a, b):
        return REFUTED, reason
    if needs_more(der, slope):
        return SUPPORTED, f"{a} need more rows than {b}, and gain on them as rows are added"
    return UNDECIDED, unclear(finding, ("der", "slope"))


def refutation(der: int, slope: int, a: str, b: str) -> str:
    """Say why the sides of DER and slope refute that A needs more rows than B; empty where they do not."""
    if der < 0:
        return f"{a} need fewer rows than {b}"
    return f"with more data {a} fall further behind {b}" if slope > 0 else ""


def needs_more(der: int, slope: int) -> bool:
    """Tell whether DER and slope show that A needs more rows than B, and that rows are what it lacks."""
    return der > 0 and slope < 0


def _say(finding: Finding, verdict: str, reason: str) -> str:
    a, b = models_of(finding.family_a), models_of(finding.family_b)
    opened = opening(finding, verdict)
    if verdict == REFUTED and finding.sides["der"] >= 0:
        opened += f", since {reason}"
    der, slope = finding.effects["der"], finding.effects["slope"]
    needed = (
        f"{a} needed {times(der)} the rows of {b} to do as well"
        if math.isfinite(der.effect)
        else f"how many rows {a} need against {b} cannot be read"
    )
    gap = _gap(slope, bool(finding.sides["slope"]), b)
    return f"{finding.where}, more data for {a}: {opened}; {needed}{gap}."


def _gap(slope: Effect, is_told: bool, rival: str) -> str:
    if not math.isfinite(slope.effect):
        return ""
    if not is_told and slope.lo <= 0 <= slope.hi:
        return f", and whether more data raise or lower their loss against that of {rival} cannot be told"
    change = 100 * math.expm1(slope.effect)
    direction = "lowered" if change < 0 else "raised"
    by = f"{direction} their loss by {abs(change):.2g}%"
    return f", and each doubling of the data {by} against that of {rival}"
