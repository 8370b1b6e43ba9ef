"""Engineered features of tables: unchanged columns, parts of dates, cycles and derived columns.

Every feature of a row depends on that row alone. An undefined result of an expression, such as a division by
zero, is missing (NaN) and never infinite.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fuelgauge.config.engineered import check, listed, names_of_cycle, parse, place
from fuelgauge.errors import ConfigError, DataError
from fuelgauge.features._blocks import LARGEST

if TYPE_CHECKING:
    from fuelgauge.spec.dataset import DatasetConfig

EPOCH = pd.Timestamp(0).as_unit("us")  # nanoseconds end in the year 2262
DAY = pd.Timedelta(days=1).as_unit("us")


def engineered(table: pd.DataFrame, dataset: DatasetConfig) -> dict[str, np.ndarray]:
    """Return the raw features, further columns, parts of dates, derived columns and cycles.

    Parameters
    ----------
    table
        Rows of the ingested table.
    dataset
        Description of the dataset. `features` lists the columns of the feature set `raw`, including inferred
        ones.

    Returns
    -------
    dict
        Features by name, shape (rows,): float64 for numbers, strings with None where missing for categories.

    Raises
    ------
    ConfigError
        The description is not valid (see `check`).
    DataError
        A listed column is missing, or does not hold the kind of values that it is listed for.
    """
    check(dataset)
    exact = {name: numbers(table, name, dataset) for name in listed("numeric", dataset)}
    features = {name: bounded(values) for name, values in exact.items()}
    features |= {name: categories(table, name, dataset) for name in listed("categorical", dataset)}
    for name in listed("dates", dataset):
        moments = dates(table, name, dataset)
        exact[name] = days(moments)
        features |= {name: exact[name], **date_parts(name, moments)}
    for name, expression in dataset.engineered.derive.items():
        exact[name] = evaluate(expression, exact, place(dataset, "derive", name))
        features[name] = missing_if_infinite(bounded(exact[name]))
    for name, period in dataset.engineered.cyclic.items():
        features |= cycle(name, exact[name] / period)
    return features


def numbers(table: pd.DataFrame, name: str, dataset: DatasetConfig) -> np.ndarray:
    """Return a column as float64, with NaN for missing values."""
    values = column(table, name, dataset)
    try:
        return values.to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise DataError(wrong_kind(values, "numeric", dataset)) from error


def categories(table: pd.DataFrame, name: str, dataset: DatasetConfig) -> np.ndarray:
    """Return a column as strings, with None for missing values."""
    strings = column(table, name, dataset).astype("string").astype(object)
    return strings.where(strings.notna(), None).to_numpy()


def dates(table: pd.DataFrame, name: str, dataset: DatasetConfig) -> pd.Series:
    """Return a column of dates without a time zone, as ingest writes them."""
    values = column(table, name, dataset)
    if not pd.api.types.is_datetime64_dtype(values):
        raise DataError(wrong_kind(values, "dates", dataset))
    return values


def column(table: pd.DataFrame, name: str, dataset: DatasetConfig) -> pd.Series:
    """Return a column that the description lists; raise DataError if the table lacks it."""
    if name not in table.columns:
        raise DataError(
            f"conf/dataset/{dataset.name}.yaml lists the column '{name}', which the ingested table does not "
            f"have; ingest the dataset again with: dvc repro ingest@{dataset.name}"
        )
    return table[name]


def wrong_kind(values: pd.Series, kind: str, dataset: DatasetConfig) -> str:
    """Return a sentence about a column that does not hold the kind of values that it is listed for."""
    return (
        f"conf/dataset/{dataset.name}.yaml lists the column '{values.name}' under {kind}, but it holds "
        f"{values.dtype}; list it under another kind."
    )


def bounded(values: np.ndarray) -> np.ndarray:
    """Return float64 values, with infinity in place of those that do not fit into a float32.

    Features stay float64, because models take a large mean away before they cast to float32.
    """
    return np.where(np.abs(values) > LARGEST, np.copysign(np.inf, values), values)


def merged(values: np.ndarray) -> tuple[int, int]:
    """Return how many distinct values there are, and how many float32 keeps, around 0 or their median."""
    distinct = np.unique(values[np.isfinite(values)])
    if not len(distinct):
        return 0, 0
    kept = [len(np.unique((distinct - away).astype(np.float32))) for away in (0.0, np.median(distinct))]
    return len(distinct), max(kept)


def missing_if_infinite(values: np.ndarray) -> np.ndarray:
    """Return values with NaN in place of infinite ones."""
    return np.where(np.isinf(values), np.nan, values).astype(values.dtype)


def days(values: pd.Series) -> np.ndarray:
    """Return dates as days since 1970, NaN where missing, as the feature set `raw` shows them.

    Parameters
    ----------
    values
        Dates without a time zone.

    Returns
    -------
    numpy.ndarray
        Days since 1970, float64, shape (rows,).
    """
    return ((values - EPOCH) / DAY).to_numpy(np.float64)


def date_parts(name: str, values: pd.Series) -> dict[str, np.ndarray]:
    """Return the year of dates, and their positions in the year, the week and the day as cycles."""
    year = values.dt.year.to_numpy(np.float64)
    length = np.where(values.dt.is_leap_year, 366, 365)
    return {
        f"{name}_year": year,
        **cycle(f"{name}_day_of_year", (values.dt.day_of_year.to_numpy(np.float64) - 1) / length),
        **cycle(f"{name}_weekday", values.dt.day_of_week.to_numpy(np.float64) / 7),
        **cycle(f"{name}_time", ((values - values.dt.normalize()) / DAY).to_numpy(np.float64)),
    }


def cycle(name: str, turns: np.ndarray) -> dict[str, np.ndarray]:
    """Return sine and cosine of positions on a circle, given as numbers of turns; NaN stays NaN."""
    with np.errstate(invalid="ignore"):
        angle = 2 * np.pi * np.remainder(turns, 1)
    values = (np.sin(angle), np.cos(angle))
    return dict(zip(names_of_cycle(name), values, strict=True))


def evaluate(expression: str, columns: Mapping[str, np.ndarray], where: str) -> np.ndarray:
    """Return a derived column as float64.

    A value is missing if any column that the expression uses is missing there, or if the result is undefined
    or infinite. A comparison yields 1 or 0. Dates count as days since 1970.

    Parameters
    ----------
    expression
        Expression over numbers and column names, the latter in backquotes where necessary. It may hold
        arithmetic, comparisons, `and`, `or`, `not`, and the `FUNCTIONS` of `fuelgauge.config.engineered`.
    columns
        Columns by name, float64, shape (rows,).
    where
        Place of the expression in the configuration, for the message.

    Returns
    -------
    numpy.ndarray
        Derived column, float64, shape (rows,).

    Raises
    ------
    ConfigError
        The expression holds anything else, or cannot be computed.
    """
    text, names = parse(expression, where)
    used = pd.DataFrame({identifier: columns[name] for identifier, name in names.items()})
    try:
        with np.errstate(all="ignore"):
            result = used.eval(text, engine="python")
    except Exception as error:  # pandas can raise anything on an expression
        raise ConfigError(f"{where}: '{expression}' cannot be computed: {error}.") from error
    values = np.where(used.notna().all(axis=1), np.asarray(result, dtype=np.float64), np.nan)
    return missing_if_infinite(values)
