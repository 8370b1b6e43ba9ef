"""Engineered features of sequences: level, shape, order and spectrum of every channel, and lagged values.

- Missing and infinite values are left out of every statistic. Autocorrelations and the spectrum replace them
  by the mean of their channel in the row.
- A channel without any value yields NaN, except for its share of missing values, which is 1.
- A statistic that is undefined for a constant channel, such as the skewness, is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fuelgauge.errors import ConfigError
from fuelgauge.features._blocks import by_block
from fuelgauge.spec.features import SequenceSettings


def engineered(sequences: np.ndarray, lags: Sequence[int], settings: SequenceSettings) -> np.ndarray:
    """Return the statistics of every channel, and its values at the lags.

    Parameters
    ----------
    sequences
        Sequences, float32, shape (rows, steps, channels); NaN is a missing value.
    lags
        Positions of the values that become features, in steps from the end; 1 is the last value.
    settings
        Settings of the statistics.

    Returns
    -------
    numpy.ndarray
        Features, float32, shape (rows, channels * features), channel by channel.

    Raises
    ------
    ConfigError
        A lag lies outside the sequences.
    """
    steps = sequences.shape[1]
    for lag in lags:
        if not 1 <= lag <= steps:
            raise ConfigError(f"engineered.lags holds {lag}; a lag must lie between 1 and the {steps} steps.")
    return by_block(lambda block: channel_features(block, lags, settings), sequences)


def channel_features(sequences: np.ndarray, lags: Sequence[int], settings: SequenceSettings) -> np.ndarray:
    """Return the features of a block of rows as float64, shape (rows, channels * features)."""
    values = np.ascontiguousarray(sequences.transpose(0, 2, 1), dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    features = [*statistics(values, settings).values(), *(values[..., -lag] for lag in lags)]
    return np.stack(features, axis=-1).reshape(len(values), values.shape[1] * len(features))


def statistics(values: np.ndarray, settings: SequenceSettings) -> dict[str, np.ndarray]:
    """Return every statistic by its name.

    Parameters
    ----------
    values
        Values, float64, shape (rows, channels, steps); NaN is a missing value.
    settings
        Settings of the statistics.

    Returns
    -------
    dict
        Statistics by name, arrays of shape (rows, channels).
    """
    channel = Channel.of(values)
    known = {
        **levels(channel),
        **quantiles(channel, settings.quantiles),
        **shape(channel),
        **autocorrelations(channel, settings.autocorrelations),
        **changes(channel),
        **spectrum(channel, settings.frequencies),
    }
    empty = channel.count == 0
    for statistic in known.values():
        statistic[empty] = np.nan
    return {"missing": 1 - channel.count / values.shape[-1], **known}


@dataclass(frozen=True)
class Channel:
    """The channels of a block of rows, with the quantities that the statistics share.

    Parameters
    ----------
    values
        Values, shape (rows, channels, steps); NaN is a missing value.
    present
        Whether each value is present, shape (rows, channels, steps).
    count
        Number of values that are present, shape (rows, channels).
    low, high, mean
        Smallest, largest and mean value, shape (rows, channels).
    centred
        Values minus their mean, shape (rows, channels, steps). Missing values and constant channels are
        exactly 0.
    energy
        Sum of the squares of `centred`, shape (rows, channels).
    """

    values: np.ndarray
    present: np.ndarray
    count: np.ndarray
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    centred: np.ndarray
    energy: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> Channel:
        """Return the channels for values of shape (rows, channels, steps)."""
        present = ~np.isnan(values)
        count = present.sum(axis=-1)
        low = np.where(present, values, np.inf).min(axis=-1)
        high = np.where(present, values, -np.inf).max(axis=-1)
        mean = ratio(np.where(present, values, 0.0).sum(axis=-1), count)
        varies = present & (low < high)[..., None]
        centred = np.where(varies, values - mean[..., None], 0.0)
        return cls(values, present, count, low, high, mean, centred, (centred * centred).sum(axis=-1))

    @property
    def deviation(self) -> np.ndarray:
        """Standard deviation, shape (rows, channels)."""
        return np.sqrt(ratio(self.energy, self.count))


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Return a quotient that is 0 where the denominator is 0."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    return np.divide(numerator, denominator, out=np.zeros(numerator.shape), where=denominator != 0)


def levels(channel: Channel) -> dict[str, np.ndarray]:
    """Return mean, standard deviation, extremes, and the first and last values that are present."""
    first = channel.present.argmax(axis=-1)
    last = channel.values.shape[-1] - 1 - channel.present[..., ::-1].argmax(axis=-1)
    return {
        "mean": channel.mean.copy(),
        "deviation": channel.deviation,
        "min": channel.low.copy(),
        "max": channel.high.copy(),
        "first": at(channel.values, first),
        "last": at(channel.values, last),
    }


def at(values: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Return the value at one step of every channel."""
    return np.take_along_axis(values, step[..., None], axis=-1)[..., 0]


def quantiles(channel: Channel, shares: Sequence[float]) -> dict[str, np.ndarray]:
    """Return quantiles of the values that are present, interpolated linearly."""
    ordered = np.sort(channel.values, axis=-1)
    last = np.maximum(channel.count - 1, 0)
    found = {}
    for share in shares:
        below = np.floor(share * last).astype(np.int64)
        low, high = at(ordered, below), at(ordered, np.minimum(below + 1, last))
        found[f"quantile_{share:g}"] = low + (high - low) * (share * last - below)
    return found


def shape(channel: Channel) -> dict[str, np.ndarray]:
    """Return skewness, excess kurtosis, slope of a fitted line, and positions of the extremes (0 to 1)."""
    scaled = ratio(channel.centred, channel.deviation[..., None])
    squares = scaled * scaled
    step = np.arange(channel.values.shape[-1], dtype=np.float64)
    middle = ratio(np.where(channel.present, step, 0.0).sum(axis=-1), channel.count)
    distance = np.where(channel.present, step - middle[..., None], 0.0)
    peakedness = ratio((squares * squares).sum(axis=-1), channel.count)
    return {
        "skewness": ratio((squares * scaled).sum(axis=-1), channel.count),
        "kurtosis": np.where(channel.energy > 0, peakedness - 3, 0.0),
        "slope": ratio((channel.centred * distance).sum(axis=-1), (distance * distance).sum(axis=-1)),
        "position_max": np.where(channel.present, channel.values, -np.inf).argmax(axis=-1) / max(1, step[-1]),
        "position_min": np.where(channel.present, channel.values, np.inf).argmin(axis=-1) / max(1, step[-1]),
    }


def autocorrelations(channel: Channel, lags: Sequence[int]) -> dict[str, np.ndarray]:
    """Return the autocorrelation of a channel at each lag that is shorter than the sequence."""
    centred = channel.centred
    return {
        f"autocorrelation_{lag}": ratio(
            (centred[..., lag:] * centred[..., :-lag]).sum(axis=-1), channel.energy
        )
        for lag in lags
        if lag < centred.shape[-1]
    }


def changes(channel: Channel) -> dict[str, np.ndarray]:
    """Return the share of steps that cross the mean, and size and extremes of the changes per step."""
    pairs = channel.present[..., 1:] & channel.present[..., :-1]
    above = channel.centred > 0
    crossings = (pairs & (above[..., 1:] != above[..., :-1])).sum(axis=-1)
    change = np.where(pairs, channel.centred[..., 1:] - channel.centred[..., :-1], 0.0)
    n_pairs = pairs.sum(axis=-1)
    return {
        "crossings": ratio(crossings, n_pairs),
        "change_mean": ratio(np.abs(change).sum(axis=-1), n_pairs),
        "change_deviation": np.sqrt(ratio((change * change).sum(axis=-1), n_pairs)),
        "change_max": change.max(axis=-1, initial=0.0),
        "change_min": change.min(axis=-1, initial=0.0),
    }


def spectrum(channel: Channel, frequencies: int) -> dict[str, np.ndarray]:
    """Return the amplitudes of the lowest frequencies, and entropy, centroid and peak of the power.

    Frequencies are in cycles per step, at most 0.5. The entropy is 1 for evenly spread power.
    """
    steps = channel.values.shape[-1]
    transformed = np.fft.rfft(channel.centred, axis=-1)[..., 1:]
    power = transformed.real * transformed.real + transformed.imag * transformed.imag
    total = power.sum(axis=-1)
    share = ratio(power, total[..., None])
    information = -(share * np.log(np.where(share > 0, share, 1.0))).sum(axis=-1)
    frequency = np.arange(1, power.shape[-1] + 1) / steps
    low = np.sqrt(power[..., :frequencies]) * 2 / steps
    return {
        "entropy": information / np.log(max(2, power.shape[-1])),
        "centroid": (share * frequency).sum(axis=-1),
        "peak": np.where(total > 0, peak_of(power) / steps, 0.0),
        **{f"amplitude_{cycles + 1}": low[..., cycles].copy() for cycles in range(low.shape[-1])},
    }


def peak_of(power: np.ndarray) -> np.ndarray:
    """Return the number of cycles per sequence with the largest power."""
    return power.argmax(axis=-1) + 1 if power.shape[-1] else np.ones(power.shape[:-1])
