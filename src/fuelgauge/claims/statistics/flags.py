"""Flag ill-behaved curves, models no better than a constant, and times taken on a busy machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from fuelgauge.claims.statistics.cube import FEWEST_ANCHORS, Cube, shared_cells
from fuelgauge.claims.statistics.curves import ROUNDING
from fuelgauge.claims.statistics.resample import Floats, RepeatTest, holm, leave_one_out_means

__all__ = ["constant_flags", "curve_flags", "load_flags"]

Places = NDArray[np.int_]
Flag = tuple[str, str, str, int, str]
COLUMNS = ["kind", "dataset", "model", "n_train", "text"]
BASELINES = ("dummy", "baseline")
BUSY = 0.5  # share of the cores that other work may use before a time is flagged


def curve_flags(cubes_of_trials: Sequence[Cube], datasets: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Flag ill-behaved curves.

    Parameters
    ----------
    cubes_of_trials
        Cubes of all datasets; see `fuelgauge.claims.statistics.cube.cubes`.
    datasets
        Facts about the datasets, indexed by dataset, with the column test_share (see
        `fuelgauge.claims.statistics.resample.correction`).
    level
        Confidence level that the test of a curve's shape must reach. The test is one-sided, with Holm's
        correction within the curve.

    Returns
    -------
    Table with the columns kind, dataset, model, n_train and text. The kinds are:

    - ``non-monotone``: the loss at n_train is above the lowest loss before it;
    - ``non-convex``: the loss is above the line between its neighbours, over n on a linear scale.

    Notes
    -----
    Both shapes follow Viering and Loog, The shape of learning curves: a review (TPAMI 2022), section 6. They
    are tested over repeats by `fuelgauge.claims.statistics.resample.RepeatTest`, paired over anchors.
    """
    tests = {dataset: RepeatTest(level, share) for dataset, share in datasets["test_share"].items()}
    found = [flag for cube in cubes_of_trials for flag in _shapes(cube, tests[cube.dataset])]
    return pd.DataFrame(found, columns=COLUMNS)


def constant_flags(trials: pd.DataFrame) -> pd.DataFrame:
    """Name the models that do no better than a constant, in one flag for each dataset.

    A model's mean loss at an anchor is compared with the mean of constant_loss over the same trials. Where
    the table has none, it is compared with the mean loss of the constant predictor (family ``baseline``) in
    the same repeats.

    Parameters
    ----------
    trials
        Checked trials.

    Returns
    -------
    Table with the columns of `curve_flags` and the kind ``dead``. The column model lists the models, and
    n_train is the largest anchor that the text names.
    """
    baseline = trials["model"].isin(BASELINES) | trials["family"].isin(BASELINES)
    constant = _constant_loss(trials, baseline)
    known = trials.assign(constant=constant)[~baseline & constant.notna()]
    means = known.groupby(["dataset", "model", "n_train"])[["loss", "constant"]].mean()
    dead = means[means["loss"] >= means["constant"] * (1 - ROUNDING)].reset_index()
    found = [
        ("dead", str(dataset), ", ".join(dict.fromkeys(own["model"])), int(own["n_train"].max()), _dead(own))
        for dataset, own in dead.groupby("dataset")
    ]
    return pd.DataFrame(found, columns=COLUMNS)


def _constant_loss(trials: pd.DataFrame, baseline: pd.Series) -> pd.Series:
    """Return the loss of a constant for each trial; NaN where neither a column nor a baseline tells."""
    given = trials["constant_loss"] if "constant_loss" in trials else pd.Series(np.nan, trials.index)
    if given.notna().all() or not baseline.any():
        return given
    keys = ["dataset", "n_train", "repeat"]
    losses = (
        trials[baseline].sort_values("model", kind="stable").drop_duplicates(keys).set_index(keys)["loss"]
    )
    of_baseline = losses.reindex(pd.MultiIndex.from_frame(trials[keys]))
    has_column = given.groupby(trials["dataset"]).transform("count") > 0
    return given.where(has_column, pd.Series(of_baseline.to_numpy(), trials.index))


def _dead(own: pd.DataFrame) -> str:
    named = [f"{model} at {_listed(part['n_train'])}" for model, part in own.groupby("model")]
    return f"No better than a constant: {'; '.join(named)} rows."


def _listed(sizes: pd.Series) -> str:
    return ", ".join(f"{n:,.0f}" for n in sizes)


def load_flags(trials: pd.DataFrame) -> pd.DataFrame:
    """Flag datasets whose fits were timed while other work used much of the machine.

    Parameters
    ----------
    trials
        Checked trials; without the columns load and fit_seconds nothing is flagged.

    Returns
    -------
    Table with the columns of `curve_flags` and the kind ``busy``.
    """
    if not {"load", "fit_seconds"} <= set(trials):
        return pd.DataFrame(columns=COLUMNS)
    timed = trials[trials["fit_seconds"].notna() & trials["load"].notna()]
    found = [
        ("busy", dataset, ", ".join(sorted(set(own.loc[own["load"] > BUSY, "model"]))), np.nan, _busy(own))
        for dataset, own in timed.groupby("dataset")
        if (own["load"] > BUSY).any()
    ]
    return pd.DataFrame(found, columns=COLUMNS)


def _busy(timed: pd.DataFrame) -> str:
    n_busy = int((timed["load"] > BUSY).sum())
    return f"{n_busy} of {len(timed)} fits were timed while other work used over {BUSY:.0%} of the cores."


def _is_baseline(cube: Cube) -> NDArray[np.bool_]:
    return np.asarray(np.isin(cube.models, BASELINES) | np.isin(cube.families, BASELINES))


def _shapes(cube: Cube, test: RepeatTest) -> Iterator[Flag]:
    for which in np.flatnonzero(~_is_baseline(cube)):
        anchors, repeats = shared_cells(np.isfinite(cube.loss[which]))
        if anchors.sum() >= FEWEST_ANCHORS and repeats.sum() > 1:
            loss = cube.loss[which][np.ix_(anchors, repeats)]
            yield from _shape_flags((cube.dataset, cube.models[which]), cube.anchors[anchors], loss, test)


def _shape_flags(who: tuple[str, str], anchors: Floats, loss: Floats, test: RepeatTest) -> Iterator[Flag]:
    means = leave_one_out_means(loss)
    for kind, (where, excess), text in (
        ("non-monotone", _rises(means), "the loss is {:.1%} above the lowest before it"),
        ("non-convex", _bulges(anchors, means), "the loss is {:.1%} above the line between its neighbours"),
    ):
        p = _one_sided(excess, test)
        if p.size and np.nanmin(p) < 1 - test.level:
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


def _one_sided(excess: Floats, test: RepeatTest) -> Floats:
    return holm(stats.t.sf(np.maximum(test.statistic(excess), 0.0), len(excess) - 2))
