"""What the claim engine measures and shows: models in several sizes against rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fuelgauge.claims.judging.contrast import best_of_sides, contrast, ratio_effect, values_of
from fuelgauge.claims.judging.measures import Measure
from fuelgauge.claims.judging.verdict import Rules
from fuelgauge.claims.statistics.cube import Cube
from fuelgauge.claims.statistics.resample import Floats, RepeatTest

OLDER = "older algorithms"
CLASSICAL = ("linear", "neighbours", "trees")
LINE_COLUMNS = ["line", "n_train", "performance"]
LARGEST_OVER_TINIEST = Measure("ratio", "loss ratio, largest over tiniest")
RATIOS = ["ratio", "ratio_lo", "ratio_hi"]
SIZE_COLUMNS = ["dataset", "model", "family", "n_train", "best_size", *RATIOS]


@dataclass(frozen=True)
class SizedFamily:
    """A family in all of its sizes on one dataset.

    Attributes
    ----------
    family
        Name of the family.
    cube
        Trials with one side per size, named by `size_of`.
    """

    family: str
    cube: Cube


def sized_families(trials: pd.DataFrame, rules: Rules) -> Iterator[SizedFamily]:
    """Yield the families that ran in all sizes of the rules, family by family and dataset by dataset."""
    if "size" not in trials or "any_size" not in trials:
        return
    trials = trials[trials["size"].isin(rules["sizes"])]
    n_sizes = trials.groupby(["dataset", "any_size"])["size"].transform("nunique")
    complete = trials[n_sizes == len(rules["sizes"])]
    for family in (*rules["families"], *rules["beside"]):
        own = complete[complete["family"] == family]
        for cube in best_of_sides(own, own["size"] + f" {family}").values():
            yield SizedFamily(family, cube)


def size_of(family: str, size: str) -> str:
    """Name a family in one size: ``large deep``."""
    return f"{size} {family}"


def mean_losses(one: SizedFamily, rules: Rules) -> tuple[Floats, Floats]:
    """Return the anchors that all sizes share, and the mean losses over the repeats that have all sizes.

    Returns
    -------
    anchors
        Numbers of training rows, shape (anchors,).
    losses
        Mean losses from the smallest size to the largest, shape (sizes, anchors).
    """
    losses = np.stack([values_of(one.cube, size_of(one.family, size)) for size in rules["sizes"]])
    paired = np.where(np.isfinite(losses).all(axis=0), losses, np.nan)
    shared = np.isfinite(paired).any(axis=(0, 2))
    return one.cube.anchors[shared], np.nanmean(paired[:, shared], axis=2)


@dataclass(frozen=True)
class Slide:
    """Performance against rows, averaged over datasets.

    Attributes
    ----------
    points
        Columns line (``older algorithms`` or ``large net``), n_train and performance.
    datasets
        Names of the datasets in the averages.
    caption
        Definition of the performance, in words.
    """

    points: pd.DataFrame
    datasets: tuple[str, ...]
    caption: str


def slide(trials: pd.DataFrame, rules: Rules) -> Slide | None:
    """Return the lines of the slide; None if no dataset has nets in all sizes and older algorithms.

    Parameters
    ----------
    trials
        Checked trials; controls are left out.
    rules
        Rules of the claim engine.

    Notes
    -----
    Performance is 1 - L(n) / L_0. L_0 is the loss of the constant predictor at the dataset's largest anchor.
    If no constant predictor was run, L_0 is the highest mean loss measured on that dataset.

    Every dataset drawn has all lines at every anchor drawn. Of the possible choices, the one with most points
    (datasets x anchors) is drawn.
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
    """Return mean losses, one row per line, on the anchors that all lines have."""
    own = trials[(trials["dataset"] == one.cube.dataset) & (trials["size"] == "default")]
    older = best_of_sides(own, own["family"].map(dict.fromkeys(CLASSICAL, OLDER)))
    anchors, losses = mean_losses(one, rules)
    nets = pd.DataFrame(losses, index=[f"{size} net" for size in rules["sizes"]], columns=anchors)
    if not older:
        return nets.iloc[:, :0]
    (cube,) = older.values()
    line = pd.DataFrame([_mean(values_of(cube, OLDER))], index=[OLDER], columns=cube.anchors)
    return pd.concat([line, nets]).dropna(axis="columns").sort_index(axis="columns")


def _mean(losses: Floats) -> Floats:
    count = np.isfinite(losses).sum(axis=1)
    total = np.nansum(losses, axis=1)
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)


def _widest(anchors: dict[str, set[float]]) -> tuple[list[str], list[float]]:
    """Return datasets and the anchors that all of them have, with as many points as possible."""
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
    """Return the best size at every anchor, and the loss of the largest size over that of the tiniest.

    Parameters
    ----------
    trials
        Checked trials.
    datasets
        Facts about the datasets, indexed by dataset, with the column test_share.
    rules
        Rules of the claim engine.
    level
        Confidence level of the intervals, between 0 and 1.

    Returns
    -------
    One row per dataset, model with all sizes, and anchor: dataset, model, family, n_train, best_size (the
    smaller one of equal sizes), ratio (largest over tiniest), ratio_lo, ratio_hi.
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
    effects = [ratio_effect(LARGEST_OVER_TINIEST, column, test) for column in found.log_ratio.T]
    ratios = pd.DataFrame([(e.effect, e.lo, e.hi) for e in effects], index=found.anchors, columns=RATIOS)
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
