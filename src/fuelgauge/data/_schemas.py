"""Remembered column kinds: the kind of each column when a source was last accepted.

They lie in data/schema/<dataset>.json, which later runs of the ingest stage keep. They are compared with the
new data only where data arrive month by month (`data.until`). There a changed column is an error in the new
data.
"""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa

from fuelgauge.data.arrow import is_tensor
from fuelgauge.data.columns import Columns, is_number
from fuelgauge.errors import DataError
from fuelgauge.files import write_whole
from fuelgauge.spec.dataset import DatasetConfig


def remember(path: Path, schema: pa.Schema, columns: Columns) -> None:
    """Write the kind of each column that the dataset uses."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kinds = {name: kind_of(schema.field(name).type) for name in columns.everything}
    write_whole(path, json.dumps(kinds, indent=2) + "\n")


def compare(path: Path, schema: pa.Schema, dataset: DatasetConfig, where: str) -> None:
    """Raise DataError if a column is missing, has another kind than before, or is a new feature.

    Without a remembered file, nothing is compared. A new column counts as a feature only if features are
    inferred.
    """
    if not path.is_file():
        return
    before: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    accept = f"Correct the data, or accept the change by deleting data/schema/{path.name}"
    for name, kind in before.items():
        if name not in schema.names:
            raise DataError(f"{where}: the new data have no column '{name}' ({kind} before). {accept}.")
        now = kind_of(schema.field(name).type)
        if now != kind:
            raise DataError(
                f"{where}: column '{name}' holds {now} in the new data, but held {kind} before. {accept}."
            )
    new = [name for name in schema.names if name not in before]
    if dataset.features.infer and new:
        raise DataError(
            f"{where}: the new data have a column '{new[0]}', which was not there before. {accept}."
        )


def kind_of(kind: pa.DataType) -> str:
    """Return the kind of a column in words; integers, floats and decimals are all numbers."""
    if pa.types.is_dictionary(kind):
        return kind_of(kind.value_type)
    if is_number(kind) or pa.types.is_decimal(kind):
        return "numbers"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "strings"
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return "dates"
    if pa.types.is_null(kind):
        return "nothing"
    return str(kind.shape) + " arrays" if is_tensor(kind) else f"{kind} values"
