"""What the scripts in pipelines/ share: Hydra with params.yaml, and errors as one sentence."""

from __future__ import annotations

import contextlib
import functools
import itertools
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any, get_type_hints

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import CompactHydraException, HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fuelgauge import paths
from fuelgauge.config import GROUPS_OF_NAMES, Config, check_option, known_sizes, load_params, resolve
from fuelgauge.errors import ConfigError, FuelgaugeError, nearest
from fuelgauge.models.base import create

log = logging.getLogger("fuelgauge")

GROUPS = ("dataset", "feature_set", "model", "search", "executor", "tracking", "registry")


def register() -> None:
    """Make the schema, params.yaml and the resolvers known to Hydra.

    Raises
    ------
    ConfigError
        params.yaml does not pass its checks.
    """
    params = load_params()
    store = ConfigStore.instance()
    store.store(name="schema", node=Config)
    store.store(name="params", node=params)
    OmegaConf.register_new_resolver("join", ",".join, replace=True)
    OmegaConf.register_new_resolver("durable_root", lambda: str(paths.durable_root(paths.ROOT)), replace=True)


def stage(config_name: str) -> Callable[[Callable[[Config], None]], Callable[[], None]]:
    """Make a function of a typed Config into the main function of a pipeline script.

    Whatever is wrong with the configuration is said before any compute. A `FuelgaugeError` ends
    the script with exit code 1 and its one sentence on standard error.
    """

    def decorate(function: Callable[[Config], None]) -> Callable[[], None]:
        @functools.wraps(function)
        def job(composed: DictConfig) -> None:
            try:
                function(resolve(composed))
            except FuelgaugeError as error:
                log.error("fuelgauge: %s", error)  # Hydra shows the first of several jobs' errors only
                raise CompactHydraException("The reason is above.") from None

        def main() -> None:
            try:
                register()
                check_overrides(sys.argv[1:])
            except FuelgaugeError as error:
                sys.exit(f"fuelgauge: {error}")
            run = hydra.main(version_base="1.3", config_path=str(paths.CONF), config_name=config_name)
            run(job)()

        return main

    return decorate


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


def check_all(config: Config) -> None:
    """Check every dataset, feature set and model of params.yaml, the models' hyperparameters too.

    Raises
    ------
    ConfigError
        A file in conf/ does not carry its own name, or a model's class does not have what it is given.
    """
    for group, names in named(config).items():
        for name in names:
            option = getattr(compose(f"{group}={name}"), group)
            check_name(group, name, option.name)
            if group == "model":
                create(option.target, option.hyperparameters)
    check_sizes(config)


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

    Each option is composed once and then put together with all others: composing every curve by itself
    would take a tenth of a second each.
    """
    base = compose()
    chosen = {group: [compose(f"{group}={name}") for name in names] for group, names in named(base).items()}
    for parts in itertools.product(*chosen.values()):
        options = {group: getattr(part, group) for group, part in zip(chosen, parts, strict=True)}
        for size in base.sizes:
            yield replace(base, **options, size=size)


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
    words = [a for a in arguments if "=" in a and not a.startswith("-")]
    try:
        overrides = OverridesParser.create().parse_overrides(words)
    except HydraException as error:
        raise ConfigError(f"cannot read the overrides {words}: {' '.join(str(error).split())}") from error
    for override in overrides:
        if override.key_or_group in GROUPS:
            for choice in choices(override):
                check_option(override.key_or_group, choice, "command line")
        elif override.key_or_group == "size":
            for size in choices(override):
                check_size(size, "command line")
        elif not override.is_add() and not override.key_or_group.startswith("hydra"):
            check_setting(override.key_or_group)


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
