"""Every stage of dvc.yaml depends on all the code and all the data files that can change its result."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.conftest import CHECKOUT

SOURCE = CHECKOUT / "src"
STAGES = yaml.safe_load((CHECKOUT / "dvc.yaml").read_text())["stages"]
# Code that a stage imports and that cannot change its result. What these modules import is not followed.
CANNOT_CHANGE_A_RESULT = {
    "fuelgauge": "a docstring and the version",
    "fuelgauge.errors": "classes of errors and the hint at the nearest name",
    "fuelgauge.paths": "where files lie; a stage names its own in dvc.yaml",
    "fuelgauge.files": "writes what it is given",
    "fuelgauge.pipeline": "a docstring",
    "fuelgauge.pipeline.stage": "hands a checked configuration to the stage and prints errors",
    "fuelgauge.tracking.tracker": "MLflow is a view of the trial store, which no stage reads",
    "fuelgauge.tracking.overview": "MLflow is a view of the report, which no stage reads",
    "fuelgauge.tracking": "a docstring",
}


def test_there_is_a_stage_for_every_script():
    assert {path.stem for path in (CHECKOUT / "pipelines").glob("*.py")} == set(STAGES)


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_a_stage_depends_on_all_that_it_imports(stage):
    deps = STAGES[stage]["deps"]
    missing = {
        path.relative_to(CHECKOUT).as_posix()
        for path in code_and_data_of(CHECKOUT / "pipelines" / f"{stage}.py")
        if not is_covered(path, deps)
    }
    assert not missing


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_a_stage_depends_on_no_code_that_it_does_not_import(stage):
    reached = code_and_data_of(CHECKOUT / "pipelines" / f"{stage}.py")
    code = [dep for dep in STAGES[stage]["deps"] if dep.startswith(("src/", "pipelines/"))]
    assert not [dep for dep in code if not any(is_covered(path, [dep]) for path in reached)]


def test_touching_the_report_retrains_nothing():
    for stage in ("check", "ingest", "featurize", "train", "register"):
        assert not any("report" in dep for dep in STAGES[stage]["deps"])


def test_every_exemption_is_a_module_that_a_stage_imports():
    imported = {
        name for stage in STAGES for name in closure(CHECKOUT / "pipelines" / f"{stage}.py", follow_all=True)
    }
    # tests/test_extension.py and the stages use files through data and sweep, which are deps themselves
    assert set(CANNOT_CHANGE_A_RESULT) - {"fuelgauge", "fuelgauge.pipeline", "fuelgauge.tracking"} <= imported


def is_covered(path: Path, deps: list[str]) -> bool:
    return any(path == CHECKOUT / dep or (CHECKOUT / dep) in path.parents for dep in deps)


def code_and_data_of(script: Path) -> set[Path]:
    """Return a script, the modules that it reaches, and the data files of the package that these name."""
    modules = {path_of(name) for name in closure(script)}
    found = {script, *modules}
    files = {path.name: path for path in (SOURCE / "fuelgauge").rglob("*") if is_data(path)}
    for path in modules:
        found |= {files[text] for text in strings(path) if text in files}
        if "PackageLoader" in path.read_text():  # Jinja: the folder `templates` of the module's package
            found |= {file for file in files.values() if file.parent == path.parent / "templates"}
    return found


def is_data(path: Path) -> bool:
    return path.is_file() and path.suffix not in (".py", ".pyc", ".typed")


def closure(script: Path, follow_all: bool = False) -> set[str]:
    """Return the names of the package's modules that a script reaches by imports, at any depth."""
    found: set[str] = set()
    waiting = list(imports(script))
    while waiting:
        name = waiting.pop()
        if name in found or (name in CANNOT_CHANGE_A_RESULT and not follow_all):
            continue
        found.add(name)
        waiting += imports(path_of(name))
    return found


def imports(path: Path) -> Iterator[str]:
    """Yield the modules of the package that a file imports, but for those of annotations alone."""
    tree = ast.parse(path.read_text())
    for_types = {inner for node in ast.walk(tree) if is_type_checking(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if node in for_types:
            continue
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value.partition(":")[0]]  # such as "fuelgauge.sweep.trial:run_together"
        yield from (name for name in names if name.split(".")[0] == "fuelgauge" and is_module(name))


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def strings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def is_module(name: str) -> bool:
    base = SOURCE.joinpath(*name.split("."))
    return base.with_suffix(".py").is_file() or (base / "__init__.py").is_file()


def path_of(name: str) -> Path:
    base = SOURCE.joinpath(*name.split("."))
    file = base.with_suffix(".py")
    return file if file.is_file() else base / "__init__.py"
