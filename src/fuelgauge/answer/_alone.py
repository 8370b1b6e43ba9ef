"""What each column reaches alone: a column that knows nearly all may not be known when one predicts."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from fuelgauge.data.dataset import Dataset, Examples
from fuelgauge.models.base import all_classes
from fuelgauge.sweep.scores import constant_loss, score_predictions

MOST_ROWS = 4_000
FOLDS = 3
LEAVES = 24
LEAST_LEAF = 5
MOST_COLUMNS = 200


def alone(dataset: Dataset) -> dict[str, float]:
    """Return the share of what can be explained that each column explains alone, by column.

    The share is one minus the loss of a small tree over that of a constant, on rows that the tree has not
    seen (three folds). It is 0 for a column that says nothing and 1 for one that says all.
    """
    rows = np.random.default_rng(0).permutation(len(dataset.target))[:MOST_ROWS]
    examples = dataset.take(np.sort(rows))
    if not isinstance(examples.x, pd.DataFrame):
        return {}
    folds = divided(examples)
    metric = dataset.description.metric
    nothing = constant_loss(examples.y, examples.y, examples.task, examples.n_classes, metric)
    names = list(examples.x.columns)[:MOST_COLUMNS]
    return {str(name): share(examples, codes(examples, name), folds, metric, nothing) for name in names}


def divided(examples: Examples) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the rows of each fold: those to fit on, and the others."""
    is_stratified = examples.task != "regression" and np.bincount(examples.y).min() >= FOLDS
    kind = StratifiedKFold if is_stratified else KFold
    return list(kind(FOLDS, shuffle=True, random_state=0).split(examples.y, examples.y))


def codes(examples: Examples, name: str) -> np.ndarray:
    """Return a column as numbers, shape (rows, 1): categories by their order, NaN where missing."""
    column = pd.Series(examples.x[name])
    if name not in examples.categorical:
        return column.to_numpy(np.float64, na_value=np.nan)[:, None]
    return pd.factorize(column, sort=True)[0].astype(np.float64)[:, None]


def share(
    examples: Examples, x: np.ndarray, folds: list[tuple[np.ndarray, np.ndarray]], metric: str, nothing: float
) -> float:
    """Return the share of a constant's loss that one column takes away."""
    settings = {"max_leaf_nodes": LEAVES, "min_samples_leaf": LEAST_LEAF, "random_state": 0}
    losses = []
    for fitting, others in folds:
        if examples.task == "regression":
            predicted = (
                DecisionTreeRegressor(**settings).fit(x[fitting], examples.y[fitting]).predict(x[others])
            )
        else:
            tree = DecisionTreeClassifier(**settings).fit(x[fitting], examples.y[fitting])
            predicted = all_classes(tree.predict_proba(x[others]), tree.classes_, examples.n_classes)
        losses.append(score_predictions(predicted, examples.pick(others), metric)[0])
    loss = float(np.nanmean(losses)) if np.isfinite(losses).any() else nothing
    return max(0.0, 1 - loss / nothing) if nothing else 0.0
