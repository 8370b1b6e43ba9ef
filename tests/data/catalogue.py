"""The catalogue of the bundled datasets: number of rows, balance of the target, checksum of the content.

    python -m tests.data.catalogue [NAME ...]

ingests the named datasets, or all bundled ones, and writes tests/data/catalogue.json. test_catalogue.py
compares the datasets with this file. Run the command after an intended change to a dataset, and check the
difference.
Name the datasets whose files lie elsewhere; the variable FUELGAUGE_ARCHIVES may say where.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from fuelgauge.config.files import typed
from fuelgauge.data.arrow import is_tensor, to_array
from fuelgauge.data.duplicates import repeated
from fuelgauge.data.ingest import ROW, ingest
from fuelgauge.spec.dataset import DatasetConfig

CHECKOUT = Path(__file__).resolve().parents[2]
TABLE = Path(__file__).with_suffix(".json")
BUNDLED = ("packages", "bundled", "generators", "windows")
ELSEWHERE = ("labelled", "speech")  # loaders of files that a test never downloads
DECIMALS = 5  # sines and logarithms differ in the last bits from one machine to another


@cache
def load(name: str) -> DatasetConfig:
    """Return the description of a dataset of the checkout."""
    path = CHECKOUT / "conf" / "dataset" / f"{name}.yaml"
    description: DatasetConfig = typed(DatasetConfig, yaml.safe_load(path.read_text("utf-8")), path.name)
    return description


def described() -> list[str]:
    """Return the names of all datasets of the checkout."""
    return sorted(path.stem for path in (CHECKOUT / "conf" / "dataset").glob("*.yaml"))


def bundled() -> list[str]:
    """Return the names of the datasets that come from a Python package or are generated."""
    return [name for name in of_modules(BUNDLED) if not is_of_npm(name)]


def elsewhere() -> list[str]:
    """Return the names of the datasets whose files a test uses only where they are at hand."""
    return sorted([*of_modules(ELSEWHERE), *filter(is_of_npm, of_modules(BUNDLED))])


def is_of_npm(name: str) -> bool:
    """Tell whether the archive of a dataset is one of npm."""
    return str(load(name).source.get("archive", {}).get("file", "")).endswith(".tgz")


def of_modules(modules: tuple[str, ...]) -> list[str]:
    """Return the names of the datasets whose loaders are in modules of fuelgauge.data.sources."""
    loaders = tuple(f"fuelgauge.data.sources.{module}." for module in modules)
    return [name for name in described() if load(name).source["_target_"].startswith(loaders)]


def files_of(dataset: DatasetConfig) -> list[str]:
    """Return the files of a source, by their paths in data/archives."""
    source = dataset.source
    pins = [source.get("archive", {}), source.get("file", {}), *source.get("files", {}).values()]
    return [pin["file"] for pin in pins if pin]


def summary(dataset: DatasetConfig, folder: Path) -> dict[str, Any]:
    """Ingest a dataset and return its entry in the catalogue."""
    table = pq.read_table(ingest(dataset, folder))
    target = table[dataset.target].to_pandas()
    if dataset.task == "regression":
        balance: dict[str, float] = {"mean": round(float(target.mean()), DECIMALS)}
    else:
        balance = {str(name): int(count) for name, count in target.value_counts().sort_index().items()}
    return {
        "rows": table.num_rows,
        "identical": int(repeated(table[ROW].to_numpy()).sum()),
        "balance": balance,
        "sha256": checksum(table.drop_columns([ROW])),
    }


def checksum(table: pa.Table) -> str:
    """Return a SHA-256 of the names and the rounded values of all columns."""
    digest = hashlib.sha256()
    for name in table.column_names:
        values = plain(table[name])
        digest.update(f"{name}:{values.shape}".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def plain(column: pa.ChunkedArray) -> np.ndarray:
    """Return a column as numbers: dates in microseconds, strings as hashes, and others rounded."""
    if is_tensor(column.type):
        return rounded(to_array(column))
    if pa.types.is_temporal(column.type):
        return column.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return pd.util.hash_array(column.to_pandas().astype(object).to_numpy(), categorize=True)
    return rounded(column.to_numpy())


def rounded(values: np.ndarray) -> np.ndarray:
    """Return floats rounded and without negative zeros, and integers unchanged."""
    if values.dtype.kind != "f":
        return values
    return np.round(values.astype(np.float64), DECIMALS) + 0.0


def main(names: list[str]) -> None:
    """Write the catalogue."""
    known = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    table = known if names else {name: known[name] for name in elsewhere() if name in known}
    with tempfile.TemporaryDirectory() as folder:
        for name in names or bundled():
            table[name] = summary(load(name), Path(folder))
            print(name, table[name]["rows"])
    lines = [f'"{name}": {json.dumps(table[name])}' for name in sorted(table)]
    TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
