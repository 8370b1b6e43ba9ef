import math

import numpy as np
import pandas as pd
import pytest
import torch

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext
from fuelgauge.models.realmlp import (
    Clip,
    MixedActivation,
    PeriodicEmbedding,
    RealMLP,
    TangentLinear,
    coslog,
    flat_cosine,
    indicator_columns,
    random_means,
)

METRIC = {"multiclass": "accuracy", "regression": "rmse"}


def fitted(train: Examples, **changes: float) -> RealMLP:
    steps = int(changes.pop("steps", 3))
    model = RealMLP(**changes)
    model.fit(train, train.head(4), FitContext(0, 1, "cpu", METRIC[train.task], step_limit=steps))
    return model


def matrix(columns: int, task: str = "regression") -> Examples:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, columns)).astype(np.float32)
    if task == "regression":
        return Examples(x, 5 + x[:, 0].astype(np.float64), task, 0)
    return Examples(x, np.arange(20) % 3, task, 3)


def test_the_learning_rate_has_four_cycles_each_twice_as_long():
    ends = [(2**i - 1) / 15 for i in range(5)]
    assert np.allclose([coslog(t) for t in ends], 0)
    peaks = [(2 ** (i + 0.5) - 1) / 15 for i in range(4)]
    assert np.allclose([coslog(t) for t in peaks], 1)


def test_regularisation_is_flat_for_half_of_training_and_then_falls_to_nothing():
    assert flat_cosine(0.0) == flat_cosine(0.5) == 1
    assert flat_cosine(0.75) == pytest.approx(0.5)
    assert flat_cosine(1.0) == pytest.approx(0)


def test_schedules_reach_each_kind_of_weight_and_every_dropout():
    model = fitted(matrix(3), learning_rate=0.1)
    optimizer = model.optimizer(model.net)
    model.before_step(model.net, optimizer, 75, 100)
    kinds = {id(w): name.rpartition(".")[2] for name, w in model.net.named_parameters()}
    factors = {"weight": 1, "scale": 6, "bias": 0.1, "mix": 0.1, "frequencies": 0.1, "phases": 0.1}
    seen = set()
    for group in optimizer.param_groups:
        for weight in group["params"]:
            kind = kinds[id(weight)]
            seen.add(kind)
            assert group["lr"] == pytest.approx(0.1 * coslog(0.75) * factors.get(kind, 0.1))
            assert group["weight_decay"] == pytest.approx(0 if kind == "bias" else 0.01)
    assert seen > set(factors)
    assert [m.share for m in model.net if hasattr(m, "share")] == [pytest.approx(0.075)] * 3


@pytest.mark.parametrize(("task", "rate"), [("multiclass", 0.04), ("regression", 0.2)])
def test_the_learning_rate_is_the_published_one_of_the_task_unless_given(task, rate):
    assert fitted(matrix(2, task)).learning_rate == rate
    assert fitted(matrix(2, task), learning_rate=0.5).learning_rate == 0.5


def test_the_first_outputs_of_a_layer_have_variance_one_and_zeros_among_the_rows():
    torch.manual_seed(0)
    inputs = 7 * torch.rand(500, 5) + 3
    layer = TangentLinear.fitted(inputs, 40)
    outputs = layer(inputs)
    assert torch.allclose(outputs.std(dim=0, correction=0), torch.ones(40), atol=1e-4)
    assert (outputs.amin(dim=0) < 0).all()
    assert (outputs.amax(dim=0) > 0).all()
    assert torch.allclose(outputs, inputs @ layer.weight / math.sqrt(5) + layer.bias, atol=1e-4)


def test_a_layer_on_rows_that_are_all_alike_is_finite():
    layer = TangentLinear.fitted(torch.zeros(1, 3), 4)
    assert torch.isfinite(layer.weight).all()
    assert torch.equal(layer.bias, torch.zeros(4))


def test_random_means_are_of_the_values_of_their_own_column():
    values = torch.tensor([[1.0, 10.0, 5.0], [2.0, 20.0, 5.0]])
    means = random_means(values, 5)
    assert 1 < means[0] < 2
    assert 10 < means[1] < 20
    assert means[2] == pytest.approx(5)


def test_periodic_embeddings_are_combinations_of_cosines_of_each_number():
    layer = PeriodicEmbedding(2, 0.5)
    numbers = torch.tensor([[0.3, -1.0], [2.0, 0.0], [0.3, 9.0]])
    embedded = layer(numbers).view(3, 2, 3)
    assert torch.equal(embedded[0, 0], embedded[2, 0])
    angles = 2 * math.pi * layer.frequencies[1, 0] * -1.0 + layer.phases[1, 0]
    expected = angles.cos() @ layer.combinations[1] + layer.offsets[1, 0]
    assert torch.allclose(embedded[0, 1], expected, atol=1e-5)


def test_the_mix_goes_from_identity_to_the_activation():
    layer, units = MixedActivation(3, is_smooth=False), torch.tensor([[-1.0, -1.0, -1.0]])
    layer.mix.data = torch.tensor([0.0, 0.5, 1.0])
    selu = torch.selu(units[0, 0]).item()
    assert layer(units)[0].tolist() == pytest.approx([-1, (selu - 1) / 2, selu])


def test_values_are_clipped_to_the_range_of_the_fit_but_not_in_training():
    clip = Clip(-1.0, 2.0)
    outputs = torch.tensor([-9.0, 0.5, 9.0])
    assert clip(outputs) is outputs
    assert clip.eval()(outputs).tolist() == [-1, 0.5, 2]
    train = matrix(2)
    far = Examples(1000 * train.x, train.y, "regression", 0)
    predicted = fitted(train, steps=50).predict(far)
    assert predicted.min() >= train.y.min() - 1e-5
    assert predicted.max() <= train.y.max() + 1e-5


def test_indicators_of_two_categories_are_one_column_and_unknown_ones_are_zero():
    codes = np.array([0, 1, 2])
    assert indicator_columns(codes, 3).tolist() == [[0], [-1], [1]]
    assert indicator_columns(codes, 5).tolist() == [[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]]
    assert indicator_columns(np.zeros(3, dtype=int), 1).shape == (3, 0)


def test_few_categories_are_indicated_and_many_are_looked_up():
    rows = np.arange(90)
    x = pd.DataFrame({"number": 1.0, "few": [f"f{i}" for i in rows % 8], "many": [f"m{i}" for i in rows % 9]})
    train = Examples(x, rows % 3, "multiclass", 3, ("few", "many"))
    model = fitted(train, steps=40)
    assert model.encode(train).shape == (90, 1 + 8 + 1)
    assert [tuple(table.weight.shape) for table in model.net[0].tables] == [(10, 8)]
    assert (model.predict(train).argmax(axis=1) == train.y).mean() > 0.9  # the information in "many"
    x = pd.DataFrame({"number": [1.0], "few": ["x"], "many": [None]})
    unseen = Examples(x, train.y[:1], "multiclass", 3, train.categorical)
    assert np.isfinite(model.predict(unseen)).all()


@pytest.mark.parametrize(("columns", "embeds"), [(128, True), (129, False)])
def test_the_numbers_of_a_wide_table_have_no_embeddings(columns, embeds):
    model = fitted(matrix(columns))
    assert (model.net[0].periodic is not None) == embeds
    assert len(model.net[1].scale) == columns * (4 if embeds else 1)


def test_labels_are_smoothed_in_training_only_and_where_accuracy_counts():
    outputs, targets = torch.tensor([[4.0, 0.0]]), torch.tensor([0])
    sure = torch.log1p(torch.exp(torch.tensor(-4.0))).item()
    for metric, smoothing in (("accuracy", 0.2), ("log_loss", 0.0), ("roc_auc", 0.0)):
        loss = RealMLP(label_smoothing=0.2).loss("multiclass", metric)
        assert loss.training(outputs, targets).item() == pytest.approx(sure + smoothing / 2 * 4, rel=1e-4)
        plain = 1e-6 * sure if metric == "accuracy" else sure
        assert loss.validation(outputs, targets).item() == pytest.approx(plain, rel=1e-4)
