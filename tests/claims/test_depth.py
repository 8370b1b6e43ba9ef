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
    # two tests decide, and by Hochberg's procedure the larger p value is not changed
    tests = [effects(found)[name] for name in ("der", "der_against_linear")]
    largest = max(tests, key=lambda test: test["p"])
    assert largest["p_adjusted"] == largest["p"] < 0.05


def test_the_effects_are_those_of_the_three_pairs() -> None:
    by_name = effects(overall(verdicts(power_law(2.5, 0.37, 0.05, stretch=1.5)), "deep"))
    assert by_name["der"]["effect"] == pytest.approx(1.5, rel=0.05)
    n = 64 * 2.0 ** np.arange(6)
    of_flexible = np.median((2.5 / (1.0 * n**-0.3)) ** (1 / 0.37) / n)
    assert by_name["flexible_der"]["effect"] == pytest.approx(of_flexible, rel=0.1)
    # some ratios are bounds, which the mean takes for what they are, and the median for their value
    against_linear = by_name["der_against_linear"]
    assert against_linear["median"] == pytest.approx(1.5 * of_flexible, rel=0.1)
    assert against_linear["effect"] >= against_linear["median"]


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


def test_more_rows_count_whether_more_data_make_up_for_them_or_not() -> None:
    for deep in (power_law(8.0, 0.25, 0.05), power_law(1.5 * 8.0, 0.45, 1.5 * 0.05)):
        found = overall(verdicts(deep, FLEXIBLE), "deep")
        assert found["verdict"] == "supported" and found["at_least"] >= 1.25


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
    words = [overall(verdicts(LINEAR, LINEAR, 8, seed), "deep")["verdict"] for seed in range(10)]
    assert words.count("supported") <= 1


def test_a_merely_flexible_world_is_seldom_supported_on_one_dataset() -> None:
    single = [v["verdict"] for v in verdicts(DEEPER, DEEPER, 100) if v["level"] == "dataset"]
    assert np.mean([word == "supported" for word in single]) <= 0.05
