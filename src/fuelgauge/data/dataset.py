"""Featurized datasets on disk and in memory.

Each feature set has two files:

- `<features>.arrow`: an uncompressed Arrow IPC file, which trials map into memory and share;
- `<features>.json`: its description.

The features are several columns, or one column `x` of arrays or texts. Four further columns have reserved
names:

- `__target__`: class codes, or values of a regression target;
- `__group__`, `__time__`: group codes and times for the splits, if the dataset has them;
- `__row__`: hashes that identify identical rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from fuelgauge import paths
from fuelgauge.data.arrow import ARRAY, is_tensor, to_array
from fuelgauge.data.duplicates import string_codes
from fuelgauge.data.splits import Rows
from fuelgauge.errors import DataError
from fuelgauge.files import whole, write_whole
from fuelgauge.spec.description import Description

__all__ = [
    "GROUP",
    "OWN",
    "ROW",
    "TARGET",
    "TIME",
    "Dataset",
    "Examples",
    "Fingerprint",
    "as_input",
    "encode_target",
    "read_description",
    "write",
    "write_description",
]

TARGET, GROUP, TIME, ROW = "__target__", "__group__", "__time__", "__row__"
OWN = (TARGET, GROUP, TIME, ROW)


@dataclass(frozen=True)
class Examples:
    """Rows in the form that models receive.

    Parameters
    ----------
    x
        Features of the rows. Their form depends on the kind of the features:

        - tabular: a DataFrame with numbers as float64, or a float32 array of shape (rows, features);
        - sequence: a float32 array of shape (rows, steps, channels), NaN where missing;
        - image: a uint8 array of shape (rows, height, width, channels);
        - text: an array of strings, shape (rows,).
    y
        Targets, shape (rows,): class codes as int64, or values of a regression as float64.
    task
        binary, multiclass or regression.
    n_classes
        Number of classes of the whole dataset; 0 for regression.
    categorical
        Names of the columns of `x` that hold categories.
    """

    x: pd.DataFrame | np.ndarray
    y: np.ndarray
    task: str
    n_classes: int
    categorical: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.y)

    def head(self, n: int) -> Examples:
        """Return the first n rows."""
        return self.pick(slice(n))

    def few(self, n: int) -> Examples:
        """Return the first n rows, and the first row of each class that these rows lack."""
        rows = np.arange(min(n, len(self)))
        firsts = np.unique(self.y, return_index=True)[1] if self.n_classes else rows
        return self.pick(np.union1d(rows, firsts))

    def pick(self, rows: slice | np.ndarray) -> Examples:
        """Return the rows at the given positions."""
        x = self.x.iloc[rows] if isinstance(self.x, pd.DataFrame) else self.x[rows]
        return Examples(x, self.y[rows], self.task, self.n_classes, self.categorical)


class Dataset:
    """A featurized dataset, mapped read-only into memory."""

    def __init__(self, table: pa.Table, description: Description):
        self.table = table
        self.description = description

    @classmethod
    def open(cls, name: str, features: str, folder: Path = paths.FEATURES) -> Dataset:
        """Map a dataset that the featurize stage has written into memory.

        Raises
        ------
        DataError
            The file does not exist or is broken.
        """
        path = folder / name / f"{features}.arrow"
        if not path.is_file():
            raise DataError(f"{path} does not exist; make it with: dvc repro featurize@{name}")
        try:
            with pa.memory_map(str(path)) as source:
                table = pa.ipc.open_file(source).read_all()
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{path} is broken; make it again with: dvc repro -f featurize@{name}") from error
        return cls(table, read_description(name, features, folder))

    @cached_property
    def target(self) -> np.ndarray:
        """Class codes or values of all rows, shape (n_rows,)."""
        return self.table[TARGET].to_numpy()

    @cached_property
    def rows(self) -> Rows:
        """Targets, groups and times of all rows, for the splits."""
        known = self.table.column_names
        return Rows(
            self.target,
            self.description.task,
            group=self.table[GROUP].to_numpy() if GROUP in known else None,
            time=self.table[TIME].to_numpy() if TIME in known else None,
            gap=self.description.gap,
        )

    def take(self, rows: np.ndarray) -> Examples:
        """Return the given rows, in the given order, as examples."""
        about = self.description
        features = [name for name in self.table.column_names if name not in OWN]
        taken = self.table.select(features).take(pa.array(rows))
        return Examples(as_input(taken), self.target[rows], about.task, len(about.classes), about.categorical)


def as_input(features: pa.Table) -> pd.DataFrame | np.ndarray:
    """Return features in the form that models receive (see `Examples.x`)."""
    if features.column_names == [ARRAY] and is_tensor(features[ARRAY].type):
        return to_array(features[ARRAY])
    if features.column_names == [ARRAY] and pa.types.is_string(features[ARRAY].type):
        return features[ARRAY].to_numpy().astype(object)
    return features.to_pandas()


def write(tables: Iterable[pa.Table], features: str, folder: Path) -> None:
    """Write the rows of a feature set batch by batch; the file appears only when it is complete."""
    writer = None
    with whole(folder / f"{features}.arrow") as partial, pa.OSFile(str(partial), "wb") as sink:
        for table in tables:
            writer = writer or pa.ipc.new_file(sink, table.schema)
            writer.write_table(table)
        if writer:
            writer.close()


def write_description(description: Description, folder: Path) -> None:
    """Write the description of a feature set; the stage does so after the rows are complete."""
    text = json.dumps(asdict(description), indent=2)
    write_whole(folder / f"{description.features}.json", text + "\n")


def read_description(name: str, features: str, folder: Path = paths.FEATURES) -> Description:
    """Read the description of a featurized dataset."""
    path = folder / name / f"{features}.json"
    if not path.is_file():
        raise DataError(f"{path} does not exist; make it with: dvc repro featurize@{name}")
    try:
        content: dict[str, Any] = json.loads(path.read_text())
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
        return Description(**values)
    except ValueError as error:
        raise DataError(f"{path} is broken; make it again with: dvc repro -f featurize@{name}") from error
    except TypeError as error:
        raise DataError(
            f"{path} was written by another version; make it again with: dvc repro -f featurize@{name}"
        ) from error


class Fingerprint:
    """A SHA-256 of the names, types and values of columns that arrive in batches.

    Strings enter as a 64-bit hash of each value, numbers as their bytes. The result does not depend on how
    the rows are divided into batches.
    """

    def __init__(self) -> None:
        self.digests: dict[str, Any] = {}
        self.types: dict[str, str] = {}

    def update(self, columns: Mapping[str, np.ndarray | pa.StringArray]) -> None:
        """Add the next rows."""
        for name, values in columns.items():
            if isinstance(values, np.ndarray):
                self.types[name], content = f"{values.dtype.str}:{values.shape[1:]}", values
            else:
                self.types[name], content = "string", string_codes(values)
            digest = self.digests.setdefault(name, hashlib.sha256())
            digest.update(np.ascontiguousarray(content).data)

    def hexdigest(self) -> str:
        """Return the fingerprint of all rows so far."""
        whole = hashlib.sha256()
        for name, digest in self.digests.items():
            whole.update(f"{name}:{self.types[name]}:{digest.hexdigest()}".encode())
        return whole.hexdigest()


def encode_target(values: pd.Series, task: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return class codes and the sorted class names, or the values of a regression target and no names."""
    if task == "regression":
        return values.to_numpy(np.float64), ()
    codes, names = pd.factorize(values, sort=True)
    return codes.astype(np.int64), tuple(str(name) for name in names)
