"""The counted computation of a fit, compared with counts by hand."""

import numpy as np
import pytest

from fuelgauge.models.base import FitContext
from fuelgauge.models.dummy import Dummy
from fuelgauge.models.fcn import FCN
from fuelgauge.models.mlp import MLP
from fuelgauge.models.random_forest import RandomForest
from fuelgauge.models.xgboost import XGBoost, depths
from tests.models.kinds import examples

CONTEXT = FitContext(0, 1, "cpu", "accuracy")


def fitted(model, kind: str = "sequence", n: int = 200):
    train = examples(kind, "multiclass", n)
    steps = model.fit(train, examples(kind, "multiclass", 50, 1), CONTEXT)
    return train, steps, model.count_work(train)


def test_a_step_of_a_net_is_two_operations_a_weight_forward_and_four_backward():
    model = MLP(width=16, depth=1, batch_size=20, min_steps=40, max_epochs=1)
    train, steps, work = fitted(model)
    inputs = 20 * 8 * 16
    # The gradient of the inputs of the first layer is not needed.
    assert work.flops == steps * 2 * (3 * 20 * 16 * 3 + 2 * inputs)
    assert np.isnan(work.nodes_visited)
    assert model.count_samples(steps, len(train)) == 20 * steps


def test_counting_changes_no_prediction():
    model = FCN(min_steps=20, max_epochs=1)
    train = examples("sequence", "multiclass", 100)
    model.fit(train, train, CONTEXT)
    before = model.predict(train)
    assert model.count_work(train).flops > 0
    assert np.array_equal(before, model.predict(train))


def test_rows_come_through_three_nodes_of_trees_of_depth_two_and_more_of_deeper_ones():
    shallow = XGBoost(max_rounds=10, patience=10, parameters={"max_depth": 1, "min_child_weight": 0})
    train, steps, work = fitted(shallow)
    assert steps == 10
    assert work.nodes_visited == 2 * 3 * steps * len(train)
    assert np.isnan(work.flops)
    assert shallow.count_samples(steps, len(train)) == steps * len(train)


def test_depths_count_from_the_root_of_each_tree():
    far = 2**31 - 1
    assert depths([[far, 0, 0, 1, 1], [far], [far, 0, 0]]).tolist() == [1, 2, 2, 3, 3, 1, 1, 2, 2]


def test_a_forest_counts_the_rows_of_each_node():
    model = RandomForest(n_trees=5, min_leaf=10_000)
    train, _, work = fitted(model)
    assert work.nodes_visited == 5 * len(train), "a tree without a split is its root"


def test_what_cannot_be_counted_is_not_a_number():
    *_, work = fitted(Dummy())
    assert np.isnan([work.flops, work.nodes_visited]).all()


@pytest.mark.parametrize("n", [7, 1000])
def test_nodes_are_counted_on_some_rows_and_scaled(n):
    model = XGBoost(max_rounds=3, patience=3, parameters={"max_depth": 1, "min_child_weight": 0})
    train, steps, work = fitted(model, n=n)
    assert work.nodes_visited <= 2 * 3 * steps * len(train)
