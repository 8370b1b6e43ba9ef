"""Import the objects, and find the files of weights, that a configuration file names."""

from __future__ import annotations

import difflib
import functools
import hashlib
import importlib
import inspect
import os
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from fuelgauge import paths
from fuelgauge.errors import ConfigError

__all__ = [
    "ARGUMENTS",
    "OTHER_FOLDER",
    "OWN_CODE",
    "TARGET",
    "build",
    "is_named",
    "lacking",
    "load_class",
    "load_object",
    "targets",
    "weights_file",
    "wrong_weights",
]

PACKAGE = "fuelgauge"
# Modules of loaders: their names in the dataset files of earlier versions, and their present names.
FORMER = {
    "fuelgauge.data.sources": "fuelgauge.data.sources.packages",
    **{
        f"fuelgauge.data.{name}": f"fuelgauge.data.sources.{name}"
        for name in ("bundled", "files", "generators", "openml", "windows")
    },
}
# Hydra's words for a class and its positional arguments.
TARGET, ARGUMENTS = "_target_", "_args_"
# Folder of the user's own modules. DVC already watches it, because the files of the models lie there too.
OWN_CODE = paths.CONF / "model"
OTHER_FOLDER = "FUELGAUGE_ARCHIVES"  # variable that names a second folder of archives
WEIGHTS = frozenset({"file", "sha256"})


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


def load_class(path: str, where: str) -> Any:
    """Import a class of this package, of an installed one, or of a module in conf/model.

    Only a file that the user has written may name such a class, never a stored model.

    Parameters
    ----------
    path
        Dotted path, such as ``sklearn.svm.SVC``, or ``mine.Mine`` for a class in conf/model/mine.py.
    where
        File or setting that names the class, for error messages.

    Raises
    ------
    ConfigError
        There is no such class. The message names the nearest one.
    """
    if str(OWN_CODE) not in sys.path:
        sys.path.append(str(OWN_CODE))
    module, _, name = path.rpartition(".")
    if not module:
        raise ConfigError(f"{where}: '{path}' names no module; write both, such as sklearn.svm.SVC.")
    try:
        return getattr(importlib.import_module(module), name)
    except AttributeError as error:
        hint = close(name, dir(sys.modules[module]))
        raise ConfigError(f"{where}: '{module}' has no '{name}'{hint}.") from error
    except ModuleNotFoundError as error:
        raise ConfigError(f"{where}: '{path}' cannot be imported{remedy(error, module)}.") from error
    except Exception as error:  # a user's module may fail in any way
        raise ConfigError(f"{where}: '{path}' cannot be imported: {type(error).__name__}: {error}") from error


def remedy(error: ModuleNotFoundError, module: str) -> str:
    """Return what to do about a module that was not found."""
    missing = error.name or module
    if not f"{module}.".startswith(f"{missing}."):
        return f", because it imports '{missing}', which is not installed"
    parent, _, name = missing.rpartition(".")
    if not parent:
        return f": install '{name}', or write it as {OWN_CODE.parent.name}/{OWN_CODE.name}/{name}.py"
    folders = getattr(sys.modules.get(parent), "__path__", ())
    return f": '{parent}' has no '{name}'{close(name, (each.name for each in pkgutil.iter_modules(folders)))}"


def close(name: str, valid: Iterable[str]) -> str:
    """Return a question with the nearest public name, or an empty string if none is near."""
    public = [each for each in valid if not each.startswith("_")]
    nearest = difflib.get_close_matches(name, public, n=1, cutoff=0.5)
    return f", did you mean '{nearest[0]}'?" if nearest else ""


def targets(settings: Any) -> Iterator[str]:
    """Yield the dotted path of every class that settings name by `_target_`, at any depth."""
    if isinstance(settings, Mapping):
        if TARGET in settings:
            yield str(settings[TARGET])
        settings = list(settings.values())
    if isinstance(settings, list | tuple):
        for each in settings:
            yield from targets(each)


def is_named(path: str) -> bool:
    """Return whether a file in conf/model names a class, as its target or in its hyperparameters."""
    for file in sorted(OWN_CODE.glob("*.yaml")):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        if isinstance(content, Mapping) and path in (content.get("target"), *targets(content)):
            return True
    return False


def build(settings: Any, where: str) -> Any:
    """Return settings in which every mapping with a `_target_` is an object of that class.

    The words are those of Hydra: `_target_` is the class, `_args_` are its positional arguments, and all
    other keys are its settings.

    Raises
    ------
    ConfigError
        There is no such class, or it does not accept its settings.
    """
    if isinstance(settings, list | tuple):
        return [build(each, where) for each in settings]
    if not isinstance(settings, Mapping):
        return settings
    built = {str(name): build(value, where) for name, value in settings.items() if name != TARGET}
    if TARGET not in settings:
        return built
    found = load_class(str(settings[TARGET]), where)
    arguments: Sequence[Any] = built.pop(ARGUMENTS, ())
    check_settings(found, built, where)
    try:
        return found(*arguments, **built)
    except Exception as error:
        sentence = " ".join(str(error).split()).rstrip(".")
        raise ConfigError(f"{where}: {settings[TARGET]} does not accept its settings: {sentence}.") from error


def check_settings(found: Any, settings: Iterable[str], where: str) -> None:
    """Raise ConfigError if a class has no such setting. The message names the nearest one."""
    try:
        parameters = inspect.signature(found).parameters
    except (TypeError, ValueError):  # compiled code does not say
        return
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return
    for name in settings:
        if name not in parameters:
            raise ConfigError(f"{where}: {found.__name__} has no setting '{name}'{close(name, parameters)}.")


def lacking(needs: Iterable[str], settings: Any) -> str | None:
    """Return which package or file of weights this machine lacks, or None if it has all.

    Parameters
    ----------
    needs
        Names of packages as they are imported.
    settings
        Hyperparameters. A mapping of `file` and `sha256`, at any depth, is a file of weights.
    """
    for name in needs:
        if find_spec(name) is None:
            return f"the package {name} is not installed"
    return next(filter(None, map(wrong_weights, files_of_weights(settings))), None)


def files_of_weights(settings: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every mapping of `file` and `sha256` in settings."""
    if isinstance(settings, Mapping):
        if set(settings) == WEIGHTS:
            yield settings
        for each in settings.values():
            yield from files_of_weights(each)


def weights_file(weights: Mapping[str, Any]) -> Path:
    """Return the path of a file of weights.

    A relative path begins at the project's folder. If it is not there, a file of that name is looked for in
    the folder that the variable FUELGAUGE_ARCHIVES names.
    """
    path = paths.durable_root(paths.ROOT) / Path(str(weights["file"])).expanduser()
    other = Path(os.environ.get(OTHER_FOLDER) or path.parent) / path.name
    return other if other.is_file() and not path.is_file() else path


def wrong_weights(weights: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a file of weights, or None if it is there and has the expected hash."""
    path, wanted = weights_file(weights), str(weights["sha256"])
    if not path.is_file():
        return f"the weights {path} do not exist; copy them there"
    stat = path.stat()
    found = sha256(path, stat.st_mtime_ns, stat.st_size)
    if found != wanted.lower():
        return f"the weights {path} have the SHA-256 {found} and not {wanted}; get the file that was meant"
    return None


@functools.cache
def sha256(path: Path, changed: int, size: int) -> str:
    """Return the SHA-256 of a file, which is read again once its time or its size has changed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
