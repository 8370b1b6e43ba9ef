"""The contract, for every model in conf/model on every modality and task that it declares."""

import importlib
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
import yaml

from fuelgauge import paths
from fuelgauge.data.dataset import Examples
from fuelgauge.errors import ConfigError
from fuelgauge.models.base import FitContext, Model, create

CONFIGS = {p.stem: yaml.safe_load(p.read_text()) for p in sorted((paths.CONF / "model").glob("*.yaml"))}
METRIC = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "rmse"}
CASES = [
    (name, modality, task)
    for name, config in CONFIGS.items()
    for modality in config["modalities"]
    for task in config["tasks"]
    if modality in ("tabular", "sequence")
]


def examples(modality: str, task: str, n: int, seed: int = 0, noise: float = 0.1) -> Examples:
    """Return rows whose target is a function of the first two numbers and a category."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(n, 8)).astype(np.float32)
    kind = rng.integers(0, 2, n)
    signal = 2 * numbers[:, 0] + numbers[:, 1] + (kind if modality == "tabular" else 0)
    signal = signal + noise * rng.normal(size=n)
    if task == "regression":
        y, n_classes = signal.astype(np.float64), 0
    else:
        n_classes = 2 if task == "binary" else 3
        y = np.searchsorted(np.array([0.3] if n_classes == 2 else [-1.0, 1.0]), signal).astype(np.int64)
    if modality == "sequence":
        return Examples(numbers, y, task, n_classes)
    table = pd.DataFrame(numbers, columns=list("abcdefgh"))
    table.loc[::7, "h"] = np.nan
    table["kind"] = np.where(kind == 1, "one", "zero")
    table.loc[::11, "kind"] = None
    return Examples(table, y, task, n_classes, ("kind",))


def short(hyperparameters: dict) -> dict:
    """Return the defaults with a training that is long enough to learn something."""
    steps = {"min_steps": 300, "max_steps": 300} if "max_steps" in hyperparameters else {}
    return {**hyperparameters, **steps}


def fitted(name: str, modality: str, task: str, n: int = 200, seed: int = 1) -> tuple[Model, Examples]:
    train, validation = examples(modality, task, n), examples(modality, task, n // 4, 2)
    model = create(CONFIGS[name]["target"], short(CONFIGS[name].get("hyperparameters", {})))
    assert model.fit(train, validation, FitContext(seed, 1, "cpu", METRIC[task])) >= 1
    assert model.count_parameters() >= 1
    return model, examples(modality, task, 50, 3)


@pytest.mark.parametrize(("name", "modality", "task"), CASES)
def test_predictions_have_the_right_shape_and_learn(name, modality, task):
    model, test = fitted(name, modality, task)
    predicted = model.predict(test)
    assert np.isfinite(predicted).all()
    if task == "regression":
        assert predicted.shape == (50,)
        skill = 1 - np.mean((predicted - test.y) ** 2) / np.var(test.y)
    else:
        assert predicted.shape == (50, test.n_classes)
        assert np.allclose(predicted.sum(axis=1), 1, atol=1e-5)
        assert (predicted >= 0).all()
        frequency = np.bincount(test.y).max() / 50
        skill = np.mean(predicted.argmax(axis=1) == test.y) - frequency
    if name != "dummy":
        assert skill > 0.1


@pytest.mark.parametrize(("name", "modality", "task"), CASES)
def test_one_row_and_an_unseen_category_can_be_predicted(name, modality, task):
    model, test = fitted(name, modality, task, n=60)
    one = test.head(1)
    if modality == "tabular":
        one = Examples(one.x.assign(kind="never seen", a=np.nan), one.y, task, one.n_classes, ("kind",))
    assert np.isfinite(model.predict(one)).all()
    assert len(model.predict(one)) == 1


@pytest.mark.parametrize("name", CONFIGS)
def test_the_same_seed_gives_the_same_predictions_bit_for_bit(name):
    modality = "sequence" if "sequence" in CONFIGS[name]["modalities"] else CONFIGS[name]["modalities"][0]
    task = CONFIGS[name]["tasks"][0]
    first, test = fitted(name, modality, task, n=80)
    again, _ = fitted(name, modality, task, n=80)
    assert np.array_equal(first.predict(test), again.predict(test))


@pytest.mark.parametrize("name", CONFIGS)
def test_a_fit_sees_nothing_of_the_rows_that_it_predicts(name):
    """A prediction for a row does not depend on the other rows predicted with it."""
    modality = CONFIGS[name]["modalities"][0] if name != "cnn1d" else "sequence"
    task = CONFIGS[name]["tasks"][0]
    model, test = fitted(name, modality, task, n=80)
    assert np.allclose(model.predict(test)[:5], model.predict(test.head(5)), atol=1e-5)


@pytest.mark.parametrize("name", CONFIGS)
def test_few_rows_and_a_missing_class_are_survived(name):
    modality = CONFIGS[name]["modalities"][0] if name != "cnn1d" else "sequence"
    train = examples(modality, "multiclass", 26)
    train.y[:] = np.arange(26) % 2  # class 2 has no row
    model = create(CONFIGS[name]["target"], CONFIGS[name].get("hyperparameters", {}))
    model.fit(
        train, examples(modality, "multiclass", 6, 2), FitContext(0, 1, "cpu", "accuracy", step_limit=5)
    )
    assert model.predict(train).shape == (26, 3)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_configuration_names_exactly_hyperparameters_that_the_class_has(name):
    config = CONFIGS[name]
    module, _, cls = config["target"].rpartition(".")
    known = {f.name for f in fields(getattr(importlib.import_module(module), cls))}
    assert set(config.get("hyperparameters", {})) == known


def test_an_unknown_hyperparameter_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="no hyperparameter 'widht', did you mean 'width'"):
        create("fuelgauge.models.mlp.MLP", {"widht": 3})
