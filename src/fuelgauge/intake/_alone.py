"""Columns that alone predict the target nearly as well as all columns together: possible leaks.

`tell_tales` finds columns that determine the target. A column may also be nearly as good, for example a code
that is entered after the outcome is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

__all__ = ["nearly_all"]

MOST_ROWS, FEWEST_ROWS, FEWEST_OF_A_CLASS = 4_000, 100, 6
MOST_COLUMNS, MOST_CLASSES = 200, 50
FOLDS, LEAVES, LEAST_LEAF, ROUNDS = 3, 64, 5, 60
PRIOR = 0.5  # rows that count as the mean of the target in the mean of a category
MUCH = 0.9  # share of what can be explained that makes a column suspicious
NEARLY = 0.95  # share of what all columns explain


def nearly_all(table: pd.DataFrame, target: str, task: str, columns: Sequence[str]) -> dict[str, str]:
    """Return the columns that alone reach nearly what all reach, each with a phrase that says how much.

    A small tree is fitted to each column, and boosted trees to all of them, and both predict rows that they
    have not seen (three folds). What is explained is one minus the loss over that of a constant. The loss is
    1 - AUC for two classes, the error rate for more, and the root of the mean squared error for numbers. A
    column is returned if it explains at least .9, and at least .95 of what all columns explain.

    Parameters
    ----------
    table
        Some rows, including the target; columns of strings, numbers, truth values or dates.
    target
        Name of the target column.
    task
        binary, multiclass or regression.
    columns
        Names of the features. With a single one, or more than 200, nothing is examined.
    """
    known = table[table[target].notna()]
    if not 1 < len(columns) <= MOST_COLUMNS or len(known) < FEWEST_ROWS:
        return {}
    some = np.random.default_rng(0).permutation(len(known))[:MOST_ROWS]
    known = known.iloc[np.sort(some)]
    y = targets(known[target], task)
    if y is None:
        return {}
    import sklearn.ensemble  # noqa: F401 - only libraries that are loaded can be limited

    with threadpool_limits(1, "openmp"):  # on a busy machine, many threads wait for each other for minutes
        shares = {name: explained(known[[name]], y, task, is_alone=True) for name in columns}
        if not any(share >= MUCH for share in shares.values()):
            return {}
        whole = explained(known[list(columns)], y, task, is_alone=False)
    return {
        name: f"alone it explains {share:.0%} of the target, all columns together {max(whole, share):.0%}"
        for name, share in shares.items()
        if share >= MUCH and share >= NEARLY * whole
    }


def targets(values: pd.Series, task: str) -> np.ndarray | None:
    """Return the target as numbers or codes of classes; None if a class is too rare or there are too many."""
    if task == "regression":
        y = values.to_numpy(np.float64)
        return y if y.std() > 0 else None
    codes = pd.factorize(values)[0]
    counts = np.bincount(codes)
    return codes if 2 <= len(counts) <= MOST_CLASSES and counts.min() >= FEWEST_OF_A_CLASS else None


def explained(columns: pd.DataFrame, y: np.ndarray, task: str, is_alone: bool) -> float:
    """Return the share of a constant's loss that columns take away, on rows that were not fitted."""
    from sklearn.model_selection import KFold, StratifiedKFold

    kind = KFold if task == "regression" else StratifiedKFold
    losses, constants = [], []
    for fitting, others in kind(FOLDS, shuffle=True, random_state=0).split(y, y):
        x = np.hstack(list(encoded(columns, y, task, fitting)))
        predicted = predictions(x[fitting], y[fitting], x[others], task, is_alone)
        losses.append(loss(predicted, y[others], task))
        constants.append(loss_of_constant(y[fitting], y[others], task))
    return max(0.0, 1 - float(np.mean(losses)) / float(np.mean(constants)))


def encoded(columns: pd.DataFrame, y: np.ndarray, task: str, fitting: np.ndarray) -> Iterator[np.ndarray]:
    """Yield columns as numbers, shape (rows, values); categories are the means of their fitted targets."""
    outcomes = np.eye(y.max() + 1)[y][:, 1:] if task != "regression" else y[:, None]
    for name in columns:
        values = columns[name]
        if pd.api.types.is_datetime64_any_dtype(values):
            yield values.astype("int64").to_numpy(np.float64)[:, None]
        elif pd.api.types.is_numeric_dtype(values):
            yield values.to_numpy(np.float64, na_value=np.nan)[:, None]
        else:
            codes, names = pd.factorize(values, use_na_sentinel=False)
            sums, mean = np.zeros((len(names), outcomes.shape[1])), outcomes[fitting].mean(axis=0)
            np.add.at(sums, codes[fitting], outcomes[fitting])
            counts = np.bincount(codes[fitting], minlength=len(names))[:, None]
            yield ((sums + PRIOR * mean) / (counts + PRIOR))[codes]


def predictions(x: np.ndarray, y: np.ndarray, others: np.ndarray, task: str, is_alone: bool) -> np.ndarray:
    """Return predictions of a small tree or of boosted trees: probabilities, or numbers."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    settings = {"max_leaf_nodes": LEAVES, "min_samples_leaf": LEAST_LEAF, "random_state": 0}
    many = {"max_iter": ROUNDS, "early_stopping": False, "random_state": 0}
    if task == "regression":
        tree = DecisionTreeRegressor(**settings) if is_alone else HistGradientBoostingRegressor(**many)
        return np.asarray(tree.fit(x, y).predict(others))
    kind = DecisionTreeClassifier(**settings) if is_alone else HistGradientBoostingClassifier(**many)
    return np.asarray(kind.fit(x, y).predict_proba(others))


def loss(predicted: np.ndarray, y: np.ndarray, task: str) -> float:
    """Return 1 - AUC, the error rate, or the root of the mean squared error."""
    from sklearn.metrics import roc_auc_score

    if task == "regression":
        return float(np.sqrt(np.mean((predicted - y) ** 2)))
    if predicted.shape[1] == 2:
        return 1 - float(roc_auc_score(y, predicted[:, 1]))
    return float(np.mean(predicted.argmax(axis=1) != y))


def loss_of_constant(fitted: np.ndarray, y: np.ndarray, task: str) -> float:
    """Return the loss of the best constant."""
    if task == "regression":
        return float(np.sqrt(np.mean((fitted.mean() - y) ** 2)))
    counts = np.bincount(fitted)
    return 0.5 if len(counts) == 2 else float(np.mean(counts.argmax() != y))
