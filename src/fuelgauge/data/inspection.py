"""What looks wrong in a table: columns that give the target away.

These are warnings: a column may well decide the target and be known when a prediction is needed.
Only what a single column does by itself is found.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

MOST_ROWS = 20_000
FEWEST_ROWS = 20
FEWEST_OTHERS = 5
NOISE = 0.001
NEAR_ONE = 0.9999
FEW_VALUES = 0.5


def leaks(table: pd.DataFrame, target: str, task: str) -> list[str]:
    """Return a sentence on each column that gives the target away.

    Parameters
    ----------
    table
        Some rows, with the target; strings, numbers, truth values or dates.
    target
        Its column.
    task
        binary, multiclass or regression.
    """
    return [
        f"column '{name}' gives the target '{target}' away: {how}; "
        "leave it out unless it is known when a prediction is needed."
        for name, how in tell_tales(table, target, task).items()
    ]


def tell_tales(table: pd.DataFrame, target: str, task: str) -> dict[str, str]:
    """Return the columns that give the target away, and how each does.

    A number does if the classes lie in ranges of it that do not overlap, or if it correlates by more
    than .9999 with the values; so does the alphabetical order of strings. A category does if its other
    rows foretell a row's class, or value, with less than one error in a thousand rows that are not of
    the most frequent class; a category that occurs once foretells nothing. Too few rows, or too few
    that are not of the most frequent class, prove nothing.
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
    """Return how a column gives classes away; an empty string if it does not."""
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
    """Return how a column gives values away; an empty string if it does not."""
    x = ranks(values)
    present = np.isfinite(x)
    if present.sum() >= max(FEWEST_ROWS, len(x) / 2) and correlation(x[present], y[present]) > NEAR_ONE:
        return order_of(values, "follows the target with a correlation above .9999")
    codes, names = pd.factorize(values, use_na_sentinel=False)
    if len(names) <= FEW_VALUES * len(codes) and category_error(codes, y) < 1 - NEAR_ONE**2:
        return "each of its values goes with one value of the target"
    return ""


def order_of(values: pd.Series, does: str) -> str:
    """Return what a column does: by its order, if its values are names or numbers of rows."""
    if not pd.api.types.is_numeric_dtype(values):
        return f"its order {does}"
    numbers_rows = values.nunique() == len(values) and (values % 1 == 0).all()
    return f"its order {does}" if numbers_rows else f"by itself it {does}"


def others(y: np.ndarray) -> int:
    """Return how many rows are not of the most frequent class."""
    return len(y) - int(np.bincount(y).max())


def ranks(values: pd.Series) -> np.ndarray:
    """Return numbers and dates as floats, and strings as their places in the alphabet; NaN for missing."""
    if pd.api.types.is_numeric_dtype(values):
        return values.to_numpy(np.float64, na_value=np.nan)
    strings = values if pd.api.types.is_datetime64_any_dtype(values) else values.astype("string")
    codes = pd.factorize(strings, sort=True)[0].astype(np.float64)
    codes[codes < 0] = np.nan
    return codes


def separates(x: np.ndarray, y: np.ndarray) -> bool:
    """Return whether classes lie in ranges of x that do not overlap, but for one row in a thousand.

    Missing values are a range of their own.
    """
    x = np.where(np.isnan(x), -np.inf, x)
    ends = [
        np.quantile(x[y == code], [NOISE, 1 - NOISE], method="closest_observation") for code in np.unique(y)
    ]
    lows, highs = np.array(sorted(ends, key=tuple)).T
    return bool((highs[:-1] < lows[1:]).all())


def category_errors(codes: np.ndarray, y: np.ndarray) -> int:
    """Return how many rows the other rows of their category foretell wrongly.

    The most frequent class among them is foretold; for a category that occurs once, the most frequent
    of all.
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
    """Return the variance that the other rows of a row's category leave unexplained, as a share."""
    n_rows = np.bincount(codes)[codes]
    means = (np.bincount(codes, weights=y) / np.bincount(codes))[codes]
    total = y - y.mean()
    left = np.where(n_rows > 1, (y - means) * n_rows / np.maximum(1, n_rows - 1), total)
    return float((left**2).sum() / max((total**2).sum(), np.finfo(float).tiny))


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Return the larger one of the correlations of values and of ranks, without their sign."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    frame = pd.DataFrame({"x": x, "y": y})
    by_rank = frame.rank()
    return max(abs(frame["x"].corr(frame["y"])), abs(by_rank["x"].corr(by_rank["y"])))
