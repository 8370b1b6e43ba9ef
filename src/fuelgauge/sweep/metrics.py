"""Metrics of predictions."""

from __future__ import annotations

import numpy as np
from sklearn import metrics

__all__ = ["HIGHER_IS_BETTER", "all_metrics", "loss_and_score"]

HIGHER_IS_BETTER = frozenset({"roc_auc", "accuracy", "r2"})


def all_metrics(target: np.ndarray, predicted: np.ndarray, task: str) -> dict[str, float]:
    """Return every metric of a task.

    Parameters
    ----------
    target
        True class codes or values, shape (rows,).
    predicted
        Class probabilities, shape (rows, n_classes), or predicted values, shape (rows,).

    Returns
    -------
    dict
        Binary: accuracy, log_loss, brier, roc_auc (NaN where `target` has only one class).
        Multiclass: accuracy, log_loss. Regression: rmse, mae, r2 (NaN where `target` is constant).
    """
    if task == "regression":
        return regression_metrics(target, predicted)
    values = classification_metrics(target, predicted)
    if task == "binary":
        both = len(np.unique(target)) == 2
        values["roc_auc"] = metrics.roc_auc_score(target, predicted[:, 1]) if both else float("nan")
        values["brier"] = float(np.mean((predicted[:, 1] - target) ** 2))
    return values


def classification_metrics(target: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Return accuracy and log loss (natural logarithm, probabilities clipped at 1e-12)."""
    chosen = np.clip(probabilities[np.arange(len(target)), target], 1e-12, 1.0)
    accuracy = float(np.mean(probabilities.argmax(axis=1) == target))
    return {"accuracy": accuracy, "log_loss": float(-np.log(chosen).mean())}


def regression_metrics(target: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Return root mean squared error, mean absolute error and R squared."""
    error = predicted - target
    variance = float(np.var(target))
    mean_square = float(np.mean(error**2))
    return {
        "rmse": mean_square**0.5,
        "mae": float(np.mean(np.abs(error))),
        "r2": 1 - mean_square / variance if variance else float("nan"),
    }


def loss_and_score(value: float, metric: str) -> tuple[float, float]:
    """Return a metric as a loss (lower is better, never below 0) and as a score (higher is better)."""
    return (1 - value, value) if metric in HIGHER_IS_BETTER else (value, -value)
