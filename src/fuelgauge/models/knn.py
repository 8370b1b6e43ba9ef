"""Nearest neighbours: a model that only stores its training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, Model, all_classes
from fuelgauge.models.preprocessing import DenseEncoder

__all__ = ["KNN"]


@dataclass
class KNN(Model):
    """Mean of the nearest training rows by Euclidean distance on scaled, one-hot encoded inputs.

    There is nothing to stop early, so the validation rows are not used.

    Parameters
    ----------
    n_neighbors
        Number of neighbours, at most the number of training rows.
    weights
        Weights of the neighbours: `uniform`, or `distance` to give nearer neighbours more weight.
    """

    stored_types: ClassVar[tuple[str, ...]] = (
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.neighbors._kd_tree.KDTree",
    )

    n_neighbors: int = 5
    weights: str = "uniform"

    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        """Fit the encoder and store the rows, which counts as one step."""
        self.encoder = DenseEncoder().fit(train)
        neighbours = KNeighborsRegressor if train.task == "regression" else KNeighborsClassifier
        self.model = neighbours(
            n_neighbors=min(self.n_neighbors, len(train)), weights=self.weights, n_jobs=context.threads
        )
        self.model.fit(self.encoder.transform(train), train.y)
        return 1

    def count_parameters(self) -> int:
        """Return the number of stored numbers."""
        return self.model.n_samples_fit_ * self.model.n_features_in_

    def predict(self, examples: Examples) -> np.ndarray:
        """Return values, or the share of each class. A class without a training row gets 0."""
        matrix = self.encoder.transform(examples)
        if examples.task == "regression":
            return self.model.predict(matrix)
        return all_classes(self.model.predict_proba(matrix), self.model.classes_, examples.n_classes)
