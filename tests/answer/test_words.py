"""Numbers in words."""

import numpy as np
import pytest

from fuelgauge.answer import _words
from fuelgauge.answer._standing import number, rounded


@pytest.mark.parametrize(
    ("log_ratio", "said"),
    [(0.0, "0"), (0.0953, "10"), (-0.0101, "-1"), (2.2, "803"), (2.4, ">900"), (13.6, ">900")],
)
def test_a_rival_far_behind_is_not_told_in_millions_of_percent(log_ratio, said):
    assert _words.percent(log_ratio) == said


def test_changes_are_told_as_more_or_less_and_never_as_minus():
    assert _words.compared(np.log(0.974)) == "2.6% less loss"
    assert _words.compared(np.log(1.12)) == "12% more loss"
    assert _words.ends(np.log(0.95), np.log(1.006)) == "5% less to 0.6% more"
    assert _words.ends(np.log(0.95), np.log(0.995)) == "0.5 to 5% less"
    assert _words.ends(np.log(1.01), np.log(1.03)) == "1 to 3% more"


def test_amounts_are_never_powers_of_ten():
    assert [_words.money(value) for value in (0, 1e-7, 0.05, 12.345, 2817.4)] == [
        "0",
        "<0.01",
        "0.05",
        "12.35",
        "2,817",
    ]


def test_milliseconds_are_never_powers_of_ten():
    assert [_words.milliseconds(value) for value in (0.123, 12.4, 660, 12_300)] == [
        "0.12 ms",
        "12 ms",
        "660 ms",
        "12 s",
    ]


def test_rows_have_two_digits():
    assert [_words.counted(rows) for rows in (17, 53_211, 1_250_000, np.inf)] == [
        "17",
        "53,000",
        "1,300,000",
        "never",
    ]


@pytest.mark.parametrize("value", [0.80149, 0.0123456, 12.3456, 4567.8])
def test_a_wanted_metric_is_the_number_that_is_shown(value):
    assert number(rounded(value)) == number(value)
    assert rounded(rounded(value)) == rounded(value)
