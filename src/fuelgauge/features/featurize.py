"""The featurize stage: from an ingested table to the arrays that trials map into memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from fuelgauge import paths
from fuelgauge.config import DatasetConfig
from fuelgauge.data import dataset as datasets
from fuelgauge.data.dataset import TARGET, Description
from fuelgauge.errors import DataError


def featurize(
    dataset: DatasetConfig, features: str, raw: Path = paths.RAW, out: Path = paths.FEATURES
) -> Path:
    """Write the features of a dataset and their description.

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
    table = pd.read_parquet(path)
    codes, classes = datasets.encode_target(table[dataset.target], dataset.task, path.name)
    columns = raw_columns(table, dataset, path.name)
    folder = out / dataset.name
    datasets.write(to_arrow(columns, codes), describe(dataset, features, columns, codes, classes), folder)
    return folder


def raw_columns(table: pd.DataFrame, dataset: DatasetConfig, where: str) -> dict[str, np.ndarray]:
    """Return the features as they are: numbers as float32, categories as strings, missing kept."""
    if dataset.modality == "sequence":
        return {"x": stack_sequences(table["x"], where)}
    columns = {}
    for name in dataset.features.numeric:
        values = table[name].to_numpy(np.float32, na_value=np.nan)
        if np.isinf(values).any():
            row = int(np.flatnonzero(np.isinf(values))[0])
            raise DataError(f"{where}: column '{name}' holds an infinite value in row {row}.")
        columns[name] = values
    for name in dataset.features.categorical:
        strings = table[name].astype("string").astype(object)
        columns[name] = strings.where(strings.notna(), None).to_numpy()
    return columns


def stack_sequences(sequences: pd.Series, where: str) -> np.ndarray:
    """Return equally long sequences as a float32 array of shape (rows, steps)."""
    lengths = sequences.map(len)
    if lengths.nunique() != 1:
        raise DataError(
            f"{where}: sequences have {lengths.min()} to {lengths.max()} steps; they must be equal."
        )
    return np.stack(sequences.to_list()).astype(np.float32)


def to_arrow(columns: dict[str, np.ndarray], target: np.ndarray) -> pa.Table:
    """Return features and target as an Arrow table; a 2-D array becomes a list column."""
    arrays = {}
    for name, values in columns.items():
        if values.ndim == 2:
            arrays[name] = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
        else:
            arrays[name] = pa.array(values)
    return pa.table({**arrays, TARGET: pa.array(target)})


def describe(
    dataset: DatasetConfig,
    features: str,
    columns: dict[str, np.ndarray],
    target: np.ndarray,
    classes: tuple[str, ...],
) -> Description:
    """Return the description of a featurized dataset."""
    missing = [pd.isna(values).mean() for values in columns.values()]
    return Description(
        name=dataset.name,
        modality=dataset.modality,
        task=dataset.task,
        metric=dataset.metric,
        control=dataset.control,
        features=features,
        n_rows=len(target),
        n_features=sum(v.shape[1] if v.ndim == 2 else 1 for v in columns.values()),
        numeric=tuple(dataset.features.numeric),
        categorical=tuple(dataset.features.categorical),
        classes=classes,
        class_counts=tuple(int(c) for c in np.bincount(target)) if classes else (),
        missing_fraction=float(np.mean(missing)),
        fingerprint=datasets.fingerprint({**columns, TARGET: target}),
    )
