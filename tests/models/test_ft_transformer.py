from dataclasses import replace

import numpy as np
import pytest
from torch import nn

from fuelgauge.models.base import FitContext, FitError
from fuelgauge.models.ft_transformer import FTTransformer
from tests.models.kinds import examples

CONTEXT = FitContext(0, 1, "cpu", "accuracy", step_limit=5)


def fitted(train, **hyperparameters) -> FTTransformer:
    model = FTTransformer(**hyperparameters)
    model.fit(train, train, CONTEXT)
    return model


def test_a_table_with_too_many_columns_is_refused_with_their_number_and_the_limit():
    wide = np.random.default_rng(0).normal(size=(24, 11)).astype(np.float32)
    train = replace(examples("matrix", "binary", 24), x=wide)
    with pytest.raises(FitError, match=r"FTTransformer .* at most 10 \(max_columns\); this table has 11\."):
        fitted(train, max_columns=10)
    assert fitted(train, max_columns=11).count_parameters() > 0


def test_categories_and_marks_of_missing_numbers_count_as_columns():
    train = examples("table", "binary", 40)  # eight numbers, one of them sometimes missing, and a category
    with pytest.raises(FitError, match="this table has 10"):
        fitted(train, max_columns=9)


def test_embeddings_biases_and_scales_are_not_decayed():
    train = examples("table", "multiclass", 40)
    model = fitted(train, weight_decay=0.5)
    decayed, kept = model.optimizer(model.net).param_groups
    assert (decayed["weight_decay"], kept["weight_decay"]) == (0.5, 0.0)
    names = {id(weight): name for name, weight in model.net.named_parameters()}
    decayed, kept = ({names[id(weight)] for weight in group["params"]} for group in (decayed, kept))
    assert decayed | kept == set(names.values())
    assert all(name.endswith("weight") and ".blocks." in name for name in decayed if "output" not in name)
    assert {name for name in names.values() if "embedding" in name or name.endswith("bias")} <= kept


def test_the_peak_of_the_learning_rate_is_that_of_both_groups():
    train = examples("matrix", "binary", 40)
    model = fitted(train, learning_rate=3e-3)
    assert [group["lr"] for group in model.optimizer(model.net).param_groups] == [3e-3, 3e-3]


def test_columns_are_told_apart():
    """Exchanging the numbers of two columns changes the prediction, because each has its own vector."""
    train = examples("matrix", "multiclass", 60)
    model = fitted(train)
    exchanged = replace(train, x=train.x[:, [1, 0, *range(2, 8)]])
    assert not np.allclose(model.predict(train), model.predict(exchanged), atol=1e-3)


def test_the_depth_is_the_number_of_blocks_of_attention():
    train = examples("matrix", "binary", 24)
    assert len(fitted(train, depth=3).net.transformer.backbone.blocks) == 3


def test_dropout_is_the_cheap_one():
    model = fitted(examples("matrix", "binary", 24))
    assert not any(isinstance(layer, nn.Dropout) for layer in model.net.modules())
