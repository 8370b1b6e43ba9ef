"""The best model, fitted on all rows, behind the interface of scikit-learn."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from fuelgauge.answer.source import anywhere
from fuelgauge.config.files import typed
from fuelgauge.data.about import About
from fuelgauge.data.columns import Columns, batches, choose, convert
from fuelgauge.data.dataset import Examples, as_input
from fuelgauge.errors import DataError, nearest
from fuelgauge.features.featurize import features_of, named_columns, to_arrow
from fuelgauge.files import write_whole
from fuelgauge.models.base import Model
from fuelgauge.spec.dataset import DatasetConfig
from fuelgauge.spec.description import Description
from fuelgauge.spec.features import FeatureSetConfig
from fuelgauge.spec.names import RAW

ABOUT = "table.json"


def write_about(folder: Path, model: str, config: DatasetConfig, description: Description, raw: Path) -> None:
    """Write beside a stored model how the rows of its table are read."""
    with pq.ParquetFile(raw) as file:
        columns = About.of(file).columns
    content = {
        "model": model,
        "config": asdict(config),
        "columns": columns.to_json(),
        "classes": list(description.classes),
        "categorical": list(description.categorical),
        "task": description.task,
    }
    write_whole(folder / ABOUT, json.dumps(content, indent=2) + "\n")


class Fitted:
    """A model that was fitted on all rows of a table. It takes rows with the table's own columns.

    Attributes
    ----------
    name : str
        Name of the model.
    classes_ : ndarray
        Names of the classes, in the order of the probabilities; empty for a regression.
    model : fuelgauge.models.base.Model
        The model itself, which takes rows as they were featurized.
    """

    def __init__(self, folder: Path):
        from fuelgauge.models.storage import load

        content: dict[str, Any] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        self.name: str = content["model"]
        self.config: DatasetConfig = typed(DatasetConfig, content["config"], ABOUT)
        self.columns = Columns.from_json(content["columns"])
        self.classes_ = np.array(content["classes"], dtype=object)
        self.categorical, self.task = tuple(content["categorical"]), str(content["task"])
        self.model: Model = load(folder)

    @property
    def estimator(self) -> Fitted:
        """The object itself, which has `predict` and, for classes, `predict_proba`."""
        return self

    def __repr__(self) -> str:
        return f"<{self.name}, fitted on all rows>"

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return the class names or the values of rows, shape (rows,).

        Parameters
        ----------
        rows
            Rows with the columns of the table; the target may be missing.

        Raises
        ------
        DataError
            A column is missing, or a value of it cannot be read.
        """
        found = self.model.predict(self.examples(rows))
        return found if self.task == "regression" else self.classes_[found.argmax(axis=1)]

    def predict_proba(self, rows: pd.DataFrame) -> np.ndarray:
        """Return the probabilities of the classes, shape (rows, classes), in the order of `classes_`.

        Raises
        ------
        DataError
            The target is a number, or a column is missing, or a value of it cannot be read.
        """
        if self.task == "regression":
            raise DataError(f"'{self.config.target}' is a number and has no probabilities; use predict.")
        return self.model.predict(self.examples(rows))

    def examples(self, rows: pd.DataFrame) -> Examples:
        """Return rows in the form that the model takes."""
        for name in self.columns.raw:
            if name not in rows.columns:
                raise DataError(f"the rows have no column '{name}', {nearest(name, map(str, rows.columns))}.")
        wanted = rows[list(self.columns.raw)].copy()
        for name in self.columns.categorical:
            if pd.api.types.is_bool_dtype(wanted[name].dtype):
                wanted[name] = wanted[name].astype(str)
        for name in {self.config.target, self.columns.group, self.columns.time} - {""}:
            wanted[name] = self.filler(name)
        config = replace(self.config, group="", time="")
        features = [self.features(wanted, config)]
        y = np.zeros(len(rows), dtype=np.int64 if len(self.classes_) else np.float64)
        return Examples(as_input(features[0]), y, self.task, len(self.classes_), self.categorical)

    def filler(self, name: str) -> Any:
        """Return a value for a column that plays no part in a prediction."""
        return str(self.classes_[0]) if name == self.config.target and len(self.classes_) else 0.0

    def features(self, rows: pd.DataFrame, config: DatasetConfig) -> Any:
        """Return the features of rows, read by the rules of the table."""
        where = "the rows"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.parquet"
            pq.write_table(batches(rows, where).read_all(), path)
            reader = anywhere(str(path), config)
            columns = choose(reader.schema, config, where)
            used = replace(columns, target="", group="", time="")
            table = reader.read_all().combine_chunks()
            batch = table.to_batches()[0]
            plain = convert(batch, used, self.task, 0, where)
        made = features_of(
            plain, self.columns, named_columns(config, self.columns), FeatureSetConfig(name=RAW)
        )
        return to_arrow(made)
