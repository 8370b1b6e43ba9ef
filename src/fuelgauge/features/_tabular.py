"""Engineered features of tables: columns as they are, parts of dates, cycles and derived columns.

Every feature of a row depends on that row alone. What a formula leaves undefined, such as a division
by zero, is missing (NaN) and never infinite.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fuelgauge.config.engineered import check, listed, names_of_cycle, parse, place
from fuelgauge.errors import ConfigError, DataError

if TYPE_CHECKING:
    from fuelgauge.spec.dataset import DatasetConfig

EPOCH = pd.Timestamp(0)
DAY = pd.Timedelta(days=1)


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


def cycle(name: str, turns: np.ndarray) -> dict[str, np.ndarray]:
    """Return sine and cosine of places on a circle, given in turns from its start; NaN stays."""
    with np.errstate(invalid="ignore"):
        angle = 2 * np.pi * np.remainder(turns, 1)
    values = (narrow(np.sin(angle)), narrow(np.cos(angle)))
    return dict(zip(names_of_cycle(name), values, strict=True))


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
