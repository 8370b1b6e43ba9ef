"""Equal numbers of members a side, one a side, all members, and datasets without exposed defaults."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from fuelgauge.claims import data
from fuelgauge.claims.analysis import analyze
from fuelgauge.claims.judging import claims
from fuelgauge.claims.judging.claims import available_claims
from fuelgauge.claims.judging.evidence import Evidence
from fuelgauge.claims.judging.members import PREFIX, family_trials
from fuelgauge.claims.judging.sides import named_teams
from fuelgauge.claims.statistics.cube import cubes
from fuelgauge.claims.statistics.pairs import compare_models
from fuelgauge.claims.statistics.trial_table import read_trials
from fuelgauge.errors import ConfigError
from tests.claims.worlds import ANCHORS, Noise, power_law, trial_table

SHIPPED = available_claims()["data"]
RULES = {
    **SHIPPED,
    "sides": {
        "deep": [["realmlp", "cnn2d"], "mlp"],
        "boosted": ["xgboost", "catboost"],
        "linear": [["logistic", "ridge"], "splines"],
    },
    "single": {"deep": ["realmlp", "cnn2d"], "boosted": "catboost", "linear": ["logistic", "ridge"]},
}
LEVEL = power_law(1.0, 0.3, 0.05)
# At `stretch` times the rows the same loss, so the data-efficiency ratio is the stretch.
HUNGRY, FRUGAL = power_law(1.0, 0.3, 0.05, stretch=2.0), power_law(1.0, 0.3, 0.05, stretch=0.5)
TABLES = {
    "realmlp": ("deep", HUNGRY),
    "mlp": ("deep", LEVEL),
    "tabm": ("deep", FRUGAL),
    "xgboost": ("boosted", LEVEL),
    "catboost": ("boosted", LEVEL),
    "logistic": ("linear", LEVEL),
}


def trials_of(worlds: dict[str, dict[str, Any]], **columns: Any) -> pd.DataFrame:
    """Return trials whose families `boosted` and `forest` are subfamilies of trees."""
    table = trial_table(worlds, n_repeats=3, noise=Noise(0.02, 0.01, 0.01, 0.01), anchors=ANCHORS[:6])
    kind = table["family"].where(table["family"].isin(["boosted", "forest"]), "")
    family = table["family"].where(kind == "", "trees")
    return table.assign(subfamily=kind, family=family, modality="tabular", **columns)


def six(**changes: Any) -> dict[str, dict[str, Any]]:
    models = {name: model for name, model in {**TABLES, **changes}.items() if model}
    return {f"d{i}": models for i in range(6)}


def judged(trials: pd.DataFrame, rules: dict[str, Any] = RULES) -> list[dict[str, Any]]:
    """Judge the claim data by rules of this test."""
    checked = read_trials(trials).trials
    datasets = pd.DataFrame(
        {"modality": "tabular", "control": False, "test_share": 0.0}, index=sorted(set(checked["dataset"]))
    )
    families, _ = family_trials(checked)
    teams = named_teams(checked, [rules])
    both = pd.concat(
        [checked.assign(level="model"), pd.concat([families, teams.trials]).assign(level="family")]
    )
    pairs, _ = compare_models(cubes(both), datasets, wanted=teams.wanted)
    is_team = (pairs["level"] == "family") & ~pairs["model_a"].str.startswith(PREFIX)
    found = Evidence(checked, pd.DataFrame(), pairs[~is_team], datasets, 0.95, pairs[is_team])
    return [verdict.as_dict() for verdict in data.judge(found, rules)]


@pytest.fixture(scope="module")
def usual() -> list[dict[str, Any]]:
    """Verdicts on six tables with all contestants."""
    return judged(trials_of(six()))


def across(verdicts: list[dict[str, Any]], family_b: str) -> dict[str, Any]:
    wanted = ("overall", "all", family_b)
    (found,) = [v for v in verdicts if (v["level"], v["modality"], v["family_b"]) == wanted]
    return found


def on(verdicts: list[dict[str, Any]], dataset: str, family_b: str) -> dict[str, Any]:
    (found,) = [v for v in verdicts if (v["dataset"], v["family_b"]) == (dataset, family_b)]
    return found


def beside(verdict: dict[str, Any], comparison: str, unexposed: bool = False) -> dict[str, Any]:
    (found,) = [v for v in verdict["beside"] if (v["comparison"], v["unexposed"]) == (comparison, unexposed)]
    return found


def test_three_comparisons_stand_side_by_side_and_the_primary_one_is_judged(
    usual: list[dict[str, Any]],
) -> None:
    """TabM, the best net, is no member of the primary comparison; RealMLP is the one of the single one."""
    verdict = across(usual, "boosted")
    assert verdict["comparison"] == "primary" and not verdict["unexposed"]
    assert verdict["effect"] == pytest.approx(1.0, rel=0.1)
    assert beside(verdict, "single")["effect"] == pytest.approx(2.0, rel=0.1)
    assert beside(verdict, "all")["effect"] == pytest.approx(0.5, rel=0.1)
    assert [v["comparison"] for v in verdict["beside"]] == ["single", "all"]
    assert beside(verdict, "all")["short"].startswith("all members, 6 datasets: ")


def test_a_comparison_on_a_dataset_names_its_members_and_has_the_others_beside_it(
    usual: list[dict[str, Any]],
) -> None:
    verdict = on(usual, "d0", "boosted")
    assert verdict["note"] == "Counted: realmlp and mlp against xgboost and catboost."
    assert [v["comparison"] for v in verdict["beside"]] == ["single", "all"]


def test_both_sides_count_as_many_members_as_the_smaller_one_has(
    usual: list[dict[str, Any]],
) -> None:
    """There is no model on splines, so the first net stands alone against the linear model."""
    assert on(usual, "d0", "linear")["note"] == "Counted: realmlp against logistic."
    assert across(usual, "linear")["effect"] == pytest.approx(2.0, rel=0.1)


def test_the_first_contestant_of_a_place_that_a_dataset_has_takes_it() -> None:
    worlds = {"i": {"cnn2d": ("deep", LEVEL), "mlp": ("deep", LEVEL), "ridge": ("linear", LEVEL)}}
    verdicts = judged(trials_of(worlds))
    assert on(verdicts, "i", "linear")["note"] == "Counted: cnn2d against ridge."


def test_all_members_count_where_the_table_has_none_of_those_named_and_this_is_said() -> None:
    stranger = {"gbm": ("boosted", FRUGAL), "stumps": ("boosted", HUNGRY), "xgboost": None, "catboost": None}
    verdicts = judged(trials_of(six(**stranger)))
    said = on(verdicts, "d0", "boosted")["note"]
    assert said.startswith(
        "Counted: realmlp and mlp against gbm and stumps. All boosted trees count, because"
    )
    assert across(verdicts, "boosted")["effect"] == pytest.approx(2.0, rel=0.1)
    assert across(verdicts, "boosted")["note"] == (
        "The table has no member that the rules name for a side; all members of that side count."
    )
    assert across(verdicts, "linear")["note"] == ""


def test_the_number_of_datasets_without_named_members_is_said() -> None:
    worlds = {**six(), "d0": {**TABLES, "gbm": ("boosted", LEVEL)}}
    del worlds["d0"]["xgboost"], worlds["d0"]["catboost"]
    assert across(judged(trials_of(worlds)), "boosted")["note"] == (
        "On 1 of 6 datasets the table has no member that the rules name for a side; all members of that side "
        "count."
    )


def test_a_single_comparison_needs_both_defaults() -> None:
    worlds = {**six(), "d0": {name: model for name, model in TABLES.items() if name != "catboost"}}
    verdict = across(judged(trials_of(worlds)), "boosted")
    assert (verdict["n_datasets"], beside(verdict, "single")["n_datasets"]) == (6, 5)
    without = across(judged(trials_of(six(catboost=None))), "boosted")
    assert [v["comparison"] for v in without["beside"]] == ["all"]


def test_nothing_stands_beside_where_all_models_are_those_that_count() -> None:
    strangers = {name: (family, LEVEL) for name, family in (("net", "deep"), ("line", "linear"))}
    verdict = across(judged(trials_of({f"d{i}": strangers for i in range(6)})), "linear")
    assert verdict["comparison"] == "primary" and verdict["beside"] == []


def test_verdicts_are_repeated_on_the_datasets_without_exposed_members() -> None:
    """Where a default was chosen, deep models need four times the rows; elsewhere as many as the others."""
    chosen = {**TABLES, **{name: ("deep", power_law(1, 0.3, 0.05, 4.0)) for name in ("realmlp", "mlp")}}
    trials = trials_of({**six(), **{f"e{i}": chosen for i in range(7)}})
    trials["exposed"] = trials["dataset"].str.startswith("e") & (trials["model"] == "mlp")
    verdicts = judged(trials)
    verdict = across(verdicts, "boosted")
    assert verdict["n_datasets"] == 13 and verdict["effect"] > 2
    unexposed = beside(verdict, "primary", unexposed=True)
    assert unexposed["n_datasets"] == 6 and unexposed["effect"] == pytest.approx(1.0, rel=0.1)
    # realmlp against catboost, neither of which was chosen on any of these
    assert beside(verdict, "single", unexposed=True)["n_datasets"] == 13
    assert beside(verdict, "all", unexposed=True)["n_datasets"] == 6
    assert on(verdicts, "e0", "boosted")["note"].endswith("A default was chosen on this dataset: mlp.")


def test_a_model_that_does_not_count_exposes_no_dataset_of_the_primary_comparison() -> None:
    trials = trials_of(six())
    verdict = across(judged(trials.assign(exposed=trials["model"] == "tabm")), "boosted")
    assert beside(verdict, "primary", unexposed=True)["n_datasets"] == 6
    assert beside(verdict, "all", unexposed=True)["n_datasets"] == 0


def test_a_table_that_does_not_tell_of_exposure_has_nothing_repeated(
    usual: list[dict[str, Any]],
) -> None:
    assert not any(other["unexposed"] for v in usual for other in v["beside"])


def test_a_team_of_two_is_read_like_a_family_of_two(usual: list[dict[str, Any]]) -> None:
    """The numbers of named members are those of a table that holds nothing else."""
    trials = trials_of(six())
    mine = across(usual, "boosted")
    alone = across(judged(trials[trials["model"] != "tabm"], {**RULES, "sides": None}), "boosted")
    assert alone["comparison"] == "all"
    for field in ("effect", "lo", "hi", "p"):
        assert mine[field] == pytest.approx(alone[field], nan_ok=True)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"sides": {"deep": ["mlp"], "boosted": ["xgboost", "catboost"]}},
         "data.yaml, sides: deep has 1 places and boosted 2: give both the same number"),
        ({"sides": {"boosted": ["xgbost"]}},
         r"sides.boosted: 'xgbost' is no model of this family, did you mean 'xgboost'\?"),
        ({"sides": {"deep": ["xgboost"]}}, "sides.deep: 'xgboost' is no model of this family"),
        ({"single": {"linear": "logistc"}}, r"single.linear: 'logistc' .* did you mean 'logistic'\?"),
        ({"sides": {"treez": ["xgboost"]}}, "sides.treez: there is no family 'treez', did you mean 'trees'"),
        ({"sides": {"deep": ["mlp", "mlp"]}}, "sides.deep: 'mlp' has two places"),
        ({"sides": {"deep": "mlp"}}, "sides.deep: each place is the name of a contestant, or a list"),
        ({"sides": ["mlp"]}, "data.yaml, sides: give names of contestants by family"),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_sides_are_refused(setting: dict[str, Any], said: str) -> None:
    trials = trials_of({"d": {name: TABLES[name] for name in ("mlp", "xgboost", "logistic")}})
    with pytest.raises(ConfigError, match=said):
        judged(trials, {**RULES, **setting})


def test_a_contestant_with_a_search_or_features_and_a_model_of_the_table_may_be_named() -> None:
    changed = {"deep": ["mlp"], "boosted": ["xgboost+tpe@engineered"], "linear": ["my_line"]}
    trials = trials_of({"d": {**TABLES, "my_line": ("linear", LEVEL)}})
    verdicts = judged(trials, {**RULES, "sides": changed})
    assert on(verdicts, "d", "linear")["note"] == "Counted: mlp against my_line."


def test_the_members_of_the_protocol_are_models_of_this_project() -> None:
    judged(trials_of({"d": TABLES}), SHIPPED)
    assert {len(places) for places in SHIPPED["sides"].values()} == {2}


def test_the_claim_on_time_takes_the_sides_of_the_claim_on_data() -> None:
    time = available_claims()["time"]
    assert time["sides"] == SHIPPED["sides"] and time["single"] == SHIPPED["single"]


def test_sides_of_an_unknown_claim_are_refused(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "claim").mkdir()
    (tmp_path / "claim" / "data.yaml").write_text("title: More data\n")
    (tmp_path / "claim" / "time.yaml").write_text("sides_of: dta\n")
    monkeypatch.setattr(claims, "CONF", tmp_path)
    with pytest.raises(
        ConfigError, match="time.yaml, sides_of: there is no claim 'dta', did you mean 'data'"
    ):
        available_claims()


def test_the_analysis_shows_the_pairs_that_are_judged() -> None:
    """Depth and the pictures: of the family pairs, those of the claim on data have its members."""
    found = analyze(trials_of(six()), claims=["data", "depth"])
    pair = {"model_a": "family:deep", "model_b": "family:boosted"}
    mine, everyone = (
        table[np.logical_and.reduce([table[key] == value for key, value in pair.items()])]
        for table in (found.judged_pairs, found.pairs)
    )
    assert len(mine) == len(everyone) > 0
    assert mine["der_median"].median() > 1.5 * everyone["der_median"].median()
    (depth,) = [v for v in found.verdicts if v["claim"] == "depth" and v["dataset"] == "d0"]
    assert depth["comparison"] == "all" and depth["beside"] == []


@pytest.mark.parametrize(("claim", "dataset"), [("depth", "d0"), ("pattern", "d0")])
def test_claims_with_sides_of_their_own_are_repeated_on_unexposed_datasets(claim: str, dataset: str) -> None:
    trials = trials_of(six(), n_test=100)
    trials["exposed"] = (trials["dataset"] == dataset) & (trials["model"] == "tabm")
    verdicts = [v for v in analyze(trials, claims=[claim]).verdicts if v["level"] == "overall"]
    (verdict,) = [v for v in verdicts if v["modality"] == "all"]
    (again,) = verdict["beside"]
    assert (again["unexposed"], verdict["n_datasets"], again["n_datasets"]) == (True, 6, 5)
