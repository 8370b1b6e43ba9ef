"""Preprocessing that is fitted inside a trial, on its fitting rows only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from fuelgauge.data.dataset import Examples

CLIP = 10.0
MAX_CATEGORIES = 256


class DenseEncoder:
    """Turn examples of any kind but text into a dense, scaled float32 matrix.

    Numbers: missing ones become the median, with a column that says so where any was missing;
    then mean 0 and variance 1. Categories: one column each for the `MAX_CATEGORIES` most frequent,
    the others share one; one unseen in the fit is all zeros or, if there is a shared column, in that.
    Sequences are flattened, each step and channel a number of its own. Images are flattened after
    `ChannelScaler`, since the pixels at a border say nothing in most rows. What is constant or
    missing in all rows of the fit is 0 ever after.

    Parameters
    ----------
    clip
        Scaled values are clipped to +-`clip`.
    """

    def __init__(self, clip: float = CLIP):
        self.clip = clip

    def fit(self, examples: Examples) -> DenseEncoder:
        """Learn medians, scales and categories from the examples."""
        if isinstance(examples.x, pd.DataFrame):
            self.transformer = column_transformer(examples.x, examples.categorical).fit(examples.x)
        elif is_image(examples.x):
            self.transformer = ChannelScaler().fit(examples.x)
        else:
            matrix = as_matrix(examples.x)
            self.transformer = (numbers() if np.isnan(matrix).any() else Scaler()).fit(matrix)
        return self

    def transform(self, examples: Examples) -> np.ndarray:
        """Return a matrix of shape (rows, columns)."""
        x = examples.x
        if not isinstance(x, pd.DataFrame) and not is_image(x):
            x = as_matrix(x)
        matrix = as_matrix(np.asarray(self.transformer.transform(x), dtype=np.float32))
        # A number that is missing here and was not in any row of the fit becomes the mean.
        return np.clip(np.nan_to_num(matrix, copy=False), -self.clip, self.clip)


class ChannelScaler:
    """Scale each channel of sequences or images by one mean and one deviation, so that shapes stay.

    Mean and deviation are those over all rows and places of the fit. Missing values become 0, the mean.
    """

    def fit(self, x: np.ndarray) -> ChannelScaler:
        """Learn the scales from an array whose last axis is the channels."""
        scales = [mean_and_deviation(x[..., channel]) for channel in range(x.shape[-1])]
        self.mean, self.deviation = np.array(scales, dtype=np.float32).T
        return self

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Return a scaled float32 array of the same shape."""
        scaled = (x.astype(np.float32, copy=False) - self.mean) / self.deviation
        return np.clip(np.nan_to_num(scaled, copy=False), -CLIP, CLIP)


class Scaler(StandardScaler):
    """scikit-learn's scaler to mean 0 and variance 1, but what was constant in the fit becomes 0.

    The weights on a column that never varied in the fit mean nothing: they are what they were at
    the start of the fit.
    """

    def fit(self, x: Any, y: Any = None, sample_weight: Any = None) -> Scaler:
        """Learn means and deviations."""
        super().fit(x, y, sample_weight)
        is_constant = np.sqrt(self.var_) != self.scale_  # StandardScaler sets their scale to 1
        self.scale_[is_constant] = np.inf
        return self


def mean_and_deviation(values: np.ndarray) -> tuple[float, float]:
    """Return mean and standard deviation of the values that are not missing; 0 and 1 without any."""
    known = values[~np.isnan(values)]
    if not known.size:
        return 0.0, 1.0
    return float(known.mean()), float(known.std()) or 1.0


def is_image(x: np.ndarray) -> bool:
    """Tell images from other arrays: bytes of shape (rows, height, width, channels)."""
    return x.dtype == np.uint8


def as_matrix(x: np.ndarray) -> np.ndarray:
    """Flatten everything but the rows."""
    return x.reshape(len(x), -1)


def numbers() -> Pipeline:
    """Return an unfitted imputer and scaler of numbers."""
    imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    return make_pipeline(imputer, Scaler())


def column_transformer(x: pd.DataFrame, categorical: tuple[str, ...]) -> ColumnTransformer:
    """Return an unfitted transformer of the columns of a table by their kind."""
    numeric = [name for name in x.columns if name not in categorical]
    categories = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        max_categories=MAX_CATEGORIES,
        sparse_output=False,
        dtype=np.float32,
    )
    return ColumnTransformer([("numbers", numbers(), numeric), ("categories", categories, list(categorical))])
