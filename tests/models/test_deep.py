import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from fuelgauge.models.base import FitContext, FitError
from fuelgauge.models.deep import TargetScale
from fuelgauge.models.mlp import MLP
from fuelgauge.models.training import Loss, Prepared, warm_cosine
from tests.models.kinds import examples


@pytest.mark.parametrize(
    ("n", "batch_size", "expected_batch"), [(1000, 256, 250), (16, 256, 4), (3, 256, 1), (100_000, 256, 256)]
)
def test_a_batch_is_at_most_a_quarter_of_the_rows(n, batch_size, expected_batch):
    plan = MLP(batch_size=batch_size).plan(n, None)
    assert math.ceil(n / plan.batches) <= expected_batch


def test_the_budget_is_a_number_of_passes_with_a_floor_in_steps():
    model = MLP(max_epochs=10, min_steps=400, batch_size=100)
    assert model.plan(40, None).steps == pytest.approx(400, abs=40)
    assert model.plan(20_000, None).steps == pytest.approx(2000, abs=40)
    assert model.plan(1_000_000, None).steps == pytest.approx(100_000, abs=40)
    assert model.plan(1000, 2).steps == 2


def test_every_epoch_sees_every_row_once():
    plan = MLP(batch_size=64).plan(103, None)
    prepared = Prepared(
        net=torch.nn.Linear(1, 2),
        inputs=torch.zeros(103, 1),
        targets=torch.zeros(103),
        held_out=(torch.zeros(1, 1), torch.zeros(1)),
        loss=Loss("binary", "roc_auc"),
        plan=plan,
        generator=torch.Generator(),
        last_round=plan.rounds,
    )
    batches = prepared.batches()
    for _ in range(2):
        rows = torch.cat([next(batches) for _ in range(plan.batches)])
        assert sorted(rows.tolist()) == list(range(103))


def test_a_loss_that_is_not_a_number_is_a_failure_with_step_and_learning_rate():
    train, validation = examples("sequence", "regression", 64), examples("sequence", "regression", 16)
    train.y[0] = np.nan
    model = MLP(min_steps=40, max_epochs=1)
    with pytest.raises(
        FitError, match=r"the training loss is nan at step \d+ of 40 at a learning rate of 0.001"
    ):
        model.fit(train, validation, FitContext(0, 1, "cpu", "rmse"))


@pytest.mark.parametrize("pack", [False, True])
def test_weights_that_break_in_the_last_step_of_a_round_are_a_failure_too(pack):
    """With one step per round, no training loss of the same round shows it."""
    train, validation = examples("sequence", "regression", 64), examples("sequence", "regression", 16)
    model = MLP(min_steps=4, max_epochs=1, rounds=4, learning_rate=1e30)
    context = FitContext(0, 1, "cpu", "rmse")
    with pytest.raises(
        FitError,
        match=r"the validation loss is (nan|inf) after step 1 of 4 at a learning rate of 1e\+30; try",
    ):
        if pack:
            MLP.train_together([model], [model.prepare(train, validation, context)])
        else:
            model.fit(train, validation, context)


def test_bf16_trains_too():
    train, validation = examples("sequence", "multiclass", 300), examples("sequence", "multiclass", 60, 2)
    model = MLP(precision="bf16", min_steps=200, max_epochs=1)
    model.fit(train, validation, FitContext(0, 1, "cpu", "accuracy"))
    assert np.mean(model.predict(validation).argmax(axis=1) == validation.y) > 0.7


def test_training_stops_early_where_nothing_is_gained():
    train, validation = examples("sequence", "multiclass", 64), examples("sequence", "multiclass", 32, 9)
    rng = np.random.default_rng(0)
    train.y[:], validation.y[:] = rng.integers(0, 3, 64), rng.integers(0, 3, 32)
    model = MLP(min_steps=400, max_epochs=1, patience=3)
    n_steps = model.fit(train, validation, FitContext(0, 1, "cpu", "log_loss"))
    assert n_steps < 400


def test_the_schedule_rises_and_falls():
    factors = [warm_cosine(step, 100) for step in range(100)]
    assert factors[0] == pytest.approx(0.2)
    assert max(factors) == 1.0
    assert factors[5:] == sorted(factors[5:], reverse=True)
    assert factors[-1] < 0.01


def test_accuracy_stops_by_the_error_rate_with_ties_broken_by_cross_entropy():
    loss = Loss("multiclass", "accuracy")
    targets = torch.tensor([0, 1])
    sure, unsure = torch.tensor([[4.0, 0], [0, 4.0]]), torch.tensor([[1.0, 0], [0, 1.0]])
    wrong = torch.tensor([[4.0, 0], [4.0, 0]])
    assert loss.validation(sure, targets) < loss.validation(unsure, targets) < loss.validation(wrong, targets)


def test_cross_entropy_breaks_ties_however_small_its_differences_are():
    """In float32, numbers near an error of a half are 6e-8 apart, which equals 0.06 of cross-entropy."""
    loss, targets = Loss("multiclass", "accuracy"), torch.tensor([0, 1])
    losses = [loss.validation(torch.tensor([[4.0, 0], [a, 0]]), targets) for a in (4.0, 4.001, 4.002)]
    assert losses[0] < losses[1] < losses[2] < losses[0] + 1e-8


def test_values_far_from_zero_keep_their_differences():
    rows = examples("matrix", "regression", 90)
    far = replace(rows, y=1.7e9 + rows.y)
    scale = TargetScale.of(far)
    assert scale.decode(scale.encode(far)[:, None]).numpy() - 1.7e9 == pytest.approx(rows.y, abs=1e-5)


def test_a_refit_makes_the_rounds_up_to_the_best_one_over_all_rows():
    rows, validation = examples("table", "binary", 200), examples("table", "binary", 50, seed=9)
    context = FitContext(0, 1, "cpu", "roc_auc")
    settings = {"width": 16, "batch_size": 25, "min_steps": 1, "max_epochs": 12, "rounds": 12, "patience": 2}
    found, again = MLP(**settings), MLP(**settings)
    found.fit(rows.head(150), validation, context)
    assert again.refit(rows, found, context) == 8 * found.best_round
    by_hand = MLP(**settings)
    start = by_hand.prepare_refit(rows, found, context)
    assert len(start.inputs) == 200 and start.held_out is None and start.plan.rounds == 12
    by_hand.train(start)
    assert np.array_equal(again.predict(validation), by_hand.predict(validation))
    assert not np.array_equal(again.predict(validation), found.predict(validation))
