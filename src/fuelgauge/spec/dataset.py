"""A dataset: its configuration, and its description once it is featurized."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

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
    """Which columns a model may see, by kind.

    `text` names the column of a text dataset. Sequences and images have none: their one column is
    `x`. With `infer`, every column but target, group and time is a feature, by its type.
    """

    numeric: list[str] = field(default_factory=list)
    categorical: list[str] = field(default_factory=list)
    dates: list[str] = field(default_factory=list)
    text: str = ""
    infer: bool = False


@dataclass
class EngineeredFeatures:
    """What the feature set `engineered` shows beyond `raw` (fuelgauge.features)."""

    numeric: list[str] = field(default_factory=list)
    categorical: list[str] = field(default_factory=list)
    dates: list[str] = field(default_factory=list)
    derive: dict[str, str] = field(default_factory=dict)
    cyclic: dict[str, float] = field(default_factory=dict)
    lags: list[int] = field(default_factory=list)


@dataclass
class ColumnCheck:
    """What the values of a column must keep to; None asks nothing."""

    min: float | None = None
    max: float | None = None
    values: list[str] | None = None


@dataclass
class DatasetConfig:
    """One dataset: where it comes from, what is learned and how it is judged."""

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
