"""`fuelgauge add` with times: months, weeks, quarters, numbers since 1970, zones, and dates far away."""

import numpy as np
import pandas as pd
import pytest

from fuelgauge.config.compose import compose
from fuelgauge.errors import DataError
from fuelgauge.features._tabular import date_parts, days
from tests.intake.test_add import checkout
from tests.intake.test_numbers_and_labels import N, added, feature, run, source

__all__ = ["checkout"]  # a fixture that leaves the project as it was

DAYS = pd.date_range("2020-01-01", periods=N, freq="D")
SHUFFLED = pd.Series(DAYS[np.random.default_rng(0).permutation(N)])
MONTHS = pd.date_range("2014-01-01", periods=N, freq="MS")[np.random.default_rng(0).permutation(N)]


def since(days: pd.Series | pd.DatetimeIndex) -> np.ndarray:
    return (pd.DatetimeIndex(days) - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("%Y-%m", "%Y-%m"),
        ("%Y/%m", "%Y/%m"),
        ("%m/%Y", "%m/%Y"),
        ("%b %Y", "%b %Y"),
        ("%B %Y", "%B %Y"),
        ("%b-%Y", "%b-%Y"),
        ("%b-%y", "%b-%y"),
    ],
)
def test_months_are_dates(tmp_path, form, written):
    months = MONTHS[MONTHS.strftime("%B") != "May"] if "%B" in form else MONTHS  # May is its own short name
    months = pd.DatetimeIndex(np.resize(months, N))
    made = added(tmp_path, {"a": months.strftime(form)})
    assert source(made)["dates"] == {"a": written}
    np.testing.assert_array_equal(feature(made), since(months))


@pytest.mark.parametrize("form", ["%G-W%V", "%GW%V"])
def test_weeks_are_dates(tmp_path, form):
    weeks = pd.date_range("2021-01-04", periods=N, freq="W-MON")[::-1]
    made = added(tmp_path, {"a": [week.strftime(form) for week in weeks]})
    assert source(made)["dates"] == {"a": form}
    np.testing.assert_array_equal(feature(made), since(weeks))


def test_quarters_are_dates(tmp_path):
    quarters = pd.date_range("1990-01-01", periods=N, freq="QS")[::-1]
    for form in ("%Y-Q%q", "%YQ%q", "Q%q %Y"):
        texts = [form.replace("%q", str(day.quarter)).replace("%Y", str(day.year)) for day in quarters]
        made = added(tmp_path, {"a": texts})
        assert source(made)["dates"] == {"a": form}
        np.testing.assert_array_equal(feature(made), since(quarters))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(("unit", "a_day"), [("s", 86_400), ("ms", 86_400_000), ("us", 86_400_000_000)])
def test_whole_numbers_since_1970_are_dates_if_the_name_says_so(tmp_path, unit, a_day, kind):
    numbers = (since(SHUFFLED) * a_day).astype(np.int64)
    made = added(tmp_path, {"created_at": numbers}, kind)
    assert source(made)["dates"] == {"created_at": f"epoch {unit}"}
    np.testing.assert_array_equal(feature(made, "created_at"), since(SHUFFLED))
    (warning,) = made.guess.warnings
    assert warning.startswith(
        f"column 'created_at' is read as dates: {numbers[0]} is {SHUFFLED[0]} (epoch {unit})"
    )
    assert added(tmp_path, {"price": numbers}, kind).guess.roles["price"].kind == "numeric"
    made = added(tmp_path, {"created_at": numbers}, kind, wishes={"numeric": ("created_at",)})
    assert made.guess.roles["created_at"].kind == "numeric"
    missing = pd.Series(numbers).astype("Int64").where(np.arange(N) % 3 > 0)
    made = added(tmp_path, {"created_at": missing}, kind)
    np.testing.assert_array_equal(
        feature(made, "created_at"), np.where(np.arange(N) % 3, since(SHUFFLED), np.nan)
    )


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_growing_numbers_since_1970_are_the_time(tmp_path, kind):
    numbers = np.repeat((since(DAYS) * 86_400_000).astype(np.int64)[: N // 2], 2)
    for ts in (numbers, numbers + np.arange(N) * 60_000):
        made = added(tmp_path, {"ts": ts}, kind)
        assert (made.guess.time, made.guess.time_is_date, made.guess.warnings) == ("ts", True, [])
        run(made)
        assert compose("dataset=written").dataset.source["dates"] == {"ts": "epoch ms"}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_days_written_as_whole_numbers_are_dates(tmp_path, kind):
    numbers = SHUFFLED.dt.strftime("%Y%m%d").astype(int)
    made = added(tmp_path, {"date": numbers}, kind)
    assert source(made)["dates"] == {"date": "%Y%m%d"}
    np.testing.assert_array_equal(feature(made, "date"), since(SHUFFLED))


def test_a_later_number_that_is_no_time_is_named(tmp_path):
    made = added(tmp_path, {"ts": (since(SHUFFLED) * 86_400).astype(np.int64)})
    for text, sentence in (
        ("9" * 17, "row 121 holds 9+, which is no time"),
        ("soon", "row 121 holds 'soon'"),
    ):
        content = made.file.read_text()
        made.file.write_text(f"{content}1.5,no,{text}\n")
        with pytest.raises(DataError, match=f"column 'ts': {sentence}"):
            run(made)
        made.file.write_text(content)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_dates_beyond_nanoseconds_are_right(tmp_path, kind):
    texts = np.where(
        np.arange(N) % 3 == 0, "9999-12-31", np.where(np.arange(N) % 3 == 1, "0001-01-01", "2024-02-11")
    )
    made = added(tmp_path, {"a": texts}, kind)
    expected = np.resize([2932896, -719162, 19764], N)
    np.testing.assert_array_equal(feature(made), expected)
    turned = [".".join(reversed(text.split("-"))) for text in texts]
    np.testing.assert_array_equal(feature(added(tmp_path, {"a": turned}, kind)), expected)


def test_engineered_parts_of_dates_beyond_nanoseconds():
    far = pd.Series(np.array(["9999-12-31T06:00", "0001-01-01"], dtype="datetime64[us]"))
    parts = date_parts("a", far)
    assert parts["a_year"].tolist() == [9999, 1]
    np.testing.assert_allclose(parts["a_time_sin"], [1, 0], atol=1e-6)


def test_days_since_1970_are_the_same_as_at_nanoseconds():
    """The resolution changes no bit of whole seconds from 1828 to 2112, and others by rounding alone."""

    def former(moments: pd.Series) -> np.ndarray:
        return ((moments.astype("datetime64[ns]") - pd.Timestamp(0)) / pd.Timedelta(days=1)).to_numpy(
            np.float64
        )

    random = np.random.default_rng(0)
    seconds = pd.Series(random.integers(-4_480_000_000, 4_480_000_000, 200_000).astype("datetime64[s]"))
    np.testing.assert_array_equal(days(seconds.astype("datetime64[us]")), former(seconds))
    moments = pd.Series(random.integers(-9 * 10**15, 9 * 10**15, 200_000).astype("datetime64[us]"))
    np.testing.assert_allclose(days(moments), former(moments), rtol=1e-15)


def test_years_with_several_rows_are_offered_as_time(tmp_path):
    years = np.repeat(np.arange(2000, 2012), 10)
    for values in (years, np.random.default_rng(0).permutation(years)):
        made = added(tmp_path, {"year": values})
        assert (made.guess.time, made.guess.why["time"]) == ("", "or year, to predict the future")
    assert added(tmp_path, {"hour": values % 24}).guess.why["time"] == ""
    assert added(tmp_path, {"year": values}, wishes={"time": "year"}).guess.time == "year"


def test_zoned_and_day_first_dates_are_dates(tmp_path):
    zoned = SHUFFLED.dt.strftime("%Y-%m-%dT%H:%M:%S+01:00")
    np.testing.assert_allclose(feature(added(tmp_path, {"a": zoned})), since(SHUFFLED) - 1 / 24, atol=2e-3)
    first = SHUFFLED.dt.strftime("%d/%m/%Y %H:%M")
    np.testing.assert_array_equal(feature(added(tmp_path, {"a": first})), since(SHUFFLED))


def test_a_period_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(DataError, match="column 'a' holds dates, but row 7 holds '2024-13'"):
        added(tmp_path, {"a": ["2024-13" if k == 6 else f"2024-{k % 12 + 1:02d}" for k in range(N)]})
