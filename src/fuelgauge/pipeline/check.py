"""The check stage: every configuration that the pipeline will use, before any compute."""

from __future__ import annotations

from fuelgauge.config.compose import check_name, check_sizes, compose, named
from fuelgauge.models.base import create
from fuelgauge.spec.params import Config


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
