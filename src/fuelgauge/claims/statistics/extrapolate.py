"""Extrapolate a learning curve beyond its last anchor, with calibrated intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fuelgauge.claims.statistics.continuation import (
    describe,
    octaves_ahead,
    predict_log_loss,
    scales,
    score_range,
)
from fuelgauge.claims.statistics.forecast import Asked, Correction, correct
from fuelgauge.claims.statistics.observed import read_companions, read_curve
from fuelgauge.errors import TableError

__all__ = ["answer_all", "extrapolate", "extrapolate_together"]

Array = NDArray[np.float64]

WIDEST_LEVEL = 0.99
ZERO_BOUND_ROWS = 3.0


def extrapolate(
    n_train: ArrayLike,
    loss: ArrayLike,
    n_target: ArrayLike,
    level: float = 0.9,
    train_loss: ArrayLike | None = None,
    companions: Mapping[str, Sequence[Any]] | None = None,
    kind: str | None = None,
) -> pd.DataFrame:
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
    train_loss
        Losses on the training rows themselves, in the shape of `loss`.
    companions
        Curves of other models on the same dataset: name to (n_train, loss, train_loss or None). The name
        ``constant`` stands for the constant predictor.
    kind
        Kind of the learner, such as ``linear``, ``forest``, ``boosted`` or ``deep``.

    Returns
    -------
    pandas.DataFrame
        One row per target, in the given order: n_train, loss, loss_lo and loss_hi, in units of the loss.

    Raises
    ------
    TableError
        Shapes do not match, a value is missing, infinite, negative or (n_train) zero, a target lies below the
        first anchor, or the level is out of range. The sentence names the companion that is wrong.
    """
    curve = read_curve(n_train, loss, train_loss)
    asked = Asked(curve, read_companions(companions), kind)
    targets = _read_targets(n_target, float(curve.n[0]))
    _check_level(level)
    return answer_all([asked], [targets], level)[0]


def extrapolate_together(
    curves: Mapping[str, Sequence[Any]],
    n_target: Mapping[str, ArrayLike],
    level: float = 0.9,
    kinds: Mapping[str, str | None] | None = None,
) -> dict[str, pd.DataFrame]:
    """Predict several models on one dataset, each with all others as its companions.

    Parameters
    ----------
    curves
        Name of the model to (n_train, loss, train_loss or None), as for `extrapolate`. The name ``constant``
        stands for the constant predictor, which is no companion but a known level.
    n_target
        Numbers of training rows to predict at, for each model to be predicted.
    level
        Probability that an interval contains the loss, above 0 and at most 0.99.
    kinds
        Kind of the learner for each model of which it is known.

    Returns
    -------
    dict
        Name of the model to the table of `extrapolate`.

    Raises
    ------
    TableError
        As for `extrapolate`.
    """
    _check_level(level)
    read = read_companions(curves, "model")
    asked, targets = [], []
    for name, wanted in n_target.items():
        others = {other: curve for other, curve in read.items() if other != name}
        asked.append(Asked(read[name], others, (kinds or {}).get(name)))
        targets.append(_read_targets(wanted, float(read[name].n[0])))
    return dict(zip(n_target, answer_all(asked, targets, level), strict=True))


def answer_all(asked: Sequence[Asked], targets: Sequence[Array], level: float) -> list[pd.DataFrame]:
    """Return the forecast of every curve; one that is zero everywhere stays there."""
    positive = [each for each in asked if each.curve.loss.any()]
    corrections = iter(correct(positive))
    return [
        _answer(each, at, level, next(corrections))
        if each.curve.loss.any()
        else _stay_at_zero(at, float(each.curve.n[-1]))
        for each, at in zip(asked, targets, strict=True)
    ]


def _answer(asked: Asked, targets: Array, level: float, correction: Correction | None) -> pd.DataFrame:
    n, y = asked.curve.n, asked.curve.loss
    shape, ahead = describe(n, y), octaves_ahead(n, targets)
    below, above = scales(shape, ahead)
    if correction is None:
        centre = predict_log_loss(n, y, targets)
        low, high = score_range(level, n.size)
    else:
        centre = predict_log_loss(n, y, targets, correction.change(ahead, (below + above) / 2))
        low, high = correction.score_range(level)
        below, above = correction.widths(ahead, below, above)
    lo = np.exp(centre + low * below)
    return pd.DataFrame(
        {
            "n_train": targets,
            "loss": np.exp(centre),
            "loss_lo": lo if y[-1] > 0 else np.zeros_like(lo),
            "loss_hi": np.exp(centre + high * above),
        }
    )


def _check_level(level: float) -> None:
    if not 0 < level <= WIDEST_LEVEL:
        raise TableError(f"level is {level}; it must be above 0 and at most {WIDEST_LEVEL}.")


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
