import shutil

import pytest
import yaml

from fuelgauge import paths
from fuelgauge.config.checks import check_dataset
from fuelgauge.config.files import typed
from fuelgauge.data.sources import openml
from fuelgauge.errors import ConfigError, DataError
from fuelgauge.intake._suites import expand_suite
from fuelgauge.spec.dataset import DatasetConfig
from tests.data.sources.openml_server import Server
from tests.data.sources.test_openml import ADULTS

SUITE = "name: made\ntitle: A made suite\nstudy: 5\nduplicates: keep\n"


@pytest.fixture
def server(tmp_path, monkeypatch):
    server = Server()
    server.add(2, "Adults (2nd)", ADULTS, "class", 2, creator=["A. Author", "B. Writer"])
    server.add(7, "letters", ADULTS, "class", 26, licence="CC-BY", citation="Somebody\n(1999)")
    server.add(9, "prices", ADULTS, "age", 0)
    server.record("study/5", {"study": {"id": "5", "data": {"data_id": ["9", "2", "7"]}}})
    monkeypatch.setattr(openml, "urlopen", server.urlopen)
    monkeypatch.setattr(paths, "CONF", tmp_path)
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "made.yaml").write_text(SUITE)
    return server


def test_a_suite_becomes_a_valid_file_for_each_dataset(server, tmp_path):
    names = expand_suite("made", tmp_path)
    assert names == ["made_adults_2nd", "made_letters", "made_prices"]
    found = {}
    for name in names:
        found[name] = typed(DatasetConfig, yaml.safe_load((tmp_path / f"{name}.yaml").read_text()), name)
        check_dataset(found[name])
        assert found[name].name == name
    adults, letters, prices = found.values()
    assert adults.source == {"_target_": "fuelgauge.data.sources.openml.table", "data_id": 2}
    assert (adults.task, adults.metric, adults.target) == ("binary", "roc_auc", "class")
    assert adults.features.infer
    assert adults.duplicates == "keep"
    assert adults.licence == "Public"
    assert adults.citation == "A. Author, B. Writer; https://www.openml.org/d/2"
    assert (letters.task, letters.metric, letters.licence) == ("multiclass", "accuracy", "CC-BY")
    assert letters.citation == "Somebody (1999); https://www.openml.org/d/7"
    assert (prices.task, prices.metric, prices.target) == ("regression", "rmse", "age")


def test_a_file_says_where_it_comes_from_and_what_has_been_edited_stays(server, tmp_path):
    expand_suite("made", tmp_path)
    path = tmp_path / "made_letters.yaml"
    assert path.read_text().startswith(
        "# Written by `fuelgauge add --suite made` from OpenML's records of dataset 7"
    )
    path.write_text("mine")
    expand_suite("made", tmp_path)
    assert path.read_text() == "mine"


def test_two_datasets_of_one_name_get_two_files(server, tmp_path):
    server.add(9, "Letters", ADULTS, "class", 2)
    assert expand_suite("made", tmp_path) == ["made_adults_2nd", "made_letters", "made_letters_9"]


def test_the_suite_of_the_project_is_cc18(server, tmp_path):
    shutil.copy(paths.ROOT / "conf" / "suite" / "cc18.yaml", tmp_path / "suite")
    server.record("study/99", {"study": {"data": {"data_id": ["7"]}}})
    assert expand_suite("cc18", tmp_path) == ["cc18_letters"]


def test_a_suite_that_is_not_there_is_named_with_the_nearest(server, tmp_path):
    with pytest.raises(ConfigError, match="there is no suite 'mad', did you mean 'made'"):
        expand_suite("mad", tmp_path)


def test_a_slip_in_a_suite_is_named(server, tmp_path):
    (tmp_path / "suite" / "made.yaml").write_text(SUITE.replace("keep", "kep"))
    with pytest.raises(ConfigError, match="conf/suite/made.yaml: duplicates is 'kep', did you mean 'keep'"):
        expand_suite("made", tmp_path)


def test_a_record_that_lacks_something_is_named(server, tmp_path):
    server.record("data/qualities/7", {"data_qualities": {"quality": []}})
    with pytest.raises(DataError, match="OpenML's record data/qualities/7 has no 'NumberOfClasses'"):
        expand_suite("made", tmp_path)
    assert not list(tmp_path.glob("*.yaml")), "none is written before all are known"


def test_a_server_that_is_away_is_one_sentence(server, tmp_path):
    server.away = True
    with pytest.raises(DataError, match="the record study/5 could not be fetched from www.openml.org"):
        expand_suite("made", tmp_path)
