"""What trials to come will cost, judged by what trials like them have cost."""

from __future__ import annotations

import functools
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fuelgauge import paths
from fuelgauge.data.dataset import read_description
from fuelgauge.errors import DataError
from fuelgauge.spec.names import RAW
from fuelgauge.sweep.store import TRIAL, Record, lines_of, stores

# Bounds on the power of n with which a cost is continued beyond the sizes that were measured.
LEAST_POWER, MOST_POWER = 0.0, 2.0
# Bounds on the power of the number of features by which costs on other datasets are carried to one, and the
# datasets that it takes to tell that power.
LEAST_BY_FEATURES, MOST_BY_FEATURES, ENOUGH_DATASETS = 0.0, 1.5, 3
# Where nothing tells a cost, this many rows are taken to cost a second beside as many that every fit costs.
ROWS_A_SECOND = 500.0


@dataclass(frozen=True)
class Kind:
    """What of a dataset tells most of what a fit on it costs, beside its rows."""

    task: str
    n_features: int


def kind_of(dataset: str, features: str) -> Kind | None:
    """Return the kind of a dataset with a feature set, None if it is not there."""
    try:
        description = read_description(dataset, features)
    except DataError:
        return None
    return Kind(description.task, description.n_features)


class PastCosts:
    """Mean seconds of past trials by dataset, contestant and size.

    Parameters
    ----------
    seconds
        By dataset and contestant, by n_train.
    kind_of
        Tells the kind of a dataset with a feature set; asked once for each.
    """

    def __init__(
        self,
        seconds: Mapping[tuple[str, str], Mapping[int, float]],
        kind_of: Callable[[str, str], Kind | None] = kind_of,
    ):
        self.seconds, self.kind_of = seconds, functools.cache(kind_of)
        self.guesses: dict[tuple[str, str, int], float] = {}

    @classmethod
    def read(cls, folder: Path = paths.STORE) -> PastCosts:
        """Return the costs of all trials that the stores hold."""
        return cls({(path.parent.name, path.stem): mean_seconds(lines_of(path)) for path in stores(folder)})

    def estimate(self, dataset: str, contestant: str, n_train: int) -> float | None:
        """Return the seconds that a trial will take, None if nothing like it was ever run.

        By the same contestant on the same dataset; else by what it would cost on the other datasets where it
        was run, those with the same task if there are any. Between sizes costs are read on logarithmic
        scales.
        """
        if own := self.seconds.get((dataset, contestant)):
            return cost_at(own, n_train)
        features = features_of(contestant)
        others = [
            (self.kind_of(name, features), cost_at(seconds, n_train))
            for (name, other), seconds in self.seconds.items()
            if other == contestant and seconds
        ]
        return carried_over(others, self.kind_of(dataset, features)) if others else None

    def expected(self, dataset: str, contestant: str, n_train: int) -> float:
        """Return the seconds that a trial will take, a guess by its rows if nothing like it was ever run."""
        key = (dataset, contestant, n_train)
        if key not in self.guesses:
            estimate = self.estimate(*key)
            self.guesses[key] = 1 + n_train / ROWS_A_SECOND if estimate is None else estimate
        return self.guesses[key]


def features_of(contestant: str) -> str:
    """Return the feature set in the name of a contestant."""
    return contestant.partition("@")[2] or RAW


def carried_over(others: Collection[tuple[Kind | None, float]], kind: Kind | None) -> float:
    """Return what a trial costs on a dataset of a kind, by what such trials cost on others.

    Where enough of them have the same task, costs are a power of the number of features, by least squares on
    logarithmic scales and within bounds; else it is their geometric mean.
    """
    alike = [(other, cost) for other, cost in others if other and kind and other.task == kind.task]
    costs = np.log([cost for _, cost in alike or others])
    mean = float(costs.mean())
    if kind is None or len(alike) < ENOUGH_DATASETS:
        return math.exp(mean)
    widths = np.log([other.n_features for other, _ in alike])
    away = widths - widths.mean()
    if not away.any():
        return math.exp(mean)
    power = np.clip(away @ (costs - mean) / (away @ away), LEAST_BY_FEATURES, MOST_BY_FEATURES)
    return math.exp(mean + float(power) * (math.log(kind.n_features) - float(widths.mean())))


def mean_seconds(records: Iterable[Record]) -> dict[int, float]:
    """Return the mean wall seconds of finished trials by size."""
    found: dict[int, list[float]] = defaultdict(list)
    for record in records:
        if record["kind"] == TRIAL and record["status"] == "done":
            found[record["n_train"]].append(trial_seconds(record["result"]))
    return {n: float(np.mean(seconds)) for n, seconds in sorted(found.items())}


def trial_seconds(result: Record) -> float:
    """Return what a trial took: fitting, a search included, and predicting."""
    fits = result.get("search_seconds") or result["fit_seconds"]
    if fits is None:  # one of a pack is not timed by itself
        fits = result["used_cpu_seconds"]
    return float(fits + result["predict_seconds"])


def cost_at(seconds: Mapping[int, float], n_train: int) -> float:
    """Return the seconds at a size, from those at some sizes.

    Between two sizes the cost is a power of n; beyond the largest the power is that of the last two, within
    bounds; below the smallest the cost is that of the smallest.
    """
    sizes, costs = np.log(list(seconds)), np.log(np.maximum(list(seconds.values()), 1e-6))
    wanted = np.log(n_train)
    if wanted <= sizes[-1] or len(sizes) == 1:
        return float(np.exp(np.interp(wanted, sizes, costs)))
    power = np.clip((costs[-1] - costs[-2]) / (sizes[-1] - sizes[-2]), LEAST_POWER, MOST_POWER)
    return float(np.exp(costs[-1] + power * (wanted - sizes[-1])))
