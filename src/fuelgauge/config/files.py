"""Read the files of the configuration: params.yaml and the options in conf/."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf._utils import get_yaml_loader
from omegaconf.errors import OmegaConfBaseException
from yaml.constructor import SafeConstructor
from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.resolver import Resolver

from fuelgauge import paths
from fuelgauge.config.checks import check_params
from fuelgauge.config.edit import inline
from fuelgauge.config.objects import targets
from fuelgauge.errors import ConfigError, nearest
from fuelgauge.spec.names import DEFAULT_SIZE
from fuelgauge.spec.params import ALL, GROUPS_OF_NAMES, Params

__all__ = [
    "check_complete",
    "check_option",
    "known_sizes",
    "load_params",
    "model_modules",
    "option_file",
    "options",
    "read_yaml",
    "typed",
]


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
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} holds no settings (key: value), but a {type(content).__name__}.")
    content = spelled_out(content, path.name)
    checked = typed(Params, content, path.name)
    check_params(checked, path.name)
    for setting, group in GROUPS_OF_NAMES.items():
        check_options(group, getattr(checked, setting), f"{path.name}, {setting}")
    check_options("price", [checked.prices], f"{path.name}, prices")
    for model, own in checked.limits.items():
        check_options("dataset", [name for name in own if name != ALL], f"{path.name}, models, {model}")
    return content


def check_complete(path: Path = paths.PARAMS) -> None:
    """Raise ConfigError if params.yaml lacks a setting, because the stages in dvc.yaml name every setting.

    The message holds the lines to add. They give each missing setting its default value.
    """
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    missing = [setting for setting in fields(Params) if setting.name not in (*content, LIMITS)]
    if missing:
        names = ", ".join(setting.name for setting in missing)
        lines = "\n".join(f"{setting.name}: {inline(default_of(setting))}" for setting in missing)
        raise ConfigError(
            f"{path.name} lacks {names}, and DVC needs every setting; add these lines to the file:\n{lines}"
        )


def default_of(setting: Field[Any]) -> Any:
    """Return the default value of a setting of params.yaml as plain data."""
    if setting.name in NAMES_OF_ALL:
        return ALL
    value = setting.default if setting.default_factory is MISSING else setting.default_factory()
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def spelled_out(content: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the content of params.yaml with every `all` replaced by the names that it stands for.

    Largest anchors of models move from `models` to `limits`.

    `models: all` means every model in conf/model but those in `exclude`, sorted by name. `claims: all` means
    every claim in conf/claim. The result has no `exclude`, because its models are complete.

    Raises
    ------
    ConfigError
        `exclude` names an unknown model, or it is used although `models` is not `all`. Or a largest anchor
        does not stand behind its model.
    """
    content = with_limits(content, where)
    names = {key: NAMES_OF_ALL[key]() for key in NAMES_OF_ALL if content.get(key) in (ALL, [ALL])}
    excluded = typed(Params, {**content, **names}, where).exclude
    if excluded and "models" not in names:
        raise ConfigError(f"{where}: exclude needs models: all; delete exclude, or write models: all.")
    check_options("model", excluded, f"{where}, exclude")
    if "models" in names:
        names["models"] = [name for name in names["models"] if name not in excluded]
    return {key: value for key, value in {**content, **names}.items() if key != "exclude"}


def with_limits(content: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the content of params.yaml with plain names under `models`, and their largest anchors apart."""
    if LIMITS in content:
        raise ConfigError(
            f"{where}: write the largest anchor of a model under models, as in - realmlp: {{all: 65536}}."
        )
    models = content.get("models")
    if not isinstance(models, list):
        return dict(content)
    limits = {name: own for entry in models if isinstance(entry, dict) for name, own in entry.items()}
    if wrong := next((name for name, own in limits.items() if not isinstance(own, dict)), None):
        raise ConfigError(f"{where}, models: write the largest anchor as in - {wrong}: {{all: 65536}}.")
    names = [name for entry in models for name in (entry if isinstance(entry, dict) else [entry])]
    return {**content, "models": names, **({LIMITS: limits} if limits else {})}


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
        return OmegaConf.to_object(OmegaConf.merge(structured(schema), dict(content)))
    except OmegaConfBaseException as error:
        place = f"{where}, {error.full_key}" if error.full_key else where
        raise ConfigError(f"{place}: {str(error).splitlines()[0]}") from error


@functools.cache
def structured(schema: type) -> DictConfig:
    """Return a dataclass schema as a configuration; do not change it, because it is made once."""
    return OmegaConf.structured(schema)


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
        name: yaml.safe_load((paths.CONF / "claim" / f"{name}.yaml").read_text(encoding="utf-8"))
        for name in options("claim")
    }
    return sorted(rules, key=lambda name: rules[name].get("order", math.inf))


LIMITS = "limits"  # made of what stands behind the names of models in params.yaml
NAMES_OF_ALL = {"models": every_model, "claims": every_claim}


def options(group: str) -> list[str]:
    """Return the names of the YAML files in the folder of a Hydra group, sorted."""
    return sorted(p.stem for p in (paths.CONF / group).glob("*.yaml"))


class OptionLoader(CParser, get_yaml_loader()):  # type: ignore[misc]
    """The YAML loader of Hydra and OmegaConf with the parser in C, which is ten times as fast."""

    def __init__(self, stream: str):
        CParser.__init__(self, stream)
        SafeConstructor.__init__(self)
        Resolver.__init__(self)


def read_yaml(text: str, where: str) -> Any:
    """Return the content of a file in conf/, with the types that Hydra would give its values.

    Raises
    ------
    ConfigError
        The text is not valid YAML, or a key occurs twice.
    """
    try:
        return yaml.load(text, Loader=OptionLoader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{where} is not valid YAML: {' '.join(str(error).split())}") from error


@functools.cache
def known_sizes() -> frozenset[str]:
    """Return the names of all sizes of the models in conf/model."""
    sizes = (option_file("model", name).get("capacity", {}) for name in options("model"))
    return frozenset({DEFAULT_SIZE}).union(*sizes)


@functools.cache
def model_modules(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the modules of the classes that the files of some models name; unknown models are ignored."""
    files = [option_file("model", name) for name in set(names).intersection(options("model"))]
    classes = [file.get("target", "") for file in files]
    classes += [path for file in files for path in targets(file.get("hyperparameters"))]
    return tuple(sorted({path.rpartition(".")[0] for path in classes} - {""}))


def option_file(group: str, name: str) -> dict[str, Any]:
    """Return the content of conf/<group>/<name>.yaml without a check."""
    text = (paths.CONF / group / f"{name}.yaml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def check_option(group: str, name: str, where: str) -> None:
    """Raise ConfigError if a group has no such option; the message suggests the nearest valid name."""
    check_options(group, [name], where)


def check_options(group: str, names: Iterable[str], where: str) -> None:
    """Raise ConfigError if a group lacks one of the names; the folder of the group is listed once."""
    known = options(group)
    for name in sorted({*names} - {*known}):
        raise ConfigError(f"{where}: there is no {group} '{name}', {remedy(group, name, known)}.")


def remedy(group: str, name: str, known: Iterable[str]) -> str:
    """Return what to do about an unknown option.

    An experiment of DVC may run in a temporary copy of the project, which holds only files that git knows.
    """
    if (paths.durable_root(paths.ROOT) / "conf" / group / f"{name}.yaml").is_file():
        return (
            f"because git does not know conf/{group}/{name}.yaml, and `dvc exp run` copies only what git "
            f"knows; run: git add conf/{group}/{name}.yaml"
        )
    return nearest(name, known)
