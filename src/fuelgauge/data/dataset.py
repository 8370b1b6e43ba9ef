"""What a dataset is on disk and in memory.

Two files: `<features>.arrow`, an uncompressed Arrow IPC file that trials map into memory and share,
and `<features>.json`, its description. The features are columns (tabular) or one list column `x`
(sequence); the column `__target__` holds class codes or values.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from fuelgauge import paths
from fuelgauge.errors import DataError

TARGET = "__target__"


@dataclass(frozen=True)
class Description:
    """What is known of a dataset beside its rows.

    `fingerprint` is a SHA-256 of the content: names, types and values of all columns.
    """

    name: str
    modality: str
    task: str
    metric: str
    control: bool
    features: str
    n_rows: int
    n_features: int
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    missing_fraction: float
    fingerprint: str


@dataclass(frozen=True)
class Examples:
    """Rows handed to a model.

    Parameters
    ----------
    x
        A DataFrame (tabular) or a float32 array of shape (rows, steps) (sequence).
    y
        Class codes, int64, or values, float64; shape (rows,).
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
        x = self.x.iloc[:n] if isinstance(self.x, pd.DataFrame) else self.x[:n]
        return Examples(x, self.y[:n], self.task, self.n_classes, self.categorical)


class Dataset:
    """A featurized dataset, mapped read-only into memory."""

    def __init__(self, table: pa.Table, description: Description):
        self.table = table
        self.description = description

    @classmethod
    def open(cls, name: str, features: str, folder: Path = paths.FEATURES) -> Dataset:
        """Map a dataset that featurize has written.

        Raises
        ------
        DataError
            There is no such file.
        """
        path = folder / name / f"{features}.arrow"
        if not path.is_file():
            raise DataError(f"{path} does not exist; make it with: dvc repro featurize@{name}")
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_file(source).read_all()
        return cls(table, read_description(name, features, folder))

    @cached_property
    def target(self) -> np.ndarray:
        """Class codes or values of all rows, shape (n_rows,)."""
        return self.table[TARGET].to_numpy()

    def take(self, rows: np.ndarray) -> Examples:
        """Return the given rows, in the given order, as examples."""
        about = self.description
        taken = self.table.drop_columns([TARGET]).take(pa.array(rows))
        if about.modality == "sequence":
            flat = taken["x"].combine_chunks().flatten().to_numpy()
            x: pd.DataFrame | np.ndarray = flat.reshape(len(rows), -1)
        else:
            x = taken.to_pandas()
        return Examples(x, self.target[rows], about.task, len(about.classes), about.categorical)


def write(table: pa.Table, description: Description, folder: Path) -> None:
    """Write a featurized dataset: the rows first, then the description that vouches for them."""
    folder.mkdir(parents=True, exist_ok=True)
    path = str(folder / f"{description.features}.arrow")
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    (folder / f"{description.features}.json").write_text(json.dumps(asdict(description), indent=2) + "\n")


def read_description(name: str, features: str, folder: Path = paths.FEATURES) -> Description:
    """Read the description of a featurized dataset."""
    path = folder / name / f"{features}.json"
    if not path.is_file():
        raise DataError(f"{path} does not exist; make it with: dvc repro featurize@{name}")
    content: dict[str, Any] = json.loads(path.read_text())
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
    return Description(**values)


def fingerprint(columns: Mapping[str, np.ndarray]) -> str:
    """Return a SHA-256 of the names, types and values of columns.

    Strings enter through pandas' keyed 64-bit hash of each value, numbers through their bytes.
    """
    digest = hashlib.sha256()
    for name, values in columns.items():
        numeric = values.dtype.kind in "biuf"
        digest.update(f"{name}:{values.dtype.str if numeric else 'string'}:{values.shape}".encode())
        content = values if numeric else pd.util.hash_array(values.astype(object), categorize=True)
        digest.update(np.ascontiguousarray(content).tobytes())
    return digest.hexdigest()


def encode_target(values: pd.Series, task: str, where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return class codes and class names in sorted order, or the values of a regression target.

    Raises
    ------
    DataError
        The target is missing in a row, constant, or has a class with a single row.
    """
    if values.isna().any():
        raise DataError(f"{where}: the target '{values.name}' is missing in {int(values.isna().sum())} rows.")
    if task == "regression":
        return values.to_numpy(np.float64), ()
    names, codes, counts = np.unique(values.to_numpy(), return_inverse=True, return_counts=True)
    check_classes(names, counts, task, where, str(values.name))
    return codes.astype(np.int64), tuple(str(name) for name in names)


def check_classes(
    names: Sequence[object] | np.ndarray, counts: np.ndarray, task: str, where: str, target: str
) -> None:
    """Raise DataError if the classes do not make a classification task."""
    if len(names) < 2:
        raise DataError(f"{where}: the target '{target}' is constant ({names[0]}).")
    if task == "binary" and len(names) != 2:
        raise DataError(f"{where}: the target '{target}' has {len(names)} classes, but the task is binary.")
    if counts.min() < 2:
        lonely = names[int(counts.argmin())]
        raise DataError(f"{where}: class '{lonely}' of the target '{target}' has a single row.")
