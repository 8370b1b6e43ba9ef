"""Correct the forecast of a curve by its training loss, by other models' curves and by the kind of learner.

`fuelgauge.claims.statistics.continuation` continues a curve from its own anchors. Boosted trees then predict
its error, divided by its scale, from the inputs of `fuelgauge.claims.statistics.forecast_inputs`. Two further
sets of trees predict the 5% and the 95% quantile of that error (Koenker and Bassett, Econometrica 46, 1978).
The intervals are made conformal for each combination of inputs (Romano, Patterson and Candes, NeurIPS 2019).
Their quantiles are those of errors on curves of datasets that the trees had not seen.
scripts/learn_forecast.py learned all of it from published curves (docs/explanation/extrapolation.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fuelgauge.claims.statistics.continuation import NEAREST, SHORTEST_CURVE, log_losses
from fuelgauge.claims.statistics.forecast_inputs import (
    CONSTANT,
    KINDS,
    Sketches,
    inputs,
    joined,
    no_sketches,
    sketch,
    stacked,
)
from fuelgauge.claims.statistics.observed import Observed
from fuelgauge.claims.statistics.trees import Trees

__all__ = [
    "ARRAYS",
    "KNOTS",
    "NARROWEST",
    "Asked",
    "Correction",
    "Learned",
    "PairLaw",
    "correct",
    "cut",
    "learned",
    "score_cell",
]

Array = NDArray[np.float64]

ARRAYS = Path(__file__).with_name("forecast.npz")
# Distances in octaves at which the trees are asked; between them the answers are interpolated.
KNOTS = np.array([0.5, 1.0, 2.0, 3.0, 4.5])
FARTHEST_COMPANION = 0.5
FEW_COMPANIONS = 3
NARROWEST = 0.05
# Above it, a loss is not an error rate.
LARGEST_KNOWN_LOSS = 1.0


@dataclass(frozen=True)
class Asked:
    """A curve to forecast, and what else is known.

    Attributes
    ----------
    curve
        The curve, not zero everywhere.
    companions
        Curves of other models on the same dataset by name; ``constant`` is the constant predictor.
    kind
        Kind of the learner, None where it is not known.
    """

    curve: Observed
    companions: Mapping[str, Observed]
    kind: str | None


@dataclass(frozen=True)
class Correction:
    """Forecast of one curve relative to that from its own anchors, at distances KNOTS.

    Attributes
    ----------
    centre
        Change of the forecast over the scale of its errors, shape (knots,).
    lower, upper
        Distance from the forecast to the ends of its 90% interval over the scale of errors below and above,
        before they are made conformal; shape (knots,).
    scores
        Quantiles of errors over these distances, at the probabilities of `Learned.probabilities`.
    """

    centre: Array
    lower: Array
    upper: Array
    scores: Array

    def change(self, ahead: Array, size: Array) -> Array:
        """Return what to add to the log loss, zero at distance 0, for scales `size`; shape (targets,)."""
        return size * np.interp(ahead, np.append(0.0, KNOTS), np.append(0.0, self.centre))

    def widths(self, ahead: Array, below: Array, above: Array) -> tuple[Array, Array]:
        """Return the distances to the ends of the interval, for scales `below` and `above`; both (targets,).

        The scales are powers of the distance plus NEAREST. The ratios are interpolated in its logarithm, so
        that the widths do not fall with the distance.
        """
        place, knots = np.log(ahead + NEAREST), np.log(KNOTS + NEAREST)
        lower, upper = (np.exp(np.interp(place, knots, np.log(at))) for at in (self.lower, self.upper))
        return below * lower, above * upper

    def score_range(self, level: float) -> tuple[float, float]:
        """Return the two quantiles that contain a share `level` of the errors over their distances."""
        below, above = np.interp([(1 - level) / 2, (1 + level) / 2], learned().probabilities, self.scores)
        return min(below, 0.0), max(above, 0.0)


@dataclass(frozen=True)
class PairLaw:
    """Distribution of the difference of two log losses at a target.

    Attributes
    ----------
    location, scale
        Weights of the terms of `fuelgauge.claims.statistics.forecast_best`.
    freedom
        Degrees of freedom of the Student distribution.
    """

    location: Array
    scale: Array
    freedom: float


@dataclass(frozen=True)
class Learned:
    """What scripts/learn_forecast.py has learned.

    Attributes
    ----------
    centre, low, high
        Trees for the error over its scale: its median, its 5% and its 95% quantile.
    probabilities
        Probabilities of the quantiles, shape (probabilities,).
    scores
        Quantiles of errors over distances for each `score_cell`, shape (cells, probabilities).
    unlike
        Factor by which intervals are wider for a learner or a loss unlike those learned from.
    pairs
        Distribution of the difference of two models.
    """

    centre: Trees
    low: Trees
    high: Trees
    probabilities: Array
    scores: Array
    unlike: float
    pairs: PairLaw


@cache
def learned() -> Learned:
    """Return the shipped trees and constants."""
    with np.load(ARRAYS, allow_pickle=False) as stored:
        trees = {name: Trees.from_arrays(stored, name) for name in ("centre", "low", "high")}
        return Learned(
            **trees,
            probabilities=stored["probabilities"].astype(float),
            scores=stored["scores"].astype(float),
            unlike=float(stored["unlike"]),
            pairs=PairLaw(stored["pair_location"], stored["pair_scale"], float(stored["pair_freedom"])),
        )


def score_cell(is_short: bool, has_training: bool, companions: int, has_kind: bool) -> int:
    """Return the row of `Learned.scores` for a combination of inputs."""
    others = (companions > 0) + (companions > FEW_COMPANIONS)
    return ((2 * is_short + has_training) * 3 + others) * 2 + has_kind


def correct(asked: Iterable[Asked]) -> list[Correction | None]:
    """Return the correction of each curve; None where nothing but the curve itself is known.

    A companion counts as far as the last anchor of the curve that is asked about. One that ends more than
    half an octave before it, or is zero everywhere, does not count.
    """
    seen: dict[tuple[int, float], Sketches | None] = {}
    views = [_view(question, seen) for question in asked]
    known = [view for view in views if view.is_known]
    if not known:
        return [None] * len(views)
    found = iter(_corrections(known))
    return [next(found) if view.is_known else None for view in views]


@dataclass(frozen=True)
class _View:
    """A question as the trees see it, with one sketch at all knots for each curve."""

    own: Sketches
    others: list[Sketches]
    constant: float
    kind: int
    is_short: bool
    is_unlike: bool

    @property
    def has_training(self) -> bool:
        return bool(np.isfinite(self.own.share).any())

    @property
    def is_known(self) -> bool:
        return self.has_training or bool(self.others) or self.kind >= 0

    @property
    def cell(self) -> int:
        return score_cell(self.is_short, self.has_training, len(self.others), self.kind >= 0)


def _view(asked: Asked, seen: dict[tuple[int, float], Sketches | None]) -> _View:
    last = float(asked.curve.n[-1])
    own = _sketched(asked.curve, last, seen)
    assert own is not None  # a curve that is zero everywhere is not asked about
    others = {name: _sketched(curve, last, seen) for name, curve in asked.companions.items()}
    constant = others.pop(CONSTANT, None)
    return _View(
        own=own,
        others=[other for other in others.values() if other is not None],
        constant=np.nan if constant is None else float(constant.level[0]),
        kind=KINDS.index(asked.kind) if asked.kind in KINDS else -1,
        is_short=len(asked.curve.n) < SHORTEST_CURVE,
        is_unlike=asked.kind not in (None, *KINDS) or bool(asked.curve.loss.max() > LARGEST_KNOWN_LOSS),
    )


def _sketched(
    curve: Observed, last: float, seen: dict[tuple[int, float], Sketches | None]
) -> Sketches | None:
    key = (id(curve), last)
    if key not in seen:
        shown = cut(curve, last)
        seen[key] = None if shown is None else sketch(shown.n, shown.loss, shown.train_loss, KNOTS)
    return seen[key]


def cut(curve: Observed, last: float) -> Observed | None:
    """Return a curve up to an anchor; None if it does not come near that anchor or is zero until there.

    The log losses are interpolated where the curve goes on beyond the anchor without having it.
    """
    if curve.n[0] > last or curve.n[-1] * 2**FARTHEST_COMPANION < last:
        return None
    shown = curve.n <= last
    if not curve.loss[shown].any():
        return None
    if curve.n[-1] <= last or last in curve.n:
        trained = None if curve.train_loss is None else curve.train_loss[shown]
        return Observed(curve.n[shown], curve.loss[shown], trained)
    anchors = np.append(curve.n[shown], last)
    place, measured = np.log(anchors), np.log(curve.n)
    loss = np.exp(np.interp(place, measured, log_losses(curve.loss)))
    loss[:-1] = curve.loss[shown]
    trained = None if curve.train_loss is None else np.interp(place, measured, curve.train_loss)
    return Observed(anchors, loss, trained)


def _corrections(views: list[_View]) -> list[Correction]:
    known, rows = learned(), rows_of(views)
    shape = (len(views), len(KNOTS))
    found = [trees.predict(rows).reshape(shape) for trees in (known.centre, known.low, known.high)]
    return [_correction(view, *each) for view, *each in zip(views, *found, strict=True)]


def rows_of(views: list[_View]) -> Array:
    """Return the inputs of the trees, shape (views * knots, inputs)."""
    most = max(1, *(len(view.others) for view in views))
    nothing = no_sketches((len(KNOTS),))
    padded = [[*view.others, *[nothing] * (most - len(view.others))] for view in views]
    return inputs(
        joined([view.own for view in views]),
        joined([stacked(others, axis=1) for others in padded]),
        np.repeat([view.constant for view in views], len(KNOTS)),
        np.tile(KNOTS, len(views)),
        np.repeat([view.kind for view in views], len(KNOTS)),
    )


def _correction(view: _View, centre: Array, low: Array, high: Array) -> Correction:
    size = view.own.size
    known = learned()
    wider = known.unlike if view.is_unlike else 1.0
    return Correction(
        centre=centre,
        lower=wider * _ratio(centre - low, size, view.own.below),
        upper=wider * _ratio(high - centre, size, view.own.above),
        scores=known.scores[view.cell],
    )


def _ratio(distance: Array, size: Array, scale: Array) -> Array:
    """Return a distance, given in units of `size`, over `scale`; the distance may not fall with the knots."""
    width = size * np.maximum(distance, NARROWEST)
    return np.asarray(np.maximum.accumulate(width) / scale)
