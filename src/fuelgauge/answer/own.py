"""A model of the user's own: any object with `fit` and `predict`, from a file or from a notebook."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import importlib.util
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fuelgauge.data.dataset import Examples
from fuelgauge.errors import ConfigError
from fuelgauge.files import write_whole
from fuelgauge.models.base import FitContext, FitError, Model, all_classes

__all__ = ["Own", "check", "hand_over"]


@dataclass
class Own(Model):
    """An estimator of the user's own. It gets the rows as a DataFrame, and class codes or values.

    Numbers are float64 with NaN where missing. Categories are of the type category.

    Parameters
    ----------
    file
        Absolute path of a Python file; empty for an object that was handed over.
    make
        Name of a function or a class in that file that makes an unfitted estimator without arguments.
    sha256
        SHA-256 of the file or of the object, so that another version counts as another model.
    object
        Absolute path of the object itself, which the process that asks has written; empty for a file.
    """

    file: str = ""
    make: str = ""
    sha256: str = ""
    object: str = ""

    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        """Fit a new estimator; validation rows are not used."""
        self.levels = (
            {name: sorted(train.x[name].dropna().unique()) for name in train.categorical}
            if isinstance(train.x, pd.DataFrame)
            else {}
        )
        self.classes = np.unique(train.y) if train.n_classes else np.empty(0, dtype=np.int64)
        self.estimator = self.new()
        with contextlib.suppress(Exception):
            self.estimator.set_params(random_state=context.seed % 2**32)
        self.estimator.fit(self.table(train), train.y)
        return 1

    def new(self) -> Any:
        """Return an unfitted estimator."""
        if self.object:
            return pickle.loads(Path(self.object).read_bytes())  # noqa: S301 - written by the user's own process
        return factory(Path(self.file), self.make)()

    def table(self, examples: Examples) -> Any:
        """Return rows as the estimator gets them."""
        if not isinstance(examples.x, pd.DataFrame):
            return examples.x
        x = examples.x.copy()
        for name, levels in self.levels.items():
            x[name] = pd.Categorical(x[name], categories=levels)
        return x

    def predict(self, examples: Examples) -> np.ndarray:
        """Return class probabilities or values; a class that is only named gets the probability 1."""
        x = self.table(examples)
        if examples.task == "regression":
            return np.asarray(self.estimator.predict(x), dtype=np.float64).ravel()
        if hasattr(self.estimator, "predict_proba"):
            found = np.asarray(self.estimator.predict_proba(x), dtype=np.float64)
        else:
            named = np.asarray(self.estimator.predict(x)).astype(np.int64)
            found = (named[:, None] == self.classes).astype(np.float64)
        if found.shape != (len(examples), len(self.classes)):
            wanted = (len(examples), len(self.classes))
            raise FitError(f"predict_proba gives the shape {found.shape}; it must be {wanted}.")
        return all_classes(found, self.classes, examples.n_classes)

    def count_parameters(self) -> int:
        """Return 1, as the parameters of an unknown estimator cannot be counted."""
        return 1

    def unstorable(self) -> str | None:
        """Return why the model is not stored."""
        return "it is your own code, which is not stored; fit it yourself on all rows"


def factory(path: Path, name: str) -> Callable[[], Any]:
    """Return a function of a user's file.

    Raises
    ------
    ConfigError
        The file cannot be run, or it has no such function.
    """
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    spec = importlib.util.spec_from_file_location(f"own_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"--model {path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        found = getattr(module, name)
    except Exception as error:
        raise ConfigError(
            f"--model {path.name}:{name} cannot be used: {type(error).__name__}: {error}."
        ) from error
    return found if callable(found) else lambda: copy.deepcopy(found)


def check(given: str) -> tuple[Path, str]:
    """Return the file and the function of `mine.py:make`.

    Raises
    ------
    ConfigError
        The text does not name both, or the file does not exist.
    """
    file, _, name = given.rpartition(":")
    path = Path(file).resolve()
    if not file or not name or not path.is_file():
        raise ConfigError(
            f"--model is '{given}'; write a Python file and a function of it, as in mine.py:make."
        )
    return path, name


def hand_over(estimator: Any, path: Path) -> str:
    """Write an estimator for the processes that fit it, and return the SHA-256 of the file."""
    try:
        import cloudpickle as writer
    except ImportError:
        writer = pickle
    content = writer.dumps(estimator)
    write_whole(path, content)
    return hashlib.sha256(content).hexdigest()
