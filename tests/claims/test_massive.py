"""The claim on massive data, in worlds whose answer is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from fuelgauge.claims.analysis import analyze
from fuelgauge.claims.leads import passing
from fuelgauge.claims.statistics.turnbull import median_p_value
from tests.claims.worlds import Curve, Noise, power_law, trial_table

ANCHORS = 1024 * 4.0 ** np.arange(5)
N_DATASETS = 8
TREES = power_law(1.0, 0.3, 0.0)
LOSSES = ("loss", "val_loss")
QUIET = Noise(0.02, 0.005, 0.005, 0.005)


def table(
    net: Curve, trees: Curve = TREES, anchors: np.ndarray = ANCHORS, n: int = N_DATASETS
) -> pd.DataFrame:
    models = {"mlp": ("deep", net), "xgboost": ("boosted", trees)}
    trials = trial_table({f"d{i}": models for i in range(n)}, 3, noise=QUIET, anchors=anchors)
    return trials.assign(modality="tabular", exposed=False)


def judged(trials: pd.DataFrame) -> list[dict[str, Any]]:
    return analyze(trials, claims=["massive"]).verdicts


def found(trials: pd.DataFrame, rival: str = "boosted", modality: str = "all") -> dict[str, Any]:
    verdicts = judged(trials)
    (one,) = [
        v for v in verdicts if (v["level"], v["family_b"], v["modality"]) == ("overall", rival, modality)
    ]
    return one


@pytest.mark.parametrize(
    ("stretch", "verdict", "reason"),
    [
        (4.0, "supported", "deep models need at least 2 times the rows of boosted trees"),
        (2.0, "undecided", "between: deep models need more rows than boosted trees"),
        (1.0, "refuted", "deep models need less than 2 times the rows of boosted trees"),
        (0.5, "refuted", "deep models need less than 2 times the rows of boosted trees"),
    ],
)
def test_the_ratio_with_many_rows_is_judged_by_its_margin(stretch: float, verdict: str, reason: str) -> None:
    one = found(table(power_law(1.0, 0.3, 0.0, stretch=stretch)))
    assert (one["verdict"], one["n_datasets"]) == (verdict, N_DATASETS)
    assert one["reason"].startswith(reason)
    assert one["effect"] == pytest.approx(stretch, rel=0.05)
    assert "from 16,384 rows up" in one["sentence"]


def test_fewer_rows_do_not_touch_the_ratio_and_the_gap_begins_at_4096() -> None:
    def late(n: np.ndarray) -> np.ndarray:
        return np.where(
            n < 4000, 1.0, 0.95 * TREES(n)
        )  # hopeless with few rows, level 5% below from 4,096 on

    one = found(table(late))
    assert one["verdict"] == "refuted" and one["effect"] < 1
    (slope,) = one["further"]
    assert slope["effect_name"] == "slope" and slope["lo"] < 0 < slope["hi"]
    assert slope["effect"] == pytest.approx(0, abs=0.005)


def test_a_member_that_stops_early_ends_the_comparison_there() -> None:
    """RealMLP equals the trees up to 65,536 rows; above, only the far worse MLP has run."""
    trials = table(power_law(1.0, 0.3, 0.0, stretch=1.0))
    better = trials[trials["model"] == "mlp"].assign(model="realmlp")
    worse = trials["model"] == "mlp"
    trials = trials.assign(**{name: trials[name].where(~worse, 3 * trials[name]) for name in LOSSES})
    rival = trials[trials["model"] == "xgboost"].assign(model="catboost")
    everyone = pd.concat([trials, better[better["n_train"] <= 65536], rival], ignore_index=True)
    assert found(everyone)["effect"] == pytest.approx(1.0, rel=0.05)


def test_without_many_rows_one_line_says_that_nothing_was_measured() -> None:
    (one,) = judged(table(TREES, anchors=ANCHORS[:3]))
    assert (one["verdict"], one["n_datasets"]) == ("undecided", 0)
    assert "not measured" in one["sentence"] and "65,536 rows" in one["sentence"]


def test_a_net_that_stops_before_many_rows_is_not_measured() -> None:
    trials = table(TREES)
    stops = (trials["model"] == "mlp") & (trials["n_train"] > 16384)
    (one,) = judged(trials[~stops])
    assert "not measured" in one["sentence"]


def test_controls_and_datasets_with_fewer_rows_do_not_count() -> None:
    trials = table(power_law(1.0, 0.3, 0.0, stretch=4.0))
    trials["control"] = trials["dataset"] == "d0"
    short = (trials["dataset"] == "d1") & (trials["n_train"] > 16384)
    one = found(trials[~short])
    assert one["n_datasets"] == N_DATASETS - 2


def crossing_at(rows: float) -> Curve:
    return power_law(rows**0.2, 0.5, 0.0)  # equals n^-0.3 at this number of rows


@pytest.mark.parametrize(
    ("rows", "verdict", "median"),
    [
        # a new order must hold on two anchors, so one that begins at the last is not shown
        (130_000, "supported", "Median number of rows: above 65,536."),
        (30_000, "refuted", "Median number of rows: above 16,384 and at most 65,536."),
        (8_000, "refuted", "Median number of rows: above 4,096 and at most 16,384."),
        (1e9, "supported", "Median number of rows: above 262,144."),
    ],
)
def test_where_nets_pass_trees_is_found(rows: float, verdict: str, median: str) -> None:
    one = found(table(crossing_at(rows)), "trees")
    assert one["verdict"] == verdict and median in one["sentence"]
    assert one["p"] == pytest.approx(2 * 0.5**N_DATASETS)


def test_where_half_of_the_datasets_cross_early_the_median_is_open() -> None:
    early, late = table(crossing_at(8_000)), table(crossing_at(1e9))
    is_early = early["dataset"].isin([f"d{i}" for i in range(N_DATASETS // 2)])
    one = found(pd.concat([early[is_early], late[~is_early]]), "trees")
    assert (one["verdict"], one["p"]) == ("undecided", 1.0)


def test_the_sign_test_agrees_with_the_interval_of_the_median() -> None:
    left, right = np.full(8, 4096.0), np.full(8, 16384.0)
    assert median_p_value(left, right, 4096.0) == pytest.approx(2 * 0.5**8)
    assert median_p_value(left, right, 8192.0) == 1.0  # inside every interval
    orders = pd.DataFrame({"dataset": "d", "n": [4096, 16384], "leader": ["trees", "deep"]})
    assert passing(orders).p_value(65536) == 1.0
