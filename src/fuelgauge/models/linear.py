"""What the linear models share: the two regressions, quietly, on a matrix of any kind."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression


def fit_logistic(matrix: Any, y: np.ndarray, C: float, max_iter: int, seed: int) -> LogisticRegression:
    """Return a fitted multinomial logistic regression with an L2 penalty.

    That L-BFGS has not converged within `max_iter` is no reason to speak: the iterations are in the record.

    Parameters
    ----------
    matrix
        Dense or sparse, shape (rows, columns).
    y
        Class codes.
    C
        Inverse strength of the penalty.
    max_iter
        Upper bound on iterations.
    """
    regression = LogisticRegression(C=C, max_iter=max_iter, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        return regression.fit(matrix, y)
