import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from fuelgauge.data.dataset import Examples
from fuelgauge.errors import ConfigError
from fuelgauge.models.base import FitContext, create
from fuelgauge.models.layers import Dropout
from fuelgauge.models.realmlp import Scale, TangentLinear
from fuelgauge.models.realmlp_s import RealMLPS


def table(task: str) -> Examples:
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"number": rng.normal(size=60), "kind": [f"k{i % 20}" for i in range(60)]})
    if task == "regression":
        return Examples(x, 3 + 2 * x["number"].to_numpy(), task, 0, ("kind",))
    return Examples(x, np.arange(60) % 3, task, 3, ("kind",))


def fitted(task: str, steps: int = 3, **changes: float) -> RealMLPS:
    model, metric = RealMLPS(**changes), {"multiclass": "accuracy", "regression": "rmse"}[task]
    model.fit(table(task), table(task).head(9), FitContext(0, 1, "cpu", metric, step_limit=steps))
    return model


@pytest.mark.parametrize(("task", "activation"), [("multiclass", nn.SELU), ("regression", nn.Mish)])
def test_it_is_a_scale_and_plain_layers(task, activation):
    model = fitted(task, width=16, depth=2)
    assert [type(layer) for layer in model.net] == [
        Scale,
        *(TangentLinear, activation, Dropout),
        *(TangentLinear, activation, Dropout),
        TangentLinear,
    ]


def test_every_category_has_an_indicator():
    assert fitted("multiclass").encode(table("multiclass")).shape == (60, 1 + 20)


def test_the_output_is_zero_before_the_first_step():
    model = fitted("regression")
    torch.manual_seed(0)
    start = model.network(model.tensor(table("regression")), 1)
    assert not start(model.tensor(table("regression"))).any()


@pytest.mark.parametrize(("task", "rate"), [("multiclass", 0.04), ("regression", 0.07)])
def test_the_learning_rate_is_the_published_one_of_the_task_unless_given(task, rate):
    assert fitted(task).learning_rate == rate
    assert fitted(task, learning_rate=0.5).learning_rate == 0.5


def test_it_learns_a_line():
    model = fitted("regression", steps=300)
    rows = table("regression")
    assert np.sqrt(np.mean((model.predict(rows) - rows.y) ** 2)) < 0.2 * rows.y.std()


def test_hyperparameters_that_it_lacks_are_refused():
    with pytest.raises(ConfigError, match="no hyperparameter 'frequency_deviation'"):
        create("fuelgauge.models.realmlp_s.RealMLPS", {"frequency_deviation": 0.2})
