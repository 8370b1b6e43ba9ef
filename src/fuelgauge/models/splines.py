"""Splines: a linear model of curves of each number and of products of two inputs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
import sklearn.linear_model
from sklearn.preprocessing import SplineTransformer

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, Model, all_classes
from fuelgauge.models.linear import fit_logistic
from fuelgauge.models.preprocessing import DenseEncoder
from fuelgauge.models.targets import Standardised

__all__ = ["Splines"]


@dataclass
class Splines(Model):
    """Linear model with an L2 penalty on scaled inputs, cubic splines of the numbers, and pairwise products.

    It is logistic regression for classes and ridge regression for values. The inputs are those of
    `DenseEncoder`. Each number has a basis of cubic B-splines, with knots at its quantiles in the fit, and
    lines beyond the outer knots. A number with fewer than three different knots has no spline.

    Parameters
    ----------
    n_knots
        Number of knots of a spline, its ends included.
    product_columns
        Largest number of inputs of which all pairs are multiplied. With more inputs there are no products.
    penalty
        Strength of the L2 penalty: `alpha` of ridge regression, and 1 / `C` of logistic regression.
    max_iter
        Upper bound on iterations of L-BFGS.

    References
    ----------
    Eilers and Marx (1996), Flexible smoothing with B-splines and penalties, Statistical Science 11.
    Harrell (2015), Regression modeling strategies, section 2.4: five knots at quantiles for large samples.
    """

    n_knots: int = 5
    product_columns: int = 32
    penalty: float = 1.0
    max_iter: int = 1000

    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        """Fit the encoder, the knots and the coefficients."""
        self.encoder = DenseEncoder().fit(train)
        self.fit_curves(train)
        matrix = self.expanded(train)
        if train.task == "regression":
            self.scale: Standardised | None = Standardised.of(train.y)
            self.regression = sklearn.linear_model.Ridge(alpha=self.penalty)
            # The columns of a basis sum to one, which float32 would make hard to solve.
            self.regression.fit(matrix.astype(np.float64), self.scale.encode(train.y))
            return 1
        self.scale = None
        limit = context.step_limit or self.max_iter
        self.regression = fit_logistic(matrix, train.y, 1 / self.penalty, limit, context.seed)
        return int(np.max(self.regression.n_iter_))

    def fit_curves(self, train: Examples) -> None:
        """Learn the knots of each number. Numbers with equally many knots stand together."""
        inputs = self.encoder.transform(train)
        shares = np.linspace(0, 1, self.n_knots)
        knots = [
            np.unique(np.quantile(inputs[:, at].astype(np.float64), shares)) for at in range(n_numbers(train))
        ]
        # A fitted SplineTransformer holds functions, which cannot be stored. Its knots can.
        self.curves: list[tuple[list[int], np.ndarray]] = []
        for count in range(3, self.n_knots + 1):
            if columns := [at for at, places in enumerate(knots) if len(places) == count]:
                self.curves.append((columns, np.stack([knots[at] for at in columns], axis=1)))

    def expanded(self, examples: Examples) -> np.ndarray:
        """Return inputs, splines and products, float32 of shape (rows, columns)."""
        inputs = self.encoder.transform(examples)
        parts = [inputs, *(basis(inputs[:, columns], knots) for columns, knots in self.curves)]
        if inputs.shape[1] <= self.product_columns:
            pairs = np.array(list(combinations(range(inputs.shape[1]), 2)), dtype=int).reshape(-1, 2)
            parts.append(inputs[:, pairs[:, 0]] * inputs[:, pairs[:, 1]])
        return np.hstack(parts, dtype=np.float32, casting="same_kind")

    def count_parameters(self) -> int:
        """Return the number of coefficients and intercepts."""
        return self.regression.coef_.size + np.size(self.regression.intercept_)

    def predict(self, examples: Examples) -> np.ndarray:
        """Return values, or class probabilities. A class without a training row gets 0."""
        matrix = self.expanded(examples)
        if self.scale is not None:
            return self.scale.decode(self.regression.predict(matrix))
        known = self.regression.predict_proba(matrix)
        return all_classes(known, self.regression.classes_, examples.n_classes)


def n_numbers(examples: Examples) -> int:
    """Return the number of inputs of an encoder that are numbers. They come before marks and categories."""
    if isinstance(examples.x, pd.DataFrame):
        return examples.x.shape[1] - len(examples.categorical)
    return int(np.prod(examples.x.shape[1:]))


def basis(numbers: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Return the cubic B-splines of numbers, for knots of shape (number of knots, columns)."""
    return SplineTransformer(knots=knots, extrapolation="linear").fit(knots).transform(numbers)
