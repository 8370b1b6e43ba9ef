"""The trials of a dataset as arrays, from which curves and statistics are computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fuelgauge.claims.statistics.resample import Floats

__all__ = ["FEWEST_ANCHORS", "FIT_SECONDS", "LOSS", "Cube", "cubes", "shared_cells"]

LOSS, FIT_SECONDS = "loss", "fit_seconds"
FEWEST_ANCHORS = 2


@dataclass(frozen=True)
class Cube:
    """The trials of all models, or of all families, of one dataset.

    Attributes
    ----------
    dataset
        Name of the dataset.
    level
        ``model`` or ``family``.
    models, families
        Names of the models, sorted, and the family of each; shape (models,).
    anchors
        Numbers of training rows, increasing; shape (anchors,).
    values
        Arrays of shape (models, anchors, repeats) by column of the trial table, ``loss`` always among them.
        A missing trial or value is NaN.
    """

    dataset: str
    level: str
    models: NDArray[np.object_]
    families: NDArray[np.object_]
    anchors: Floats
    values: Mapping[str, Floats]

    @property
    def loss(self) -> Floats:
        """Return the losses, shape (models, anchors, repeats)."""
        return self.values[LOSS]


def cubes(trials: pd.DataFrame, columns: Sequence[str] = (FIT_SECONDS,)) -> list[Cube]:
    """Return one cube per dataset and level (``model``, ``family``).

    Parameters
    ----------
    trials
        Checked trials with a column level.
    columns
        Numeric columns that the cubes carry besides the loss; one that the trials lack is all NaN.
    """
    groups = trials.groupby(["dataset", "level"], sort=True)
    return [_cube(part, str(dataset), str(level), columns) for (dataset, level), part in groups]


def _cube(trials: pd.DataFrame, dataset: str, level: str, columns: Sequence[str]) -> Cube:
    model, models = pd.factorize(trials["model"], sort=True)
    anchor, anchors = pd.factorize(trials["n_train"], sort=True)
    repeat, repeats = pd.factorize(trials["repeat"], sort=True)
    families = np.empty(len(models), dtype=object)
    families[model] = trials["family"]
    values = {}
    for column in dict.fromkeys((LOSS, *columns)):
        values[column] = np.full((len(models), len(anchors), len(repeats)), np.nan)
        if column in trials:
            values[column][model, anchor, repeat] = trials[column]
    names, rows = np.asarray(models, dtype=object), np.asarray(anchors, dtype=float)
    return Cube(dataset, level, names, families, rows, values)


def shared_cells(present: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return masks of the anchors and the repeats to analyse.

    An anchor needs two repeats. It needs only one where the dataset has one repeat in all.

    Parameters
    ----------
    present
        Whether the trial exists (for a pair: both trials), shape (anchors, repeats).

    Returns
    -------
    anchors, repeats
        Masks of shape (anchors,) and (repeats,).
    """
    needed = min(2, max(1, int(present.any(axis=0).sum())))
    anchors = np.asarray(present.sum(axis=1) >= needed)
    return anchors, np.asarray(present[anchors].any(axis=0))
