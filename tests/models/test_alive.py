"""No net is dead: on small samples each does at least as well as a constant, where another model does better.

Dead training has spoiled published comparisons: last batches dropped, batches larger than n, inputs left
unscaled, steps that explode. The rows here are few and their numbers large and far from 0.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fuelgauge.data.dataset import Examples
from fuelgauge.sweep.trial import judge

from .kinds import KINDS, examples
from .test_contract import CONFIGS, METRIC, fitted

RIVALS = {
    "text": {"binary": "tfidf", "multiclass": "tfidf", "regression": "tfidf"},
    "rows": {"binary": "logistic", "multiclass": "logistic", "regression": "ridge"},
}
CASES = [
    (name, kind, task)
    for name, config in CONFIGS.items()
    if config["family"] in ("deep", "pretrained")
    for modality in config["modalities"]
    for kind in KINDS[modality][:1]
    for task in ("multiclass", "regression")
]


def unscaled(given: Examples) -> Examples:
    """Return the same rows in other units: far from 0 and widely spread."""
    x = given.x
    if isinstance(x, pd.DataFrame):
        numbers = x.columns.drop(list(given.categorical))
        return replace(given, x=x.assign(**{c: 1e4 * x[c] + 1e5 for c in numbers}), y=units(given))
    is_numbers = x.dtype == np.float32
    return replace(given, x=(1e4 * x + 1e5).astype(np.float32) if is_numbers else x, y=units(given))


def units(given: Examples) -> np.ndarray:
    return 1e4 * given.y + 1e6 if given.task == "regression" else given.y


def mean_loss(name: str, kind: str, task: str, n: int) -> float:
    """Return the mean test loss of two fits on n rows each, a fifth of them for validation."""
    losses = []
    for seed in range(2):
        rows = unscaled(examples(kind, task, n + 300, seed=10 + seed))
        train, rest = cut(rows, n - n // 5)
        validation, test = cut(rest, n // 5)
        losses.append(judge(fitted(name, train, validation).predict(test), test, METRIC[task])[0])
    return float(np.mean(losses))


def cut(rows: Examples, n: int) -> tuple[Examples, Examples]:
    rest = rows.x.iloc[n:].reset_index(drop=True) if isinstance(rows.x, pd.DataFrame) else rows.x[n:]
    return rows.head(n), replace(rows, x=rest, y=rows.y[n:])


@pytest.mark.parametrize("n", [32, 80])
@pytest.mark.parametrize(("name", "kind", "task"), CASES)
def test_no_net_does_worse_than_a_constant_where_another_model_does_better(name, kind, task, n):
    constant = mean_loss("dummy", kind, task, n)
    rival = RIVALS["text" if kind == "text" else "rows"][task]
    assert mean_loss(rival, kind, task, n) < 0.9 * constant, "the task is too hard to tell"
    assert mean_loss(name, kind, task, n) < constant


def test_the_test_sees_a_net_that_does_not_learn(monkeypatch):
    from fuelgauge.models.mlp import MLP

    monkeypatch.setattr(MLP, "before_step", lambda self, net, optimizer, step, steps: kill(optimizer))
    dead, constant = (mean_loss(name, "matrix", "regression", 80) for name in ("mlp", "dummy"))
    assert dead > 0.99 * constant


def kill(optimizer) -> None:
    for group in optimizer.param_groups:
        group["lr"] = 0.0
