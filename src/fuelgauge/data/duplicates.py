"""Identical rows: a 64-bit hash of each row, and the rows that repeat an earlier one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from fuelgauge.data.arrow import is_tensor, to_array

__all__ = ["repeated", "row_hashes", "string_codes"]

MISSING = np.uint64(0x9E3779B97F4A7C15)


def row_hashes(table: pa.Table) -> np.ndarray:
    """Return a hash of the values of each row, uint64, shape (rows,).

    The finaliser of splitmix64 (Steele, Lea and Flood 2014) mixes in the values column by column. The hash of
    a row therefore does not depend on its batch. Among ten million different rows, the probability that two
    of them share a hash is 3e-6.
    """
    hashes = np.zeros(table.num_rows, dtype=np.uint64)
    for column in table.columns:
        for values in codes(column):
            hashes = mix(hashes ^ values)
    return hashes


def codes(column: pa.ChunkedArray) -> list[np.ndarray]:
    """Return the values of a column as 64-bit codes: one array, or for tensors one array per eight bytes."""
    if is_tensor(column.type):
        return tensor_codes(to_array(column))
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        numbers = pc.cast(column, pa.float64(), safe=False).to_numpy()
        present = ~np.isnan(numbers)
        return [np.where(present, (numbers + 0.0).view(np.uint64), MISSING)]  # -0.0 becomes 0.0
    if pa.types.is_temporal(column.type):
        moments = pc.fill_null(pc.cast(column, pa.int64()), np.iinfo(np.int64).min)
        return [moments.to_numpy().view(np.uint64)]
    return [string_codes(pc.cast(column, pa.string()))]


def tensor_codes(values: np.ndarray) -> list[np.ndarray]:
    """Return the bytes of each row's array as 64-bit words, one array per word."""
    rows = np.ascontiguousarray(values).reshape(len(values), -1).view(np.uint8)
    padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 8)))
    return list(np.ascontiguousarray(padded.view(np.uint64).T))


def string_codes(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Return a hash of each string; missing strings share a code of their own."""
    strings = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = strings.dictionary_encode()
    names = encoded.dictionary.to_numpy(zero_copy_only=False).astype(object)
    known = pd.util.hash_array(names, categorize=False)
    indices = pc.fill_null(encoded.indices, len(known)).to_numpy(zero_copy_only=False)
    return np.append(known, MISSING)[indices]


def mix(values: np.ndarray) -> np.ndarray:
    """Return each value mixed: on average, a change of one input bit changes half of the output bits."""
    values = values + MISSING
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def repeated(hashes: np.ndarray) -> np.ndarray:
    """Return whether each row has an identical row before it, bool, shape (rows,)."""
    return pd.Series(hashes).duplicated().to_numpy()
