import numpy as np
import pytest

from fuelgauge.data.dataset import Examples
from fuelgauge.sweep.scores import choice_loss, constant_loss, sample


def classes(y, n_classes):
    return Examples(np.zeros((len(y), 1), np.float32), np.array(y), "multiclass", n_classes)


def test_the_choice_loss_is_a_cross_entropy_that_one_zero_cannot_decide():
    predicted = np.array([[1.0, 0, 0], [0, 1, 0]])
    right, wrong = classes([0, 1], 3), classes([0, 2], 3)
    assert choice_loss(predicted, right, 97) == pytest.approx(-np.log(98 / 100))
    assert choice_loss(predicted, wrong, 97) == pytest.approx(-(np.log(98 / 100) + np.log(1 / 100)) / 2)


def test_the_choice_loss_of_values_is_the_mean_squared_error():
    rows = Examples(np.zeros((2, 1), np.float32), np.array([1.0, 3.0]), "regression", 0)
    assert choice_loss(np.array([2.0, 1.0]), rows, 10) == 2.5


def test_the_constant_is_the_mean_or_the_class_frequencies_of_the_pool():
    assert constant_loss(np.array([1.0, 3.0]), np.array([2.0, 4.0]), "regression", 0, "rmse") == 2**0.5
    pool, test = np.array([0, 0, 1]), np.array([0, 1, 1, 0])
    assert constant_loss(pool, test, "binary", 2, "roc_auc") == 0.5
    assert constant_loss(pool, test, "binary", 2, "accuracy") == 0.5
    entropy = -(np.log(2 / 3) + np.log(1 / 3)) / 2
    assert constant_loss(pool, test, "binary", 2, "log_loss") == pytest.approx(entropy)


def test_a_training_loss_is_measured_on_at_most_ten_thousand_rows_of_the_whole_range():
    rows = classes(np.arange(25_000), 25_000)
    some = sample(rows)
    assert len(some) == 10_000 and some.y[0] == 0 and some.y[-1] == 24_999
    assert sample(rows.head(50)) is not None and len(sample(rows.head(50))) == 50
