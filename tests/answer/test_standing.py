"""What is read out of a trial table whose losses are known."""

import numpy as np
import pandas as pd
import pytest

from fuelgauge.answer import _lines
from fuelgauge.answer._standing import Judged, findings, number

SIZES = (100, 200, 400, 800)


def trials(curves, repeats=8, spread=0.0, few=2, seed=0):
    """Return a trial table: each model has a loss by size, and repeats that are shared by all models."""
    rng = np.random.default_rng(seed)
    luck = 1 + 0.05 * rng.normal(size=repeats)
    rows = [
        {
            "model": model,
            "family": family,
            "subfamily": None,
            "status": "done",
            "metric": "roc_auc",
            "n_train": size,
            "repeat": repeat,
            "loss": loss * luck[repeat] * (1 + spread * rng.normal()),
            "train_loss": 0.5 * loss,
            "constant_loss": 0.5,
            "n_pool": 800,
            "n_test": 160,
            "fit_cpu_seconds": 0.2,
            "predict_seconds": 0.016,
            "n_parameters": 10,
        }
        for model, (family, losses) in curves.items()
        for size, loss in zip(SIZES, losses, strict=True)
        for repeat in range(repeats if size >= 400 else few)
    ]
    return pd.DataFrame(rows)


TWO = {
    "logistic": ("linear", [0.24, 0.22, 0.21, 0.20]),
    "xgboost": ("trees", [0.30, 0.26, 0.23, 0.21]),
}


def test_a_paired_gap_is_exact_where_all_repeats_agree():
    found = findings(trials(TWO), SIZES, 1000, {})
    best, rival = found.standings
    assert best.model == "logistic"
    assert np.exp(rival.gap) == pytest.approx(1.05)
    assert rival.gap_high - rival.gap_low == pytest.approx(0, abs=1e-9)
    assert (best.wins, best.of) == (8, 8)
    assert rival.p_now == 0


def test_a_model_with_few_repeats_does_not_push_one_with_many_aside():
    table = trials({**TWO, "mlp": ("deep", [0.26, 0.23, 0.21, 0.199])}, spread=0.04, repeats=16)
    table = table[(table["model"] != "mlp") | (table["repeat"] < 2)]
    found = findings(table, SIZES, 1000, {})
    assert {each.model for each in found.standings} == {"logistic", "xgboost", "mlp"}
    assert found.standings[0].p_now == max(each.p_now for each in found.standings)


def test_the_better_one_on_shared_repeats_is_first():
    table = trials({"logistic": TWO["xgboost"], "xgboost": TWO["logistic"]}, repeats=8)
    table = table[(table["model"] != "logistic") | (table["repeat"] < 6)]
    assert findings(table, SIZES, 1000, {}).best.model == "xgboost"


def test_a_curve_is_chained_so_that_few_repeats_at_small_sizes_do_not_bend_it():
    found = findings(trials(TWO), SIZES, 1000, {})
    losses = np.array(found.best.course.losses)
    np.testing.assert_allclose(losses / losses[-1], [1.2, 1.1, 1.05, 1.0])


def test_the_interval_of_the_gap_has_the_factor_for_shared_rows():
    table = trials(TWO, spread=0.05)
    with_factor = findings(table, SIZES, 1000, {}).standings[1]
    without = findings(table.assign(n_test=1e-9), SIZES, 1000, {}).standings[1]
    ratio = (with_factor.gap_high - with_factor.gap) / (without.gap_high - without.gap)
    assert ratio == pytest.approx(np.sqrt(1 + 8 * 0.2), rel=1e-6)


def test_a_size_that_only_one_model_has_is_not_the_largest():
    table = trials(TWO)
    table = table[(table["model"] != "xgboost") | (table["n_train"] < 800)]
    assert findings(table, SIZES, 1000, {}).top == 400


def test_equal_models_have_equal_chances():
    same = {"logistic": TWO["logistic"], "ridge": TWO["logistic"]}
    found = findings(trials(same, spread=0.03, repeats=12), SIZES, 1000, {})
    assert sum(each.p_now for each in found.standings) == pytest.approx(1)
    assert found.standings[1].p_now > 0.05


def test_rows_for_a_loss_that_was_measured_and_one_that_is_never_reached():
    found = findings(trials(TWO), SIZES, 1000, {})
    rows, least, most = found.rows_for(found.best, found.best.course.losses[2] + 1e-6)
    assert least <= rows == pytest.approx(400, rel=0.05)
    assert most >= rows
    assert found.rows_for(found.best, 1e-9)[0] == np.inf


def test_without_a_trial_nothing_is_found():
    assert findings(pd.DataFrame(), SIZES, 1000, {}) is None
    assert findings(trials({"dummy": ("baseline", [0.5] * 4)}), SIZES, 1000, {}) is None


def test_models_that_cannot_be_told_apart_are_called_so():
    close = {"logistic": TWO["logistic"], "xgboost": ("trees", [0.24, 0.22, 0.21, 0.2005])}
    found = findings(trials(close, spread=0.05), SIZES, 1000, {})
    assert "1,000 rows cannot tell these apart" in _lines.headline(found)
    assert "no difference shown" in _lines.against(found, found.standings[1])


def test_a_model_that_does_not_beat_a_constant_is_not_shipped():
    found = findings(trials({"logistic": ("linear", [0.51] * 4)}), SIZES, 1000, {})
    assert "no model beats a constant" in _lines.ship(found)
    assert "No model beats a constant" in _lines.headline(found)


def test_numbers_are_short():
    assert [number(v) for v in (0.8493, 12.345, 1234.5, np.nan)] == [".849", "12.3", "1,234", "?"]
    assert Judged("roc_auc").between(0.1, 0.2) == ".800 to .900"
    assert Judged("rmse").between(1.0, 2.0) == "1 to 2"


RISING = {
    "logistic": ("linear", [0.2005, 0.2003, 0.2001, 0.20]),
    "xgboost": ("trees", [0.32, 0.28, 0.24, 0.2015]),
}


def test_what_more_rows_bring_is_told_of_the_model_that_is_then_the_best():
    found = findings(trials(RISING, spread=0.01), SIZES, 1000, {})
    ahead = found.ahead
    assert found.best.model == "logistic"
    assert ahead.model.model == "xgboost"
    assert ahead.probability == max(each.p_double for each in found.standings)
    then, now = found.at(ahead.model, [2000])[0], found.at(found.best, [1000])[0]
    assert ahead.change == pytest.approx(then.loss / now.loss - 1)
    assert ahead.low < ahead.change < ahead.high
    assert "XGBoost" in _lines.about_more(found)
    assert _lines.share(ahead.probability) in _lines.about_more(found)


def test_a_model_that_was_measured_alone_has_no_probability():
    found = findings(trials({"logistic": TWO["logistic"]}), SIZES, 1000, {})
    assert np.isnan(found.best.p_now)
    assert _lines.headline(found).startswith("Only linear could be measured")
    assert "the only model measured so far" in _lines.likeliest(found.ahead)
    assert "P(best) ? now" in _lines.ship(found).replace("\u00a0", " ")


def test_models_of_one_kind_share_the_chance_of_their_kind():
    close = {**RISING, "lightgbm": RISING["xgboost"]}
    found = findings(trials(close, spread=0.01), SIZES, 1000, {})
    ahead = found.ahead
    assert ahead.kind == "trees"
    assert ahead.probability == max(each.p_double for each in found.standings)
    assert ahead.kind_probability > ahead.probability
    assert f"trees together {_lines.share(ahead.kind_probability)}" in _lines.likeliest(ahead)


def test_the_gain_of_the_best_model_itself_has_the_interval_of_its_forecast():
    found = findings(trials(TWO), SIZES, 1000, {})
    now, then = found.at(found.best, [1000, 2000])
    _, low, high = found.gain(found.best)
    assert low == pytest.approx(then.low / now.loss - 1)
    assert high == pytest.approx(then.high / now.loss - 1)


def test_two_repeats_have_no_interval():
    assert np.isnan(findings(trials(TWO, repeats=2), SIZES, 1000, {}).best.high)
    assert np.isfinite(findings(trials(TWO, repeats=3), SIZES, 1000, {}).best.high)


def test_most_of_a_flat_curve_is_reached_early(monkeypatch):
    flat = {"logistic": ("linear", [0.205, 0.202, 0.201, 0.2]), "xgboost": TWO["xgboost"]}
    found = findings(trials(flat), SIZES, 1_000, {})
    assert found.enough(0.95) < 200
    assert _lines.enough(found) == ""
    monkeypatch.setattr(_lines, "LARGE", 1_000)
    assert "95% of what linear has over a constant at 1,000 rows is reached" in _lines.enough(found)


def test_the_table_of_sizes_keeps_to_the_width():
    found = findings(trials(TWO), SIZES, 1000, {})
    for width in (80, 100, 120):
        rows = _lines.size_table(found, width)
        assert max(map(len, rows)) <= width
        assert "2,000 (2x)" in rows[0]
        assert "800" in rows[0]
    assert "1,000 (all)" in _lines.size_table(found, 120)[0]
