"""Checks of an ingested table: of each batch of rows, and of the table as a whole."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.compute as pc

from fuelgauge.data.columns import Columns, is_number
from fuelgauge.data.targets import check_classes, check_values
from fuelgauge.errors import ConfigError, DataError, nearest
from fuelgauge.spec.dataset import ColumnCheck, DatasetConfig

__all__ = [
    "MAX_CATEGORIES",
    "MAX_CLASSES",
    "MAX_MISSING_TARGETS",
    "Tally",
    "batch_schema",
    "check_batch",
    "check_complete",
]

MAX_CATEGORIES = 10_000
MAX_CLASSES = 1_000
MAX_MISSING_TARGETS = 0.5


def batch_schema(
    table: pa.Schema, columns: Columns, checks: dict[str, ColumnCheck]
) -> pandera.DataFrameSchema:
    """Return the pandera schema of a batch: floats are finite, and the checks of the description hold.

    Raises
    ------
    ConfigError
        A check names a column that the dataset does not use, or bounds a column that does not hold numbers.
    """
    described = {}
    for name, check in checks.items():
        where = f"checks.{name}"
        if name not in columns.everything:
            raise ConfigError(
                f"{where}: the dataset does not use such a column, {nearest(name, columns.everything)}."
            )
        bounded = check.min is not None or check.max is not None
        if bounded and not is_number(table.field(name).type):
            raise ConfigError(
                f"{where}: min and max need numbers, but the column holds {table.field(name).type}."
            )
    for name in columns.everything:
        rules = own_checks(checks.get(name))
        if pa.types.is_floating(table.field(name).type):
            rules.append(pandera.Check(lambda values: ~np.isinf(values), error="must be finite"))
        if rules:
            described[name] = pandera.Column(checks=rules, nullable=True)
    return pandera.DataFrameSchema(described)


def own_checks(check: ColumnCheck | None) -> list[pandera.Check]:
    """Return the checks that the description asks for, as pandera checks."""
    if check is None:
        return []
    rules = []
    if check.min is not None:
        rules.append(pandera.Check.ge(check.min, error=f"must be at least {check.min:g}"))
    if check.max is not None:
        rules.append(pandera.Check.le(check.max, error=f"must be at most {check.max:g}"))
    if check.values is not None:
        allowed = [str(value) for value in check.values]
        rules.append(
            pandera.Check(lambda values: values.astype(str).isin(allowed), error=f"must be one of {allowed}")
        )
    return rules


def check_batch(table: pa.Table, schema: pandera.DataFrameSchema, first_row: int, where: str) -> None:
    """Raise DataError with column and row if a batch violates the schema."""
    if not schema.columns:
        return
    frame = table.select(list(schema.columns)).to_pandas()
    try:
        schema.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        first = errors.failure_cases.sort_values("index", kind="stable").iloc[0]
        row = first_row + int(first["index"]) + 1
        raise DataError(
            f"{where}: column '{first['column']}' holds {first['failure_case']} in row {row}; "
            f"it {first['check']}. Correct the row or the check."
        ) from errors


class Tally:
    """Counts over all batches: rows, classes or range of the target, categories of each column."""

    def __init__(self, dataset: DatasetConfig, columns: Columns, where: str):
        self.dataset, self.columns, self.where = dataset, columns, where
        self.n_rows = 0
        self.n_without_target = 0
        self.classes: Counter[object] = Counter()
        self.lowest, self.highest = np.inf, -np.inf
        self.categories: dict[str, set[str]] = {name: set() for name in columns.all_categorical}

    def count(self, table: pa.Table) -> pa.Table:
        """Count a batch and return those of its rows that have a target."""
        target = table[self.columns.target]
        missing = pc.is_null(target, nan_is_null=True)
        labelled = table.filter(pc.invert(missing)) if pc.any(missing).as_py() else table
        self.n_rows += table.num_rows
        self.n_without_target += table.num_rows - labelled.num_rows
        self.count_target(labelled[self.columns.target])
        for name, seen in self.categories.items():
            seen.update(pc.unique(labelled[name]).to_pylist())
            if len(seen) > MAX_CATEGORIES:
                raise DataError(
                    f"{self.where}: column '{name}' has more than {MAX_CATEGORIES:,} categories; "
                    "leave it out, or group its rare categories."
                )
        return labelled

    def count_target(self, target: pa.ChunkedArray) -> None:
        """Count the rows of each class, or update the range of a regression target."""
        if self.dataset.task == "regression":
            if len(target):
                ends = pc.min_max(target)
                self.lowest = min(self.lowest, float(ends["min"].as_py()))
                self.highest = max(self.highest, float(ends["max"].as_py()))
            return
        for counted in pc.value_counts(target).to_pylist():
            self.classes[counted["values"]] += counted["counts"]
        if len(self.classes) > MAX_CLASSES:
            raise DataError(
                f"{self.where}: the target '{self.columns.target}' has more than {MAX_CLASSES:,} classes; "
                "if it is a quantity, set task: regression."
            )

    def check(self) -> None:
        """Raise DataError if a model cannot learn from the table as a whole."""
        target = self.columns.target
        if not self.n_rows:
            raise DataError(f"{self.where}: the source has no rows.")
        if self.n_without_target > MAX_MISSING_TARGETS * self.n_rows:
            raise DataError(
                f"{self.where}: the target '{target}' is missing in {self.n_without_target:,} of "
                f"{self.n_rows:,} rows; at least half of the rows need one."
            )
        if self.dataset.task == "regression":
            check_values(self.lowest, self.highest, self.where, target)
        else:
            names = sorted(self.classes, key=str)
            counts = np.array([self.classes[name] for name in names])
            check_classes(names, counts, self.dataset.task, self.where, target)


def check_complete(table: pa.Table, names: tuple[str, ...], first_row: int, where: str) -> None:
    """Raise DataError if one of the named columns, which the splits need, has a missing value."""
    for name in names:
        missing = pc.is_null(table[name], nan_is_null=True)
        if pc.any(missing).as_py():
            row = first_row + int(np.flatnonzero(missing.to_numpy())[0]) + 1
            raise DataError(
                f"{where}: column '{name}', which decides the split, is missing in row {row}; fill it in."
            )
