"""Read the body of a query to the scoring server: JSON in MLflow's formats, or CSV.

Each function either returns rows or raises an error whose message is the answer to the client.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from fuelgauge.errors import DataError, FuelgaugeError
from fuelgauge.registry.query import QUERY, Query, Rows

FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")
JSON, CSV = "application/json", "text/csv"
PLAIN = frozenset((str, int, float, bool, type(None)))
SHOWN = 60  # characters of a value in a message


class UnsupportedBody(FuelgaugeError):
    """The body of a query has a content type that the server does not read."""


def rows_of(body: bytes, content_type: str, query: Query) -> Rows:
    """Return the rows in the body of a query.

    Raises
    ------
    UnsupportedBody
        The content type is neither JSON nor CSV.
    DataError
        The body is not valid.
    """
    kind, _, parameters = content_type.partition(";")
    kind, charset = kind.strip().lower(), charset_of(parameters)
    if kind == CSV:
        return csv_rows(decoded(body, charset), query)
    if kind != JSON:
        said = f"is '{kind}'" if kind else "is missing"
        raise UnsupportedBody(f"the content type {said}; send {JSON} or {CSV}.")
    content = parsed(decoded(body, charset))
    return array_of(content, query) if query.shape else columns_of(content, query)


def charset_of(parameters: str) -> str:
    """Return the encoding that the parameters of a content type name; UTF-8 if they name none."""
    for each in parameters.split(";"):
        key, _, value = each.partition("=")
        if key.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return "utf-8"


def decoded(body: bytes, charset: str) -> str:
    """Return a body as text."""
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedBody(f"the charset is '{charset[:SHOWN]}'; send UTF-8.")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"the body is not UTF-8: byte {error.start} cannot be read.") from error


def parsed(text: str) -> Any:
    """Return the rows in a JSON body, in the format that its key names."""
    try:
        content = json.loads(text)
    except RecursionError as error:
        raise DataError("the body is nested too deeply.") from error
    except ValueError as error:
        raise DataError(f"the body is not valid JSON: {error}.") from error
    given = [key for key in FORMATS if isinstance(content, dict) and key in content]
    if len(given) != 1:
        raise DataError(f"the body must be a JSON object with one of the keys {', '.join(FORMATS)}.")
    return {given[0]: content[given[0]]}


def array_of(content: Mapping[str, Any], query: Query) -> np.ndarray:
    """Return the rows of a query of arrays."""
    ((key, rows),) = content.items()
    if key not in ("instances", "inputs") or not isinstance(rows, list):
        raise DataError("each row of this dataset is an array; send a list of them under inputs.")
    try:
        return np.array(rows, dtype=np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        shape = (-1, *query.shape)
        raise DataError(
            f"the rows are not arrays of numbers of one shape; expected shape {shape}."
        ) from error


def columns_of(content: Mapping[str, Any], query: Query) -> dict[str, list[Any]]:
    """Return the columns of a query of a table or of texts."""
    ((key, given),) = content.items()
    names = list(query.columns.everything)
    if key == "dataframe_split":
        columns = split(given)
    elif isinstance(given, list):
        columns = records(given, names)
    elif key == "inputs" and isinstance(given, dict):
        columns = by_column(given)
    else:
        raise DataError(f"{key} must be a list of rows, each an object with a value for each column.")
    for name in names:
        check_plain(name, columns.get(name, []))
    return columns


def split(given: Any) -> dict[str, list[Any]]:
    """Return the columns of a query in pandas' format `split`."""
    columns, rows = (given.get(key) if isinstance(given, dict) else None for key in ("columns", "data"))
    if not isinstance(columns, list) or not isinstance(rows, list):
        raise DataError("dataframe_split must be an object with two lists, columns and data.")
    names = [name if isinstance(name, str) else "" for name in columns]
    if twice := [name for name in names if names.count(name) > 1]:
        raise DataError(f"dataframe_split has the column '{twice[0]}' twice.")
    for row, values in enumerate(rows, 1):
        if not isinstance(values, list) or len(values) != len(names):
            raise DataError(f"dataframe_split: row {row} is not a list of {len(names)} values.")
    return {name: [values[place] for values in rows] for place, name in enumerate(names)}


def records(rows: list[Any], names: list[str]) -> dict[str, list[Any]]:
    """Return the columns of a query whose rows are objects."""
    for row, values in enumerate(rows, 1):
        if not isinstance(values, dict):
            raise DataError(f"row {row} is not an object with a value for each column.")
        for name in names:
            if name not in values:
                raise DataError(f"row {row} has no column '{name}'; send null for a missing value.")
    return {name: [values[name] for values in rows] for name in names}


def by_column(given: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the columns of a query that holds a list, or a single value, by column."""
    columns = {name: values if isinstance(values, list) else [values] for name, values in given.items()}
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise DataError("the columns under inputs have different numbers of rows.")
    return columns


def check_plain(name: str, values: list[Any]) -> None:
    """Raise DataError if a value is a list or an object."""
    if not PLAIN.issuperset(map(type, values)):
        row = next(row for row, value in enumerate(values, 1) if type(value) not in PLAIN)
        raise DataError(f"column '{name}': row {row} is not a text, number, true, false or null.")


def csv_rows(text: str, query: Query) -> pa.Table:
    """Return the rows of a CSV body, which is read like the dataset's own file."""
    if query.shape:
        raise DataError(f"each row of this dataset is an array; send JSON, {{'inputs': [...]}}, not {CSV}.")
    with tempfile.TemporaryDirectory() as room:
        file = Path(room) / "query.csv"
        file.write_text(text, encoding="utf-8", newline="")
        return query.reading.opened_body(file, query.dataset, QUERY).read_all()
