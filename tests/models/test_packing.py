"""Nets that train together give the same results as nets that train alone."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, FitError, Model, Packable, create
from fuelgauge.models.cnn2d import CNN2d
from fuelgauge.models.deep import DeepModel
from fuelgauge.models.layers import Dropout
from fuelgauge.models.mlp import MLP
from fuelgauge.models.packing import shape_of, stacked, together
from fuelgauge.spec.hyperparameters import changed
from tests.models.kinds import examples
from tests.models.test_contract import CONFIGS, PAIRS

SHORT = {"batch_size": 32, "min_steps": 60, "max_epochs": 1, "rounds": 12}
CASES = [
    (name, kind, task)
    for name, kind in PAIRS
    if CONFIGS[name].get("packed_rows")
    for task in ("multiclass", "regression")
    if task in CONFIGS[name]["tasks"]
]


def small(name: str) -> Model:
    """Return a small net of a model in conf/model that is trained for a few steps."""
    config = CONFIGS[name]
    sized = changed(config["hyperparameters"], config["capacity"]["small"], name)
    return create(config["target"], {**sized, **SHORT})


def context(seed: int, task: str) -> FitContext:
    return FitContext(seed, 1, "cpu", "rmse" if task == "regression" else "accuracy")


def prepared(make, kind: str, task: str, n_nets: int = 3):
    """Return models, their rows and their prepared fits. Each has its own rows and seed."""
    models = [make() for _ in range(n_nets)]
    rows = [(examples(kind, task, 160, seed), examples(kind, task, 40, 100 + seed)) for seed in range(n_nets)]
    starts = [
        model.prepare(*own, context(seed, task))
        for seed, (model, own) in enumerate(zip(models, rows, strict=True))
    ]
    return models, rows, starts


@pytest.mark.parametrize(("name", "kind", "task"), CASES)
def test_together_is_alone_within_floating_point_noise(name, kind, task):
    models, rows, starts = prepared(partial(small, name), kind, task)
    shapes = {model.shape_of(start) for model, start in zip(models, starts, strict=True)}
    assert len(shapes) == 1 and None not in shapes
    steps = DeepModel.train_together(models, starts)
    seen = examples(kind, task, 200, 999)
    for seed, (model, own) in enumerate(zip(models, rows, strict=True)):
        alone = small(name)
        assert alone.fit(*own, context(seed, task)) == steps[seed]
        assert np.abs(alone.predict(seen) - model.predict(seen)).max() < 2e-4
        assert model.count_samples(steps[seed], 160) == alone.count_samples(steps[seed], 160)


def test_each_net_stops_by_its_own_patience_and_the_others_go_on():
    make = partial(MLP, width=24, batch_size=32, min_steps=200, max_epochs=1, patience=2, rounds=40)
    models, rows, starts = prepared(make, "table", "regression", n_nets=4)
    steps = DeepModel.train_together(models, starts)
    alone = [make() for _ in models]
    expected = [
        model.fit(*own, context(seed, "regression"))
        for seed, (model, own) in enumerate(zip(alone, rows, strict=True))
    ]
    assert steps == expected
    assert len(set(steps)) > 1, "a test in which all stop at once shows nothing"
    seen = examples("table", "regression", 200, 999)
    for model, other in zip(models, alone, strict=True):
        assert np.abs(model.predict(seen) - other.predict(seen)).max() < 1e-3


def test_nets_with_dropout_draw_together_what_they_draw_alone_on_any_device(monkeypatch):
    """Test the code for other devices on a CPU: a net's draws do not depend on the other nets."""
    monkeypatch.setattr(Dropout, "kept", kept_as_elsewhere)
    make = partial(
        MLP, width=24, dropout=0.3, batch_size=32, min_steps=200, max_epochs=1, patience=2, rounds=40
    )
    models, rows, starts = prepared(make, "table", "regression", n_nets=4)
    steps = DeepModel.train_together(models, starts)
    assert len(set(steps)) > 1, "nets that go together show nothing"
    seen = examples("table", "regression", 200, 999)
    for seed, (model, own) in enumerate(zip(models, rows, strict=True)):
        alone = make()
        assert alone.fit(*own, context(seed, "regression")) == steps[seed]
        assert np.abs(alone.predict(seen) - model.predict(seen)).max() < 1e-3


def kept_as_elsewhere(layer: Dropout, device: torch.device, n: int) -> torch.Tensor:
    each = n // len(layer.draws)
    return torch.cat([draw.on(device, each) for draw in layer.draws]) >= layer.threshold


def test_categories_of_other_sizes_are_another_shape():
    def rows(n_kinds: int) -> Examples:
        made = examples("table", "binary", 160)
        made.x["kind"] = [f"k{number % n_kinds}" for number in range(160)]
        return made

    few, many = (MLP().prepare(rows(k), rows(k), context(0, "binary")) for k in (2, 3))
    assert shape_of(few) != shape_of(many)


def test_a_net_with_a_layer_that_cannot_be_stacked_has_no_shape():
    model, rows = CNN2d(**SHORT), examples("image", "binary", 64)
    assert isinstance(model, Packable)
    assert model.shape_of(model.prepare(rows, rows, context(0, "binary"))) is None
    with pytest.raises(TypeError, match="Conv2d cannot be trained together"):
        together(nn.Conv2d(1, 1, 1), torch.zeros(1, 1, 1, 1))


def test_a_loss_that_is_not_a_number_ends_the_pack():
    models, _, starts = prepared(partial(small, "mlp"), "matrix", "regression")
    starts[1].targets[0] = torch.nan
    with pytest.raises(FitError, match="the training loss is nan"):
        DeepModel.train_together(models, starts)


def test_stacked_layers_are_the_layers_side_by_side():
    torch.manual_seed(0)
    nets = [nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)) for _ in range(3)]
    values = torch.randn(3, 5, 3)
    expected = torch.stack([net(own) for net, own in zip(nets, values, strict=True)])
    assert torch.allclose(together(stacked(nets), values), expected, atol=1e-6)


def test_refits_together_are_refits_alone_each_with_its_own_number_of_rounds():
    make = partial(MLP, width=24, batch_size=32, min_steps=200, max_epochs=1, patience=2, rounds=40)
    found, rows, _ = prepared(make, "table", "regression", n_nets=3)
    for model, rounds in zip(found, (3, 7, 40), strict=True):
        model.best_round = rounds
    models = [make() for _ in found]
    starts = [
        model.prepare_refit(own[0], old, context(seed, "regression"))
        for seed, (model, own, old) in enumerate(zip(models, rows, found, strict=True))
    ]
    assert DeepModel.train_together(models, starts) == [15, 35, 200]
    seen = examples("table", "regression", 100, 999)
    for seed, (model, own, old) in enumerate(zip(models, rows, found, strict=True)):
        alone = make()
        alone.refit(own[0], old, context(seed, "regression"))
        assert np.abs(alone.predict(seen) - model.predict(seen)).max() < 2e-4
