"""One trial, from rows to losses. It runs in a worker process and knows nothing of the sweep."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from fuelgauge.data.dataset import Dataset, Examples
from fuelgauge.data.splits import Draw, SplitRule, draw, split_validation
from fuelgauge.models.base import FitContext, FitError, Model, create
from fuelgauge.sweep.metrics import all_metrics, loss_and_score
from fuelgauge.sweep.search import Fitted, find
from fuelgauge.sweep.timing import measure

WARM_UP_STEPS = 2


def run_trial(trial: Any) -> dict[str, Any]:
    """Fit one model on the rows of one anchor and judge it on the repeat's test rows.

    Parameters
    ----------
    trial
        A `fuelgauge.sweep.grid.Trial`.

    Returns
    -------
    dict
        The measured columns of the trial table.

    Raises
    ------
    FitError
        The fit or its predictions broke down.
    """
    curve = trial.curve
    train, validation, test = rows_of(trial)
    context = FitContext(trial.seed, curve.threads, curve.device, curve.dataset.metric)
    with threadpool_limits(curve.threads):
        warm_up(trial, train, validation)

        def attempt(hyperparameters: Mapping[str, Any]) -> Fitted:
            model = create(curve.target, hyperparameters)
            fit = measure(lambda: model.fit(train, validation, context), curve.device)
            val_loss = judge(model.predict(validation), validation, curve.dataset.metric)[0]
            return Fitted(model, hyperparameters, fit, val_loss)

        found = find(attempt, curve.hyperparameters, curve.search, trial.seed)
        best, model = found.best, found.best.model
        predicted = measure(lambda: model.predict(test), curve.device)
    loss, score, others = judge(predicted.value, test, curve.dataset.metric)
    is_searched = bool(curve.search)
    return {
        "loss": loss,
        "score": score,
        **{f"metric_{name}": value for name, value in others.items()},
        "val_loss": best.val_loss,
        "n_test": len(test),
        "fit_seconds": best.fit.seconds,
        "fit_cpu_seconds": best.fit.cpu_seconds,
        "search_seconds": found.cost.seconds if is_searched else 0.0,
        "search_cpu_seconds": found.cost.cpu_seconds if is_searched else 0.0,
        "n_fits": found.n_fits,
        "predict_seconds": predicted.seconds,
        "peak_memory_mb": best.fit.peak_memory_mb,
        "n_parameters": model.count_parameters(),
        "n_steps": best.fit.value,
        "hyperparameters": json.dumps(dict(best.hyperparameters), sort_keys=True),
    }


def run_together(trials: Sequence[Any]) -> list[dict[str, Any]]:
    """Run trials of one curve at one anchor."""
    return [run_trial(trial) for trial in trials]


def rows_of(trial: Any) -> tuple[Examples, Examples, Examples]:
    """Return the fitting, validation and test rows of a trial."""
    curve = trial.curve
    dataset = open_dataset(curve.dataset.name, curve.dataset.features)
    drawn = draw_of(curve.dataset.name, curve.dataset.features, curve.split, curve.seed, trial.repeat)
    rows = drawn.order[: trial.n_train]
    fitting, validation = split_validation(
        dataset.rows.take(rows), curve.split.validation_fraction, curve.seed, trial.repeat
    )
    return dataset.take(rows[fitting]), dataset.take(rows[validation]), dataset.take(drawn.test)


@functools.lru_cache(maxsize=1)
def open_dataset(name: str, features: str) -> Dataset:
    """Return a dataset, kept open from trial to trial."""
    return Dataset.open(name, features)


@functools.lru_cache(maxsize=32)
def draw_of(name: str, features: str, rule: SplitRule, seed: int, repeat: int) -> Draw:
    """Return the draw of a repeat, kept from trial to trial."""
    return draw(open_dataset(name, features).rows, rule, seed, repeat)


_warm: set[tuple[str, str, str]] = set()


def warm_up(trial: Any, train: Examples, validation: Examples) -> None:
    """Make one tiny fit the first time that a process meets a model, so that no timing pays for it."""
    curve = trial.curve
    key = (curve.target, curve.dataset.name, curve.device)
    if key not in _warm:
        context = FitContext(trial.seed, curve.threads, curve.device, curve.dataset.metric, WARM_UP_STEPS)
        model: Model = create(curve.target, curve.hyperparameters)
        model.fit(train, validation, context)
        model.predict(validation)
        _warm.add(key)


def judge(predicted: np.ndarray, examples: Examples, metric: str) -> tuple[float, float, dict[str, float]]:
    """Return loss, score and all metrics of predictions; a metric that is undefined is left out.

    Raises
    ------
    FitError
        A prediction is not a finite number.
    """
    if not np.isfinite(predicted).all():
        bad = int(np.flatnonzero(~np.isfinite(predicted.reshape(len(examples), -1)).all(axis=1))[0])
        raise FitError(f"the prediction for row {bad} of {len(examples)} is not a finite number.")
    values = {k: v for k, v in all_metrics(examples.y, predicted, examples.task).items() if math.isfinite(v)}
    loss, score = loss_and_score(values[metric], metric) if metric in values else (math.nan, math.nan)
    return loss, score, values
