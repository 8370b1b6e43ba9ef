"""Preprocessing that is fitted inside a trial, on its fitting rows only."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, QuantileTransformer, StandardScaler

from fuelgauge.data.dataset import Examples

__all__ = [
    "MAX_CATEGORIES",
    "ChannelScaler",
    "ColumnsEncoder",
    "DenseEncoder",
    "RobustScaler",
    "Scaler",
    "as_matrix",
    "bin_edges",
]

CLIP = 10.0
MAX_CATEGORIES = 256
TIE_NOISE = 1e-5  # of a column's standard deviation


class DenseEncoder:
    """Encode examples of any kind but text as a dense, scaled float32 matrix.

    - Numbers: a missing number becomes the median. If any was missing in the fit, one more column marks
      them. Then every column is scaled to mean 0 and variance 1.
    - Categories: each category has a column, up to `MAX_CATEGORIES` columns. Beyond that, the rarest share
      the last one. A category that was not in the fit goes to the shared column, or is all zeros without one.
    - Sequences: they are flattened, with each step of each channel as a number.
    - Images: they are scaled by `ChannelScaler` and flattened, because pixels at a border are empty in most
      rows.

    A number that was constant or missing in all rows of the fit is always 0.

    Parameters
    ----------
    clip
        Largest absolute value of a scaled number. Values beyond it are clipped.
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
        # A number that is missing here but was never missing in the fit becomes the mean.
        return np.clip(np.nan_to_num(matrix, copy=False), -self.clip, self.clip)


class ColumnsEncoder:
    """Encode a table as one float32 matrix of scaled numbers, followed by codes of categories.

    It serves nets that look categories up.

    - Numbers: a missing number becomes the median. If any was missing in the fit, a column of 0 and 1 after
      the numbers marks them.
    - Categories: the categories of the fit have the codes 1, 2 and so on. If there are more than
      `MAX_CATEGORIES`, the rarest share a code. The code 0 is a category that is missing or was not in the
      fit.

    A number that was constant or missing in all rows of the fit is always 0.

    Parameters
    ----------
    scaling
        Scaling of the numbers: `robust` (`RobustScaler`) or `quantile`, the normal deviate of a number's
        rank in the fit (`RankScaler`).

    Attributes
    ----------
    n_numbers : int
        Number of numeric columns, marks of missing numbers included.
    cardinalities : tuple of int
        Number of codes of each categorical column, the code 0 included.
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
        """Return the numbers as float64 and the categories as objects, each of shape (rows, columns)."""
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
    """Return the edges of each column's bins: its distinct quantiles.

    Parameters
    ----------
    numbers
        Finite numbers, shape (rows, columns).
    n_bins
        Largest number of bins. It is limited to the number of rows less one. A constant column has a single
        bin from 0 to 1.
    """
    shares = np.linspace(0, 1, max(1, min(n_bins, len(numbers) - 1)) + 1)
    quantiles = np.quantile(numbers, shares, axis=0).astype(np.float32)
    edges = [np.unique(column) for column in quantiles.T]
    return [column if len(column) > 1 else np.array([0, 1], dtype=np.float32) for column in edges]


class RobustScaler(TransformerMixin, BaseEstimator):
    """Scaler to median 0 and interquartile range 1, with a smooth clip to +-3.

    It is the scaler of RealMLP (arXiv 2407.04491, section 3.1). If the quartiles of a column are equal, its
    range is scaled to 2 instead. A constant column becomes 0.
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
    """Scaler of numbers to the normal deviates of their ranks, by scikit-learn.

    A little noise in the fit breaks ties (Gorishniy et al., arXiv 2106.11959 and 2410.24210). Without it, a
    column's smallest and largest values would lie 5.2 deviations out, however many rows share them. A column
    that was constant in the fit becomes 0.

    Parameters
    ----------
    n_rows
        Number of rows of the fit. The number of quantiles is a thirtieth of it, but between 10 and 1,000
        (Gorishniy et al., arXiv 2106.11959) and never more than the rows.
    """

    def __init__(self, n_rows: int):
        self.n_rows = n_rows
        n_quantiles = min(n_rows, max(10, min(1000, n_rows // 30)))
        super().__init__(
            n_quantiles=n_quantiles, output_distribution="normal", subsample=None, random_state=0
        )

    def fit(self, x: np.ndarray, y: Any = None) -> RankScaler:
        """Learn the quantiles of the columns."""
        self.varies_ = x.min(axis=0) < x.max(axis=0)
        noise = np.random.default_rng(0).normal(0.0, TIE_NOISE, x.shape)
        super().fit(x + noise * x.std(axis=0))
        return self

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Return an array of the same shape, within about +-5.2."""
        return np.where(self.varies_, super().transform(x), 0.0)


class ChannelScaler:
    """Scaler of each channel of sequences or images by one mean and one deviation, which keeps shapes.

    The mean and the standard deviation are those over all rows and positions of the fit. A missing value
    becomes 0, which is the mean. A channel that was constant or missing in the fit becomes 0 too.
    """

    def fit(self, x: np.ndarray) -> ChannelScaler:
        """Learn the scales from an array whose last axis holds the channels."""
        scales = [mean_and_deviation(x[..., channel]) for channel in range(x.shape[-1])]
        self.mean, self.deviation = np.array(scales, dtype=np.float32).T
        return self

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Return a scaled float32 array of the same shape."""
        scaled = (x.astype(np.float32, copy=False) - self.mean) / self.deviation
        return np.clip(np.nan_to_num(scaled, copy=False), -CLIP, CLIP)


class Scaler(StandardScaler):
    """Scaler to mean 0 and variance 1, by scikit-learn. A column that was constant in the fit becomes 0.

    The weights on a column that never varied in the fit carry no information: they keep the values from the
    start of the fit.
    """

    def fit(self, x: Any, y: Any = None, sample_weight: Any = None) -> Scaler:
        """Learn means and standard deviations."""
        super().fit(x, y, sample_weight)
        is_constant = np.sqrt(self.var_) != self.scale_  # StandardScaler sets their scale to 1
        self.scale_[is_constant] = np.inf
        return self


def mean_and_deviation(values: np.ndarray) -> tuple[float, float]:
    """Return the mean and the standard deviation of the values that are not missing.

    The deviation is infinite if the values do not vary or if there are none. Division by it then gives 0.
    """
    known = values[~np.isnan(values)]
    if not known.size or known.min() == known.max():
        return 0.0, np.inf
    return float(known.mean()), float(known.std())


def is_image(x: np.ndarray) -> bool:
    """Return whether an array holds images: bytes of shape (rows, height, width, channels)."""
    return x.dtype == np.uint8


def as_matrix(x: np.ndarray) -> np.ndarray:
    """Flatten all axes but the first."""
    return x.reshape(len(x), math.prod(x.shape[1:]))


def numbers() -> Pipeline:
    """Return an unfitted imputer and scaler of numbers."""
    imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    return make_pipeline(imputer, Scaler())


def column_transformer(x: pd.DataFrame, categorical: tuple[str, ...]) -> ColumnTransformer:
    """Return an unfitted transformer of the numeric and categorical columns of a table."""
    numeric = [name for name in x.columns if name not in categorical]
    categories = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        max_categories=MAX_CATEGORIES,
        sparse_output=False,
        dtype=np.float32,
    )
    return ColumnTransformer([("numbers", numbers(), numeric), ("categories", categories, list(categorical))])
