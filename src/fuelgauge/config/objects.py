"""Import the objects that a configuration file names by a dotted path."""

from __future__ import annotations

import importlib
from typing import Any

from fuelgauge.errors import ConfigError

__all__ = ["load_object"]

PACKAGE = "fuelgauge"
# Modules of loaders: their names in the dataset files of earlier versions, and their present names.
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
        Dotted path, such as ``fuelgauge.data.sources.packages.table``.
    where
        File or setting that names the object, for error messages.

    Raises
    ------
    ConfigError
        The path is outside this package, or it cannot be imported.
    """
    module, _, name = path.rpartition(".")
    if not module.startswith(f"{PACKAGE}."):
        raise ConfigError(f"{where}: '{path}' is not in this package; only the package's own code is run.")
    try:
        return getattr(importlib.import_module(FORMER.get(module, module)), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"{where}: '{path}' cannot be imported: {error}.") from error
