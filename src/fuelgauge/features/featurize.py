"""The featurize stage: from an ingested table to the arrays that trials map into memory.

Featurization is row-wise: batches of rows are turned into features one by one, and nothing is fitted.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fuelgauge import paths
from fuelgauge.data import dataset as datasets
from fuelgauge.data.about import About
from fuelgauge.data.arrow import ARRAY, tensor, to_array
from fuelgauge.data.columns import Columns
from fuelgauge.data.dataset import GROUP, OWN, ROW, TARGET, TIME, Fingerprint
from fuelgauge.data.duplicates import repeated
from fuelgauge.data.months import ABOUT_MONTHS, HELD_OUT, AboutMonths, of_last_month
from fuelgauge.data.targets import check_classes, check_values
from fuelgauge.errors import ConfigError, DataError, FuelgaugeError
from fuelgauge.features import _image as image
from fuelgauge.features import _sequence as sequence
from fuelgauge.features import _tabular as tabular
from fuelgauge.features import _text as text
from fuelgauge.spec.dataset import DatasetConfig
from fuelgauge.spec.description import Description
from fuelgauge.spec.features import FeatureSetConfig
from fuelgauge.spec.names import RAW, inputs_of

log = logging.getLogger("fuelgauge")

BATCH_ROWS = 1 << 16
MANY_DROPPED = 0.1
Column: TypeAlias = Any  # numpy.ndarray, or pyarrow.StringArray, for which there are no types


def featurize(
    dataset: DatasetConfig, feature_set: FeatureSetConfig, raw: Path = paths.RAW, out: Path = paths.FEATURES
) -> Path:
    """Write the features of a dataset and their description.

    Of a dataset that ends with a month (`fuelgauge.data.months`) that month is written apart, to the
    folder held_out.

    Returns
    -------
    pathlib.Path
        data/features/<name>/

    Raises
    ------
    DataError
        The ingested table is not there, or a column cannot become a feature.
    """
    path = raw / f"{dataset.name}.parquet"
    if not path.is_file():
        raise DataError(f"{path} does not exist; make it with: dvc repro ingest@{dataset.name}")
    with pq.ParquetFile(path) as file:
        folder = out / dataset.name
        if About.of(file).until:
            featurize_months(file, dataset, feature_set, folder)
        else:
            (folder / ABOUT_MONTHS).unlink(missing_ok=True)
            featurize_part(Featurization(file, dataset, feature_set), folder)
    return folder


def featurize_months(
    file: pq.ParquetFile, dataset: DatasetConfig, feature_set: FeatureSetConfig, folder: Path
) -> None:
    """Write the months before the last one, and the last one apart."""
    about = About.of(file)
    last = of_last_month(as_time(file.read([dataset.time])[dataset.time]), about.until)
    for rows, which in ((last, "of"), (~last, "from before")):
        if not rows.any():
            raise DataError(f"conf/dataset/{dataset.name}.yaml: no row {which} {about.until} has a target.")
    featurize_part(Featurization(file, dataset, feature_set, ~last), folder)
    featurize_part(Featurization(file, dataset, feature_set, last), folder / HELD_OUT)
    AboutMonths(about.until, int(last.sum()), about.n_later).write(folder)


def featurize_part(work: Featurization, folder: Path) -> None:
    """Write the rows of one pass over an ingested file."""
    datasets.write(work.tables(), work.feature_set.name, folder)
    datasets.write_description(work.describe(), folder)


class Featurization:
    """One pass over an ingested file, and what is counted on the way.

    Parameters
    ----------
    part
        Which rows are written, shape (n_rows,); None: all. Classes are those of all rows.
    """

    def __init__(
        self,
        file: pq.ParquetFile,
        dataset: DatasetConfig,
        feature_set: FeatureSetConfig,
        part: np.ndarray | None = None,
    ):
        self.file, self.feature_set = file, feature_set
        self.about = About.of(file)
        self.dataset = dataset = named_columns(dataset, self.about.columns)
        self.where = f"conf/dataset/{dataset.name}.yaml"
        hashes = self.column(ROW).to_numpy()
        self.identical = repeated(hashes)
        drop = dataset.duplicates == "drop"
        self.kept = ~self.identical if drop else np.ones(len(self.identical), dtype=bool)
        target = self.column(dataset.target).to_pandas()[self.kept]
        self.target, self.classes = datasets.encode_target(target, dataset.task)
        self.check_target()
        if part is not None:
            self.target, self.kept = self.target[part[self.kept]], self.kept & part
        self.labels = {TARGET: self.target, **self.split_columns()}
        self.hashes = hashes[self.kept]
        self.fingerprint = Fingerprint()
        self.missing: dict[str, int] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.strings: list[str] = []

    def check_target(self) -> None:
        """Say what dropping identical rows did; raise DataError if nothing can be learned after it."""
        dropped = int((~self.kept).sum())
        if dropped > MANY_DROPPED * len(self.kept):
            log.warning(
                "%s: %s of %s rows are identical to an earlier one and dropped; "
                "set duplicates: keep if they are observations of their own.",
                self.where, f"{dropped:,}", f"{len(self.kept):,}",
            )  # fmt: skip
        name = self.dataset.target
        if self.classes:
            counts = np.bincount(self.target)
            check_classes(self.classes, counts, self.dataset.task, self.where, name)
        else:
            check_values(float(self.target.min()), float(self.target.max()), self.where, name)

    def column(self, name: str) -> pa.ChunkedArray:
        """Return one column of the whole file."""
        return self.file.read(columns=[name])[name]

    def split_columns(self) -> dict[str, np.ndarray]:
        """Return what splits need to know of the kept rows: group codes, and seconds or numbers as time."""
        found = {}
        if self.dataset.group:
            found[GROUP] = pd.factorize(self.column(self.dataset.group).to_pandas()[self.kept])[0]
        if self.dataset.time:
            found[TIME] = as_time(self.column(self.dataset.time))[self.kept]
        return found

    def tables(self) -> Iterator[pa.Table]:
        """Yield features, target and split columns in batches."""
        read = written = 0
        for batch in self.file.iter_batches(BATCH_ROWS):
            kept = self.kept[read : read + batch.num_rows]
            read += batch.num_rows
            rows = pa.table(batch) if kept.all() else pa.table(batch).filter(pa.array(kept))
            if rows.num_rows:
                features = self.features(rows)
                self.check(features, written)
                here = slice(written, written + rows.num_rows)
                features |= {name: values[here] for name, values in self.labels.items()}
                self.take_in(features)
                yield to_arrow({**features, ROW: self.hashes[here]})
            written += rows.num_rows

    def features(self, rows: pa.Table) -> dict[str, Column]:
        """Return the features of a batch; what is wrong with a setting is said with its file."""
        try:
            return features_of(rows, self.about.columns, self.dataset, self.feature_set)
        except FuelgaugeError as error:
            named = str(error).startswith("conf/")
            raise error if named else type(error)(f"{self.where}: {error}") from error

    def check(self, features: dict[str, Column], first_row: int) -> None:
        """Raise DataError if a value does not fit into a float32."""
        for name, values in features.items():
            if isinstance(values, np.ndarray) and values.dtype.kind == "f" and np.isinf(values).any():
                row = first_row + int(np.argwhere(np.isinf(values))[0][0]) + 1
                raise DataError(
                    f"{self.where}: feature '{name}' is infinite or too large for a float32 in row {row} "
                    "of those kept; mend the row, or derive the logarithm."
                )

    def take_in(self, columns: dict[str, Column]) -> None:
        """Count what the description tells of the columns."""
        self.fingerprint.update(columns)
        self.strings = [name for name, values in columns.items() if not isinstance(values, np.ndarray)]
        for name, values in columns.items():
            self.missing[name] = self.missing.get(name, 0) + count_missing(values)
            self.shapes[name] = values.shape[1:] if isinstance(values, np.ndarray) else ()

    def describe(self) -> Description:
        """Return the description of what was written."""
        dataset, n_rows = self.dataset, len(self.target)
        names = [name for name in self.shapes if name not in OWN]
        inputs = inputs_of(dataset.modality, self.feature_set.name)
        sizes = {name: int(np.prod(self.shapes[name])) for name in names}
        shares = {name: self.missing[name] / (n_rows * sizes[name]) for name in names}
        strings = () if inputs == "text" else tuple(name for name in names if name in self.strings)
        return Description(
            name=dataset.name,
            title=dataset.title,
            modality=dataset.modality,
            inputs=inputs,
            task=dataset.task,
            metric=dataset.metric,
            control=dataset.control,
            features=self.feature_set.name,
            shape=self.shapes.get(ARRAY, ()) if names == [ARRAY] else (),
            n_rows=n_rows,
            n_features=sum(sizes.values()),
            numeric=tuple(name for name in names if name not in strings and not self.shapes[name]),
            categorical=strings,
            classes=self.classes,
            class_counts=tuple(int(c) for c in np.bincount(self.target)) if self.classes else (),
            target_mean=float(self.target.mean()),
            target_std=float(self.target.std()),
            missing={name: share for name, share in shares.items() if share},
            missing_fraction=float(np.average([shares[n] for n in names], weights=[sizes[n] for n in names])),
            gap=gap_of(dataset),
            duplicates=dataset.duplicates,
            n_source=self.about.n_rows,
            n_without_target=self.about.n_without_target,
            n_identical=int(self.identical.sum()),
            warnings=self.about.warnings,
            fingerprint=self.fingerprint.hexdigest(),
        )


def features_of(
    rows: pa.Table, columns: Columns, dataset: DatasetConfig, feature_set: FeatureSetConfig
) -> dict[str, Column]:
    """Return the features of a batch of rows by name."""
    if feature_set.name == RAW:
        return raw_features(rows, columns)
    if dataset.modality == "tabular":
        kept = [name for name in columns.everything if name != columns.target]
        made = tabular.engineered(rows.select(kept).to_pandas(), dataset)
        return {name: pa.array(v, pa.string()) if v.dtype == object else v for name, v in made.items()}
    if dataset.modality == "text":
        return {ARRAY: text.engineered(rows[columns.text[0]].to_numpy().astype(object), feature_set.text)}
    values = to_array(rows[ARRAY])
    if dataset.modality == "image":
        return {ARRAY: image.engineered(values, feature_set.image)}
    return {ARRAY: sequence.engineered(values, dataset.engineered.lags, feature_set.sequence)}


def named_columns(dataset: DatasetConfig, columns: Columns) -> DatasetConfig:
    """Return a description that names its columns, also where they were inferred."""
    types = replace(
        dataset.features,
        numeric=list(columns.numeric),
        categorical=list(columns.categorical),
        dates=list(columns.dates),
    )
    return replace(dataset, features=types)


def raw_features(rows: pa.Table, columns: Columns) -> dict[str, Column]:
    """Return the features as they are: numbers as float32, categories as strings, missing kept."""
    if columns.array:
        return {ARRAY: to_array(rows[ARRAY])}
    if columns.text:
        return {ARRAY: strings_of(rows[columns.text[0]])}
    found: dict[str, Column] = {name: numbers_of(rows[name]) for name in columns.numeric}
    found |= {name: tabular.days(rows[name].to_pandas()) for name in columns.dates}
    return found | {name: strings_of(rows[name]) for name in columns.categorical}


def numbers_of(column: pa.ChunkedArray) -> np.ndarray:
    """Return numbers as float32, missing ones as NaN."""
    with np.errstate(over="ignore"):
        return pc.cast(column, pa.float64(), safe=False).to_numpy().astype(np.float32)


def strings_of(column: pa.ChunkedArray) -> pa.StringArray:
    """Return strings as one piece."""
    return pa.concat_arrays(column.chunks) if column.num_chunks != 1 else column.chunk(0)


def count_missing(values: Column) -> int:
    """Return how many values are missing; NaN counts as missing."""
    if not isinstance(values, np.ndarray):
        return values.null_count
    return int(np.isnan(values).sum()) if values.dtype.kind == "f" else 0


def as_time(column: pa.ChunkedArray) -> np.ndarray:
    """Return dates as seconds since 1970, numbers as they are; float64."""
    if pa.types.is_temporal(column.type):
        return pc.cast(column, pa.int64()).to_numpy() / 1e6
    return pc.cast(column, pa.float64()).to_numpy()


def gap_of(dataset: DatasetConfig) -> float:
    """Return the gap of a temporal split: a number as it is, a duration such as `24h` in seconds.

    Raises
    ------
    ConfigError
        The gap is neither.
    """
    try:
        return float(dataset.gap)
    except (TypeError, ValueError):
        pass
    try:
        return pd.Timedelta(dataset.gap).total_seconds()
    except ValueError as error:
        raise ConfigError(
            f"conf/dataset/{dataset.name}.yaml: gap is '{dataset.gap}'; "
            "write a number, or a duration such as 24h."
        ) from error


def to_arrow(columns: dict[str, Column]) -> pa.Table:
    """Return columns as an Arrow table; an array of more than one dimension becomes a column of tensors."""
    return pa.table({name: arrow_column(values) for name, values in columns.items()})


def arrow_column(values: Column) -> pa.Array:
    """Return a column as Arrow's."""
    if not isinstance(values, np.ndarray):
        return values
    return tensor(values) if values.ndim > 1 else pa.array(values)
