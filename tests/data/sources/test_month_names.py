"""Names of months in several languages."""

import calendar

import pandas as pd
import pytest

from fuelgauge.data.sources.month_names import FULL, SHORT, in_english, month_of

LINES = [(names.split(), "full") for names in FULL.strip().splitlines()]
LINES += [(names.split(), "short") for names in SHORT.strip().splitlines()]


@pytest.mark.parametrize(("names", "kind"), LINES)
def test_every_name_is_that_of_one_month(names, kind):
    months = [month_of(name) for name in names]
    assert [month.number for month in months] == [*range(1, 13)]
    assert all(getattr(month, f"is_{kind}") for month in months)


def test_no_name_stands_for_two_months():
    numbers = {}
    for names, _ in LINES:
        for number, name in enumerate(names, 1):
            assert numbers.setdefault(name.lower(), number) == number


def test_a_name_may_be_full_and_short_and_end_in_a_point():
    assert month_of("May") == (5, True, True)
    assert month_of("mars") == (3, True, True)
    assert month_of("Januar") == (1, True, False)
    assert month_of("JANV.") == (1, False, True)
    assert month_of("monday") is None


def test_dates_get_english_names_in_the_style_of_the_format():
    dates = pd.Series(["1. März 2021", "12 de mayo de 2021", "3 July 2021", None])
    full = ["1. March 2021", "12 de May de 2021", "3 July 2021"]
    assert in_english(dates, "%d. %B %Y").dropna().tolist() == full
    short = pd.Series(["5 janv. 2021", "5 mars 2021"])
    assert in_english(short, "%d %b %Y").tolist() == ["5 Jan 2021", "5 Mar 2021"]
    assert set(calendar.month_abbr[1:]) >= {"Jan", "Mar"}
