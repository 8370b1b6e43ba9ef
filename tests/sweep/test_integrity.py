"""Features are compared with the fingerprint of their description."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from fuelgauge import paths
from fuelgauge.data import dataset as datasets
from fuelgauge.data.arrow import tensor
from fuelgauge.errors import DataError
from fuelgauge.spec.dataset import FeatureTypes
from fuelgauge.sweep import _integrity
from tests.data.made import make

N = 40
CLASSES = np.arange(N) % 2
TABLE = pd.DataFrame(
    {
        "a": np.where(np.arange(N) % 7, np.arange(N) / 3, np.nan),
        "c": np.where(np.arange(N) % 5, "ü", None),
        "d": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(N), "D"),
        "g": np.arange(N) // 4,
        "y": CLASSES,
    }
)
MIXED = {"features": FeatureTypes(numeric=["a"], categorical=["c"], dates=["d"])}
SOURCES = {
    "mixed": (TABLE, "raw", MIXED),
    "grouped": (TABLE, "raw", {**MIXED, "group": "g"}),
    "timed": (TABLE, "raw", {**MIXED, "time": "d"}),
    "engineered": (TABLE, "engineered", MIXED),
    "regression": (TABLE.assign(y=CLASSES / 3), "raw", {**MIXED, "task": "regression", "metric": "rmse"}),
    "text": (
        pd.DataFrame({"t": np.where(CLASSES, "gut", "böse"), "y": CLASSES}),
        "raw",
        {"modality": "text", "features": FeatureTypes(text="t")},
    ),
    "image": (
        pa.table({"x": tensor(np.arange(N * 16, dtype=np.uint8).reshape(N, 4, 4, 1)), "y": CLASSES}),
        "raw",
        {"modality": "image", "features": FeatureTypes()},
    ),
}


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Return a function that makes a dataset; features are looked for where it was made."""
    open_dataset = datasets.Dataset.open.__func__
    monkeypatch.setattr(paths, "FEATURES", tmp_path / "features")
    monkeypatch.setattr(
        datasets.Dataset,
        "open",
        classmethod(lambda c, name, features, folder=None: open_dataset(c, name, features, paths.FEATURES)),
    )
    _integrity.fingerprint_of.cache_clear()
    yield lambda kind: make(tmp_path, SOURCES[kind][0], SOURCES[kind][1], **SOURCES[kind][2])
    _integrity.fingerprint_of.cache_clear()


@pytest.mark.parametrize("kind", SOURCES)
def test_features_as_they_were_written_pass(made, kind):
    made(kind)
    _integrity.check_features("made", SOURCES[kind][1])


@pytest.mark.parametrize("kind", ["mixed", "text", "image", "regression"])
def test_a_changed_value_is_found_in_every_kind_of_column(made, kind):
    table = made(kind).table
    path = paths.FEATURES / "made" / f"{SOURCES[kind][1]}.arrow"
    for name in set(table.column_names) - {datasets.ROW}:
        place = table.column_names.index(name)
        swapped = table.set_column(place, table.schema.field(place), table[name][::-1])
        if swapped.equals(table):
            continue
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(swapped)
        with pytest.raises(DataError, match=r"made/raw.arrow does not hold .* featurize@made"):
            _integrity.check_features("made", SOURCES[kind][1])


def test_a_file_is_read_once_until_it_changes(made, monkeypatch):
    made("mixed")
    _integrity.check_features("made", "raw")
    counts = _integrity.fingerprint_of.cache_info
    _integrity.check_features("made", "raw")
    assert (counts().hits, counts().misses) == (1, 1)
    made("mixed")
    _integrity.check_features("made", "raw")
    assert counts().misses == 2
