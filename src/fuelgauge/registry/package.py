"""Package a fitted model as an MLflow model: a folder without code and without pickles.

An MLflow `python_model` is a pickle or a file of code, and loading it executes code. This module uses the
alternative, a `loader_module`: the folder holds only data, and the installed package reads them.
Before a folder is loaded, its checksum is compared with the one in the registry.
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

__all__ = [
    "CARD",
    "DATA",
    "Package",
    "RefusedModelError",
    "answers",
    "card",
    "check",
    "digest",
    "facts",
    "fitted_on",
    "hashed",
    "load",
]

LOADER = "fuelgauge.registry.loader"
FORMER_LOADER = "fuelgauge.registry.served"  # former name, which versions of earlier releases contain
FLAVOR = "python_function"
DATA = "answering"
MODEL, FACTS, FITTED_ON, CARD = "model", "facts.json", "fitted_on.safetensors", "model_card.md"
# Formats of data without code; a .skops file names every type that loading it would create.
SUFFIXES = frozenset({"", ".json", ".md", ".skops", ".safetensors", ".txt", ".ubj", ".yaml"})
HASHED = "hashed columns"  # key in the header of FITTED_ON
MLMODEL = "MLmodel"
REMEDY = "Restore its artifacts, or delete the version in MLflow and register the dataset again."
CODE_KEYS = ("code", "model_code_path", "python_model")


class RefusedModelError(FuelgaugeError):
    """A version in the registry is not a model that a register run has logged."""


@dataclass(frozen=True)
class Package:
    """The contents of a model version.

    Parameters
    ----------
    query
        Format of queries and answers.
    facts
        Records of the choice, the fit and its cost.
    fitted_on
        Hashes of the rows that the model was fitted on, dtype uint64.
    hashed
        Name and type of each column that the hashes cover.
    example
        A few real rows as a query brings them.
    card
        Model card in Markdown.
    """

    model: Model
    query: Query
    facts: Mapping[str, Any]
    fitted_on: np.ndarray
    hashed: Sequence[Sequence[str]]
    example: pd.DataFrame | np.ndarray
    card: str

    def write(self, folder: Path) -> None:
        """Write the MLflow model into a new folder, which must not exist yet."""
        from mlflow import pyfunc

        with tempfile.TemporaryDirectory() as made:
            data = Path(made) / DATA
            data.mkdir()
            storage.save(self.model, data / MODEL)
            self.query.save(data)
            (data / FACTS).write_text(json.dumps(self.facts, indent=2) + "\n", encoding="utf-8")
            (data / CARD).write_text(self.card, encoding="utf-8")
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
    """Return the MLflow signature of query and answer; numbers and strings of a query may be missing.

    Dates are strings, because MLflow would guess the format of a date: 05.12.2024 would become 12 May.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec
    from mlflow.types.schema import Map

    if query.shape:
        inputs = Schema([TensorSpec(np.dtype(query.dtype), (-1, *query.shape))])
    else:
        kinds = {
            **dict.fromkeys(query.columns.all_numeric, DataType.double),
            **({} if query.source is not None else dict.fromkeys(query.columns.all_dates, DataType.datetime)),
        }
        names = query.columns.everything
        inputs = Schema([ColSpec(kinds.get(name, DataType.string), name) for name in names])
    if not query.description.classes:
        return ModelSignature(inputs, Schema([ColSpec(DataType.double, "value")]))
    label, probabilities = ColSpec(DataType.string, "label"), ColSpec(Map(DataType.double), "probabilities")
    return ModelSignature(inputs, Schema([label, probabilities]))


def requirements(model: Model) -> list[str]:
    """Return the libraries that answering a query imports, each with its version.

    fuelgauge itself is not listed, because no package index has it; it is installed from a checkout.
    """
    imported = {top for name in reachable(LOADER, type(model).__module__) for top in external_imports(name)}
    known = packages_distributions()
    distributions = sorted({top if top in known[top] else known[top][0] for top in imported if top in known})
    return [f"{name}=={version(name).partition('+')[0]}" for name in distributions]


def digest(folder: Path) -> str:
    """Return a SHA-256 checksum of the names and contents of all files in a folder."""
    whole = hashlib.sha256()
    for path in files(folder):
        whole.update(f"{path.relative_to(folder).as_posix()}\n".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def files(folder: Path) -> list[Path]:
    """Return all files below a folder, sorted by path."""
    return sorted(path for path in folder.rglob("*") if not path.is_dir())


def check(folder: Path, wanted: str, name: str) -> None:
    """Raise RefusedModelError unless a folder holds no code and is unchanged since it was registered.

    Parameters
    ----------
    wanted
        Checksum that the registry has recorded.
    name
        Name of the version for the message.
    """
    for path in files(folder):
        if path.suffix not in SUFFIXES or path.is_symlink():
            shown = path.relative_to(folder)
            raise RefusedModelError(
                f"{name} holds the file '{shown}', which may contain code or a pickle; it is refused. "
                f"{REMEDY}"
            )
    check_flavor(folder / MLMODEL, name)
    if digest(folder) != wanted:
        raise RefusedModelError(
            f"the files of {name} differ from the registered ones; the version is refused. {REMEDY}"
        )


def check_flavor(path: Path, name: str) -> None:
    """Raise RefusedModelError if an MLmodel file makes MLflow load anything else than our data."""
    try:
        flavors = yaml.safe_load(path.read_text(encoding="utf-8"))["flavors"]
        flavor = flavors[FLAVOR]
        asked = [key for key in CODE_KEYS if flavor.get(key)]
        is_ours = list(flavors) == [FLAVOR] and flavor["loader_module"] in (LOADER, FORMER_LOADER)
    except (OSError, yaml.YAMLError, LookupError, TypeError, AttributeError) as error:
        raise RefusedModelError(f"{name} has no readable {MLMODEL} file; it is refused.") from error
    if asked or not is_ours:
        raise RefusedModelError(f"{name} would be loaded by code from outside fuelgauge; it is refused.")


def load(folder: Path) -> PyFuncModel:
    """Load the model in a folder that has passed `check`."""
    from mlflow import pyfunc

    # MLflow imports the module that MLmodel names; versions of earlier releases name the former one.
    sys.modules[FORMER_LOADER] = importlib.import_module(LOADER)
    return pyfunc.load_model(str(folder))


def answers(folder: Path, rows: pd.DataFrame | np.ndarray) -> pd.DataFrame:
    """Return the answers of the model in a folder to rows in the form of any version of this dataset."""
    suited = Query.load(folder / "data" / DATA).suited(rows)
    return pd.DataFrame(load(folder).predict(suited))


def facts(folder: Path) -> dict[str, Any]:
    """Return the records of the choice and the fit of the model in a folder."""
    content: dict[str, Any] = json.loads((folder / "data" / DATA / FACTS).read_text(encoding="utf-8"))
    return content


def fitted_on(folder: Path) -> np.ndarray:
    """Return the hashes of the rows that the model in a folder was fitted on."""
    return load_file(folder / "data" / DATA / FITTED_ON)["rows"]


def hashed(folder: Path) -> list[list[str]]:
    """Return name and type of each column that the hashes cover; empty if not recorded."""
    with safe_open(folder / "data" / DATA / FITTED_ON, framework="numpy") as file:
        content: list[list[str]] = json.loads((file.metadata() or {}).get(HASHED, "[]"))
    return content


def card(folder: Path) -> str:
    """Return the model card of the model in a folder."""
    return (folder / "data" / DATA / CARD).read_text(encoding="utf-8")
