"""Run one trial, from rows to losses, in a worker process that knows nothing of the sweep."""

from __future__ import annotations

import contextlib
import functools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from fuelgauge.data.dataset import Dataset, Examples
from fuelgauge.data.splits import Draw, draw, fit_seed, split_validation
from fuelgauge.models.base import FitContext, FitError, Model, Packable, create
from fuelgauge.spec.splits import SplitRule
from fuelgauge.spec.trials import Curve, Trial
from fuelgauge.sweep._search import Fitted, Found, find
from fuelgauge.sweep.metrics import all_metrics, loss_and_score
from fuelgauge.sweep.timing import Cost, Measured, device_name, measure

__all__ = ["Rows", "draw_of", "fit_best", "open_dataset", "rows_of", "run_together", "score_predictions"]

WARM_UP_STEPS, WARM_UP_ROWS = 2, 512


def run_trial(trial: Trial) -> dict[str, Any]:
    """Fit one model on the rows of one anchor and score it on the test rows of the repeat.

    Parameters
    ----------
    trial
        Trial to run.

    Returns
    -------
    dict
        Measured columns of the trial table.

    Raises
    ------
    FitError
        The fit or its predictions failed.
    """
    curve = trial.curve
    rows = rows_of(trial)
    with threadpool_limits(curve.threads):
        found = fit_best(trial, rows)
        outcome = judged(found.best, rows, curve)
    fit = found.best.fit
    searched = found.cost if curve.search else Cost(0.0, 0.0)
    return {
        **outcome,
        "fit_seconds": fit.seconds,
        "fit_cpu_seconds": fit.cpu_seconds,
        "search_seconds": searched.seconds,
        "search_cpu_seconds": searched.cpu_seconds,
        "used_cpu_seconds": searched.cpu_seconds or fit.cpu_seconds,
        "n_fits": found.n_fits,
        "packed": 1,
        "peak_memory_mb": fit.peak_memory_mb,
        "load": fit.load,
    }


def fit_best(trial: Trial, rows: Rows) -> Found:
    """Run the fits of a trial and return the one with the lowest validation loss.

    Without a search there is a single fit, with the default hyperparameters.

    Raises
    ------
    FitError
        The fit with the defaults failed.
    """
    curve = trial.curve
    warm_up(trial, rows)

    def attempt(hyperparameters: Mapping[str, Any]) -> Fitted:
        model = create(curve.target, hyperparameters)
        fit = measure(lambda: model.fit(rows.train, rows.validation, context_of(trial)), curve.device)
        return fitted(model, hyperparameters, fit, rows, curve)

    return find(attempt, curve.hyperparameters, curve.search, seed_of(trial))


def run_together(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Run trials of several repeats of one curve at one anchor; train nets of equal shape together.

    When nets train together, the cost of a single fit is unknown. Their `fit_seconds`, `fit_cpu_seconds` and
    `peak_memory_mb` are NaN, and `packed` is the number of nets that trained together. `used_cpu_seconds` is
    each net's share of the CPU time. A net with a unique shape trains alone and is measured as usual. Models
    that cannot be packed run one after another.

    Parameters
    ----------
    trials
        Trials of one curve at one anchor. Several trials must not have a search.

    Returns
    -------
    list of dict
        Measured columns of the trial table, one dict per trial.

    Raises
    ------
    FitError
        A fit or its predictions failed. Running each trial alone shows which one.
    """
    curve = trials[0].curve
    models = [create(curve.target, curve.hyperparameters) for _ in trials]
    packable = [model for model in models if isinstance(model, Packable)]
    if len(trials) == 1 or len(packable) < len(trials):
        return [run_trial(trial) for trial in trials]
    rows = [rows_of(trial) for trial in trials]
    with threadpool_limits(curve.threads):
        warm_up(trials[0], rows[0])
        prepared = [
            measure(functools.partial(prepare, model, own, trial), curve.device)
            for model, own, trial in zip(packable, rows, trials, strict=True)
        ]
        outcomes: list[dict[str, Any]] = [{} for _ in trials]
        for places in of_one_shape(packable, prepared):
            costs = train_pack([packable[p] for p in places], [prepared[p] for p in places], curve.device)
            for place, (fit, cost) in zip(places, costs, strict=True):
                done = fitted(models[place], curve.hyperparameters, fit, rows[place], curve)
                outcomes[place] = {**judged(done, rows[place], curve), **cost}
    return outcomes


def prepare(model: Packable, rows: Rows, trial: Trial) -> Any:
    """Do the part of a fit that comes before its first training step."""
    return model.prepare(rows.train, rows.validation, context_of(trial))


def of_one_shape(models: Sequence[Packable], prepared: Sequence[Measured[Any]]) -> list[list[int]]:
    """Group the fits that can be trained together; return the indices of the fits in each group."""
    groups: dict[Any, list[int]] = {}
    for place, (model, each) in enumerate(zip(models, prepared, strict=True)):
        shape = model.shape_of(each.value)
        groups.setdefault(shape if shape is not None else place, []).append(place)
    return list(groups.values())


def train_pack(
    models: Sequence[Packable], prepared: Sequence[Measured[Any]], device: str
) -> list[tuple[Measured[int], dict[str, Any]]]:
    """Train prepared fits together; return for each the measured number of steps and its cost columns."""
    starts = [each.value for each in prepared]
    is_alone = len(models) == 1
    if is_alone:
        training = measure(lambda: [models[0].train(starts[0])], device)
    else:
        training = measure(lambda: models[0].train_together(models, starts), device)
    ended = []
    for before, steps in zip(prepared, training.value, strict=True):
        fit = Measured(steps, training.seconds, training.cpu_seconds, training.peak_memory_mb, training.load)
        used = before.cpu_seconds + training.cpu_seconds / len(models)
        costs = {
            "fit_seconds": before.seconds + training.seconds if is_alone else math.nan,
            "fit_cpu_seconds": used if is_alone else math.nan,
            "search_seconds": 0.0,
            "search_cpu_seconds": 0.0,
            "used_cpu_seconds": used,
            "n_fits": 1,
            "packed": len(models),
            "peak_memory_mb": training.peak_memory_mb if is_alone else math.nan,
            "load": training.load,
        }
        ended.append((fit, costs))
    return ended


def fitted(
    model: Model, hyperparameters: Mapping[str, Any], fit: Measured[int], rows: Rows, curve: Curve
) -> Fitted:
    """Return a fitted model together with its validation loss."""
    val_loss = score_predictions(model.predict(rows.validation), rows.validation, curve.dataset.metric)[0]
    return Fitted(model, hyperparameters, fit, val_loss)


def judged(best: Fitted, rows: Rows, curve: Curve) -> dict[str, Any]:
    """Predict the test rows once and return the columns on the model and its performance."""
    model, steps = best.model, best.fit.value
    predicted = measure(lambda: model.predict(rows.test), curve.device)
    loss, score, others = score_predictions(predicted.value, rows.test, curve.dataset.metric)
    return {
        "loss": loss,
        "score": score,
        **{f"metric_{name}": value for name, value in others.items()},
        "val_loss": best.val_loss,
        "n_test": len(rows.test),
        "predict_seconds": predicted.seconds,
        "n_parameters": model.count_parameters(),
        "n_steps": steps,
        "n_samples": model.count_samples(steps, len(rows.train)),
        **asdict(model.count_work(rows.train)),
        "hyperparameters": json.dumps(dict(best.hyperparameters), sort_keys=True),
        "device_name": device_name(curve.device),
    }


def seed_of(trial: Trial) -> int:
    """Return the seed of a trial's fit."""
    return fit_seed(trial.curve.seed, trial.repeat, trial.n_train)


def context_of(trial: Trial) -> FitContext:
    """Return the settings that a fit receives in addition to its rows."""
    curve = trial.curve
    return FitContext(seed_of(trial), curve.threads, curve.device, curve.dataset.metric)


@dataclass(frozen=True)
class Rows:
    """The fitting, validation and test rows of a trial."""

    train: Examples
    validation: Examples
    test: Examples


def rows_of(trial: Trial) -> Rows:
    """Return the fitting, validation and test rows of a trial."""
    curve = trial.curve
    dataset = open_dataset(curve.dataset.name, curve.dataset.features)
    drawn = draw_of(curve.dataset.name, curve.dataset.features, curve.split, curve.seed, trial.repeat)
    rows = drawn.order[: trial.n_train]
    fitting, validation = split_validation(
        dataset.rows.take(rows), curve.split.validation_fraction, curve.seed, trial.repeat
    )
    return Rows(dataset.take(rows[fitting]), dataset.take(rows[validation]), dataset.take(drawn.test))


@functools.lru_cache(maxsize=1)
def open_dataset(name: str, features: str) -> Dataset:
    """Return a dataset; it stays open for the next trials."""
    return Dataset.open(name, features)


@functools.lru_cache(maxsize=32)
def draw_of(name: str, features: str, rule: SplitRule, seed: int, repeat: int) -> Draw:
    """Return the draw of a repeat; it is cached for the next trials."""
    return draw(open_dataset(name, features).rows, rule, seed, repeat)


_warm: set[tuple[str, str, str]] = set()


def warm_up(trial: Trial, rows: Rows) -> None:
    """Make one tiny fit when a process first meets a contestant, so that timings exclude start-up costs."""
    curve = trial.curve
    key = (curve.name, curve.dataset.name, curve.device)
    if key not in _warm:
        context = replace(context_of(trial), step_limit=WARM_UP_STEPS)
        train, validation = rows.train.few(WARM_UP_ROWS), rows.validation.few(WARM_UP_ROWS)
        with contextlib.suppress(Exception):  # the fit itself reports the error
            model: Model = create(curve.target, curve.hyperparameters)
            model.fit(train, validation, context)
            model.predict(validation)
        _warm.add(key)


def score_predictions(
    predicted: np.ndarray, examples: Examples, metric: str
) -> tuple[float, float, dict[str, float]]:
    """Return loss, score and all metrics of predictions; undefined metrics are left out.

    Loss and score are NaN where `metric` itself is undefined.

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
