"""Two sides on the same rows of a dataset, each as good as its best member by validation loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fuelgauge.claims.judging.members import PREFIX, family_trials
from fuelgauge.claims.judging.verdict import Effect
from fuelgauge.claims.statistics.cube import Cube, cubes, shared_cells
from fuelgauge.claims.statistics.resample import Floats, RepeatTest, leave_one_out_means

INTERVAL = "Nadeau-Bengio corrected t"


@dataclass(frozen=True)
class Contrast:
    """Side A against side B on their common anchors and repeats.

    Attributes
    ----------
    anchors
        Shape (anchors,), in rows; those at which a loss is zero, with all repeats or without one, are
        left out.
    loss_a, loss_b
        Shape (repeats + 1, anchors): mean losses with all repeats, and without each.
    """

    anchors: Floats
    loss_a: Floats
    loss_b: Floats

    @property
    def log_ratio(self) -> Floats:
        """Return ln(L_A / L_B), shape (repeats + 1, anchors)."""
        ratio: Floats = np.log(self.loss_a / self.loss_b)
        return ratio


def best_of_sides(trials: pd.DataFrame, side: pd.Series) -> dict[str, Cube]:
    """Return by dataset the best member of every side, per anchor and repeat.

    Parameters
    ----------
    trials
        Checked trials.
    side
        The side of each trial; where it is missing the trial is on none.
    """
    if not side.notna().any():
        return {}
    of_sides = trials[side.notna()].assign(family=side.dropna(), subfamily="")
    best, _ = family_trials(of_sides)
    return {cube.dataset: cube for cube in cubes(best.assign(level="family"))}


def losses_of(cube: Cube, side: str) -> Floats:
    """Return the losses of a side, shape (anchors, repeats); NaN where it has no trial."""
    which = np.flatnonzero(cube.models == PREFIX + side)
    return cube.loss[which[0]] if len(which) else np.full(cube.loss.shape[1:], np.nan)


def contrast(cube: Cube, side_a: str, side_b: str) -> Contrast:
    """Lay two sides of a dataset beside each other; without anchors where they share none."""
    losses = np.stack([losses_of(cube, side_a), losses_of(cube, side_b)])
    present = np.asarray(np.isfinite(losses).all(axis=0))
    anchors, repeats = shared_cells(present)
    means = leave_one_out_means(np.where(present, losses, np.nan)[:, anchors][..., repeats])
    usable = np.all(means > 0, axis=(0, 1))
    return Contrast(cube.anchors[anchors][usable], means[0][:, usable], means[1][:, usable])


def ratio_effect(name: str, log_ratio: Floats, test: RepeatTest) -> Effect:
    """Return a ratio with its interval and its test against 1.

    Parameters
    ----------
    log_ratio
        Shape (repeats + 1,): the logarithm of the ratio with all repeats, and without each.
    """
    replicates = log_ratio[:, np.newaxis]
    lower, upper = test.interval(replicates)
    value, lo, hi = (float(np.exp(end[0])) for end in (replicates[0], lower, upper))
    return Effect(name, value, lo, hi, INTERVAL, p=float(test.p_value(replicates)[0]))
