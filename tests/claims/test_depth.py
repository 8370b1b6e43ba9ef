"""Depth against flexibility, in worlds whose answer is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.claims.sized import judged, overall
from tests.claims.worlds import Curve, power_law, trial_table

LINEAR = power_law(1.0, 0.3, 0.05)
FLEXIBLE = power_law(2.5, 0.37, 0.05)  # needs more rows than linear models, and catches up
DEEPER = power_law(8.0, 0.45, 0.05)  # needs more rows than both, and catches up with both
BETWEEN = power_law(1.7, 0.37, 0.05)
N_DATASETS = 10


def verdicts(
    deep: Curve, flexible: Curve = FLEXIBLE, n: int = N_DATASETS, seed: int = 0
) -> list[dict[str, Any]]:
    models = {"net": ("deep", deep), "forest": ("trees", flexible), "line": ("linear", LINEAR)}
    trials = trial_table({f"d{i}": models for i in range(n)}, seed=seed)
    return judged(trials.assign(modality=""), "depth")


def effects(verdict: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {effect["effect_name"]: effect for effect in (verdict, *verdict["further"])}


def test_depth_that_asks_for_more_than_flexibility_is_supported() -> None:
    found = overall(verdicts(DEEPER), "deep")
    assert (found["verdict"], found["n_datasets"]) == ("supported", N_DATASETS)
    assert found["sentence"].startswith(
        "Across 10 datasets, depth needs more data than flexibility alone: supported. Deep models needed"
    )
    # four tests decide, each at its smallest p value; two stand beside
    by_name = effects(found)
    assert by_name["slope_against_linear"]["p_adjusted"] == pytest.approx(4 * 2 / 2**N_DATASETS)
    assert by_name["flexible_slope"]["p_adjusted"] == pytest.approx(2 * 2 / 2**N_DATASETS)


def test_the_effects_are_those_of_the_three_pairs() -> None:
    by_name = effects(overall(verdicts(power_law(2.5, 0.37, 0.05, stretch=1.5)), "deep"))
    assert by_name["der"]["effect"] == pytest.approx(1.5, rel=0.05)
    n = 64 * 2.0 ** np.arange(6)
    of_flexible = np.median((2.5 / (1.0 * n**-0.3)) ** (1 / 0.37) / n)
    assert by_name["flexible_der"]["effect"] == pytest.approx(of_flexible, rel=0.1)
    assert by_name["der_against_linear"]["effect"] == pytest.approx(1.5 * of_flexible, rel=0.1)


def test_what_any_flexible_model_needs_is_not_depth() -> None:
    found = overall(verdicts(DEEPER, flexible=DEEPER), "deep")
    assert found["verdict"] == "undecided"
    assert found["reason"].startswith("flexible classical models too need more rows than linear models; ")


def test_fewer_rows_than_flexible_models_refute_it() -> None:
    found = overall(verdicts(BETWEEN), "deep")
    assert (found["verdict"], found["reason"]) == (
        "refuted",
        "deep models need fewer rows than flexible classical models",
    )


def test_fewer_rows_than_linear_models_refute_it() -> None:
    better = power_law(0.6, 0.3, 0.05)
    found = overall(verdicts(better, flexible=power_law(0.3, 0.25, 0.05)), "deep")
    assert found["verdict"] == "refuted"


def test_a_slope_alone_refutes_it_and_the_sentence_says_so() -> None:
    falling_behind = power_law(8.0, 0.25, 0.05)
    found = overall(verdicts(falling_behind), "deep")
    assert found["verdict"] == "refuted" and found["effect"] > 1
    assert "refuted, because with more data deep models fall further behind flexible" in found["sentence"]


def test_more_rows_that_no_data_make_up_for_are_not_enough() -> None:
    always_worse = power_law(1.2 * 8.0, 0.45, 1.2 * 0.05)
    found = verdicts(always_worse, DEEPER, 60)
    assert overall(found, "deep")["effect"] > 1.2 and overall(found, "deep")["verdict"] == "undecided"
    assert np.mean([v["verdict"] == "supported" for v in found if v["level"] == "dataset"]) <= 0.05


def test_controls_do_not_count() -> None:
    models = {"net": ("deep", DEEPER), "forest": ("trees", FLEXIBLE), "line": ("linear", LINEAR)}
    trials = trial_table({f"d{i}": models for i in range(6)})
    found = judged(trials.assign(modality="", control=trials["dataset"] == "d0"), "depth")
    assert overall(found, "deep")["reason"] == "too few datasets (5 of 6)"


def test_datasets_without_one_of_the_sides_do_not_count() -> None:
    with_all = {"net": ("deep", DEEPER), "near": ("neighbours", FLEXIBLE), "line": ("linear", LINEAR)}
    without = {name: with_all[name] for name in ("net", "line")}
    trials = trial_table({"a": with_all, "b": without})
    found = judged(trials.assign(modality=""), "depth")
    assert [v["dataset"] for v in found if v["level"] == "dataset"] == ["a"]
    assert overall(found, "deep")["reason"] == "too few datasets (1 of 6)"


def test_a_table_without_flexible_models_says_too_few_datasets() -> None:
    trials = trial_table({"a": {"net": ("deep", DEEPER), "line": ("linear", LINEAR)}})
    (found,) = judged(trials.assign(modality=""), "depth")
    assert found["sentence"] == (
        "Deep models need more data, and not only because they are flexible: undecided, "
        "too few datasets (0 of 6)."
    )


def test_a_null_world_is_seldom_supported() -> None:
    words = [overall(verdicts(LINEAR, LINEAR, 8, seed), "deep")["verdict"] for seed in range(20)]
    assert words.count("supported") <= 1


def test_a_merely_flexible_world_is_seldom_supported_on_one_dataset() -> None:
    single = [v["verdict"] for v in verdicts(DEEPER, DEEPER, 200) if v["level"] == "dataset"]
    assert np.mean([word == "supported" for word in single]) <= 0.05
