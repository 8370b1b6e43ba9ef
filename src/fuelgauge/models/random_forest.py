"""The random forest: trees that are averaged."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, Model, Work, all_classes
from fuelgauge.models.preprocessing import DenseEncoder


@dataclass
class RandomForest(Model):
    """Trees on bootstrap samples of one-hot encoded rows, missing numbers replaced by the median.

    It has nothing to stop early, so that the validation rows are not used.

    Parameters
    ----------
    n_trees
        That are averaged.
    min_leaf
        Rows in a leaf at least.
    max_features
        Share of the columns among which a split is chosen, or `sqrt`; None: `sqrt` for classes and all
        for values, as scikit-learn does.
    """

    n_trees: int = 100
    min_leaf: int = 1
    max_features: float | str | None = None

    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        """Fit encoder and trees; a step is a tree."""
        # Trees need no scale, but clipping would make large values alike.
        self.encoder = DenseEncoder(clip=np.inf).fit(train)
        is_regression = train.task == "regression"
        forest = RandomForestRegressor if is_regression else RandomForestClassifier
        self.forest = forest(
            n_estimators=min(self.n_trees, context.step_limit or self.n_trees),
            min_samples_leaf=self.min_leaf,
            max_features=self.max_features or (1.0 if is_regression else "sqrt"),
            n_jobs=context.threads,
            random_state=context.seed,
        )
        with warnings.catch_warnings():
            # Few rows of many classes, which scikit-learn takes for a regression.
            warnings.filterwarnings("ignore", message="The number of unique classes")
            self.forest.fit(self.encoder.transform(train), train.y)
        return len(self.forest.estimators_)

    def count_parameters(self) -> int:
        """Return the number of nodes of all trees."""
        return sum(tree.tree_.node_count for tree in self.forest.estimators_)

    def count_work(self, train: Examples) -> Work:
        """Return the nodes that each tree's rows came through, a row as often as it was drawn."""
        weights = (tree.tree_.weighted_n_node_samples for tree in self.forest.estimators_)
        return Work(nodes_visited=float(sum(weight.sum() for weight in weights)))

    def predict(self, examples: Examples) -> np.ndarray:
        """Return values, or class probabilities; a class without a training row gets 0."""
        matrix = self.encoder.transform(examples)
        if examples.task == "regression":
            return self.forest.predict(matrix)
        return all_classes(self.forest.predict_proba(matrix), self.forest.classes_, examples.n_classes)
