"""The typed schema of params.yaml and conf/, and the checks that run before any compute."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import yaml
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fuelgauge import paths
from fuelgauge.data.splits import AnchorRule, SplitRule
from fuelgauge.errors import ConfigError, nearest
from fuelgauge.families import FAMILIES, SUBFAMILIES
from fuelgauge.features import tabular
from fuelgauge.features.image import ImageSettings
from fuelgauge.features.sequence import SequenceSettings
from fuelgauge.features.text import TextSettings
from fuelgauge.naming import DEFAULT_SIZE, NO_SEARCH, RAW, changed, contestant

MODALITIES = ("tabular", "text", "image", "sequence")
TASKS = ("binary", "multiclass", "regression")
DEVICES = ("auto", "cpu", "cuda")
# A list of names in params.yaml, and the Hydra group whose options it names.
GROUPS_OF_NAMES = {
    "datasets": "dataset",
    "features": "feature_set",
    "models": "model",
    "searches": "search",
    "claims": "claim",
}
LISTS = ("datasets", "models", "features", "sizes", "searches")
RANGES = ("float", "int", "choice")
METHODS = ("none", "random", "tpe")
PACKING = ("auto", "off")
LEAST_FACTOR = 1.01  # of one anchor to the next; smaller ones would be measured within a row of each other
EXECUTORS = ("local", "ray")
PLAIN_NAME = "[a-z0-9_]+"
MONTH = r"\d{4}-(0[1-9]|1[0-2])"
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
class Range:
    """What a search may choose for a hyperparameter.

    Numbers (`float`, `int`) from `low` to `high`, on a logarithmic scale with `log`, whole multiples
    of `step` above `low` with `step`; or one of `values` (`choice`).
    """

    type: str = MISSING
    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = None
    values: list[Any] = field(default_factory=list)


@dataclass
class ModelConfig:
    """One contestant: the class that fits it, what it can take and its hyperparameters.

    `search` gives the ranges of a hyperparameter search and `capacity` the sizes beside the default
    one, from small to large, each as the hyperparameters that it changes. A dotted name reaches into
    a hyperparameter that is a mapping. A dataset of more than `max_features` features is skipped, with
    that reason. `packed_rows` is, by device, the largest n_train at which repeats are trained together
    (fuelgauge.models.packing), where it pays. `pretrained_on` says in a sentence what a pretrained model has
    seen before: labels are not all that it learned from.
    """

    name: str = MISSING
    target: str = MISSING
    family: str = MISSING
    subfamily: str = ""
    modalities: list[str] = MISSING
    tasks: list[str] = MISSING
    devices: list[str] = field(default_factory=lambda: ["cpu"])
    max_features: int | None = None
    packed_rows: dict[str, int] = field(default_factory=dict)
    pretrained_on: str = ""
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    search: dict[str, Range] = field(default_factory=dict)
    capacity: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class SearchConfig:
    """How hyperparameters are searched within the rows of an anchor: `none`, `random` or `tpe`.

    Either `trials` fits, the default among them, or fits until they have taken `seconds`.
    """

    name: str = MISSING
    method: str = MISSING
    trials: int | None = None
    seconds: float | None = None


@dataclass
class ExecutorConfig:
    """How trials are spread: `workers` processes (None: cores / threads), a time limit per trial.

    With `pack` = `auto` repeats of a net are trained together where that pays; with `off` each alone.
    `kind` is `local`, processes of this machine, or `ray`: `address` is that of a cluster (None: Ray on this
    machine) and `gpus` the share of a GPU that a trial takes.
    """

    kind: str = "local"
    address: str | None = None
    gpus: float = 0.0
    workers: int | None = None
    trial_seconds: float | None = None
    pack: str = "auto"


@dataclass
class TrackingConfig:
    """Where MLflow records go. An empty URI switches tracking off."""

    uri: str = ""
    artifact_location: str | None = None


@dataclass
class DataRule:
    """How much of the data there is. `until` is the last month to be seen, such as 2013-06; None: all.

    It holds for datasets with a column of time; the others stay whole (fuelgauge.data.months).
    """

    until: str | None = None


@dataclass
class RegistryConfig:
    """When a challenger becomes champion, and how a champion is served.

    The champion's loss must fall by more than `margin` of itself, by the lower end of a bootstrap interval
    of `level` over at least `least_rows` held-out rows that the champion was not fitted on.
    """

    margin: float = 0.01
    level: float = 0.95
    resamples: int = 1000
    seed: int = 0
    least_rows: int = 100
    host: str = "127.0.0.1"
    port: int = 5001
    look_seconds: float = 5.0


@dataclass
class Params:
    """The content of params.yaml."""

    datasets: list[str] = MISSING
    models: list[str] = MISSING
    features: list[str] = field(default_factory=lambda: [RAW])
    sizes: list[str] = field(default_factory=lambda: [DEFAULT_SIZE])
    searches: list[str] = field(default_factory=lambda: [NO_SEARCH])
    data: DataRule = field(default_factory=DataRule)
    anchors: AnchorRule = field(default_factory=AnchorRule)
    repeats: int = 5
    seed: int = 0
    split: SplitRule = field(default_factory=SplitRule)
    device: str = "auto"
    threads: int = 1
    claims: list[str] = field(default_factory=list)
    prices: str = "cloud"
    register: list[str] = field(default_factory=list)


@dataclass
class Config(Params):
    """What one job sees: the parameters, and the dataset and contestant that it is about."""

    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    feature_set: FeatureSetConfig = field(default_factory=FeatureSetConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    size: str = DEFAULT_SIZE
    search: SearchConfig = field(default_factory=SearchConfig)
    executor: ExecutorConfig = field(default_factory=ExecutorConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    registry: RegistryConfig = field(default_factory=RegistryConfig)

    @property
    def contestant(self) -> str:
        """The name of the model on this feature set, in this size, with this search."""
        return contestant(self.model.name, self.feature_set.name, self.size, self.search.name)


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
    check_option("price", checked.prices, f"{path.name}, prices")
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
        place = f"{where}, {error.full_key}" if error.full_key else where
        raise ConfigError(f"{place}: {str(error).splitlines()[0]}") from error


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


@functools.cache
def known_sizes() -> frozenset[str]:
    """Return the names of all sizes that some model in conf/model has."""
    sizes = (model_file(name).get("capacity", {}) for name in options("model"))
    return frozenset({DEFAULT_SIZE}).union(*sizes)


@functools.cache
def model_modules(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the modules that files in conf/model name as the models' own, each once."""
    known = set(names).intersection(options("model"))
    targets = {model_file(name).get("target", "") for name in known}
    return tuple(sorted(target.rpartition(".")[0] for target in targets if target))


def model_file(name: str) -> dict[str, Any]:
    """Return the content of conf/model/<name>.yaml, unchecked."""
    content: dict[str, Any] = yaml.safe_load((paths.CONF / "model" / f"{name}.yaml").read_text())
    return content


def check_option(group: str, name: str, where: str) -> None:
    """Raise ConfigError, with the nearest valid name, if a group has no such option."""
    if name not in options(group):
        raise ConfigError(f"{where}: there is no {group} '{name}', {nearest(name, options(group))}.")


def check_params(params: Params, where: str) -> None:
    """Raise ConfigError if a parameter lies outside what it may be; the sentence names it."""
    lists = {name: getattr(params, name) for name in LISTS}
    rules = [
        *((len(names) > 0, f"{key} is empty; name at least one") for key, names in lists.items()),
        *(
            (len(set(names)) == len(names), f"{key} names one twice")
            for key, names in {**lists, "claims": params.claims, "register": params.register}.items()
        ),
        *(
            (n in params.datasets, f"register: '{n}' is not in datasets, {nearest(n, params.datasets)}")
            for n in params.register
        ),
        (params.anchors.start >= 8, f"anchors.start is {params.anchors.start}; it must be at least 8"),
        (params.seed >= 0, f"seed is {params.seed}; it must be at least 0"),
        (
            LEAST_FACTOR <= params.anchors.factor < math.inf,
            f"anchors.factor is {params.anchors.factor}; it must be at least {LEAST_FACTOR} and finite",
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
        (
            params.data.until is None or bool(re.fullmatch(MONTH, params.data.until)),
            f"data.until is '{params.data.until}'; write a month such as 2013-06, or null for all data",
        ),
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
    if model.subfamily and SUBFAMILIES.get(model.subfamily) != model.family:
        raise ConfigError(
            f"{where}: subfamily '{model.subfamily}' is none of the family {model.family}; leave it out, or "
            f"give {' or '.join(SUBFAMILIES)} in the family trees."
        )
    for modality in model.modalities:
        check_member("modalities", modality, MODALITIES, where)
    for task in model.tasks:
        check_member("tasks", task, TASKS, where)
    for device in model.devices:
        check_member("devices", device, ("cpu", "cuda"), where)
    if (model.family == "pretrained") != bool(model.pretrained_on):
        raise ConfigError(f"{where}: pretrained_on belongs to the family pretrained, and to no other.")
    for name, choice in model.search.items():
        check_range(choice, f"{where}, search.{name}")
    changed(model.hyperparameters, dict.fromkeys(model.search), where)
    for size, changes in model.capacity.items():
        if size == DEFAULT_SIZE or not re.fullmatch(PLAIN_NAME, size):
            raise ConfigError(
                f"{where}: capacity names a size '{size}'; it must be of the letters a to z, digits and _, "
                f"and not '{DEFAULT_SIZE}', which is the file's own hyperparameters."
            )
        changed(model.hyperparameters, changes, where)


def check_range(choice: Range, where: str) -> None:
    """Raise ConfigError if a search could not choose from a range."""
    check_member("type", choice.type, RANGES, where)
    if choice.type == "choice":
        if not choice.values:
            raise ConfigError(f"{where}: a choice needs values.")
        return
    if choice.low is None or choice.high is None or not choice.low < choice.high:
        raise ConfigError(
            f"{where}: low and high are {choice.low} and {choice.high}; low must be below high."
        )
    if choice.log and (choice.low <= 0 or choice.step is not None):
        raise ConfigError(f"{where}: a logarithmic range begins above 0 and has no step.")
    if choice.step is not None and not 0 < choice.step <= choice.high - choice.low:
        raise ConfigError(f"{where}: step is {choice.step}; it must be above 0 and fit into the range.")
    given = (choice.low, choice.high, choice.step or 0)
    if choice.type == "int" and any(value != int(value) for value in given):
        raise ConfigError(f"{where}: low, high and step of an int must be whole numbers.")


def check_search(search: SearchConfig) -> None:
    """Raise ConfigError if a search has no end or no beginning."""
    where = f"conf/search/{search.name}.yaml"
    check_member("method", search.method, METHODS, where)
    if not re.fullmatch(PLAIN_NAME, search.name):
        raise ConfigError(f"{where}: its name must be of the letters a to z, digits and _.")
    if (search.name == NO_SEARCH) != (search.method == "none"):
        raise ConfigError(
            f"{where}: method is '{search.method}'; the search '{NO_SEARCH}' alone has the method none."
        )
    if search.method == "none":
        return
    if search.trials is None and search.seconds is None:
        raise ConfigError(f"{where}: the search has no end; set trials, seconds or both.")
    for setting in ("trials", "seconds"):
        value = getattr(search, setting)
        if value is not None and value <= 0:
            raise ConfigError(f"{where}: {setting} is {value}; it must be above 0 or null.")


def check_executor(executor: ExecutorConfig) -> None:
    """Raise ConfigError if trials cannot be spread as asked."""
    if executor.workers is not None and executor.workers < 1:
        raise ConfigError(f"executor.workers is {executor.workers}; it must be at least 1 or null.")
    if executor.trial_seconds is not None and executor.trial_seconds <= 0:
        raise ConfigError(f"executor.trial_seconds is {executor.trial_seconds}; it must be above 0 or null.")
    if executor.gpus < 0:
        raise ConfigError(f"executor.gpus is {executor.gpus}; it must be at least 0.")
    check_member("executor.kind", executor.kind, EXECUTORS, "conf/executor or an override")
    check_member("executor.pack", executor.pack, PACKING, "conf/executor or an override")


def check_registry(registry: RegistryConfig) -> None:
    """Raise ConfigError if a rule of the registry lies outside what it may be."""
    rules = (
        (0 <= registry.margin < 1, "margin", "at least 0 and below 1"),
        (0 < registry.level < 1, "level", "between 0 and 1"),
        (registry.resamples >= 100, "resamples", "at least 100"),
        (registry.least_rows >= 1, "least_rows", "at least 1"),
        (0 <= registry.port < 65536, "port", "a port, or 0 for any that is free"),
        (registry.look_seconds > 0, "look_seconds", "above 0"),
    )
    for holds, setting, wanted in rules:
        if not holds:
            raise ConfigError(f"registry.{setting} is {getattr(registry, setting)}; it must be {wanted}.")


# What an option of a group must keep to beside its schema.
CHECKS: dict[str, Callable[[Any], None]] = {
    "dataset": check_dataset,
    "model": check_model,
    "search": check_search,
    "executor": check_executor,
    "registry": check_registry,
}


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
    for group, check in CHECKS.items():
        check(getattr(config, group))
    return config
