"""The claim that a large net fails with little data, a tiny one with much (rules: conf/claim/engine.yaml)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fuelgauge.claims.judging.contrast import Contrast, best_of_sides, contrast, losses_of, ratio_effect
from fuelgauge.claims.judging.verdict import (
    ALL,
    NAN,
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
    judge_measured,
    models_of,
    opening,
    times,
    unclear,
)
from fuelgauge.claims.statistics.cube import Cube
from fuelgauge.claims.statistics.pairs import FIRST_ROWS, log_slope
from fuelgauge.claims.statistics.resample import Floats, RepeatTest

LITTLE, MUCH = "ratio_at_little", "ratio_at_much"
MEASURES = (
    Measure(LITTLE, LITTLE, is_ratio=True),
    Measure(MUCH, MUCH, is_ratio=True),
    Measure("ratio_growth", "ratio_growth", is_ratio=False, is_beside=True),
    Measure("size_growth", "size_growth", is_ratio=False, is_beside=True),
)
HOW_TO_GET_SIZES = "set sizes: [{}] in params.yaml and run the pipeline again"


@dataclass(frozen=True)
class SizedFamily:
    """A family in all of its sizes on one dataset.

    Attributes
    ----------
    cube
        A side a size, named by `size_of`.
    """

    family: str
    cube: Cube


def judge(evidence: Evidence, rules: Rules) -> list[Verdict]:
    """Judge on every dataset and across datasets, each family's largest size against its tiniest."""
    sized = list(sized_families(evidence.trials, rules))
    verdicts: list[Verdict] = []
    for families in (rules["families"], rules["beside"]):
        found = [one for one in sized if one.family in families]
        present = [family for family in families if any(one.family == family for one in found)]
        if present:
            verdicts += _judge_families(present, found, evidence, rules)
    missing = [family for family in rules["families"] if all(one.family != family for one in sized)]
    return [*(_without_sizes(family, rules) for family in missing), *verdicts]


def sized_families(trials: pd.DataFrame, rules: Rules) -> Iterator[SizedFamily]:
    """Yield, family by family and dataset by dataset, what has run in all sizes of the rules."""
    if "size" not in trials or "any_size" not in trials:
        return
    trials = trials[trials["size"].isin(rules["sizes"])]
    n_sizes = trials.groupby(["dataset", "any_size"])["size"].transform("nunique")
    complete = trials[n_sizes == len(rules["sizes"])]
    for family in (*rules["families"], *rules["beside"]):
        own = complete[complete["family"] == family]
        for cube in best_of_sides(own, own["size"] + f" {family}").values():
            yield SizedFamily(family, cube)


def size_of(family: str, size: str) -> str:
    """Name a family in one size: ``large deep``."""
    return f"{size} {family}"


def _judge_families(
    families: Sequence[str], sized: Sequence[SizedFamily], evidence: Evidence, rules: Rules
) -> list[Verdict]:
    pairs = [(size_of(family, rules["sizes"][-1]), size_of(family, rules["sizes"][0])) for family in families]
    measured = pd.DataFrame([_measure(one, evidence, rules) for one in sized])
    return judge_measured(QUESTION, measured, evidence, {**rules, "pairs": pairs})


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
        "ratio_growth": _ratio_growth(found, test),
        "size_growth": Effect("size_growth", _size_growth(one, rules), NAN, NAN, "least squares"),
    }


def _ratios_at_ends(found: Contrast, test: RepeatTest, rules: Rules) -> dict[str, Effect]:
    anchors, count = found.anchors, rules["anchors"]
    if len(anchors) < 2 * count or anchors[-1] < rules["span"] * anchors[0]:
        return {name: Effect(name, NAN, NAN, NAN, "") for name in (LITTLE, MUCH)}
    ratio = found.log_ratio
    return {
        LITTLE: ratio_effect(LITTLE, ratio[:, :count].mean(axis=1), test),
        MUCH: ratio_effect(MUCH, -ratio[:, -count:].mean(axis=1), test),
    }


def _ratio_growth(found: Contrast, test: RepeatTest) -> Effect:
    from_first = found.anchors >= FIRST_ROWS
    anchors, loss_a, loss_b = (
        found.anchors[from_first],
        found.loss_a[:, from_first],
        found.loss_b[:, from_first],
    )
    usable = np.ones((1, 1, len(anchors)), dtype=bool)
    slope = log_slope(anchors, loss_a[np.newaxis], loss_b[np.newaxis], usable)[0]
    (lower,), (upper,) = test.interval(slope)
    p = float(test.p_value(slope)[0])
    return Effect("ratio_growth", float(slope[0, 0]), float(lower), float(upper), "jackknife t interval", p)


def _size_growth(one: SizedFamily, rules: Rules) -> float:
    """Return the least-squares slope of the best size's place on log2 n."""
    anchors, losses = mean_losses(one, rules)
    if len(anchors) < 2:
        return NAN
    return float(np.polyfit(np.log2(anchors), losses.argmin(axis=0), 1)[0])


def mean_losses(one: SizedFamily, rules: Rules) -> tuple[Floats, Floats]:
    """Return the anchors that all sizes share, and the mean losses over the repeats that have all sizes.

    Returns
    -------
    anchors
        Shape (anchors,), in rows.
    losses
        Shape (sizes, anchors), from the smallest size to the largest.
    """
    losses = np.stack([losses_of(one.cube, size_of(one.family, size)) for size in rules["sizes"]])
    paired = np.where(np.isfinite(losses).all(axis=0), losses, np.nan)
    shared = np.isfinite(paired).any(axis=(0, 2))
    return one.cube.anchors[shared], np.nanmean(paired[:, shared], axis=2)


def _decide(finding: Finding) -> tuple[str, str]:
    little, much = finding.sides[LITTLE], finding.sides[MUCH]
    large, tiny = models_of(finding.family_a), models_of(finding.family_b)
    if little < 0:
        return REFUTED, f"{large} do better than {tiny} already with little data"
    if much < 0:
        return REFUTED, f"{tiny} do better than {large} still with much data"
    if little > 0 and much > 0:
        return SUPPORTED, f"{large} lose with little data, and {tiny} with much"
    return UNDECIDED, unclear(finding, (LITTLE, MUCH))


def _say(finding: Finding, verdict: str, _: str) -> str:
    large, tiny = models_of(finding.family_a), models_of(finding.family_b)
    little, much = finding.effects[LITTLE], finding.effects[MUCH]
    opened = f"{finding.where}, {large} against {tiny}: {opening(finding, verdict)}"
    if not (math.isfinite(little.effect) and math.isfinite(much.effect)):
        return f"{opened}; the two share too few sizes of data to be read."
    return (
        f"{opened}; with little data the large ones had {times(little)} the loss of the tiny, "
        f"with much the tiny had {times(much)} that of the large{_growth(finding.effects['size_growth'])}."
    )


def _growth(growth: Effect) -> str:
    if not math.isfinite(growth.effect):
        return ""
    direction = "grew" if growth.effect >= 0 else "shrank"
    return f", and the best size {direction} by {abs(growth.effect):.2g} of a step per doubling"


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
        main=Effect(LITTLE, NAN, NAN, NAN, ""),
        further=(),
        n_datasets=0,
        verdict=UNDECIDED,
        reason=reason,
        sentence=f"{rules['title']}: undecided, {reason}; {what_to_do}.",
    )


QUESTION = Question(MEASURES, _decide, _say, _topic)
