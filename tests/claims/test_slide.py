"""Performance against rows by size, from curves whose values are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fuelgauge.claims._engine_sizes import OLDER, Slide, size_table, slide
from fuelgauge.claims.judging.claims import available_claims
from fuelgauge.claims.statistics.trial_table import read_trials
from tests.claims.sized import ENGINE, SIZES, sized_trials
from tests.claims.worlds import ANCHORS, power_law

RULES = available_claims()["engine"]
CONSTANT = 0.9


def with_constant(trials: pd.DataFrame) -> pd.DataFrame:
    dummy = trials[trials["model"] == "line"].assign(model="dummy", family="baseline", loss=CONSTANT)
    return pd.concat([trials, dummy], ignore_index=True)


def slide_of(trials: pd.DataFrame) -> Slide | None:
    return slide(read_trials(trials).trials, RULES)


def line(found: Slide, name: str) -> np.ndarray:
    return found.points[found.points["line"] == name]["performance"].to_numpy()


def test_performance_is_one_less_the_share_of_a_constant_s_loss() -> None:
    found = slide_of(with_constant(sized_trials(ENGINE, 6, n_repeats=10)))
    assert list(dict.fromkeys(found.points["line"])) == [OLDER, *(f"{size} net" for size in SIZES)]
    for size in SIZES:
        assert line(found, f"{size} net") == pytest.approx(1 - ENGINE[size](ANCHORS) / CONSTANT, abs=0.06)
    assert line(found, OLDER) == pytest.approx(1 - power_law(1.0, 0.3, 0.1)(ANCHORS) / CONSTANT, abs=0.06)
    assert "6 datasets" in found.caption and "loss of a constant prediction" in found.caption


def test_without_a_constant_the_highest_mean_loss_is_the_measure() -> None:
    found = slide_of(sized_trials(ENGINE, 1))
    assert found.points["performance"].min() == pytest.approx(0.0)


def test_datasets_and_anchors_are_those_with_most_points() -> None:
    trials = with_constant(sized_trials(ENGINE, 4))
    short = (trials["dataset"] == "d0") & (trials["n_train"] > 128)
    found = slide_of(trials[~short])
    # three datasets of nine anchors, rather than four of three
    assert found.datasets == ("d1", "d2", "d3")
    assert sorted(set(found.points["n_train"])) == ANCHORS.astype(int).tolist()


def test_controls_and_tables_without_sizes_draw_nothing() -> None:
    trials = with_constant(sized_trials(ENGINE, 1))
    assert slide_of(trials.assign(control=True)) is None
    assert slide_of(trials[trials["size"] == "default"]) is None
    assert slide_of(trials[trials["model"] != "line"]) is None


def test_the_table_names_the_best_size_of_every_anchor() -> None:
    trials = read_trials(sized_trials(ENGINE, 2, n_repeats=10)).trials
    datasets = pd.DataFrame({"test_share": 0.0}, index=["d0", "d1"])
    table = size_table(trials, datasets, RULES)
    assert len(table) == 2 * len(ANCHORS) and set(table["model"]) == {"mlp"}
    truth = ENGINE["large"](ANCHORS) / ENGINE["tiny"](ANCHORS)
    assert table[table["dataset"] == "d0"]["ratio"].to_numpy() == pytest.approx(truth, rel=0.1)
    assert (table["ratio_lo"] < table["ratio"]).all() and (table["ratio"] < table["ratio_hi"]).all()
    assert table["best_size"].iloc[-1] == "large" and table["best_size"].iloc[0] in ("tiny", "small")
