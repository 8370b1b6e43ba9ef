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
from fuelgauge.models.base import FitContext, Model, Packable, create
from fuelgauge.spec.splits import SplitRule
from fuelgauge.spec.trials import Curve, Trial
from fuelgauge.sweep import scores
from fuelgauge.sweep._packs import train_packs
from fuelgauge.sweep._search import Fitted, Found, find
from fuelgauge.sweep.predictions import pack
from fuelgauge.sweep.timing import Cost, Measured, device_name, measure

__all__ = [
    "PREDICTIONS",
    "Rows",
    "draw_of",
    "fit_again",
    "fit_best",
    "open_dataset",
    "rows_of",
    "run_together",
]

WARM_UP_STEPS, WARM_UP_ROWS = 2, 512
PREDICTIONS = "predictions"


def run_trial(trial: Trial) -> dict[str, Any]:
    """Fit one model on the rows of one anchor and score it on the test rows of the repeat.

    Parameters
    ----------
    trial
        Trial to run.

    Returns
    -------
    dict
        Measured columns of the trial table, and the packed test predictions.

    Raises
    ------
    FitError
        The fit or its predictions failed.
    """
    rows = rows_of(trial)
    with threadpool_limits(trial.curve.threads):
        found = fit_best(trial, rows)
        final = fit_again(trial, rows, found.best)
        return {**judged(trial, rows, found.best, final), **costs(trial, found, final)}


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


@dataclass(frozen=True)
class Final:
    """The model of a trial and the measured number of steps of its refit, None without a refit."""

    model: Model
    fit: Measured[int] | None

    @property
    def cost(self) -> Cost:
        """Wall and CPU seconds of the refit."""
        return self.fit.cost if self.fit else Cost(0.0, 0.0)


def fit_again(trial: Trial, rows: Rows, best: Fitted) -> Final:
    """Fit the best model of a trial again on all of its rows, if conf/model does not say otherwise.

    Raises
    ------
    FitError
        The refit failed.
    """
    curve = trial.curve
    if not curve.refit:
        return Final(best.model, None)
    model = create(curve.target, best.hyperparameters)
    fit = measure(lambda: model.refit(rows.whole, best.model, context_of(trial)), curve.device)
    return Final(model, fit)


def run_together(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Run trials of several repeats of one curve at one anchor; train nets of equal shape together.

    When nets train together, the cost of a single fit is unknown. Their `fit_seconds`, `fit_cpu_seconds` and
    `peak_memory_mb` are NaN, and `packed` is the number of nets that trained together. `used_cpu_seconds` is
    each net's share of the CPU time. A net with a unique shape trains alone and is measured as usual. Models
    that cannot be packed run one after another. First fits are packed, and then refits.

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
        starts = [
            measure(functools.partial(prepare, model, own, trial), curve.device)
            for model, own, trial in zip(packable, rows, trials, strict=True)
        ]
        first = [
            fitted(model, curve.hyperparameters, fit, own, curve)
            for model, fit, own in zip(models, train_packs(packable, starts, curve.device), rows, strict=True)
        ]
        final = fit_again_together(trials, rows, first)
        return [
            {**judged(*each), **costs(each[0], Found(each[2], 1, Cost(0.0, 0.0)), each[3])}
            for each in zip(trials, rows, first, final, strict=True)
        ]


def fit_again_together(trials: Sequence[Trial], rows: Sequence[Rows], first: Sequence[Fitted]) -> list[Final]:
    """Fit the nets of several trials again on all of their rows; train nets of equal shape together."""
    curve = trials[0].curve
    if not curve.refit:
        return [Final(each.model, None) for each in first]
    models: list[Any] = [create(curve.target, curve.hyperparameters) for _ in trials]
    starts = [
        measure(functools.partial(prepare_refit, model, own, each.model, trial), curve.device)
        for model, own, each, trial in zip(models, rows, first, trials, strict=True)
    ]
    fits = train_packs(models, starts, curve.device)
    return [Final(model, fit) for model, fit in zip(models, fits, strict=True)]


def prepare(model: Packable, rows: Rows, trial: Trial) -> Any:
    """Do the part of a fit that comes before its first training step."""
    return model.prepare(rows.train, rows.validation, context_of(trial))


def prepare_refit(model: Packable, rows: Rows, found: Model, trial: Trial) -> Any:
    """Do the part of a refit that comes before its first training step."""
    return model.prepare_refit(rows.whole, found, context_of(trial))


def fitted(
    model: Model, hyperparameters: Mapping[str, Any], fit: Measured[int], rows: Rows, curve: Curve
) -> Fitted:
    """Return a fitted model together with its losses on the validation rows."""
    predicted = model.predict(rows.validation)
    val_loss = scores.score_predictions(predicted, rows.validation, curve.dataset.metric)[0]
    chosen_by = scores.choice_loss(predicted, rows.validation, len(rows.train))
    return Fitted(model, hyperparameters, fit, val_loss, chosen_by)


def judged(trial: Trial, rows: Rows, best: Fitted, final: Final) -> dict[str, Any]:
    """Predict the test rows once a fit and return the columns on the model and its performance."""
    curve, model = trial.curve, final.model
    metric, test = curve.dataset.metric, rows.test
    predicted = measure(lambda: model.predict(test), curve.device)
    loss, score, others = scores.score_predictions(predicted.value, test, metric)
    before = loss
    if final.fit:
        before = scores.score_predictions(best.model.predict(test), test, metric)[0]
    return {
        "loss": loss,
        "score": score,
        **{f"metric_{name}": value for name, value in others.items()},
        "loss_before_refit": before,
        "val_loss": best.val_loss,
        "choice_loss": best.choice_loss,
        **training_losses(trial, rows, best, final),
        "constant_loss": constant_loss_of(trial.curve, trial.repeat),
        "n_test": len(test),
        "predict_seconds": predicted.seconds,
        "n_parameters": model.count_parameters(),
        **computation(rows, best, final),
        "hyperparameters": json.dumps(dict(best.hyperparameters), sort_keys=True),
        "device_name": device_name(curve.device),
        PREDICTIONS: pack(predicted.value, curve.keep_predictions),
    }


def training_losses(trial: Trial, rows: Rows, best: Fitted, final: Final) -> dict[str, float]:
    """Return the losses of both fits on some of their own rows, and the wall seconds that this took."""
    curve = trial.curve

    def loss_on(model: Model, own: Examples) -> float:
        some = scores.sample(own)
        return scores.score_predictions(model.predict(some), some, curve.dataset.metric)[0]

    before = measure(lambda: loss_on(best.model, rows.train), curve.device)
    if not final.fit:
        return {
            "train_loss": before.value,
            "train_loss_before_refit": before.value,
            "train_loss_seconds": before.seconds,
        }
    after = measure(lambda: loss_on(final.model, rows.whole), curve.device)
    return {
        "train_loss": after.value,
        "train_loss_before_refit": before.value,
        "train_loss_seconds": before.seconds + after.seconds,
    }


def computation(rows: Rows, best: Fitted, final: Final) -> dict[str, float]:
    """Return the counts of steps, rows seen, operations and nodes of both fits together."""
    total = computation_of(best.model, best.fit.value, rows.train)
    if final.fit:
        again = computation_of(final.model, final.fit.value, rows.whole)
        total = {name: value + again[name] for name, value in total.items()}
    return total


def computation_of(model: Model, steps: int, own: Examples) -> dict[str, float]:
    """Return the counts of one fit."""
    n_samples = model.count_samples(steps, len(own))
    return {"n_steps": steps, "n_samples": n_samples, **asdict(model.count_work(own))}


def costs(trial: Trial, found: Found, final: Final) -> dict[str, Any]:
    """Return the cost columns. The cost of a fit is that of the best first fit and of its refit."""
    first, refit = found.best.fit, final.fit
    searched = found.cost if trial.curve.search else Cost(0.0, 0.0)
    return {
        "fit_seconds": first.seconds + final.cost.seconds,
        "fit_cpu_seconds": first.cpu_seconds + final.cost.cpu_seconds,
        "refit_seconds": final.cost.seconds,
        "refit_cpu_seconds": final.cost.cpu_seconds,
        "search_seconds": searched.seconds,
        "search_cpu_seconds": searched.cpu_seconds,
        "used_cpu_seconds": (searched.cpu_seconds or first.used_cpu_seconds)
        + (refit.used_cpu_seconds if refit else 0.0),
        "n_fits": found.n_fits,
        "packed": max(first.shared_by, refit.shared_by if refit else 1),
        "peak_memory_mb": max(first.peak_memory_mb, refit.peak_memory_mb if refit else first.peak_memory_mb),
        "load": float(np.fmax(first.load, refit.load if refit else math.nan)),
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
    """The fitting, validation and test rows of a trial, and all n_train rows of the refit."""

    train: Examples
    validation: Examples
    test: Examples
    whole: Examples


def rows_of(trial: Trial) -> Rows:
    """Return the rows of a trial."""
    curve = trial.curve
    dataset = open_dataset(curve.dataset.name, curve.dataset.features)
    drawn = draw_of(curve.dataset.name, curve.dataset.features, curve.split, curve.seed, trial.repeat)
    rows = drawn.order[: trial.n_train]
    fitting, validation = split_validation(dataset.rows.take(rows), curve.split, curve.seed, trial.repeat)
    return Rows(
        train=dataset.take(rows[fitting]),
        validation=dataset.take(rows[validation]),
        test=dataset.take(drawn.test),
        whole=dataset.take(rows),
    )


@functools.lru_cache(maxsize=1)
def open_dataset(name: str, features: str) -> Dataset:
    """Return a dataset; it stays open for the next trials."""
    return Dataset.open(name, features)


@functools.lru_cache(maxsize=32)
def draw_of(name: str, features: str, rule: SplitRule, seed: int, repeat: int) -> Draw:
    """Return the draw of a repeat; it is cached for the next trials."""
    return draw(open_dataset(name, features).rows, rule, seed, repeat)


def constant_loss_of(curve: Curve, repeat: int) -> float:
    """Return the loss of the best constant of a repeat on its test rows."""
    return constant_of(
        curve.dataset.name, curve.dataset.features, curve.split, curve.seed, repeat, curve.dataset.metric
    )


@functools.lru_cache(maxsize=32)
def constant_of(name: str, features: str, rule: SplitRule, seed: int, repeat: int, metric: str) -> float:
    """Return the loss of the best constant; it is cached for the next trials."""
    rows, drawn = open_dataset(name, features).rows, draw_of(name, features, rule, seed, repeat)
    n_classes = open_dataset(name, features).take(drawn.test[:1]).n_classes
    pool, test = rows.target[drawn.order], rows.target[drawn.test]
    return scores.constant_loss(pool, test, rows.task, n_classes, metric)


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
