"""Two sides on the same rows of a dataset, each represented by its best member by validation loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from fuelgauge.claims.judging.measures import Effect, Measure
from fuelgauge.claims.judging.members import PREFIX, family_trials
from fuelgauge.claims.statistics.cube import FIT_SECONDS, LOSS, Cube, cubes, shared_cells
from fuelgauge.claims.statistics.resample import Floats, RepeatTest, leave_one_out_means

__all__ = ["Contrast", "best_of_sides", "contrast", "ratio_effect", "values_of"]

INTERVAL = "Nadeau-Bengio corrected t"


@dataclass(frozen=True)
class Contrast:
    """Side A against side B on their common anchors and repeats.

    Attributes
    ----------
    anchors
        Numbers of training rows, shape (anchors,). An anchor is left out if a mean is zero or negative there,
        with all repeats or without one.
    mean_a, mean_b
        Means of the column, in row 0 over all repeats, in each further row without one repeat; shape
        (repeats + 1, anchors).
    """

    anchors: Floats
    mean_a: Floats
    mean_b: Floats

    @property
    def log_ratio(self) -> Floats:
        """Return ln(A / B), shape (repeats + 1, anchors)."""
        ratio: Floats = np.log(self.mean_a / self.mean_b)
        return ratio


def best_of_sides(
    trials: pd.DataFrame, side: pd.Series, columns: Sequence[str] = (FIT_SECONDS,)
) -> dict[str, Cube]:
    """Return the best member of every side, per anchor and repeat, as one cube per dataset.

    Parameters
    ----------
    trials
        Checked trials.
    side
        Name of the side of each trial; a trial without one is on no side.
    columns
        Numeric columns that the cubes carry besides the loss.
    """
    if not side.notna().any():
        return {}
    of_sides = trials[side.notna()].assign(family=side.dropna(), subfamily="")
    best, _ = family_trials(of_sides)
    return {cube.dataset: cube for cube in cubes(best.assign(level="family"), columns)}


def values_of(cube: Cube, side: str, column: str = LOSS) -> Floats:
    """Return the values of a side in a column, shape (anchors, repeats); NaN where it has no trial."""
    which = np.flatnonzero(cube.models == PREFIX + side)
    values = cube.values[column]
    return values[which[0]] if len(which) else np.full(values.shape[1:], np.nan)


def contrast(cube: Cube, side_a: str, side_b: str, column: str = LOSS) -> Contrast:
    """Compare two sides of a dataset on a column; without anchors if they share none."""
    values = np.stack([values_of(cube, side_a, column), values_of(cube, side_b, column)])
    present = np.asarray(np.isfinite(values).all(axis=0))
    anchors, repeats = shared_cells(present)
    means = leave_one_out_means(np.where(present, values, np.nan)[:, anchors][..., repeats])
    usable = np.all(means > 0, axis=(0, 1))
    return Contrast(cube.anchors[anchors][usable], means[0][:, usable], means[1][:, usable])


def ratio_effect(measure: Measure, log_ratio: Floats, test: RepeatTest) -> Effect:
    """Return a ratio with its interval and its test against 1.

    Parameters
    ----------
    measure
        Measure that the ratio is a value of.
    log_ratio
        Logarithm of the ratio, first with all repeats and then without each; shape (repeats + 1,).
    test
        Test over repeats.
    """
    replicates = log_ratio[:, np.newaxis]
    lower, upper = test.interval(replicates)
    value, lo, hi = (float(np.exp(end[0])) for end in (replicates[0], lower, upper))
    found = measure.effect(value, lo, hi, INTERVAL, p=float(test.p_value(replicates)[0]))
    return replace(found, error=float(test.standard_error(replicates)[0]), repeats=float(len(log_ratio) - 1))
