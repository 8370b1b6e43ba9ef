"""No net is dead: on small samples, each is at least as good as a constant if another model is better.

Dead training has spoiled published comparisons. Examples are dropped last batches, batches larger than n,
unscaled inputs and exploding steps. The rows here are few, and their numbers are large and far from 0.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext
from fuelgauge.sweep.scores import score_predictions
from tests.models.kinds import KINDS, examples
from tests.models.test_contract import CONFIGS, METRIC, fitted, new

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
    """Return the mean test loss of two fits on n rows each. A fifth of the rows is for validation."""
    losses = []
    for seed in range(2):
        rows = unscaled(examples(kind, task, n + 300, seed=10 + seed))
        train, rest = cut(rows, n - n // 5)
        validation, test = cut(rest, n // 5)
        losses.append(score_predictions(fitted(name, train, validation).predict(test), test, METRIC[task])[0])
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


NETS = [
    (name, kind)
    for name, config in CONFIGS.items()
    if config["family"] == "deep"
    for modality in config["modalities"][:1]
    for kind in KINDS[modality][:1]
]
RARE = 0.15


def rare(kind: str, n: int, seed: int) -> Examples:
    """Return rows with a share RARE of class 1, those with the largest signal."""
    rows = examples(kind, "regression", n, seed)
    y = (rows.y > np.quantile(rows.y, 1 - RARE)).astype(np.int64)
    return replace(rows, y=y, task="binary", n_classes=2)


def mean_error(name: str, kind: str, n: int, n_seeds: int = 3) -> float:
    """Return the mean error rate of fits on n rows. A fifth of the rows is for validation."""
    errors = []
    for seed in range(n_seeds):
        model, size = new(name), n // 5
        train, validation = (
            rare(kind, n - size, seed),
            rare(kind, size, 100 + seed),
        )
        model.fit(train, validation, FitContext(seed, 1, "cpu", "accuracy"))
        test = rare(kind, 400, 200 + seed)
        errors.append(np.mean(model.predict(test).argmax(axis=1) != test.y))
    return float(np.mean(errors))


@pytest.mark.parametrize("name", [name for name, kind in NETS if kind == "table"])
def test_a_rare_class_that_can_be_learned_is_found(name):
    assert mean_error(name, "table", 240) < 0.7 * RARE
