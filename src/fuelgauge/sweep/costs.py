"""Estimate the cost of future trials from the cost of similar past trials."""

from __future__ import annotations

import functools
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import optimize

from fuelgauge import paths
from fuelgauge.config.files import option_file, options
from fuelgauge.data.dataset import read_description
from fuelgauge.errors import DataError
from fuelgauge.spec.names import RAW, model_of
from fuelgauge.sweep.store import TRIAL, Record, lines_of, stores

__all__ = ["Kind", "PastCosts", "kind_of", "trial_seconds"]

# Costs are carried over from other datasets as a power of the number of features. These are the bounds of the
# exponent, and the number of datasets that are needed to fit it.
LEAST_BY_FEATURES, MOST_BY_FEATURES, ENOUGH_DATASETS = 0.0, 1.5, 3
# Without any past trial, a trial is assumed to take one second, plus one second per this many rows.
ROWS_A_SECOND = 500.0


@dataclass(frozen=True)
class Kind:
    """The properties of a dataset, besides its rows, from which the cost of a fit is estimated."""

    task: str
    n_features: int


def kind_of(dataset: str, features: str) -> Kind | None:
    """Return the kind of a dataset with a feature set, or None if it has not been featurized."""
    try:
        description = read_description(dataset, features)
    except DataError:
        return None
    return Kind(description.task, description.n_features)


def flat_until(contestant: str) -> int | None:
    """Return the number of rows up to which the cost of a contestant is flat, by its file in conf/model."""
    model = model_of(contestant)
    return option_file("model", model).get("flat_until") if model in options("model") else None


def fits_of(contestant: str) -> int | None:
    """Return the largest number of fits of a contestant's search, by its file in conf/search."""
    name = contestant.partition("@")[0].partition("+")[2]
    return option_file("search", name).get("trials") if name in options("search") else None


def without_search(contestant: str) -> str:
    """Return the contestant with its defaults: `mlp-large@engineered` of `mlp-large+tpe@engineered`."""
    named, at, features = contestant.partition("@")
    return named.partition("+")[0] + at + features


class PastCosts:
    """Mean seconds of past trials by dataset, contestant and size.

    Parameters
    ----------
    seconds
        Mean seconds of a trial by n_train, for each pair of dataset and contestant.
    kind_of
        Function that returns the kind of a dataset with a feature set. It is called once for each pair.
    flat_until
        Function that returns the number of rows up to which a contestant's cost is flat, or None. It is
        called once for each contestant.
    fits_of
        Function that returns the largest number of fits of a contestant's search, or None.
    """

    def __init__(
        self,
        seconds: Mapping[tuple[str, str], Mapping[int, float]],
        kind_of: Callable[[str, str], Kind | None] = kind_of,
        flat_until: Callable[[str], int | None] = flat_until,
        fits_of: Callable[[str], int | None] = fits_of,
    ):
        self.seconds, self.kind_of = seconds, functools.cache(kind_of)
        self.flat_until, self.fits_of = functools.cache(flat_until), functools.cache(fits_of)
        self.guesses: dict[tuple[str, str, int], float] = {}

    @classmethod
    def read(cls, folder: Path = paths.STORE) -> PastCosts:
        """Return the mean costs of all trials in the stores."""
        return cls({(path.parent.name, path.stem): mean_seconds(lines_of(path)) for path in stores(folder)})

    def estimate(self, dataset: str, contestant: str, n_train: int) -> float | None:
        """Return the seconds that a trial will take, or None if no similar trial was ever run.

        The estimate comes from trials of the same contestant on the same dataset. If there are none, it comes
        from the other datasets on which the contestant was run; those with the same task are preferred. A
        search that was never run costs as many default fits as it may make.
        """
        return self._measured(dataset, contestant, n_train) or self._as_fits(dataset, contestant, n_train)

    def _measured(self, dataset: str, contestant: str, n_train: int) -> float | None:
        flat = self.flat_until(contestant)
        if own := self.seconds.get((dataset, contestant)):
            return cost_at(own, n_train, flat)
        features = features_of(contestant)
        others = [
            (self.kind_of(name, features), cost_at(seconds, n_train, flat))
            for (name, other), seconds in self.seconds.items()
            if other == contestant and seconds
        ]
        return carried_over(others, self.kind_of(dataset, features)) if others else None

    def _as_fits(self, dataset: str, contestant: str, n_train: int) -> float | None:
        n_fits, without = self.fits_of(contestant), without_search(contestant)
        one = self._measured(dataset, without, n_train) if n_fits and without != contestant else None
        return n_fits * one if n_fits and one else None

    def expected(self, dataset: str, contestant: str, n_train: int) -> float:
        """Return the seconds that a trial will take; without a similar trial, guess from its rows."""
        key = (dataset, contestant, n_train)
        if key not in self.guesses:
            estimate = self.estimate(*key)
            self.guesses[key] = 1 + n_train / ROWS_A_SECOND if estimate is None else estimate
        return self.guesses[key]


def features_of(contestant: str) -> str:
    """Return the feature set that the name of a contestant ends with."""
    return contestant.partition("@")[2] or RAW


def carried_over(others: Collection[tuple[Kind | None, float]], kind: Kind | None) -> float:
    """Return the cost of a trial on a dataset of some kind, from its cost on other datasets.

    Datasets with the same task are used if there are any. If there are enough, the cost is a power of the
    number of features, fitted by least squares on logarithmic scales with a bounded exponent. Otherwise it is
    the geometric mean.
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
    """Return the seconds that a trial took: its fits, including those of a search, and its predictions."""
    searched = result.get("search_seconds") or 0.0
    refit = result.get("refit_seconds") or 0.0
    fits = searched + refit if searched else result["fit_seconds"]
    if fits is None:  # trials of a pack are not timed separately
        fits = result["used_cpu_seconds"]
    return float(fits + result["predict_seconds"])


def cost_at(seconds: Mapping[int, float], n_train: int, flat_until: int | None = None) -> float:
    """Return the seconds at a size, given the seconds at other sizes.

    - Between two measured sizes, the cost is a power of n.
    - Beyond the largest, the cost is a constant plus a part in proportion to n. Both are at least 0 and are
      fitted to all sizes by least squares of relative errors. With `flat_until`, there is no constant.
    - Below the smallest, the cost is that of the smallest.

    Parameters
    ----------
    seconds
        Mean seconds by n_train, in increasing order of n_train.
    n_train
        Number of rows of the trial.
    flat_until
        Number of rows up to which the cost is flat.
    """
    sizes, costs = np.array([*seconds], dtype=float), np.maximum([*seconds.values()], 1e-6)
    largest = sizes[-1]
    if n_train <= largest:
        return float(np.exp(np.interp(np.log(n_train), np.log(sizes), np.log(costs))))
    if flat_until:
        return float(costs[-1]) * max(n_train, flat_until) / max(largest, flat_until)
    if len(sizes) == 1:
        return float(costs[-1])
    (constant, slope), _ = optimize.nnls(np.column_stack([1 / costs, sizes / costs]), np.ones(len(sizes)))
    return float(costs[-1] * (constant + slope * n_train) / (constant + slope * largest))
