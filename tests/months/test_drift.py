import json

import numpy as np
import pandas as pd
import pytest

from fuelgauge.months._drift import (
    Drift,
    chi_square,
    losses_by_month,
    markdown,
    score_of,
    shifts,
    stability_index,
    write,
)

RNG = np.random.default_rng(0)


def frame(n, mean=0.0, carriers=(0.5, 0.5), missing=0.0):
    values = RNG.normal(mean, 1, n)
    values[RNG.random(n) < missing] = np.nan
    return pd.DataFrame({"delay": values, "carrier": RNG.choice(["AA", "UA"], n, p=carriers)})


def verdicts(before, month):
    return {shift.column: shift.verdict for shift in shifts(before, month)}


def test_the_same_distribution_has_not_drifted():
    assert verdicts(frame(5000), frame(2000)) == {"delay": "no", "carrier": "no"}


def test_shifts_of_numbers_and_of_categories_are_found_separately():
    assert verdicts(frame(5000), frame(2000, mean=1)) == {"delay": "clearly", "carrier": "no"}
    assert verdicts(frame(5000), frame(2000, carriers=(0.9, 0.1))) == {"delay": "no", "carrier": "clearly"}


def test_a_significant_but_tiny_difference_is_not_drift():
    (delay, _) = shifts(frame(200_000), frame(200_000, mean=0.03))
    assert delay.p < 1e-6
    assert delay.verdict == "no"


def test_a_large_difference_in_a_few_rows_is_not_drift():
    few = pd.DataFrame({"delay": [2.0, 0.1], "carrier": ["AA", "AA"]})
    assert verdicts(frame(500), few) == {"delay": "no", "carrier": "no"}


def test_new_missing_values_are_drift():
    (delay, _) = shifts(frame(5000), frame(2000, missing=0.4))
    assert delay.size > 0.25


def test_a_column_that_is_entirely_missing_is_clear_drift():
    (delay, _) = shifts(frame(5000), frame(2000, missing=1.1))
    assert (delay.test, delay.verdict) == ("chi_square", "clearly")


def test_the_index_is_siddiqis():
    old, new = np.array([50, 50]), np.array([80, 20])
    assert stability_index(old, new) == pytest.approx(0.3 * np.log(1.6) - 0.3 * np.log(0.4))
    assert stability_index(old, old * 3) == 0


def test_the_chi_square_statistic_is_pearsons():
    name, statistic, p = chi_square(np.array([30, 70]), np.array([50, 50]))
    assert (name, statistic) == ("chi_square", pytest.approx(8.3333, rel=1e-4))
    assert p == pytest.approx(0.003892, rel=1e-3)


def test_p_values_are_corrected_for_the_number_of_columns():
    before, month = pd.DataFrame({"a": np.arange(50.0)}), pd.DataFrame({"a": np.arange(50.0) + 12})
    (alone,) = shifts(before, month)
    among = shifts(before.assign(b=0.0, c=0.0), month.assign(b=0.0, c=0.0))
    assert among[0].p == pytest.approx(3 * alone.p)


def test_losses_are_those_of_each_month_and_say_what_was_fitted_on():
    months = np.array(["2013-01"] * 4 + ["2013-02"] * 2)
    y = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0])
    found = losses_by_month(
        months,
        y,
        {"old": np.zeros(6), "new": np.full(6, 0.5)},
        {"old": months == "2013-01", "new": np.zeros(6, dtype=bool)},
        "regression",
        "rmse",
    )
    assert [(f.model, f.month, f.n_rows, f.loss, f.seen) for f in found] == [
        ("old", "2013-01", 4, 0.0, 1.0),
        ("old", "2013-02", 2, 1.0, 0.0),
        ("new", "2013-01", 4, 0.5, 0.0),
        ("new", "2013-02", 2, 0.5, 0.0),
    ]


def test_a_score_is_one_number_a_row():
    assert list(score_of(np.array([[0.2, 0.8], [0.6, 0.4]]))) == [0.8, 0.4]
    assert list(score_of(np.array([[0.2, 0.5, 0.3]]))) == [0.5]
    assert list(score_of(np.array([3.0]))) == [3.0]


def test_the_report_is_a_table_a_picture_and_plain_data(tmp_path):
    month = frame(2000, mean=1)
    found = shifts(frame(5000), month)
    losses = losses_by_month(
        np.array(["2013-02"] * 2),
        np.zeros(2),
        {"old": np.ones(2)},
        {"old": np.zeros(2)},
        "regression",
        "rmse",
    )
    drift = Drift("flights", "2013-02", "rmse", 5000, 2000, found, losses)
    write(drift, tmp_path)
    content = json.loads((tmp_path / "flights.json").read_text())
    assert [s["drifted"] for s in content["shifts"]] == ["clearly", "no"]
    assert content["losses"][0]["loss"] == 1.0
    text = (tmp_path / "flights.md").read_text()
    assert "Drifted columns: delay (clearly" in text
    assert "| 2013-02 | 2 | 1.0000 |" in text
    assert (tmp_path / "flights.png").stat().st_size > 10_000


def test_without_a_model_the_report_says_so():
    lines = markdown(Drift("flights", "2013-02", "rmse", 1, 1, (), ()))
    assert "There is no model to compare." in lines
