"""Compose configurations from conf/ and params.yaml with Hydra."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, get_type_hints

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fuelgauge import paths
from fuelgauge.config.checks import CHECKS, resolve
from fuelgauge.config.files import check_option, known_sizes, load_params, option_file, read_yaml, typed
from fuelgauge.config.objects import load_class
from fuelgauge.errors import ConfigError, nearest
from fuelgauge.spec.params import GROUPS_OF_NAMES, Config, Params

__all__ = [
    "all_curves",
    "check_name",
    "check_overrides",
    "check_sizes",
    "compose",
    "models_of",
    "named",
    "params_of",
    "read_option",
    "register",
]

GROUPS = ("dataset", "feature_set", "model", "search", "executor", "tracking", "registry")
HINTS = get_type_hints(Config)
HYPERPARAMETERS = "model.hyperparameters."
CHOSEN = ("dataset", "feature_set", "model", "size", "search")  # the choices that define a curve


def register(models: Sequence[str] = ()) -> None:
    """Register the schema, params.yaml and the resolvers with Hydra.

    Parameters
    ----------
    models
        Models of this run; empty for the models of params.yaml. Workers import only these models.

    Raises
    ------
    ConfigError
        A value of params.yaml is not valid.
    """
    params = load_params()
    if models:
        params["models"] = list(models)
    store = ConfigStore.instance()
    store.store(name="schema", node=Config)
    store.store(name="params", node=params)
    OmegaConf.register_new_resolver("join", ",".join, replace=True)
    OmegaConf.register_new_resolver("durable_root", lambda: str(paths.durable_root(paths.ROOT)), replace=True)


def compose(*overrides: str) -> Config:
    """Return the configuration that a stage would compose, outside a Hydra job.

    Parameters
    ----------
    overrides
        Overrides in Hydra's grammar, such as ``dataset=letter`` and ``model=mlp``.

    Raises
    ------
    ConfigError
        A name or a value is not valid.
    """
    register()
    check_overrides(list(overrides))
    context = (
        contextlib.nullcontext()
        if GlobalHydra.instance().is_initialized()
        else hydra.initialize_config_dir(str(paths.CONF), version_base="1.3")
    )
    with context:
        try:
            composed = hydra.compose("config", list(overrides))
        except (HydraException, OmegaConfBaseException) as error:
            raise ConfigError(f"{', '.join(overrides)}: {' '.join(str(error).split())}") from error
    return resolve(composed)


def check_sizes(config: Config) -> None:
    """Raise ConfigError if params.yaml names a size that no model has."""
    for size in config.sizes:
        check_size(size, "params.yaml, sizes")


def check_size(size: str, where: str) -> None:
    """Raise ConfigError if no model has a size of this name."""
    if size not in known_sizes():
        raise ConfigError(f"{where}: no model has a size '{size}', {nearest(size, known_sizes())}.")


def check_name(group: str, file: str, name: str) -> None:
    """Raise ConfigError if the name in a file differs from the name of the file.

    Results would otherwise be stored under another name.
    """
    if file != name:
        raise ConfigError(f"conf/{group}/{file}.yaml: its name is '{name}'; it must be '{file}'.")


def all_curves() -> Iterator[Config]:
    """Yield the configuration of every curve that params.yaml asks for.

    Every file of conf/ is read once, and the results are combined. Composing each curve with Hydra would take
    a fifth of a second per curve.
    """
    base = compose()
    chosen = {group: [read_option(group, name) for name in names] for group, names in named(base).items()}
    for parts in itertools.product(*chosen.values()):
        options = dict(zip(chosen, parts, strict=True))
        for size in base.sizes:
            yield replace(base, **options, size=size)


def read_option(group: str, name: str) -> Any:
    """Return a file of a group as a typed object, without composing a whole configuration.

    Raises
    ------
    ConfigError
        The file does not fit its schema, or contradicts itself.
    """
    where = f"conf/{group}/{name}.yaml"
    text = (paths.CONF / group / f"{name}.yaml").read_text(encoding="utf-8")
    content = read_yaml(text, where)
    if not isinstance(content, dict):
        raise ConfigError(f"{where} holds no settings (key: value), but a {type(content).__name__}.")
    if "defaults" in content or "${" in text:
        return getattr(compose(f"{group}={name}"), group)
    option = typed(HINTS[group], content, where)
    if check := CHECKS.get(group):
        check(option)
    return option


def named(config: Config) -> dict[str, list[str]]:
    """Return the names of each group in params.yaml, in the order in which curves are run."""
    return {group: getattr(config, key) for key, group in GROUPS_OF_NAMES.items() if group in GROUPS}


def check_overrides(arguments: list[str]) -> None:
    """Check the names in command-line overrides.

    Raises
    ------
    ConfigError
        A group has no such option, there is no such setting, or a model has no such hyperparameter. The
        message suggests the nearest valid name.
    """
    for override in parsed(arguments):
        if override.key_or_group in GROUPS:
            for choice in choices(override):
                check_option(override.key_or_group, choice, "command line")
        elif override.key_or_group == "size":
            for size in choices(override):
                check_size(size, "command line")
        elif override.key_or_group.startswith(HYPERPARAMETERS):
            if override.is_add() or override.is_force_add():
                check_hyperparameter(override.key_or_group.split(".")[2], models_of(arguments))
        elif not override.is_add() and not override.key_or_group.startswith("hydra"):
            check_setting(override.key_or_group)


def check_hyperparameter(name: str, models: Iterable[str]) -> None:
    """Raise ConfigError if the class of a model has no such hyperparameter.

    Parameters
    ----------
    name
        Name of a hyperparameter that the command line adds, as in ``+model.hyperparameters.depth=3``.
    models
        Models that the command line names; empty for the models of params.yaml.
    """
    for model in models or load_params()["models"]:
        model_class = load_class(option_file("model", model)["target"], f"conf/model/{model}.yaml")
        valid = [f.name for f in fields(model_class) if f.init]
        if name not in valid:
            raise ConfigError(
                f"command line: {model} has no hyperparameter '{name}', {nearest(name, valid)}."
            )


def parsed(arguments: list[str]) -> list[Override]:
    """Return the overrides among command-line arguments.

    Raises
    ------
    ConfigError
        The arguments do not follow Hydra's grammar.
    """
    words = [a for a in arguments if "=" in a and not a.startswith("-")]
    try:
        return OverridesParser.create().parse_overrides(words)
    except HydraException as error:
        raise ConfigError(f"cannot read the overrides {words}: {' '.join(str(error).split())}") from error


def models_of(arguments: list[str]) -> list[str]:
    """Return the models that command-line arguments name."""
    return named_by(parsed(arguments)).get("model", [])


def params_of(arguments: list[str]) -> Params | None:
    """Return params.yaml with the datasets, models and other choices of command-line arguments.

    Returns
    -------
    Params or None
        None if the arguments change any other setting, because only Hydra can resolve these.
    """
    named = named_by(parsed(arguments))
    if not named.keys() <= {*CHOSEN, "tracking"}:
        return None
    chosen = {key: named[group] for key, group in GROUPS_OF_NAMES.items() if named.get(group)}
    params: Params = typed(Params, load_params() | chosen, "params.yaml")
    return params


def named_by(overrides: list[Override]) -> dict[str, list[str]]:
    """Return the names that overrides choose, by the group or setting that they override."""
    named: dict[str, list[str]] = {}
    for override in overrides:
        named.setdefault(override.key_or_group, []).extend(choices(override))
    return {key: list(dict.fromkeys(names)) for key, names in named.items()}


def choices(override: Override) -> list[str]:
    """Return the names in an override of a group: one name, or those of a sweep."""
    if override.is_sweep_override():
        try:
            return [text.strip("'\"") for text in override.sweep_string_iterator()]
        except HydraException:
            return []  # Hydra itself resolves a glob or a range
    return [str(override.value())]


def check_setting(key: str) -> None:
    """Raise ConfigError if the schema has no setting with this dotted name."""
    schema: Any = Config
    for part in key.split("."):
        valid = [f.name for f in fields(schema)]
        if part not in valid:
            raise ConfigError(f"command line: unknown setting '{key}', {nearest(part, valid)}.")
        schema = get_type_hints(schema)[part]
        if not is_dataclass(schema):
            return
