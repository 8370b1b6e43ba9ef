"""What feature sets, contestants and their hyperparameters are called, everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fuelgauge.errors import ConfigError, nearest

RAW = "raw"
DEFAULT_SIZE = "default"
NO_SEARCH = "none"
# The columns of the trial table that tell contestants of one model apart, and what each usually is.
USUAL = {"features": RAW, "size": DEFAULT_SIZE, "search": NO_SEARCH}


def contestant(model: str, features: str = RAW, size: str = DEFAULT_SIZE, search: str = NO_SEARCH) -> str:
    """Return the name of a model on a feature set, in a size, with a search.

    What is as usual is not said: `xgboost`, `xgboost@engineered`, `mlp-large`, `mlp+tpe`,
    `mlp-large+tpe@engineered`.
    """
    sized = model if size == DEFAULT_SIZE else f"{model}-{size}"
    searched = sized if search == NO_SEARCH else f"{sized}+{search}"
    return searched if features == RAW else f"{searched}@{features}"


def inputs_of(modality: str, features: str) -> str:
    """Return the kind of a feature set: engineered features of any modality are a table of numbers."""
    return modality if features == RAW else "tabular"


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
