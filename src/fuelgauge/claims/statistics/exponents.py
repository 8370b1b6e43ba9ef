"""Fit the exponents with which loss and cost change with the number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import special

from fuelgauge.claims.statistics.cube import FIT_SECONDS, LOSS, Cube
from fuelgauge.claims.statistics.resample import Floats, RepeatTest, leave_one_out_means

__all__ = ["Exponents", "exponent_table", "fit_exponents"]

FEWEST_ANCHORS = 3


class Exponents(NamedTuple):
    """Exponents of curves with their confidence intervals, each of shape (...).

    Attributes
    ----------
    value
        Exponent b in: value proportional to n to the power b. It is below zero for a loss that falls.
    lo, hi
        Ends of the interval; NaN with a single repeat.
    """

    value: Floats
    lo: Floats
    hi: Floats


def fit_exponents(anchors: Floats, values: Floats, test: RepeatTest | None = None) -> Exponents:
    """Return the exponents of power laws that are fitted to curves by least squares on logarithmic scales.

    Parameters
    ----------
    anchors
        Numbers of training rows, shape (anchors,).
    values
        Losses or seconds of the trials, shape (..., anchors, repeats); NaN where a trial is missing. Means
        over repeats are fitted. Anchors without a mean above zero are left out.
    test
        Level of the intervals and share of the test rows; by default 0.95 and independent repeats.

    Returns
    -------
    Exponents
        NaN for a curve with fewer than three anchors.

    Notes
    -----
    A power law of the number of rows describes losses of nets over decades of rows: Hestness et al., Deep
    Learning Scaling is Predictable, Empirically (arXiv 1712.00409), equation 1. A curve that bends has no
    single exponent; the fitted one is its mean slope over the measured range. The interval is Student's t on
    a jackknife over repeats (`RepeatTest`).
    """
    means = leave_one_out_means(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(means)
    usable = np.isfinite(logs).all(axis=-2, keepdims=True)
    count = usable.sum(axis=-1, keepdims=True)
    x = np.where(usable, np.log(anchors), 0.0)
    x = np.where(usable, x - x.sum(axis=-1, keepdims=True) / np.maximum(count, 1), 0.0)
    rise = np.sum(x * np.where(usable, logs, 0.0), axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = np.where(count >= FEWEST_ANCHORS, rise / np.sum(x**2, axis=-1, keepdims=True), np.nan)
    lo, hi = (test or RepeatTest()).interval(slopes)
    return Exponents(slopes[..., 0, 0], lo[..., 0], hi[..., 0])


def exponent_table(all_cubes: Sequence[Cube], datasets: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Fit loss and fit seconds of every curve by powers of n.

    Parameters
    ----------
    all_cubes
        Cubes of all datasets; see `fuelgauge.claims.statistics.cube.cubes`.
    datasets
        Facts about the datasets, indexed by dataset, with the column test_share.
    level
        Confidence level of the intervals, between 0 and 1.

    Returns
    -------
    One row per curve with the columns dataset, model, family and level. The exponents of `fit_exponents` are
    in loss_exponent and fit_seconds_exponent, with _lo and _hi.

    Notes
    -----
    Where an anchor has only one timed repeat, the exponent of fit seconds has the t interval of linear
    regression over the anchors. See Draper and Smith, Applied Regression Analysis (1998), section 1.4.
    """
    tables = [_of_cube(cube, float(datasets["test_share"][cube.dataset]), level) for cube in all_cubes]
    return pd.concat(tables, ignore_index=True)


def _of_cube(cube: Cube, test_share: float, level: float) -> pd.DataFrame:
    keys = {"dataset": cube.dataset, "model": cube.models, "family": cube.families, "level": cube.level}
    anchors, seconds = cube.anchors, cube.values.get(FIT_SECONDS, np.full(cube.loss.shape, np.nan))
    of_loss = fit_exponents(anchors, cube.loss, RepeatTest(level, test_share))
    of_seconds = _or_of_regression(
        fit_exponents(anchors, seconds, RepeatTest(level)), anchors, seconds, level
    )
    columns = {
        f"{column}_exponent{end}": values
        for column, found in ((LOSS, of_loss), (FIT_SECONDS, of_seconds))
        for end, values in zip(("", "_lo", "_hi"), found, strict=True)
    }
    return pd.DataFrame({**keys, **columns})


def _or_of_regression(found: Exponents, anchors: Floats, values: Floats, level: float) -> Exponents:
    """Return exponents, with those of a regression over the anchors in place of those without an interval."""
    rows = np.stack(found, axis=-1)
    for curve in np.flatnonzero(np.isnan(found.lo)):
        rows[curve] = _of_regression(anchors, leave_one_out_means(values[curve])[0], level)
    return Exponents(*rows.T)


def _of_regression(anchors: Floats, means: Floats, level: float) -> Floats:
    """Return the slope of log means over log n, and the ends of its t interval."""
    usable = np.nan_to_num(means) > 0
    freedom = int(usable.sum()) - 2
    if freedom < FEWEST_ANCHORS - 2:
        return np.full(3, np.nan)
    x, y = np.log(anchors[usable]), np.log(means[usable])
    x, y = x - x.mean(), y - y.mean()
    slope = x @ y / (x @ x)
    error = np.sqrt(np.sum((y - slope * x) ** 2) / freedom / (x @ x))
    return slope + special.stdtrit(freedom, 0.5 + level / 2) * error * np.array([0.0, -1.0, 1.0])
