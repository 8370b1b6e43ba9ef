"""The trials of a dataset as arrays, which is what curves and their statistics are computed on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fuelgauge.claims.statistics.resample import Floats

FEWEST_ANCHORS = 2


@dataclass(frozen=True)
class Cube:
    """All models (or all families) of a dataset.

    Attributes
    ----------
    models, families
        Shape (models,): names, sorted, and the family of each.
    anchors
        Shape (anchors,), in rows, increasing.
    loss, seconds
        Shape (models, anchors, repeats); NaN where a trial is missing.
    """

    dataset: str
    level: str
    models: NDArray[np.object_]
    families: NDArray[np.object_]
    anchors: Floats
    loss: Floats
    seconds: Floats


def cubes(trials: pd.DataFrame) -> list[Cube]:
    """Return one cube a dataset and level (``model``, ``family``) of checked trials."""
    groups = trials.groupby(["dataset", "level"], sort=True)
    return [_cube(part, str(dataset), str(level)) for (dataset, level), part in groups]


def _cube(trials: pd.DataFrame, dataset: str, level: str) -> Cube:
    model, models = pd.factorize(trials["model"], sort=True)
    anchor, anchors = pd.factorize(trials["n_train"], sort=True)
    repeat, repeats = pd.factorize(trials["repeat"], sort=True)
    families = np.empty(len(models), dtype=object)
    families[model] = trials["family"]
    loss = np.full((len(models), len(anchors), len(repeats)), np.nan)
    seconds = loss.copy()
    loss[model, anchor, repeat] = trials["loss"]
    if "fit_seconds" in trials:
        seconds[model, anchor, repeat] = trials["fit_seconds"]
    names, rows = np.asarray(models, dtype=object), np.asarray(anchors, dtype=float)
    return Cube(dataset, level, names, families, rows, loss, seconds)


def shared_cells(present: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the anchors to analyse, with two repeats each unless there is one in all, and the repeats.

    Parameters
    ----------
    present
        Shape (anchors, repeats): whether the trial is there (for a pair: both trials).

    Returns
    -------
    Masks of shape (anchors,) and (repeats,).
    """
    needed = min(2, max(1, int(present.any(axis=0).sum())))
    anchors = np.asarray(present.sum(axis=1) >= needed)
    return anchors, np.asarray(present[anchors].any(axis=0))
