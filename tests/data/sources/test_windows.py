import hashlib
import zipfile

import numpy as np
import pandas as pd
import pytest

from fuelgauge import paths
from fuelgauge.data.arrow import to_array
from fuelgauge.data.sources import windows
from fuelgauge.errors import DataError


def archive_of(**tables):
    """Write an archive of CSV files into the folder of downloads, and return its description."""
    paths.ARCHIVES.mkdir(parents=True, exist_ok=True)
    path = paths.ARCHIVES / "series-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as content:
        for name, table in tables.items():
            content.writestr(f"{name}.csv", table.to_csv(index=False))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"package": "series", "version": "1.0", "file": path.name, "sha256": digest}


def demand():
    steps = np.arange(365 * 48)
    return pd.DataFrame({"Demand": steps * 1.0, "Temperature": steps % 7, "WorkDay": (steps // 48) % 2})


def electricity(table):
    return windows.electricity(archive_of(power=table), "power.csv", window=96, horizon=48)


def test_electricity_forecasts_the_half_hour_a_day_after_the_window():
    made = electricity(demand())
    x, ends = to_array(made["x"]), made["time"].to_numpy()
    assert x.shape == (365 * 48 - 96 - 48 + 1, 96, 5)
    assert np.array_equal(made["demand"].to_numpy(), x[:, -1, 0] + 48)
    assert ends[0] == np.datetime64("2014-01-02T23:30")
    assert np.all(np.diff(ends) == np.timedelta64(30, "m"))


def test_electricity_shows_whether_the_target_day_is_a_workday():
    made = electricity(demand())
    end = (made["time"].to_numpy() - np.datetime64("2014-01-01")) // np.timedelta64(30, "m")
    assert np.array_equal(to_array(made["x"])[:, -1, 2], ((end + 48) // 48) % 2)


def test_nothing_that_is_seen_depends_on_what_comes_after_the_window():
    before, after = demand(), demand()
    cut = 5000
    after.loc[cut:, ["Demand", "Temperature"]] += 1e4
    old, new = electricity(before), electricity(after)
    known = old["time"].to_numpy() < np.datetime64("2014-01-01") + cut * np.timedelta64(30, "m")
    assert np.array_equal(to_array(old["x"])[known], to_array(new["x"])[known])
    assert not np.array_equal(to_array(old["x"])[~known], to_array(new["x"])[~known])


def test_electricity_wants_every_half_hour():
    with pytest.raises(DataError, match="power.csv has 17519 rows, not one for each half-hour of 2014"):
        electricity(demand().iloc[1:])


def hours(n_hours=60, airports=("A", "B")):
    """Return hourly weather in which the temperature is the number of the hour."""
    times = pd.date_range("2013-01-01", periods=n_hours, freq="h")
    parts = []
    for airport in airports:
        part = pd.DataFrame(dict.fromkeys(windows.WEATHER, 1.0), index=range(n_hours))
        part = part.assign(temp=np.arange(n_hours) * 1.0, precip=0.0, wind_dir=90.0, origin=airport)
        parts.append(part.assign(time_hour=times.strftime("%Y-%m-%dT%H:%M:%SZ")))
    return pd.concat(parts, ignore_index=True)


def weather(table, **settings):
    usual = {"window": 8, "horizon": 3, "max_missing": 0.25, "plausible": {"wind_speed": [0, 200]}}
    return windows.weather(archive_of(air=table), "air.csv", **{**usual, **settings})


def test_rain_is_rain_in_any_of_the_next_hours_and_at_that_airport():
    table = hours()
    table.loc[(table["origin"] == "A") & (table["temp"] == 30), "precip"] = 0.1
    made = weather(table)
    last = to_array(made["x"])[:, -1, 0]
    rained = np.isin(last, [27, 28, 29])
    assert made["rain"].to_numpy()[rained].mean() == 0.5, "at one airport of two"
    assert not made["rain"].to_numpy()[~rained].any()
    assert np.all(np.diff(made["time"].to_numpy()) >= np.timedelta64(0)), "in the order of time"


def test_hours_that_are_lacking_shift_no_window_and_forecast_nothing():
    table = hours(airports=("A",)).drop([20, 21])
    made = weather(table)
    x, last = to_array(made["x"]), made["time"].to_numpy().astype("datetime64[h]").astype(int)
    last = last - np.datetime64("2013-01-01", "h").astype(int)
    assert not set(last) & {17, 18, 19, 20}, "one of the next three hours is not known"
    steps = last[:, np.newaxis] - np.arange(7, -1, -1)
    lacking = np.isin(steps, [20, 21])
    assert np.array_equal(np.isnan(x).all(axis=2), lacking)
    assert np.array_equal(np.where(lacking, -1, x[..., 0]), np.where(lacking, -1, steps))


def test_a_window_that_lacks_too_much_is_left_out():
    table = hours(airports=("A",)).drop([20, 21, 22])
    fewer, more = weather(table), weather(table, max_missing=0.375)
    assert set(more["time"].to_pylist()) > set(fewer["time"].to_pylist())
    assert np.isnan(to_array(fewer["x"])[..., 0]).mean(axis=1).max() == 0.25


def test_a_wind_that_cannot_be_true_is_missing():
    table = hours(airports=("A",))
    table.loc[12, "wind_speed"] = 1048
    x = to_array(weather(table)["x"])
    speed = windows.WEATHER.index("wind_speed")
    assert np.isnan(x[..., speed]).sum() == 8, "once in each window that holds the hour"
    assert np.nanmax(x[..., speed]) == 1


def test_ridership_puts_the_stations_values_back_on_their_days():
    days = pd.date_range("2001-01-22", periods=100, freq="D")
    number = np.arange(100)
    table = pd.DataFrame({"date": days.strftime("%Y-%m-%d"), "ridership": number * 1.0})
    table["Own"], table["Other"] = number - 14.0, 1000 + number - 14.0  # the source is 14 days late
    made = windows.ridership(archive_of(metro=table), "metro.csv", ["Own", "Other"], window=14, lag=14)
    x, target = to_array(made["x"]), made["ridership"].to_numpy()
    assert np.array_equal(x[:, -1, 0], target - 1), "today's entries beside tomorrow's"
    assert np.array_equal(x[:, -1, 1], target + 999)
    assert made["time"].to_pylist()[0] == pd.Timestamp("2001-01-21")
    assert x.shape == (100 - 13, 14, 4)
    monday = made["time"].to_pandas().dt.day_of_week == 0
    assert np.array_equal(np.isclose(x[:, -1, 3], 1), monday), "the cosine of the week is 1 on Mondays"


def test_a_series_shorter_than_a_window_is_refused():
    with pytest.raises(DataError, match="the series has 60 steps, fewer than one window of 61"):
        weather(hours(airports=("A",)), window=61)


def test_a_table_without_the_columns_is_refused():
    with pytest.raises(DataError, match="air.csv: there is no column 'precip'"):
        weather(hours().drop(columns="precip"))
