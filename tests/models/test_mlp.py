import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from fuelgauge.config.compose import compose
from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, create
from fuelgauge.models.layers import Dropout
from fuelgauge.models.mlp import MLP, CategoryEmbedding
from tests.models.kinds import examples


def fitted(train: Examples, steps: int = 3, **changes: float) -> MLP:
    model = MLP(**changes)
    model.fit(train, train.head(8), FitContext(0, 1, "cpu", "accuracy", step_limit=steps))
    return model


def linear_layers(model: MLP) -> list[tuple[int, int]]:
    return [(m.in_features, m.out_features) for m in model.net if isinstance(m, nn.Linear)]


def matrix(columns: int) -> Examples:
    rng = np.random.default_rng(0)
    return Examples(rng.normal(size=(40, columns)).astype(np.float32), np.arange(40) % 3, "multiclass", 3)


@pytest.mark.parametrize("kind", ["image", "colour", "sequence", "channels"])
def test_images_and_sequences_go_into_plain_layers(kind):
    train = examples(kind, "multiclass", 40)
    model = fitted(train, width=16, depth=2)
    assert {type(m) for m in model.net} == {nn.Linear, nn.ReLU, Dropout}
    assert linear_layers(model) == [(model.encode(train).shape[1], 16), (16, 16), (16, 3)]


def test_the_first_and_the_last_hidden_layer_may_have_another_width():
    assert linear_layers(fitted(matrix(4), width=16, end_width=8)) == [(4, 8), (8, 16), (16, 8), (8, 3)]
    assert linear_layers(fitted(matrix(4), width=16, end_width=8, depth=1)) == [(4, 8), (8, 3)]


def test_the_default_is_the_published_one():
    model = create("fuelgauge.models.mlp.MLP", compose("dataset=letter", "model=mlp").model.hyperparameters)
    assert model.widths() == [128, 256, 128]
    assert (model.learning_rate, model.keeps_rate, model.patience, model.dropout) == (1e-3, True, 20, 0.1)


def test_categories_are_vectors_and_unknown_ones_start_at_zero():
    torch.manual_seed(0)
    layer = CategoryEmbedding((3, 2), 2)
    shown = layer(torch.tensor([[0.5, 1, 0], [0.5, 2, 1], [0.5, 0, 1]]))
    assert shown.shape == (3, 1 + 2 * 2)
    assert shown[:, 0].tolist() == [0.5, 0.5, 0.5]
    assert torch.equal(shown[0, 1:3], layer.tables[0].weight[1])
    assert torch.equal(shown[1, 3:], shown[2, 3:])
    assert not shown[0, 3:].any() and not shown[2, 1:3].any()


def test_a_table_of_categories_alone_is_learned():
    x = pd.DataFrame({"kind": list("abc") * 20})
    model = fitted(Examples(x, np.arange(60) % 3, "multiclass", 3, ("kind",)), 100, learning_rate=0.01)
    unseen = Examples(pd.DataFrame({"kind": ["a", "b", "c", "x"]}), np.zeros(4), "multiclass", 3, ("kind",))
    predicted = model.predict(unseen)
    assert predicted[:3].argmax(axis=1).tolist() == [0, 1, 2]
    assert np.isfinite(predicted).all()
