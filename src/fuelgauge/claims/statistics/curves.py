"""Learning curves as arrays and as a table: means, intervals, monotone curves and their inverses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from fuelgauge.claims.statistics.resample import Floats, reach_of_mean

__all__ = ["ROUNDING", "MonotoneCurves", "curve_table", "interpolate", "isotonic"]

ROUNDING = 1e-9  # relative difference above that of equal losses averaged in different orders
BISECTIONS = 50
CURVE_KEYS = ["dataset", "model", "family", "level", "n_train"]


def isotonic(loss: Floats) -> Floats:
    """Return the closest non-increasing curve, in least squares.

    Parameters
    ----------
    loss
        Losses in the order of growing n_train, without NaN; shape (..., anchors).

    Returns
    -------
    Losses of the same shape.

    Notes
    -----
    The min-max formula min_{s<=i} max_{t>=i} mean(loss_s .. loss_t) equals the result of pooling adjacent
    violators. It works on a whole batch at once, at a cost of anchors squared. See Barlow, Bartholomew,
    Bremner and Brunk, Statistical Inference under Order Restrictions (1972), section 1.4.
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
    """Interpolate values between anchors, linearly in log n and log value.

    Parameters
    ----------
    anchors
        Numbers of training rows, increasing; shape (anchors,).
    values
        Values at the anchors, shape (..., anchors). A segment that touches zero is linear in the value.
    n
        Numbers of rows, shape (..., q); outside the anchors the nearest end is used.

    Returns
    -------
    Values at n, shape (..., q).
    """
    right, share = _places(anchors, n)
    start, end = _at(values, right - 1), _at(values, right)
    touches_zero = (start <= 0) | (end <= 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        geometric = start * np.exp(share * np.log(end / start))
    return np.where(touches_zero, start + share * (end - start), geometric)


@dataclass(frozen=True)
class MonotoneCurves:
    """Non-increasing learning curves: the loss at any n, and the n at which a loss is reached.

    Attributes
    ----------
    anchors
        Numbers of training rows, increasing; shape (anchors,).
    loss
        Losses, non-increasing; shape (..., anchors).

    Notes
    -----
    The curve is a cubic Hermite interpolant of log loss over log n. Its slopes at the anchors are those of
    the cubic spline (not-a-knot), limited so that the curve stays monotone; a flat stretch stays flat. See
    Hyman, Accurate monotonicity preserving cubic interpolation, SIAM J. Sci. Stat. Comput. 4 (1983), equation
    2.6. The limit suffices: Fritsch and Carlson, SIAM J. Numer. Anal. 17 (1980). A power law is reproduced
    exactly.

    The spline ends where a loss is zero. A segment that touches zero is linear in log n and the loss itself.
    """

    anchors: Floats
    loss: Floats

    def at(self, n: Floats) -> Floats:
        """Return the losses at n rows, both of shape (..., q); outside the anchors, of the nearest."""
        right, share = _places(self.anchors, n)
        read = np.exp(_cubic(self._segment(right), share))
        if (self.loss > 0).all():
            return read
        start, end = _at(self.loss, right - 1), _at(self.loss, right)
        return np.where(end > 0, read, start + share * (end - start))

    def rows_needed(self, target: Floats) -> tuple[Floats, NDArray[np.int8]]:
        """Return the smallest numbers of rows at which the curves reach losses.

        Parameters
        ----------
        target
            Losses to reach, shape (..., q).

        Returns
        -------
        rows
            Numbers of rows, or the bounds where censored; shape (..., q).
        censored
            1 where the curve never reaches the loss ("> n_max"), -1 where its first anchor is already better
            ("< n_min"), else 0; shape (..., q).
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
        """Slopes of log loss over log n at the anchors; 0 where the loss is zero."""
        x, slopes = np.log(self.anchors), np.zeros(self.loss.shape)
        n_positive = np.sum(self.loss > 0, axis=-1)
        for count in np.unique(n_positive[n_positive >= 2]):
            these = n_positive == count
            slopes[these, :count] = limited_spline_slopes(x[:count], self._logs[these][..., :count])
        return slopes

    @cached_property
    def _segments(self) -> Floats:
        """Cubics of log loss over the share of a segment, shape (..., segments, 4); see `_cubic`."""
        width, rise = np.diff(np.log(self.anchors)), np.diff(self._logs)
        bend_at_start, bend_at_end = (
            width * self._slopes[..., :-1] - rise,
            width * self._slopes[..., 1:] - rise,
        )
        return np.stack([self._logs[..., :-1], rise, bend_at_start, bend_at_end], axis=-1)

    def _segment(self, right: NDArray[np.int_]) -> Floats:
        """Return the cubics of the segments that end at anchors `right`, shape (..., q, 4)."""
        return _rows(self._segments, right - 1)

    def _share_needed(self, right: NDArray[np.int_], target: Floats) -> Floats:
        """Return the share of a segment at which a curve reaches the target; the end of the segment does."""
        start, end = _at(self.loss, right - 1), _at(self.loss, right)
        with np.errstate(divide="ignore", invalid="ignore"):
            linear = np.nan_to_num((start - target) / (start - end), nan=0.0)
            log_target = np.log(target)
        cubics = self._segment(right)
        too_high, low_enough = np.zeros(target.shape), np.ones(target.shape)
        for _ in range(BISECTIONS):
            middle = (too_high + low_enough) / 2
            is_reached = _cubic(cubics, middle) <= log_target
            low_enough = np.where(is_reached, middle, low_enough)
            too_high = np.where(is_reached, too_high, middle)
        low_enough = np.where(end >= target * (1 - ROUNDING), 1.0, low_enough)
        return np.where(end > 0, low_enough, np.clip(linear, 0.0, 1.0))


def limited_spline_slopes(x: Floats, y: Floats) -> Floats:
    """Return slopes with which a cubic Hermite interpolant of monotone values is monotone.

    Parameters
    ----------
    x
        Positions, increasing; shape (anchors,).
    y
        Values, shape (..., anchors).

    Returns
    -------
    Slopes of the cubic spline through the points, shape (..., anchors). The spline is not-a-knot; through
    three points it is a parabola, through two a line. No slope exceeds three times the smaller one of the
    neighbouring secants (Hyman 1983).
    """
    spline = CubicSpline(x, np.eye(len(x)))(x, 1)  # the slopes are linear in y
    secants = np.diff(y) / np.diff(x)
    before = np.concatenate([secants[..., :1], secants], axis=-1)
    after = np.concatenate([secants, secants[..., -1:]], axis=-1)
    steepest = 3 * np.minimum(np.abs(before), np.abs(after))
    direction = np.where(before * after > 0, np.sign(before), 0.0)
    return direction * np.clip(direction * (y @ spline.T), 0.0, steepest)


def _places(anchors: Floats, n: Floats) -> tuple[NDArray[np.int_], Floats]:
    """Return the anchor that ends the segment of each n, and the share of the segment before n, in log n."""
    n = np.clip(n, anchors[0], anchors[-1])
    right = np.clip(np.searchsorted(anchors, n), 1, len(anchors) - 1)
    x = np.log(anchors)
    return right, (np.log(n) - x[right - 1]) / (x[right] - x[right - 1])


def _cubic(coefficients: Floats, share: Floats) -> Floats:
    """Return the log loss at a share of a segment; the coefficients are on the last axis.

    They are the log loss at the start, its rise to the end, and how far the slopes at both ends differ from
    the rise. Hermite's cubic in this form ends exactly at the anchors.
    """
    start, rise, bend_at_start, bend_at_end = (coefficients[..., k] for k in range(4))
    bend = (1 - share) * bend_at_start - share * bend_at_end
    value: Floats = start + share * rise + share * (1 - share) * bend
    return value


def _at(values: Floats, index: NDArray[np.int_]) -> Floats:
    """Return values at indices along the last axis, with all earlier axes broadcast."""
    return _rows(values[..., np.newaxis], index)[..., 0]


def _rows(values: Floats, index: NDArray[np.int_]) -> Floats:
    """Return values, shape (..., q, k), at indices along the last axis but one; earlier axes broadcast."""
    if index.ndim == 1:
        return values[..., index, :]
    leading = np.broadcast_shapes(values.shape[:-2], index.shape[:-1])
    if leading != values.shape[:-2]:
        values = np.broadcast_to(values, (*leading, *values.shape[-2:]))
    flat = values.reshape(-1, values.shape[-1])
    first = values.shape[-2] * np.arange(np.prod(leading, dtype=int)).reshape(*leading, 1)
    return flat[first + index]


def curve_table(trials: pd.DataFrame, datasets: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Summarise trials as learning curves: one row per dataset, model and anchor.

    Parameters
    ----------
    trials
        Trials with the columns dataset, model, family, level, n_train and loss. The optional columns
        fit_seconds and score are summarised over the repeats that have them.
    datasets
        Facts about the datasets, indexed by dataset, with the column test_share (see
        `fuelgauge.claims.statistics.resample.correction`).
    level
        Confidence level of the intervals over repeats, between 0 and 1.

    Returns
    -------
    Table with the columns dataset, model, family, level, n_train, loss_mean, loss_lo, loss_hi and n_repeats.
    If the trials have fit_seconds or score, it has their _mean, _lo and _hi too.

    All intervals are Student's t intervals; NaN with one repeat. Those of losses and seconds are on the scale
    of the logarithm (delta method). Those of losses and scores are corrected for the rows that repeats share.
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
