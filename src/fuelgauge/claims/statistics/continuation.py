"""Continue a single learning curve beyond its last anchor, from its own anchors alone.

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
from numpy.typing import NDArray

from fuelgauge.claims.statistics.formulas import fit_family

__all__ = [
    "CONSTANTS",
    "FARTHEST_INPUT",
    "NEAREST",
    "SHORTEST_CURVE",
    "Shape",
    "constants",
    "continue_shape",
    "describe",
    "follow_exact_law",
    "log_losses",
    "octaves_ahead",
    "predict_log_loss",
    "scales",
    "score_range",
    "shape_inputs",
    "terms",
]

Array = NDArray[np.float64]

CONSTANTS = Path(__file__).with_name("extrapolate_constants.json")
SCALES = (0.5, 1.0, 2.0, 4.0)
SLOPE_RIDGE = 0.05
SMALLEST = 0.01
FARTHEST_INPUT = 3.0
SHORTEST_CURVE = 3
EXACT_RESIDUAL = 1e-3
ANCHORS_FOR_POWER_LAW = 3
ANCHORS_FOR_ASYMPTOTE = 5
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


def predict_log_loss(n: Array, loss: Array, targets: Array, correction: Array | float = 0.0) -> Array:
    """Return the predicted log loss, shape (targets,), for ascending anchors with a positive loss.

    `correction`, shape (targets,), is added to what the curve alone predicts. A curve that lies on a power
    law exactly is continued along it in any case.
    """
    shape, ahead = describe(n, loss), octaves_ahead(n, targets)
    measured = log_losses(loss)
    start = np.interp(np.log(targets), np.log(n), measured)
    continued = np.minimum(start + continue_shape(shape, ahead) + correction, measured.max())
    return np.where(ahead > 0, follow_exact_law(n, loss, targets, continued), start)


def continue_shape(shape: Shape, ahead: Array) -> Array:
    """Return the predicted change of the log loss, shape (targets,), for targets at distances in octaves."""
    # A rising loss may continue to rise, but not above the largest loss of the curve.
    return np.minimum(terms(shape, ahead) @ _term_weights(shape), -shape.fall)


def octaves_ahead(n: Array, targets: Array) -> Array:
    """Return the distances of targets from the last anchor, zero for those before it; shape (targets,)."""
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


def follow_exact_law(n: Array, loss: Array, targets: Array, otherwise: Array) -> Array:
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
