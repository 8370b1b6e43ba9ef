"""Forecasts scored on curves whose later part is known."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fuelgauge.claims.hindsight import by_octaves, score_forecasts
from fuelgauge.claims.statistics.trial_table import read_trials
from fuelgauge.errors import TableError
from tests.claims.worlds import Noise, power_law, trial_table

ANCHORS = 64 * 4.0 ** np.arange(6)  # 64 to 65,536 rows
NO_NOISE = Noise(0.0, 0.0, 0.0, 0.0)
SCRIPT = Path(__file__).resolve().parents[2] / "scripts/score_forecasts.py"


def trials(exponent: float = 0.4, floor: float = 0.0) -> pd.DataFrame:
    models = {
        "mlp": ("deep", power_law(2.0, exponent, floor)),
        "xgboost": ("boosted", power_law(1.0, exponent, floor)),
    }
    found = trial_table({"one": models, "two": models}, 3, noise=NO_NOISE, anchors=ANCHORS)
    return read_trials(found).trials


def test_power_laws_are_forecast_well_and_the_last_loss_errs_by_the_exponent() -> None:
    table = by_octaves(score_forecasts(trials()))
    assert list(table["octaves"]) == [2, 4]
    assert (table["curves"] == 4).all() and (table["datasets"] == 2).all()
    assert table["error_of_last"].to_numpy() == pytest.approx(0.4 * np.log(2) * np.array([2, 4]))
    assert (table["error"] < table["error_of_last"] / 2).all()
    assert (table["coverage"] == 1).all()


def test_what_is_forecast_is_not_known_to_the_forecast() -> None:
    """Losses that are halved from 16,384 rows on change what was measured, and no forecast."""
    before = trials()
    after = before.assign(loss=before["loss"].where(before["n_train"] < 16384, before["loss"] / 2))
    found, changed = score_forecasts(before), score_forecasts(after)
    assert changed["loss"].to_numpy() == pytest.approx(found["loss"].to_numpy() / 2)
    pd.testing.assert_frame_equal(changed.drop(columns="loss"), found.drop(columns="loss"))
    bias = by_octaves(changed)["bias"] - by_octaves(found)["bias"]
    assert bias.to_numpy() == pytest.approx(np.log(2))


def test_a_curve_that_turns_lies_outside_its_interval() -> None:
    before = trials()
    risen = before["loss"] * 20
    after = before.assign(loss=before["loss"].where(before["n_train"] < 16384, risen))
    assert (by_octaves(score_forecasts(after))["coverage"] == 0).all()


def test_a_loss_that_is_zero_up_to_rounding_has_no_error() -> None:
    scored = score_forecasts(trials())
    solved = scored.assign(loss=scored["loss"].mask(scored["dataset"] == "one", 3.7e-17))
    kept = by_octaves(scored[scored["dataset"] == "two"])
    assert by_octaves(solved)["error"].to_numpy() == pytest.approx(kept["error"].to_numpy())


def test_a_curve_that_ends_earlier_is_forecast_from_its_own_last_anchor() -> None:
    table = trials()
    gap = (table["model"] == "mlp") & table["n_train"].between(1025, 16383)
    found = score_forecasts(table[~gap])
    assert set(found.loc[found["model"] == "mlp", "n_max"]) == {1024}
    assert set(found.loc[found["model"] == "mlp", "octaves"]) == {4.0, 6.0}


def test_curves_without_later_anchors_are_an_error() -> None:
    table = trials()
    with pytest.raises(TableError, match="4096 rows or fewer and at 16384 or more"):
        score_forecasts(table[table["n_train"] <= 4096])


def test_the_script_prints_scores_and_refuses_short_curves(tmp_path: Path) -> None:
    table = trials()
    table.to_csv(tmp_path / "long.csv")
    table[table["n_train"] <= 4096].to_csv(tmp_path / "short.csv")
    long, short = (
        subprocess.run([sys.executable, SCRIPT, tmp_path / name], capture_output=True, text=True, check=False)
        for name in ("long.csv", "short.csv")
    )
    assert long.returncode == 0 and "octaves" in long.stdout and "100%" in long.stdout
    assert short.returncode == 1 and short.stderr.startswith("error: No forecast can be scored")
