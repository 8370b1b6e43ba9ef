"""Metrics on held-out rows and comparisons of two models, with intervals.

The intervals are percentile intervals of the bootstrap over held-out rows (Efron and Tibshirani, An
Introduction to the Bootstrap, 1993, section 13.3). If rows form groups, whole groups are drawn (Davison and
Hinkley, Bootstrap Methods and their Application, 1997, section 3.8). Two models are compared on the same
resamples, which makes the comparison paired. The models are not refitted. The intervals therefore describe
these fitted models, which is what a registry decides about.
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
    """An estimate with its confidence interval over the held-out rows."""

    value: float
    lo: float
    hi: float


def resamples(rows: HeldOut, rule: RegistryConfig) -> Iterator[np.ndarray]:
    """Yield the row numbers of each bootstrap resample: rows, or whole groups, drawn with replacement."""
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
    """Return every metric of a task on the held-out rows, with intervals."""
    whole = all_metrics(rows.y, predicted, task)
    drawn = [all_metrics(rows.y[i], predicted[i], task) for i in resamples(rows, rule)]
    return {name: interval(whole[name], [one[name] for one in drawn], rule.level) for name in whole}


def improvement(
    rows: HeldOut, champion: np.ndarray, challenger: np.ndarray, task: str, metric: str, rule: RegistryConfig
) -> Interval:
    """Return the relative reduction of the loss when the challenger replaces the champion.

    Parameters
    ----------
    rows
        Held-out rows.
    champion, challenger
        Predictions of the two models for the held-out rows.

    Returns
    -------
    Interval
        One minus the ratio of the challenger's loss to the champion's.
    """

    def fall(i: np.ndarray) -> float:
        old, new = (loss_of(rows.y[i], predicted[i], task, metric) for predicted in (champion, challenger))
        if old == new:
            return 0.0
        return 1 - new / old if old else -np.inf

    return interval(fall(np.arange(len(rows))), [fall(i) for i in resamples(rows, rule)], rule.level)


def loss_of(target: np.ndarray, predicted: np.ndarray, task: str, metric: str) -> float:
    """Return the loss of predictions by the metric of a dataset."""
    return loss_and_score(all_metrics(target, predicted, task)[metric], metric)[0]


def interval(value: float, drawn: list[float], level: float) -> Interval:
    """Return the percentile interval of a bootstrap distribution.

    Resamples with an undefined value are left out. The ends of the interval are drawn values and not
    interpolated ones, because some values may be infinite.

    Parameters
    ----------
    value
        Estimate on all rows.
    drawn
        Estimate on each resample.
    level
        Confidence level, between 0 and 1.
    """
    known = np.array([x for x in drawn if not np.isnan(x)])
    if not len(known):
        return Interval(value, float("nan"), float("nan"))
    tail = (1 - level) / 2
    lo = np.quantile(known, tail, method="lower")
    hi = np.quantile(known, 1 - tail, method="higher")
    return Interval(float(value), float(lo), float(hi))
