"""Time series as examples: a window of the past, and what is to be forecast at its end.

Each loader builds a regular grid of channels over time and the value to forecast at each step of it;
`windows` cuts both into examples. The column `time` is the moment at which the forecast is made: the
last step of the window. What a forecast looks at lies at or before that moment, unless the calendar
tells it in advance; what is forecast lies within the horizon after it, so that a temporal split whose
`gap` is the horizon trains on no label from the time of the test rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from fuelgauge.data.arrow import tensor
from fuelgauge.data.sources.archive import fetch
from fuelgauge.data.sources.packages import believed, check_columns, pinned, read_table
from fuelgauge.errors import DataError

WEATHER = ("temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib")


def electricity(archive: Mapping[str, str], member: str, window: int, horizon: int) -> pa.Table:
    """Half-hourly electricity demand: the demand `horizon` half-hours after the end of the window.

    Channels: demand, temperature, whether the half-hour `horizon` later falls on a workday (known from
    the calendar), and the time of day as sine and cosine. The source has no column of time: its rows
    are the half-hours of 2014 in order.

    Parameters
    ----------
    archive
        package, version, file and sha256 of the archive.
    member
        The table inside it.
    window, horizon
        In half-hours.

    Returns
    -------
    pyarrow.Table
        x, time, demand
    """
    rows = read(archive, member, ["Demand", "Temperature", "WorkDay"])
    if len(rows) != 365 * 48:
        raise DataError(f"{member} has {len(rows)} rows, not one for each half-hour of 2014.")
    rows.index = pd.date_range("2014-01-01", periods=len(rows), freq="30min")
    channels = rows[["Demand", "Temperature"]].assign(workday=rows["WorkDay"].shift(-horizon))
    channels = with_cycle(channels, "day", np.arange(len(rows)), 48)
    return table_of([windows(channels, rows["Demand"].shift(-horizon), window)], "demand")


def weather(
    archive: Mapping[str, str],
    member: str,
    window: int,
    horizon: int,
    max_missing: float,
    plausible: Mapping[str, Sequence[float]],
) -> pa.Table:
    """Hourly weather at airports: whether it rains there in any of the next `horizon` hours.

    Channels: temperature, dew point, humidity, wind speed, precipitation, pressure, visibility, and
    wind direction and time of day as sine and cosine. Hours that the source lacks are missing values in
    their place, so that no window is shifted. It rained if any of the hours had precipitation; where
    one of the hours is lacking, nobody knows, and there is no example.

    Parameters
    ----------
    archive
        package, version, file and sha256 of the archive.
    member
        The table inside it.
    window, horizon
        In hours.
    max_missing
        The largest share of a window's hours that may be lacking.
    plausible
        Columns and the [lowest, highest] value that can be true; values outside become missing.

    Returns
    -------
    pyarrow.Table
        x, time (UTC), rain
    """
    rows = read(archive, member, [*WEATHER, "wind_dir", "origin", "time_hour", *plausible])
    rows = believed(rows, plausible)
    rows["time"] = pd.to_datetime(rows["time_hour"], utc=True).dt.tz_localize(None)
    stations = []
    for _, station in rows.groupby("origin"):
        hours = station.set_index("time").asfreq("h")
        clock = pd.DatetimeIndex(hours.index).hour
        channels = with_cycle(hours[list(WEATHER)], "wind", hours["wind_dir"], 360)
        channels = with_cycle(channels, "day", clock, 24).where(hours["origin"].notna())
        rain = (hours["precip"] > 0).astype(float).where(hours["precip"].notna())
        ahead = pd.concat([rain.shift(-hour) for hour in range(1, horizon + 1)], axis=1)
        target = ahead.max(axis=1).where(ahead.notna().all(axis=1))
        stations.append(windows(channels, target, window, hours["origin"].notna(), max_missing))
    made = table_of(stations, "rain")
    return made.set_column(made.schema.get_field_index("rain"), "rain", made["rain"].cast(pa.bool_()))


def ridership(
    archive: Mapping[str, str], member: str, stations: Sequence[str], window: int, lag: int
) -> pa.Table:
    """Daily entries to stations of a metro: tomorrow's at one station from the past days at all.

    In the source a row holds the target station's entries on its date (`ridership`), and all stations'
    entries `lag` days earlier; here each value is put back on its own day. Channels: every station, the
    target station among them, and the day of the week as sine and cosine.

    Parameters
    ----------
    archive
        package, version, file and sha256 of the archive.
    member
        The table inside it.
    stations
        The stations' columns.
    window
        In days.
    lag
        By how many days the stations' columns are late.

    Returns
    -------
    pyarrow.Table
        x, time, ridership
    """
    rows = read(archive, member, ["date", "ridership", *stations])
    rows.index = pd.DatetimeIndex(rows["date"])
    entries = rows[list(stations)].shift(-lag, freq="D").asfreq("D")
    channels = with_cycle(entries, "week", pd.DatetimeIndex(entries.index).day_of_week, 7)
    tomorrow = rows["ridership"].shift(-1, freq="D").reindex(entries.index)
    return table_of([windows(channels, tomorrow, window)], "ridership")


def read(archive: Mapping[str, str], member: str, columns: Sequence[str]) -> pd.DataFrame:
    """Return a table of an archive that has the given columns."""
    rows = read_table(fetch(pinned(archive)), member)
    check_columns(rows, columns, member)
    return rows


def with_cycle(
    channels: pd.DataFrame, name: str, phase: np.ndarray | pd.Series | pd.Index, period: float
) -> pd.DataFrame:
    """Return the channels and two more: sine and cosine of a quantity that repeats after `period`."""
    angle = np.asarray(phase, dtype=np.float64) * (2 * np.pi / period)
    return channels.assign(**{f"{name}_sin": np.sin(angle), f"{name}_cos": np.cos(angle)})


def windows(
    channels: pd.DataFrame,
    target: pd.Series,
    length: int,
    present: pd.Series | None = None,
    max_missing: float = 0.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut a regular time series into overlapping windows, one for each step at which one ends.

    Parameters
    ----------
    channels
        A row a step of a regular grid of time (the index).
    target
        What is to be forecast at each step; missing where it is not known.
    length
        Steps of a window.
    present
        Which steps the source has; all of them by default.
    max_missing
        Windows of which a larger share of steps is not present are left out.

    Returns
    -------
    tuple of numpy.ndarray
        Windows, float32, of shape (rows, length, channels); the times of their ends; the targets.
    """
    if len(channels) < length:
        raise DataError(f"the series has {len(channels)} steps, fewer than one window of {length}.")
    values = np.lib.stride_tricks.sliding_window_view(channels.to_numpy(np.float32), length, axis=0)
    known = np.ones(len(channels)) if present is None else present.to_numpy(np.float64)
    lacking = 1 - np.convolve(known, np.ones(length) / length, mode="valid")
    goals = target.to_numpy(np.float64)[length - 1 :]
    chosen = np.flatnonzero(~np.isnan(goals) & (lacking <= max_missing + 1e-9))
    ends = channels.index.to_numpy()[length - 1 :]
    return np.ascontiguousarray(values[chosen].transpose(0, 2, 1)), ends[chosen], goals[chosen]


def table_of(parts: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], target: str) -> pa.Table:
    """Return the windows of one or more series as a table, in the order of time."""
    x, time, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.argsort(time, kind="stable")
    moments = time[order].astype("datetime64[us]")
    return pa.table({"x": tensor(x[order]), "time": moments, target: y[order]})
