"""Changes to the hyperparameters of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fuelgauge.errors import ConfigError, nearest


def changed(hyperparameters: Mapping[str, Any], changes: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return hyperparameters with some of them changed; a dotted name reaches into one that is a mapping.

    Parameters
    ----------
    where
        Said in an error.

    Raises
    ------
    ConfigError
        There is no such hyperparameter, or a dotted name reaches into one that is no mapping.
    """
    result = dict(hyperparameters)
    for name, value in changes.items():
        outer, _, inner = name.partition(".")
        if outer not in hyperparameters:
            raise ConfigError(f"{where}: there is no hyperparameter '{outer}', {nearest(outer, result)}.")
        if inner and not isinstance(result[outer], Mapping):
            raise ConfigError(f"{where}: '{outer}' is no mapping, so that there is no '{name}'.")
        result[outer] = {**result[outer], inner: value} if inner else value
    return result
