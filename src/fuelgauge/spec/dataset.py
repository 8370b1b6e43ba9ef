"""The configuration of a dataset, and the values that its settings may have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

__all__ = [
    "DUPLICATES",
    "METRICS",
    "MODALITIES",
    "TASKS",
    "ColumnCheck",
    "DatasetConfig",
    "EngineeredFeatures",
    "FeatureTypes",
]

MODALITIES = ("tabular", "text", "image", "sequence")
TASKS = ("binary", "multiclass", "regression")
METRICS = {
    "binary": ("roc_auc", "accuracy", "log_loss"),
    "multiclass": ("accuracy", "log_loss"),
    "regression": ("rmse", "mae"),
}
DUPLICATES = ("drop", "keep")


@dataclass
class FeatureTypes:
    """The columns that models may use as features, by kind.

    Parameters
    ----------
    numeric
        Columns of numbers, for a tabular dataset.
    categorical
        Columns of categories, for a tabular dataset.
    dates
        Columns of dates, for a tabular dataset.
    text
        Name of the column that holds the texts, for a text dataset. The column of sequences and images is
        always `x`.
    infer
        Whether every column except target, group and time is a feature. Its kind then follows from its type.
    """

    numeric: list[str] = field(default_factory=list)
    categorical: list[str] = field(default_factory=list)
    dates: list[str] = field(default_factory=list)
    text: str = ""
    infer: bool = False


@dataclass
class EngineeredFeatures:
    """Features that the feature set `engineered` has in addition to those of `raw` (fuelgauge.features).

    Parameters
    ----------
    numeric
        Further columns of numbers.
    categorical
        Further columns of categories.
    dates
        Further columns of dates.
    derive
        Arithmetic expressions on the columns of a row, by the name of the new feature.
    cyclic
        Periods of numbers that repeat, such as 24 for an hour of the day, by the name of the column.
    lags
        Lags of a sequence in steps. The value of each channel that many steps before the end is a feature.
    """

    numeric: list[str] = field(default_factory=list)
    categorical: list[str] = field(default_factory=list)
    dates: list[str] = field(default_factory=list)
    derive: dict[str, str] = field(default_factory=dict)
    cyclic: dict[str, float] = field(default_factory=dict)
    lags: list[int] = field(default_factory=list)


@dataclass
class ColumnCheck:
    """Limits of the values of a column; None stands for no limit.

    Parameters
    ----------
    min
        Smallest valid number.
    max
        Largest valid number.
    values
        All valid values.
    """

    min: float | None = None
    max: float | None = None
    values: list[str] | None = None


@dataclass
class DatasetConfig:
    """One dataset: its source, its task and its metric.

    Parameters
    ----------
    name
        Name of the file in conf/dataset, without `.yaml`.
    title
        Title for the report.
    modality
        tabular, text, image or sequence.
    task
        binary, multiclass or regression.
    metric
        Metric of the scores; `METRICS` lists the metrics of each task.
    target
        Name of the column to predict.
    control
        Whether no verdict counts the dataset: a copy of another one without its pattern, such as permuted
        pixels, or a synthetic one.
    source
        Loader (`_target_`) and its arguments.
    features
        Columns of the feature set `raw`.
    engineered
        Further features of the feature set `engineered`.
    group
        Column whose rows of one value are never on both sides of a split; empty for none.
    time
        Column by which training rows are earlier than test rows; empty for none.
    gap
        Least distance in time between training and test rows: a number, or a duration such as 7D.
    duplicates
        Treatment of identical rows: `drop` or `keep`.
    checks
        Limits of the values of columns, by the name of the column.
    licence
        Licence of the data.
    citation
        Work to cite.
    reference
        Published results on the same data.
    """

    name: str = MISSING
    title: str = MISSING
    modality: str = MISSING
    task: str = MISSING
    metric: str = MISSING
    target: str = MISSING
    control: bool = False
    source: dict[str, Any] = field(default_factory=dict)
    features: FeatureTypes = field(default_factory=FeatureTypes)
    engineered: EngineeredFeatures = field(default_factory=EngineeredFeatures)
    group: str = ""
    time: str = ""
    gap: Any = 0
    duplicates: str = "drop"
    checks: dict[str, ColumnCheck] = field(default_factory=dict)
    licence: str = MISSING
    citation: str = MISSING
    reference: str = ""
