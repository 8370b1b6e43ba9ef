"""Store a fitted model as a folder of files that cannot hide code.

- `model.json` names the class and its hyperparameters.
- `state.skops` holds the fitted attributes. Its format names every type that it would build.
- `numbered.json` holds the vocabularies.
- Weights of nets are safetensors. Boosted trees are in the format of their own library.

Nothing is unpickled. Loading refuses all types but these:

- the types that skops trusts by itself, and `COMMON_TYPES`;
- the classes that a module of this folder defines;
- as the model itself, a class that a file in conf/model of this project names as its target;
- the types that the model's own class declares in `stored_types`.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from fuelgauge.config.objects import is_named, load_class
from fuelgauge.errors import FuelgaugeError
from fuelgauge.models.base import Model, create

__all__ = ["StoredModelError", "load", "save", "unstorable"]

ABOUT, STATE, NUMBERED = "model.json", "state.skops", "numbered.json"
OWN_PACKAGE = "fuelgauge.models."
# Types that every model may store, besides those that skops trusts by itself. They hold data and no code.
COMMON_TYPES = frozenset({"numpy.dtype"})


class StoredModelError(FuelgaugeError):
    """A folder does not hold a model that can be loaded safely."""


def save(model: Model, folder: Path) -> None:
    """Write a fitted model into a folder, which is created if it does not exist.

    Parameters
    ----------
    model
        Fitted model.
    folder
        Destination. Files of an earlier model in it are replaced.

    Raises
    ------
    StoredModelError
        The model holds a type that loading would refuse.
    """
    content = dumped(model)
    folder.mkdir(parents=True, exist_ok=True)
    cls = type(model)
    about = {
        "target": f"{cls.__module__}.{cls.__qualname__}",
        "hyperparameters": {name: getattr(model, name) for name in sorted(hyperparameters_of(model))},
    }
    (folder / ABOUT).write_text(json.dumps(about, indent=2) + "\n")
    (folder / NUMBERED).write_text(json.dumps(parts_of(model)[1]))
    (folder / STATE).write_bytes(content)
    model.save_own(folder)


def unstorable(model: Model) -> str | None:
    """Return in one sentence why a fitted model cannot be stored, or None if it can."""
    try:
        dumped(model)
    except StoredModelError as error:
        return str(error)
    return None


def dumped(model: Model) -> bytes:
    """Return the fitted attributes of a model in the format of skops.

    Raises
    ------
    StoredModelError
        The model is never stored, or it holds a type that loading would refuse.
    """
    name = type(model).__name__
    if reason := model.unstorable():
        raise StoredModelError(reason)
    try:
        content: bytes = skops.io.dumps(parts_of(model)[0])
        strange = strange_types(skops.io.get_untrusted_types(data=content), type(model))
    except Exception as error:
        raise StoredModelError(
            f"the fit of {name} holds an object that skops does not store ({first_line(error)})."
        ) from error
    if strange:
        raise StoredModelError(
            f"the fit of {name} holds objects of type {', '.join(strange)}, which are not known to be safe; "
            f"if they hold data and no code, name them in {name}.stored_types ({type(model).__module__})."
        )
    return content


def hyperparameters_of(model: Model) -> set[str]:
    """Return the names of a model's hyperparameters."""
    return {f.name for f in fields(model)}  # type: ignore[arg-type]


def parts_of(model: Model) -> tuple[dict[str, Any], dict[str, dict[str, int]]]:
    """Return the fitted attributes that skops stores, and the vocabularies."""
    left_out = hyperparameters_of(model).union(model.own_format)
    fitted = {name: value for name, value in vars(model).items() if name not in left_out}
    # skops would write one file of the archive for each word of a vocabulary.
    numbered = {name: value for name, value in fitted.items() if is_vocabulary(value)}
    return {name: value for name, value in fitted.items() if name not in numbered}, numbered


def load(folder: Path, device: str = "cpu") -> Model:
    """Return a fitted model from a folder that `save` has written.

    Parameters
    ----------
    folder
        Folder of the stored model.
    device
        Device on which the model will predict: `cpu` or `cuda`.

    Raises
    ------
    StoredModelError
        A file is missing or damaged, or it asks for a class or a type that is not allowed.
    """
    about = read_about(folder / ABOUT)
    model = create(about["target"], about["hyperparameters"])
    vars(model).update(read_state(folder / STATE, type(model)))
    vars(model).update(read_numbered(folder / NUMBERED, type(model)))
    check_complete(folder, vars(model))
    if hasattr(model, "device"):
        model.device = device
    try:
        model.load_own(folder)
    except Exception as error:
        raise StoredModelError(f"{folder}: the weights cannot be read: {first_line(error)}") from error
    return model


def read_about(path: Path) -> dict[str, Any]:
    """Return the class and the hyperparameters of a stored model."""
    try:
        about = json.loads(path.read_text())
        target, _ = about["target"], about["hyperparameters"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoredModelError(f"{path} does not describe a model: {first_line(error)}") from error
    found = own_class(str(target))
    if found is None and is_named(str(target)):
        found = load_class(str(target), str(path))
    if found is None or not issubclass(found, Model):
        raise StoredModelError(
            f"{path} names '{target}', which is not a model in {OWN_PACKAGE}* or of conf/model; refused."
        )
    return about


def read_state(path: Path, model_class: type[Model]) -> dict[str, Any]:
    """Return the fitted attributes of a stored model. None may replace a method."""
    try:
        asked = skops.io.get_untrusted_types(file=path)
        refuse_types(path, asked, model_class)
        state = dict(skops.io.load(path, trusted=asked))
        refuse_shadows(path, state, model_class)
        return state
    except StoredModelError:
        raise
    except UntrustedTypesFoundException as error:
        raise StoredModelError(f"{path}: {first_line(error)}") from error
    except Exception as error:
        raise StoredModelError(f"{path} cannot be read: {first_line(error)}") from error


def check_complete(folder: Path, state: Mapping[str, Any]) -> None:
    """Raise StoredModelError if a stored part lacks a field that its class has now."""
    for part in state.values():
        if not is_dataclass(part) or isinstance(part, type):
            continue
        if missing := [each.name for each in fields(part) if each.name not in vars(part)]:
            raise StoredModelError(
                f"{folder} was stored by an earlier version of the code: its {type(part).__name__} has no "
                f"{', '.join(missing)}; fit the model again."
            )


def read_numbered(path: Path, model_class: type) -> dict[str, dict[str, int]]:
    """Return the vocabularies of a stored model. None may replace a method."""
    try:
        numbered = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise StoredModelError(f"{path} cannot be read: {first_line(error)}") from error
    if not isinstance(numbered, dict) or not all(map(is_vocabulary, numbered.values())):
        raise StoredModelError(f"{path} holds something other than numbered words; refused.")
    refuse_shadows(path, numbered, model_class)
    return numbered


def is_vocabulary(value: Any) -> bool:
    """Return whether a value maps words to numbers."""
    return isinstance(value, dict) and all(type(k) is str and type(v) is int for k, v in value.items())


def refuse_shadows(path: Path, state: Iterable[Any], model_class: type) -> None:
    """Raise StoredModelError if an attribute would replace a method."""
    if shadowed := [str(name) for name in state if hasattr(model_class, str(name))]:
        raise StoredModelError(f"{path} would replace {', '.join(shadowed)} of the model; refused.")


def refuse_types(path: Path, types: Iterable[str], model_class: type[Model]) -> None:
    """Raise StoredModelError if a file holds a type that its model may not store.

    Allowed are `COMMON_TYPES`, the classes of this folder and the types that the model's class declares.
    """
    if strange := strange_types(types, model_class):
        raise StoredModelError(
            f"{path} holds objects of type {', '.join(strange)}; refused. If the fit of "
            f"{model_class.__name__} makes them, name them in {model_class.__name__}.stored_types "
            f"({model_class.__module__})."
        )


def strange_types(types: Iterable[str], model_class: type[Model]) -> list[str]:
    """Return the types that a model may not store, sorted."""
    declared = COMMON_TYPES.union(model_class.stored_types)
    return sorted(name for name in types if name not in declared and own_class(name) is None)


def own_class(name: str) -> type | None:
    """Return the class with a dotted name, or None if no module of this folder defines it."""
    module, _, attribute = name.rpartition(".")
    if not module.startswith(OWN_PACKAGE) or find_spec(module) is None:
        return None
    found = getattr(importlib.import_module(module), attribute, None)
    return found if isinstance(found, type) and found.__module__ == module else None


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or the error's name if it has none."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__
