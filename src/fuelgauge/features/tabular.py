"""Engineered features of tables: columns as they are, parts of dates, cycles and derived columns.

Every feature of a row depends on that row alone. What a formula leaves undefined, such as a division
by zero, is missing (NaN) and never infinite.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fuelgauge.errors import ConfigError, DataError, nearest

if TYPE_CHECKING:
    from fuelgauge.config import DatasetConfig

EPOCH = pd.Timestamp(0)
DAY = pd.Timedelta(days=1)
FUNCTIONS = ("abs", "exp", "log", "log1p", "sqrt")
SYNTAX = (
    *(ast.Expression, ast.Name, ast.Load, ast.Constant, ast.Call),
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.BitAnd, ast.BitOr),
    *(ast.UnaryOp, ast.USub, ast.UAdd, ast.Not, ast.Invert, ast.BoolOp, ast.And, ast.Or),
    *(ast.Compare, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq),
)
BACKQUOTED = re.compile("`([^`]*)`")


def engineered(table: pd.DataFrame, dataset: DatasetConfig) -> dict[str, np.ndarray]:
    """Return the columns that `raw` shows, further ones, parts of dates, cycles and derived columns.

    Parameters
    ----------
    table
        Rows of the ingested table.
    dataset
        `features` lists the columns that `raw` shows; inferred ones have been filled in.

    Returns
    -------
    dict
        From names to float32 for numbers, strings with None for categories.

    Raises
    ------
    ConfigError
        The description cannot be followed (see `check`).
    DataError
        A listed column is not there or not of its kind.
    """
    check(dataset)
    exact = {name: numbers(table, name, dataset) for name in listed("numeric", dataset)}
    features = {name: narrow(values) for name, values in exact.items()}
    features |= {name: categories(table, name, dataset) for name in listed("categorical", dataset)}
    for name in listed("dates", dataset):
        moments = dates(table, name, dataset)
        exact[name] = exact_days(moments)
        features |= {name: days(moments), **date_parts(name, moments)}
    for name, expression in dataset.engineered.derive.items():
        exact[name] = evaluate(expression, exact, place(dataset, "derive", name))
        features[name] = missing_if_infinite(narrow(exact[name]))
    for name, period in dataset.engineered.cyclic.items():
        features |= cycle(name, exact[name] / period)
    return features


def check(dataset: DatasetConfig) -> None:
    """Raise ConfigError if the features of a description contradict each other; no data is needed.

    A column is named that `features` and `engineered` do not list, an expression is more than
    arithmetic on one row, a period is not above 0, or two features have one name.
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
                f"conf/dataset/{dataset.name}.yaml: features and engineered would make '{name}' twice, or "
                "beside a target of that name; rename or leave out one of them."
            )
        taken.add(name)


def check_known(names: Iterable[str], known: list[str], where: str) -> None:
    """Raise ConfigError if a name is not that of a listed number or date."""
    for name in names:
        if name not in known:
            raise ConfigError(f"{where}: '{name}' is no listed number or date, {nearest(name, known)}.")


def feature_names(dataset: DatasetConfig) -> list[str]:
    """Return the names of all engineered features, in their order."""
    return [
        *listed("numeric", dataset),
        *listed("categorical", dataset),
        *(made for name in listed("dates", dataset) for made in (name, *date_parts(name, NO_DATES))),
        *dataset.engineered.derive,
        *(made for name in dataset.engineered.cyclic for made in cycle(name, np.empty(0))),
    ]


def listed(kind: str, dataset: DatasetConfig) -> list[str]:
    """Return the columns of a kind (numeric, categorical, dates), each once, those of `raw` first."""
    return list(dict.fromkeys([*getattr(dataset.features, kind), *getattr(dataset.engineered, kind)]))


def place(dataset: DatasetConfig, section: str, name: str) -> str:
    """Return what an error calls an entry of `engineered`."""
    return f"conf/dataset/{dataset.name}.yaml, engineered.{section}.{name}"


def numbers(table: pd.DataFrame, name: str, dataset: DatasetConfig) -> np.ndarray:
    """Return a column as float64, missing values as NaN."""
    values = column(table, name, dataset)
    try:
        return values.to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise DataError(wrong_kind(values, "numeric", dataset)) from error


def categories(table: pd.DataFrame, name: str, dataset: DatasetConfig) -> np.ndarray:
    """Return a column as strings, missing values as None."""
    strings = column(table, name, dataset).astype("string").astype(object)
    return strings.where(strings.notna(), None).to_numpy()


def dates(table: pd.DataFrame, name: str, dataset: DatasetConfig) -> pd.Series:
    """Return a column that holds dates without a time zone, as ingest writes them."""
    values = column(table, name, dataset)
    if not pd.api.types.is_datetime64_dtype(values):
        raise DataError(wrong_kind(values, "dates", dataset))
    return values


def column(table: pd.DataFrame, name: str, dataset: DatasetConfig) -> pd.Series:
    """Return a column that a description lists."""
    if name not in table.columns:
        raise DataError(
            f"conf/dataset/{dataset.name}.yaml lists the column '{name}', which the ingested table does not "
            f"have; run: dvc repro ingest@{dataset.name}"
        )
    return table[name]


def wrong_kind(values: pd.Series, kind: str, dataset: DatasetConfig) -> str:
    """Return a sentence on a column that is not what it is listed as."""
    return (
        f"conf/dataset/{dataset.name}.yaml lists the column '{values.name}' under {kind}, but it holds "
        f"{values.dtype}; list it under another kind."
    )


def narrow(values: np.ndarray) -> np.ndarray:
    """Return values as float32."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def missing_if_infinite(values: np.ndarray) -> np.ndarray:
    """Return values with NaN for what is infinite."""
    return np.where(np.isinf(values), np.nan, values).astype(values.dtype)


def days(values: pd.Series) -> np.ndarray:
    """Return dates as days since 1970, NaN where missing: what `raw` shows of a date.

    As float32, whole days are exact; the time of day is good to three minutes in this century.
    Engineered parts of a date are computed before that rounding.

    Parameters
    ----------
    values
        Dates without a time zone.

    Returns
    -------
    numpy.ndarray
        float32, shape (rows,).
    """
    return exact_days(values).astype(np.float32)


def exact_days(values: pd.Series) -> np.ndarray:
    """Return dates as days since 1970, float64."""
    return ((values - EPOCH) / DAY).to_numpy(np.float64)


def date_parts(name: str, values: pd.Series) -> dict[str, np.ndarray]:
    """Return the year of dates, and their places in the year, in the week and in the day as cycles."""
    year = values.dt.year.to_numpy(np.float64)
    length = np.where(values.dt.is_leap_year, 366, 365)
    return {
        f"{name}_year": narrow(year),
        **cycle(f"{name}_day_of_year", (values.dt.day_of_year.to_numpy(np.float64) - 1) / length),
        **cycle(f"{name}_weekday", values.dt.day_of_week.to_numpy(np.float64) / 7),
        **cycle(f"{name}_time", ((values - values.dt.normalize()) / DAY).to_numpy(np.float64)),
    }


NO_DATES = pd.Series([], dtype="datetime64[us]")


def cycle(name: str, turns: np.ndarray) -> dict[str, np.ndarray]:
    """Return sine and cosine of places on a circle, given in turns from its start; NaN stays."""
    with np.errstate(invalid="ignore"):
        angle = 2 * np.pi * np.remainder(turns, 1)
    return {f"{name}_sin": narrow(np.sin(angle)), f"{name}_cos": narrow(np.cos(angle))}


def evaluate(expression: str, columns: Mapping[str, np.ndarray], where: str) -> np.ndarray:
    """Return a derived column as float64.

    It is missing where any column that it uses is, and where the result is undefined or infinite; a
    comparison is 1 or 0. Dates count as days since 1970.

    Parameters
    ----------
    expression
        Arithmetic, comparisons, `and`, `or`, `not` and the functions `FUNCTIONS` on names, names in
        backquotes and numbers.
    columns
        float64 by name, shape (rows,).
    where
        What an error calls the place of the expression.

    Raises
    ------
    ConfigError
        The expression is not like that.
    """
    text, names = parse(expression, where)
    used = pd.DataFrame({identifier: columns[name] for identifier, name in names.items()})
    try:
        with np.errstate(all="ignore"):
            result = used.eval(text, engine="python")
    except Exception as error:  # whatever pandas makes of an expression
        raise ConfigError(f"{where}: '{expression}' cannot be computed: {error}.") from error
    values = np.where(used.notna().all(axis=1), np.asarray(result, dtype=np.float64), np.nan)
    return missing_if_infinite(values)


def parse(expression: str, where: str) -> tuple[str, dict[str, str]]:
    """Return an expression without backquotes, and the columns that its identifiers stand for.

    Raises
    ------
    ConfigError
        The expression is none, uses no column, or does more than arithmetic on one row.
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
            f"`not` and {', '.join(FUNCTIONS)} of one value, so that each row is computed alone."
        )
    called = [node.func for node in nodes if isinstance(node, ast.Call)]
    for node in nodes:
        if isinstance(node, ast.Name) and node not in called:
            names.setdefault(node.id, node.id)
    if not names:
        raise ConfigError(f"{where}: '{expression}' uses no column.")
    return text, names


def syntax(text: str) -> list[ast.AST]:
    """Return the parts of an expression; none if it is no expression."""
    try:
        return list(ast.walk(ast.parse(text, mode="eval")))
    except (SyntaxError, ValueError):
        return []


def allowed(node: ast.AST) -> bool:
    """Return whether a part of an expression is arithmetic on one row."""
    if isinstance(node, ast.Call):
        function = node.func.id if isinstance(node.func, ast.Name) else ""
        return function in FUNCTIONS and len(node.args) == 1 and not node.keywords
    if isinstance(node, ast.Constant):
        return type(node.value) in (int, float)
    return isinstance(node, SYNTAX)
