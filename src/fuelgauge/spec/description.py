"""The facts about a featurized dataset."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Description"]


@dataclass(frozen=True)
class Description:
    """The facts about a featurized dataset, without its rows.

    Parameters
    ----------
    inputs
        Kind of the features: the modality of the dataset for raw features, `tabular` for engineered features.
    shape
        Shape of the array of one row; empty for tables and texts.
    gap
        Least distance in time between training and test rows, in the unit of `__time__` (seconds for dates).
    n_source, n_without_target, n_identical
        Number of rows in the source, of rows without a target, and of rows that repeat an earlier row.
    duplicates
        Treatment of the rows that repeat an earlier row: `drop` or `keep`.
    missing
        Share of missing values, between 0 and 1, by feature. Features without missing values are not listed.
    fingerprint
        SHA-256 of the names, types and values of all columns.
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
        """The facts that can change a result."""
        names = ("name", "task", "metric", "features", "inputs", "gap", "fingerprint")
        return {name: getattr(self, name) for name in names}
