"""Logistic regression without warnings, which several linear models share."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

__all__ = ["fit_logistic"]


def fit_logistic(matrix: Any, y: np.ndarray, C: float, max_iter: int, seed: int) -> LogisticRegression:
    """Return a fitted multinomial logistic regression with an L2 penalty.

    There is no warning if L-BFGS has not converged within `max_iter`, because the number of iterations is
    recorded.

    Parameters
    ----------
    matrix
        Inputs, dense or sparse, shape (rows, columns).
    y
        Class codes, shape (rows,).
    C
        Inverse strength of the penalty.
    max_iter
        Upper bound on iterations.
    seed
        Random seed of the solver.
    """
    regression = LogisticRegression(C=C, max_iter=max_iter, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        return regression.fit(matrix, y)
