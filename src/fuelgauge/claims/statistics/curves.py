"""Learning curves as arrays and as a table: means with intervals, made monotone, read both ways."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from fuelgauge.claims.statistics.resample import Floats, reach_of_mean

ROUNDING = 1e-9  # equal losses, averaged in different orders, differ by less
BISECTIONS = 50
CURVE_KEYS = ["dataset", "model", "family", "level", "n_train"]


def isotonic(loss: Floats) -> Floats:
    """Return the closest non-increasing curve, in least squares.

    Parameters
    ----------
    loss
        Shape (..., anchors), in the order of growing n_train, without NaN.

    Returns
    -------
    The same shape.

    Notes
    -----
    Barlow, Bartholomew, Bremner and Brunk, Statistical Inference under Order Restrictions (1972),
    section 1.4: the min-max formula min_{s<=i} max_{t>=i} mean(loss_s .. loss_t), which equals the result
    of pooling adjacent violators and works on a whole batch at once at a cost of anchors squared.
    """
    n_anchors = loss.shape[-1]
    before = np.concatenate([np.zeros((*loss.shape[:-1], 1)), np.cumsum(loss, axis=-1)], axis=-1)
    start, stop = np.arange(n_anchors)[:, None], np.arange(n_anchors)[None, :]
    length = stop - start + 1
    mean = (before[..., None, 1:] - before[..., :-1, None]) / np.maximum(length, 1)
    mean = np.where(length == 1, loss[..., None, :], np.where(length > 0, mean, -np.inf))
    best_stop = np.flip(np.maximum.accumulate(np.flip(mean, -1), axis=-1), -1)
    best_stop = np.where(length > 0, best_stop, np.inf)
    flat: Floats = np.maximum(best_stop.min(axis=-2), 0.0)
    return np.minimum.accumulate(flat, axis=-1)


def interpolate(anchors: Floats, values: Floats, n: Floats) -> Floats:
    """Read values between anchors, linearly in log n and log value.

    Parameters
    ----------
    anchors
        Shape (anchors,), increasing, in rows.
    values
        Shape (..., anchors); where a segment touches zero, it is read linearly in the value itself.
    n
        Shape (..., q), in rows; taken to the nearest end where it lies outside the anchors.

    Returns
    -------
    Shape (..., q).
    """
    right, share = _places(anchors, n)
    start, end = _at(values, right - 1), _at(values, right)
    touches_zero = (start <= 0) | (end <= 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        geometric = start * np.exp(share * np.log(end / start))
    return np.where(touches_zero, start + share * (end - start), geometric)


@dataclass(frozen=True)
class MonotoneCurves:
    """Non-increasing learning curves, read between their anchors in both directions.

    Attributes
    ----------
    anchors
        Shape (anchors,), increasing, in rows.
    loss
        Shape (..., anchors), non-increasing.

    Notes
    -----
    A cubic Hermite interpolant of log loss over log n: its slopes at the anchors are those of the cubic
    spline (not-a-knot), limited so that the curve stays monotone, which leaves a flat stretch flat: Hyman,
    Accurate monotonicity preserving cubic interpolation, SIAM J. Sci. Stat. Comput. 4 (1983), equation 2.6;
    that the limit suffices: Fritsch and Carlson, SIAM J. Numer. Anal. 17 (1980). A power law is read
    exactly. The spline ends where a loss is zero; a segment that touches zero is read linearly in log n and
    the loss itself.
    """

    anchors: Floats
    loss: Floats

    def at(self, n: Floats) -> Floats:
        """Return the losses at n rows, both of shape (..., q); n is taken to the nearest end outside."""
        right, share = _places(self.anchors, n)
        start, end = _at(self.loss, right - 1), _at(self.loss, right)
        read = np.exp(self._log_loss(right, share))
        return np.where(end > 0, read, start + share * (end - start))

    def rows_needed(self, target: Floats) -> tuple[Floats, NDArray[np.int8]]:
        """Return the smallest numbers of rows at which the curves reach losses.

        Parameters
        ----------
        target
            Shape (..., q).

        Returns
        -------
        rows
            Shape (..., q); the bound where censored.
        censored
            The same shape: 1 where the curve never gets there ("> n_max"), -1 where its first anchor is
            already better ("< n_min"), else 0.
        """
        reached = self.loss[..., None, :] <= target[..., :, None] * (1 + ROUNDING)
        never = ~reached.any(axis=-1)
        first = np.argmax(reached, axis=-1)
        right = np.clip(first, 1, len(self.anchors) - 1)
        x = np.log(self.anchors)
        rows = np.exp(x[right - 1] + self._share_needed(right, target) * (x[right] - x[right - 1]))
        rows = np.where(never, self.anchors[-1], np.where(first == 0, self.anchors[0], rows))
        already = self.loss[..., :1] < target * (1 - ROUNDING)
        return rows, (never.astype(np.int8) - already.astype(np.int8)).astype(np.int8)

    @cached_property
    def _logs(self) -> Floats:
        return np.log(np.where(self.loss > 0, self.loss, 1.0))

    @cached_property
    def _slopes(self) -> Floats:
        """Of log loss over log n at the anchors; 0 where the loss is zero."""
        x, slopes = np.log(self.anchors), np.zeros(self.loss.shape)
        n_positive = np.sum(self.loss > 0, axis=-1)
        for count in np.unique(n_positive[n_positive >= 2]):
            these = n_positive == count
            slopes[these, :count] = limited_spline_slopes(x[:count], self._logs[these][..., :count])
        return slopes

    def _log_loss(self, right: NDArray[np.int_], share: Floats) -> Floats:
        """Read the cubics that end at anchors `right`, where the share is 1; at their starts it is 0."""
        x = np.log(self.anchors)
        width = x[right] - x[right - 1]
        start, rise = _at(self._logs, right - 1), _at(np.diff(self._logs), right - 1)
        bend_at_start = width * _at(self._slopes, right - 1) - rise
        bend_at_end = width * _at(self._slopes, right) - rise
        bend = (1 - share) * bend_at_start - share * bend_at_end
        return start + share * rise + share * (1 - share) * bend

    def _share_needed(self, right: NDArray[np.int_], target: Floats) -> Floats:
        """Return where in its segment a curve comes down to the target, which the segment's end reaches."""
        start, end = _at(self.loss, right - 1), _at(self.loss, right)
        with np.errstate(divide="ignore", invalid="ignore"):
            linear = np.nan_to_num((start - target) / (start - end), nan=0.0)
            log_target = np.log(target)
        too_high, low_enough = np.zeros(target.shape), np.ones(target.shape)
        for _ in range(BISECTIONS):
            middle = (too_high + low_enough) / 2
            is_reached = self._log_loss(right, middle) <= log_target
            low_enough = np.where(is_reached, middle, low_enough)
            too_high = np.where(is_reached, too_high, middle)
        low_enough = np.where(end >= target * (1 - ROUNDING), 1.0, low_enough)
        return np.where(end > 0, low_enough, np.clip(linear, 0.0, 1.0))


def limited_spline_slopes(x: Floats, y: Floats) -> Floats:
    """Return slopes with which a cubic Hermite interpolant of monotone values is monotone.

    Parameters
    ----------
    x
        Shape (anchors,), increasing.
    y
        Shape (..., anchors).

    Returns
    -------
    The same shape: the slopes of the cubic spline through the points (not-a-knot; a parabola through three,
    a line through two), at most three times the smaller one of the neighbouring secants (Hyman 1983).
    """
    spline = CubicSpline(x, np.eye(len(x)))(x, 1)  # the slopes are linear in y
    secants = np.diff(y) / np.diff(x)
    before = np.concatenate([secants[..., :1], secants], axis=-1)
    after = np.concatenate([secants, secants[..., -1:]], axis=-1)
    steepest = 3 * np.minimum(np.abs(before), np.abs(after))
    direction = np.where(before * after > 0, np.sign(before), 0.0)
    return direction * np.clip(direction * (y @ spline.T), 0.0, steepest)


def _places(anchors: Floats, n: Floats) -> tuple[NDArray[np.int_], Floats]:
    """Return the anchor that ends the segment of each n, and n's share of that segment in log n."""
    n = np.clip(n, anchors[0], anchors[-1])
    right = np.clip(np.searchsorted(anchors, n), 1, len(anchors) - 1)
    x = np.log(anchors)
    return right, (np.log(n) - x[right - 1]) / (x[right] - x[right - 1])


def _at(values: Floats, index: NDArray[np.int_]) -> Floats:
    """Take values along the last axis, with all axes before it broadcast."""
    leading = np.broadcast_shapes(values.shape[:-1], index.shape[:-1])
    values = np.broadcast_to(values, (*leading, values.shape[-1]))
    return np.take_along_axis(values, np.broadcast_to(index, (*leading, index.shape[-1])), axis=-1)


def curve_table(trials: pd.DataFrame, datasets: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Summarise trials as learning curves: one row a dataset, model and anchor.

    Parameters
    ----------
    trials
        Trials with the columns dataset, model, family, level, n_train, loss; fit_seconds and score are
        summarised where there, over the repeats that have them.
    datasets
        Facts about the datasets, indexed by dataset, with the column test_share (see
        `fuelgauge.claims.statistics.resample.correction`).
    level
        Confidence level of the intervals over repeats, between 0 and 1.

    Returns
    -------
    Columns dataset, model, family, level, n_train, loss_mean, loss_lo, loss_hi, n_repeats, and
    fit_seconds_mean, _lo, _hi, score_mean, _lo, _hi where the columns are there. Losses and seconds have
    Student's t intervals on the scale of their logarithm (delta method), scores on their own; NaN with
    one repeat. Those of losses and scores are corrected for the rows that repeats share.
    """
    grouped = trials.groupby(CURVE_KEYS, sort=True, observed=True)
    keys = grouped.size().index
    shares = datasets["test_share"].reindex(keys.get_level_values("dataset")).to_numpy(float)
    parts = [_summary(grouped["loss"], "loss", level, shares, in_logs=True)]
    parts.append(grouped[["loss"]].count().set_axis(["n_repeats"], axis=1))
    if "fit_seconds" in trials:
        parts.append(_summary(grouped["fit_seconds"], "fit_seconds", level, 0.0, in_logs=True))
    if "score" in trials:
        parts.append(_summary(grouped["score"], "score", level, shares, in_logs=False))
    return pd.concat(parts, axis=1).reset_index()


def _summary(
    grouped: object, name: str, level: float, test_share: Floats | float, in_logs: bool
) -> pd.DataFrame:
    found = grouped.agg(["mean", "std", "count"])  # type: ignore[attr-defined]
    mean, deviation, count = (found[column].to_numpy(float) for column in ("mean", "std", "count"))
    reach = reach_of_mean(deviation, count, level, test_share)
    lower, upper = mean - reach, mean + reach
    if in_logs:
        relative = np.divide(reach, mean, out=np.zeros_like(mean) * reach, where=mean > 0)
        lower, upper = mean * np.exp(-relative), mean * np.exp(relative)
    return pd.DataFrame({f"{name}_mean": mean, f"{name}_lo": lower, f"{name}_hi": upper}, index=found.index)
