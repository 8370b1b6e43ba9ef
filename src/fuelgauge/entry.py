"""What the scripts in pipelines/ share: Hydra with params.yaml, and errors as one sentence."""

from __future__ import annotations

import contextlib
import functools
import gc
import itertools
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, get_type_hints

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import CompactHydraException, HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fuelgauge import paths
from fuelgauge.config import (
    CHECKS,
    GROUPS_OF_NAMES,
    Config,
    Params,
    check_option,
    known_sizes,
    load_params,
    resolve,
    typed,
)
from fuelgauge.errors import ConfigError, FuelgaugeError, nearest
from fuelgauge.models.base import create

log = logging.getLogger("fuelgauge")

GROUPS = ("dataset", "feature_set", "model", "search", "executor", "tracking", "registry")
CHOSEN = ("dataset", "feature_set", "model", "size", "search")  # what makes a curve
TRAIN = "train"  # the stage whose jobs are curves
SECONDS_BETWEEN_LOOKS = 1.0  # at whether dvc is still there
INTERRUPTED = 130  # the exit code of a process that Ctrl-C has ended


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


def stage(
    config_name: str,
    finish: Callable[[], None] = lambda: None,
    prepare: Callable[[list[str]], None] = lambda _: None,
) -> Callable[[Callable[[Config], None]], Callable[[], None]]:
    """Make a function of a typed Config into the main function of a pipeline script.

    Whatever is wrong with the configuration is said before any compute. A `FuelgaugeError` ends
    the script with exit code 1 and its sentences on standard error.

    Parameters
    ----------
    config_name
        The file in conf/ that Hydra composes.
    finish
        Called once after all jobs; where a launcher gives each job a process of its own, after each job.
    prepare
        Called with the command-line arguments before Hydra composes anything.
    """

    def decorate(function: Callable[[Config], None]) -> Callable[[], None]:
        @functools.wraps(function)
        def job(composed: DictConfig) -> None:
            try:
                config = resolve(composed)
                if jobs_share_a_process():
                    function(config)
                else:
                    function(replace(config, models=[config.model.name]))
                    finish()
            except FuelgaugeError as error:
                say(error)  # Hydra shows the first of several jobs' errors only
                raise CompactHydraException("The reason is above.") from None

        def main() -> None:
            # Importing and composing make much that is no garbage; looking for it takes a tenth of the time.
            gc.set_threshold(50_000, 50)
            log.setLevel(logging.INFO)  # Hydra's own level, which it goes back to after its jobs, is WARNING
            stop_with_dvc()
            try:
                check_overrides(sys.argv[1:])
                register(models_of(sys.argv[1:]) if config_name == TRAIN else ())
                prepare(sys.argv[1:])
            except FuelgaugeError as error:
                sys.exit(f"fuelgauge: {error}")
            run = hydra.main(version_base="1.3", config_path=str(paths.CONF), config_name=config_name)
            try:
                exit_code = exit_code_of(run(job))
                finish()
            except FuelgaugeError as error:
                say(error)
                exit_code = 1
            except KeyboardInterrupt:
                log.error("fuelgauge: interrupted; what was done is kept, the next run goes on from there.")
                exit_code = INTERRUPTED
            gc.freeze()  # the rest dies with the process; looking for garbage in it takes a second
            sys.exit(exit_code)

        return main

    return decorate


def stop_with_dvc() -> None:
    """Interrupt this process when the `dvc` that has started it is gone, also by SIGKILL."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        os.kill(os.getpid(), signal.SIGUSR1)

    if "DVC_ROOT" in os.environ:
        # Not SIGINT, which a shell lets its background jobs ignore.
        signal.signal(signal.SIGUSR1, signal.default_int_handler)
        threading.Thread(target=watch, daemon=True).start()


def exit_code_of(run: Callable[[], None]) -> int:
    """Return the exit code with which Hydra would end the process."""
    try:
        run()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def jobs_share_a_process() -> bool:
    """Return whether Hydra runs its jobs in this very process, one after another."""
    return HydraConfig.get().runtime.choices["hydra/launcher"] == "basic"


def say(error: FuelgaugeError) -> None:
    """Write the sentences of an error to standard error."""
    for sentence in str(error).splitlines():
        say_once(sentence)


@functools.cache
def say_once(sentence: str) -> None:
    """Write a sentence to standard error, if no job before has had the same to say."""
    log.error("fuelgauge: %s", sentence)


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
