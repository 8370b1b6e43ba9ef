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
    times,
    unclear,
)

__all__ = ["DER", "SLOPE", "judge", "needs_more", "refutation"]

DER = Measure("der", "data-efficiency ratio", "der_median", censored_column="der_median_censored")
SLOPE = Measure("slope", "loss ratio per doubling", "slope", per_doubling=True, p_column="p_value")


def judge(evidence: Evidence, rules: Rules) -> list[Verdict]:
    """Judge deep models against each classical family, on every dataset and across datasets."""
    return judge_pairs(Question((DER, SLOPE), _decide, _say), evidence, rules)


def _decide(finding: Finding) -> tuple[str, str]:
    der, slope = finding.sides["der"], finding.sides["slope"]
    a, b = models_of(finding.family_a), models_of(finding.family_b)
    if reason := refutation(der, slope, a, b):
        return REFUTED, reason
    if needs_more(der, slope):
        return SUPPORTED, f"{a} need more rows than {b}, and catch up as rows are added"
    return UNDECIDED, unclear(finding, ("der", "slope"))


def refutation(der: int, slope: int, a: str, b: str) -> str:
    """Return why DER or slope refute that A needs more rows than B; empty where they do not."""
    if der < 0:
        return f"{a} need fewer rows than {b}"
    return f"with more data {a} fall further behind {b}" if slope > 0 else ""


def needs_more(der: int, slope: int) -> bool:
    """Tell whether A needs more rows than B and catches up as rows are added."""
    return der > 0 and slope < 0


def _say(finding: Finding, verdict: str, reason: str) -> str:
    a, b = models_of(finding.family_a), models_of(finding.family_b)
    opened = f"{finding.where}, {a} need more data than {b}: {opening(finding, verdict)}"
    if verdict == REFUTED and finding.sides["der"] >= 0:
        opened += f", because {reason}"
    der, slope = finding.effects["der"], finding.effects["slope"]
    needed = (
        f"{a} needed {times(der)} the rows of {b} to reach the same loss"
        if math.isfinite(der.effect)
        else f"the data-efficiency ratio of {a} to {b} cannot be measured"
    )
    return f"{opened}. {capital(needed)}{_gap(slope, bool(finding.sides['slope']), b)}."


def _gap(slope: Effect, is_significant: bool, rival: str) -> str:
    if not math.isfinite(slope.effect):
        return ""
    if not is_significant and slope.lo <= 0 <= slope.hi:
        return f"; the change of their loss relative to {rival} with more data is not significant"
    change = 100 * math.expm1(slope.effect)
    direction = "lowered" if change < 0 else "raised"
    return f"; each doubling of the data {direction} their loss relative to {rival} by {abs(change):.2g}%"
