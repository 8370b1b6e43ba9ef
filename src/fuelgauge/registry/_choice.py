"""Choose the contestant to register: the best one on validation rows, never on held-out rows.

The held-out rows of the registry are the test rows of repeat 0. Other repeats may draw these rows for
training and validation, so the choice uses repeat 0 alone. If a dataset ends with a held-out month, no repeat
draws rows of that month, and the choice uses all repeats.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from fuelgauge import paths
from fuelgauge.data.months import AboutMonths
from fuelgauge.errors import TableError
from fuelgauge.spec.names import USUAL, contestant
from fuelgauge.spec.params import Params
from fuelgauge.sweep.table import read_tables

WANTED = {"features": "features", "model": "models", "size": "sizes", "search": "searches"}
CONTESTANT = ["model", *USUAL]


@dataclass(frozen=True)
class Point:
    """Means over the repeats of a contestant at one anchor."""

    n_train: int
    loss: float
    score: float
    fit_seconds: float


@dataclass(frozen=True)
class Choice:
    """The best contestant of a dataset, and the numbers that it was chosen by.

    Parameters
    ----------
    anchor
        Largest n_train at which every contestant has all repeats.
    val_losses
        Validation loss at the anchor by contestant, the best one first. It is the loss of repeat 0, or the
        mean over all repeats if the dataset ends with a held-out month.
    curve
        Learning curve of the contestant on the test rows of each repeat.
    """

    model: str
    features: str
    size: str
    search: str
    anchor: int
    val_losses: dict[str, float]
    curve: tuple[Point, ...]

    @property
    def name(self) -> str:
        """Name of the contestant."""
        return contestant(self.model, self.features, self.size, self.search)

    def to_json(self) -> dict[str, Any]:
        """Return the choice as plain data for a JSON file."""
        return {"contestant": self.name, **asdict(self)}


def best_contestant(dataset: str, params: Params) -> Choice:
    """Return the contestant with the lowest validation loss; ties go to the fastest fit.

    Parameters
    ----------
    dataset
        Name of the dataset.
    params
        Parameters whose models, feature sets, sizes and searches form the contestants.

    Raises
    ------
    TableError
        The dataset has no finished trials, or no anchor at which every contestant has all repeats.
    """
    done = finished(dataset, params)
    anchor = common_anchor(done, params.repeats)
    if anchor is None:
        raise TableError(
            f"{paths.TRIALS / dataset}: no anchor has all {params.repeats} repeats of every contestant; "
            "list failed trials with: fuelgauge status"
        )
    there = done[(done["n_train"] == anchor) & may_choose(done, dataset)].groupby(CONTESTANT, as_index=False)
    ranked = there[["val_loss", "fit_seconds"]].mean().dropna(subset="val_loss")
    if ranked.empty:
        raise TableError(f"{paths.TRIALS / dataset}: no contestant has a validation loss at {anchor} rows.")
    ranked = ranked.sort_values(["val_loss", "fit_seconds", *CONTESTANT], ignore_index=True)
    names = [contestant(*row) for row in ranked[CONTESTANT].itertuples(index=False)]
    model, features, size, search = map(str, ranked.loc[0, CONTESTANT])
    own = done[(done[CONTESTANT] == ranked.loc[0, CONTESTANT]).all(axis=1)]
    val_losses = dict(zip(names, map(float, ranked["val_loss"]), strict=True))
    return Choice(model, features, size, search, anchor, val_losses, curve_of(own, params.repeats))


def finished(dataset: str, params: Params) -> pd.DataFrame:
    """Return the finished trials of the contestants that the parameters name."""
    trials = read_tables()
    wanted = (trials["dataset"] == dataset) & (trials["status"] == "done")
    for column, setting in WANTED.items():
        wanted &= trials[column].isin(getattr(params, setting))
    if not wanted.any():
        raise TableError(
            f"{paths.TRIALS / dataset} has no finished trials; make them with: dvc repro train@{dataset}"
        )
    return trials[wanted]


def may_choose(done: pd.DataFrame, dataset: str) -> pd.Series:
    """Return a mask of the trials that trained and validated on none of the registry's held-out rows."""
    return (done["repeat"] == 0) | (AboutMonths.of(dataset) is not None)


def common_anchor(done: pd.DataFrame, repeats: int) -> int | None:
    """Return the largest anchor at which every contestant has all repeats, or None."""
    counts = done.groupby([*CONTESTANT, "n_train"])["repeat"].nunique().unstack("n_train", fill_value=0)
    complete = [int(n) for n in counts.columns if (counts[n] >= repeats).all()]
    return max(complete, default=None)


def curve_of(own: pd.DataFrame, repeats: int) -> tuple[Point, ...]:
    """Return the learning curve of one contestant, limited to anchors with all repeats."""
    anchors = own.groupby("n_train")
    complete = anchors["repeat"].nunique() >= repeats
    means = anchors[["loss", "score", "fit_seconds"]].mean()[complete].dropna(subset="loss")
    return tuple(Point(int(n), *map(float, row)) for n, *row in means.itertuples())
