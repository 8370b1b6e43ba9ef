"""Loaders that turn time series into examples: a window of the past, and a target to forecast at its end.

Each loader builds a regular grid of channels over time, and the target of each step. `windows` cuts both into
examples. The column `time` holds the moment of the forecast, the last step of the window.

- The inputs lie at or before this moment, except those that the calendar tells in advance.
- The target lies within the horizon after it. In a temporal split whose `gap` is the horizon, no training
  target therefore lies in the time of the test rows.
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

__all__ = ["electricity", "ridership", "weather"]

WEATHER = ("temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib")


def electricity(archive: Mapping[str, str], member: str, window: int, horizon: int) -> pa.Table:
    """Return windows of half-hourly electricity demand; the target is the demand `horizon` half-hours later.

    The channels are:

    - demand and temperature;
    - whether the half-hour of the target is on a workday, which the calendar tells in advance;
    - the time of day as sine and cosine.

    The source has no time column. Its rows are the half-hours of 2014 in order.

    Parameters
    ----------
    archive
        The keys package, version, file and sha256 of the archive.
    member
        Name of the table inside the archive.
    window
        Length of a window, in half-hours.
    horizon
        Distance from the end of the window to the target, in half-hours.

    Returns
    -------
    pyarrow.Table
        Columns x (sequences of shape (window, 5)), time (end of the window) and demand.
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
    """Return windows of hourly weather at airports; the target is rain within the next `horizon` hours.

    The channels are temperature, dew point, humidity, wind speed, precipitation, pressure and visibility, and
    wind direction and time of day as sine and cosine. An hour that the source lacks becomes missing values in
    its place, so that no window is shifted. It rains if any of the next hours has precipitation. If the
    precipitation of one of these hours is not known, there is no example.

    Parameters
    ----------
    archive
        The keys package, version, file and sha256 of the archive.
    member
        Name of the table inside the archive.
    window
        Length of a window, in hours.
    horizon
        Number of hours after the window that the target covers.
    max_missing
        Largest share of missing hours in a window, between 0 and 1.
    plausible
        Range [lowest, highest] of plausible values, by column; values outside become missing.

    Returns
    -------
    pyarrow.Table
        Columns x (sequences of shape (window, 11)), time (end of the window, UTC) and rain (truth values).
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
    """Return windows of daily entries at metro stations; the target is one station's entries on the next day.

    A row of the source holds the entries at the target station on its date (`ridership`), and the entries at
    all stations `lag` days earlier. Here, each value is moved back to its own day. The channels are the
    entries at all stations, including the target station, and the day of the week as sine and cosine.

    Parameters
    ----------
    archive
        The keys package, version, file and sha256 of the archive.
    member
        Name of the table inside the archive.
    stations
        Names of the columns with the entries at the stations.
    window
        Length of a window, in days.
    lag
        Number of days by which the columns of the stations are late.

    Returns
    -------
    pyarrow.Table
        Columns x (sequences of shape (window, stations + 2)), time (end of the window) and ridership.
    """
    rows = read(archive, member, ["date", "ridership", *stations])
    rows.index = pd.DatetimeIndex(rows["date"])
    entries = rows[list(stations)].shift(-lag, freq="D").asfreq("D")
    channels = with_cycle(entries, "week", pd.DatetimeIndex(entries.index).day_of_week, 7)
    tomorrow = rows["ridership"].shift(-1, freq="D").reindex(entries.index)
    return table_of([windows(channels, tomorrow, window)], "ridership")


def read(archive: Mapping[str, str], member: str, columns: Sequence[str]) -> pd.DataFrame:
    """Return a table of an archive; raise DataError if it lacks one of the columns."""
    rows = read_table(fetch(pinned(archive)), member)
    check_columns(rows, columns, member)
    return rows


def with_cycle(
    channels: pd.DataFrame, name: str, phase: np.ndarray | pd.Series | pd.Index, period: float
) -> pd.DataFrame:
    """Return the channels with two more: sine and cosine of a quantity that repeats after `period`."""
    angle = np.asarray(phase, dtype=np.float64) * (2 * np.pi / period)
    return channels.assign(**{f"{name}_sin": np.sin(angle), f"{name}_cos": np.cos(angle)})


def windows(
    channels: pd.DataFrame,
    target: pd.Series,
    length: int,
    present: pd.Series | None = None,
    max_missing: float = 0.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut a regular time series into overlapping windows, one per step at which a window can end.

    Windows without a target, or with too many missing steps, are left out.

    Parameters
    ----------
    channels
        Values of the channels, one row per step; the index is a regular grid of times.
    target
        Value to forecast at each step; missing if it is not known.
    length
        Number of steps in a window.
    present
        Whether the source has each step; None if it has all.
    max_missing
        Largest share of missing steps in a window, between 0 and 1.

    Returns
    -------
    tuple of numpy.ndarray
        Windows (float32, shape (rows, length, channels)), times of their ends, and targets.
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
    """Return the windows of one or more series as one table, sorted by time."""
    x, time, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.argsort(time, kind="stable")
    moments = time[order].astype("datetime64[us]")
    return pa.table({"x": tensor(x[order]), "time": moments, target: y[order]})
