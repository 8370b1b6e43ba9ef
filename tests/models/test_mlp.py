import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext
from fuelgauge.models.layers import Dropout
from fuelgauge.models.mlp import MLP, ColumnsEmbedding
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


@pytest.mark.parametrize(("columns", "n_inputs"), [(1, 5), (128, 5 * 128), (129, 129)])
def test_numbers_have_embeddings_in_tables_that_are_not_too_wide(columns, n_inputs):
    model = fitted(matrix(columns), width=16, depth=1, embedding=4)
    assert linear_layers(model) == [(n_inputs, 16), (16, 3)]


def test_embeddings_begin_as_linear_and_bend_at_the_edges_of_bins():
    layer = ColumnsEmbedding([np.array([0, 1, 3], dtype=np.float32)], 2, ())
    at = torch.tensor([[0.5], [1.0], [2.0], [3.0]])
    with torch.no_grad():
        start = layer(at)
        assert torch.equal(start[:, :1], at)
        slopes = start.diff(dim=0) / at.diff(dim=0)
        assert torch.allclose(slopes, slopes[:1].expand(3, 3), atol=1e-5)
        layer.embeddings.linear.weight += torch.tensor([[[5.0], [7.0]]])
        bent = layer(at) - start
    assert bent[:, 1].tolist() == pytest.approx([2.5, 5, 8.5, 12], abs=1e-5)


def test_beyond_its_edges_an_embedding_stays_what_it_is_there():
    layer = ColumnsEmbedding([np.array([0, 0.01, 3], dtype=np.float32)], 2, ())
    with torch.no_grad():
        layer.embeddings.linear.weight += 5.0
        below, at, inside = layer(torch.tensor([[-100.0], [0.0], [1.0]]))[:, 1:]
    assert torch.equal(below, at)
    assert not torch.equal(at, inside)


def test_categories_are_shown_by_indicators_and_unknown_ones_by_none():
    layer = ColumnsEmbedding([np.array([0, 1], dtype=np.float32)], 1, (3, 2))
    shown = layer(torch.tensor([[0.5, 1, 0], [0.5, 2, 1], [0.5, 0, 1]]))[:, 2:]
    assert shown.tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 1]]


def test_a_table_of_categories_alone_is_learned():
    x = pd.DataFrame({"kind": list("abc") * 20})
    model = fitted(Examples(x, np.arange(60) % 3, "multiclass", 3, ("kind",)), 100, learning_rate=0.01)
    unseen = Examples(pd.DataFrame({"kind": ["a", "b", "c", "x"]}), np.zeros(4), "multiclass", 3, ("kind",))
    predicted = model.predict(unseen)
    assert predicted[:3].argmax(axis=1).tolist() == [0, 1, 2]
    assert np.isfinite(predicted).all()
