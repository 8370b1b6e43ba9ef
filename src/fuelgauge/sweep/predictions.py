"""Test predictions in the record of a trial: rounded, compressed and limited in number."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["pack", "unpack"]


def pack(predicted: np.ndarray, most: int) -> dict[str, Any]:
    """Return the predictions for the first test rows as JSON.

    Parameters
    ----------
    predicted
        Class probabilities, shape (rows, classes), or values, shape (rows,).
    most
        Largest number of numbers to keep. Whole rows are kept.

    Returns
    -------
    dict
        `shape`, `dtype` and `data`. Probabilities are rounded to float16 and values to float32.
    """
    n_rows = most // max(1, int(np.prod(predicted.shape[1:])))
    dtype = "float16" if predicted.ndim == 2 else "float32"
    kept = np.ascontiguousarray(predicted[:n_rows], dtype=dtype)
    data = base64.b64encode(zlib.compress(kept.tobytes(), 9)).decode("ascii")
    return {"shape": list(kept.shape), "dtype": dtype, "data": data}


def unpack(packed: Mapping[str, Any]) -> np.ndarray:
    """Return the predictions that `pack` has written, for the first test rows of the repeat."""
    content = zlib.decompress(base64.b64decode(packed["data"]))
    return np.frombuffer(content, dtype=packed["dtype"]).reshape(packed["shape"])
