"""The check stage: validate every configuration that the pipeline will use, before anything is computed."""

from __future__ import annotations

from fuelgauge.config.compose import check_name, check_sizes, named, read_option
from fuelgauge.config.files import check_complete
from fuelgauge.models.base import create
from fuelgauge.spec.params import Config

__all__ = ["check_all"]


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
                create(option.target, option.hyperparameters)
    check_sizes(config)
