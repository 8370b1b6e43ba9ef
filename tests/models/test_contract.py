"""The contract of every model in conf/model, on every kind of input and task that it declares."""

import importlib
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from fuelgauge import paths
from fuelgauge.data.dataset import Examples
from fuelgauge.errors import ConfigError
from fuelgauge.models.base import FitContext, FitError, Model, create
from tests.models.kinds import KINDS, examples
from tests.models.tiny import with_tiny_weights

CONFIGS = {
    p.stem: with_tiny_weights(yaml.safe_load(p.read_text()))
    for p in sorted((paths.CONF / "model").glob("*.yaml"))
}
METRIC = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "rmse"}
PAIRS = [
    (name, kind)
    for name, config in CONFIGS.items()
    for modality in config["modalities"]
    for kind in KINDS[modality]
]
CASES = [(name, kind, task) for name, kind in PAIRS for task in CONFIGS[name]["tasks"]]
FEW_STEPS = 10


def short(config: dict) -> dict:
    """Return the defaults with a training that is short, but long enough to learn something.

    Nets whose budget is a number of passes alone are taken in their small size.
    """
    hyperparameters = config.get("hyperparameters", {})
    if hyperparameters.get("min_steps") == 1:
        hyperparameters = {**hyperparameters, **config["capacity"]["small"]}
    steps = {"min_steps": 200, "max_epochs": 1} if "min_steps" in hyperparameters else {}
    rounds = {"max_rounds": 30} if "max_rounds" in hyperparameters else {}
    return {**hyperparameters, **steps, **rounds}


def new(name: str) -> Model:
    return create(CONFIGS[name]["target"], short(CONFIGS[name]))


def fitted(
    name: str,
    train: Examples,
    validation: Examples,
    step_limit: int | None = None,
    seed: int = 1,
) -> Model:
    model = new(name)
    context = FitContext(seed, 1, "cpu", METRIC[train.task], step_limit)
    assert model.fit(train, validation, context) >= 1
    return model


def task_of(name: str) -> str:
    """Return one task of a model, for tests that need only one."""
    tasks = CONFIGS[name]["tasks"]
    return "multiclass" if "multiclass" in tasks else tasks[0]


def check(predicted: np.ndarray, test: Examples) -> None:
    """Assert what holds for all predictions of all models."""
    assert np.isfinite(predicted).all()
    if test.task == "regression":
        assert predicted.shape == (len(test),)
        return
    assert predicted.shape == (len(test), test.n_classes)
    assert np.allclose(predicted.sum(axis=1), 1, atol=1e-5)
    assert (predicted >= 0).all()


def skill(predicted: np.ndarray, test: Examples) -> float:
    """Return the skill of predictions compared with a constant: 0 is equal, 1 is perfect."""
    if test.task == "regression":
        return 1 - np.mean((predicted - test.y) ** 2) / np.var(test.y)
    errors = np.mean(predicted.argmax(axis=1) != test.y)
    return 1 - errors / (1 - np.bincount(test.y).max() / len(test))


def changed(given: Examples, rng: np.random.Generator) -> Examples:
    """Return other rows that lie far from the given ones."""
    x = given.x
    if isinstance(x, pd.DataFrame):
        far = x.assign(**{name: 1000 + 100 * x[name] for name in x.columns.drop("kind")}, kind="other")
        return replace(given, x=far, y=given.y[::-1].copy())
    if x.dtype == object:
        return replace(given, x=np.array(["Quite other words!"] * len(x), dtype=object))
    if x.dtype == np.uint8:
        return replace(given, x=rng.integers(200, 256, x.shape).astype(np.uint8))
    return replace(given, x=(1000 + 100 * rng.normal(size=x.shape)).astype(np.float32))


@pytest.mark.parametrize(("name", "kind", "task"), CASES)
def test_predictions_have_the_right_shape_and_learn(name, kind, task):
    model = fitted(name, examples(kind, task, 200), examples(kind, task, 50, 2))
    test = examples(kind, task, 100, 3)
    predicted = model.predict(test)
    check(predicted, test)
    assert model.count_parameters() >= 1
    assert CONFIGS[name]["family"] == "baseline" or skill(predicted, test) > 0.15


@pytest.mark.parametrize("n", [3, 8, 32])
@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_few_rows_are_enough_for_a_fit(name, kind, n):
    """With three rows, a batch has one row."""
    task = task_of(name)
    model = fitted(name, examples(kind, task, n), examples(kind, task, max(1, n // 4), 2), FEW_STEPS)
    test = examples(kind, task, 20, 3)
    check(model.predict(test), test)


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_a_prediction_does_not_depend_on_the_rows_beside_it(name, kind):
    """Predict a usual row and one unlike the fit, each alone and among others."""
    task = task_of(name)
    model = fitted(name, examples(kind, task, 60), examples(kind, task, 15, 2), FEW_STEPS)
    test = examples(kind, task, 30, 3)
    strange = changed(test, np.random.default_rng(0))
    for rows in (test, strange):
        assert np.allclose(model.predict(rows)[:1], model.predict(rows.head(1)), atol=1e-5)
        check(model.predict(rows.head(1)), rows.head(1))


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_the_same_seed_gives_the_same_predictions_bit_for_bit(name, kind):
    task = task_of(name)
    train, validation, test = (examples(kind, task, n, n) for n in (80, 20, 30))
    first, again = (fitted(name, train, validation, FEW_STEPS) for _ in range(2))
    assert np.array_equal(first.predict(test), again.predict(test))


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_nothing_but_the_training_rows_reaches_what_is_fitted(name, kind):
    """Validation rows only choose when to stop, and predicting does not change a model.

    After a single step there is nothing to choose. Other validation rows must then give the same
    preprocessing, the same weights and therefore the same predictions bit for bit.
    """
    task = task_of(name)
    train, validation, test = (examples(kind, task, n, n) for n in (60, 16, 30))
    far = changed(validation, np.random.default_rng(0))
    one, other = (fitted(name, train, held_out, step_limit=1) for held_out in (validation, far))
    before = one.predict(test)
    assert np.array_equal(before, other.predict(test))
    one.predict(far)
    assert np.array_equal(before, one.predict(test))


@pytest.mark.parametrize(("name", "kind"), [p for p in PAIRS if "multiclass" in CONFIGS[p[0]]["tasks"]])
def test_a_class_without_a_training_row_is_survived(name, kind):
    train, validation = examples(kind, "multiclass", 26), examples(kind, "multiclass", 6, 2)
    train.y[:] = np.arange(26) % 2  # class 2 has no row
    model = fitted(name, train, validation, FEW_STEPS)
    check(model.predict(validation), validation)


@pytest.mark.parametrize("name", [name for name, kind in PAIRS if kind == "table"])
def test_a_table_of_categories_alone_is_taken(name):
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"kind": rng.choice(["a", "b", "c"], 60).astype(object)})
    task = task_of(name)
    y = (x["kind"] == "a").to_numpy().astype(float if task == "regression" else np.int64)
    train = Examples(x, y, task, 0 if task == "regression" else 3, ("kind",))
    model = fitted(name, train, train.head(12), FEW_STEPS)
    check(model.predict(train), train)


@pytest.mark.parametrize("name", [name for name, kind in PAIRS if kind == "table"])
def test_columns_that_are_missing_in_all_rows_of_the_fit_are_taken(name):
    task = task_of(name)
    train, validation, test = (examples("table", task, n, n) for n in (60, 12, 20))
    number = train.x.columns.drop("kind")[0]
    for rows in (train, validation):
        rows.x["kind"], rows.x[number] = np.array([None] * len(rows), dtype=object), np.nan
    model = fitted(name, train, validation, FEW_STEPS)
    check(model.predict(test), test)
    check(model.predict(validation), validation)


@pytest.mark.parametrize(
    ("name", "kind"), [p for p in PAIRS if "precision" in CONFIGS[p[0]].get("hyperparameters", {})]
)
def test_a_net_trains_in_bf16(name, kind):
    task = task_of(name)
    model = create(CONFIGS[name]["target"], {**CONFIGS[name]["hyperparameters"], "precision": "bf16"})
    train, validation = examples(kind, task, 40), examples(kind, task, 12, 2)
    context = FitContext(1, 1, "cpu", METRIC[task], FEW_STEPS)
    if name == "lstm" and torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2"):
        with pytest.raises(FitError, match="cannot train an LSTM in bf16; set precision: fp32"):
            model.fit(train, validation, context)
        return
    assert model.fit(train, validation, context) >= 1
    check(model.predict(validation), validation)


@pytest.mark.parametrize("name", [name for name, kind in PAIRS if kind == "text"])
def test_texts_of_no_and_of_100_000_characters_are_taken(name):
    task = task_of(name)
    extremes = ["", " ", "a" * 100_000, "good film " * 10_000, "!" * 100_000, "\x00", "\U0001f600 ü"]
    train = examples("text", task, 40)
    train.x[: len(extremes)] = extremes
    model = fitted(name, train, examples("text", task, 10, 2), FEW_STEPS)
    test = replace(train, x=train.x[: len(extremes)], y=train.y[: len(extremes)])
    check(model.predict(test), test)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_configuration_names_exactly_hyperparameters_that_the_class_has(name):
    config = CONFIGS[name]
    module, _, cls = config["target"].rpartition(".")
    known = {f.name for f in fields(getattr(importlib.import_module(module), cls))}
    assert set(config.get("hyperparameters", {})) == known


def test_an_unknown_hyperparameter_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="no hyperparameter 'widht', did you mean 'width'"):
        create("fuelgauge.models.mlp.MLP", {"widht": 3})
