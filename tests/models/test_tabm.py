from dataclasses import replace

import numpy as np
import pytest
import torch
from rtdl_num_embeddings import PiecewiseLinearEmbeddings

from fuelgauge.models.base import FitContext
from fuelgauge.models.tabm import (
    MAX_BINS,
    MAX_EMBEDDED,
    TabM,
    mean_prediction,
    share,
)
from tests.models.kinds import examples

CONTEXT = FitContext(0, 1, "cpu", "accuracy", step_limit=5)


def fitted(train, **hyperparameters) -> TabM:
    model = TabM(**hyperparameters)
    model.fit(train, train, CONTEXT)
    return model


def test_the_prediction_is_the_mean_of_the_members_probabilities():
    members = torch.tensor([[[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]], [[0.8, 0.2], [0.8, 0.2], [0.2, 0.8]]])
    predicted = mean_prediction(members.log() + 7).softmax(dim=1)  # a constant added to logits has no effect
    assert predicted.flatten().tolist() == pytest.approx([0.5, 0.5, 0.6, 0.4])


def test_a_value_is_the_mean_of_the_members_values():
    assert mean_prediction(torch.tensor([[[1.0], [2.0], [6.0]]])).tolist() == [[3.0]]


def test_in_training_each_member_answers_and_in_evaluation_all_together():
    train = examples("table", "multiclass", 40)
    model = fitted(train, members=5, dropout=0.0)
    inputs = model.tensor(train)
    with torch.inference_mode():
        members = model.net.train()(inputs)
        together = model.net.eval()(inputs)
    assert members.shape == (40, 5, 3)
    assert together.shape == (40, 3)
    assert torch.allclose(together.softmax(dim=1), members.softmax(dim=2).mean(dim=1), atol=1e-6)
    assert not torch.allclose(members[:, 0], members[:, 1], atol=1e-3)


@pytest.mark.parametrize("variant", ["tabm", "tabm-mini", "tabm-packed"])
def test_the_variants_differ_in_what_their_members_share(variant):
    train = examples("matrix", "multiclass", 40)
    few, many = (fitted(train, members=members, variant=variant) for members in (2, 4))
    hidden = few.width * few.width  # weights of the second layer
    is_shared = many.count_parameters() - few.count_parameters() < hidden
    assert is_shared == (variant != "tabm-packed")


def test_a_table_of_constants_is_taken():
    train = replace(examples("matrix", "binary", 40), x=np.ones((40, 3), dtype=np.float32))
    assert np.isfinite(fitted(train).predict(train)).all()


@pytest.mark.parametrize(("columns", "expected"), [(0, 32), (10, 32), (200, 10), (5000, 2)])
def test_a_column_gets_what_is_wanted_or_its_share_but_not_below_the_least(columns, expected):
    assert share(2000, columns, 32, 2) == expected


def test_bins_are_few_where_columns_are_many():
    wide = np.random.default_rng(0).normal(size=(24, 1000)).astype(np.float32)
    edges = fitted(replace(examples("matrix", "binary", 24), x=wide), bins=16).edges
    assert {len(column) - 1 for column in edges} == {MAX_BINS // 1000}


def test_embeddings_are_short_where_columns_are_many():
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(24, 300)).astype(np.float32)
    train = replace(examples("matrix", "binary", 24), x=wide)
    n_columns, length = fitted(train, bins=8, embedding=8).embeddings().get_output_shape()
    assert (n_columns, length) == (300, MAX_EMBEDDED // 300)
    few = fitted(examples("matrix", "binary", 24), bins=8, embedding=8)
    assert few.embeddings().get_output_shape() == (8, 8)


def test_there_are_no_embeddings_by_default():
    model = fitted(examples("matrix", "binary", 24))
    assert not model.edges
    assert not any(isinstance(part, PiecewiseLinearEmbeddings) for part in model.net.modules())
