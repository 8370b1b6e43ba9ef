"""The ingest stage: from a source to one checked table."""

from __future__ import annotations

import inspect
from pathlib import Path

import pandas as pd

from fuelgauge import paths
from fuelgauge.config import DatasetConfig
from fuelgauge.data.sources import check_columns
from fuelgauge.errors import ConfigError, DataError
from fuelgauge.loading import load_object


def ingest(dataset: DatasetConfig, folder: Path = paths.RAW) -> Path:
    """Read a dataset from its source and write the columns that its description names.

    Returns
    -------
    pathlib.Path
        data/raw/<name>.parquet

    Raises
    ------
    DataError
        The source is not what the description says; the sentence names file and column.
    """
    table = read_source(dataset)
    check_table(table, dataset)
    path = folder / f"{dataset.name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    table[[*feature_columns(dataset), dataset.target]].to_parquet(path, index=False)
    return path


def read_source(dataset: DatasetConfig) -> pd.DataFrame:
    """Call the loader that the dataset's source names, with the other keys as its arguments."""
    where = f"conf/dataset/{dataset.name}.yaml"
    arguments = {key: value for key, value in dataset.source.items() if key != "_target_"}
    loader = load_object(dataset.source["_target_"], where)
    try:
        inspect.signature(loader).bind(**arguments)
    except TypeError as error:
        raise ConfigError(f"{where}: source does not fit {dataset.source['_target_']}: {error}.") from error
    return loader(**arguments)


def feature_columns(dataset: DatasetConfig) -> list[str]:
    """Return the columns that models may see."""
    if dataset.modality == "sequence":
        return ["x"]
    return [*dataset.features.numeric, *dataset.features.categorical]


def check_table(table: pd.DataFrame, dataset: DatasetConfig) -> None:
    """Raise DataError if a table lacks a column or rows, or a numeric column holds text."""
    where = f"conf/dataset/{dataset.name}.yaml"
    check_columns(table, [*feature_columns(dataset), dataset.target], where)
    if table.empty:
        raise DataError(f"{where}: the source has no rows.")
    for name in dataset.features.numeric:
        if not pd.api.types.is_numeric_dtype(table[name]):
            raise DataError(f"{where}: column '{name}' is listed as numeric but holds {table[name].dtype}.")
