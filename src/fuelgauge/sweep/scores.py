"""Losses of predictions on test rows, on validation rows and on the rows of a fit."""

from __future__ import annotations

import math

import numpy as np

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitError
from fuelgauge.sweep.metrics import all_metrics, loss_and_score

__all__ = ["LARGEST_SAMPLE", "choice_loss", "constant_loss", "sample", "score_predictions"]

# Largest number of a fit's own rows on which its training loss is measured.
LARGEST_SAMPLE = 10_000


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
    return scores(examples.y, predicted, examples.task, metric)


def scores(
    target: np.ndarray, predicted: np.ndarray, task: str, metric: str
) -> tuple[float, float, dict[str, float]]:
    """Return loss, score and all metrics that are defined."""
    values = {k: v for k, v in all_metrics(target, predicted, task).items() if math.isfinite(v)}
    loss, score = loss_and_score(values[metric], metric) if metric in values else (math.nan, math.nan)
    return loss, score, values


def choice_loss(predicted: np.ndarray, validation: Examples, n_fitted: int) -> float:
    """Return the loss by which a member of a family is chosen: cross-entropy or mean squared error.

    It varies less between draws of the validation rows than the error rate. Each probability is the mean of
    the model's and of one row for each class, weighted by numbers of rows. A single probability of 0 then
    cannot decide.

    Parameters
    ----------
    predicted
        Class probabilities, shape (rows, classes), or values, shape (rows,).
    validation
        Validation rows.
    n_fitted
        Number of rows of the fit.

    Returns
    -------
    float
        Mean cross-entropy in nats, or mean squared error.

    References
    ----------
    Laplace's rule of succession; see Cestnik, Estimating Probabilities, ECAI 1990.
    """
    if validation.task == "regression":
        return float(np.mean((predicted - validation.y) ** 2))
    of_class = predicted[np.arange(len(validation)), validation.y]
    cautious = (n_fitted * of_class + 1) / (n_fitted + predicted.shape[1])
    return float(-np.log(cautious).mean())


def constant_loss(pool: np.ndarray, test: np.ndarray, task: str, n_classes: int, metric: str) -> float:
    """Return the loss on test rows of the best constant of the training pool.

    Parameters
    ----------
    pool
        Class codes or values of all rows that the repeat can draw training rows from, shape (rows,).
    test
        Class codes or values of the test rows, shape (rows,).
    task, n_classes, metric
        Task, number of classes and metric of the dataset.

    Returns
    -------
    float
        Loss of the class frequencies or of the mean value. NaN where the metric is undefined.
    """
    if task == "regression":
        constant = np.full(len(test), pool.mean())
    else:
        constant = np.tile(np.bincount(pool, minlength=n_classes) / len(pool), (len(test), 1))
    return scores(test, constant, task, metric)[0]


def sample(rows: Examples) -> Examples:
    """Return at most `LARGEST_SAMPLE` rows at equal distances."""
    if len(rows) <= LARGEST_SAMPLE:
        return rows
    return rows.pick(np.linspace(0, len(rows) - 1, LARGEST_SAMPLE).astype(np.intp))
