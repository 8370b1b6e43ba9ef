"""The check stage: validate every configuration that the pipeline will use, before anything is computed."""

from __future__ import annotations

import logging

from fuelgauge.config.compose import check_name, check_sizes, named, read_option
from fuelgauge.config.files import check_complete
from fuelgauge.config.objects import lacking
from fuelgauge.errors import ConfigError, FuelgaugeError
from fuelgauge.models.base import create
from fuelgauge.models.storage import unstorable
from fuelgauge.spec.model import ModelConfig
from fuelgauge.spec.params import Config

__all__ = ["check_all"]

log = logging.getLogger("fuelgauge")


def check_all(config: Config) -> None:
    """Check every dataset, feature set and model of params.yaml, including the models' hyperparameters.

    Each file is read once, without composing a whole configuration.

    Raises
    ------
    ConfigError
        A setting is wrong, params.yaml lacks a setting that DVC needs, a file in conf/ does not contain its
        own name, or a model's class does not accept one of its hyperparameters.
    """
    check_complete()
    for group, names in named(config).items():
        for name in names:
            option = read_option(group, name)
            check_name(group, name, option.name)
            if group == "model":
                check_class(option)
    check_sizes(config)


def check_class(model: ModelConfig) -> None:
    """Let the class of a model check its hyperparameters, and warn if its fits could not be registered.

    A model whose package or weights are not here is left out of the sweep, and so of this check.
    """
    if lacking(model.needs, model.hyperparameters):
        return
    where = f"conf/model/{model.name}.yaml"
    try:
        made = create(model.target, model.hyperparameters)
        made.check(model.tasks, model.modalities)
    except FuelgaugeError as error:
        raise ConfigError(f"{where}: {str(error).removeprefix('conf/model: ')}") from error
    if reason := unstorable(made):
        log.warning("fuelgauge: %s: it can be measured but not registered: %s", where, reason)
