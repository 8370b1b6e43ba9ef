"""A fitted model as an MLflow model: a folder without code and without pickles.

MLflow's `python_model` is a pickle or a file of code that loading executes. This package takes the third
way that MLflow has, a `loader_module`: the folder holds data alone, and the installed package reads them.
Before a folder is loaded it is held against the digest that the registry keeps.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import yaml
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from fuelgauge.errors import FuelgaugeError
from fuelgauge.models import storage
from fuelgauge.models.base import Model
from fuelgauge.registry.query import Query
from fuelgauge.sweep.fingerprint import external_imports, reachable

if TYPE_CHECKING:
    from mlflow.models import ModelSignature
    from mlflow.pyfunc import PyFuncModel

LOADER = "fuelgauge.registry.loader"
FORMER_LOADER = "fuelgauge.registry.served"  # named by versions that earlier releases registered
FLAVOR = "python_function"
DATA = "answering"
MODEL, FACTS, FITTED_ON, CARD = "model", "facts.json", "fitted_on.safetensors", "model_card.md"
# Formats that hold data and no code; `.skops` names every type that it would build.
SUFFIXES = frozenset({"", ".json", ".md", ".skops", ".safetensors", ".txt", ".ubj", ".yaml"})
HASHED = "hashed columns"  # in the header of FITTED_ON
MLMODEL = "MLmodel"
REMEDY = "Restore its artifacts, or delete the version in MLflow and register the dataset anew."
CODE_KEYS = ("code", "model_code_path", "python_model")


class RefusedModelError(FuelgaugeError):
    """A version of the registry does not hold a model that a register run has logged."""


@dataclass(frozen=True)
class Package:
    """What a model version is made of.

    Parameters
    ----------
    facts
        How it was chosen and fitted, and what that cost.
    fitted_on
        Hashes of the rows that it has seen, uint64.
    hashed
        Name and type of each column that the hashes are made of.
    example
        A few real rows, as a query brings them.
    card
        The model card.
    """

    model: Model
    query: Query
    facts: Mapping[str, Any]
    fitted_on: np.ndarray
    hashed: Sequence[Sequence[str]]
    example: pd.DataFrame | np.ndarray
    card: str

    def write(self, folder: Path) -> None:
        """Write the MLflow model into a folder that does not exist yet."""
        from mlflow import pyfunc

        with tempfile.TemporaryDirectory() as made:
            data = Path(made) / DATA
            data.mkdir()
            storage.save(self.model, data / MODEL)
            self.query.save(data)
            (data / FACTS).write_text(json.dumps(self.facts, indent=2) + "\n")
            (data / CARD).write_text(self.card)
            hashed = {HASHED: json.dumps(self.hashed)}
            save_file({"rows": np.unique(self.fitted_on)}, data / FITTED_ON, metadata=hashed)
            pyfunc.save_model(
                path=str(folder),
                loader_module=LOADER,
                data_path=str(data),
                signature=signature(self.query),
                input_example=self.example,
                pip_requirements=requirements(self.model),
            )


def signature(query: Query) -> ModelSignature:
    """Return what a query has to hold and what the answer holds; numbers and strings may be missing."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec
    from mlflow.types.schema import Map

    if query.shape:
        inputs = Schema([TensorSpec(np.dtype(query.dtype), (-1, *query.shape))])
    else:
        kinds = {
            **dict.fromkeys(query.columns.all_numeric, DataType.double),
            **dict.fromkeys(query.columns.all_dates, DataType.datetime),
        }
        names = query.columns.everything
        inputs = Schema([ColSpec(kinds.get(name, DataType.string), name) for name in names])
    if not query.description.classes:
        return ModelSignature(inputs, Schema([ColSpec(DataType.double, "value")]))
    label, probabilities = ColSpec(DataType.string, "label"), ColSpec(Map(DataType.double), "probabilities")
    return ModelSignature(inputs, Schema([label, probabilities]))


def requirements(model: Model) -> list[str]:
    """Return the libraries that a query passes through, each with its version.

    The package itself is not among them: no index has it, so it is installed from a checkout.
    """
    imported = {top for name in reachable(LOADER, type(model).__module__) for top in external_imports(name)}
    known = packages_distributions()
    distributions = sorted({top if top in known[top] else known[top][0] for top in imported if top in known})
    return [f"{name}=={version(name).partition('+')[0]}" for name in distributions]


def digest(folder: Path) -> str:
    """Return a SHA-256 of the names and contents of all files of a folder."""
    whole = hashlib.sha256()
    for path in files(folder):
        whole.update(f"{path.relative_to(folder).as_posix()}\n".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def files(folder: Path) -> list[Path]:
    """Return the files of a folder in the order of their names."""
    return sorted(path for path in folder.rglob("*") if not path.is_dir())


def check(folder: Path, wanted: str, name: str) -> None:
    """Raise RefusedModelError unless a folder is what a register run has logged, and holds no code.

    Parameters
    ----------
    wanted
        The digest that the registry keeps.
    name
        Of the version, for the message.
    """
    for path in files(folder):
        if path.suffix not in SUFFIXES or path.is_symlink():
            shown = path.relative_to(folder)
            raise RefusedModelError(
                f"{name} holds the file '{shown}', which may hold code or a pickle; it is refused. {REMEDY}"
            )
    check_flavor(folder / MLMODEL, name)
    if digest(folder) != wanted:
        raise RefusedModelError(
            f"{name} has other files than those that were registered; it is refused. {REMEDY}"
        )


def check_flavor(path: Path, name: str) -> None:
    """Raise RefusedModelError if an MLmodel file would have MLflow load anything but our data."""
    try:
        flavors = yaml.safe_load(path.read_text())["flavors"]
        flavor = flavors[FLAVOR]
        asked = [key for key in CODE_KEYS if flavor.get(key)]
        is_ours = list(flavors) == [FLAVOR] and flavor["loader_module"] in (LOADER, FORMER_LOADER)
    except (OSError, yaml.YAMLError, LookupError, TypeError, AttributeError) as error:
        raise RefusedModelError(f"{name} has no readable {MLMODEL} file; it is refused.") from error
    if asked or not is_ours:
        raise RefusedModelError(f"{name} is loaded by code that is not this package's; it is refused.")


def load(folder: Path) -> PyFuncModel:
    """Return the model of a folder that `check` has passed."""
    from mlflow import pyfunc

    sys.modules[FORMER_LOADER] = importlib.import_module(LOADER)
    return pyfunc.load_model(str(folder))


def facts(folder: Path) -> dict[str, Any]:
    """Return how the model of a folder was chosen and fitted."""
    content: dict[str, Any] = json.loads((folder / "data" / DATA / FACTS).read_text())
    return content


def fitted_on(folder: Path) -> np.ndarray:
    """Return the hashes of the rows that the model of a folder has seen."""
    return load_file(folder / "data" / DATA / FITTED_ON)["rows"]


def hashed(folder: Path) -> list[list[str]]:
    """Return name and type of each column that `fitted_on` is made of; empty if the package does not say."""
    with safe_open(folder / "data" / DATA / FITTED_ON, framework="numpy") as file:
        content: list[list[str]] = json.loads((file.metadata() or {}).get(HASHED, "[]"))
    return content


def card(folder: Path) -> str:
    """Return the model card of a folder."""
    return (folder / "data" / DATA / CARD).read_text()
