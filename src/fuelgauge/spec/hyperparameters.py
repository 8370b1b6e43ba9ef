"""Changes to the hyperparameters of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fuelgauge.errors import ConfigError, nearest

__all__ = ["changed"]


def changed(hyperparameters: Mapping[str, Any], changes: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return hyperparameters with some of their values changed.

    Parameters
    ----------
    hyperparameters
        Values by name.
    changes
        New values by name. A dotted name changes one entry of a hyperparameter that is a mapping.
    where
        File or setting that asks for the changes, for error messages.

    Raises
    ------
    ConfigError
        There is no such hyperparameter, or a dotted name goes into a hyperparameter that is not a mapping.
    """
    result = dict(hyperparameters)
    for name, value in changes.items():
        outer, _, inner = name.partition(".")
        if outer not in hyperparameters:
            raise ConfigError(f"{where}: there is no hyperparameter '{outer}', {nearest(outer, result)}.")
        if inner and not isinstance(result[outer], Mapping):
            raise ConfigError(f"{where}: '{outer}' is not a mapping, so there is no '{name}'.")
        result[outer] = {**result[outer], inner: value} if inner else value
    return result
