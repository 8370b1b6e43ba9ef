"""The identity of a trial's code: prose leaves it alone, and whatever can change a number changes it."""

import ast
import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from fuelgauge.errors import ConfigError
from fuelgauge.sweep import fingerprint
from fuelgauge.sweep.fingerprint import (
    code_fingerprint,
    imports,
    library_versions,
    normalised,
    reachable,
    stripped,
    written,
)
from tests.conftest import CHECKOUT

TRIAL = "fuelgauge.sweep.trial"
EVERY = 40  # of all the places of a kind that could be mutated, one in so many is
BASE = '''
"""Docstring."""
from __future__ import annotations

import logging
import math
import warnings
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import side_effect

if TYPE_CHECKING:
    from fuelgauge.spec.trials import Trial

log = logging.getLogger("x")

class Model:
    """Say what."""

    known: ClassVar[int] = 1
    rate: float = 0.5
    steps: int = 3

def f(a: float, b: int = 2) -> float:
    """Say what."""
    log.info("a is %s", a)
    warnings.warn("a is large")
    total: float = a + g(b)  # comment
    if not math.isfinite(total):
        raise ValueError(f"the value of {math.floor(a)} is {total}", total)
    assert total > 0, "not positive"
    return total if a < b else -total

def g(a):
    return np.asarray(a)
'''


def form(source: str) -> str:
    return written(stripped(source))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# comment", "# another"),
        ("Say what.", "Say something else."),
        ('    """Say what."""\n    log', "    log"),
        ('log.info("a is %s", a)', 'log.warning("b")'),
        ('    log.info("a is %s", a)\n', ""),
        ('warnings.warn("a is large")', 'warnings.warn("a is too large", stacklevel=2)'),
        ("total if a < b else -total", "(total if a < b\n            else -total)"),
        ("a: float, b: int = 2) -> float", "a, b=2)"),
        ("a: float, b: int", "a: np.ndarray, b: Trial"),
        ("total: float = a", "total = a"),
        ("rate: float = 0.5", "rate: int | None = 0.5"),
        ("the value of {math.floor(a)} is {total}", "{total} is not finite"),
        ('f"the value of {math.floor(a)} is {total}"', '"not finite: " + str(total)'),
        ('f"the value of {math.floor(a)} is {total}"', '"not finite: {}".format(total)'),
        (', "not positive"', ""),
        ("from fuelgauge.spec.trials import Trial", "from fuelgauge.spec.trials import Curve, Trial"),
        ("from __future__ import annotations\n", ""),
        ("log = logging", '__all__ = ["f", "g"]\nlog = logging'),
        ("import logging\nimport math\n", "import math\nimport logging\n"),
    ],
)
def test_what_changes_no_number_does_not_count(old, new):
    assert old in BASE
    assert form(BASE.replace(old, new, 1)) == form(BASE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a + g(b)", "a - g(b)"),
        ("a + g(b)", "a + f(b)"),
        ("b: int = 2", "b: int = 3"),
        ("b: int = 2", "c: int = 2"),
        ("rate: float = 0.5", "rate: float = 0.25"),
        ("rate: float = 0.5", "rate: ClassVar[float] = 0.5"),
        ("rate: float = 0.5\n    steps: int = 3", "steps: int = 3\n    rate: float = 0.5"),
        ("a < b", "a <= b"),
        ("raise ValueError", "raise TypeError"),
        (", total)", ", -total)"),
        ("assert total > 0", "assert total >= 0"),
        ("import math", "import cmath as math"),
        ("import side_effect\n", ""),
        ("np.asarray(a)", "2 * np.asarray(a)"),
    ],
)
def test_what_could_change_a_number_counts(old, new):
    assert old in BASE
    assert form(BASE.replace(old, new, 1)) != form(BASE)


def test_an_import_that_only_a_text_uses_does_not_count():
    source = "import a\nfrom b import c\nx = a.x\nif x:\n    raise E(f'{c(x)}')\n"
    without = "import a\nx = a.x\nif x:\n    raise E('none')\n"
    assert form(source) == form(without)


def test_the_class_that_a_dispatch_reads_from_an_annotation_counts():
    source = (
        "@together.register\ndef _(layer: nn.Linear, values: Tensor) -> Tensor:\n    return layer(values)\n"
    )
    assert form(source) != form(source.replace("nn.Linear", "nn.ReLU"))
    assert form(source) == form(source.replace("values: Tensor", "values: Any"))
    assert form(source) == form(source.replace("@together.register", "@together.register(nn.Linear)"))


def test_the_form_does_not_depend_on_the_version_of_python():
    # The digest was the same on 3.11.7, 3.12.1 and 3.13.0; ast.unparse and ast.dump differ between them.
    source = f"""{BASE}
x = f'{{1}}' f'{{2:{{3}}.4f}}' ''
y = [*z, 1e300, 0.1, b'\\xff', 'ü', 3j, ...]
def h(a, /, *b, c=1, **d):
    match a:
        case {{'k': [1, *_]}} | None:
            return (yield)
"""
    assert hashlib.sha256(form(source).encode()).hexdigest()[:16] == "2052a95bbf1a8039"


OTHER_PYTHONS = [found for name in ("3.12", "3.13") if (found := shutil.which(f"python{name}"))]


@pytest.mark.skipif(not OTHER_PYTHONS, reason="no other Python on PATH")
@pytest.mark.parametrize("python", OTHER_PYTHONS)
def test_another_python_gives_the_same_fingerprint(python):
    script = (
        "import sys, types\n"
        "for name in ('fuelgauge', 'fuelgauge.sweep'):\n"  # without their __init__, which need nothing
        "    sys.modules[name] = package = types.ModuleType(name)\n"
        "    package.__path__ = [sys.argv[1] + '/' + name.replace('.', '/')]\n"
        "from fuelgauge.sweep.fingerprint import code_fingerprint\n"
        f"print(code_fingerprint({TRIAL!r}, 'fuelgauge.models.mlp'))\n"
    )
    found = subprocess.run(
        [python, "-c", script, str(CHECKOUT / "src")], capture_output=True, text=True, check=False
    )
    if found.returncode and "version" in found.stderr and "pyenv" in found.stderr:
        pytest.skip("a shim without a Python behind it")
    assert found.stdout.strip() == code_fingerprint(TRIAL, "fuelgauge.models.mlp"), found.stderr


def test_a_model_reaches_its_own_code_and_not_that_of_the_others():
    found = reachable(TRIAL, "fuelgauge.models.mlp")
    assert {"fuelgauge.models.deep", "fuelgauge.models.base", "fuelgauge.data.splits"} <= found
    assert not {"fuelgauge.models.xgboost", "fuelgauge.models.cnn1d", "fuelgauge.models.logistic"} & found
    others = ("report", "claims", "config", "tracking", "intake", "registry", "sweep.runner", "errors")
    assert not {name for name in found if name.startswith(tuple(f"fuelgauge.{other}" for other in others))}


def test_plain_types_that_are_imported_for_annotations_are_not_part_of_the_identity():
    found = reachable(TRIAL, "fuelgauge.models.mlp")
    assert not {"fuelgauge.spec.trials", "fuelgauge.spec.params", "fuelgauge.spec.dataset"} & found


def test_the_libraries_are_those_that_the_code_imports():
    trees = library_versions(TRIAL, "fuelgauge.models.xgboost")
    nets = library_versions(TRIAL, "fuelgauge.models.mlp")
    assert {"xgboost", "numpy", "scikit-learn", "scipy"} <= set(trees)
    assert "torch" not in trees
    assert {"torch", "lightning"} <= set(nets)
    assert "xgboost" not in nets


def test_touching_one_model_changes_its_fingerprint_alone(monkeypatch):
    modules = {name: f"fuelgauge.models.{name}" for name in ("mlp", "cnn1d", "xgboost", "logistic")}

    def prints():
        return {name: code_fingerprint(TRIAL, module) for name, module in modules.items()}

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


def modules_of_all_models() -> list[str]:
    files = (CHECKOUT / "conf" / "model").glob("*.yaml")
    targets = [yaml.safe_load(path.read_text())["target"] for path in files]
    return sorted({target.rpartition(".")[0] for target in targets})


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a copy of the package's source that the fingerprint reads in place of the package."""
    copy = tmp_path / "fuelgauge"
    shutil.copytree(CHECKOUT / "src" / "fuelgauge", copy)
    monkeypatch.setattr(fingerprint, "SOURCE", copy)
    forget()
    yield copy
    monkeypatch.undo()
    forget()


def forget() -> None:
    fingerprint.file_of.cache_clear()
    normalised.cache_clear()
    imports.cache_clear()


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, f"{path} does not hold {old!r}"
    path.write_text(text.replace(old, new, 1))
    forget()


def test_edits_of_prose_in_the_real_code_leave_every_identity_alone(code):
    models = modules_of_all_models()
    before = [code_fingerprint(TRIAL, model) for model in models]
    for module in reachable(TRIAL, *models):
        path = fingerprint.source_path(module)
        path.write_text(reworded(path.read_text()))
    forget()
    assert [code_fingerprint(TRIAL, model) for model in models] == before


def reworded(source: str) -> str:
    """Return a source with other docstrings, error texts and annotations, and without comments."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            node.exc.args = [
                ast.BinOp(ast.Constant("In other words: "), ast.Add(), text)
                if isinstance(text, ast.JoinedStr)
                else text
                for text in node.exc.args
            ]
        elif isinstance(node, ast.FunctionDef):
            node.returns = ast.Subscript(ast.Name("Another"), node.returns or ast.Constant(None))
            node.body = [ast.Expr(ast.Constant("Another docstring.")), *node.body]
    return ast.unparse(ast.fix_missing_locations(tree))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("data/splits.py", "0.5", "0.25"),
        (
            "data/splits.py",
            "def fit_seed(seed: int, repeat: int, n_train: int)",
            "def fit_seed(seed, n_train, repeat)",
        ),
        ("sweep/timing.py", "time.perf_counter", "time.monotonic"),
        ("models/base.py", "np.zeros", "np.ones"),
        ("sweep/trial.py", "WARM_UP_STEPS, WARM_UP_ROWS = 2", "WARM_UP_STEPS, WARM_UP_ROWS = 3"),
    ],
)
def test_edits_of_the_real_code_that_could_change_a_number_change_the_identity(code, file, old, new):
    before = code_fingerprint(TRIAL, "fuelgauge.models.dummy")
    edit(code / file, old, new)
    assert code_fingerprint(TRIAL, "fuelgauge.models.dummy") != before


def test_mutants_of_the_real_code_change_its_form():
    """Change a number, an operator, a comparison or a called function: each must show."""
    mutants = 0
    for module in sorted(reachable(TRIAL, *modules_of_all_models())):
        source = fingerprint.source_path(module).read_text()
        before = form(source)
        for place in sorted(places(stripped(source)))[::EVERY]:
            tree = ast.parse(source)
            mutate(places(tree)[place])
            mutant = ast.unparse(ast.fix_missing_locations(tree))
            assert form(mutant) != before, (module, place)
            mutants += 1
    assert mutants > 50


def places(tree: ast.Module) -> dict[tuple[int, int, str], ast.AST]:
    """Return what can be mutated, by its place in the source and its kind."""
    return {
        (node.lineno, node.col_offset, type(node).__name__): node
        for node in ast.walk(tree)
        if is_place(node) and hasattr(node, "lineno")
    }


def is_place(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return type(node.value) in (int, float)
    return isinstance(node, ast.BinOp | ast.Compare) or (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    )


def mutate(node: ast.AST) -> None:
    if isinstance(node, ast.Constant):
        node.value = node.value + 1
    elif isinstance(node, ast.BinOp):
        node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
    elif isinstance(node, ast.Compare):
        node.ops[0] = ast.IsNot() if isinstance(node.ops[0], ast.Is) else ast.Is()
    elif isinstance(node, ast.Call):
        node.func = ast.Name("another_function")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder of the user's own modules, as conf/model is one."""
    (tmp_path / "mine.py").write_text("import numpy\nimport yaml\nfrom help.steps import step\nrate = 1\n")
    (tmp_path / "help").mkdir()
    (tmp_path / "help/__init__.py").write_text("")
    (tmp_path / "help/steps.py").write_text("from .more import more\nstep = 3\n")
    (tmp_path / "help/more.py").write_text("more = 4\n")
    monkeypatch.setattr(fingerprint, "OWN_CODE", tmp_path)
    forget()
    yield tmp_path
    forget()


def test_the_users_own_code_and_what_it_imports_are_part_of_the_identity(own):
    assert {"mine", "help", "help.steps", "help.more"} <= reachable(TRIAL, "mine")
    prints = [code_fingerprint(TRIAL, "mine")]
    for file, old, new in (
        ("mine.py", "rate = 1", "rate = 2"),
        ("help/steps.py", "step = 3", "step = 4"),
        ("help/more.py", "more = 4", "more = 5"),
    ):
        edit(own / file, old, new)
        prints.append(code_fingerprint(TRIAL, "mine"))
    assert len(set(prints)) == 4
    edit(own / "mine.py", "import numpy", '"""Prose."""\nimport numpy  # a comment')
    assert code_fingerprint(TRIAL, "mine") == prints[-1]


def test_the_users_own_code_brings_the_versions_of_its_libraries(own):
    assert {"PyYAML", "numpy"} <= set(library_versions("mine"))
    assert not {"mine", "help"} & set(library_versions("mine"))


def test_a_class_of_an_installed_library_counts_by_its_version():
    name = "fuelgauge.models.estimator"
    assert reachable(TRIAL, name, "lightgbm.sklearn") == reachable(TRIAL, name)
    assert "lightgbm" in library_versions(TRIAL, name, "lightgbm.sklearn")
    assert "lightgbm" not in library_versions(TRIAL, name)


def test_a_module_that_does_not_exist_is_one_sentence(own):
    with pytest.raises(ConfigError, match="the module 'nowhere.at.all', .* has no source file"):
        code_fingerprint(TRIAL, "nowhere.at.all")
