"""Curves that do not behave, and models that learn nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from fuelgauge.claims.resample import Floats, holm, jackknife_error, leave_one_out_means

Places = NDArray[np.int_]
COLUMNS = ["kind", "dataset", "model", "n_train", "text"]
FEWEST_REPEATS = 2
BASELINES = ("dummy", "baseline")


def curve_flags(trials: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Flag ill-behaved curves and dead models.

    Parameters
    ----------
    trials
        Checked trials with the column level.
    level
        A flag on a curve's shape stands if its test, one-sided and corrected by Holm's method within the
        curve, reaches it.

    Returns
    -------
    Columns kind, dataset, model, n_train, text. Kinds: ``non-monotone`` (at n_train the loss is above the
    lowest before it), ``non-convex`` (the loss is above the line between its neighbours, over n on a
    linear scale), ``dead`` (no better than the constant predictor); the first two by a jackknife t test over
    repeats that is paired over anchors.

    Notes
    -----
    Both shapes after Viering and Loog, The shape of learning curves: a review (TPAMI 2022), section 6.
    """
    models = trials[~_is_baseline(trials)]
    found = [
        flag for _, part in models.groupby(["dataset", "model"]) for flag in _shape_flags(part, 1 - level)
    ]
    found += _dead(trials)
    return pd.DataFrame(found, columns=COLUMNS)


def _is_baseline(trials: pd.DataFrame) -> pd.Series:
    return trials["model"].isin(BASELINES) | trials["family"].isin(BASELINES)


def _shape_flags(part: pd.DataFrame, alpha: float) -> Iterator[tuple[str, str, str, int, str]]:
    grid = part.pivot(index="n_train", columns="repeat", values="loss")
    grid = grid[grid.notna().sum(axis=1) >= FEWEST_REPEATS]
    loss, anchors = grid.to_numpy(float), grid.index.to_numpy(float)
    if len(anchors) < 2:
        return
    who = (str(part["dataset"].iloc[0]), str(part["model"].iloc[0]))
    means = leave_one_out_means(loss)
    for kind, (where, excess), text in (
        ("non-monotone", _rises(means), "the loss is {:.1%} above the lowest before it"),
        ("non-convex", _bulges(anchors, means), "the loss is {:.1%} above the line between its neighbours"),
    ):
        p = _one_sided(excess)
        if p.size and np.nanmin(p) < alpha:
            worst = int(np.nanargmin(p))
            size = excess[0, worst] / (means[0, where[worst]] - excess[0, worst])
            yield kind, *who, int(anchors[where[worst]]), text.format(size) + "."


def _rises(means: Floats) -> tuple[Places, Floats]:
    lowest_before = np.array([int(np.argmin(means[0, :k])) for k in range(1, means.shape[1])])
    where = np.arange(1, means.shape[1])
    return where, means[:, where] - means[:, lowest_before]


def _bulges(anchors: Floats, means: Floats) -> tuple[Places, Floats]:
    where = np.arange(1, len(anchors) - 1)
    share = (anchors[2:] - anchors[1:-1]) / (anchors[2:] - anchors[:-2])
    return where, means[:, where] - share * means[:, where - 1] - (1 - share) * means[:, where + 1]


def _one_sided(excess: Floats) -> Floats:
    error = jackknife_error(excess)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(excess[0] > 0, excess[0] / error, 0.0)
    return holm(stats.t.sf(t, len(excess) - 2))


def _dead(trials: pd.DataFrame) -> list[tuple[str, str, str, int, str]]:
    """Flag the largest anchor at which a model's mean loss is no lower than the constant predictor's."""
    single = trials[trials["level"] == "model"]
    baseline = _is_baseline(single)
    means = single[~baseline].groupby(["dataset", "model", "n_train"])["loss"].mean().reset_index()
    constant = single[baseline].groupby(["dataset", "n_train"])["loss"].mean().rename("constant")
    joined = means.join(constant, on=["dataset", "n_train"], how="inner")
    dead = joined[joined["loss"] >= joined["constant"]]
    return [
        ("dead", str(dataset), str(model), int(part["n_train"].max()), _dead_text(part["n_train"].tolist()))
        for (dataset, model), part in dead.groupby(["dataset", "model"])
    ]


def _dead_text(anchors: list[int]) -> str:
    listed = ", ".join(f"{n:,}" for n in anchors)
    return f"No better than a constant predictor at {listed} rows."
