"""Every model that says so trains on a GPU with the same code; skipped where there is none."""

import pytest
import torch

from fuelgauge.models.base import FitContext
from fuelgauge.models.storage import load, save

from .kinds import examples
from .test_contract import CONFIGS, METRIC, PAIRS, check, new, skill, task_of

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
