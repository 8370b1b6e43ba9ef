"""The size of a net against rows, in worlds whose answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fuelgauge.claims._engine_sizes import mean_losses, sized_families
from fuelgauge.claims.judging.claims import available_claims
from fuelgauge.claims.statistics.trial_table import read_trials
from tests.claims.sized import ALL_ALIKE, BIGGER_IS_BETTER, ENGINE, SIZES, judged, overall, sized_trials
from tests.claims.worlds import ANCHORS, Noise, trial_table

RULES = available_claims()["engine"]
QUIET = Noise(0.001, 0.0005, 0.0005, 0.0005)


@pytest.fixture(scope="module")
def engine_world() -> list[dict]:
    return judged(sized_trials(ENGINE, 8), "engine")


def test_large_that_loses_with_little_and_tiny_that_loses_with_much_are_supported(engine_world) -> None:
    found = overall(engine_world, "large deep")
    assert found["verdict"] == "supported" and found["n_datasets"] == 8
    assert found["lo"] > 1 and found["p_adjusted"] < 1e-4
    little = ENGINE["large"](ANCHORS[:2]) / ENGINE["tiny"](ANCHORS[:2])
    assert found["effect"] == pytest.approx(np.exp(np.log(little).mean()), rel=0.1)
    much = found["further"][0]
    truth = ENGINE["tiny"](ANCHORS[-2:]) / ENGINE["large"](ANCHORS[-2:])
    assert much["effect"] == pytest.approx(np.exp(np.log(truth).mean()), rel=0.1)
    assert "With little data the large ones had" in found["sentence"]


def test_each_dataset_has_a_verdict_with_intervals(engine_world) -> None:
    single = [v for v in engine_world if v["level"] == "dataset"]
    assert [v["verdict"] for v in single] == ["supported"] * 8
    assert all(v["lo"] < v["effect"] < v["hi"] for v in single)


def test_the_best_size_grows_with_the_rows_without_a_say(engine_world) -> None:
    growth = {effect["effect_name"]: effect for effect in overall(engine_world, "large deep")["further"]}
    assert 0.2 < growth["size_growth"]["effect"] < 1
    assert growth["ratio_growth"]["effect"] < 0
    assert growth["size_growth"]["p_adjusted"] < 1e-4
    assert growth["size_growth"]["p_wilcoxon"] == pytest.approx(2 / 2**8)


def test_a_large_net_that_wins_with_little_already_refutes() -> None:
    found = overall(judged(sized_trials(BIGGER_IS_BETTER, 8), "engine"), "large deep")
    assert (found["verdict"], found["reason"]) == (
        "refuted",
        "large deep models have a lower loss than tiny deep models even with little data",
    )


def test_sizes_that_are_alike_are_seldom_supported() -> None:
    words = [
        v["verdict"]
        for v in judged(sized_trials(ALL_ALIKE, 60), "engine")
        if v["level"] == "dataset" and v["family_a"] == "large deep"
    ]
    assert len(words) == 60 and np.mean([word == "supported" for word in words]) <= 0.05


def test_too_few_datasets_are_undecided() -> None:
    found = overall(judged(sized_trials(ENGINE, 5), "engine"), "large deep")
    assert found["reason"] == "too few datasets (5 of 6)"
    assert found["sentence"].startswith(
        "A large net needs much data, and a tiny one cannot use it (deep models)"
    )


@pytest.mark.parametrize("dropped", [["size"], []])
def test_a_table_without_sizes_says_what_to_set(dropped: list[str]) -> None:
    trials = sized_trials(ENGINE, 2)
    trials = trials[trials["size"] == "default"].drop(columns=dropped)
    (found,) = judged(trials, "engine")
    assert found["verdict"] == "undecided" and found["n_datasets"] == 0
    assert "set sizes: [tiny, small, default, large] in params.yaml" in found["sentence"]


def test_a_model_that_lacks_a_size_does_not_count() -> None:
    trials = sized_trials(ENGINE, 1)
    lacking = trials[(trials["model"] == "mlp") & (trials["size"] != "small")].assign(model="cnn", loss=0.001)
    (one,) = sized_families(read_trials(pd.concat([trials, lacking])).trials, RULES)
    assert one.cube.loss[np.isfinite(one.cube.loss)].min() > 0.001


def test_trees_stand_beside_and_change_nothing(engine_world) -> None:
    trials = sized_trials(ENGINE, 8)
    trees = trials[trials["model"] == "mlp"].assign(model="xgboost", family="trees")
    both = judged(pd.concat([trials, trees]), "engine")
    deep, beside = overall(both, "large deep"), overall(both, "large trees")
    assert deep == overall(engine_world, "large deep")
    assert beside["verdict"] == "supported" and "large tree models" in beside["sentence"]


def test_mean_losses_are_paired_over_repeats() -> None:
    models = {size: ("deep", curve) for size, curve in ENGINE.items()}
    trials = trial_table({"d": models}, 3, noise=QUIET)
    trials = trials.assign(size=trials["model"], model="mlp")
    spoilt = (trials["repeat"] == 2) & (trials["size"] == "tiny")
    trials.loc[(trials["repeat"] == 2) & (trials["size"] == "large"), "loss"] = 9.0
    (one,) = sized_families(read_trials(trials[~spoilt]).trials, RULES)
    anchors, losses = mean_losses(one, RULES)
    expected = np.array([ENGINE[size](ANCHORS) for size in SIZES])
    assert anchors == pytest.approx(ANCHORS)
    assert losses == pytest.approx(expected, rel=0.01)


def test_intervals_of_the_ratios_cover_the_truth() -> None:
    anchors = ANCHORS[[0, 1, 6, 7]]
    models = {size: ("deep", curve) for size, curve in ENGINE.items()}
    trials = trial_table({f"d{i}": models for i in range(500)}, anchors=anchors)
    verdicts = judged(trials.assign(size=trials["model"], model="mlp", modality="tabular"), "engine")
    single = [v for v in verdicts if v["level"] == "dataset"]
    ends = {
        "ratio_at_little": ENGINE["large"](anchors[:2]) / ENGINE["tiny"](anchors[:2]),
        "ratio_at_much": ENGINE["tiny"](anchors[-2:]) / ENGINE["large"](anchors[-2:]),
    }
    for name, ratios in ends.items():
        truth = np.exp(np.log(ratios).mean())
        found = [e for v in single for e in (v, *v["further"]) if e["effect_name"] == name]
        assert len(found) == 500
        assert 0.93 <= np.mean([e["lo"] <= truth <= e["hi"] for e in found]) <= 0.97
        assert np.median([e["effect"] for e in found]) == pytest.approx(truth, rel=0.02)
