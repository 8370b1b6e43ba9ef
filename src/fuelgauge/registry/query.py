"""Queries: turn the rows of a user into model input, and predictions into answers.

The rows pass through the same functions that the ingest and featurize stages apply to a batch. Dates are read
with the dataset's own format. Numbers and truth values become the categories that they stand for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fuelgauge.config.files import typed
from fuelgauge.data.about import About
from fuelgauge.data.arrow import ARRAY, is_tensor, tensor, to_array
from fuelgauge.data.columns import Columns, convert, mixture, without_zone
from fuelgauge.data.dataset import Examples, as_input
from fuelgauge.errors import DataError, nearest
from fuelgauge.features.featurize import features_of, named_columns, to_arrow
from fuelgauge.registry._reading import Reading, settings_of
from fuelgauge.registry._seen import Notes, Seen
from fuelgauge.spec.dataset import DatasetConfig
from fuelgauge.spec.description import Description
from fuelgauge.spec.features import FeatureSetConfig
from fuelgauge.spec.names import RAW

__all__ = ["FILE", "QUERY", "Asked", "Query", "Rows", "predictions"]

FILE = "query.json"
QUERY = "query"
MIDNIGHT = " 00:00:00.000000"
# A DataFrame, an array, an Arrow table or batch, or lists of values by column.
Rows: TypeAlias = Any


@dataclass(frozen=True)
class Asked:
    """A query as model input, with the findings about its values.

    Parameters
    ----------
    examples
        Model input; the unknown targets are zeros.
    notes
        Findings about the values; empty for a version of an earlier release.
    """

    examples: Examples
    notes: Notes


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
    source
        Settings by which the dataset's file is read, such as its date formats. None for a version of an
        earlier release, whose queries hold timestamps in place of texts.
    seen
        Categories and ranges of the training rows; None for a version of an earlier release.
    """

    description: Description
    columns: Columns
    dataset: DatasetConfig
    feature_set: FeatureSetConfig
    shape: tuple[int, ...] = ()
    dtype: str = ""
    source: Mapping[str, Any] | None = None
    seen: Seen | None = None

    @classmethod
    def of(
        cls, raw: Path, dataset: DatasetConfig, feature_set: FeatureSetConfig, description: Description
    ) -> Query:
        """Return the query format of an ingested dataset."""
        with pq.ParquetFile(raw) as file:
            columns, schema = About.of(file).columns, file.schema_arrow
        kept = replace(columns, target="", group="", time="")
        named = replace(named_columns(dataset, columns), source={})
        source = settings_of(dataset.source)
        if not columns.array:
            return cls(description, kept, named, feature_set, source=source)
        kind = schema.field(ARRAY).type
        dtype = np.dtype(kind.value_type.to_pandas_dtype()).name
        return cls(description, kept, named, feature_set, tuple(kind.shape), dtype, source)

    def with_seen(self, table: pa.Table) -> Query:
        """Return the query format with the categories and ranges of some rows of the ingested table."""
        if self.columns.text:
            return replace(self, seen=Seen({}, {}))
        return replace(self, seen=Seen.of(table, self.inputs_of))

    def inputs_of(self, rows: pa.Table) -> dict[str, Any]:
        """Return the raw features of the columns that the feature set uses."""
        known = self.columns
        if self.feature_set.name != RAW:
            known = replace(
                known, numeric=known.all_numeric, categorical=known.all_categorical, dates=known.all_dates
            )
        return features_of(rows, known, self.dataset, FeatureSetConfig(name=RAW))

    @cached_property
    def reading(self) -> Reading:
        """Rules by which the columns of a query are read."""
        return Reading(self.columns, self.source or {}, self.seen)

    def examples(self, rows: Rows) -> Examples:
        """Return rows as model input; the unknown targets are filled with zeros.

        Raises
        ------
        DataError
            There is no row, or a value cannot become a feature; the message names the column.
        """
        return self.asked(rows).examples

    def asked(self, rows: Rows, first_row: int = 0, where: str = QUERY) -> Asked:
        """Return rows as model input, with the findings about their values.

        Parameters
        ----------
        rows
            Rows as a query or a file brings them.
        first_row
            Number of rows that come before these, for messages.
        where
            Name of the file for messages.

        Raises
        ------
        DataError
            There is no row, or a value cannot become a feature; the message names the column.
        """
        table = self.table(rows, first_row, where)
        n_rows = table.num_rows
        if not n_rows:
            raise DataError(f"the {where} has no rows." if where == QUERY else f"{where} has no rows.")
        try:
            features = features_of(table, self.columns, self.dataset, self.feature_set)
        except pd.errors.OutOfBoundsDatetime as error:
            raise DataError(f"{where}: a date lies outside the years that can be used ({error}).") from error
        check_finite(features, first_row, where)
        about = self.description
        y = np.zeros(n_rows, dtype=np.int64 if about.classes else np.float64)
        made = Examples(as_input(to_arrow(features)), y, about.task, len(about.classes), about.categorical)
        return Asked(made, self.notes(table, features))

    def notes(self, table: pa.Table, features: dict[str, Any]) -> Notes:
        """Return the findings about the values of a query."""
        if self.columns.text and self.seen is not None:
            name = self.columns.text[0]
            empty = pc.sum(pc.equal(table[name], "")).as_py()
            return Notes(missing={name: empty} if empty else {})
        if self.seen is None:
            return Notes()
        if self.shape and self.feature_set.name != RAW:
            features = {ARRAY: to_array(table[ARRAY])}
        return self.seen.notes(features, table.num_rows)

    def table(self, rows: Rows, first_row: int = 0, where: str = QUERY) -> pa.Table:
        """Return rows in the form in which the ingest stage writes them."""
        if self.shape:
            return self.arrays(rows, where)
        given = self.given(rows, where)
        if self.source is not None:
            given = {name: self.reading.column(name, v, first_row, where) for name, v in given.items()}
        batch = pa.RecordBatch.from_arrays([*given.values()], names=[*given])
        return convert(batch, self.columns, self.description.task, first_row, where)

    def arrays(self, rows: Rows, where: str) -> pa.Table:
        """Return the rows of a dataset of arrays as a table."""
        if isinstance(rows, pa.Table | pa.RecordBatch):
            if not is_tensor(rows[ARRAY].type):
                raise DataError(f"{where}: column '{ARRAY}' holds {rows[ARRAY].type}, not one array per row.")
            values = to_array(rows[ARRAY])
        else:
            values = np.asarray(rows)
        if len(values) and values.shape[1:] != self.shape:
            raise DataError(
                f"{where}: the shape {values.shape} does not match expected shape {(-1, *self.shape)}."
            )
        wanted = np.dtype(self.dtype)
        with np.errstate(all="ignore"):
            cast = values.astype(wanted)
        if wanted.kind in "iu" and not np.array_equal(cast, values):
            limits = np.iinfo(wanted)
            raise DataError(f"{where}: the arrays must hold whole numbers from {limits.min} to {limits.max}.")
        return pa.table({ARRAY: tensor(cast.reshape(-1, *self.shape))})

    def given(self, rows: Rows, where: str) -> dict[str, pa.Array | list[Any]]:
        """Return the columns of a query by name: Arrow arrays, and lists of categories."""
        names = rows.column_names if isinstance(rows, pa.Table) else self.names_in(rows)
        categorical = self.columns.all_categorical if self.source is not None else ()
        found: dict[str, pa.Array | list[Any]] = {}
        for name in self.columns.everything:
            if name not in names:
                raise DataError(f"the {where} has no column '{name}', {nearest(name, list(names))}.")
            values = rows[name]
            if isinstance(values, pa.ChunkedArray):
                values = values.combine_chunks()
            elif name in categorical and not isinstance(values, pa.Array):
                values = list(values)
            elif not isinstance(values, pa.Array):
                values = as_arrow(values, name, where)
            found[name] = values
        return found

    @staticmethod
    def names_in(rows: Any) -> list[str]:
        """Return the names of the columns of a query."""
        return list(rows.schema.names if isinstance(rows, pa.RecordBatch) else rows)

    def rows_of(self, table: pa.Table) -> pd.DataFrame | np.ndarray:
        """Return rows of the ingested table in the form in which a query brings them."""
        if self.shape:
            return table[ARRAY].combine_chunks().to_numpy_ndarray()
        table = table.select(list(self.columns.everything))
        numbers = dict.fromkeys(self.columns.all_numeric, np.float64)
        strings = dict.fromkeys((*self.columns.all_categorical, *self.columns.text), object)
        dates = dict.fromkeys(self.columns.all_dates, "datetime64[ns]" if self.source is None else object)
        if self.source is not None:
            for name in self.columns.all_dates:
                table = table.set_column(table.column_names.index(name), name, iso(table[name]))
        return table.to_pandas().astype({**numbers, **strings, **dates})

    def suited(self, rows: pd.DataFrame | np.ndarray) -> pd.DataFrame | np.ndarray:
        """Return rows of another version of the dataset's model in the form that this version asks for."""
        if self.source is not None or not isinstance(rows, pd.DataFrame):
            return rows
        return rows.astype(dict.fromkeys(self.columns.all_dates, "datetime64[ns]"))

    def answers(self, predicted: np.ndarray) -> pd.DataFrame:
        """Return predictions as answers: label and probabilities, or the value."""
        return pd.DataFrame(self.records(predicted))

    def records(self, predicted: np.ndarray) -> list[dict[str, Any]]:
        """Return predictions as one mapping per row: label and probabilities, or the value."""
        classes = self.description.classes
        if not classes:
            return [{"value": value} for value in predicted.astype(np.float64).tolist()]
        return [
            {"label": classes[code], "probabilities": dict(zip(classes, row, strict=True))}
            for code, row in zip(predicted.argmax(axis=1), predicted.astype(np.float64).tolist(), strict=True)
        ]

    def save(self, folder: Path) -> None:
        """Write the query format into a folder."""
        content = {**asdict(replace(self, seen=None)), "columns": self.columns.to_json()}
        del content["seen"]
        (folder / FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        if self.seen is not None:
            self.seen.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Query:
        """Return the query format that `save` has written into a folder."""
        content: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return cls(
            description=Description(**tuples(content["description"])),
            columns=Columns.from_json(content["columns"]),
            dataset=typed(DatasetConfig, content["dataset"], FILE),
            feature_set=typed(FeatureSetConfig, content["feature_set"], FILE),
            shape=tuple(content["shape"]),
            dtype=content["dtype"],
            source=content.get("source"),
            seen=Seen.load(folder),
        )


def as_arrow(values: Any, name: str, where: str) -> pa.Array:
    """Return a column as an Arrow array; dates with a time zone become UTC."""
    try:
        plain = without_zone(values) if isinstance(values, pd.Series) else values
        return pa.array(plain, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"{where}: {mixture(pd.Series(values, name=name, dtype=object))}") from error
    except (ValueError, OverflowError) as error:
        raise DataError(f"{where}: column '{name}' holds a value that cannot be read ({error}).") from error


def check_finite(features: Mapping[str, Any], first_row: int, where: str) -> None:
    """Raise DataError if a feature is infinite."""
    for name, values in features.items():
        if isinstance(values, np.ndarray) and values.dtype.kind == "f" and np.isinf(values).any():
            row = first_row + int(np.argwhere(np.isinf(values))[0][0]) + 1
            raise DataError(f"{where}: feature '{name}' is infinite or too large for a float32 in row {row}.")


def iso(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return dates as strings by ISO 8601, without the time of day if it is midnight in all rows."""
    texts = pc.cast(column, pa.string())
    at_midnight = pc.all(pc.ends_with(texts, MIDNIGHT)).as_py()
    return pc.replace_substring(texts, MIDNIGHT, "") if at_midnight else texts


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
