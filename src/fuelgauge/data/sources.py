"""Loaders: each turns one kind of source into a table with one row an example.

A loader is named by `_target_` in conf/dataset/<name>.yaml and gets the other keys of `source` as
arguments. It returns a DataFrame; a sequence is one column `x` of equally long float arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fuelgauge.data.archive import Archive, fetch, read_member
from fuelgauge.errors import ConfigError, DataError


def csv(
    archive: Mapping[str, str],
    member: str,
    columns: Sequence[str] | None = None,
    joins: Sequence[Mapping[str, Any]] = (),
    required: Sequence[str] = (),
    derive: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Read a CSV file from a pinned package archive, join others to it and derive columns.

    Parameters
    ----------
    archive
        package, version, file and sha256 of the archive.
    member
        The CSV file inside it; a `.zip` or `.gz` suffix is unpacked.
    columns
        Names of the columns of a file that has no header line.
    joins
        Left joins, each with `member`, `keys` (columns) and `columns` (what to take over).
    required
        Columns without which a row is left out.
    derive
        New columns as expressions over the others (``pandas.DataFrame.eval``).
    """
    path = fetch(pinned(archive))
    table = read_csv_member(path, member, columns)
    for join in joins:
        table = join_member(table, path, **join)
    check_columns(table, required, member)
    table = table.dropna(subset=list(required)).reset_index(drop=True)
    for name, expression in (derive or {}).items():
        try:
            table[name] = table.eval(expression)
        except Exception as error:  # whatever pandas makes of an expression
            raise DataError(f"{member}: cannot derive '{name}' as '{expression}': {error}") from error
    return table


def pinned(archive: Mapping[str, str]) -> Archive:
    """Return the archive that a description names.

    Raises
    ------
    ConfigError
        The description lacks a key, or has one too many.
    """
    try:
        return Archive(**archive)
    except TypeError as error:
        raise ConfigError(f"source.archive needs package, version, file and sha256: {error}.") from error


def join_member(
    table: pd.DataFrame, path: Path, member: str, keys: Sequence[str], columns: Sequence[str]
) -> pd.DataFrame:
    """Join columns of another CSV member to a table; rows without a partner stay."""
    right = read_csv_member(path, member, None)
    check_columns(right, [*keys, *columns], member)
    check_columns(table, keys, f"the table that {member} is joined to")
    return table.merge(right[[*keys, *columns]].drop_duplicates(keys), on=list(keys), how="left")


def read_csv_member(path: Path, member: str, columns: Sequence[str] | None) -> pd.DataFrame:
    """Read one CSV member of an archive into a DataFrame."""
    compression: Any = {"zip": "zip", "gz": "gzip"}.get(member.rsplit(".", 1)[-1])
    header: Any = None if columns else "infer"
    names = list(columns) if columns else None
    try:
        return pd.read_csv(
            read_member(path, member), compression=compression, header=header, names=names, low_memory=False
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name}, {member}: not a readable CSV file: {error}") from error


def check_columns(table: pd.DataFrame, names: Sequence[str], where: str) -> None:
    """Raise DataError if a table lacks a column."""
    if missing := [name for name in names if name not in table.columns]:
        raise DataError(f"{where}: there is no column '{missing[0]}' (it has {', '.join(table.columns)}).")


def mnist1d(n_rows: int, seed: int, shuffle_sequence: bool = False) -> pd.DataFrame:
    """Generate the MNIST-1D sequences (Greydanus and Kobak 2024) with the authors' package.

    Parameters
    ----------
    n_rows
        A multiple of ten: the classes are equally frequent.
    seed
        The generator's seed; 42 with 5,000 rows is the published file.
    shuffle_sequence
        Permute the time steps, by one permutation for all rows: the control.
    """
    from mnist1d.data import get_dataset_args, make_dataset

    if n_rows % 10:
        raise DataError(f"mnist1d: n_rows is {n_rows}; it must be a multiple of ten.")
    arguments = get_dataset_args()
    arguments.num_samples, arguments.seed, arguments.shuffle_seq = n_rows, seed, shuffle_sequence
    state = np.random.get_state()  # noqa: NPY002 - the package seeds NumPy's global generator
    try:
        made = make_dataset(arguments)
    finally:
        np.random.set_state(state)  # noqa: NPY002
    sequences = np.concatenate([made["x"], made["x_test"]]).astype(np.float32)
    return pd.DataFrame({"x": list(sequences), "y": np.concatenate([made["y"], made["y_test"]])})
