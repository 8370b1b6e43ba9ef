"""Preprocessing that is fitted inside a trial, on its fitting rows only."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from fuelgauge.data.dataset import Examples


class DenseEncoder:
    """Turn examples into a dense, scaled float32 matrix.

    Numbers: missing ones become the median, with a column that says so where any was missing;
    then mean 0 and variance 1. Categories: one column each; one unseen in the fit is all zeros.
    Sequences are flattened. Scaled values are clipped to +-`clip`.
    """

    def __init__(self, clip: float = 10.0):
        self.clip = clip

    def fit(self, examples: Examples) -> DenseEncoder:
        """Learn medians, scales and categories from the examples."""
        if isinstance(examples.x, pd.DataFrame):
            self.transformer = column_transformer(examples.x, examples.categorical).fit(examples.x)
        else:
            self.transformer = StandardScaler().fit(as_matrix(examples.x))
        return self

    def transform(self, examples: Examples) -> np.ndarray:
        """Return a matrix of shape (rows, columns)."""
        x = examples.x if isinstance(examples.x, pd.DataFrame) else as_matrix(examples.x)
        matrix = np.asarray(self.transformer.transform(x), dtype=np.float32)
        return np.clip(matrix, -self.clip, self.clip)


def as_matrix(x: np.ndarray) -> np.ndarray:
    """Flatten everything but the rows."""
    return x.reshape(len(x), -1)


def column_transformer(x: pd.DataFrame, categorical: tuple[str, ...]) -> ColumnTransformer:
    """Return an unfitted transformer of the columns of a table by their kind."""
    numeric = [name for name in x.columns if name not in categorical]
    numbers = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), StandardScaler()
    )
    categories = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32)
    return ColumnTransformer([("numbers", numbers, numeric), ("categories", categories, list(categorical))])
