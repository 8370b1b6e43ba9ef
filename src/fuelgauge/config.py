"""The typed schema of params.yaml and conf/, and the checks that run before any compute."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import yaml
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fuelgauge import paths
from fuelgauge.data.splits import AnchorRule, SplitRule
from fuelgauge.errors import ConfigError, nearest
from fuelgauge.features import tabular
from fuelgauge.features.image import ImageSettings
from fuelgauge.features.sequence import SequenceSettings
from fuelgauge.features.text import TextSettings

MODALITIES = ("tabular", "text", "image", "sequence")
TASKS = ("binary", "multiclass", "regression")
FAMILIES = ("baseline", "linear", "neighbours", "trees", "deep", "pretrained")
DEVICES = ("auto", "cpu", "cuda")
# A list of names in params.yaml, and the Hydra group whose options it names.
GROUPS_OF_NAMES = {"datasets": "dataset", "features": "feature_set", "models": "model", "claims": "claim"}
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


@dataclass
class FeatureSetConfig:
    """One way to show a dataset to models: `raw`, or `engineered` with its settings by modality."""

    name: str = MISSING
    text: TextSettings = field(default_factory=TextSettings)
    image: ImageSettings = field(default_factory=ImageSettings)
    sequence: SequenceSettings = field(default_factory=SequenceSettings)


@dataclass
class ModelConfig:
    """One contestant: the class that fits it, what it can take and its hyperparameters."""

    name: str = MISSING
    target: str = MISSING
    family: str = MISSING
    modalities: list[str] = MISSING
    tasks: list[str] = MISSING
    devices: list[str] = field(default_factory=lambda: ["cpu"])
    hyperparameters: dict[str, Any] = field(default_factory=dict)


@dataclass
class ExecutorConfig:
    """How trials are spread: `workers` processes (None: cores / threads), a time limit per trial."""

    workers: int | None = None
    trial_seconds: float | None = None


@dataclass
class TrackingConfig:
    """Where MLflow records go. An empty URI switches tracking off."""

    uri: str = ""
    artifact_location: str | None = None


@dataclass
class Params:
    """The content of params.yaml."""

    datasets: list[str] = MISSING
    models: list[str] = MISSING
    features: list[str] = field(default_factory=lambda: ["raw"])
    anchors: AnchorRule = field(default_factory=AnchorRule)
    repeats: int = 5
    seed: int = 0
    split: SplitRule = field(default_factory=SplitRule)
    device: str = "auto"
    threads: int = 1
    claims: list[str] = field(default_factory=list)


@dataclass
class Config(Params):
    """What one job sees: the parameters, and the dataset and model that it is about."""

    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    feature_set: FeatureSetConfig = field(default_factory=FeatureSetConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    executor: ExecutorConfig = field(default_factory=ExecutorConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)


def load_params(path: Path = paths.PARAMS) -> dict[str, Any]:
    """Read params.yaml and check every name and type in it.

    Raises
    ------
    ConfigError
        The file is missing or not YAML, or a key or value is not allowed; the sentence names it.
    """
    if not path.is_file():
        raise ConfigError(f"{path} does not exist: run this inside a checkout of the project.")
    try:
        content = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} holds no settings (key: value), but a {type(content).__name__}.")
    checked = typed(Params, content, path.name)
    check_params(checked, path.name)
    for setting, group in GROUPS_OF_NAMES.items():
        for name in getattr(checked, setting):
            check_option(group, name, f"{path.name}, {setting}")
    return content


def typed(schema: type, content: Mapping[str, Any], where: str) -> Any:
    """Merge a plain mapping into a dataclass schema.

    Raises
    ------
    ConfigError
        A key is unknown (the nearest valid one is named) or a value has the wrong type.
    """
    check_keys(schema, content, where)
    try:
        return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), dict(content)))
    except OmegaConfBaseException as error:
        raise ConfigError(f"{where}: {str(error).splitlines()[0]}") from error


def check_keys(schema: type, content: Mapping[str, Any], where: str) -> None:
    """Name an unknown key and the nearest valid one, at any depth of a dataclass schema."""
    valid = {f.name for f in fields(schema)}
    hints = get_type_hints(schema)
    for key, value in content.items():
        if key not in valid:
            raise ConfigError(f"{where}: unknown setting '{key}', {nearest(str(key), valid)}.")
        if get_origin(hints[key]) is list and not isinstance(value, list):
            raise ConfigError(f"{where}: {key} is '{value}'; write a list, [{value}].")
        if is_dataclass(hints[key]) and isinstance(value, Mapping):
            check_keys(hints[key], value, f"{where}, {key}")


def options(group: str) -> list[str]:
    """Return the names that a Hydra group offers: the YAML files in its folder."""
    return sorted(p.stem for p in (paths.CONF / group).glob("*.yaml"))


def check_option(group: str, name: str, where: str) -> None:
    """Raise ConfigError, with the nearest valid name, if a group has no such option."""
    if name not in options(group):
        raise ConfigError(f"{where}: there is no {group} '{name}', {nearest(name, options(group))}.")


def check_params(params: Params, where: str) -> None:
    """Raise ConfigError if a parameter lies outside what it may be; the sentence names it."""
    rules = [
        (len(params.datasets) > 0, "datasets is empty; name at least one"),
        (len(params.models) > 0, "models is empty; name at least one"),
        (len(params.features) > 0, "features is empty; name at least one"),
        (len(set(params.datasets)) == len(params.datasets), "datasets names one twice"),
        (len(set(params.models)) == len(params.models), "models names one twice"),
        (len(set(params.features)) == len(params.features), "features names one twice"),
        (params.anchors.start >= 8, f"anchors.start is {params.anchors.start}; it must be at least 8"),
        (params.seed >= 0, f"seed is {params.seed}; it must be at least 0"),
        (
            1 < params.anchors.factor < math.inf,
            f"anchors.factor is {params.anchors.factor}; it must be above 1 and finite",
        ),
        (
            params.anchors.stop is None or params.anchors.stop >= params.anchors.start,
            f"anchors.stop is {params.anchors.stop}; it must be at least anchors.start or null",
        ),
        (params.repeats >= 1, f"repeats is {params.repeats}; it must be at least 1"),
        (params.threads >= 1, f"threads is {params.threads}; it must be at least 1"),
        (0 < params.split.test_fraction < 1, "split.test_fraction must lie between 0 and 1"),
        (params.split.test_max >= 1, "split.test_max must be at least 1"),
        (0 < params.split.validation_fraction < 1, "split.validation_fraction must lie between 0 and 1"),
        (params.device in DEVICES, f"device is '{params.device}', {nearest(params.device, DEVICES)}"),
    ]
    for holds, problem in rules:
        if not holds:
            raise ConfigError(f"{where}: {problem}.")


def check_dataset(dataset: DatasetConfig) -> None:
    """Raise ConfigError if a dataset's description contradicts itself."""
    where = f"conf/dataset/{dataset.name}.yaml"
    check_member("modality", dataset.modality, MODALITIES, where)
    check_member("task", dataset.task, TASKS, where)
    check_member("metric", dataset.metric, METRICS[dataset.task], where)
    check_member("duplicates", dataset.duplicates, DUPLICATES, where)
    types = dataset.features
    if dataset.modality == "tabular" and not (
        types.numeric or types.categorical or types.dates or types.infer
    ):
        raise ConfigError(f"{where}: features names no column.")
    if dataset.modality == "text" and not types.text:
        raise ConfigError(f"{where}: features.text names no column.")
    if dataset.modality == "tabular" and not types.infer:
        tabular.check(dataset)
    if "_target_" not in dataset.source:
        raise ConfigError(f"{where}: source names no loader (_target_).")


def check_model(model: ModelConfig) -> None:
    """Raise ConfigError if a model's description contradicts itself."""
    where = f"conf/model/{model.name}.yaml"
    check_member("family", model.family, FAMILIES, where)
    for modality in model.modalities:
        check_member("modalities", modality, MODALITIES, where)
    for task in model.tasks:
        check_member("tasks", task, TASKS, where)
    for device in model.devices:
        check_member("devices", device, ("cpu", "cuda"), where)


def check_executor(executor: ExecutorConfig) -> None:
    """Raise ConfigError if trials cannot be spread as asked."""
    if executor.workers is not None and executor.workers < 1:
        raise ConfigError(f"executor.workers is {executor.workers}; it must be at least 1 or null.")
    if executor.trial_seconds is not None and executor.trial_seconds <= 0:
        raise ConfigError(f"executor.trial_seconds is {executor.trial_seconds}; it must be above 0 or null.")


def check_member(setting: str, value: str, valid: tuple[str, ...], where: str) -> None:
    """Raise ConfigError if a setting is not one of the valid values."""
    if value not in valid:
        raise ConfigError(f"{where}: {setting} is '{value}', {nearest(value, valid)}.")


def resolve(composed: DictConfig) -> Config:
    """Turn what Hydra composed into typed objects and check them.

    Raises
    ------
    ConfigError
        A value is missing, of the wrong type, or outside what it may be.
    """
    try:
        config = OmegaConf.to_object(composed)
    except OmegaConfBaseException as error:
        raise ConfigError(f"the composed configuration is incomplete: {error}") from error
    assert isinstance(config, Config)
    check_params(config, "params.yaml or an override")
    check_dataset(config.dataset)
    check_model(config.model)
    check_executor(config.executor)
    return config
