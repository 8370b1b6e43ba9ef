"""The verdicts of worlds whose answer is known, and those of worlds that have none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fuelgauge.claims import data
from fuelgauge.claims.judging import claims
from fuelgauge.claims.judging.claims import available_claims
from fuelgauge.claims.judging.measures import Effect
from fuelgauge.claims.judging.verdict import Evidence, Verdict, times
from fuelgauge.claims.statistics.pairs import compare
from fuelgauge.errors import ConfigError, TableError
from tests.claims.sized import judge_claims
from tests.claims.worlds import draw, power_law

CLASSICAL = power_law(1.0, 0.3, 0.05)
HUNGRY = power_law(3.0, 0.5, 0.05)  # worse at first, better from some 240 rows up
HUNGRIER = power_law(8.0, 0.45, 0.05)  # needs more rows everywhere that is read, and catches up
FRUGAL = power_law(0.6, 0.3, 0.05)
STUCK = power_law(0.9, 0.2, 0.1)
RULES = available_claims()["data"]


def evidence(truth_deep, n_datasets: int, n_repeats: int = 5, seed: int = 0, rival=CLASSICAL) -> Evidence:
    """Return datasets that are draws of one world, with deep and linear families."""
    batch = draw(truth_deep, rival, n_datasets, n_repeats, seed)
    pairs = compare(batch)
    pairs["dataset"] = pairs["model_a"].str.replace("a", "d")
    pairs = pairs.assign(model_a="family:deep", model_b="family:linear", level="family")
    datasets = pd.DataFrame(
        {"modality": "tabular", "control": False, "test_share": 0.0}, index=pairs["dataset"].unique()
    )
    empty = pd.DataFrame()
    return Evidence(empty, empty, pairs, datasets, 0.95)


def judged(found: Evidence, level: str = "dataset", modality: str | None = None) -> list[Verdict]:
    verdicts = judge_claims(found, ["data"])
    modalities = (None, modality) if modality else (None, "all", "tabular")
    return [v for v in verdicts if v.level == level and v.family_b == "linear" and v.modality in modalities]


@pytest.mark.parametrize(
    ("truth", "word"), [(HUNGRIER, "supported"), (FRUGAL, "refuted"), (STUCK, "supported")]
)
def test_known_worlds_on_one_dataset(truth, word: str) -> None:
    words = [v.verdict for v in judged(evidence(truth, 100))]
    assert np.mean([w == word for w in words]) >= 0.95


def test_a_null_world_is_seldom_supported_on_one_dataset() -> None:
    words = [v.verdict for v in judged(evidence(CLASSICAL, 1000))]
    assert np.mean([w == "supported" for w in words]) <= 0.05


def share_supported(truth, n_simulations: int, n_datasets: int, rival=CLASSICAL) -> float:
    everything = evidence(truth, n_simulations * n_datasets, rival=rival)
    datasets = everything.datasets.assign(modality="")  # unknown, so that ``all`` is the only group
    names = everything.datasets.index.to_numpy().reshape(n_simulations, n_datasets)
    by_dataset = dict(iter(everything.pairs.groupby("dataset")))
    supported = 0
    for chosen in names:
        pairs = pd.concat([by_dataset[name].head(1) for name in chosen])
        part = Evidence(everything.trials, everything.curves, pairs, datasets.loc[chosen], 0.95)
        (overall,) = [v for v in data.judge(part, RULES) if v.level == "overall" and v.family_b == "linear"]
        supported += overall.verdict == "supported"
    return supported / n_simulations


def test_a_null_world_is_seldom_supported_across_datasets() -> None:
    assert share_supported(CLASSICAL, 40, 8) <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize("n_datasets", [6, 10, 20])
def test_a_null_world_is_seldom_supported_across_datasets_in_500_simulations(n_datasets: int) -> None:
    assert share_supported(CLASSICAL, 500, n_datasets) <= 0.05


def even(n: np.ndarray, exponent: float = 0.35) -> np.ndarray:
    """The hardest null: the slope is real, the ratio is not (as many rows needed as had, on the median)."""
    middle = np.sqrt(64 * 2048)
    return CLASSICAL(middle) * (n / middle) ** -exponent


def slower(n: np.ndarray) -> np.ndarray:
    return even(n, 0.25)


def test_a_world_that_gains_but_needs_no_more_rows_is_seldom_supported() -> None:
    words = [v.verdict for v in judged(evidence(even, 500, rival=slower))]
    assert np.mean([w == "supported" for w in words]) <= 0.05


@pytest.mark.slow
def test_a_world_that_gains_but_needs_no_more_rows_is_seldom_supported_across_datasets() -> None:
    assert share_supported(even, 500, 10, slower) <= 0.05


def test_a_clear_world_is_supported_across_ten_datasets() -> None:
    (overall,) = judged(evidence(HUNGRIER, 10), "overall", "all")
    assert overall.verdict == "supported"
    assert overall.main.lo > 1 and overall.main.p_adjusted < 0.05
    assert overall.sentence.startswith(
        "Across 10 datasets, deep models need more data than linear models: supported. Deep models needed"
    )


def test_too_few_datasets() -> None:
    (overall,) = judged(evidence(HUNGRIER, 3), "overall", "all")
    assert (overall.verdict, overall.reason) == ("undecided", "too few datasets (3 of 6)")
    assert np.isfinite(overall.main.effect) and np.isnan(overall.main.p)
    assert "undecided, too few datasets (3 of 6)" in overall.sentence
    assert [v.verdict for v in judged(evidence(HUNGRIER, 3))] == ["supported"] * 3


def test_controls_are_judged_but_never_count() -> None:
    found = evidence(HUNGRIER, 6)
    found.datasets.loc["d0", "control"] = True
    (overall,) = judged(found, "overall", "all")
    assert (overall.n_datasets, overall.verdict) == (5, "undecided")
    control = next(v for v in judged(found) if v.dataset == "d0")
    assert control.control and control.reason.endswith("the dataset is a control, which does not count")


def test_one_repeat_is_undecided_and_says_why() -> None:
    (single,) = judged(evidence(HUNGRIER, 1, n_repeats=1))
    assert single.verdict == "undecided"
    assert single.reason == (
        "the data-efficiency ratio has no interval (one repeat only, or only one with a value)"
    )


def test_the_only_modality_counts_its_tests_once() -> None:
    found = evidence(HUNGRIER, 8)
    (everything,) = judged(found, "overall", "all")
    (tabular,) = [v for v in judged(found, "overall", "tabular") if v.modality == "tabular"]
    assert everything.main == tabular.main
    assert everything.main.p_adjusted == everything.main.p < 0.05  # one rival, one test


def rivals(found: Evidence) -> set[str]:
    return {v.family_b for v in judge_claims(found, ["data"]) if v.level == "overall"}


def test_every_pair_that_the_table_has_is_judged_across_datasets() -> None:
    found = evidence(HUNGRIER, 2)
    more = pd.concat([found.pairs, found.pairs.assign(model_b="family:forest")])
    assert rivals(found) == {"linear"}
    assert rivals(replace(found, pairs=more)) == {"linear", "forest"}


def test_a_table_without_any_pair_of_the_rules_is_told_of_each() -> None:
    found = evidence(HUNGRIER, 2)
    others = found.pairs.assign(model_a="family:pretrained", model_b="family:neighbours")
    assert rivals(replace(found, pairs=others)) == {"linear", "forest", "boosted", "trees"}


def test_a_verdict_as_a_dictionary_has_its_main_effect_beside_it() -> None:
    effect = Effect("der", 1.5, 1.1, 2.0, "t")
    found = Verdict(
        "data", "More data", "all", "overall", None, False, "deep", "linear", effect, (effect,), 6, *("",) * 3
    )
    plain = found.as_dict()
    assert (
        plain["title"] == "More data"
        and plain["effect"] == 1.5
        and plain["further"][0]["effect_name"] == "der"
    )


@pytest.mark.parametrize(("ratio", "said"), [(99.6, "100 times"), (99.4, "99 times"), (1.234, "1.2 times")])
def test_ratios_are_written_without_exponents(ratio: float, said: str) -> None:
    assert times(Effect("der", ratio, np.nan, np.nan, "t")) == said


def test_a_sentence_does_not_give_the_size_of_a_change_that_cannot_be_told() -> None:
    verdicts = [*judged(evidence(CLASSICAL, 10)), *judged(evidence(HUNGRIER, 10))]
    untold = [v for v in verdicts if v.further[0].lo <= 0 <= v.further[0].hi]
    assert 0 < len(untold) < len(verdicts)
    assert all(
        v.sentence.endswith(
            "The change of their loss relative to linear models with more data is not significant."
        )
        == (v in untold)
        for v in verdicts
    )


def timed(found: Evidence, ratios: float | list[float]) -> Evidence:
    """Return evidence with times: a median ratio a dataset."""
    times_of = {
        "time_median": ratios,
        "time_median_lo": 2.5,
        "time_median_hi": 4.0,
        "time_slope": 0.1,
        "time_ratio_at_equal_loss": 5.0,
    }
    trials = pd.DataFrame({"fit_seconds": [1.0]})
    return Evidence(trials, found.curves, found.pairs.assign(**times_of), found.datasets, 0.95)


def overall_time(ratios: list[float]) -> Verdict:
    found = evidence(HUNGRIER, len(ratios))
    verdicts = judge_claims(timed(found, list(np.repeat(ratios, len(found.pairs) // len(ratios)))), ["time"])
    return next(v for v in verdicts if v.level == "overall" and v.modality == "all")


def test_datasets_that_agree_decide_with_a_size_and_others_say_what_would_have_been_seen() -> None:
    agreed = overall_time([20.0, 30.0, 40.0, 50.0, 60.0, 70.0])
    assert agreed.verdict == "supported"
    assert agreed.main.across is not None
    assert agreed.main.across.at_least == 10 and agreed.main.across.share_lo > 0.99
    torn = overall_time([0.5, 3.0, 0.4, 5.0, 0.3, 7.0])
    assert torn.verdict == "undecided"
    assert "undecided (this many datasets would show a mean of" in torn.sentence


def test_time_is_judged_from_fit_seconds() -> None:
    found = evidence(HUNGRIER, 6)
    first = judge_claims(timed(found, 3.0), ["time"])[0]
    assert first.verdict == "supported"
    assert first.sentence.endswith(
        "A fit took 3 times (2.5 to 4) as long as a fit of linear models, and 5 times as long to reach the "
        "same loss."
    )
    with pytest.raises(TableError, match="lacks the column 'fit_seconds', which the claim 'time' reads"):
        judge_claims(found, ["time"])


def test_an_unknown_claim_is_named() -> None:
    with pytest.raises(ConfigError, match="There is no claim 'dta' in conf/claim/: did you mean 'data'"):
        judge_claims(evidence(HUNGRIER, 1), ["dta"])


def test_a_new_claim_is_a_rules_file_and_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "claim"
    folder.mkdir()
    (folder / "moon.yaml").write_text("claim: moon\ndistance: 384400\n")
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "moon.py").write_text("def judge(evidence, rules):\n    return [rules['distance']]\n")
    monkeypatch.setattr(claims, "CONF", tmp_path)
    monkeypatch.setattr("fuelgauge.claims.__path__", [str(modules)])
    assert judge_claims(evidence(HUNGRIER, 1)) == [384400]


@pytest.mark.parametrize("pair", [["treez", "linear"], ["deep", "treez"]])
def test_a_family_that_does_not_exist_is_named(pair: list[str]) -> None:
    found = evidence(HUNGRIER, 1)
    wanted = r"conf/claim/data.yaml, pairs: there is no family 'treez', did you mean 'trees'\?"
    with pytest.raises(ConfigError, match=wanted):
        data.judge(found, {**RULES, "pairs": [["deep", "linear"], pair]})


def test_a_family_of_the_table_may_be_compared() -> None:
    found = evidence(HUNGRIER, 1)
    own = replace(found, pairs=found.pairs.assign(model_b="family:rules_of_thumb"))
    verdicts = data.judge(own, {**RULES, "pairs": [["deep", "rules_of_thumb"]]})
    assert {v.family_b for v in verdicts} == {"rules_of_thumb"}
