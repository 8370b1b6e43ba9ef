"""What is meant for use by others is in `__all__`; what is not has a leading underscore."""

import ast
import functools
import importlib
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

SOURCE = CHECKOUT / "src"


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


FILES = {name_of(path): path for path in sorted((SOURCE / "fuelgauge").rglob("*.py"))}
PUBLIC = [
    name
    for name, path in FILES.items()
    if path.name != "__init__.py" and not any(part.startswith("_") for part in name.split("."))
]


@functools.cache
def listed(path: Path) -> list[str] | None:
    """Return the names in a module's `__all__`, None if it has none."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return [ast.literal_eval(name) for name in node.value.elts]  # type: ignore[attr-defined]
    return None


@pytest.mark.parametrize("module", PUBLIC)
def test_a_public_module_lists_its_public_names(module):
    names = listed(FILES[module])
    assert names, (
        f"{module} has no __all__; list what others may use, or name the file _{module.split('.')[-1]}.py"
    )
    assert len(set(names)) == len(names)
    assert not [name for name in names if name.startswith("_")]
    loaded = importlib.import_module(module)
    assert not [name for name in names if not hasattr(loaded, name)]


def test_modules_take_only_public_names_from_each_other():
    taken = [
        f"{path.relative_to(CHECKOUT)} takes {node.module}.{alias.name}"
        for path in FILES.values()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module in PUBLIC
        for alias in node.names
        if f"{node.module}.{alias.name}" not in FILES and alias.name not in (listed(FILES[node.module]) or [])
    ]
    assert not taken
