"""The checks of what ask says: their rule, their divisions, and their reports on results that are known."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from fuelgauge.answer import _contestants
from tests.conftest import CHECKOUT


def script(name: str) -> ModuleType:
    """Return a script as a module."""
    spec = importlib.util.spec_from_file_location(name, CHECKOUT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def doubling() -> ModuleType:
    return script("doubling")


@pytest.fixture(scope="module")
def baselines(doubling) -> ModuleType:
    return script("ask_baselines")


def test_the_tables_pass_the_rule_in_its_order_and_none_is_synthetic_or_in_time(doubling):
    names = doubling.PICKED
    assert len(set(names)) == 40
    assert set(names) <= set(doubling.eligible())
    assert list(names) == sorted(names, key=doubling.place)
    assert not {"ring", "twonorm", "banana", "flights_monthly", "flights"} & set(doubling.eligible())


def test_the_halves_are_disjoint_and_the_test_rows_are_a_division(doubling):
    config = doubling.described(CHECKOUT / "conf" / "dataset" / "wage.yaml")
    frame = pd.DataFrame({config.target: np.arange(103.0)})
    found = list(doubling.halvings(frame, config))
    assert len(found) == doubling.HALVINGS
    for each in found:
        rows = np.concatenate([each.first, each.second, each.test])
        assert sorted(rows) == list(range(103))
        assert abs(len(each.first) - len(each.second)) <= 1
    assert sorted(np.concatenate([each.test for each in found])) == list(range(103))


def test_no_group_is_on_two_sides(doubling):
    config = doubling.described(CHECKOUT / "conf" / "dataset" / "math_growth.yaml")
    groups = np.repeat(np.arange(40), 5)
    frame = pd.DataFrame({config.target: np.arange(200.0), config.group: groups})
    for each in doubling.halvings(frame, config):
        sides = [set(groups[part]) for part in (each.first, each.second, each.test)]
        assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def results(low, high, p_double=(0.95, 0.05)):
    """Return results of two tables in which twice the rows brought each model 10% less loss."""
    rows = [
        {
            "table": table, "halving": halving, "model": model, "family": "trees",
            "p_double": p_double[place],
            "change": np.log(0.9), "change_low": np.log(low), "change_high": np.log(high),
            "loss_first": base * luck, "loss_both": 0.9 * base * luck, "reason": np.nan, "cpu_seconds": 1.0,
        }
        for table in ("one", "two")
        for halving, luck in enumerate((0.9, 1.1))
        for place, (model, base) in enumerate((("good", 0.2), ("bad", 0.3)))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_intervals_that_hold_the_change_are_counted(doubling):
    assert doubling.measured_changes(results(0.85, 0.95))["held"].all()
    assert not doubling.measured_changes(results(0.95, 0.99))["held"].any()


def test_a_sure_answer_is_right_if_that_model_was_the_best_with_both_halves(doubling):
    assert doubling.sure_answers(doubling.measured_changes(results(0.8, 1)))["right"].all()
    wrong = doubling.measured_changes(results(0.8, 1, (0.05, 0.95)))
    assert not doubling.sure_answers(wrong)["right"].any()
    unsure = doubling.measured_changes(results(0.8, 1, (0.6, 0.4)))
    assert len(doubling.sure_answers(unsure)) == 0


def test_tables_are_the_units_of_an_interval(doubling):
    values = pd.Series([1.0] * 10 + [0.0] * 10)
    tables = pd.Series(["one"] * 10 + ["two"] * 10)
    mean, low, high = doubling.clustered(values, tables)
    assert mean == 0.5
    assert low < 0
    assert high > 1


def test_the_report_says_coverage_and_direction(doubling, capsys):
    doubling.report(results(0.85, 0.95))
    said = capsys.readouterr().out
    assert "2 tables, 8 forecasts" in said
    assert "right in 100.0%" in said


def test_a_table_is_halved_and_measured(doubling, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2))
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": x[:, 0] + 0.3 * rng.normal(size=400)})
    monkeypatch.setattr(_contestants, "FEW_ROWS", 200)  # the half has extra trees, the whole table has not
    (tmp_path / "made.yaml").write_text(
        "name: made\ntitle: made up\nmodality: tabular\ntask: regression\nmetric: rmse\ntarget: y\n"
        "source: {_target_: x.y}\nfeatures: {numeric: [a, b]}\nlicence: none\ncitation: none\n",
        encoding="utf-8",
    )
    config = doubling.described(tmp_path / "made.yaml")
    monkeypatch.setattr(doubling, "REPEATS", 2)
    monkeypatch.setattr(_contestants, "NETS", {})
    halving = next(doubling.halvings(frame, config))
    found = doubling.halved(frame, halving, config, tmp_path)
    assert {"ridge", "xgboost", "extra_trees"} <= set(found["model"])
    assert (found["change_low"] < found["change_high"]).all()
    assert (found["loss_both"] > 0).all()
    assert found["p_double"].sum() == pytest.approx(1)


def test_the_shipped_model_is_compared_with_the_best_baseline(baselines, capsys):
    table = pd.DataFrame(
        [
            ("one", "ask", 0.2, np.nan), ("one", "LightGBM", 0.25, np.nan), ("one", "FLAML", 0.2, np.nan),
            ("two", "ask", 0.33, np.nan), ("two", "LightGBM", 0.3, np.nan), ("two", "FLAML", np.nan, "none"),
        ],
        columns=["table", "method", "loss", "reason"],
    )  # fmt: skip
    found = baselines.compared(table)
    assert found["baseline"].tolist() == ["FLAML", "LightGBM"]
    np.testing.assert_allclose(found["ratio"], [1.0, 1.1])
    baselines.report(table)
    assert "beyond 2%" in capsys.readouterr().out


def test_a_baseline_that_is_not_installed_is_left_out_and_named(baselines):
    def missing():
        raise ModuleNotFoundError("no", name="flaml")

    table = baselines.Table(None, None, None, np.empty(0), np.empty(0), ())
    assert baselines.outcome(missing, table)["reason"] == "not installed: flaml"


def test_a_baseline_is_scored_on_the_held_out_rows(baselines, doubling):
    config = doubling.described(CHECKOUT / "conf" / "dataset" / "wage.yaml")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.normal(size=300) for name in config.features.numeric})
    for name in config.features.categorical:
        frame[name] = rng.choice(["x", "y"], 300)
    frame[config.target] = rng.normal(size=300)
    table = baselines.divided(frame, config, np.arange(240), np.arange(240, 300))
    told = baselines.outcome(lambda: baselines.by_lightgbm(table), table)
    assert told["reason"] == ""
    assert 0.5 < told["loss"] < 2
