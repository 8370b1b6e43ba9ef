"""Fingerprint of the code that decides the numbers of a trial, and of the libraries that it imports.

The code is followed from a model's module and from the trial itself along the imports within this package,
and within the user's own modules, which no installed distribution brings.
What cannot change a number does not count: comments, docstrings, formatting, annotations, imports for
annotations, `__all__`, log calls and warnings, and the texts of raised errors. The fingerprint does not
depend on the version of Python, because this module writes the syntax tree out itself: `ast.unparse` and
`ast.dump` differ between versions.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import PathFinder
from importlib.util import resolve_name
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any

from fuelgauge.config.objects import OWN_CODE
from fuelgauge.errors import ConfigError

__all__ = [
    "code_fingerprint",
    "external_imports",
    "imports",
    "library_versions",
    "normalised",
    "reachable",
    "version",
]

PACKAGE = "fuelgauge"
SOURCE = Path(__file__).resolve().parents[1]
# They name things, find files, write files and phrase errors; no number depends on them.
EXEMPT = frozenset(
    {PACKAGE, *(f"{PACKAGE}.{name}" for name in ("errors", "paths", "files", "config", "config.objects"))}
)
# Folders of installed distributions, whose code is identified by their versions.
INSTALLED = frozenset({"site-packages", "dist-packages"})
DISTRIBUTIONS = {"sklearn": ("scikit-learn", "scipy")}
# Fields of a syntax tree that only some versions of Python have, or that follow from the rest.
UNWRITTEN = frozenset({"ctx", "kind", "type_comment", "type_params"})
# Kinds of annotation that change what a dataclass makes of a field.
TELLING = ("ClassVar", "InitVar", "KW_ONLY")
IMPORTS = (ast.Import, ast.ImportFrom)


def code_fingerprint(*modules: str) -> str:
    """Return a SHA-256 of the code that the modules reach, without what cannot change a number.

    Parameters
    ----------
    modules
        Dotted names of modules. Those of installed distributions count by their versions alone.

    Raises
    ------
    ConfigError
        There is no such module.
    """
    digest = hashlib.sha256()
    for name in sorted(reachable(*modules)):
        digest.update(f"{name}\n{normalised(name)}\n".encode())
    return digest.hexdigest()


def library_versions(*modules: str) -> dict[str, str]:
    """Return the versions of the third-party distributions that the modules are part of or import."""
    imported = {top for name in reachable(*modules) for top in external_imports(name)}
    imported |= {name.partition(".")[0] for name in modules if is_installed(name)}
    names = {distribution for top in imported for distribution in distributions(top)}
    return {name: version(name) for name in sorted(names)}


@functools.cache
def distributions(top: str) -> tuple[str, ...]:
    """Return the distributions of a top-level package; empty for the user's own."""
    if top in DISTRIBUTIONS:
        return DISTRIBUTIONS[top]
    try:
        version(top)
    except importlib.metadata.PackageNotFoundError:
        return tuple(sorted(set(importlib.metadata.packages_distributions().get(top, ()))))
    return (top,)


@functools.cache
def version(distribution: str) -> str:
    """Return the installed version of a distribution."""
    return importlib.metadata.version(distribution)


def reachable(*modules: str) -> set[str]:
    """Return the given modules and all that they import at any depth, without installed distributions."""
    found: set[str] = set()
    own = [name for name in modules if not is_installed(name)]
    waiting = own + [parent for name in own for parent in with_parents(name) if source_path(parent)]
    while waiting:
        name = waiting.pop()
        if name not in found and name not in EXEMPT:
            found.add(name)
            waiting += internal_imports(name)
    return found


def internal_imports(module: str) -> Iterator[str]:
    """Yield the modules of this package, and the user's own, that a module imports."""
    for name in imports(module):
        yield from filter(source_path, with_parents(name))


def with_parents(module: str) -> Iterable[str]:
    """Return a module and the packages around it, whose code runs too. Those of this package hold none."""
    if module.partition(".")[0] == PACKAGE:
        return (module,)
    return accumulate(module.split("."), "{}.{}".format)


def external_imports(module: str) -> Iterator[str]:
    """Yield the top-level names of the third-party packages that a module imports."""
    for name in imports(module):
        top = name.split(".")[0]
        if top != PACKAGE and top not in sys.stdlib_module_names:
            yield top


@functools.cache
def imports(module: str) -> tuple[str, ...]:
    """Return the dotted names that a module's code imports; `from a import b` gives `a` and `a.b`."""
    names: list[str] = []
    for node in ast.walk(stripped(read(module))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), package_of(module))
            names += [source, *(f"{source}.{alias.name}" for alias in node.names)]
    return tuple(names)


def package_of(module: str) -> str:
    """Return the package in which the relative imports of a module begin."""
    path = source_path(module)
    return module if path and path.name == "__init__.py" else module.rpartition(".")[0]


@functools.cache
def normalised(module: str) -> str:
    """Return the code of a module in a form in which only what can change a number differs."""
    return written(stripped(read(module)))


def read(module: str) -> str:
    """Return the source of a module, without importing it."""
    path = source_path(module)
    if path is None:
        raise ConfigError(f"the module '{module}', which a model names as its class's, has no source file.")
    return path.read_text(encoding="utf-8")


def source_path(module: str) -> Path | None:
    """Return the file of a module of this package or of the user's own, or None if the name is neither."""
    package, *parts = module.split(".")
    if package != PACKAGE:
        path = file_of(module)
        return None if path is None or INSTALLED.intersection(path.parts) else path
    base = SOURCE.joinpath(*parts)
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


@functools.cache
def file_of(module: str) -> Path | None:
    """Return the file of a module outside this package and Python's library, without importing anything."""
    top, *parts = module.split(".")
    if top in sys.stdlib_module_names:
        return None
    name, spec = top, PathFinder.find_spec(top, [*sys.path, str(OWN_CODE)])
    for part in parts:
        if spec is None or spec.submodule_search_locations is None:
            return None
        name = f"{name}.{part}"
        spec = PathFinder.find_spec(name, list(spec.submodule_search_locations))
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


def is_installed(module: str) -> bool:
    """Tell whether a module is part of an installed distribution."""
    path = file_of(module.partition(".")[0])
    return path is not None and bool(INSTALLED.intersection(path.parts))


def stripped(source: str) -> ast.Module:
    """Return the syntax tree of a source without what cannot change a number.

    An import goes if only stripped code has used it; one that was never used stays, for it may be there for
    what it does.
    """
    before = ast.parse(source)
    never_used = names_bound(before) - names_used(before)
    tree: ast.Module = Stripper().visit(before)
    without_imports: ast.Module = ImportStripper(names_used(tree) | never_used).visit(tree)
    return without_imports


def names_used(tree: ast.AST) -> set[str]:
    """Return the names that a syntax tree looks up."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def names_bound(tree: ast.AST) -> set[str]:
    """Return the names that the imports of a syntax tree bind."""
    nodes = (node for node in ast.walk(tree) if isinstance(node, IMPORTS))
    return {name_of(alias) for node in nodes for alias in node.names}


def name_of(alias: ast.alias) -> str:
    """Return the name that an import binds."""
    return alias.asname or alias.name.split(".")[0]


def written(node: Any) -> str:
    """Return a syntax tree as text, the same with every version of Python."""
    if isinstance(node, ast.AST):
        parts = (
            f"{name}={written(value)}"
            for name, value in ast.iter_fields(node)
            if name not in UNWRITTEN and value is not None and value != []
        )
        return f"{type(node).__name__}({', '.join(parts)})"
    if isinstance(node, list):
        return f"[{', '.join(map(written, node))}]"
    return f"{type(node).__name__}:{node!a}"


class Stripper(ast.NodeTransformer):
    """Remove docstrings, annotations, `__all__`, log calls, warnings and the texts of errors."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Drop a bare string, and a bare call of a logger or of `warnings.warn`."""
        value = node.value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return None
        if isinstance(value, ast.Call) and is_talk(value.func):
            return None
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        """Drop the list of a module's public names."""
        is_list_of_names = [written(target) for target in node.targets] == [written(ast.Name("__all__"))]
        return None if is_list_of_names else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """Keep the class of a raised error and whatever it carries beside its text."""
        if isinstance(node.exc, ast.Call):
            node.exc.args = [argument for argument in node.exc.args if not is_text(argument)]
        node.cause = None
        return self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """Drop the text of an assertion."""
        node.msg = None
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        """Drop what only a type checker reads."""
        self.generic_visit(node)
        is_for_types = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return list(node.orelse) if is_for_types else node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """Drop the annotation of an argument."""
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Drop the annotation of what a function returns."""
        node.returns = None
        node.decorator_list = [with_dispatch(decorator, node) for decorator in node.decorator_list]
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        """Drop the annotation of what a function returns."""
        node.returns = None
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """Keep the order and the kinds of annotated fields, which a dataclass reads, and not their types."""
        node.body = [field_of(part) if isinstance(part, ast.AnnAssign) else part for part in node.body]
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        """Make an annotated assignment a plain one; drop a mere annotation."""
        if isinstance(node.annotation, ast.Constant):  # a field that visit_ClassDef has seen to
            return self.generic_visit(node)
        if node.value is None:
            return None
        return self.generic_visit(ast.Assign([node.target], node.value))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        """Drop the empty strings that some versions of Python put into an f-string."""
        node.values = [
            part for part in node.values if not (isinstance(part, ast.Constant) and part.value == "")
        ]
        return self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Visit the children; a body that has become empty gets a `pass`."""
        super().generic_visit(node)
        if getattr(node, "body", None) == []:
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
        return node


class ImportStripper(ast.NodeTransformer):
    """Keep one import a line, sorted, of the names that are used."""

    def __init__(self, used: set[str]):
        self.used = used

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Put the imports of every block in order."""
        super().generic_visit(node)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                setattr(node, name, self.ordered(block) or ([ast.Pass()] if name == "body" else []))
        return node

    def ordered(self, block: list[ast.stmt]) -> list[ast.stmt]:
        """Return a block in which neighbouring imports are split and sorted."""
        result: list[ast.stmt] = []
        for is_import, nodes in groupby(block, lambda node: isinstance(node, IMPORTS)):
            run = list(nodes)
            result += sorted(self.single(run), key=written) if is_import else run
        return result

    def single(self, nodes: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
        """Yield an import for every name that is used."""
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and node.module != "__future__":
                for alias in filter(self.is_used, node.names):
                    yield ast.ImportFrom(node.module, [alias], node.level)
            elif isinstance(node, ast.Import):
                for alias in filter(self.is_used, node.names):
                    yield ast.Import([alias])

    def is_used(self, alias: ast.alias) -> bool:
        """Tell whether the name that an import binds is used."""
        return name_of(alias) in self.used


def is_talk(function: ast.expr) -> bool:
    """Tell whether a function only tells a person something: a method of `log`, or `warnings.warn`."""
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
        return False
    return function.value.id == "log" or (function.value.id, function.attr) == ("warnings", "warn")


def is_text(node: ast.expr) -> bool:
    """Tell whether an expression is a text by its form: a string, and what is put together from one."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    if isinstance(node, ast.BinOp):
        return is_text(node.left) or is_text(node.right)
    if isinstance(node, ast.IfExp):
        return is_text(node.body) and is_text(node.orelse)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return is_text(node.func.value)
    return isinstance(node, ast.JoinedStr)


def with_dispatch(decorator: ast.expr, function: ast.FunctionDef) -> ast.expr:
    """Return `@f.register` with the class that `functools.singledispatch` reads from an annotation."""
    arguments = function.args.posonlyargs + function.args.args
    is_bare = isinstance(decorator, ast.Attribute) and decorator.attr == "register"
    if is_bare and arguments and arguments[0].annotation:
        return ast.Call(decorator, [arguments[0].annotation], [])
    return decorator


def field_of(node: ast.AnnAssign) -> ast.AnnAssign:
    """Return a field of a class whose annotation is no more than its kind."""
    told = names_used(node.annotation) | {
        inner.attr for inner in ast.walk(node.annotation) if isinstance(inner, ast.Attribute)
    }
    kind = next((name for name in TELLING if name in told), "")
    return ast.AnnAssign(node.target, ast.Constant(kind), node.value, node.simple)
