"""Trial tables whose models have sizes, or whose datasets have modalities, with known answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from fuelgauge.claims.judging.claims import find_claims, readable_claims
from fuelgauge.claims.judging.verdict import Evidence, Verdict
from fuelgauge.claims.statistics.trial_table import read_trials
from tests.claims.worlds import Curve, power_law, trial_table

SIZES = ("tiny", "small", "default", "large")
# The larger the net, the more it loses at first and the lower it gets.
ENGINE = {
    "tiny": power_law(0.8, 0.25, 0.30),
    "small": power_law(1.5, 0.35, 0.20),
    "default": power_law(3.0, 0.45, 0.10),
    "large": power_law(6.0, 0.55, 0.05),
}
BIGGER_IS_BETTER = {size: power_law(2.0 - 0.4 * i, 0.4, 0.05) for i, size in enumerate(SIZES)}
ALL_ALIKE = dict.fromkeys(SIZES, power_law(1.0, 0.3, 0.05))


def sized_trials(
    curves: dict[str, Curve], n_datasets: int, seed: int = 0, n_repeats: int = 5
) -> pd.DataFrame:
    """Return trials of an MLP in every size of `curves`, and of a linear model in its default one."""
    models = {size: ("deep", curve) for size, curve in curves.items()} | {
        "line": ("linear", power_law(1.0, 0.3, 0.1))
    }
    trials = trial_table({f"d{i}": models for i in range(n_datasets)}, n_repeats, seed)
    is_net = trials["family"] == "deep"
    size = trials["model"].where(is_net, "default")
    return trials.assign(size=size, model=trials["model"].where(~is_net, "mlp"), modality="tabular")


def judge_claims(found: Evidence, names: Sequence[str] | None = None) -> list[Verdict]:
    """Judge claims from evidence, as an analysis does."""
    asked = find_claims(names)
    claims, _ = readable_claims(asked, found.trials, "the table", must_all=names is not None)
    return [verdict for claim in claims for verdict in claim.verdicts(found)]


def judged(trials: pd.DataFrame, claim: str) -> list[dict[str, Any]]:
    """Judge a claim on trials."""
    checked = read_trials(trials).trials
    known = checked.assign(control=checked.get("control", False))
    datasets = known.groupby("dataset")[["modality", "control"]].first()
    nothing = pd.DataFrame()
    found = Evidence(checked, nothing, nothing, datasets.assign(test_share=0.0), 0.95)
    return [verdict.as_dict() for verdict in judge_claims(found, [claim])]


def overall(verdicts: list[dict[str, Any]], family_a: str, modality: str = "all") -> dict[str, Any]:
    """Return the one verdict across datasets on a family and a modality."""
    wanted = ("overall", family_a, modality)
    (found,) = [v for v in verdicts if (v["level"], v["family_a"], v["modality"]) == wanted]
    return found
