"""Forecast every curve of a trial table beyond its last anchor, with all that the table tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fuelgauge.claims.statistics.cube import Cube, cubes
from fuelgauge.claims.statistics.extrapolate import extrapolate, extrapolate_together
from fuelgauge.claims.statistics.forecast_inputs import CONSTANT
from fuelgauge.claims.statistics.resample import leave_one_out_means

__all__ = ["BASELINE", "forecast_curves", "kinds_of"]

TRAIN_LOSS, CONSTANT_LOSS = "train_loss", "constant_loss"
BASELINE = "baseline"
# A family that holds learners of several kinds tells no kind.
MIXED = ("trees", BASELINE)


def forecast_curves(trials: pd.DataFrame, factors: Sequence[float], level: float) -> pd.DataFrame:
    """Forecast every curve at multiples of its largest anchor, from its mean over repeats.

    The training losses, the other models of the dataset, the loss of the constant predictor and the kind of
    the learner are used where the table has them.

    Parameters
    ----------
    trials
        Checked trials with a column level; train_loss, constant_loss and subfamily are optional.
    factors
        Multiples of the largest anchor.
    level
        Probability that an interval contains the loss.

    Returns
    -------
    pandas.DataFrame
        dataset, model, family, level, n_max, factor, n_train, loss, loss_lo, loss_hi.
    """
    kinds = kinds_of(trials)
    found = [
        (cube, _of_cube(cube, kinds, factors, level)) for cube in cubes(trials, (TRAIN_LOSS, CONSTANT_LOSS))
    ]
    predicted = pd.concat([table for _, tables in found for table in tables], ignore_index=True)
    curves = [(cube, place) for cube, _ in found for place in range(len(cube.models))]
    keys: dict[str, Sequence[Any]] = {
        "dataset": [cube.dataset for cube, _ in curves],
        "model": [cube.models[place] for cube, place in curves],
        "family": [cube.families[place] for cube, place in curves],
        "level": [cube.level for cube, _ in curves],
        "n_max": [int(_curve(cube, place)[0][-1]) for cube, place in curves],
    }
    about = {name: np.repeat(np.asarray(values), len(factors)) for name, values in keys.items()}
    return pd.concat([pd.DataFrame({**about, "factor": np.tile(factors, len(curves))}), predicted], axis=1)


def kinds_of(trials: pd.DataFrame) -> dict[str, str | None]:
    """Return the kind of each model: its subfamily, else its family; None where that tells no kind."""
    once = trials.drop_duplicates("model")
    own = once["family"]
    if "subfamily" in once:
        own = once["subfamily"].replace("", None).astype(object).fillna(own)
    return {
        str(model): None if kind in MIXED else str(kind)
        for model, kind in zip(once["model"], own, strict=True)
    }


def _of_cube(
    cube: Cube, kinds: Mapping[str, str | None], factors: Sequence[float], level: float
) -> list[pd.DataFrame]:
    curves = {str(name): _curve(cube, place) for place, name in enumerate(cube.models)}
    multiples = np.array(factors, dtype=float)
    targets = {name: multiples * curve[0][-1] for name, curve in curves.items()}
    is_baseline = dict(zip(map(str, cube.models), cube.families == BASELINE, strict=True))
    told: dict[str, tuple[Any, ...]] = {
        name: curve for name, curve in curves.items() if not is_baseline[name]
    }
    constant = cube.values[CONSTANT_LOSS]
    if np.isfinite(constant).any():
        told[CONSTANT] = (cube.anchors, np.full(len(cube.anchors), np.nanmean(constant)))
    wanted = {name: targets[name] for name in told if name in curves}
    found = extrapolate_together(told, wanted, level, kinds)
    return [
        found[name] if name in found else extrapolate(curve[0], curve[1], targets[name], level)
        for name, curve in curves.items()
    ]


def _curve(
    cube: Cube, place: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None]:
    """Return anchors, mean losses and mean training losses of a model; None if one of these is missing."""
    loss, train_loss = (leave_one_out_means(cube.values[name][place])[0] for name in ("loss", TRAIN_LOSS))
    measured = np.isfinite(loss)
    trained = train_loss[measured]
    known = np.isfinite(trained).all() and (trained >= 0).all()
    return cube.anchors[measured], loss[measured], trained if known else None
