"""The featurize stage: turn an ingested table into the arrays that trials map into memory.

Featurization is row-wise: rows are turned into features batch by batch, and nothing is fitted.
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

__all__ = ["features_of", "featurize", "named_columns", "to_arrow"]

log = logging.getLogger("fuelgauge")

BATCH_ROWS = 1 << 16
MANY_DROPPED = 0.1
MANY_MERGED = 0.01
Column: TypeAlias = Any  # numpy.ndarray or pyarrow.StringArray; pyarrow has no type annotations


def featurize(
    dataset: DatasetConfig, feature_set: FeatureSetConfig, raw: Path = paths.RAW, out: Path = paths.FEATURES
) -> Path:
    """Write the features of a dataset and their description.

    If the dataset ends with a month (`fuelgauge.data.months`), the rows of this month are written separately,
    to the sub-folder held_out.

    Parameters
    ----------
    dataset
        Description of the dataset.
    feature_set
        Feature set to compute.
    raw
        Folder of the ingested tables.
    out
        Folder of all features.

    Returns
    -------
    pathlib.Path
        Folder of the features of the dataset, data/features/<name>/.

    Raises
    ------
    DataError
        The ingested table does not exist, a column cannot become a feature, or nothing can be learned.
    ConfigError
        The description of the dataset is not valid.
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
    """Write the rows before the last month, and separately the rows of the last month."""
    about = About.of(file)
    last = of_last_month(as_time(file.read([dataset.time])[dataset.time]), about.until)
    for rows, which in ((last, "in"), (~last, "before")):
        if not rows.any():
            raise DataError(f"conf/dataset/{dataset.name}.yaml: no row {which} {about.until} has a target.")
    featurize_part(Featurization(file, dataset, feature_set, ~last), folder)
    featurize_part(Featurization(file, dataset, feature_set, last), folder / HELD_OUT)
    AboutMonths(about.until, int(last.sum()), about.n_later).write(folder)


def featurize_part(work: Featurization, folder: Path) -> None:
    """Write the features and the description that one pass over an ingested file yields."""
    datasets.write(work.tables(), work.feature_set.name, folder)
    datasets.write_description(work.describe(), folder)


class Featurization:
    """One pass over an ingested file, with the counts for its description.

    Parameters
    ----------
    file
        Ingested table.
    dataset
        Description of the dataset.
    feature_set
        Feature set to compute.
    part
        Whether each row is written, bool, shape (n_rows,); None for all rows. The classes are always those of
        all rows.
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
        self.imprecise: set[str] = set()

    def check_target(self) -> None:
        """Warn if many identical rows are dropped; raise DataError if the rest cannot be learned from."""
        dropped = int((~self.kept).sum())
        if dropped > MANY_DROPPED * len(self.kept):
            log.warning(
                "%s: %s of %s rows are identical to an earlier row and were dropped; "
                "set duplicates: keep if they are separate observations.",
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
        """Return the group codes and the times of the kept rows, as far as the dataset has them."""
        found = {}
        if self.dataset.group:
            found[GROUP] = pd.factorize(self.column(self.dataset.group).to_pandas()[self.kept])[0]
        if self.dataset.time:
            found[TIME] = as_time(self.column(self.dataset.time))[self.kept]
        return found

    def tables(self) -> Iterator[pa.Table]:
        """Yield the features, the target, the split columns and the hashes of the kept rows, in batches."""
        read = written = 0
        for batch in self.file.iter_batches(BATCH_ROWS):
            kept = self.kept[read : read + batch.num_rows]
            read += batch.num_rows
            rows = pa.table(batch) if kept.all() else pa.table(batch).filter(pa.array(kept))
            if rows.num_rows:
                features = self.features(rows)
                self.check(features, written)
                self.check_precision(features)
                here = slice(written, written + rows.num_rows)
                features |= {name: values[here] for name, values in self.labels.items()}
                self.take_in(features)
                yield to_arrow({**features, ROW: self.hashes[here]})
            written += rows.num_rows

    def features(self, rows: pa.Table) -> dict[str, Column]:
        """Return the features of a batch; an error names the file that describes the dataset."""
        try:
            return features_of(rows, self.about.columns, self.dataset, self.feature_set)
        except FuelgaugeError as error:
            named = str(error).startswith("conf/")
            raise error if named else type(error)(f"{self.where}: {error}") from error

    def check(self, features: dict[str, Column], first_row: int) -> None:
        """Raise DataError if a value is infinite, because it does not fit into a float32."""
        for name, values in features.items():
            if isinstance(values, np.ndarray) and values.dtype.kind == "f" and np.isinf(values).any():
                row = first_row + int(np.argwhere(np.isinf(values))[0][0]) + 1
                raise DataError(
                    f"{self.where}: feature '{name}' is infinite or too large for a float32 in row {row} "
                    "of the kept rows; correct the row, or derive the logarithm."
                )

    def check_precision(self, features: dict[str, Column]) -> None:
        """Warn of a column whose distinct values become equal in the single precision of the models."""
        for name, values in features.items():
            if name in self.imprecise or not isinstance(values, np.ndarray) or values.dtype != np.float64:
                continue
            n_distinct, n_left = tabular.merged(values)
            if n_distinct - n_left > MANY_MERGED * n_distinct:
                self.imprecise.add(name)
                log.warning(
                    "%s: feature '%s' has %s distinct values, of which single precision keeps %s; "
                    "derive a column on a smaller scale, such as its logarithm.",
                    self.where, name, f"{n_distinct:,}", f"{n_left:,}",
                )  # fmt: skip

    def take_in(self, columns: dict[str, Column]) -> None:
        """Add a batch to the fingerprint, the missing counts and the shapes of the columns."""
        self.fingerprint.update(columns)
        self.strings = [name for name, values in columns.items() if not isinstance(values, np.ndarray)]
        for name, values in columns.items():
            self.missing[name] = self.missing.get(name, 0) + count_missing(values)
            self.shapes[name] = values.shape[1:] if isinstance(values, np.ndarray) else ()

    def describe(self) -> Description:
        """Return the description of the written rows; call it after all batches."""
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
    """Return the description with the names of the columns filled in where they were inferred."""
    types = replace(
        dataset.features,
        numeric=list(columns.numeric),
        categorical=list(columns.categorical),
        dates=list(columns.dates),
    )
    return replace(dataset, features=types)


def raw_features(rows: pa.Table, columns: Columns) -> dict[str, Column]:
    """Return the features of the set `raw`: numbers and dates as float64, categories and texts as strings.

    Arrays stay unchanged, and missing values stay missing.
    """
    if columns.array:
        return {ARRAY: to_array(rows[ARRAY])}
    if columns.text:
        return {ARRAY: strings_of(rows[columns.text[0]])}
    found: dict[str, Column] = {name: numbers_of(rows[name]) for name in columns.numeric}
    found |= {name: tabular.days(rows[name].to_pandas()) for name in columns.dates}
    return found | {name: strings_of(rows[name]) for name in columns.categorical}


def numbers_of(column: pa.ChunkedArray) -> np.ndarray:
    """Return numbers as float64, with NaN for missing values and infinity for those beyond float32."""
    return tabular.bounded(pc.cast(column, pa.float64(), safe=False).to_numpy())


def strings_of(column: pa.ChunkedArray) -> pa.StringArray:
    """Return a column of strings as one contiguous array."""
    return pa.concat_arrays(column.chunks) if column.num_chunks != 1 else column.chunk(0)


def count_missing(values: Column) -> int:
    """Return the number of missing values, including NaN."""
    if not isinstance(values, np.ndarray):
        return values.null_count
    return int(np.isnan(values).sum()) if values.dtype.kind == "f" else 0


def as_time(column: pa.ChunkedArray) -> np.ndarray:
    """Return dates as seconds since 1970 and numbers unchanged, as float64."""
    if pa.types.is_temporal(column.type):
        return pc.cast(column, pa.int64()).to_numpy() / 1e6
    return pc.cast(column, pa.float64()).to_numpy()


def gap_of(dataset: DatasetConfig) -> float:
    """Return the gap of a temporal split: a number unchanged, or a duration such as `24h` in seconds.

    Raises
    ------
    ConfigError
        The gap is neither a number nor a duration.
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
    """Return columns as an Arrow table; arrays with more than one dimension become columns of tensors."""
    return pa.table({name: arrow_column(values) for name, values in columns.items()})


def arrow_column(values: Column) -> pa.Array:
    """Return a column as an Arrow array."""
    if not isinstance(values, np.ndarray):
        return values
    return tensor(values) if values.ndim > 1 else pa.array(values)
