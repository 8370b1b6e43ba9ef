"""Which contestant is fitted for the registry: the best by its validation rows, never by rows held out.

The registry's held-out rows are the test rows of repeat 0. Other repeats draw them too, to train and to
validate, so repeat 0 alone chooses. Of a dataset that ends with a month no repeat has the month's rows, and
all of them choose.
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
    """What a contestant's repeats showed at an anchor, in the mean."""

    n_train: int
    loss: float
    score: float
    fit_seconds: float


@dataclass(frozen=True)
class Choice:
    """The best contestant of a dataset, and what it was chosen by.

    Parameters
    ----------
    anchor
        The largest n_train at which every contestant has all repeats.
    val_losses
        The validation loss there, by contestant, the best first: that of repeat 0, or the mean of all repeats
        where the dataset ends with a month.
    curve
        The contestant's learning curve on the test rows of each repeat.
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
        """The name of the contestant."""
        return contestant(self.model, self.features, self.size, self.search)

    def to_json(self) -> dict[str, Any]:
        """Return plain data, for a file."""
        return {"contestant": self.name, **asdict(self)}


def best_contestant(dataset: str, params: Params) -> Choice:
    """Return the contestant with the lowest validation loss; of equal ones, the quickest to fit.

    Parameters
    ----------
    params
        Its models, feature sets, sizes and searches take part.

    Raises
    ------
    TableError
        The dataset has no trials, or its contestants share no anchor with all repeats.
    """
    done = finished(dataset, params)
    anchor = common_anchor(done, params.repeats)
    if anchor is None:
        raise TableError(
            f"{paths.TRIALS / dataset}: no anchor has all {params.repeats} repeats of every contestant; "
            "see what failed with: fuelgauge status"
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
    """Return the finished trials of the contestants that params.yaml asks for."""
    trials = read_tables()
    wanted = (trials["dataset"] == dataset) & (trials["status"] == "done")
    for column, setting in WANTED.items():
        wanted &= trials[column].isin(getattr(params, setting))
    if not wanted.any():
        raise TableError(
            f"{paths.TRIALS / dataset} holds no finished trial; make them with: dvc repro train@{dataset}"
        )
    return trials[wanted]


def may_choose(done: pd.DataFrame, dataset: str) -> pd.Series:
    """Return which trials had none of the registry's held-out rows to train or to validate on."""
    return (done["repeat"] == 0) | (AboutMonths.of(dataset) is not None)


def common_anchor(done: pd.DataFrame, repeats: int) -> int | None:
    """Return the largest anchor at which every contestant has all repeats, None if there is none."""
    counts = done.groupby([*CONTESTANT, "n_train"])["repeat"].nunique().unstack("n_train", fill_value=0)
    complete = [int(n) for n in counts.columns if (counts[n] >= repeats).all()]
    return max(complete, default=None)


def curve_of(own: pd.DataFrame, repeats: int) -> tuple[Point, ...]:
    """Return the learning curve of one contestant, over its anchors with all repeats."""
    anchors = own.groupby("n_train")
    complete = anchors["repeat"].nunique() >= repeats
    means = anchors[["loss", "score", "fit_seconds"]].mean()[complete].dropna(subset="loss")
    return tuple(Point(int(n), *map(float, row)) for n, *row in means.itertuples())
