"""The description of a featurized dataset."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Description:
    """What is known of a dataset beside its rows.

    Parameters
    ----------
    inputs
        The kind of the features: the dataset's modality for raw ones, `tabular` for engineered ones.
    shape
        Of the array of one row; empty for columns and texts.
    gap
        Of a temporal split, in the unit of `__time__` (seconds for dates).
    n_source, n_without_target, n_identical
        Rows that the source had, those without a target, and those that have an identical one before
        them; `duplicates` says whether the last were dropped.
    missing
        The share of missing values by feature; only features that lack any.
    fingerprint
        A SHA-256 of the content: names, types and values of all columns.
    """

    name: str
    title: str
    modality: str
    inputs: str
    task: str
    metric: str
    control: bool
    features: str
    shape: tuple[int, ...]
    n_rows: int
    n_features: int
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    target_mean: float
    target_std: float
    missing: dict[str, float]
    missing_fraction: float
    gap: float
    duplicates: str
    n_source: int
    n_without_target: int
    n_identical: int
    warnings: tuple[str, ...]
    fingerprint: str

    @property
    def identity(self) -> dict[str, str | float]:
        """What of a description can change a result."""
        names = ("name", "task", "metric", "features", "inputs", "gap", "fingerprint")
        return {name: getattr(self, name) for name in names}
