"""Every model that declares it trains on a GPU with the same code. Skipped without a GPU."""

import pytest
import torch

from fuelgauge.models.base import FitContext
from fuelgauge.models.mlp import MLP
from fuelgauge.models.storage import load, save
from tests.models.kinds import examples
from tests.models.test_contract import CONFIGS, METRIC, PAIRS, check, new, skill, task_of

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.mark.parametrize(("name", "kind"), [p for p in PAIRS if "cuda" in CONFIGS[p[0]].get("devices", [])])
def test_the_same_code_trains_on_a_gpu_and_predicts_without_one(name, kind, tmp_path):
    task = task_of(name)
    train, validation, test = (examples(kind, task, n, n) for n in (300, 60, 100))
    model = new(name)
    model.fit(train, validation, FitContext(1, 1, "cuda", METRIC[task]))
    predicted = model.predict(test)
    check(predicted, test)
    assert skill(predicted, test) > 0.15
    save(model, tmp_path)
    assert abs(load(tmp_path, "cpu").predict(test) - predicted).max() < 0.05 * (abs(predicted).max() + 1)


def test_nets_that_are_trained_together_on_a_gpu_have_random_draws_of_their_own():
    rows = [
        (examples("matrix", "multiclass", 160, seed), examples("matrix", "multiclass", 40, 9 + seed))
        for seed in range(3)
    ]
    contexts = [FitContext(seed, 1, "cuda", "accuracy") for seed in range(3)]

    def new_net() -> MLP:
        return MLP(width=24, depth=2, dropout=0.3, min_steps=60, max_epochs=1, rounds=12, batch_size=32)

    models = [new_net() for _ in rows]
    starts = [m.prepare(*own, context) for m, own, context in zip(models, rows, contexts, strict=True)]
    MLP.train_together(models, starts)
    seen = examples("matrix", "multiclass", 200, 999)
    for model, own, context in zip(models, rows, contexts, strict=True):
        alone = new_net()
        alone.fit(*own, context)
        assert abs(alone.predict(seen) - model.predict(seen)).max() < 0.01
