"""What a trial's identity hashes of the code: the source that decides its numbers, and the libraries.

The source is followed from a model's module and from the trial itself along the imports within
this package. Comments, docstrings, formatting and log calls do not count.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

from fuelgauge.errors import ConfigError

PACKAGE = "fuelgauge"
# They name things, find files and phrase errors; no number depends on them.
EXEMPT = frozenset({PACKAGE, *(f"{PACKAGE}.{name}" for name in ("errors", "paths", "loading"))})
DISTRIBUTIONS = {"sklearn": ("scikit-learn", "scipy")}


def code_fingerprint(*modules: str) -> str:
    """Return a SHA-256 of the source that the modules reach, without what changes no number."""
    digest = hashlib.sha256()
    for name in sorted(reachable(*modules)):
        digest.update(f"{name}\n{normalised(name)}\n".encode())
    return digest.hexdigest()


def library_versions(*modules: str) -> dict[str, str]:
    """Return the versions of the third-party distributions that the modules' source imports."""
    imported = {top for name in reachable(*modules) for top in external_imports(name)}
    names = {d for top in imported for d in DISTRIBUTIONS.get(top, (top,))}
    return {name: version(name) for name in sorted(names)}


@functools.cache
def version(distribution: str) -> str:
    """Return the installed version of a distribution."""
    return importlib.metadata.version(distribution)


def reachable(*modules: str) -> set[str]:
    """Return the package's modules that the given ones import, themselves included."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in found and name not in EXEMPT:
            found.add(name)
            waiting += internal_imports(name)
    return found


@functools.cache
def normalised(module: str) -> str:
    """Return a module's source without comments, docstrings, formatting and log calls."""
    return ast.unparse(Stripper().visit(parse(module)))


def internal_imports(module: str) -> Iterator[str]:
    """Yield the modules of this package that a module imports."""
    for name in imports(module):
        if name.split(".")[0] == PACKAGE and source_path(name):
            yield name


def external_imports(module: str) -> Iterator[str]:
    """Yield the top-level names of third-party packages that a module imports."""
    for name in imports(module):
        top = name.split(".")[0]
        if top != PACKAGE and top not in sys.stdlib_module_names:
            yield top


@functools.cache
def imports(module: str) -> tuple[str, ...]:
    """Return the dotted names that a module imports; `from a import b` gives `a` and `a.b`."""
    names: list[str] = []
    for node in ast.walk(parse(module)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(names)


def parse(module: str) -> ast.Module:
    """Return the syntax tree of a module of this package, without importing it."""
    path = source_path(module)
    if path is None:
        raise ConfigError(
            f"'{module}' is no module of {PACKAGE}; a model's target must be a class of this package."
        )
    return ast.parse(path.read_text())


@functools.cache
def source_path(module: str) -> Path | None:
    """Return the file of a module of this package, or None if the name is no module."""
    if module.split(".")[0] != PACKAGE:
        return None
    base = Path(__file__).resolve().parents[1].joinpath(*module.split(".")[1:])
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


class Stripper(ast.NodeTransformer):
    """Remove docstrings and calls of a logger from a syntax tree."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Drop a bare string or a bare call of `log.something`."""
        value = node.value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return None
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            owner = value.func.value
            if isinstance(owner, ast.Name) and owner.id == "log":
                return None
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Visit the children; a body that has become empty gets a `pass`."""
        super().generic_visit(node)
        if getattr(node, "body", None) == []:
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
        return node
