"""The labels that pretraining saves: rows needed from scratch over rows needed pretrained, for equal loss."""

from __future__ import annotations

import pandas as pd

from fuelgauge.claims.judging.contrast import best_of_sides
from fuelgauge.claims.judging.members import PREFIX
from fuelgauge.claims.statistics.cube import Cube
from fuelgauge.claims.statistics.pairs import compare_models

__all__ = ["COLUMNS", "PRETRAINED", "SCRATCH", "savings"]

SCRATCH, PRETRAINED = "scratch", "pretrained"
# A constant is on no side.
SIDES = {
    **dict.fromkeys(("linear", "neighbours", "trees", "forest", "boosted", "deep"), SCRATCH),
    "pretrained": PRETRAINED,
}
COLUMNS = ["dataset", "n", "ratio", "ratio_lo", "ratio_hi", "censored"]


def savings(trials: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Return how many times the rows of the pretrained side the other side needs, over its number of rows n.

    Parameters
    ----------
    trials
        Checked trials of models.
    level
        Level of the intervals, between 0 and 1.

    Returns
    -------
    Table with the columns dataset, n, ratio, ratio_lo, ratio_hi and censored, sorted by dataset and n. The
    ratio is the data-efficiency ratio at n rows of the pretrained side. Where censored is ``above``, the side
    from scratch never reached that loss, and the ratio is a lower bound; where it is ``below``, an upper one.
    Datasets without both sides are left out.

    Notes
    -----
    Each side is represented by its best member by validation rows, at each anchor and in each repeat. Ratio
    and interval are those of `fuelgauge.claims.statistics.pairs.compare`, so they exist for n from 64 to a
    quarter of the largest anchor. What the encoder has read before is no label and is not counted in n.
    """
    if PRETRAINED not in set(trials["family"]):
        return pd.DataFrame(columns=COLUMNS)
    best = best_of_sides(trials, trials["family"].map(SIDES), columns=())
    pair = (PREFIX + SCRATCH, PREFIX + PRETRAINED)

    def wanted(cube: Cube) -> list[tuple[str, str]]:
        return [pair] if set(pair) <= set(cube.models) else []

    both = [cube for cube in best.values() if wanted(cube)]
    if not both:
        return pd.DataFrame(columns=COLUMNS)
    pairs, _ = compare_models(both, shares_of_test_rows(trials), level, wanted)
    known = pairs[pairs["der"].notna()] if len(pairs) else pairs.reindex(columns=["dataset", "n", "der"])
    found = known.rename(columns={"der": "ratio", "der_lo": "ratio_lo", "der_hi": "ratio_hi"})
    return found.reindex(columns=COLUMNS).sort_values(["dataset", "n"], ignore_index=True)


def shares_of_test_rows(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the ratio of test rows to rows to train on, by dataset; 0 where the test rows are not known."""
    grouped = trials.groupby("dataset")
    share = pd.Series(0.0, index=grouped.size().index)
    if {"n_test", "n_pool"} <= set(trials):
        share = (grouped["n_test"].median() / grouped["n_pool"].median()).fillna(0.0)
    return pd.DataFrame({"test_share": share})
