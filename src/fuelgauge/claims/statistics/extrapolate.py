"""Extrapolate a learning curve beyond its last anchor, with calibrated intervals.

All computations use octaves of n (doublings) and log loss, so neither the unit of the loss nor its scale
matters. The curve is continued from its last value along its own recent slopes. The slopes are measured at
four scales of n, and each is multiplied by a weight:

    log loss(n) = log loss(last) + sum over terms of weight(shape of the curve) * term(curve, octaves ahead)

Every term is zero for a flat curve and for a target at the last anchor. The weights are the outputs of one
small hidden layer. Its inputs describe the shape of the curve: steep or shallow, smooth or noisy, straight or
bending. Its constants were learned from published curves of other datasets
(scripts/calibrate_extrapolation.py; docs/explanation/extrapolation.md).

Intervals are cross-conformal (Vovk, Annals of Mathematics and Artificial Intelligence 74, 2015). Their
quantiles are those of errors on curves of datasets that the weights had not seen. Each error is divided by a
scale that depends on the shape of the curve and grows with the distance (Lei et al., JASA 113, 2018, section
5.2).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fuelgauge.claims.statistics.formulas import fit_family
from fuelgauge.errors import TableError

__all__ = [
    "CONSTANTS",
    "FARTHEST_INPUT",
    "NEAREST",
    "SHORTEST_CURVE",
    "constants",
    "describe",
    "extrapolate",
    "log_losses",
    "shape_inputs",
    "terms",
]

Array = NDArray[np.float64]

CONSTANTS = Path(__file__).with_name("extrapolate_constants.json")
SCALES = (0.5, 1.0, 2.0, 4.0)
SLOPE_RIDGE = 0.05
SMALLEST = 0.01
FARTHEST_INPUT = 3.0
WIDEST_LEVEL = 0.99
SHORTEST_CURVE = 3
EXACT_RESIDUAL = 1e-3
ANCHORS_FOR_POWER_LAW = 3
ANCHORS_FOR_ASYMPTOTE = 5
ZERO_BOUND_ROWS = 3.0
NEAREST = 0.25


@dataclass(frozen=True)
class Shape:
    """Shape of a learning curve relative to its last anchor, in natural log losses and octaves of n.

    Attributes
    ----------
    slopes
        Change of the log loss per octave, at each of SCALES.
    offsets
        End of the fitted line minus the last log loss, at each of SCALES.
    means
        Weighted mean log loss minus the last log loss, at each of SCALES.
    scatters
        Root mean squared distance from the fitted line, at each of SCALES.
    fall, rise, whole
        Last log loss minus the largest, the smallest and the first log loss.
    climbs
        Sum of all upward steps, per octave.
    octaves
        Distance between the first and the last anchor.
    log2_n
        Base-2 logarithm of the last anchor.
    """

    slopes: Array
    offsets: Array
    means: Array
    scatters: Array
    fall: float
    rise: float
    whole: float
    climbs: float
    octaves: float
    log2_n: float


@dataclass(frozen=True)
class Constants:
    """The learned numbers, which scripts/calibrate_extrapolation.py writes."""

    input_mean: Array
    input_spread: Array
    hidden_weight: Array
    hidden_bias: Array
    term_weight: Array
    term_bias: Array
    scale_hidden_weight: Array
    scale_hidden_bias: Array
    scale_weight: Array
    scale_bias: Array
    probabilities: Array
    score_quantiles: Array
    score_quantiles_short: Array


def extrapolate(n_train: ArrayLike, loss: ArrayLike, n_target: ArrayLike, level: float = 0.9) -> pd.DataFrame:
    """Predict the mean loss of the same repeats at other numbers of training rows.

    Parameters
    ----------
    n_train
        Numbers of training rows in any order, shape (anchors,); equal ones are averaged.
    loss
        Losses in any unit, not negative, lower is better; shape (anchors,) or (anchors, repeats). Repeats are
        averaged.
    n_target
        Numbers of training rows to predict at: one number or shape (targets,). Between anchors the curve is
        interpolated.
    level
        Probability that the interval contains the loss, above 0 and at most 0.99.

    Returns
    -------
    pandas.DataFrame
        One row per target, in the given order: n_train, loss, loss_lo and loss_hi, in units of the loss.

    Raises
    ------
    TableError
        Shapes do not match, a value is missing, infinite, negative or (n_train) zero, a target lies below the
        first anchor, or the level is out of range.
    """
    n, y = read_curve(n_train, loss)
    targets = _read_targets(n_target, float(n[0]))
    if not 0 < level <= WIDEST_LEVEL:
        raise TableError(f"level is {level}; it must be above 0 and at most {WIDEST_LEVEL}.")
    if not y.any():
        return _stay_at_zero(targets, float(n[-1]))
    shape, ahead = describe(n, y), _octaves_ahead(n, targets)
    centre = predict_log_loss(n, y, targets)
    below, above = score_range(level, n.size)
    lower, upper = scales(shape, ahead)
    lo = np.exp(centre + below * lower)
    return pd.DataFrame(
        {
            "n_train": targets,
            "loss": np.exp(centre),
            "loss_lo": lo if y[-1] > 0 else np.zeros_like(lo),
            "loss_hi": np.exp(centre + above * upper),
        }
    )


def read_curve(n_train: ArrayLike, loss: ArrayLike) -> tuple[Array, Array]:
    """Return anchors in ascending order and the mean loss at each, after checking both.

    Raises
    ------
    TableError
        The two are not a learning curve.
    """
    n, y = np.asarray(n_train, dtype=float), np.asarray(loss, dtype=float)
    if n.ndim != 1 or n.size == 0 or y.ndim not in (1, 2) or len(y) != len(n) or y.size == 0:
        raise TableError(f"A curve needs one loss, or one row of repeats, per n_train: {n.shape}, {y.shape}.")
    if not np.isfinite(n).all() or (n <= 0).any():
        raise TableError("n_train holds a value that is missing, infinite or not positive.")
    if not np.isfinite(y).all() or (y < 0).any():
        raise TableError("loss holds a value that is missing, infinite or negative.")
    means = y.mean(axis=1) if y.ndim == 2 else y
    anchors, place = np.unique(n, return_inverse=True)
    return anchors, np.bincount(place, weights=means) / np.bincount(place)


def _read_targets(n_target: ArrayLike, first: float) -> Array:
    targets = np.atleast_1d(np.asarray(n_target, dtype=float))
    if targets.ndim != 1 or not np.isfinite(targets).all():
        raise TableError("n_target must be a number or a list of numbers, none missing or infinite.")
    if (targets < first).any():
        raise TableError(f"n_target {targets.min():g} lies below the first anchor, {first:g}.")
    return targets


def _stay_at_zero(targets: Array, last: float) -> pd.DataFrame:
    """Return zero, with the upper bound of an error rate without any error in n rows (the rule of three)."""
    zero = np.zeros_like(targets)
    bound = np.full_like(targets, ZERO_BOUND_ROWS / last)
    return pd.DataFrame({"n_train": targets, "loss": zero, "loss_lo": zero, "loss_hi": bound})


def log_losses(loss: Array) -> Array:
    """Return log losses; a zero counts as half of the smallest positive loss of the curve."""
    return np.log(np.maximum(loss, loss[loss > 0].min() / 2))


def describe(n: Array, loss: Array) -> Shape:
    """Return the shape of a curve; anchors ascend, and at least one loss is positive."""
    octaves, height = np.log2(n / n[-1]), log_losses(loss)
    height = height - height[-1]
    # The weight of an anchor is the stretch of log n around it, so that dense grids do not weigh more.
    stretch = np.minimum(np.gradient(octaves), 1.0) if n.size > 1 else np.ones(1)
    lines = np.array([_local_line(octaves, height, stretch * np.exp(octaves / scale)) for scale in SCALES])
    return Shape(
        slopes=lines[:, 0],
        offsets=lines[:, 1],
        means=lines[:, 2],
        scatters=lines[:, 3],
        fall=-float(height.max()),
        rise=-float(height.min()),
        whole=-float(height[0]),
        climbs=float(np.maximum(np.diff(height), 0).sum() / (1 - octaves[0])),
        octaves=-float(octaves[0]),
        log2_n=float(np.log2(n[-1])),
    )


def _local_line(x: Array, y: Array, weight: Array) -> tuple[float, float, float, float]:
    """Return slope, end, mean and scatter of a weighted line; a ridge damps the slope through few points."""
    weight = weight / weight.sum()
    mid, mean = weight @ x, weight @ y
    slope = weight @ ((x - mid) * (y - mean)) / (weight @ (x - mid) ** 2 + SLOPE_RIDGE)
    end = mean - slope * mid
    scatter = np.sqrt(weight @ (y - end - slope * x) ** 2)
    return float(slope), float(end), float(mean), float(scatter)


def shape_inputs(shape: Shape) -> Array:
    """Return the inputs of the hidden layers before they are standardised, shape (16,)."""
    near, far = SCALES.index(1.0), SCALES.index(4.0)
    heights = [
        *shape.offsets[[near, far]],
        *shape.means[[near, far]],
        shape.fall,
        shape.rise,
        shape.whole,
    ]
    return np.concatenate(
        [
            np.arcsinh(shape.slopes / (5 * SMALLEST)),
            np.arcsinh(np.array(heights) / (10 * SMALLEST)),
            np.log(np.array([*shape.scatters[[near, far]], shape.climbs]) + SMALLEST),
            [np.log1p(shape.octaves), shape.log2_n],
        ]
    )


def terms(shape: Shape, ahead: Array) -> Array:
    """Return the terms of the prediction, shape (targets, 13), for targets at distances in octaves.

    Each slope appears twice: once without end, and once fading out within a few octaves.
    """
    near, mid, far = SCALES.index(1.0), SCALES.index(2.0), SCALES.index(4.0)
    soon, running_out = 1 - np.exp(-2 * ahead), 1 - np.exp(-ahead / 2)
    return np.concatenate(
        [
            np.outer(ahead, shape.slopes),
            np.outer(running_out, shape.slopes),
            np.outer(soon, shape.offsets[[near, far]]),
            np.outer(running_out, [shape.fall, shape.rise]),
            np.outer(ahead, shape.scatters[[mid]]),
        ],
        axis=1,
    )


def predict_log_loss(n: Array, loss: Array, targets: Array) -> Array:
    """Return the predicted log loss, shape (targets,), for ascending anchors with a positive loss."""
    shape, ahead = describe(n, loss), _octaves_ahead(n, targets)
    measured = log_losses(loss)
    start = np.interp(np.log(targets), np.log(n), measured)
    continued = start + terms(shape, ahead) @ _term_weights(shape)
    # A rising loss may continue to rise, but not above the largest loss of the curve.
    continued = np.minimum(continued, measured.max())
    return np.where(ahead > 0, _follow_exact_law(n, loss, targets, continued), start)


def _octaves_ahead(n: Array, targets: Array) -> Array:
    return np.maximum(np.log2(targets / n[-1]), 0.0)


def _term_weights(shape: Shape) -> Array:
    known = constants()
    hidden = np.tanh(known.hidden_weight @ _standardised(shape) + known.hidden_bias)
    return known.term_weight @ hidden + known.term_bias


def _standardised(shape: Shape) -> Array:
    known = constants()
    inputs = (shape_inputs(shape) - known.input_mean) / known.input_spread
    return np.clip(inputs, -FARTHEST_INPUT, FARTHEST_INPUT)


def scales(shape: Shape, ahead: Array) -> tuple[Array, Array]:
    """Return the scales of errors below and above the prediction, each shape (targets,)."""
    known = constants()
    hidden = np.tanh(known.scale_hidden_weight @ _standardised(shape) + known.scale_hidden_bias)
    below, above, growth_below, growth_above = known.scale_weight @ hidden + known.scale_bias
    return _scale(below, growth_below, ahead), _scale(above, growth_above, ahead)


def _scale(size: float, growth: float, ahead: Array) -> Array:
    return np.exp(size) * (ahead + NEAREST) ** np.logaddexp(0.0, growth)


def score_range(level: float, anchors: int) -> tuple[float, float]:
    """Return the two quantiles of error over scale that contain a share `level` of the curves.

    Curves with one or two anchors have little shape and therefore quantiles of their own.
    """
    known = constants()
    quantiles = known.score_quantiles if anchors >= SHORTEST_CURVE else known.score_quantiles_short
    below, above = np.interp([(1 - level) / 2, (1 + level) / 2], known.probabilities, quantiles)
    return min(below, 0.0), max(above, 0.0)


def _follow_exact_law(n: Array, loss: Array, targets: Array, otherwise: Array) -> Array:
    """Return the log losses of a power law if the curve lies on it exactly; measured curves never do."""
    for law, anchors in ((_power_law, ANCHORS_FOR_POWER_LAW), (_shifted_power_law, ANCHORS_FOR_ASYMPTOTE)):
        if n.size < anchors or loss[-1] <= 0 or (np.diff(loss) > 0).any():
            continue
        residual, predicted = law(n, loss, targets)
        if residual < EXACT_RESIDUAL:
            trust = 1 - (residual / EXACT_RESIDUAL) ** 2
            return trust * predicted + (1 - trust) * otherwise
    return otherwise


def _power_law(n: Array, loss: Array, targets: Array) -> tuple[float, Array]:
    """Return the largest log residual of a falling power law, and its log losses at the targets."""
    x, z = np.log(n), np.log(loss)
    centred = x - x.mean()
    slope = min(float(centred @ z / (centred @ centred)), 0.0)
    residual = np.abs(z - z.mean() - slope * centred).max()
    return float(residual), z.mean() + slope * (np.log(targets) - x.mean())


def _shifted_power_law(n: Array, loss: Array, targets: Array) -> tuple[float, Array]:
    """Return the largest log residual of a power law with an asymptote, and its log losses at the targets."""
    fit = fit_family("POW3", n, loss)
    tiny = np.finfo(float).tiny
    residual = np.abs(np.log(np.maximum(fit.predict(n), tiny) / loss)).max()
    return float(residual), np.log(np.maximum(fit.predict(targets), tiny))


@cache
def constants() -> Constants:
    """Return the shipped constants."""
    stored = json.loads(CONSTANTS.read_text(encoding="utf-8"))["constants"]
    return Constants(**{name: np.array(values) for name, values in stored.items()})
