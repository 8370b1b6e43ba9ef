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
from fuelgauge.registry.query import Query

MODEL = "model"


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
            with self.lock:
                return self.query.answers(self.model.predict(self.query.examples(rows)))
        except FuelgaugeError as error:
            raise MlflowException(str(error), INVALID_PARAMETER_VALUE) from error


def _load_pyfunc(path: str) -> Served:
    """Return the model in a folder; MLflow calls this function by its name."""
    return Served(Path(path))
