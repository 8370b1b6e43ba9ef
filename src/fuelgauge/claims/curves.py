"""Learning curves as arrays and as a table: means with intervals, made monotone, read both ways."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fuelgauge.claims.resample import Floats, reach_of_mean

ROUNDING = 1e-9  # equal losses, averaged in different orders, differ by less
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


def interpolate(anchors: Floats, curve: Floats, n: Floats) -> Floats:
    """Read a curve between its anchors, linearly in log n and log loss.

    Parameters
    ----------
    anchors
        Shape (anchors,), increasing, in rows.
    curve
        Shape (..., anchors); where a segment touches zero, it is read linearly in the loss itself.
    n
        Shape (..., q), in rows; taken to the nearest end where it lies outside the anchors.

    Returns
    -------
    Shape (..., q).
    """
    n = np.clip(n, anchors[0], anchors[-1])
    right = np.clip(np.searchsorted(anchors, n), 1, len(anchors) - 1)
    x = np.log(anchors)
    share = (np.log(n) - x[right - 1]) / (x[right] - x[right - 1])
    leading = np.broadcast_shapes(curve.shape[:-1], n.shape[:-1])
    curve = np.broadcast_to(curve, (*leading, curve.shape[-1]))
    right = np.broadcast_to(right, (*leading, n.shape[-1]))
    start = np.take_along_axis(curve, right - 1, axis=-1)
    end = np.take_along_axis(curve, right, axis=-1)
    touches_zero = (start <= 0) | (end <= 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        geometric = start * np.exp(share * np.log(end / start))
    return np.where(touches_zero, start + share * (end - start), geometric)


def rows_needed(anchors: Floats, curve: Floats, target: Floats) -> tuple[Floats, NDArray[np.int8]]:
    """Return the smallest number of rows at which a non-increasing curve reaches a loss.

    Parameters
    ----------
    anchors
        Shape (anchors,), increasing, in rows.
    curve
        Shape (..., anchors), non-increasing.
    target
        Shape (..., q): the losses to reach.

    Returns
    -------
    rows
        Shape (..., q); the bound where censored.
    censored
        The same shape: 1 where the curve never gets there ("> n_max"), -1 where its first anchor is
        already better ("< n_min"), else 0.
    """
    reached = curve[..., None, :] <= target[..., :, None] * (1 + ROUNDING)
    never = ~reached.any(axis=-1)
    right = np.argmax(reached, axis=-1)
    segment = np.clip(right, 1, len(anchors) - 1)
    leading = segment.shape[:-1]
    curve = np.broadcast_to(curve, (*leading, curve.shape[-1]))
    start = np.take_along_axis(curve, segment - 1, axis=-1)
    end = np.take_along_axis(curve, segment, axis=-1)
    share = _share_of_segment(start, end, target)
    x = np.log(anchors)
    rows = np.exp(x[segment - 1] + share * (x[segment] - x[segment - 1]))
    rows = np.where(never, anchors[-1], np.where(right == 0, anchors[0], rows))
    already = curve[..., :1] < target * (1 - ROUNDING)
    return rows, (never.astype(np.int8) - already.astype(np.int8)).astype(np.int8)


def _share_of_segment(start: Floats, end: Floats, target: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        in_logs = np.log(start / target) / np.log(start / end)
        in_losses = (start - target) / (start - end)
    share = np.where(end > 0, in_logs, in_losses)
    return np.clip(np.nan_to_num(share, nan=0.0), 0.0, 1.0)


def curve_table(trials: pd.DataFrame, datasets: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Summarise trials as learning curves: one row a dataset, model and anchor.

    Parameters
    ----------
    trials
        Trials with the columns dataset, model, family, level, n_train, loss; fit_seconds and score are
        summarised where there, over the repeats that have them.
    datasets
        Indexed by dataset, with the column test_share (see `fuelgauge.claims.resample.correction`).
    level
        Of the intervals over repeats.

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
