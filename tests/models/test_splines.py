import numpy as np
import pytest

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext
from fuelgauge.models.linear import fit_logistic
from fuelgauge.models.splines import Splines
from tests.models.kinds import examples

CONTEXT = FitContext(0, 1, "cpu", "rmse")


def rows(n: int, columns: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-2, 2, (n, columns)).astype(np.float32)


def relative_error(model: Splines, target, x: np.ndarray, test: np.ndarray) -> float:
    model.fit(
        Examples(x, target(x), "regression", 0), Examples(x[:0], target(x[:0]), "regression", 0), CONTEXT
    )
    far = Examples(test, target(test), "regression", 0)
    return float(np.mean((model.predict(far) - far.y) ** 2) / far.y.var())


def test_curves_of_single_numbers_are_learned_by_splines_alone():
    def waves(x):
        return np.sin(2 * x[:, 0].astype(np.float64)) + np.abs(x[:, 1])

    assert relative_error(Splines(n_knots=7, product_columns=0), waves, rows(800), rows(400, seed=1)) < 0.02


def test_products_are_learned_up_to_the_stated_number_of_inputs():
    def product(x):
        return (x[:, 0] * x[:, 1]).astype(np.float64)

    assert relative_error(Splines(product_columns=2), product, rows(400), rows(400, seed=1)) < 0.01
    assert relative_error(Splines(product_columns=1), product, rows(400), rows(400, seed=1)) > 0.9


def test_lines_go_on_beyond_the_outer_knots():
    def line(x):
        return x[:, 0].astype(np.float64)

    assert relative_error(Splines(), line, rows(400), 2 * rows(400, seed=1)) < 0.01


def test_columns_of_the_design_are_inputs_bases_and_pairs():
    x = rows(100, 3)
    x[:, 2] = x[:, 2] > 0  # two values have no spline
    train = Examples(x, (x[:, 0] > 0).astype(np.int64), "binary", 2)
    model = Splines(n_knots=5)
    model.fit(train, train.head(0), CONTEXT)
    assert model.expanded(train).shape == (100, 3 + 2 * (5 + 2) + 3)
    assert model.count_parameters() == 3 + 2 * 7 + 3 + 1


def test_a_number_with_few_values_has_fewer_knots():
    x = np.repeat(np.array([[0.0], [1], [2]], dtype=np.float32), [40, 30, 30], axis=0)
    train = Examples(x, (x[:, 0] == 1).astype(np.int64), "binary", 2)
    model = Splines(n_knots=5, penalty=1e-3)
    model.fit(train, train.head(0), CONTEXT)
    assert [(columns, knots.shape) for columns, knots in model.curves] == [([0], (3, 1))]
    assert (model.predict(train).argmax(axis=1) == train.y).all()


@pytest.mark.parametrize("penalty", [0.1, 10.0])
def test_the_penalty_of_classes_is_that_of_logistic_regression(penalty):
    train = examples("table", "multiclass", 200)
    model = Splines(penalty=penalty)
    model.fit(train, train.head(0), CONTEXT)
    known = fit_logistic(model.expanded(train), train.y, 1 / penalty, 1000, 0)
    assert np.allclose(model.predict(train), known.predict_proba(model.expanded(train)))
