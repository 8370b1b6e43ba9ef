"""The picture of the claim engine: performance against rows, for older algorithms and for nets by size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fuelgauge.claims.engine import SizedFamily, mean_losses, size_of, sized_families
from fuelgauge.claims.judging.contrast import best_of_sides, contrast, losses_of, ratio_effect
from fuelgauge.claims.judging.verdict import Rules
from fuelgauge.claims.statistics.resample import Floats, RepeatTest

OLDER = "older algorithms"
CLASSICAL = ("linear", "neighbours", "trees")
LINE_COLUMNS = ["line", "n_train", "performance"]
RATIOS = ["ratio", "ratio_lo", "ratio_hi"]
SIZE_COLUMNS = ["dataset", "model", "family", "n_train", "best_size", *RATIOS]


@dataclass(frozen=True)
class Slide:
    """Performance against rows, averaged over datasets.

    Attributes
    ----------
    points
        line (``older algorithms`` or ``large net``), n_train, performance.
    datasets
        Those that the averages are over.
    caption
        The rule in words.
    """

    points: pd.DataFrame
    datasets: tuple[str, ...]
    caption: str


def slide(trials: pd.DataFrame, rules: Rules) -> Slide | None:
    """Return the lines of the slide, or None where no dataset has nets in all sizes beside older algorithms.

    Parameters
    ----------
    trials
        Checked trials; controls are left out.
    rules
        Of the claim engine.

    Notes
    -----
    Performance is 1 - L(n) / L_0, with L_0 the loss of the constant predictor at the dataset's largest
    anchor, or, where none was run, the highest mean loss measured on that dataset. The datasets are those
    that have all lines at every anchor drawn; of such choices the one with most points (datasets x anchors)
    is drawn.
    """
    counted = trials[~trials["control"].eq(True)] if "control" in trials else trials
    nets = {one.cube.dataset: one for one in sized_families(counted, {**rules, "beside": []})}
    lines = {name: found for name, one in nets.items() if not (found := _lines(one, counted, rules)).empty}
    if not lines:
        return None
    chosen, anchors = _widest({dataset: set(map(float, found.columns)) for dataset, found in lines.items()})
    scaled = [1 - lines[name][anchors] / _constant_loss(counted, name) for name in chosen]
    mean = sum(scaled[1:], start=scaled[0]) / len(scaled)
    return Slide(_long(mean), tuple(chosen), _caption(chosen))


def _long(lines: pd.DataFrame) -> pd.DataFrame:
    rows = [
        (name, int(n), float(value))
        for name, line in lines.iterrows()
        for n, value in zip(lines.columns, line, strict=True)
    ]
    return pd.DataFrame(rows, columns=LINE_COLUMNS)


def _lines(one: SizedFamily, trials: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Return mean losses, one row a line, on the anchors that all lines have."""
    own = trials[(trials["dataset"] == one.cube.dataset) & (trials["size"] == "default")]
    older = best_of_sides(own, own["family"].map(dict.fromkeys(CLASSICAL, OLDER)))
    anchors, losses = mean_losses(one, rules)
    nets = pd.DataFrame(losses, index=[f"{size} net" for size in rules["sizes"]], columns=anchors)
    if not older:
        return nets.iloc[:, :0]
    (cube,) = older.values()
    line = pd.DataFrame([_mean(losses_of(cube, OLDER))], index=[OLDER], columns=cube.anchors)
    return pd.concat([line, nets]).dropna(axis="columns").sort_index(axis="columns")


def _mean(losses: Floats) -> Floats:
    count = np.isfinite(losses).sum(axis=1)
    total = np.nansum(losses, axis=1)
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)


def _widest(anchors: dict[str, set[float]]) -> tuple[list[str], list[float]]:
    """Return the datasets and the anchors that they all have, as many points as possible."""
    choices = [
        ([name for name, own in anchors.items() if own >= wanted], sorted(wanted))
        for wanted in anchors.values()
    ]
    return max(choices, key=lambda choice: len(choice[0]) * len(choice[1]))


def _constant_loss(trials: pd.DataFrame, dataset: str) -> float:
    own = trials[trials["dataset"] == dataset]
    constant = own[own["family"] == "baseline"]
    if len(constant):
        return float(constant.loc[constant["n_train"] == constant["n_train"].max(), "loss"].mean())
    return float(own.groupby(["model", "n_train"])["loss"].mean().max())


def _caption(datasets: list[str]) -> str:
    which = f"{len(datasets)} datasets ({', '.join(datasets)})" if len(datasets) > 1 else datasets[0]
    averaged = "averaged over" if len(datasets) > 1 else "on"
    return (
        f"Performance is 1 \N{MINUS SIGN} loss / loss of a constant prediction, {averaged} {which}: 1 is "
        "without error, 0 is what a constant reaches. Older algorithms: the best linear, tree or neighbour "
        "model by validation loss."
    )


def size_table(
    trials: pd.DataFrame, datasets: pd.DataFrame, rules: Rules, level: float = 0.95
) -> pd.DataFrame:
    """Return which size was best, and how the largest did against the tiniest, model by model.

    Parameters
    ----------
    trials
        Checked trials.
    datasets
        Indexed by dataset, with the column test_share.
    rules
        Of the claim engine.
    level
        Of the intervals.

    Returns
    -------
    dataset, model, family, n_train, best_size (of equal ones the smaller), ratio (largest over tiniest),
    ratio_lo, ratio_hi; one row a model that has all sizes and an anchor.
    """
    if "any_size" not in trials:
        return pd.DataFrame(columns=SIZE_COLUMNS)
    shares = datasets["test_share"].to_dict()
    tables = [
        _sizes_of(one, str(model), RepeatTest(level, shares[one.cube.dataset]), rules)
        for model, own in trials.groupby("any_size")
        for one in sized_families(own, rules)
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=SIZE_COLUMNS)


def _sizes_of(one: SizedFamily, model: str, test: RepeatTest, rules: Rules) -> pd.DataFrame:
    anchors, losses = mean_losses(one, rules)
    found = contrast(
        one.cube, size_of(one.family, rules["sizes"][-1]), size_of(one.family, rules["sizes"][0])
    )
    effects = [ratio_effect("ratio", column, test) for column in found.log_ratio.T]
    ratios = pd.DataFrame(
        [(e.effect, e.lo, e.hi) for e in effects],
        index=found.anchors,
        columns=["ratio", "ratio_lo", "ratio_hi"],
    )
    table = pd.DataFrame(
        {
            "dataset": one.cube.dataset,
            "model": model,
            "family": one.family,
            "n_train": anchors.astype(np.int64),
            "best_size": [rules["sizes"][place] for place in losses.argmin(axis=0)],
        },
        index=anchors,
    )
    return table.join(ratios)
