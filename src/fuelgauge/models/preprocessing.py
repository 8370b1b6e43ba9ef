"""Preprocessing that is fitted inside a trial, on its fitting rows only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, QuantileTransformer, StandardScaler

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


class ColumnsEncoder:
    """Turn a table into one float32 matrix of scaled numbers and, after them, codes of categories.

    For nets that look categories up. Numbers: missing ones become the median, with a column of 0
    and 1 at the end of the numbers that says so where any was missing in the fit. Categories: 1, 2, ...
    for those of the fit, the rarest of more than `MAX_CATEGORIES` sharing one; 0 for one that is missing or
    was not in the fit. A number that was constant or missing in all rows of the fit is 0 ever after.

    Parameters
    ----------
    scaling
        `robust` (`RobustScaler`) or `quantile`: the normal deviate of a number's rank in the fit.

    Attributes
    ----------
    n_numbers : int
        Columns of numbers, the marks of missing ones included.
    cardinalities : tuple of int
        Codes of each categorical column, 0 included.
    """

    def __init__(self, scaling: str):
        self.scaling = scaling

    def fit(self, examples: Examples) -> ColumnsEncoder:
        """Learn medians, scales and categories from the examples."""
        numbers, categories = self.parts(examples)
        self.numbers, self.n_numbers = None, 0
        if numbers.shape[1]:
            self.numbers = FeatureUnion(
                [("values", self.scaled(len(examples))), ("missing", MissingIndicator(error_on_new=False))]
            ).fit(numbers)
            self.n_numbers = self.numbers.transform(numbers[:1]).shape[1]
        self.categories = None
        self.cardinalities: tuple[int, ...] = ()
        if categories.shape[1]:
            self.categories = OrdinalEncoder(
                handle_unknown="use_encoded_value",
                unknown_value=-1,
                encoded_missing_value=-1,
                max_categories=MAX_CATEGORIES,
                dtype=np.float32,
            ).fit(categories)
            highest = self.categories.transform(categories).max(axis=0, initial=-1)
            self.cardinalities = tuple(int(code) + 2 for code in highest)
        return self

    def scaled(self, n_rows: int) -> Pipeline:
        """Return an unfitted imputer and scaler of numbers."""
        scaler = RobustScaler() if self.scaling == "robust" else RankScaler(n_rows)
        return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), scaler)

    def parts(self, examples: Examples) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers, float64, and the categories as objects, each of shape (rows, columns)."""
        x = examples.x
        if not isinstance(x, pd.DataFrame):
            return as_matrix(x).astype(np.float64), np.empty((len(x), 0), dtype=object)
        categorical = list(examples.categorical)
        numbers = x.drop(columns=categorical).to_numpy(np.float64, na_value=np.nan)
        return numbers, x[categorical].astype(object).where(x[categorical].notna(), np.nan).to_numpy()

    def transform(self, examples: Examples) -> np.ndarray:
        """Return a matrix of shape (rows, n_numbers + number of categorical columns)."""
        numbers, categories = self.parts(examples)
        parts = [np.empty((len(examples), 0), dtype=np.float32)]
        if self.numbers is not None:
            parts.append(np.asarray(self.numbers.transform(numbers), dtype=np.float32))
        if self.categories is not None:
            parts.append(self.categories.transform(categories) + 1)
        return np.hstack(parts)


def bin_edges(numbers: np.ndarray, n_bins: int) -> list[np.ndarray]:
    """Return the quantiles of each column that bound its bins, each once.

    Parameters
    ----------
    numbers
        Shape (rows, columns), finite.
    n_bins
        At most; never more than there are rows less one. A column of one value has a single bin from 0 to 1.
    """
    shares = np.linspace(0, 1, max(1, min(n_bins, len(numbers) - 1)) + 1)
    quantiles = np.quantile(numbers, shares, axis=0).astype(np.float32)
    edges = [np.unique(column) for column in quantiles.T]
    return [column if len(column) > 1 else np.array([0, 1], dtype=np.float32) for column in edges]


class RobustScaler(TransformerMixin, BaseEstimator):
    """Median 0, interquartile range 1, and a smooth clip to +-3 (RealMLP, arXiv 2407.04491, section 3.1).

    Where the quartiles are equal, the range of a column is made 2 instead; a constant one becomes 0.
    """

    def fit(self, x: np.ndarray, y: Any = None) -> RobustScaler:
        """Learn medians and ranges of the columns."""
        low, quarter, self.median_, three_quarters, high = np.quantile(x, [0, 0.25, 0.5, 0.75, 1], axis=0)
        spread = np.where(three_quarters > quarter, three_quarters - quarter, (high - low) / 2)
        self.factor_ = np.divide(1, spread, out=np.zeros_like(spread), where=spread > 0)
        return self

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Return a scaled array of the same shape, within +-3."""
        scaled = (x - self.median_) * self.factor_
        return scaled / np.sqrt(1 + (scaled / 3) ** 2)


class RankScaler(QuantileTransformer):
    """scikit-learn's transformer of ranks to normal deviates, but what was constant in the fit becomes 0.

    Parameters
    ----------
    n_rows
        Of the fit: a thirtieth as many quantiles are kept, from 10 to 1,000 of them (Gorishniy et al.,
        arXiv 2106.11959).
    """

    def __init__(self, n_rows: int):
        self.n_rows = n_rows
        n_quantiles = min(n_rows, max(10, min(1000, n_rows // 30)))
        super().__init__(
            n_quantiles=n_quantiles, output_distribution="normal", subsample=None, random_state=0
        )

    def fit(self, x: np.ndarray, y: Any = None) -> RankScaler:
        """Learn the quantiles of the columns."""
        super().fit(x)
        self.varies_ = self.quantiles_[0] < self.quantiles_[-1]
        return self

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Return an array of the same shape, within about +-5.2."""
        return np.where(self.varies_, super().transform(x), 0.0)


class ChannelScaler:
    """Scale each channel of sequences or images by one mean and one deviation, so that shapes stay.

    Mean and deviation are those over all rows and places of the fit. Missing values become 0, the mean, and
    so does a channel that was constant or missing in the fit.
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
    """Return mean and standard deviation of the values that are not missing.

    The deviation is infinite, so that what is divided by it is 0, where values do not vary or there are none.
    """
    known = values[~np.isnan(values)]
    if not known.size or known.min() == known.max():
        return 0.0, np.inf
    return float(known.mean()), float(known.std())


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
