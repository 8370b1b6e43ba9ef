"""Forecast which of several models is best with more rows, with probabilities.

The difference of two log losses changes less than either of them: both models meet the same rows, and what
makes one forecast miss makes the other miss too. So the distribution of the difference is learned by itself
(scripts/learn_forecast.py; docs/explanation/extrapolation.md). Its centre is the difference just measured,
moved by the difference of the forecasts and by the change of the difference over the last octaves. Errors
follow a Student distribution, whose scale depends on both intervals, on how unlike the curves are and on the
noise of the paired repeats.

To pick the lowest forecast among many models is to pick, too often, the luckiest one (the winner's curse;
Smith and Winkler, Management Science 52, 2006). To pick the model with the largest probability of being best
is to pick, too often, the one with the widest interval. So the best model of today is kept, unless another
one beats it with a probability of at least LEAST_CHANCE.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student

from fuelgauge.claims.statistics.continuation import NEAREST, log_losses
from fuelgauge.claims.statistics.extrapolate import extrapolate_together
from fuelgauge.claims.statistics.forecast import PairLaw, cut, learned
from fuelgauge.claims.statistics.forecast_inputs import BACK, CONSTANT
from fuelgauge.claims.statistics.observed import Observed, read_companions
from fuelgauge.errors import TableError

__all__ = [
    "BestForecast",
    "Field",
    "centres",
    "choose",
    "forecast_best",
    "location_terms",
    "paired_noise",
    "probabilities_of_best",
    "scale_terms",
    "scales_of_pairs",
]

Array = NDArray[np.float64]

DRAWS = 4000
SEED = 0
SMALL_NOISE = 0.01
SMALL_DIFFERENCE = 0.02
NARROWEST_WIDTH = 1e-3
INTERVAL = 0.9
LEAST_CHANCE = 0.6


@dataclass(frozen=True)
class BestForecast:
    """Which of several models is best at a number of training rows.

    Attributes
    ----------
    n_shared
        Largest anchor that all models have reached; the forecast starts there.
    n_target
        Number of training rows of the forecast.
    choice
        Model of `choose`: the best of today, or one that is likely enough to beat it.
    models
        One row per model: model, loss_now, loss, loss_lo, loss_hi, p_best; the likeliest first.
    pairs
        One row per pair: model_a, model_b, ratio_now, ratio, ratio_lo, ratio_hi, p_a. A ratio is the loss of
        a over that of b, and p_a is the probability that a has the smaller loss.
    """

    n_shared: float
    n_target: float
    choice: str
    models: pd.DataFrame
    pairs: pd.DataFrame


@dataclass(frozen=True)
class Field:
    """Several models as they look from the anchor that all of them have reached.

    Attributes
    ----------
    level
        Log losses there, shape (models,).
    change, width
        Forecast change of the log loss, and half the width of its 90% interval; shape (models,).
    back
        Log losses before that anchor minus `level`, as in `Sketches.back`; shape (models, 7).
    noise
        Standard errors of the differences of log losses at that anchor, NaN where they are unknown; shape
        (models, models).
    ahead
        Distance of the target in octaves.
    """

    level: Array
    change: Array
    width: Array
    back: Array
    noise: Array
    ahead: float


def forecast_best(
    curves: Mapping[str, Sequence[Any]],
    n_target: float,
    level: float = 0.9,
    kinds: Mapping[str, str | None] | None = None,
) -> BestForecast:
    """Forecast which model is best at a number of training rows.

    Parameters
    ----------
    curves
        Name of the model to (n_train, loss) or (n_train, loss, train_loss or None), in the shapes of
        `fuelgauge.extrapolate`. Columns of a loss are repeats, the same ones for all models. The name
        ``constant`` stands for the constant predictor, which cannot be chosen.
    n_target
        Number of training rows, not below the largest anchor that all models have reached.
    level
        Probability that an interval contains its value, above 0 and at most 0.99.
    kinds
        Kind of the learner for each model of which it is known.

    Raises
    ------
    TableError
        A curve is wrong, there are fewer than two models, a model has no loss above zero, or the models
        share no anchor up to `n_target`.
    """
    read = read_companions(curves, "model")
    names = [name for name in read if name != CONSTANT]
    if len(names) < 2:
        raise TableError("A comparison needs the curves of at least two models.")
    shared = min(float(read[name].n[-1]) for name in names)
    if not np.isfinite(n_target) or n_target < shared:
        raise TableError(f"n_target {n_target:g} lies below {shared:g}, the last anchor of all models.")
    shown = {name: _shown(name, read[name], shared) for name in names}
    told = {name: (curve.n, curve.loss, curve.train_loss) for name, curve in (read | shown).items()}
    tables = extrapolate_together(told, dict.fromkeys(names, n_target), level, kinds)
    usual = extrapolate_together(told, dict.fromkeys(names, n_target), INTERVAL, kinds)
    field = _field([shown[name] for name in names], [usual[name] for name in names], n_target)
    noise = paired_noise(_repeats([curves[name] for name in names], shared))
    return _told(names, Field(**vars(field) | {"noise": noise}), tables, shared, float(n_target), level)


def _shown(name: str, curve: Observed, shared: float) -> Observed:
    shown = cut(curve, shared)
    if shown is None:
        raise TableError(
            f"model {name!r} has no loss above zero up to {shared:g} rows, or starts beyond them."
        )
    return shown


def _field(curves: Sequence[Observed], tables: Sequence[pd.DataFrame], n_target: float) -> Field:
    heights = [log_losses(curve.loss) for curve in curves]
    level = np.array([height[-1] for height in heights])
    found = pd.concat(list(tables))
    loss, high = np.log(found["loss"].to_numpy()), np.log(found["loss_hi"].to_numpy())
    low = np.log(np.maximum(found["loss_lo"].to_numpy(), np.exp(2 * loss - high)))
    last = float(curves[0].n[-1])
    back = [
        np.interp(-BACK, np.log2(curve.n / last), height, left=np.nan) - height[-1]
        for curve, height in zip(curves, heights, strict=True)
    ]
    return Field(
        level=level,
        change=loss - level,
        width=(high - low) / 2,
        back=np.array(back),
        noise=np.full((len(curves), len(curves)), np.nan),
        ahead=float(np.log2(n_target / last)),
    )


def _repeats(curves: Sequence[Sequence[Any]], shared: float) -> Array:
    """Return the losses at an anchor, shape (models, repeats); NaN unless all have the same repeats."""
    rows = []
    for n_train, loss, *_ in curves:
        at = np.flatnonzero(np.asarray(n_train, dtype=float) == shared)
        losses = np.asarray(loss, dtype=float)
        rows.append(losses[at[0]] if len(at) == 1 and losses.ndim == 2 else np.full(1, np.nan))
    same = len({len(row) for row in rows}) == 1
    return np.array(rows) if same else np.full((len(rows), 1), np.nan)


def paired_noise(losses: ArrayLike) -> Array:
    """Return the standard error of each difference of log mean losses, from paired repeats.

    Parameters
    ----------
    losses
        Losses at one anchor, shape (models, repeats); NaN where a repeat is missing.

    Returns
    -------
    numpy.ndarray
        Shape (models, models); NaN where fewer than two repeats are shared.
    """
    values = np.asarray(losses, dtype=float)
    known = np.isfinite(values)
    number = known.sum(axis=1, keepdims=True)
    mean = np.where(known, values, 0.0).sum(axis=1, keepdims=True) / np.maximum(number, 1)
    relative = values / np.where(mean > 0, mean, 1.0)
    difference = relative[:, None] - relative[None, :]
    shared = np.isfinite(difference)
    count = shared.sum(axis=2)
    centre = np.where(shared, difference, 0.0).sum(axis=2) / np.maximum(count, 1)
    squares = np.where(shared, (difference - centre[..., None]) ** 2, 0.0).sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(count > 1, np.sqrt(squares / (count - 1) / count), np.nan))


def location_terms(field: Field) -> Array:
    """Return the terms that move each model's log loss away from its level, shape (models, 5)."""
    soon = 1 - np.exp(-field.ahead / 2)
    slopes = -np.nan_to_num(field.back[:, [0, 1, 3]]) / BACK[[0, 1, 3]]
    return np.column_stack([field.change, soon * (field.level - field.level.mean()), soon * slopes])


def scale_terms(field: Field, centre: Array) -> Array:
    """Return the terms of the log scale of each difference, shape (models, models, 7)."""
    width = np.maximum(field.width, NARROWEST_WIDTH)
    both = np.log(width[:, None] ** 2 + width[None, :] ** 2) / 2
    steps = field.back[:, None, :4] - field.back[None, :, :4]
    unlike = np.sqrt(np.nan_to_num(steps**2).sum(axis=2) / np.maximum(np.isfinite(steps).sum(axis=2), 1))
    difference = np.abs(centre[:, None] - centre[None, :])
    known = np.isfinite(field.noise)
    noise = np.where(known, np.log(np.nan_to_num(field.noise) + SMALL_NOISE), 0.0)
    one = np.ones_like(both)
    return np.stack(
        [
            one,
            both,
            np.log(unlike + SMALL_DIFFERENCE),
            np.log(difference + SMALL_DIFFERENCE),
            one * np.log(field.ahead + NEAREST),
            noise,
            known.astype(float),
        ],
        axis=2,
    )


def centres(field: Field, law: PairLaw) -> Array:
    """Return the centre of each model's log loss at the target, up to a common constant; shape (models,)."""
    return np.asarray(field.level + location_terms(field) @ law.location)


def scales_of_pairs(field: Field, centre: Array, law: PairLaw) -> Array:
    """Return the scale of each difference of log losses at the target, shape (models, models)."""
    return np.asarray(np.exp(scale_terms(field, centre) @ law.scale))


def probabilities_of_best(centre: Array, scale: Array, freedom: float) -> Array:
    """Return each model's probability of having the smallest loss, shape (models,).

    Parameters
    ----------
    centre
        Centres of the log losses, shape (models,).
    scale
        Scales of their differences, shape (models, models).
    freedom
        Degrees of freedom of the Student distribution of the differences.

    Notes
    -----
    The differences define the covariance of the log losses up to a common constant, by double centring
    (Torgerson, Psychometrika 17, 1952). Negative eigenvalues count as zero.
    """
    models = len(centre)
    squares = scale**2 * (1 - np.eye(models))
    middle = np.eye(models) - 1 / models
    values, vectors = np.linalg.eigh(-middle @ squares @ middle / 2)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    rng = np.random.default_rng(SEED)
    normal = rng.standard_normal((DRAWS, models)) @ root.T
    spread = np.sqrt(freedom / rng.chisquare(freedom, (DRAWS, 1)))
    errors = normal * spread
    drawn = centre + np.concatenate([errors, -errors])
    return np.bincount(drawn.argmin(axis=1), minlength=models) / len(drawn)


def choose(now: Array, centre: Array, scale: Array, freedom: float) -> int:
    """Return the place of the model with the lowest log loss now, or of one that will probably beat it.

    Parameters
    ----------
    now
        Log losses now, shape (models,).
    centre, scale, freedom
        As for `probabilities_of_best`.
    """
    best = int(now.argmin())
    others = np.arange(len(now)) != best
    chance = np.zeros(len(now))
    lead = centre[best] - centre[others]
    chance[others] = student.cdf(lead / scale[best, others], freedom)
    return int(chance.argmax()) if chance.max() >= LEAST_CHANCE else best


def _told(
    names: list[str],
    field: Field,
    tables: Mapping[str, pd.DataFrame],
    shared: float,
    target: float,
    level: float,
) -> BestForecast:
    law = learned().pairs
    centre = centres(field, law)
    scale = scales_of_pairs(field, centre, law)
    found = pd.concat([tables[name] for name in names], ignore_index=True).drop(columns="n_train")
    found.insert(0, "loss_now", np.exp(field.level))
    found.insert(0, "model", names)
    found["p_best"] = probabilities_of_best(centre, scale, law.freedom)
    models = found.sort_values(["p_best", "loss_now"], ascending=[False, True], ignore_index=True)
    return BestForecast(
        n_shared=shared,
        n_target=target,
        choice=names[choose(field.level, centre, scale, law.freedom)],
        models=models,
        pairs=_pairs(names, field.level, centre, scale, law.freedom, level),
    )


def _pairs(
    names: list[str], now: Array, centre: Array, scale: Array, freedom: float, level: float
) -> pd.DataFrame:
    a, b = np.triu_indices(len(names), 1)
    difference, spread = centre[a] - centre[b], scale[a, b]
    reach = student.ppf((1 + level) / 2, freedom) * spread
    return pd.DataFrame(
        {
            "model_a": np.array(names, dtype=object)[a],
            "model_b": np.array(names, dtype=object)[b],
            "ratio_now": np.exp(now[a] - now[b]),
            "ratio": np.exp(difference),
            "ratio_lo": np.exp(difference - reach),
            "ratio_hi": np.exp(difference + reach),
            "p_a": student.cdf(-difference / spread, freedom),
        }
    )
