"""Loaders of a user's own files: tables, folders of images, NumPy archives.

They lie in data/own/, which DVC watches. All are streamed, so that a file of any size needs little
memory: each loader returns a `pyarrow.RecordBatchReader`.
"""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageOps, UnidentifiedImageError

from fuelgauge import paths
from fuelgauge.data.arrow import tensor
from fuelgauge.data.columns import MOMENT
from fuelgauge.data.sources.delimited import MISSING, Dialect, named_columns, open_csv, read_header
from fuelgauge.errors import ConfigError, DataError, nearest
from fuelgauge.spec.dataset import DatasetConfig

HOME = paths.durable_root(paths.ROOT)
OWN = HOME / "data" / "own"
BATCH = 1 << 17
BATCH_BYTES = 1 << 25
FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
IMAGE_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")  # EPS would start Ghostscript
MODES = {"L": 1, "RGB": 3}
LABEL = "label"
ARROW_MAGIC = b"ARROW1"

# The schema of a file, and a function that reads the named columns in batches.
Opened = tuple[pa.Schema, Callable[[list[str]], Iterator[pa.RecordBatch]]]


def table(
    path: str,
    format: str | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    decimal: str = ".",
    missing: Sequence[str] = MISSING,
    dates: Mapping[str, str] | None = None,
    dataset: DatasetConfig | None = None,
) -> pa.RecordBatchReader:
    """Open a CSV, Parquet or Arrow file in data/own/.

    Parameters
    ----------
    path
        From the project's root, such as data/own/churn.csv.
    format
        csv, parquet or arrow (an IPC file, a stream or Feather); None: by the name of the file.
    delimiter, encoding, decimal, missing
        How a CSV file is written; `missing` lists what stands for a missing value.
    dates
        Columns of strings that hold dates, and how they are written: ISO8601, or as for
        ``datetime.strptime``, such as %d.%m.%Y.
    dataset
        Whose columns are read; None reads all, of a CSV file as strings.

    Raises
    ------
    DataError
        The file is not what it should be; one sentence names it, the column and the row.
    """
    file = find(path)
    absent = tuple("" if value is None else str(value) for value in missing)
    dialect = Dialect(delimiter or default_delimiter(file), encoding, decimal, absent)
    return open_table(file, format, dialect, dates or {}, dataset, path)


def open_table(
    file: Path,
    format: str | None,
    dialect: Dialect,
    dates: Mapping[str, str],
    dataset: DatasetConfig | None,
    where: str,
) -> pa.RecordBatchReader:
    """Open a table wherever it lies; `where` is what messages call it."""
    kind = format or format_of(file, where)
    if kind == "csv":
        reader = open_csv(file, dialect, dataset, where)
    elif kind in READERS:
        reader = read_binary(kind, file, dataset, where)
    else:
        raise DataError(f"{where}: format is '{kind}', {nearest(kind, ['csv', *READERS])}.")
    if not dates:
        return reader
    check_dates(dates, names_in(kind, file, dialect, where), where)
    return with_dates(reader, dates, where)


def names_in(kind: str, file: Path, dialect: Dialect, where: str) -> list[str]:
    """Return the names of all columns of a file, whichever a dataset reads."""
    if kind == "csv":
        return read_header(file, dialect, where)
    with one_sentence(kind, where):
        schema, _ = READERS[kind](file)
    return list(schema.names)


def check_dates(formats: Mapping[str, str], names: list[str], where: str) -> None:
    """Raise DataError if a format is that of a column that the file does not have."""
    for name in formats:
        if name not in names:
            raise DataError(f"{where} has no column '{name}' (source.dates), {nearest(name, names)}.")


def find(path: str) -> Path:
    """Return where a path from the project's root leads.

    Raises
    ------
    DataError
        It leads out of data/own/, or nowhere.
    """
    file = Path(os.path.normpath(HOME / path))
    if OWN not in file.parents:
        raise DataError(
            f"{path} lies outside data/own/, the folder that DVC watches; copy it there "
            f"(fuelgauge add does) and set path: data/own/{file.name}."
        )
    if not file.exists():
        raise DataError(f"{path} does not exist; copy it there.")
    return file


def format_of(file: Path, where: str) -> str:
    """Return the format that a file's name speaks of."""
    for suffix in reversed(file.suffixes):
        if suffix.lower() in FORMATS:
            return FORMATS[suffix.lower()]
        if suffix.lower() not in (".gz", ".bz2", ".zst"):
            break
    raise DataError(
        f"{where}: the name ends in none of {', '.join(FORMATS)}; save the table as one of these."
    )


def default_delimiter(file: Path) -> str:
    """Return the delimiter that a file's name speaks of: a tab for .tsv, else a comma."""
    return "\t" if ".tsv" in file.suffixes else ","


def parquet(file: Path) -> Opened:
    """Open a Parquet file: its schema, and a function that reads columns in batches."""
    opened = pq.ParquetFile(file, memory_map=True)
    return opened.schema_arrow, lambda names: opened.iter_batches(BATCH, columns=names)


def arrow(file: Path) -> Opened:
    """Open an Arrow IPC file (Feather is one) or an IPC stream: as `parquet` does."""
    with file.open("rb") as start:
        is_file = start.read(len(ARROW_MAGIC)) == ARROW_MAGIC
    source = pa.memory_map(str(file))
    if not is_file:
        stream = pa.ipc.open_stream(source)
        return stream.schema, lambda names: pieces(stream, names)
    opened = pa.ipc.open_file(source)
    batches = (opened.get_batch(place) for place in range(opened.num_record_batches))
    return opened.schema, lambda names: pieces(batches, names)


def pieces(batches: Iterable[pa.RecordBatch], names: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield columns of batches in pieces of a bounded number of rows."""
    for batch in batches:
        for start in range(0, batch.num_rows, BATCH):
            yield batch.select(names).slice(start, BATCH)


READERS: dict[str, Callable[[Path], Opened]] = {"parquet": parquet, "arrow": arrow}


def read_binary(kind: str, file: Path, dataset: DatasetConfig | None, where: str) -> pa.RecordBatchReader:
    """Open a file of a format that knows its columns' types.

    Raises
    ------
    DataError
        The file cannot be read, at once or later, has a column twice or lacks one.
    """
    with one_sentence(kind, where):
        schema, read = READERS[kind](file)
    names = None if dataset is None or dataset.features.infer else named_columns(dataset)
    schema = chosen(schema, names, where)

    def batches() -> Iterator[pa.RecordBatch]:
        n_rows = 0
        with one_sentence(kind, where):
            for batch in read(schema.names):
                n_rows += batch.num_rows
                yield batch.select(schema.names)
        if not n_rows:
            raise DataError(f"{where} has columns but no rows.")

    return pa.RecordBatchReader.from_batches(schema, batches())


@contextlib.contextmanager
def one_sentence(kind: str, where: str) -> Iterator[None]:
    """Turn what Arrow, NumPy or Pillow complain about into one sentence."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        detail = " ".join(str(error).split()).rstrip(".")
        raise DataError(
            f"{where} cannot be read as {kind} ({detail}); is it complete, and of this format?"
        ) from error


def chosen(schema: pa.Schema, names: list[str] | None, where: str) -> pa.Schema:
    """Return the fields of the named columns, or of all."""
    for name in schema.names:
        if schema.names.count(name) > 1:
            raise DataError(f"{where} has {schema.names.count(name)} columns named '{name}'; rename them.")
    for name in names or ():
        if name not in schema.names:
            raise DataError(f"{where} has no column '{name}', {nearest(name, schema.names)}.")
    return pa.schema([field for field in schema if names is None or field.name in names])


def with_dates(reader: pa.RecordBatchReader, formats: Mapping[str, str], where: str) -> pa.RecordBatchReader:
    """Return a stream in which columns of strings have become timestamps; others may have a format too.

    Raises
    ------
    DataError
        A value is not written as its format says.
    """
    schema = reader.schema
    dates = {f.name: formats[f.name] for f in schema if f.name in formats and is_text(f.type)}
    fields = [pa.field(f.name, MOMENT) if f.name in dates else f for f in schema]

    def batches() -> Iterator[pa.RecordBatch]:
        first_row = 0
        for batch in reader:
            columns = dict(zip(batch.schema.names, batch.columns, strict=True))
            for name, form in dates.items():
                columns[name] = moments(columns[name], form, first_row, f"{where}: column '{name}'")
            yield pa.record_batch(list(columns.values()), schema=pa.schema(fields))
            first_row += batch.num_rows

    return pa.RecordBatchReader.from_batches(pa.schema(fields), batches())


def is_text(kind: pa.DataType) -> bool:
    """Return whether a column of this type holds strings."""
    return any(test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))


def moments(strings: pa.Array, form: str, first_row: int, place: str) -> pa.Array:
    """Return dates that are written in one form as timestamps; UTC where they name a zone."""
    texts = strings.to_pandas().astype(object)
    try:
        parsed = pd.to_datetime(texts, format=form, utc=True, errors="coerce")
    except ValueError as error:
        raise ConfigError(f"{place}: '{form}' under source.dates is no form of dates: {error}.") from error
    odd = np.flatnonzero(parsed.isna() & texts.notna())
    if odd.size:
        raise DataError(
            f"{place}: row {first_row + odd[0] + 1} holds '{texts.iloc[odd[0]]}', which is no date of the "
            f"form {form}; write all dates alike, or list the value under source.missing."
        )
    return pa.array(parsed.dt.tz_localize(None).astype("datetime64[us]"), type=MOMENT)


def images(path: str, size: int | Sequence[int], mode: str = "RGB") -> pa.RecordBatchReader:
    """Open a folder of images in data/own/ that has one sub-folder a class.

    The table has the columns `x`, the pixels, and `label`, the sub-folder's name. Rows are in the
    order of the names; hidden files are left out.

    Parameters
    ----------
    path
        From the project's root, such as data/own/photos.
    size
        Height and width, or one number for both, to which every image is resized.
    mode
        RGB, or L for grey.

    Raises
    ------
    DataError
        There is no image, or one does not decode; the sentence names it.
    """
    height, width = two_sides(size, path)
    if mode not in MODES:
        raise DataError(f"{path}: mode is '{mode}', {nearest(mode, MODES)}.")
    listed = list_images(find(path), path)
    shape = (height, width, MODES[mode])
    schema = pa.schema({"x": pa.fixed_shape_tensor(pa.uint8(), shape), LABEL: pa.string()})

    def batches() -> Iterator[pa.RecordBatch]:
        step = rows_a_batch(shape)
        for start in range(0, len(listed), step):
            files, labels = zip(*listed[start : start + step], strict=True)
            pixels = np.stack([decode(file, path, height, width, mode) for file in files])
            yield pa.record_batch([tensor(pixels), pa.array(labels)], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def two_sides(size: int | Sequence[int], where: str) -> tuple[int, int]:
    """Return height and width that images are resized to."""
    sides = (size, size) if isinstance(size, int) else tuple(size)
    if len(sides) != 2 or not all(isinstance(side, int) and side > 0 for side in sides):
        raise ConfigError(f"{where}: size is {size}; it must be a number of pixels, or [height, width].")
    return sides[0], sides[1]


def rows_a_batch(shape: Sequence[int], itemsize: int = 1) -> int:
    """Return how many rows of arrays make a batch of a bounded size."""
    return max(1, min(BATCH, BATCH_BYTES // (int(np.prod(shape)) * itemsize)))


def list_images(folder: Path, where: str) -> list[tuple[Path, str]]:
    """Return each image of a folder and its class, in the order of their names.

    Raises
    ------
    DataError
        The folder has no sub-folders, or one that is empty or holds folders itself.
    """
    if not folder.is_dir():
        raise DataError(f"{where} is no folder; images need one, with one sub-folder a class.")
    listed = []
    for label in visible(folder):
        if not label.is_dir():
            continue
        files = visible(label)
        if not files or any(file.is_dir() for file in files):
            held = "folders" if files else "nothing"
            raise DataError(f"{where}/{label.name} holds {held}, not the images of one class.")
        listed += [(file, label.name) for file in files]
    if not listed:
        raise DataError(f"{where} has no sub-folders; put the images of each class into one of its name.")
    return listed


def visible(folder: Path) -> list[Path]:
    """Return what a folder holds, in the order of the names, without what systems leave there."""
    litter = ("Thumbs.db", "desktop.ini", "__MACOSX")
    return sorted(file for file in folder.iterdir() if file.name[0] != "." and file.name not in litter)


def decode(file: Path, where: str, height: int, width: int, mode: str) -> np.ndarray:
    """Return an image as bytes of shape (height, width, channels), turned upright and resized."""
    try:
        with Image.open(file, formats=IMAGE_FORMATS) as opened:
            opened.draft(mode, (width, height))
            upright = eight_bits(ImageOps.exif_transpose(opened)).convert(mode)
            resized = upright.resize((width, height), Image.Resampling.BILINEAR)
    except Exception as error:  # whatever a format's decoder makes of a broken file
        detail = "unknown format" if isinstance(error, UnidentifiedImageError) else str(error)
        raise DataError(
            f"{where}/{file.parent.name}/{file.name} does not decode as an image ({detail}); "
            "mend it or take it out."
        ) from error
    return np.asarray(resized, dtype=np.uint8).reshape(height, width, MODES[mode])


def eight_bits(image: Image.Image) -> Image.Image:
    """Return an image of 16-bit greys with 8 bits; Pillow by itself would cut them off at 255."""
    if image.mode in ("I", "F"):
        raise ValueError("its pixels have 32 bits; save it with 8 or 16")
    if not image.mode.startswith("I;16"):
        return image
    return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))


def npz(path: str, dataset: DatasetConfig | None = None) -> pa.RecordBatchReader:
    """Open a NumPy archive in data/own/ that holds the arrays `x` and `y`, and perhaps `group` and `time`.

    The shape of `x` says what its rows are: (rows, columns) are numbers, in the columns x0, x1, ...;
    (rows, steps, channels) are sequences; bytes (uint8) of shape (rows, height, width) or (rows,
    height, width, channels) are images. A dataset whose modality is `sequence` takes (rows, steps)
    for sequences of one channel.

    Raises
    ------
    DataError
        An array is not there, has another number of rows, or a shape or type that does not fit.
    """
    return open_npz(find(path), dataset.modality if dataset else "", path)


def open_npz(file: Path, modality: str, where: str) -> pa.RecordBatchReader:
    """Open a NumPy archive wherever it lies; `where` is what messages call it."""
    arrays = read_npz(file, where)
    x = shaped(arrays["x"], modality, f"{where}: x")
    columns: dict[str, pa.Array] = {}
    if x.ndim == 2:
        columns = {f"x{place}": pa.array(np.ascontiguousarray(x[:, place])) for place in range(x.shape[1])}
    else:
        columns["x"] = tensor(x)
    for name in ("y", "group", "time"):
        if name in arrays:
            columns[name] = pa.array(arrays[name])
    return pa.table(columns).to_reader(max_chunksize=rows_a_batch(x.shape[1:], x.itemsize))


def read_npz(file: Path, where: str) -> dict[str, np.ndarray]:
    """Return the arrays of a NumPy archive that have a role."""
    with one_sentence("npz", where):
        archive = np.load(file, allow_pickle=False)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise DataError(f"{where} holds a single array without a name; save two, x and y, with numpy.savez.")
    with one_sentence("npz", where), archive:
        names = list(archive.files)
        arrays: dict[str, np.ndarray] = {
            name: archive[name] for name in ("x", "y", "group", "time") if name in names
        }
    for name in ("x", "y"):
        if name not in arrays:
            raise DataError(f"{where} holds no array '{name}', but {', '.join(names)}; name two x and y.")
    n_rows = len(arrays["x"]) if arrays["x"].ndim else 0
    if not n_rows:
        raise DataError(f"{where}: x has no rows.")
    for name in arrays.keys() - {"x"}:
        arrays[name] = arrays[name].reshape(-1) if arrays[name].ndim == 2 else arrays[name]
        if arrays[name].shape != (n_rows,):
            raise DataError(f"{where}: {name} has shape {arrays[name].shape}, but x has {n_rows} rows.")
    return arrays


def shaped(x: np.ndarray, modality: str, place: str) -> np.ndarray:
    """Return an array of examples in the shape and type of its modality."""
    if x.dtype.kind not in "biuf":
        raise DataError(f"{place} is of type {x.dtype}; it must hold numbers.")
    if modality_of(x, place) == "image":
        return x if x.ndim == 4 else x[..., np.newaxis]
    if x.ndim == 2 and modality != "sequence":
        return x.astype(np.float32, copy=False)
    return (x if x.ndim == 3 else x[..., np.newaxis]).astype(np.float32, copy=False)


def modality_of(x: np.ndarray, place: str) -> str:
    """Return what the rows of an array are, by its shape and type."""
    if x.dtype == np.uint8 and (x.ndim == 3 or (x.ndim == 4 and x.shape[-1] in (1, 3, 4))):
        return "image"
    if x.ndim in (2, 3):
        return "tabular" if x.ndim == 2 else "sequence"
    raise DataError(
        f"{place} has shape {x.shape} and type {x.dtype}; it must be (rows, columns), (rows, steps, "
        "channels), or images of type uint8, (rows, height, width, channels)."
    )
