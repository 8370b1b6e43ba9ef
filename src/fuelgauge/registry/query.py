"""Queries: turn the rows of a user into model input, and predictions into answers.

The rows pass through the same functions that the ingest and featurize stages apply to a batch.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fuelgauge.config.files import typed
from fuelgauge.data.about import About
from fuelgauge.data.arrow import ARRAY, tensor
from fuelgauge.data.columns import Columns, convert, table_of
from fuelgauge.data.dataset import Examples, as_input
from fuelgauge.errors import DataError
from fuelgauge.features.featurize import features_of, named_columns, to_arrow
from fuelgauge.spec.dataset import DatasetConfig
from fuelgauge.spec.description import Description
from fuelgauge.spec.features import FeatureSetConfig

FILE = "query.json"


@dataclass(frozen=True)
class Query:
    """The format of a query of a dataset, and its translation into the features of a feature set.

    Parameters
    ----------
    description
        Description of the featurized dataset.
    columns
        Columns of a query by kind: all columns of the dataset except target, group and time.
    dataset
        Configuration of the dataset without its source.
    feature_set
        Configuration of the feature set.
    shape, dtype
        Shape and type of the array of one row; empty for tables and texts.
    """

    description: Description
    columns: Columns
    dataset: DatasetConfig
    feature_set: FeatureSetConfig
    shape: tuple[int, ...] = ()
    dtype: str = ""

    @classmethod
    def of(
        cls, raw: Path, dataset: DatasetConfig, feature_set: FeatureSetConfig, description: Description
    ) -> Query:
        """Return the query format of an ingested dataset."""
        with pq.ParquetFile(raw) as file:
            columns, schema = About.of(file).columns, file.schema_arrow
        kept = replace(columns, target="", group="", time="")
        named = replace(named_columns(dataset, columns), source={})  # a query does not need the source
        if not columns.array:
            return cls(description, kept, named, feature_set)
        kind = schema.field(ARRAY).type
        dtype = np.dtype(kind.value_type.to_pandas_dtype()).name
        return cls(description, kept, named, feature_set, tuple(kind.shape), dtype)

    def examples(self, rows: pd.DataFrame | np.ndarray) -> Examples:
        """Return rows as model input; the unknown targets are filled with zeros.

        Raises
        ------
        DataError
            There is no row, or a value cannot become a feature; the message names the column.
        """
        if not len(rows):
            raise DataError("the query has no rows.")
        features = features_of(self.table(rows), self.columns, self.dataset, self.feature_set)
        for name, values in features.items():
            if isinstance(values, np.ndarray) and values.dtype.kind == "f" and np.isinf(values).any():
                raise DataError(f"query: feature '{name}' is infinite or too large for a float32.")
        about = self.description
        y = np.zeros(len(rows), dtype=np.int64 if about.classes else np.float64)
        return Examples(as_input(to_arrow(features)), y, about.task, len(about.classes), about.categorical)

    def table(self, rows: pd.DataFrame | np.ndarray) -> pa.Table:
        """Return rows in the form in which the ingest stage writes them."""
        if self.shape:
            return pa.table({ARRAY: tensor(np.asarray(rows, dtype=self.dtype))})
        assert isinstance(rows, pd.DataFrame)
        batch = table_of(rows[list(self.columns.everything)], "query").combine_chunks().to_batches()[0]
        return convert(batch, self.columns, self.description.task, 0, "query")

    def rows_of(self, table: pa.Table) -> pd.DataFrame | np.ndarray:
        """Return rows of the ingested table in the form in which a query brings them."""
        if self.shape:
            return table[ARRAY].combine_chunks().to_numpy_ndarray()
        rows = table.select(list(self.columns.everything)).to_pandas()
        numbers = dict.fromkeys(self.columns.all_numeric, np.float64)
        strings = dict.fromkeys((*self.columns.all_categorical, *self.columns.text), object)
        dates = dict.fromkeys(self.columns.all_dates, "datetime64[ns]")
        return rows.astype({**numbers, **strings, **dates})

    def answers(self, predicted: np.ndarray) -> pd.DataFrame:
        """Return predictions as answers: label and probabilities, or the value."""
        classes = self.description.classes
        if not classes:
            return pd.DataFrame({"value": predicted.astype(np.float64)})
        probabilities = [dict(zip(classes, map(float, row), strict=True)) for row in predicted]
        labels = [classes[code] for code in predicted.argmax(axis=1)]
        return pd.DataFrame({"label": labels, "probabilities": probabilities})

    def save(self, folder: Path) -> None:
        """Write the query format into a folder."""
        content = {**asdict(self), "columns": self.columns.to_json()}
        (folder / FILE).write_text(json.dumps(content, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Query:
        """Return the query format that `save` has written into a folder."""
        content: dict[str, Any] = json.loads((folder / FILE).read_text())
        return cls(
            description=Description(**tuples(content["description"])),
            columns=Columns.from_json(content["columns"]),
            dataset=typed(DatasetConfig, content["dataset"], FILE),
            feature_set=typed(FeatureSetConfig, content["feature_set"], FILE),
            shape=tuple(content["shape"]),
            dtype=content["dtype"],
        )


def tuples(content: dict[str, Any]) -> dict[str, Any]:
    """Return a mapping with its lists turned into tuples."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}


def predictions(answers: pd.DataFrame, classes: tuple[str, ...]) -> np.ndarray:
    """Return answers as an array: probabilities of the given classes, or values.

    A class that the model does not know gets probability 0.
    """
    if not classes:
        return answers["value"].to_numpy(np.float64)
    return np.array([[row.get(name, 0.0) for name in classes] for row in answers["probabilities"]])
