import ast
from pathlib import Path

import pytest
import yaml

from fuelgauge.sweep import fingerprint
from fuelgauge.sweep.fingerprint import Stripper, code_fingerprint, library_versions, reachable

BASE = '''
"""Docstring."""
import logging
log = logging.getLogger("x")
def f(a):
    """Say what."""
    log.info("a is %s", a)
    return a + 1  # comment
'''


def stripped(source: str) -> str:
    return ast.unparse(Stripper().visit(ast.parse(source)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# comment", "# another"),
        ("Say what.", "Say something else."),
        ('    """Say what."""\n', ""),
        ('log.info("a is %s", a)', 'log.warning("b")'),
        ("return a + 1", "return (a\n            + 1)"),
    ],
)
def test_what_changes_no_number_does_not_count(old, new):
    assert stripped(BASE.replace(old, new)) == stripped(BASE)


@pytest.mark.parametrize(("old", "new"), [("a + 1", "a + 2"), ("def f(a)", "def f(a, b=0)")])
def test_what_could_change_a_number_counts(old, new):
    assert stripped(BASE.replace(old, new)) != stripped(BASE)


def test_a_model_reaches_its_own_code_and_not_that_of_the_others():
    found = reachable("fuelgauge.sweep.trial", "fuelgauge.models.mlp")
    assert {"fuelgauge.models.deep", "fuelgauge.models.base", "fuelgauge.data.splits"} <= found
    assert not {"fuelgauge.models.xgboost", "fuelgauge.models.cnn1d", "fuelgauge.models.logistic"} & found
    assert not {name for name in found if name.startswith(("fuelgauge.report", "fuelgauge.claims"))}
    assert (
        not {"fuelgauge.tracking.tracker", "fuelgauge.config", "fuelgauge.sweep.runner", "fuelgauge.errors"}
        & found
    )


def test_the_libraries_are_those_that_the_code_imports():
    trees = library_versions("fuelgauge.sweep.trial", "fuelgauge.models.xgboost")
    nets = library_versions("fuelgauge.sweep.trial", "fuelgauge.models.mlp")
    assert {"xgboost", "numpy", "scikit-learn", "scipy"} <= set(trees)
    assert "torch" not in trees
    assert {"torch", "lightning"} <= set(nets)
    assert "xgboost" not in nets


def test_touching_one_model_changes_its_fingerprint_alone(monkeypatch):
    modules = {name: f"fuelgauge.models.{name}" for name in ("mlp", "cnn1d", "xgboost", "logistic")}

    def prints():
        return {name: code_fingerprint("fuelgauge.sweep.trial", module) for name, module in modules.items()}

    def touch(module):
        original = fingerprint.normalised
        monkeypatch.setattr(
            fingerprint, "normalised", lambda name: original(name) + ("\nx = 1" if name == module else "")
        )

    before = prints()
    touch("fuelgauge.models.xgboost")
    after = prints()
    assert {name for name in modules if before[name] != after[name]} == {"xgboost"}
    touch("fuelgauge.models.deep")
    again = prints()
    assert {name for name in modules if again[name] != after[name]} == {"mlp", "cnn1d"}


def test_the_train_stage_goes_stale_with_all_code_that_identifies_a_trial():
    checkout = Path(__file__).resolve().parents[2]
    stages = yaml.safe_load((checkout / "dvc.yaml").read_text())["stages"]
    known = [Path(dep) for dep in stages["train"]["deps"]]
    models = [yaml.safe_load(path.read_text())["target"] for path in (checkout / "conf/model").glob("*.yaml")]
    for module in reachable("fuelgauge.sweep.trial", *(target.rpartition(".")[0] for target in models)):
        path = Path("src", *module.split("."))
        assert any(dep in (path, path.with_suffix(".py"), *path.parents) for dep in known), module
