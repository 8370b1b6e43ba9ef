"""Target leakage: columns of a table that give the target away.

The results are warnings only: a column may determine the target and still be known when a prediction is
needed. Each column is examined alone, so a leak through several columns together is not found.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["leaks", "tell_tales"]

MOST_ROWS = 20_000
FEWEST_ROWS = 20
FEWEST_OTHERS = 5
NOISE = 0.001
NEAR_ONE = 0.9999
FEW_VALUES = 0.5


def leaks(table: pd.DataFrame, target: str, task: str) -> list[str]:
    """Return a sentence about each column that gives the target away.

    Parameters
    ----------
    table
        Some rows, including the target; columns of strings, numbers, truth values or dates.
    target
        Name of the target column.
    task
        binary, multiclass or regression.
    """
    return [
        f"column '{name}' gives the target '{target}' away: {how}; "
        "leave it out unless it is known when a prediction is needed."
        for name, how in tell_tales(table, target, task).items()
    ]


def tell_tales(table: pd.DataFrame, target: str, task: str) -> dict[str, str]:
    """Return the columns that give the target away, each with a phrase that says how.

    A numeric column gives the target away in two cases:

    - classification: each class lies in its own range of the column, and the ranges do not overlap;
    - regression: its correlation with the target, of values or of ranks, is above .9999.

    Dates, and strings in alphabetical order, are treated like numbers.

    Any column also gives the target away if its values, taken as categories, predict the target. Each row is
    predicted from the other rows with the same value:

    - classification: the number of errors is at most one thousandth of the number of rows outside the most
      frequent class;
    - regression: the unexplained share of the variance is below 1 - .9999 squared.

    A value that occurs once predicts nothing. A column with more distinct values than half of the rows is not
    taken as categories. Nothing is reported for fewer than 20 rows with a target, or for fewer than 5 rows
    outside the most frequent class. Of a large table, at most 20,000 rows are examined.
    """
    known = table[table[target].notna()]
    known = known.iloc[:: -(-len(known) // MOST_ROWS) or 1]
    if len(known) < FEWEST_ROWS:
        return {}
    find = of_values if task == "regression" else of_classes
    y = known[target].to_numpy(np.float64) if task == "regression" else pd.factorize(known[target])[0]
    if task != "regression" and len(y) - np.bincount(y).max() < FEWEST_OTHERS:
        return {}
    found = {str(name): find(known[name], known[target], y) for name in table.columns if name != target}
    return {name: how for name, how in found.items() if how}


def of_classes(values: pd.Series, target: pd.Series, y: np.ndarray) -> str:
    """Return how a column gives the class away; an empty string if it does not."""
    codes, names = pd.factorize(values, use_na_sentinel=False)
    if len(names) <= FEW_VALUES * len(codes) and category_errors(codes, y) <= NOISE * others(y):
        if len(names) == y.max() + 1:
            value, same = (f"{v:g}" if isinstance(v, float) else v for v in (values.iloc[0], target.iloc[0]))
            return f"it is the target under another name ('{value}' where the target is '{same}')"
        return "each of its values goes with one class"
    if separates(ranks(values), y):
        return order_of(values, "separates the classes")
    return ""


def of_values(values: pd.Series, target: pd.Series, y: np.ndarray) -> str:
    """Return how a column gives a regression target away; an empty string if it does not."""
    x = ranks(values)
    present = np.isfinite(x)
    if present.sum() >= max(FEWEST_ROWS, len(x) / 2) and correlation(x[present], y[present]) > NEAR_ONE:
        return order_of(values, "follows the target with a correlation above .9999")
    codes, names = pd.factorize(values, use_na_sentinel=False)
    if len(names) <= FEW_VALUES * len(codes) and category_error(codes, y) < 1 - NEAR_ONE**2:
        return "each of its values goes with one value of the target"
    return ""


def order_of(values: pd.Series, does: str) -> str:
    """Return a phrase on a column: by itself for numbers, by its order for strings, dates and row numbers."""
    if not pd.api.types.is_numeric_dtype(values):
        return f"its order {does}"
    numbers_rows = values.nunique() == len(values) and (values % 1 == 0).all()
    return f"its order {does}" if numbers_rows else f"by itself it {does}"


def others(y: np.ndarray) -> int:
    """Return the number of rows outside the most frequent class."""
    return len(y) - int(np.bincount(y).max())


def ranks(values: pd.Series) -> np.ndarray:
    """Return numbers as floats, and strings and dates as positions in sorted order; NaN where missing."""
    if pd.api.types.is_numeric_dtype(values):
        return values.to_numpy(np.float64, na_value=np.nan)
    strings = values if pd.api.types.is_datetime64_any_dtype(values) else values.astype("string")
    codes = pd.factorize(strings, sort=True)[0].astype(np.float64)
    codes[codes < 0] = np.nan
    return codes


def separates(x: np.ndarray, y: np.ndarray) -> bool:
    """Return whether the classes lie in ranges of x that do not overlap.

    The range of a class leaves out one thousandth of its rows at each end. Missing values count as minus
    infinity.
    """
    x = np.where(np.isnan(x), -np.inf, x)
    ends = [
        np.quantile(x[y == code], [NOISE, 1 - NOISE], method="closest_observation") for code in np.unique(y)
    ]
    lows, highs = np.array(sorted(ends, key=tuple)).T
    return bool((highs[:-1] < lows[1:]).all())


def category_errors(codes: np.ndarray, y: np.ndarray) -> int:
    """Return the number of rows that the other rows of their category predict wrongly.

    The prediction is the most frequent class among those other rows. For a category that occurs once, it is
    the most frequent class of all rows.
    """
    pairs, n_rows = np.unique(np.stack([codes, y]), axis=1, return_counts=True)
    by_size = np.lexsort((-n_rows, pairs[0]))
    categories, classes, n_rows = pairs[0][by_size], pairs[1][by_size], n_rows[by_size]
    is_first = np.r_[True, categories[1:] != categories[:-1]]
    starts = np.flatnonzero(is_first)
    is_alone = np.bincount(codes)[categories] == 1
    runner_up = np.zeros(len(starts), dtype=int)
    has_second = np.append(starts[1:], len(categories)) - starts > 1
    runner_up[has_second] = n_rows[starts[has_second] + 1]
    rival = np.repeat(runner_up, np.diff(np.append(starts, len(categories))))
    right = np.where(is_alone, classes == np.bincount(y).argmax(), is_first & (n_rows - 1 > rival))
    return int(n_rows[~right].sum())


def category_error(codes: np.ndarray, y: np.ndarray) -> float:
    """Return the share of the variance that remains if the other rows of its category predict each row.

    The prediction is the mean of those other rows. For a category that occurs once, it is the mean of all
    rows.
    """
    n_rows = np.bincount(codes)[codes]
    means = (np.bincount(codes, weights=y) / np.bincount(codes))[codes]
    total = y - y.mean()
    left = np.where(n_rows > 1, (y - means) * n_rows / np.maximum(1, n_rows - 1), total)
    return float((left**2).sum() / max((total**2).sum(), np.finfo(float).tiny))


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Return the larger absolute value of two correlations: of the values and of their ranks."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    frame = pd.DataFrame({"x": x, "y": y})
    by_rank = frame.rank()
    return max(abs(frame["x"].corr(frame["y"])), abs(by_rank["x"].corr(by_rank["y"])))
