"""Configurations composed by Hydra from conf/ and params.yaml."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
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
from fuelgauge.config.files import check_option, known_sizes, load_params, typed
from fuelgauge.errors import ConfigError, nearest
from fuelgauge.spec.params import GROUPS_OF_NAMES, Config, Params

GROUPS = ("dataset", "feature_set", "model", "search", "executor", "tracking", "registry")
CHOSEN = ("dataset", "feature_set", "model", "size", "search")  # what makes a curve


def register(models: Sequence[str] = ()) -> None:
    """Make the schema, params.yaml and the resolvers known to Hydra.

    Parameters
    ----------
    models
        Of this run, if others are asked for than params.yaml names. Workers import these, and no others.

    Raises
    ------
    ConfigError
        params.yaml does not pass its checks.
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
    """Compose the configuration outside a Hydra job, as the stages would.

    Parameters
    ----------
    overrides
        Such as ``dataset=letter``, ``model=mlp``.

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
    """Raise ConfigError if a file names something else than itself: results would be mixed up."""
    if file != name:
        raise ConfigError(f"conf/{group}/{file}.yaml: its name is '{name}'; it must be '{file}'.")


def all_curves() -> Iterator[Config]:
    """Yield the configuration of every curve that params.yaml asks for.

    The options are read one by one and put together with all others: composing every curve by itself would
    take a fifth of a second each.
    """
    base = compose()
    chosen = {group: [read_option(group, name) for name in names] for group, names in named(base).items()}
    for parts in itertools.product(*chosen.values()):
        options = dict(zip(chosen, parts, strict=True))
        for size in base.sizes:
            yield replace(base, **options, size=size)


def read_option(group: str, name: str) -> Any:
    """Return an option of a group as its typed object, without the whole of a configuration around it.

    Raises
    ------
    ConfigError
        The option contradicts its schema or itself.
    """
    path = paths.CONF / group / f"{name}.yaml"
    content: Any = OmegaConf.to_container(OmegaConf.load(path))
    if "defaults" in content or "${" in path.read_text():
        return getattr(compose(f"{group}={name}"), group)
    option = typed(get_type_hints(Config)[group], content, f"conf/{group}/{name}.yaml")
    if check := CHECKS.get(group):
        check(option)
    return option


def named(config: Config) -> dict[str, list[str]]:
    """Return the options of each group that params.yaml names, in the order in which curves are run."""
    return {group: getattr(config, key) for key, group in GROUPS_OF_NAMES.items() if group in GROUPS}


def check_overrides(arguments: list[str]) -> None:
    """Check the names in command-line overrides, so that a slip is answered with the nearest one.

    Raises
    ------
    ConfigError
        A group has no such option, or there is no such setting.
    """
    for override in parsed(arguments):
        if override.key_or_group in GROUPS:
            for choice in choices(override):
                check_option(override.key_or_group, choice, "command line")
        elif override.key_or_group == "size":
            for size in choices(override):
                check_size(size, "command line")
        elif not override.is_add() and not override.key_or_group.startswith("hydra"):
            check_setting(override.key_or_group)


def parsed(arguments: list[str]) -> list[Override]:
    """Return the overrides among command-line arguments.

    Raises
    ------
    ConfigError
        They are not in Hydra's grammar.
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
    """Return params.yaml with the datasets and models of command-line arguments.

    None where these change more than who is run on what, which is for Hydra to resolve.
    """
    named = named_by(parsed(arguments))
    if not named.keys() <= {*CHOSEN, "tracking"}:
        return None
    chosen = {key: named[group] for key, group in GROUPS_OF_NAMES.items() if named.get(group)}
    params: Params = typed(Params, load_params() | chosen, "params.yaml")
    return params


def named_by(overrides: list[Override]) -> dict[str, list[str]]:
    """Return what overrides name, by what they override."""
    named: dict[str, list[str]] = {}
    for override in overrides:
        named.setdefault(override.key_or_group, []).extend(choices(override))
    return {key: list(dict.fromkeys(names)) for key, names in named.items()}


def choices(override: Override) -> list[str]:
    """Return the options that an override of a group names, one or a sweep."""
    if override.is_sweep_override():
        try:
            return [text.strip("'\"") for text in override.sweep_string_iterator()]
        except HydraException:
            return []  # a glob or a range: Hydra itself resolves it
    return [str(override.value())]


def check_setting(key: str) -> None:
    """Raise ConfigError if the schema has no setting of this dotted name."""
    schema: Any = Config
    for part in key.split("."):
        valid = [f.name for f in fields(schema)]
        if part not in valid:
            raise ConfigError(f"command line: unknown setting '{key}', {nearest(part, valid)}.")
        schema = get_type_hints(schema)[part]
        if not is_dataclass(schema):
            return
