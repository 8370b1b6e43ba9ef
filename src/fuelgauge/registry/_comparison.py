"""What the held-out rows say of a model, and of two models, with intervals.

The intervals are percentile intervals of the bootstrap over held-out rows (Efron and Tibshirani, An
Introduction to the Bootstrap, 1993, section 13.3); where rows come in groups, whole groups are drawn (Davison
and Hinkley, Bootstrap Methods and their Application, 1997, section 3.8). Two models are judged on the same
resamples, which pairs them. The fit is not repeated: the intervals say how sure one can be of these two
fitted models, which is what a registry decides about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fuelgauge.registry.heldout import HeldOut
from fuelgauge.spec.params import RegistryConfig
from fuelgauge.sweep.metrics import all_metrics, loss_and_score


@dataclass(frozen=True)
class Interval:
    """A number with the interval that the held-out rows allow."""

    value: float
    lo: float
    hi: float


def resamples(rows: HeldOut, rule: RegistryConfig) -> Iterator[np.ndarray]:
    """Yield row numbers drawn with replacement, as many times as the rule says."""
    random = np.random.default_rng(rule.seed)
    if rows.groups is None:
        for _ in range(rule.resamples):
            yield random.integers(0, len(rows), len(rows))
        return
    codes = np.unique(rows.groups, return_inverse=True)[1]
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    for _ in range(rule.resamples):
        drawn = random.integers(0, len(members), len(members))
        yield np.concatenate([members[group] for group in drawn])


def metric_intervals(
    rows: HeldOut, predicted: np.ndarray, task: str, rule: RegistryConfig
) -> dict[str, Interval]:
    """Return every metric of a task on the held-out rows."""
    whole = all_metrics(rows.y, predicted, task)
    drawn = [all_metrics(rows.y[i], predicted[i], task) for i in resamples(rows, rule)]
    return {name: interval(whole[name], [one[name] for one in drawn], rule.level) for name in whole}


def improvement(
    rows: HeldOut, champion: np.ndarray, challenger: np.ndarray, task: str, metric: str, rule: RegistryConfig
) -> Interval:
    """Return by which share of itself the champion's loss falls with the challenger in its place.

    Parameters
    ----------
    champion, challenger
        Predictions for the rows.
    """

    def fall(i: np.ndarray) -> float:
        old, new = (loss_of(rows.y[i], predicted[i], task, metric) for predicted in (champion, challenger))
        if old == new:
            return 0.0
        return 1 - new / old if old else -np.inf

    return interval(fall(np.arange(len(rows))), [fall(i) for i in resamples(rows, rule)], rule.level)


def loss_of(target: np.ndarray, predicted: np.ndarray, task: str, metric: str) -> float:
    """Return the loss by which a dataset is judged."""
    return loss_and_score(all_metrics(target, predicted, task)[metric], metric)[0]


def interval(value: float, drawn: list[float], level: float) -> Interval:
    """Return the percentile interval; a resample in which the number is undefined is left out.

    Its ends are numbers that were drawn, so that infinite ones do no harm.
    """
    known = np.array([x for x in drawn if not np.isnan(x)])
    if not len(known):
        return Interval(value, float("nan"), float("nan"))
    tail = (1 - level) / 2
    lo = np.quantile(known, tail, method="lower")
    hi = np.quantile(known, 1 - tail, method="higher")
    return Interval(float(value), float(lo), float(hi))
