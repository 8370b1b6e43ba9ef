"""A table whose rows a client would post as they are: a code, a zip code, day-first dates, truth values."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from fuelgauge.models import storage
from fuelgauge.models.base import FitContext, create
from fuelgauge.registry.loader import MODEL, Served
from fuelgauge.registry.query import Query
from fuelgauge.spec.dataset import EngineeredFeatures, FeatureTypes
from fuelgauge.spec.features import FeatureSetConfig
from tests.data.made import described, make

N = 60
SOURCE = {
    "_target_": "fuelgauge.data.sources.files.table",
    "path": "data/own/clients.csv",
    "dates": {"joined": "%d.%m.%Y"},
}
TYPES = FeatureTypes(numeric=["usage"], categorical=["plan", "zip", "active"], dates=["joined"])
SETTINGS = {"features": TYPES, "engineered": EngineeredFeatures(), "licence": "none", "citation": "none"}
ROW = {"usage": -0.5, "plan": 3, "zip": "01002", "active": "TRUE", "joined": "05.12.2024"}


def clients() -> pd.DataFrame:
    """Return the rows as ingest reads them from the file."""
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "usage": random.normal(size=N).round(2).clip(-2, 2),
            "plan": random.choice(["1", "2", "3"], N),
            "zip": random.choice(["01000", "01001", "01002"], N),
            "active": random.choice(["TRUE", "FALSE"], N),
            "joined": pd.date_range("2024-01-01", periods=N, freq="6D"),
            "y": random.choice(["no", "yes"], N),
        }
    )


def client_query(folder: Path, feature_set: str = "raw", **source: object) -> Query:
    """Return the query format of the table, of which every row is a training row."""
    dataset = make(folder, clients(), feature_set, **SETTINGS)
    config = replace(described(clients(), **SETTINGS), source={**SOURCE, **source})
    raw = folder / "raw/made.parquet"
    query = Query.of(raw, config, FeatureSetConfig(name=feature_set), dataset.description)
    return query.with_seen(pq.read_table(raw))


def served(folder: Path, query: Query) -> Served:
    """Return a fitted model that answers the queries."""
    model = create("fuelgauge.models.logistic.Logistic", {})
    rows = query.rows_of(pq.read_table(folder / "raw/made.parquet"))
    examples = replace(query.examples(rows), y=(clients()["y"] == "yes").to_numpy(np.int64))
    model.fit(examples, examples, FitContext(0, 1, "cpu", "roc_auc"))
    query.save(folder)
    storage.save(model, folder / MODEL)
    return Served(folder)
