"""Every model of tables: names of any kind, targets of any size, and the fit on all rows."""

from dataclasses import replace

import numpy as np
import pytest

from fuelgauge.models.base import FitContext
from tests.models.kinds import examples
from tests.models.test_contract import CONFIGS, METRIC, check, new, task_of

TABLES = [name for name, config in CONFIGS.items() if "tabular" in config["modalities"]]
CLASSICAL = [name for name in TABLES if CONFIGS[name]["family"] != "deep"]
NAMES = ["a[1]", "b<2", '"c"', "d\ne", "{f}:g,", "ü>h", "", " ", "kind]"]


@pytest.mark.parametrize("name", TABLES)
def test_names_of_columns_may_hold_any_character(name):
    task = task_of(name)
    train, validation = examples("table", task, 40), examples("table", task, 12, 2)
    strange = [
        replace(rows, x=rows.x.set_axis(NAMES, axis=1), categorical=("kind]",))
        for rows in (train, validation)
    ]
    context = FitContext(1, 1, "cpu", METRIC[task], 5)
    usual, model = new(name), new(name)
    usual.fit(train, validation, context)
    model.fit(*strange, context)
    assert np.array_equal(model.predict(strange[1]), usual.predict(validation))


@pytest.mark.parametrize("name", [name for name in CLASSICAL if "regression" in CONFIGS[name]["tasks"]])
def test_a_small_spread_around_a_large_target_is_learned(name):
    """Float32 holds 1.7e9 to the next 128. Float64, in which the target comes, to the next millionth."""
    train, validation, test = (examples("table", "regression", n, n) for n in (200, 40, 100))

    def loss(offset: float) -> float:
        moved = [replace(rows, y=rows.y + offset) for rows in (train, validation, test)]
        model = new(name)
        model.fit(*moved[:2], FitContext(1, 1, "cpu", "rmse"))
        return float(np.sqrt(np.mean((model.predict(moved[2]) - moved[2].y) ** 2)))

    assert loss(1.7e9) == pytest.approx(loss(0.0), rel=0.05)


@pytest.mark.parametrize("name", CLASSICAL)
def test_a_model_is_fitted_again_on_all_rows(name):
    task = task_of(name)
    rows, test = examples("table", task, 100), examples("table", task, 30, 3)
    context = FitContext(1, 1, "cpu", METRIC[task], 20)
    found, again, once_more = new(name), new(name), new(name)
    found.fit(rows.head(80), rows.pick(slice(80, None)), context)
    assert again.refit(rows, found, context) >= 1
    check(again.predict(test), test)
    assert not np.array_equal(again.predict(test), found.predict(test)), "the last rows were learned, too"
    once_more.refit(rows, found, context)
    assert np.array_equal(again.predict(test), once_more.predict(test))
