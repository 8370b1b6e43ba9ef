"""The claim that a large net fails with little data, a tiny net with much (rules: conf/claim/engine.yaml)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from fuelgauge.claims._engine_sizes import (
    SizedFamily,
    mean_losses,
    size_of,
    size_table,
    sized_families,
    slide,
)
from fuelgauge.claims.judging.contrast import Contrast, contrast, ratio_effect
from fuelgauge.claims.judging.evidence import exposed_datasets
from fuelgauge.claims.judging.measures import DIFFERENCE, NAN, Effect, Measure
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
    judge_measured,
    judge_unexposed,
    models_of,
    opening,
    times,
    unclear,
)
from fuelgauge.claims.statistics.pairs import FIRST_ROWS, log_slope
from fuelgauge.claims.statistics.resample import RepeatTest

__all__ = ["judge"]

LITTLE = Measure("ratio_at_little", "loss ratio with little data, large over tiny")
MUCH = Measure("ratio_at_much", "loss ratio with much data, tiny over large")
RATIO_GROWTH = Measure("ratio_growth", "large over tiny per doubling", per_doubling=True, is_beside=True)
SIZE_GROWTH = Measure(
    "size_growth",
    "growth of the best size per doubling",
    scale=DIFFERENCE,
    per_doubling=True,
    unit="sizes",
    is_beside=True,
)
MEASURES = (LITTLE, MUCH, RATIO_GROWTH, SIZE_GROWTH)
HOW_TO_GET_SIZES = "set sizes: [{}] in params.yaml and run the pipeline again"


def judge(evidence: Evidence, rules: Rules) -> list[Verdict]:
    """Judge the largest size of each family against its tiniest, on every dataset and across datasets."""
    sized = list(sized_families(evidence.trials, rules))
    verdicts: list[Verdict] = []
    for families in (rules["families"], rules["beside"]):
        found = [one for one in sized if one.family in families]
        present = [family for family in families if any(one.family == family for one in found)]
        if present:
            verdicts += _judge_families(present, found, evidence, rules)
    missing = [family for family in rules["families"] if all(one.family != family for one in sized)]
    return [*(_without_sizes(family, rules) for family in missing), *verdicts]


def further(evidence: Evidence, rules: Rules) -> dict[str, Any]:
    """Return the table of the best sizes, and performance against rows by size."""
    return {
        "sizes": size_table(evidence.trials, evidence.datasets, rules, evidence.level),
        "slide": slide(evidence.trials, rules),
    }


def _judge_families(
    families: Sequence[str], sized: Sequence[SizedFamily], evidence: Evidence, rules: Rules
) -> list[Verdict]:
    pairs = [(size_of(family, rules["sizes"][-1]), size_of(family, rules["sizes"][0])) for family in families]
    measured = pd.DataFrame([_measure(one, evidence, rules) for one in sized])

    def judge_without(left_out: set[str]) -> list[Verdict]:
        counted = measured[~measured["dataset"].isin(left_out)]
        return judge_measured(QUESTION, counted, evidence, {**rules, "pairs": pairs})

    exposed = exposed_datasets(evidence.trials[evidence.trials["family"].isin(families)])
    return judge_unexposed(judge_without(set()), judge_without, exposed)


def _measure(one: SizedFamily, evidence: Evidence, rules: Rules) -> dict[str, Any]:
    about = evidence.datasets.loc[one.cube.dataset]
    test = RepeatTest(evidence.level, evidence.datasets["test_share"].to_dict()[one.cube.dataset])
    largest, tiniest = size_of(one.family, rules["sizes"][-1]), size_of(one.family, rules["sizes"][0])
    found = contrast(one.cube, largest, tiniest)
    return {
        "dataset": one.cube.dataset,
        "family_a": largest,
        "family_b": tiniest,
        "modality": about["modality"],
        "control": bool(about["control"]),
        **_ratios_at_ends(found, test, rules),
        RATIO_GROWTH.name: _ratio_growth(found, test),
        SIZE_GROWTH.name: SIZE_GROWTH.effect(_size_growth(one, rules), NAN, NAN, "least squares"),
    }


def _ratios_at_ends(found: Contrast, test: RepeatTest, rules: Rules) -> dict[str, Effect]:
    anchors, count = found.anchors, rules["anchors"]
    if len(anchors) < 2 * count or anchors[-1] < rules["span"] * anchors[0]:
        return {measure.name: measure.unknown() for measure in (LITTLE, MUCH)}
    ratio = found.log_ratio
    return {
        LITTLE.name: ratio_effect(LITTLE, ratio[:, :count].mean(axis=1), test),
        MUCH.name: ratio_effect(MUCH, -ratio[:, -count:].mean(axis=1), test),
    }


def _ratio_growth(found: Contrast, test: RepeatTest) -> Effect:
    from_first = found.anchors >= FIRST_ROWS
    anchors, mean_a, mean_b = (
        found.anchors[from_first],
        found.mean_a[:, from_first],
        found.mean_b[:, from_first],
    )
    usable = np.ones((1, 1, len(anchors)), dtype=bool)
    slope = log_slope(anchors, mean_a[np.newaxis], mean_b[np.newaxis], usable)[0]
    (lower,), (upper,) = test.interval(slope)
    p = float(test.p_value(slope)[0])
    return RATIO_GROWTH.effect(float(slope[0, 0]), float(lower), float(upper), "jackknife t interval", p)


def _size_growth(one: SizedFamily, rules: Rules) -> float:
    """Return the least-squares slope of the position of the best size on log2 n."""
    anchors, losses = mean_losses(one, rules)
    if len(anchors) < 2:
        return NAN
    return float(np.polyfit(np.log2(anchors), losses.argmin(axis=0), 1)[0])


def _decide(finding: Finding) -> tuple[str, str]:
    little, much = finding.sides[LITTLE.name], finding.sides[MUCH.name]
    large, tiny = models_of(finding.family_a), models_of(finding.family_b)
    if little < 0:
        return REFUTED, f"{large} have a lower loss than {tiny} even with little data"
    if much < 0:
        return REFUTED, f"{tiny} have a lower loss than {large} even with much data"
    if little > 0 and much > 0:
        return SUPPORTED, f"{large} have the higher loss with little data, and {tiny} with much data"
    return UNDECIDED, unclear(finding, (LITTLE.name, MUCH.name))


def _say(finding: Finding, verdict: str, _: str) -> str:
    large, tiny = models_of(finding.family_a), models_of(finding.family_b)
    little, much = finding.effects[LITTLE.name], finding.effects[MUCH.name]
    opened = f"{finding.where}, {large} against {tiny}: {opening(finding, verdict)}"
    if not (math.isfinite(little.effect) and math.isfinite(much.effect)):
        return f"{opened}. They share too few anchors to be compared."
    return (
        f"{opened}. With little data the large ones had {times(little)} the loss of the tiny ones; with much "
        f"data the tiny ones had {times(much)} the loss of the large ones"
        f"{_growth(finding.effects[SIZE_GROWTH.name])}."
    )


def _growth(growth: Effect) -> str:
    if not math.isfinite(growth.effect):
        return ""
    direction = "grew" if growth.effect >= 0 else "shrank"
    return f"; the best size {direction} by {abs(growth.effect):.2g} of a step per doubling of the data"


def _topic(rules: Rules, rival: str) -> str:
    family = rival.removeprefix(f"{rules['sizes'][0]} ")
    return f"{rules['title']} ({models_of(family)})"


def _without_sizes(family: str, rules: Rules) -> Verdict:
    reason = f"no {family} model ran in all sizes"
    what_to_do = HOW_TO_GET_SIZES.format(", ".join(rules["sizes"]))
    return Verdict(
        claim=rules["claim"],
        title=rules["title"],
        modality=ALL,
        level="overall",
        dataset=None,
        control=False,
        family_a=size_of(family, rules["sizes"][-1]),
        family_b=size_of(family, rules["sizes"][0]),
        main=LITTLE.unknown(),
        further=(),
        n_datasets=0,
        verdict=UNDECIDED,
        reason=reason,
        sentence=f"{rules['title']}: undecided, {reason}; {what_to_do}.",
    )


QUESTION = Question(MEASURES, _decide, _say, _topic)
