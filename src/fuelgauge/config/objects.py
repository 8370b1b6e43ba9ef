"""Objects named by a dotted path in a configuration file."""

from __future__ import annotations

import importlib
from typing import Any

from fuelgauge.errors import ConfigError

PACKAGE = "fuelgauge"
# Loaders that datasets of earlier versions name: where they stood, and where they stand.
FORMER = {
    "fuelgauge.data.sources": "fuelgauge.data.sources.packages",
    **{
        f"fuelgauge.data.{name}": f"fuelgauge.data.sources.{name}"
        for name in ("bundled", "files", "generators", "openml", "windows")
    },
}


def load_object(path: str, where: str) -> Any:
    """Import a class or function of this package by its dotted path.

    Parameters
    ----------
    path
        For example ``fuelgauge.data.sources.packages.table``.
    where
        The file or setting that names it, for the message.

    Raises
    ------
    ConfigError
        The path leads nowhere.
    """
    module, _, name = path.rpartition(".")
    if not module.startswith(f"{PACKAGE}."):
        raise ConfigError(f"{where}: '{path}' is not of this package; only its own code is run.")
    try:
        return getattr(importlib.import_module(FORMER.get(module, module)), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"{where}: '{path}' cannot be imported: {error}.") from error
