"""Read the files of the configuration: params.yaml and the options in conf/."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fuelgauge import paths
from fuelgauge.config.checks import check_params
from fuelgauge.errors import ConfigError, nearest
from fuelgauge.spec.names import DEFAULT_SIZE
from fuelgauge.spec.params import ALL, GROUPS_OF_NAMES, Params


def load_params(path: Path = paths.PARAMS) -> dict[str, Any]:
    """Return the content of params.yaml, after a check of every name, type and value.

    Returns
    -------
    dict
        Settings by name, as they stand in the file. `models` and `claims` are always lists, and `exclude` has
        been applied and removed.

    Raises
    ------
    ConfigError
        The file is missing or not valid YAML, or a key or value is not valid; the message names it.
    """
    if not path.is_file():
        raise ConfigError(f"{path} does not exist: run this inside a checkout of the project.")
    try:
        content = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} holds no settings (key: value), but a {type(content).__name__}.")
    content = spelled_out(content, path.name)
    checked = typed(Params, content, path.name)
    check_params(checked, path.name)
    for setting, group in GROUPS_OF_NAMES.items():
        for name in getattr(checked, setting):
            check_option(group, name, f"{path.name}, {setting}")
    check_option("price", checked.prices, f"{path.name}, prices")
    return content


def spelled_out(content: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the content of params.yaml with every `all` replaced by the names that it stands for.

    `models: all` means every model in conf/model but those in `exclude`, sorted by name. `claims: all` means
    every claim in conf/claim. The result has no `exclude`, because its models are complete.

    Raises
    ------
    ConfigError
        `exclude` names an unknown model, or it is used although `models` is not `all`.
    """
    names = {key: NAMES_OF_ALL[key]() for key in NAMES_OF_ALL if content.get(key) in (ALL, [ALL])}
    excluded = typed(Params, {**content, **names}, where).exclude
    if excluded and "models" not in names:
        raise ConfigError(f"{where}: exclude needs models: all; delete exclude, or write models: all.")
    for name in excluded:
        check_option("model", name, f"{where}, exclude")
    if "models" in names:
        names["models"] = [name for name in names["models"] if name not in excluded]
    return {key: value for key, value in {**content, **names}.items() if key != "exclude"}


def typed(schema: type, content: Mapping[str, Any], where: str) -> Any:
    """Return a plain mapping as an object of a dataclass schema.

    Parameters
    ----------
    schema
        Dataclass with types and default values.
    content
        Values by setting.
    where
        File that holds the content, for error messages.

    Raises
    ------
    ConfigError
        A key is unknown (the message suggests the nearest valid one), or a value has the wrong type.
    """
    check_keys(schema, content, where)
    try:
        return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), dict(content)))
    except OmegaConfBaseException as error:
        place = f"{where}, {error.full_key}" if error.full_key else where
        raise ConfigError(f"{place}: {str(error).splitlines()[0]}") from error


def check_keys(schema: type, content: Mapping[str, Any], where: str) -> None:
    """Raise ConfigError if a dataclass schema lacks a key, at any depth.

    The message suggests the nearest valid key.
    """
    valid = {f.name for f in fields(schema)}
    hints = get_type_hints(schema)
    for key, value in content.items():
        if key not in valid:
            raise ConfigError(f"{where}: unknown setting '{key}', {nearest(str(key), valid)}.")
        if get_origin(hints[key]) is list and not isinstance(value, list):
            raise ConfigError(f"{where}: {key} is '{value}'; write a list, [{value}].")
        if is_dataclass(hints[key]) and isinstance(value, Mapping):
            check_keys(hints[key], value, f"{where}, {key}")


def every_model() -> list[str]:
    """Return the names of all models in conf/model, sorted by name."""
    return options("model")


def every_claim() -> list[str]:
    """Return the names of all claims in conf/claim.

    Claims whose rules have an `order` come first, by that number. The others follow, sorted by name.
    """
    rules = {
        name: yaml.safe_load((paths.CONF / "claim" / f"{name}.yaml").read_text()) for name in options("claim")
    }
    return sorted(rules, key=lambda name: rules[name].get("order", math.inf))


NAMES_OF_ALL = {"models": every_model, "claims": every_claim}


def options(group: str) -> list[str]:
    """Return the names of the YAML files in the folder of a Hydra group, sorted."""
    return sorted(p.stem for p in (paths.CONF / group).glob("*.yaml"))


@functools.cache
def known_sizes() -> frozenset[str]:
    """Return the names of all sizes of the models in conf/model."""
    sizes = (model_file(name).get("capacity", {}) for name in options("model"))
    return frozenset({DEFAULT_SIZE}).union(*sizes)


@functools.cache
def model_modules(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the modules of the classes of some models, each once; unknown models are ignored."""
    known = set(names).intersection(options("model"))
    targets = {model_file(name).get("target", "") for name in known}
    return tuple(sorted(target.rpartition(".")[0] for target in targets if target))


def model_file(name: str) -> dict[str, Any]:
    """Return the content of conf/model/<name>.yaml without a check."""
    content: dict[str, Any] = yaml.safe_load((paths.CONF / "model" / f"{name}.yaml").read_text())
    return content


def check_option(group: str, name: str, where: str) -> None:
    """Raise ConfigError if a group has no such option; the message suggests the nearest valid name."""
    if name not in options(group):
        raise ConfigError(f"{where}: there is no {group} '{name}', {nearest(name, options(group))}.")
