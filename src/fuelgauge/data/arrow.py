"""Arrow columns that hold one array per row: sequences, images, engineered features."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

__all__ = ["ARRAY", "is_tensor", "tensor", "to_array"]

ARRAY = "x"  # the column that holds the arrays


def tensor(array: np.ndarray) -> pa.FixedShapeTensorArray:
    """Return an array of shape (rows, ...) as a column with one tensor per row.

    A contiguous array is not copied.
    """
    return pa.FixedShapeTensorArray.from_numpy_ndarray(np.ascontiguousarray(array))


def is_tensor(kind: pa.DataType) -> bool:
    """Return whether a column of this type holds one array per row."""
    return isinstance(kind, pa.FixedShapeTensorType)


def to_array(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Return a column of tensors as one array of shape (rows, ...)."""
    chunk = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(chunk, pa.ChunkedArray):  # combine_chunks returns one for zero rows and for very many
        chunk = pa.concat_arrays(chunk.chunks) if chunk.num_chunks else pa.array([], chunk.type)
    return chunk.to_numpy_ndarray()
