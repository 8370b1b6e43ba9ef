"""Describe learning curves, their training losses and other models' curves as numbers without a unit.

The boosted trees of `fuelgauge.claims.statistics.extrapolate` read these numbers. Losses enter as
differences of log losses, rows as octaves, and training losses as shares of the loss. So neither unit nor
scale of a loss matters. What is not known is NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fuelgauge.claims.statistics.continuation import (
    continue_shape,
    describe,
    log_losses,
    scales,
    shape_inputs,
)

__all__ = ["BACK", "CONSTANT", "KINDS", "Sketches", "inputs", "joined", "no_sketches", "sketch", "stacked"]

Array = NDArray[np.float64]

# Kinds of learners in the published curves that the trees were learned from.
KINDS = ("linear", "neighbours", "tree", "forest", "boosted", "kernel", "bayes", "discriminant", "deep")
CONSTANT = "constant"
BACK = np.array([0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])
LARGEST_SHARE = 2.0
SMALLEST_SHARE = 0.02
NEAR_LEVEL = 0.2
NEAR_SHAPE = 0.1
NAMED_COMPANIONS = 3


@dataclass(frozen=True)
class Sketches:
    """Curves as they look from one anchor, the last that is shown; any leading shape (...).

    Attributes
    ----------
    level
        Log loss at that anchor; NaN for a curve that is not there.
    back
        Log losses at BACK octaves before that anchor minus `level`, shape (..., 7).
    share
        Training loss over loss at that anchor and at BACK octaves before it, shape (..., 8).
    shape
        Inputs of `fuelgauge.claims.statistics.continuation.shape_inputs`, shape (..., 16).
    change, below, above
        Change of the log loss that the curve alone predicts for the target, and the scales of its errors.
    """

    level: Array
    back: Array
    share: Array
    shape: Array
    change: Array
    below: Array
    above: Array

    @property
    def size(self) -> Array:
        """Return the mean of both scales, the unit of the trees."""
        return (self.below + self.above) / 2

    def take(self, index: Any) -> Self:
        """Return the sketches at an index of the leading axes."""
        return type(self)(**{f.name: getattr(self, f.name)[index] for f in fields(self)})


def sketch(n: Array, loss: Array, train_loss: Array | None, ahead: Array) -> Sketches:
    """Return the sketch of one curve for several targets, leading shape (targets,).

    Parameters
    ----------
    n, loss
        Ascending anchors and losses, at least one of them positive; shape (anchors,).
    train_loss
        Training losses, shape (anchors,), or None.
    ahead
        Distances of the targets from the last anchor, in octaves; shape (targets,).
    """
    shape, octaves, height = describe(n, loss), np.log2(n / n[-1]), log_losses(loss)
    back = np.interp(-BACK, octaves, height, left=np.nan) - height[-1]
    share = np.full(len(BACK) + 1, np.nan)
    if train_loss is not None:
        shares = np.minimum(train_loss / np.exp(height), LARGEST_SHARE)
        share = np.interp(np.append(0.0, -BACK), octaves, shares, left=np.nan)
    below, above = scales(shape, ahead)
    targets = (len(ahead), 1)
    return Sketches(
        level=np.full(len(ahead), height[-1]),
        back=np.tile(back, targets),
        share=np.tile(share, targets),
        shape=np.tile(shape_inputs(shape), targets),
        change=continue_shape(shape, ahead),
        below=below,
        above=above,
    )


def no_sketches(lead: tuple[int, ...]) -> Sketches:
    """Return sketches of curves that are not there."""
    sizes = {"back": (len(BACK),), "share": (len(BACK) + 1,), "shape": (16,)}
    return Sketches(**{f.name: np.full((*lead, *sizes.get(f.name, ())), np.nan) for f in fields(Sketches)})


def stacked(sketches: Sequence[Sketches], axis: int = 0) -> Sketches:
    """Return sketches of one shape along a new axis."""
    parts = {f.name: [getattr(each, f.name) for each in sketches] for f in fields(Sketches)}
    return Sketches(**{name: np.stack(values, axis=axis) for name, values in parts.items()})


def joined(sketches: Sequence[Sketches]) -> Sketches:
    """Return sketches one after another along their first axis."""
    parts = {f.name: [getattr(each, f.name) for each in sketches] for f in fields(Sketches)}
    return Sketches(**{name: np.concatenate(values) for name, values in parts.items()})


def inputs(own: Sketches, others: Sketches, constant: Array, ahead: Array, kind: NDArray[np.int_]) -> Array:
    """Return the inputs of the trees, shape (rows, inputs), kinds last.

    Parameters
    ----------
    own
        Curves to predict, leading shape (rows,).
    others
        Their companions at the same anchor, leading shape (rows, companions); absent ones have level NaN.
    constant
        Log loss of the constant predictor, NaN where it is unknown; shape (rows,).
    ahead
        Distances of the targets in octaves, shape (rows,).
    kind
        Places in KINDS, -1 where the kind is unknown; shape (rows,).
    """
    size = own.size
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = [
            *_of_curve(own, ahead, size),
            *_of_training(own.share, own.change, size),
            constant - own.level,
            *_of_companions(own, others, size),
            *(kind == np.arange(len(KINDS))[:, None]).astype(float),
        ]
    return np.stack(parts, axis=1)


def _of_curve(own: Sketches, ahead: Array, size: Array) -> list[Array]:
    steps = np.diff(np.concatenate([np.zeros_like(own.back[:, :1]), own.back], axis=1), axis=1)
    return [
        *own.shape.T,
        *own.back.T,
        *steps.T[1:],
        ahead,
        own.change,
        own.change / ahead,
        own.change / size,
        own.below,
        own.above,
    ]


def _of_training(share: Array, change: Array, size: Array) -> list[Array]:
    now = share[:, 0]
    reach = np.log(np.clip(now, SMALLEST_SHARE, 1.0))
    return [
        *share.T,
        *(now[:, None] - share[:, [1, 2, 4]]).T,
        reach,
        np.log((1 + np.minimum(now, 1.0)) / 2),
        change - reach,
        change / np.minimum(reach, -SMALLEST_SHARE),
        (now - 1) / size,
    ]


def _of_companions(own: Sketches, others: Sketches, size: Array) -> list[Array]:
    level = others.level - own.level[:, None]
    absent = np.isnan(level)
    slope_now, slope, slope_far = -2 * others.back[..., 0], -others.back[..., 1], -others.back[..., 3] / 2
    own_slope_now, own_slope, own_slope_far = -2 * own.back[:, 0], -own.back[:, 1], -own.back[:, 3] / 2
    change = np.where(absent, np.nan, others.change)
    reached = level + change
    share = others.share[..., 0]
    drift = share - others.share[..., 2]
    unlike = np.sqrt(_mean((others.back[..., :5] - own.back[:, None, :5]) ** 2, axis=2))
    near = np.exp(-np.abs(level) / NEAR_LEVEL)
    alike = np.exp(-unlike / NEAR_SHAPE)
    typical = _quantiles(change)
    parts = [
        (~absent).sum(axis=1).astype(float),
        _mean(np.where(absent, np.nan, level < 0), axis=1),
        _mean(np.where(absent, np.nan, reached < own.change[:, None]), axis=1),
        *_quantiles(level),
        *_quantiles(reached - own.change[:, None]),
        *typical,
        typical[2] - own.change,
        (typical[2] - own.change) / size,
        (np.fmin.reduce(reached, axis=1, initial=np.nan) - own.change) / size,
        *_quantiles(slope - own_slope[:, None]),
        _middle(slope_now) - own_slope_now,
        _middle(slope_far) - own_slope_far,
        _middle(slope_now),
        _middle(slope),
        _middle(share),
        _middle(drift),
        _middle(share) - own.share[:, 0],
    ]
    for weight in (near, alike):
        parts += [_weighted(weight, values) for values in (change, slope_now, slope, share)]
        moved = _weighted(weight, change) - own.change
        parts += [moved, moved / size]
    for order in (reached, unlike):
        columns = (level, change, slope_now, slope, share, unlike)
        parts += _named(order, columns)
    return parts


def _mean(values: Array, axis: int) -> Array:
    """Return the mean of the known values; NaN if there is none."""
    known = np.isfinite(values)
    return np.where(known, values, 0.0).sum(axis=axis) / np.where(
        known.any(axis=axis), known.sum(axis=axis), np.nan
    )


def _weighted(weight: Array, values: Array) -> Array:
    known = np.isfinite(values) & np.isfinite(weight)
    total = np.where(known, weight, 0.0).sum(axis=1)
    return np.where(known, weight * values, 0.0).sum(axis=1) / np.where(total > 0, total, np.nan)


def _quantiles(values: Array) -> list[Array]:
    """Return smallest, lower quartile, median, upper quartile and largest of the known values of each row."""
    ordered = np.sort(values, axis=1)
    last = np.maximum(np.isfinite(values).sum(axis=1) - 1, 0)
    found = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        place = share * last
        left = np.floor(place).astype(int)
        part = place - left
        rows = np.arange(len(values))
        found.append(ordered[rows, left] * (1 - part) + ordered[rows, np.minimum(left + 1, last)] * part)
    return found


def _middle(values: Array) -> Array:
    return _quantiles(values)[2]


def _named(order: Array, columns: tuple[Array, ...]) -> list[Array]:
    """Return the columns of the first companions in an order, NaN where there are fewer."""
    width = order.shape[1]
    first = np.argsort(order, axis=1)[:, :NAMED_COMPANIONS]
    rows = np.arange(len(order))
    nothing = np.full(len(order), np.nan)
    return [
        values[rows, first[:, k]] if k < width else nothing
        for k in range(NAMED_COMPANIONS)
        for values in columns
    ]
