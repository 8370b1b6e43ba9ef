"""Model family against modality, in worlds whose answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.claims.sized import judged, overall
from tests.claims.worlds import Curve, power_law, trial_table

CLASSICAL = power_law(1.0, 0.3, 0.05)
WORSE, BETTER, ALIKE = (power_law(1.0 * f, 0.3, 0.05 * f) for f in (1.4, 0.6, 1.0))


def trials_of(kinds: dict[str, list[Curve]], control: Curve | None = None) -> pd.DataFrame:
    """Return trials of deep and linear models on one dataset for each deep curve, by modality."""
    curves = {f"{kind}{i}": (kind, curve) for kind, found in kinds.items() for i, curve in enumerate(found)}
    if control is not None:
        curves |= {"mnist1d": ("sequence", BETTER), "mnist1d_shuffled": ("sequence", control)}
    trials = trial_table(
        {name: {"net": ("deep", curve), "line": ("linear", CLASSICAL)} for name, (_, curve) in curves.items()}
    )
    return trials.assign(
        modality=trials["dataset"].map({name: kind for name, (kind, _) in curves.items()}),
        control=trials["dataset"] == "mnist1d_shuffled",
    )


def test_better_on_patterns_and_worse_on_tables_is_supported() -> None:
    found = overall(judged(trials_of({"image": [BETTER] * 7, "tabular": [WORSE] * 7}), "pattern"), "deep")
    assert found["verdict"] == "supported" and found["n_datasets"] == 14
    assert (
        found["effect"] == pytest.approx(0.6 / 1.4, rel=0.1) and found["lo"] < found["effect"] < found["hi"]
    )
    on_patterns, on_tables = found["further"]
    assert on_patterns["effect"] == pytest.approx(0.6, rel=0.1)
    assert on_tables["effect"] == pytest.approx(1.4, rel=0.1)
    assert on_tables["p_wilcoxon"] == pytest.approx(2 / 128)
    largest = max((found, on_patterns, on_tables), key=lambda effect: effect["p"])
    assert largest["p_adjusted"] == largest["p"] < 0.05
    assert on_tables["at_least"] == 1.25 and on_patterns["less_than"] == 1 / 1.5


def test_half_of_the_sentence_reversed_refutes_it() -> None:
    found = overall(judged(trials_of({"text": [BETTER] * 8, "tabular": [BETTER] * 8}), "pattern"), "deep")
    assert (found["verdict"], found["reason"]) == ("refuted", "deep models have the lower loss on tables")


def test_level_models_are_undecided() -> None:
    found = overall(judged(trials_of({"image": [ALIKE] * 7, "tabular": [ALIKE] * 7}), "pattern"), "deep")
    assert found["verdict"] == "undecided"


def test_both_sides_need_six_datasets() -> None:
    found = overall(judged(trials_of({"image": [BETTER] * 8, "tabular": [WORSE] * 5}), "pattern"), "deep")
    assert found["reason"] == "too few datasets (8 pattern and 5 tabular of 6 each)"
    assert found["p"] is None or np.isnan(found["p"])


def test_an_advantage_that_goes_with_the_pattern_supports_and_never_counts() -> None:
    verdicts = judged(trials_of({"image": [BETTER] * 7, "tabular": [WORSE] * 7}, control=WORSE), "pattern")
    found = overall(verdicts, "deep")
    assert (found["verdict"], found["n_datasets"]) == ("supported", 15)
    (control,) = [v for v in verdicts if v["control"]]
    assert control["dataset"] == "mnist1d_shuffled" and control["verdict"] == "supported"
    assert control["effect"] == pytest.approx(1.4 / 0.6, rel=0.15)
    assert control["lo"] < control["effect"] < control["hi"]
    assert control["reason"].endswith("the dataset is a control, which does not count")


def test_an_advantage_that_stays_on_the_control_takes_the_support_away() -> None:
    verdicts = judged(trials_of({"image": [BETTER] * 7, "tabular": [WORSE] * 7}, control=BETTER), "pattern")
    found = overall(verdicts, "deep")
    assert found["verdict"] == "undecided"
    assert found["reason"] == "the advantage of deep models stays on the control mnist1d_shuffled"


def test_several_controls_are_each_held_against_their_original() -> None:
    found = trials_of({"image": [BETTER] * 7, "tabular": [WORSE] * 7}, control=WORSE)
    stays = found[found["dataset"].isin(["image0", "image1"])].replace(
        {"dataset": {"image0": "digits", "image1": "digits_permuted"}}
    )
    both = pd.concat([found, stays.assign(control=stays["dataset"] == "digits_permuted")])
    verdicts = judged(both, "pattern")
    by_name = {verdict["dataset"]: verdict for verdict in verdicts if verdict["control"]}
    assert {name: verdict["verdict"] for name, verdict in by_name.items()} == {
        "mnist1d_shuffled": "supported",
        "digits_permuted": "undecided",
    }
    overall_verdict = overall(verdicts, "deep")
    assert overall_verdict["n_datasets"] == 16
    assert overall_verdict["reason"] == "the advantage of deep models stays on the control digits_permuted"
    assert (
        "mnist1d_shuffled" in overall_verdict["sentence"] and "digits_permuted" in overall_verdict["sentence"]
    )


def test_pretrained_models_are_on_no_side() -> None:
    trials = trials_of({"image": [BETTER] * 6, "tabular": [WORSE] * 6})
    pretrained = trials[trials["model"] == "net"].assign(model="vectors", family="pretrained", loss=1e-4)
    with_them = overall(judged(pd.concat([trials, pretrained]), "pattern"), "deep")
    assert with_them == overall(judged(trials, "pattern"), "deep")


def test_a_table_without_modalities_says_so() -> None:
    trials = trials_of({"tabular": [WORSE] * 6}).assign(modality="")
    found = overall(judged(trials, "pattern"), "deep")
    assert found["reason"] == "too few datasets: none of a known modality has deep and classical models"
