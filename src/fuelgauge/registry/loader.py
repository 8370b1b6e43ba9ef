"""Load a registered model for MLflow: a stored model that answers queries of its dataset.

The MLmodel file of each version names this module as its `loader_module`.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from fuelgauge.errors import FuelgaugeError
from fuelgauge.models.storage import load
from fuelgauge.registry._seen import Notes
from fuelgauge.registry.query import QUERY, Query, Rows

__all__ = ["MODEL", "UNSEEN", "Served"]

MODEL = "model"
UNSEEN = "unseen"  # key of an answer: columns whose category no training row has


class Served:
    """A fitted model that answers queries, one at a time.

    A lock serialises the queries, because some libraries do not predict safely from several threads.
    """

    def __init__(self, folder: Path):
        self.query = Query.load(folder)
        self.model = load(folder / MODEL)
        self.lock = threading.Lock()

    def predict(self, rows: pd.DataFrame | np.ndarray, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return the answers to rows that have passed MLflow's signature check."""
        try:
            answers, notes = self.answer(rows)
        except FuelgaugeError as error:
            raise MlflowException(str(error), INVALID_PARAMETER_VALUE) from error
        table = pd.DataFrame(answers)
        if notes.unseen:
            table[UNSEEN] = list(notes.unseen)
        return table

    def answer(
        self, rows: Rows, first_row: int = 0, where: str = QUERY
    ) -> tuple[list[dict[str, Any]], Notes]:
        """Return one answer per row, with the findings about the values of the rows.

        Parameters
        ----------
        rows, first_row, where
            Rows with their place in a file (see `Query.asked`).
        """
        asked = self.query.asked(rows, first_row, where)
        with self.lock:
            predicted = self.model.predict(asked.examples)
        return self.query.records(predicted), asked.notes

    def get_raw_model(self) -> Served:
        """Return this object, so that `PyFuncModel.get_raw_model` of MLflow gives access to it."""
        return self


def _load_pyfunc(path: str) -> Served:
    """Return the model in a folder; MLflow calls this function by its name."""
    return Served(Path(path))
