"""Helpers for small datasets that a test defines, ingests and featurizes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from fuelgauge.data.dataset import Dataset
from fuelgauge.data.ingest import ingest
from fuelgauge.features.featurize import featurize
from fuelgauge.spec.dataset import DatasetConfig, FeatureTypes
from fuelgauge.spec.features import FeatureSetConfig

GIVEN: dict[str, Any] = {}
sys.modules["fuelgauge.data.made"] = sys.modules[__name__]  # loaders are taken from the package only


def given(name: str) -> Any:
    """Return the source that the test has stored: the loader of these datasets."""
    return GIVEN[name]


def make(folder: Path, source: pd.DataFrame | pa.Table, feature_set: str = "raw", **settings: Any) -> Dataset:
    """Ingest and featurize a source, and open the resulting dataset."""
    config = described(source, **settings)
    ingest(config, folder / "raw")
    featurize(config, FeatureSetConfig(name=feature_set), folder / "raw", folder / "features")
    return Dataset.open(config.name, feature_set, folder / "features")


def described(source: Any, **settings: Any) -> DatasetConfig:
    """Return the description of such a dataset; by default tabular and binary, with one number `a`."""
    GIVEN["made"] = source
    usual: dict[str, Any] = {
        "name": "made",
        "title": "made",
        "modality": "tabular",
        "task": "binary",
        "metric": "roc_auc",
        "target": "y",
        "features": FeatureTypes(numeric=["a"]),
        "source": {"_target_": "fuelgauge.data.made.given", "name": "made"},
        "duplicates": "keep",
    }
    return DatasetConfig(**{**usual, **settings})
