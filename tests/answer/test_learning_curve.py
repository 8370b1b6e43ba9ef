import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold

import fuelgauge
from fuelgauge.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def curve():
    X, y = make_classification(400, 12, n_informative=6, random_state=0)
    return fuelgauge.learning_curve(LogisticRegression(max_iter=200), X, y, scoring="roc_auc", cv=5)


def test_the_table_has_a_row_for_each_size_with_intervals_and_paired_gains(curve):
    table = curve.table
    assert list(table["train_size"]) == [32, 80, 160, 320]
    assert (table["low"] < table["score"]).all()
    assert (table["score"] < table["high"]).all()
    gains = table["score"].diff().iloc[1:]
    np.testing.assert_allclose(table["gain"].iloc[1:], gains)
    assert np.isnan(table["gain"].iloc[0])


def test_the_forecast_goes_beyond_the_last_size_with_an_interval(curve):
    ahead = curve.forecast([640, 3200])
    assert list(ahead["train_size"]) == [640, 3200]
    assert (ahead["low"] <= ahead["score"]).all()
    assert (ahead["score"] <= ahead["high"]).all()
    assert ahead["score"].iloc[1] >= curve.table["score"].iloc[-1] - 0.02


def test_sizes_that_are_no_sizes_and_scores_above_the_best_are_refused(curve):
    X, y = make_classification(60, 5, random_state=0)
    with pytest.raises(ConfigError, match="from 2 to 48 rows"):
        fuelgauge.learning_curve(LogisticRegression(), X, y, train_sizes=[10, 500])
    with pytest.raises(DataError, match="best possible"):
        curve.forecast([640], best=0.0)


def test_any_splitter_can_be_given():
    X, y = make_classification(60, 5, random_state=0)
    curve = fuelgauge.learning_curve(LogisticRegression(), X, y, cv=KFold(3), train_sizes=[10, 40])
    assert curve.test_scores.shape == (2, 3)
