"""The learning curve of any estimator, with paired intervals and a forecast."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone, is_classifier
from sklearn.metrics import get_scorer
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from sklearn.utils import _safe_indexing, indexable

from fuelgauge.answer import _forecast
from fuelgauge.claims.statistics.resample import RepeatTest, leave_one_out_means
from fuelgauge.errors import ConfigError, DataError

__all__ = ["LearningCurve", "learning_curve"]

LEVEL = 0.9
REPEATS, TEST_SHARE = 10, 0.2
SHARES = (0.1, 0.25, 0.5, 1.0)
FEWEST = 2


@dataclass(frozen=True)
class LearningCurve:
    """The learning curve of an estimator.

    Attributes
    ----------
    train_sizes : ndarray
        Numbers of rows to train on, increasing, shape (sizes,).
    train_scores, test_scores : ndarray
        Scores on the training rows and on the test rows, shape (sizes, repeats).
    fit_times : ndarray
        Seconds of the fits, shape (sizes, repeats).
    test_share : float
        Test rows over the rows to train on.
    """

    train_sizes: NDArray[np.int_]
    train_scores: NDArray[np.float64]
    test_scores: NDArray[np.float64]
    fit_times: NDArray[np.float64]
    test_share: float

    @property
    def table(self) -> pd.DataFrame:
        """One row per size: mean test score with its 90% interval, and the gain over the size before.

        The gains are paired: both sizes have the same repeats, and the smaller one is a part of the larger.
        All intervals carry the factor of Nadeau and Bengio (Machine Learning 52, 2003).
        """
        test = RepeatTest(LEVEL, self.test_share)
        mean, low, high = interval(self.test_scores, test)
        gain, gain_low, gain_high = interval(np.diff(self.test_scores, axis=0), test)
        first = [np.nan]
        return pd.DataFrame(
            {
                "train_size": self.train_sizes,
                "score": mean,
                "low": low,
                "high": high,
                "gain": [*first, *gain],
                "gain_low": [*first, *gain_low],
                "gain_high": [*first, *gain_high],
                "fit_seconds": self.fit_times.mean(axis=1),
            }
        )

    def forecast(self, train_sizes: Sequence[int], best: float = 1.0) -> pd.DataFrame:
        """Return the score at other numbers of rows, with a 90% interval.

        Parameters
        ----------
        train_sizes
            Numbers of rows to forecast at, not below the first size.
        best
            Best possible score: 1 for accuracy, AUC and R squared, 0 for negated errors.

        Returns
        -------
        pandas.DataFrame
            Columns train_size, score, low and high.

        Raises
        ------
        DataError
            A mean score is above the best possible one.
        """
        losses = best - self.test_scores.mean(axis=1)
        if (losses < 0).any():
            raise DataError(
                f"A score is above {best:g}, the best possible one; give best=... for this scoring."
            )
        sizes, means = tuple(map(int, self.train_sizes)), tuple(map(float, losses))
        course = _forecast.Course("estimator", "", sizes, means, ())
        ahead = _forecast.at(course, tuple(map(int, train_sizes)))
        rows = [(each.rows, best - each.loss, best - each.high, best - each.low) for each in ahead]
        return pd.DataFrame(rows, columns=["train_size", "score", "low", "high"])

    def plot(self, ax: Any = None) -> Any:
        """Draw the mean test score with its interval, and return the axes."""
        if ax is None:
            import matplotlib.pyplot as plt

            ax = plt.subplots()[1]
        table = self.table
        ax.plot(table["train_size"], table["score"], marker="o", label="test")
        ax.fill_between(table["train_size"], table["low"], table["high"], alpha=0.2)
        ax.plot(table["train_size"], self.train_scores.mean(axis=1), ls=":", label="train")
        ax.set(xscale="log", xlabel="rows to train on", ylabel="score")
        ax.legend()
        return ax


def interval(scores: NDArray[np.float64], test: RepeatTest) -> tuple[Any, Any, Any]:
    """Return the mean over repeats and the ends of its interval, each of shape (sizes,)."""
    means = leave_one_out_means(scores)
    low, high = test.interval(means)
    return means[0], low, high


def learning_curve(
    estimator: Any,
    X: Any,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    train_sizes: Sequence[float] = SHARES,
    cv: Any = None,
    scoring: Any = None,
    random_state: int = 0,
) -> LearningCurve:
    """Measure the learning curve of an estimator; the arguments are named as in scikit-learn.

    In each repeat, a smaller training set is the beginning of a larger one, and all have the same test rows.

    Parameters
    ----------
    estimator
        Estimator of scikit-learn's kind; each fit gets a clone.
    X, y
        Rows and their targets, shapes (rows, columns) and (rows,).
    groups
        Group of each row for a splitter that needs one, shape (rows,).
    train_sizes
        Shares of the largest training set, above 0 and at most 1, or numbers of rows.
    cv
        Splitter; None for ten random draws of a fifth of the rows, stratified for a classifier.
    scoring
        Name of a scorer or a function of estimator, X and y; None for the estimator's own score.
    random_state
        Seed of the draws and of the order of the training rows.

    Returns
    -------
    LearningCurve

    Raises
    ------
    ConfigError
        A size is not above 0, or it exceeds the training rows.
    """
    X, y, groups = indexable(X, y, groups)
    splitter = splitter_of(estimator, cv, random_state)
    score = (lambda e, a, b: e.score(a, b)) if scoring is None else scoring
    score = get_scorer(score) if isinstance(score, str) else score
    splits = list(splitter.split(X, y, groups))
    largest = min(len(train) for train, _ in splits)
    sizes = absolute(train_sizes, largest)
    found = np.empty((3, len(sizes), len(splits)))
    for repeat, (train, test) in enumerate(splits):
        order = np.random.default_rng([random_state, repeat]).permutation(train)
        for place, size in enumerate(sizes):
            found[:, place, repeat] = measured(estimator, X, y, order[:size], test, score)
    share = float(np.mean([len(test) for _, test in splits])) / largest
    return LearningCurve(sizes, found[0], found[1], found[2], share)


def splitter_of(estimator: Any, cv: Any, random_state: int) -> Any:
    """Return the splitter of a curve."""
    if hasattr(cv, "split"):
        return cv
    kind = StratifiedShuffleSplit if is_classifier(estimator) else ShuffleSplit
    return kind(REPEATS if cv is None else int(cv), test_size=TEST_SHARE, random_state=random_state)


def absolute(sizes: Sequence[float], largest: int) -> NDArray[np.int_]:
    """Return numbers of training rows, increasing, from shares or numbers."""
    given = np.asarray(sizes, dtype=float)
    numbers = np.round(given * largest) if (given <= 1).all() else given
    rows = np.unique(numbers.astype(int))
    if len(rows) == 0 or rows[0] < FEWEST or rows[-1] > largest:
        raise ConfigError(
            f"train_sizes is {list(sizes)}; each must be from {FEWEST} to {largest} rows, or a share."
        )
    return rows


def measured(
    estimator: Any, X: Any, y: Any, train: NDArray[np.int_], test: NDArray[np.int_], score: Any
) -> tuple[float, float, float]:
    """Return the scores of a fit on its own rows and on the test rows, and its seconds."""
    x_train, y_train = _safe_indexing(X, train), _safe_indexing(y, train)
    begun = time.perf_counter()
    fitted = clone(estimator).fit(x_train, y_train)
    seconds = time.perf_counter() - begun
    x_test, y_test = _safe_indexing(X, test), _safe_indexing(y, test)
    return float(score(fitted, x_train, y_train)), float(score(fitted, x_test, y_test)), seconds
