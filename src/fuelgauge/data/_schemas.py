"""What kinds of columns a source had when it was last accepted, to be compared with new data.

data/schema/<dataset>.json outlives the runs of its stage. It is compared where data come in month by
month (`data.until`): there a column that changes is a fault in the new data, whoever uses them.
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
    """Write the kinds of the columns that are used."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kinds = {name: kind_of(schema.field(name).type) for name in columns.everything}
    write_whole(path, json.dumps(kinds, indent=2) + "\n")


def compare(path: Path, schema: pa.Schema, dataset: DatasetConfig, where: str) -> None:
    """Raise DataError if a column is gone, is of another kind than before, or is a new feature."""
    if not path.is_file():
        return
    before: dict[str, str] = json.loads(path.read_text())
    accept = f"Mend the data, or accept the change by removing data/schema/{path.name}"
    for name, kind in before.items():
        if name not in schema.names:
            raise DataError(f"{where}: the new data have no column '{name}' ({kind} before). {accept}.")
        now = kind_of(schema.field(name).type)
        if now != kind:
            raise DataError(f"{where}: column '{name}' holds {now} in the new data, {kind} before. {accept}.")
    new = [name for name in schema.names if name not in before]
    if dataset.features.infer and new:
        raise DataError(
            f"{where}: the new data have a column '{new[0]}' that was not there before. {accept}."
        )


def kind_of(kind: pa.DataType) -> str:
    """Return in words what a column holds; integers and floats are both numbers."""
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
