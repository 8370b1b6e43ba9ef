import numpy as np
import pytest
from sklearn import metrics

from fuelgauge.sweep.metrics import all_metrics, loss_and_score


def test_multiclass_metrics_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(4), 100)
    target = rng.integers(0, 4, 100)
    found = all_metrics(target, probabilities, "multiclass")
    assert found["accuracy"] == metrics.accuracy_score(target, probabilities.argmax(axis=1))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(target, probabilities))


def test_binary_metrics_by_hand():
    target = np.array([0, 0, 1, 1])
    p = np.array([0.1, 0.6, 0.4, 0.9])
    found = all_metrics(target, np.column_stack([1 - p, p]), "binary")
    assert found["accuracy"] == 0.5
    assert found["roc_auc"] == 0.75
    assert found["brier"] == pytest.approx((0.01 + 0.36 + 0.36 + 0.01) / 4)


def test_the_area_is_undefined_for_one_class():
    found = all_metrics(np.zeros(3, dtype=int), np.full((3, 2), 0.5), "binary")
    assert np.isnan(found["roc_auc"])


def test_regression_metrics_by_hand():
    found = all_metrics(np.array([0.0, 2.0]), np.array([1.0, 2.0]), "regression")
    assert found == {"rmse": pytest.approx(0.5**0.5), "mae": 0.5, "r2": pytest.approx(0.5)}


@pytest.mark.parametrize(
    ("metric", "value", "loss", "score"), [("accuracy", 0.9, 0.1, 0.9), ("rmse", 3.0, 3.0, -3.0)]
)
def test_a_loss_falls_and_a_score_rises(metric, value, loss, score):
    assert loss_and_score(value, metric) == (pytest.approx(loss), score)
