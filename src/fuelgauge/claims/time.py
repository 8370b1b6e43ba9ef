"""The claim that training deep models takes more time (rules: conf/claim/time.yaml)."""

from __future__ import annotations

import math

import pandas as pd

from fuelgauge.claims.judging.verdict import (
    REFUTED,
    SUPPORTED,
    UNDECIDED,
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

MEASURES = (
    Measure("time_ratio", "time_median", is_ratio=True),
    Measure("time_growth", "time_slope", is_ratio=False),
    Measure("time_ratio_at_equal_loss", "time_ratio_at_equal_loss", is_ratio=True, summary=pd.Series.median),
)


def judge(evidence: Evidence, rules: Rules) -> list[Verdict]:
    """Judge on every dataset and across datasets; nothing to judge where no fit was timed."""
    if "fit_seconds" not in evidence.trials:
        return []
    return judge_pairs(Question(MEASURES, _decide, _say), evidence, rules)


def _decide(finding: Finding) -> tuple[str, str]:
    a, b = models_of(finding.family_a), models_of(finding.family_b)
    if finding.sides["time_ratio"] > 0:
        return SUPPORTED, f"a fit of {a} takes longer than one of {b}"
    if finding.sides["time_ratio"] < 0:
        return REFUTED, f"a fit of {a} takes less time than one of {b}"
    return UNDECIDED, unclear(finding, ("time_ratio",))


def _say(finding: Finding, verdict: str, _: str) -> str:
    opened = opening(finding, verdict)
    a, b = models_of(finding.family_a), models_of(finding.family_b)
    ratio, at_equal_loss = finding.effects["time_ratio"], finding.effects["time_ratio_at_equal_loss"]
    if not math.isfinite(ratio.effect):
        return f"{finding.where}, more time for {a}: {opened}; no fits of {a} and {b} can be compared."
    reached = (
        f", and {times(at_equal_loss)} to reach the same loss" if math.isfinite(at_equal_loss.effect) else ""
    )
    return f"{finding.where}, more time for {a}: {opened}; a fit took {times(ratio)} that of {b}{reached}."
