"""`fuelgauge add` with times: months, weeks, quarters, numbers since 1970, zones, and dates far away."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from fuelgauge.config.compose import compose
from fuelgauge.errors import DataError
from fuelgauge.features._tabular import date_parts, days
from fuelgauge.intake._survey import Facts
from fuelgauge.intake.guesses import times_of
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
    made = added(tmp_path, {"a": MONTHS.strftime(form)})
    assert source(made)["dates"] == {"a": written}
    np.testing.assert_array_equal(feature(made), since(MONTHS))


@pytest.mark.parametrize("form", ["%G-W%V", "%GW%V"])
def test_weeks_are_dates(tmp_path, form):
    weeks = pd.date_range("2021-01-04", periods=N, freq="W-MON")[::-1]
    made = added(tmp_path, {"a": [week.strftime(form) for week in weeks]})
    assert source(made)["dates"] == {"a": form}
    np.testing.assert_array_equal(feature(made), since(weeks))


def test_quarters_are_dates(tmp_path):
    quarters = pd.date_range("1990-01-01", periods=N, freq="QS")[::-1]
    for form in ("%Y-Q%q", "%YQ%q", "Q%q %Y", "%qQ%Y"):
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


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_days_in_digits_are_dates_under_any_name(tmp_path, kind):
    numbers = SHUFFLED.dt.strftime("%Y%m%d").astype(int)
    made = added(tmp_path, {"a": numbers}, kind)
    assert source(made)["dates"] == {"a": "%Y%m%d"}
    (warning,) = made.guess.warnings
    assert warning.startswith(f"column 'a' is read as dates: {numbers[0]} is {SHUFFLED[0]} (%Y%m%d)")
    np.testing.assert_array_equal(feature(made), since(SHUFFLED))
    odd = numbers.where(np.arange(N) != 5, 20201345)
    assert added(tmp_path, {"a": odd}, kind).guess.roles["a"].kind == "numeric"
    few = np.resize(numbers[:19], N)
    assert added(tmp_path, {"a": few}, kind).guess.roles["a"].kind == "numeric"


@pytest.mark.parametrize("form", ["%d%m%Y", "%m%d%Y", "%Y%m%dT%H%M%S", "%Y%m%d%H%M%S", "%Y%m%d%H%M"])
def test_dates_without_marks_are_dates(tmp_path, form):
    made = added(tmp_path, {"a": SHUFFLED.dt.strftime(form)})
    assert source(made)["dates"] == {"a": form}
    np.testing.assert_array_equal(feature(made), since(SHUFFLED))
    made = added(tmp_path, {"a": DAYS.strftime(form)})
    assert made.guess.time == "a"


MARCHES = [
    (
        "{day}. {month} {year}",
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    ),
    ("{day} {month} {year}", "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc."),
    (
        "{day} de {month} de {year}",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    ),
    ("{day}-{month}-{year}", "gen feb mar apr mag giu lug ago set ott nov dic"),
]


@pytest.mark.parametrize(("form", "names"), MARCHES)
def test_names_of_months_in_other_languages(tmp_path, form, names):
    texts = [form.format(day=day.day, month=names.split()[day.month - 1], year=day.year) for day in SHUFFLED]
    np.testing.assert_array_equal(feature(added(tmp_path, {"a": texts})), since(SHUFFLED))


def swapped(text: str, signs: dict[str, str]) -> str:
    for sign, other in signs.items():
        text = text.replace(sign, other)
    return text


@pytest.mark.parametrize(
    "form",
    [
        "%a, %d %b %Y %H:%M:%S GMT",
        "%a, %d %b %Y %H:%M:%S +0000",
        "%A, %B %d, %Y",
        "%d/%b/%Y:%H:%M:%S +0000",
        "%b. %d, %Y",
        "%m/%d/%Y, %I:%M:%S %p",
        "%Y\u5e74%m\u6708%d\u65e5",
        "%Y-%m-%d %H:%M:%S +0000",
    ],
)
def test_dates_of_mails_logs_and_letters(tmp_path, form):
    signs = {"\u5e74": "Y|", "\u6708": "M|", "\u65e5": "D|"}  # strftime may not take these
    texts = SHUFFLED.dt.strftime(swapped(form, signs)).map(
        lambda text: swapped(text, {plain: sign for sign, plain in signs.items()})
    )
    np.testing.assert_array_equal(feature(added(tmp_path, {"a": texts})), since(SHUFFLED))


def test_times_of_day_and_durations_are_numbers(tmp_path):
    minutes = np.random.default_rng(0).integers(1, 1440, N)
    written = {
        "8:30": ([f"{m // 60}:{m % 60:02d}" for m in minutes], "minutes", 1),
        "08:30:00": ([f"{m // 60:02d}:{m % 60:02d}:00" for m in minutes], "seconds", 60),
        "8h 30m": ([f"{m // 60}h {m % 60}m" for m in minutes], "seconds", 60),
    }
    for texts, clock, unit in written.values():
        made = added(tmp_path, {"a": texts})
        assert source(made)["numbers"] == {"a": {"clock": clock}}
        (warning,) = made.guess.warnings
        assert warning.startswith(
            f"column 'a' is read as numbers: '{texts[0]}' in row 1 is {minutes[0] * unit}"
        )
        assert f"times are counted in {clock}" in warning
        np.testing.assert_array_equal(feature(made), minutes * unit)


def test_markers_among_times_are_missing_and_other_texts_are_asked_about(tmp_path):
    texts = [f"{8 + k % 9}:{k % 60:02d}" for k in range(N)]
    made = added(tmp_path, {"a": ["-" if k % 10 == 0 else text for k, text in enumerate(texts)]})
    assert source(made)["numbers"] == {"a": {"missing": ["-"], "clock": "minutes"}}
    assert np.isnan(feature(made)[::10]).all()
    with pytest.raises(DataError, match="column 'a' holds times such as '8:00', but row 6 holds 'late'"):
        added(tmp_path, {"a": [*texts[:5], "late", *texts[6:]]})
    both = [text if k % 2 else f"{text}:30" for k, text in enumerate(texts)]
    (warning,) = added(tmp_path, {"a": both}).guess.warnings
    assert warning.startswith("column 'a' looks like numbers that are times with and without seconds")


def test_durations_and_times_of_typed_files_are_seconds(tmp_path):
    seconds = np.random.default_rng(0).integers(1, 86_400, N)
    made = added(tmp_path, {"a": pd.to_timedelta(seconds, unit="s")}, "parquet")
    np.testing.assert_array_equal(feature(made), seconds)
    times = [pd.Timestamp(int(second), unit="s").time() for second in seconds]
    np.testing.assert_array_equal(feature(added(tmp_path, {"a": times}, "parquet")), seconds)
    made = added(tmp_path, {"a": [[1.0, 2.0]] * N}, "parquet")
    assert [
        each for each in made.guess.warnings if each.startswith("column 'a' is left out: its type is list")
    ]


def test_many_dates_are_offered_as_time_in_one_line(tmp_path):
    made = added(tmp_path, dict.fromkeys("pqrstu", SHUFFLED))
    assert made.guess.why["time"] == "or p or q or r or 3 others, to predict the future"


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


@pytest.mark.parametrize(
    "form",
    [
        "%d-%b-%y",
        "%Y-%m-%d",
        "%d %B %Y",
        "%B %d, %Y",
        "%d-%m-%y",
        "%y-%m-%d",
        "%d.%m.%y",
        "%Y-%m-%d %H:%M:%S UTC",
    ],
)
def test_dates_with_names_of_months_short_years_or_utc(tmp_path, form):
    days = pd.DatetimeIndex(pd.date_range("2019-01-01", periods=N, freq="17D")[::-1])
    made = added(tmp_path, {"a": days.strftime(form)})
    assert source(made)["dates"] == {"a": form}
    np.testing.assert_array_equal(feature(made), since(days))
    is_said = any("with the year first: '24-" in warning for warning in made.guess.warnings)
    assert is_said == form.startswith("%y")


def test_names_of_months_in_capitals(tmp_path):
    made = added(tmp_path, {"a": [text.upper() for text in SHUFFLED.dt.strftime("%d-%b-%Y")]})
    np.testing.assert_array_equal(feature(made), since(SHUFFLED))


def test_years_of_two_digits_far_ahead_are_those_of_the_last_century_and_said(tmp_path):
    births = pd.DatetimeIndex(pd.date_range("1958-03-01", periods=N, freq="50D")[::-1])
    made = added(tmp_path, {"a": births.strftime("%d.%m.%y")})
    (form,) = source(made)["dates"].values()
    first_year = pd.Timestamp.now(tz="UTC").year - 99
    assert form == f"%d.%m.%y|{first_year}"
    np.testing.assert_array_equal(feature(made), since(births))
    assert "is read as 19" in made.guess.warnings[0]
    assert "is meant, write %d.%m.%y in source.dates" in made.guess.warnings[0]


def test_years_of_two_digits_shortly_ahead_stay_ahead_and_are_said(tmp_path):
    first = pd.Timestamp.now().normalize() - pd.Timedelta(days=N // 2)
    due = pd.DatetimeIndex(pd.date_range(first, periods=N, freq="20D")[::-1])
    made = added(tmp_path, {"a": due.strftime("%d.%m.%y")})
    np.testing.assert_array_equal(feature(made), since(due))
    assert f"is read as {due[0]:%Y}" in made.guess.warnings[0]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_repeated_marker_among_dates_is_missing_and_said(tmp_path, kind):
    texts = [day if row % 5 else "-" for row, day in enumerate(SHUFFLED.dt.strftime("%d.%m.%Y"))]
    made = added(tmp_path, {"a": texts}, kind)
    assert (
        f"column 'a' is read as dates: '-' ({N // 5} rows) stands for a missing value." in made.guess.warnings
    )
    np.testing.assert_array_equal(feature(made), np.where(np.arange(N) % 5, since(SHUFFLED), np.nan))


def test_a_single_marker_among_dates_is_asked_about(tmp_path):
    texts = [day if row else "-" for row, day in enumerate(SHUFFLED.dt.strftime("%d.%m.%Y"))]
    with pytest.raises(DataError, match="column 'a' holds dates, but row 1 holds '-'; .* use --missing '-'"):
        added(tmp_path, {"a": texts})


def test_dates_by_iso_8601_with_and_without_a_time_of_day(tmp_path):
    texts = [f"{day} 12:00" if row % 2 else day for row, day in enumerate(SHUFFLED.dt.strftime("%Y-%m-%d"))]
    made = added(tmp_path, {"a": texts})
    np.testing.assert_array_equal(feature(made), since(SHUFFLED) + np.arange(N) % 2 / 2)


def test_dates_that_do_not_show_the_day_are_said(tmp_path):
    days = pd.to_datetime([f"2020-{1 + row % 12}-{1 + row * 7 % 12}" for row in range(N)])
    made = added(tmp_path, {"a": days.strftime("%d.%m.%Y")})
    np.testing.assert_array_equal(feature(made), since(days))
    assert "does not show whether the day or the month is first" in made.guess.warnings[0]


def test_names_with_a_number_are_no_months(tmp_path):
    texts = [f"OUT-{k % 20 + 1:02d}" for k in range(N)]
    assert added(tmp_path, {"a": texts}).guess.roles["a"].kind == "categorical"


def test_digits_that_fit_two_orders_are_no_dates(tmp_path):
    months = pd.date_range("2010-01-01", periods=30, freq="MS").strftime("%m%d%Y")
    assert added(tmp_path, {"a": np.resize(months, N)}).guess.formats == {}


def test_times_behind_many_plain_numbers_are_no_times_alone():
    facts = Facts("a", pa.string(), n_rows=900)
    facts.clocks.add(pa.array(["8:30"] * 300), 600)
    assert times_of(facts, False, "t.csv") is None


def test_long_durations_of_parquet_are_read(tmp_path):
    seconds = np.arange(N) * 86_400 * 30 + 0.123456789
    made = added(tmp_path, {"a": pd.to_timedelta(seconds[::-1], unit="s")}, "parquet")
    np.testing.assert_allclose(feature(made), seconds[::-1], rtol=1e-9)


@pytest.mark.parametrize("form", ["%Y-%m-%d, %H:%M:%S", "%Y-%m-%d:%H:%M"])
def test_dates_and_times_with_other_marks_between(tmp_path, form):
    np.testing.assert_array_equal(
        feature(added(tmp_path, {"a": SHUFFLED.dt.strftime(form)})), since(SHUFFLED)
    )


def test_a_target_of_classes_may_hold_times(tmp_path):
    texts = ["late" if k % 30 == 0 else f"{8 + k % 3}:00" for k in range(N)]
    made = added(tmp_path, {"y": texts}, wishes={"target": "y", "task": "multiclass"})
    assert made.guess.task == "multiclass"
