"""Check and parse the engineered features that a file of conf/dataset describes."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable

from fuelgauge.errors import ConfigError, nearest
from fuelgauge.spec.dataset import DatasetConfig

__all__ = ["check", "listed", "names_of_cycle", "parse", "place"]

FUNCTIONS = ("abs", "exp", "log", "log1p", "sqrt")
SYNTAX = (
    *(ast.Expression, ast.Name, ast.Load, ast.Constant, ast.Call),
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.BitAnd, ast.BitOr),
    *(ast.UnaryOp, ast.USub, ast.UAdd, ast.Not, ast.Invert, ast.BoolOp, ast.And, ast.Or),
    *(ast.Compare, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq),
)
BACKQUOTED = re.compile("`([^`]*)`")


def check(dataset: DatasetConfig) -> None:
    """Raise ConfigError if the described features are not valid; no data are needed.

    The checks find four kinds of errors:

    - an expression or a cycle uses a column that `features` and `engineered` do not list;
    - an expression is more than arithmetic on one row;
    - a period is not above 0;
    - two features have the same name.
    """
    known = [*listed("numeric", dataset), *listed("dates", dataset)]
    for name, expression in dataset.engineered.derive.items():
        where = place(dataset, "derive", name)
        check_known(parse(expression, where)[1].values(), known, where)
        known.append(name)
    for name, period in dataset.engineered.cyclic.items():
        where = place(dataset, "cyclic", name)
        check_known([name], known, where)
        if not 0 < period < math.inf:
            raise ConfigError(f"{where} is {period}; a period must be above 0 and finite.")
    taken = {dataset.target}
    for name in feature_names(dataset):
        if name in taken:
            raise ConfigError(
                f"conf/dataset/{dataset.name}.yaml: features and engineered would make two columns named "
                f"'{name}', or one with the name of the target; rename or leave out one of them."
            )
        taken.add(name)


def check_known(names: Iterable[str], known: list[str], where: str) -> None:
    """Raise ConfigError if a name is not a listed number or date."""
    for name in names:
        if name not in known:
            raise ConfigError(f"{where}: '{name}' is not a listed number or date, {nearest(name, known)}.")


def feature_names(dataset: DatasetConfig) -> list[str]:
    """Return the names of all engineered features, in the order of their columns."""
    return [
        *listed("numeric", dataset),
        *listed("categorical", dataset),
        *(made for name in listed("dates", dataset) for made in (name, *names_of_date(name))),
        *dataset.engineered.derive,
        *(made for name in dataset.engineered.cyclic for made in names_of_cycle(name)),
    ]


def names_of_date(name: str) -> list[str]:
    """Return the names of the features of a date: its year, and its place in year, week and day."""
    cycles = [f"{name}_{cycle}" for cycle in ("day_of_year", "weekday", "time")]
    return [f"{name}_year", *(made for cycle in cycles for made in names_of_cycle(cycle))]


def names_of_cycle(name: str) -> tuple[str, str]:
    """Return the names of the two features of a cycle: its sine and its cosine."""
    return f"{name}_sin", f"{name}_cos"


def listed(kind: str, dataset: DatasetConfig) -> list[str]:
    """Return the columns of a kind (numeric, categorical, dates), each once; those of `raw` come first."""
    return list(dict.fromkeys([*getattr(dataset.features, kind), *getattr(dataset.engineered, kind)]))


def place(dataset: DatasetConfig, section: str, name: str) -> str:
    """Return the place of an entry of `engineered`, for error messages."""
    return f"conf/dataset/{dataset.name}.yaml, engineered.{section}.{name}"


def parse(expression: str, where: str) -> tuple[str, dict[str, str]]:
    """Return an expression without backquotes, and the columns of its identifiers.

    Returns
    -------
    expression : str
        Python expression in which every column is an identifier.
    columns : dict
        Names of the columns by identifier.

    Raises
    ------
    ConfigError
        The text is not an expression, uses no column, or does more than arithmetic on one row.
    """
    names: dict[str, str] = {}

    def identifier(quoted: re.Match[str]) -> str:
        names[f"backquoted_{len(names)}"] = quoted[1]
        return list(names)[-1]

    text = " ".join(BACKQUOTED.sub(identifier, expression).split())
    nodes = syntax(text)
    if not nodes or not all(allowed(node) for node in nodes):
        raise ConfigError(
            f"{where}: '{expression}' may hold only columns, numbers, arithmetic, comparisons, `and`, `or`, "
            f"`not` and {', '.join(FUNCTIONS)} of one value. Each row is computed alone."
        )
    called = [node.func for node in nodes if isinstance(node, ast.Call)]
    for node in nodes:
        if isinstance(node, ast.Name) and node not in called:
            names.setdefault(node.id, node.id)
    if not names:
        raise ConfigError(f"{where}: '{expression}' uses no column.")
    return text, names


def syntax(text: str) -> list[ast.AST]:
    """Return the nodes of the syntax tree of a text; an empty list if it is not an expression."""
    try:
        return list(ast.walk(ast.parse(text, mode="eval")))
    except (SyntaxError, ValueError):
        return []


def allowed(node: ast.AST) -> bool:
    """Return whether a node of the syntax tree is arithmetic on one row."""
    if isinstance(node, ast.Call):
        function = node.func.id if isinstance(node.func, ast.Name) else ""
        return function in FUNCTIONS and len(node.args) == 1 and not node.keywords
    if isinstance(node, ast.Constant):
        return type(node.value) in (int, float)
    return isinstance(node, SYNTAX)
