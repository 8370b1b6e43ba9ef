"""Random forest and extra trees: the mean of many trees."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, Model, Work, all_classes
from fuelgauge.models.preprocessing import DenseEncoder
from fuelgauge.models.targets import Standardised

__all__ = ["ExtraTrees", "RandomForest"]


@dataclass
class RandomForest(Model):
    """Mean of trees on bootstrap samples of one-hot encoded rows. Missing numbers become the median.

    There is nothing to stop early, so the validation rows are not used.

    Parameters
    ----------
    n_trees
        Number of trees.
    min_leaf
        Smallest number of rows in a leaf.
    max_features
        Share of the columns that are candidates for a split, or `sqrt`. None means `sqrt` for classes and
        all columns for values, as in scikit-learn.

    References
    ----------
    Breiman (2001), Random forests, Machine Learning 45.
    """

    stored_types: ClassVar[tuple[str, ...]] = ("sklearn.tree._tree.Tree",)
    of_classes: ClassVar[Any] = RandomForestClassifier
    of_values: ClassVar[Any] = RandomForestRegressor

    n_trees: int = 100
    min_leaf: int = 1
    max_features: float | str | None = None

    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        """Fit the encoder and the trees. A step is a tree."""
        # Trees need no scaling, and clipping would make large values equal.
        self.encoder = DenseEncoder(clip=np.inf).fit(train)
        is_regression = train.task == "regression"
        # Sums of squares would lose the deviation of values that are large beside it.
        self.scale = Standardised.of(train.y) if is_regression else None
        labels = train.y if self.scale is None else self.scale.encode(train.y)
        forest = self.of_values if is_regression else self.of_classes
        self.forest = forest(
            n_estimators=min(self.n_trees, context.step_limit or self.n_trees),
            min_samples_leaf=self.min_leaf,
            max_features=self.max_features or (1.0 if is_regression else "sqrt"),
            n_jobs=context.threads,
            random_state=context.seed,
        )
        with warnings.catch_warnings():
            # With few rows of many classes, scikit-learn suspects a regression.
            warnings.filterwarnings("ignore", message="The number of unique classes")
            self.forest.fit(self.encoder.transform(train), labels)
        return len(self.forest.estimators_)

    def count_parameters(self) -> int:
        """Return the number of nodes of all trees."""
        return sum(tree.tree_.node_count for tree in self.forest.estimators_)

    def count_work(self, train: Examples) -> Work:
        """Return the number of nodes that each tree's rows pass through, repeated draws included."""
        weights = (tree.tree_.weighted_n_node_samples for tree in self.forest.estimators_)
        return Work(nodes_visited=float(sum(weight.sum() for weight in weights)))

    def predict(self, examples: Examples) -> np.ndarray:
        """Return values, or class probabilities. A class without a training row gets 0."""
        matrix = self.encoder.transform(examples)
        if self.scale is not None:
            return self.scale.decode(self.forest.predict(matrix))
        return all_classes(self.forest.predict_proba(matrix), self.forest.classes_, examples.n_classes)


@dataclass
class ExtraTrees(RandomForest):
    """Mean of trees that draw their thresholds at random, on all rows of the fit.

    The parameters are those of `RandomForest`.

    References
    ----------
    Geurts, Ernst and Wehenkel (2006), Extremely randomized trees, Machine Learning 63.
    """

    of_classes: ClassVar[Any] = ExtraTreesClassifier
    of_values: ClassVar[Any] = ExtraTreesRegressor
