"""Who leads at n: on which datasets deep models, or their rivals, are shown to have the lower loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fuelgauge.claims.judging.contrast import best_of_sides
from fuelgauge.claims.judging.members import PREFIX
from fuelgauge.claims.statistics.cube import Cube
from fuelgauge.claims.statistics.pairs import shown_orders
from fuelgauge.claims.statistics.resample import Floats
from fuelgauge.claims.statistics.turnbull import (
    Distribution,
    interval_censored,
    median_interval,
    median_p_value,
)

__all__ = ["CLASSICAL", "DEEP", "RIVALS", "TREES", "Passing", "leaders", "passing", "shares"]

DEEP, CLASSICAL, TREES, LINEAR = "deep", "classical", "trees", "linear"
RIVALS = (CLASSICAL, TREES, LINEAR)
# Pretrained models have seen other data and are on no side; neither is a constant.
CLASSICAL_FAMILIES = ("linear", "neighbours", "trees", "forest", "boosted")
TREE_FAMILIES = ("trees", "forest", "boosted")
MOST_SIZES = 16
COLUMNS = ["dataset", "modality", "rival", "n", "leader"]


def leaders(trials: pd.DataFrame, datasets: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Return which side is shown to lead at each number of rows of each dataset.

    Parameters
    ----------
    trials
        Checked trials of models.
    datasets
        Facts about the datasets, indexed by dataset, with the columns modality, control and test_share.
    level
        Level of the tests, between 0 and 1.

    Returns
    -------
    Table with the columns dataset, modality, rival, n and leader. The rival is ``classical``, ``trees`` or
    ``linear``. The leader is ``deep``, the name of the rival, or an empty text where neither is shown to
    lead. Controls are left out, and so are datasets without deep models.

    Notes
    -----
    Each side is represented by its best member by validation rows, at each anchor and in each repeat. An
    order is shown as `fuelgauge.claims.statistics.crossover.find_crossover` says.
    """
    if not (trials["family"] == DEEP).any():
        return pd.DataFrame(columns=COLUMNS)
    counted = trials[~trials["dataset"].map(datasets["control"]).astype(bool)]
    sides = [
        dict.fromkeys(CLASSICAL_FAMILIES, CLASSICAL),
        {**dict.fromkeys(TREE_FAMILIES, TREES), "linear": LINEAR},
    ]
    tables = [_orders(counted, {DEEP: DEEP, **side}, datasets, level) for side in sides]
    found = pd.concat(tables, ignore_index=True)
    found["modality"] = found["dataset"].map(datasets["modality"]).fillna("")
    return found[COLUMNS]


def _orders(
    trials: pd.DataFrame, side_of: dict[str, str], datasets: pd.DataFrame, level: float
) -> pd.DataFrame:
    cubes = list(best_of_sides(trials, trials["family"].map(side_of), columns=()).values())
    rivals = sorted({*side_of.values()} - {DEEP})

    def wanted(cube: Cube) -> list[tuple[str, str]]:
        there = set(cube.models)
        both = [(PREFIX + DEEP, PREFIX + rival) for rival in rivals]
        return [pair for pair in both if there >= set(pair)]

    pairs = shown_orders(cubes, datasets, level, wanted)
    rival = pairs["model_b"].astype(str).str.removeprefix(PREFIX)
    leader = np.select([pairs["better"] == "a", pairs["better"] == "b"], [DEEP, rival], "")
    return pd.DataFrame({"dataset": pairs["dataset"], "rival": rival, "n": pairs["n"], "leader": leader})


def shares(orders: pd.DataFrame) -> pd.DataFrame:
    """Count the datasets on which each side is shown to lead, by number of rows.

    Parameters
    ----------
    orders
        Rows of `leaders` for one rival.

    Returns
    -------
    Table with the columns n, deep, rival, neither and datasets, the last being those measured at n. With
    more than 16 numbers of rows they are rounded to powers of two. The largest one of a dataset then counts.
    """
    n = orders["n"].to_numpy(float)
    if len(np.unique(n)) > MOST_SIZES:
        n = 2.0 ** np.round(np.log2(n))
    at = orders.assign(size=n).sort_values("n").drop_duplicates(["dataset", "size"], keep="last")
    side = np.select([at["leader"] == DEEP, at["leader"] == ""], ["deep", "neither"], "rival")
    counted = pd.crosstab(at["size"], side).reindex(columns=["deep", "rival", "neither"], fill_value=0)
    counted = counted.assign(datasets=counted.sum(axis=1)).rename_axis("n").reset_index()
    return pd.DataFrame(counted.astype({"n": int}))


@dataclass(frozen=True)
class Passing:
    """Number of rows at which deep models pass a rival for good, over datasets.

    Attributes
    ----------
    n_datasets, n_known
        Number of datasets, and of those on which an order is shown at any number of rows.
    distribution
        Estimate of the distribution over the datasets on which an order is shown.
    median_lo, median_hi
        Confidence interval of the median.
    left, right
        Ends of the interval of each dataset, shape (datasets,); 0 and infinity where nothing is known.
    """

    n_datasets: int
    n_known: int
    distribution: Distribution
    median_lo: float
    median_hi: float
    left: Floats
    right: Floats

    def p_value(self, rows: float) -> float:
        """Return the two-sided p value of the sign test that the median number of rows is `rows`."""
        return median_p_value(self.left, self.right, rows)


def passing(orders: pd.DataFrame, level: float = 0.95) -> Passing:
    """Estimate at how many rows deep models pass a rival, over datasets.

    Parameters
    ----------
    orders
        Rows of `leaders` for one rival.
    level
        Confidence level of the interval of the median, between 0 and 1.

    Notes
    -----
    On a dataset, the number lies above the largest n at which the rival is shown to lead. It is at most the
    next larger n at which deep models are. Where these do not exist, it is bounded by 0 or infinity.
    `fuelgauge.claims.statistics.turnbull` has the methods.
    """
    bounds = [_bounds(own) for _, own in orders.groupby("dataset", sort=True)]
    left, right = np.array(bounds, dtype=float).reshape(-1, 2).T
    n_known = int(np.sum((left > 0) | np.isfinite(right)))
    lo, hi = median_interval(left, right, level)
    return Passing(len(bounds), n_known, interval_censored(left, right), lo, hi, left, right)


def _bounds(orders: pd.DataFrame) -> tuple[float, float]:
    n, leader = orders["n"].to_numpy(float), orders["leader"].to_numpy(str)
    left = float(np.max(n[(leader != DEEP) & (leader != "")], initial=0.0))
    return left, _first_above(n[leader == DEEP], left)


def _first_above(n: Floats, left: float) -> float:
    return float(np.min(n[n > left], initial=np.inf))
