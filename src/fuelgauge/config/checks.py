"""Check the configuration without any data."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fuelgauge.config import engineered
from fuelgauge.errors import ConfigError, nearest
from fuelgauge.spec.dataset import DUPLICATES, METRICS, MODALITIES, TASKS, DatasetConfig
from fuelgauge.spec.hyperparameters import changed
from fuelgauge.spec.model import METHODS, RANGES, ModelConfig, Range, SearchConfig
from fuelgauge.spec.names import DEFAULT_SIZE, FAMILIES, NO_SEARCH, SUBFAMILIES
from fuelgauge.spec.params import (
    BESIDE,
    DEVICES,
    EXECUTORS,
    LISTS,
    PACKING,
    PROMOTIONS,
    Config,
    ExecutorConfig,
    Params,
    RegistryConfig,
)

__all__ = ["CHECKS", "RESERVED", "check_dataset", "check_member", "check_params", "resolve"]

LEAST_FACTOR = 1.01  # with a smaller factor, anchors would differ by less than a row
RESERVED = ("report", "overview", "default")  # names of experiments in MLflow that are no datasets
PLAIN_NAME = "[a-z0-9_]+"
MONTH = r"\d{4}-(0[1-9]|1[0-2])"


def check_params(params: Params, where: str) -> None:
    """Raise ConfigError if a value of params.yaml is not valid; the message names the setting."""
    lists = {name: getattr(params, name) for name in LISTS}
    rules = [
        *((len(names) > 0, f"{key} is empty; name at least one") for key, names in lists.items()),
        *(
            (len(set(names)) == len(names), f"{key} names one twice")
            for key, names in {**lists, "claims": params.claims, "register": params.register}.items()
        ),
        *(
            (False, f"register: '{name}' is not in datasets, {nearest(name, params.datasets)}")
            for name in sorted({*params.register} - {*params.datasets})
        ),
        (
            not params.exclude,
            "exclude works in params.yaml only; on the command line name the models, as in model=xgboost,mlp",
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
        *(
            (
                n_train >= params.anchors.start,
                f"models: the largest anchor of {model} is {n_train}; it must be at least anchors.start",
            )
            for model, by_dataset in params.limits.items()
            for n_train in by_dataset.values()
        ),
        (params.repeats >= 1, f"repeats is {params.repeats}; it must be at least 1"),
        (params.threads >= 1, f"threads is {params.threads}; it must be at least 1"),
        (0 < params.split.test_fraction < 1, "split.test_fraction must lie between 0 and 1"),
        (params.split.test_max >= 1, "split.test_max must be at least 1"),
        (0 < params.split.validation_fraction < 1, "split.validation_fraction must lie between 0 and 1"),
        (params.split.validation_max > 0, "split.validation_max must be positive"),
        (params.keep_predictions >= 0, "keep_predictions must not be negative"),
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
    """Raise ConfigError if a file of conf/dataset has an invalid value or contradicts itself."""
    where = f"conf/dataset/{dataset.name}.yaml"
    if dataset.name.lower() in RESERVED:
        raise ConfigError(
            f"{where}: MLflow and the report use the name '{dataset.name}'; give the dataset another name."
        )
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
        engineered.check(dataset)
    if "_target_" not in dataset.source:
        raise ConfigError(f"{where}: source names no loader (_target_).")


def check_model(model: ModelConfig) -> None:
    """Raise ConfigError if a file of conf/model has an invalid value or contradicts itself."""
    where = f"conf/model/{model.name}.yaml"
    check_member("family", model.family, FAMILIES, where)
    if model.subfamily and SUBFAMILIES.get(model.subfamily) != model.family:
        raise ConfigError(
            f"{where}: subfamily '{model.subfamily}' does not belong to the family {model.family}; leave it "
            f"out, or set {' or '.join(SUBFAMILIES)} in the family trees."
        )
    for modality in model.modalities:
        check_member("modalities", modality, MODALITIES, where)
    for task in model.tasks:
        check_member("tasks", task, TASKS, where)
    for device in model.devices:
        check_member("devices", device, ("cpu", "cuda"), where)
    if (model.family == "pretrained") != bool(model.pretrained_on):
        raise ConfigError(
            f"{where}: models of the family pretrained need pretrained_on; other models must not have it."
        )
    for name, choice in model.search.items():
        check_range(choice, f"{where}, search.{name}")
    changed(model.hyperparameters, dict.fromkeys(model.search), where)
    for size, changes in model.capacity.items():
        if size == DEFAULT_SIZE or not re.fullmatch(PLAIN_NAME, size):
            raise ConfigError(
                f"{where}: capacity names a size '{size}'; a name has only the letters a to z, digits and _, "
                f"and '{DEFAULT_SIZE}' stands for the file's own hyperparameters."
            )
        changed(model.hyperparameters, changes, where)


def check_range(choice: Range, where: str) -> None:
    """Raise ConfigError if a search cannot draw values from a range."""
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
    """Raise ConfigError if a file of conf/search has an invalid value, or if the search would never end."""
    where = f"conf/search/{search.name}.yaml"
    check_member("method", search.method, METHODS, where)
    if not re.fullmatch(PLAIN_NAME, search.name):
        raise ConfigError(f"{where}: its name may have only the letters a to z, digits and _.")
    if (search.name == NO_SEARCH) != (search.method == "none"):
        raise ConfigError(
            f"{where}: method is '{search.method}'; only the search '{NO_SEARCH}' has the method none."
        )
    if search.method == "none":
        return
    if search.trials is None and search.seconds is None:
        raise ConfigError(f"{where}: the search would never end; set trials, seconds or both.")
    for setting in ("trials", "seconds"):
        value = getattr(search, setting)
        if value is not None and value <= 0:
            raise ConfigError(f"{where}: {setting} is {value}; it must be above 0 or null.")


def check_executor(executor: ExecutorConfig) -> None:
    """Raise ConfigError if a setting of the executor is not valid."""
    if executor.workers is not None and executor.workers < 1:
        raise ConfigError(f"executor.workers is {executor.workers}; it must be at least 1 or null.")
    if executor.trial_seconds is not None and executor.trial_seconds <= 0:
        raise ConfigError(f"executor.trial_seconds is {executor.trial_seconds}; it must be above 0 or null.")
    if executor.gpus < 0:
        raise ConfigError(f"executor.gpus is {executor.gpus}; it must be at least 0.")
    check_member("executor.kind", executor.kind, EXECUTORS, "conf/executor or an override")
    check_member("executor.pack", executor.pack, PACKING, "conf/executor or an override")


def check_registry(registry: RegistryConfig) -> None:
    """Raise ConfigError if a setting of the registry is not valid."""
    check_member("promote", registry.promote, PROMOTIONS, "registry")
    check_member("challenger", registry.challenger, BESIDE, "registry")
    limits = ("stop_loss", "stop_drift", "due_loss", "due_drift", "due_days")
    rules = (
        *((not_negative(getattr(registry, name)), name, "at least 0, or null") for name in limits),
        (0 <= registry.margin < 1, "margin", "at least 0 and below 1"),
        (0 < registry.level < 1, "level", "between 0 and 1"),
        (registry.resamples >= 100, "resamples", "at least 100"),
        (registry.least_rows >= 1, "least_rows", "at least 1"),
        (0 <= registry.port < 65536, "port", "a port, or 0 for any that is free"),
        (registry.look_seconds > 0, "look_seconds", "above 0"),
        (registry.max_body_mib > 0, "max_body_mib", "above 0"),
        (0 <= registry.challenger_share <= 1, "challenger_share", "between 0 and 1"),
    )
    for holds, setting, wanted in rules:
        if not holds:
            raise ConfigError(f"registry.{setting} is {getattr(registry, setting)}; it must be {wanted}.")


def not_negative(limit: float | None) -> bool:
    """Return whether a limit is None, or a number of at least 0."""
    return limit is None or limit >= 0


# Checks of the files of a group, in addition to their schema.
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
    """Return the configuration that Hydra composed as typed and checked objects.

    Raises
    ------
    ConfigError
        A value is missing, has the wrong type, or is not valid.
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
