"""A claim is a module and a rules file, on any column of the trial table; nothing else names it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fuelgauge.claims
from fuelgauge.claims.analysis import analyze
from fuelgauge.claims.judging import claims
from fuelgauge.errors import ConfigError, TableError
from fuelgauge.paths import CONF
from tests.claims.worlds import Curve, power_law, trial_table

MODULE = """
from fuelgauge.claims.judging.measures import column_measures
from fuelgauge.claims.judging.verdict import Question, judge_pairs, REFUTED, SUPPORTED, UNDECIDED, unclear

COLUMNS = ("predict_seconds",)
RATIO, GROWTH, _ = column_measures("predict_seconds", label="prediction time")


def judge(evidence, rules):
    return judge_pairs(Question((RATIO, GROWTH), decide, say), evidence, rules)


def further(evidence, rules):
    return {"slowest": float(evidence.trials["predict_seconds"].max())}


def decide(finding):
    side = finding.sides[RATIO.name]
    words = {1: (SUPPORTED, "slower"), -1: (REFUTED, "faster")}
    return words.get(side, (UNDECIDED, unclear(finding, (RATIO.name,))))


def say(finding, verdict, reason):
    return f"{finding.where}, deep models predict more slowly: {verdict}, {reason}."
"""
RULES = """
title: Deep models predict more slowly
pairs: [[deep, linear]]
predict_seconds_ratio: 1.0
predict_seconds_growth: 0.0
alpha: 0.05
min_datasets: 6
"""
CURVES = {"net": ("deep", power_law(2.0, 0.4, 0.05)), "line": ("linear", power_law(1.0, 0.3, 0.05))}


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the rules that claims are read from, and a folder for modules that is searched too."""
    shutil.copytree(CONF / "claim", tmp_path / "conf" / "claim")
    (tmp_path / "modules").mkdir()
    monkeypatch.setattr(claims, "CONF", tmp_path / "conf")
    monkeypatch.setattr(fuelgauge.claims, "__path__", [*fuelgauge.claims.__path__, str(tmp_path / "modules")])
    return tmp_path


@pytest.fixture
def speed(conf: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delitem(sys.modules, "fuelgauge.claims.speed", raising=False)
    (conf / "modules" / "speed.py").write_text(MODULE)
    (conf / "conf" / "claim" / "speed.yaml").write_text(RULES)
    return conf


def trials_with(deep: Curve, linear: Curve, n_datasets: int = 6) -> pd.DataFrame:
    """Return trials whose predictions take the given times."""
    columns = {"predict_seconds": {"net": deep, "line": linear}}
    table = trial_table({f"d{i}": CURVES for i in range(n_datasets)}, columns=columns)
    return table.assign(modality="tabular", n_test=100)


def seconds(factor: float, exponent: float = 0.1) -> Curve:
    return lambda n: 0.01 * factor * n**exponent


@pytest.mark.usefixtures("speed")
@pytest.mark.parametrize(
    ("factor", "word"), [(3.0, "supported"), (0.4, "refuted"), (1.0, "undecided")], ids=str
)
def test_a_new_claim_on_any_column_is_judged(factor: float, word: str) -> None:
    found = analyze(trials_with(seconds(factor, 0.2), seconds(64**0.1)), claims=["speed"])
    single = [v for v in found.verdicts if v["level"] == "dataset"]
    assert len(single) == 6 and found.warnings == []
    if factor != 1.0:
        assert {v["verdict"] for v in single} == {word}
    across = next(v for v in found.verdicts if v["level"] == "overall" and v["modality"] == "all")
    n = 64 * 2.0 ** np.arange(8)
    truth = float(np.median(factor * (n / 64) ** 0.1))
    assert across["effect"] == pytest.approx(truth, rel=0.05)
    assert across["further"][0]["effect"] == pytest.approx(0.1 * np.log(2), abs=0.01)


@pytest.mark.usefixtures("speed")
def test_a_world_without_a_difference_is_seldom_supported_or_refuted() -> None:
    found = analyze(trials_with(seconds(1.0), seconds(1.0), 60), claims=["speed"])
    words = [v["verdict"] for v in found.verdicts if v["level"] == "dataset"]
    assert len(words) == 60 and words.count("undecided") >= 54


@pytest.mark.usefixtures("speed")
def test_an_effect_carries_what_the_report_prints() -> None:
    found = analyze(trials_with(seconds(3.0), seconds(1.0)), claims=["speed"]).verdicts[0]
    assert found["claim"] == "speed" and found["title"] == "Deep models predict more slowly"
    printed = {key: found[key] for key in ("effect_name", "label", "scale", "per_doubling", "unit")}
    assert printed == {
        "effect_name": "predict_seconds_ratio",
        "label": "prediction time ratio",
        "scale": "ratio",
        "per_doubling": False,
        "unit": "",
    }
    assert found["further"][0]["per_doubling"]


@pytest.mark.usefixtures("speed")
def test_a_claim_may_show_more_than_verdicts() -> None:
    trials = trials_with(seconds(3.0), seconds(1.0))
    assert analyze(trials, claims=["speed"]).further == {"slowest": trials["predict_seconds"].max()}
    assert analyze(trials, claims=["data"]).further == {}


@pytest.mark.usefixtures("speed")
def test_a_claim_is_left_out_with_a_warning_where_the_table_lacks_its_column() -> None:
    trials = trials_with(seconds(3.0), seconds(1.0)).drop(columns=["predict_seconds", "fit_seconds"])
    found = analyze(trials)
    assert {v["claim"] for v in found.verdicts} == {"data", "depth", "engine", "massive", "pattern"}
    for claim, column in (("speed", "predict_seconds"), ("time", "fit_seconds")):
        assert (
            f"the table lacks the column '{column}', which the claim '{claim}' reads; the claim is left out. "
            "Add the column to have it judged."
        ) in found.warnings


@pytest.mark.usefixtures("speed")
@pytest.mark.parametrize(("claim", "column"), [("speed", "predict_seconds"), ("time", "fit_seconds")])
def test_a_claim_that_is_asked_for_is_refused_where_the_table_lacks_its_column(
    claim: str, column: str, tmp_path: Path
) -> None:
    trials = trials_with(seconds(3.0), seconds(1.0)).drop(columns=column)
    trials.to_parquet(tmp_path / "mine.parquet")
    said = f"mine.parquet lacks the column '{column}', which the claim '{claim}' reads: add the column"
    with pytest.raises(TableError, match=said):
        analyze(tmp_path / "mine.parquet", claims=["data", claim])


@pytest.mark.usefixtures("speed")
def test_a_column_of_words_is_refused() -> None:
    trials = trials_with(seconds(3.0), seconds(1.0)).assign(predict_seconds="fast")
    with pytest.raises(TableError, match="column 'predict_seconds': not every value is a number"):
        analyze(trials, claims=["speed"])


def test_a_column_that_a_module_does_not_declare_is_named(speed: Path) -> None:
    (speed / "modules" / "speed.py").write_text(MODULE.replace("COLUMNS =", "FORGOTTEN ="))
    with pytest.raises(ConfigError, match="reads 'predict_seconds_median', which the table of pairs lacks"):
        analyze(trials_with(seconds(3.0), seconds(1.0)), claims=["speed"])


def test_without_its_rules_file_a_claim_is_gone(conf: Path) -> None:
    (conf / "conf" / "claim" / "engine.yaml").unlink()
    found = analyze(trials_with(seconds(3.0), seconds(1.0)))
    assert {v["claim"] for v in found.verdicts} == {"data", "depth", "massive", "pattern", "time"}
    assert found.further == {}


def test_rules_without_a_module_are_named(conf: Path) -> None:
    (conf / "conf" / "claim" / "mars.yaml").write_text("title: Mars is far\n")
    said = "conf/claim/mars.yaml has no module src/fuelgauge/claims/mars.py: write the module or remove"
    with pytest.raises(ConfigError, match=said):
        analyze(trials_with(seconds(3.0), seconds(1.0)))


def test_a_module_without_rules_is_named(speed: Path) -> None:
    (speed / "conf" / "claim" / "speed.yaml").unlink()
    said = "src/fuelgauge/claims/speed.py has no rules conf/claim/speed.yaml: write the rules"
    with pytest.raises(ConfigError, match=said):
        analyze(trials_with(seconds(3.0), seconds(1.0)), claims=["speed"])


def test_a_setting_that_the_rules_lack_is_named(speed: Path) -> None:
    (speed / "conf" / "claim" / "speed.yaml").write_text(RULES.replace("alpha: 0.05\n", ""))
    with pytest.raises(ConfigError, match="conf/claim/speed.yaml lacks the setting 'alpha'"):
        analyze(trials_with(seconds(3.0), seconds(1.0)), claims=["speed"])


def test_verdicts_come_in_the_order_asked_for_or_in_that_of_the_rules(speed: Path) -> None:
    trials = trials_with(seconds(3.0), seconds(1.0))
    in_order = dict.fromkeys(v["claim"] for v in analyze(trials, claims=["time", "data"]).verdicts)
    assert list(in_order) == ["time", "data"]
    (speed / "conf" / "claim" / "speed.yaml").rename(speed / "conf" / "claim" / "a_new_one.yaml")
    (speed / "modules" / "speed.py").rename(speed / "modules" / "a_new_one.py")
    in_order = dict.fromkeys(v["claim"] for v in analyze(trials).verdicts)
    assert list(in_order) == ["data", "a_new_one", "depth", "engine", "massive", "pattern", "time"]
