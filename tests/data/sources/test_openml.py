import numpy as np
import pytest
import sklearn.datasets._openml

from fuelgauge import paths
from fuelgauge.data.arrow import to_array
from fuelgauge.data.columns import table_of
from fuelgauge.data.ingest import ingest
from fuelgauge.data.sources import openml
from fuelgauge.errors import DataError
from fuelgauge.spec.dataset import FeatureTypes
from tests.data.made import described
from tests.data.sources.openml_server import Server

PIXELS = 12
IMAGES = "\n".join(
    [
        "@relation images",
        *(f"@attribute a{i} numeric" for i in range(PIXELS)),
        "@attribute class {0,1}",
        "@data",
        ",".join(map(str, range(PIXELS))) + ",0",
        ",".join(map(str, range(243, 255))) + ",1",
    ]
)
ADULTS = """@relation adults
@attribute row_id numeric
@attribute age numeric
@attribute work {Private,'State gov'}
@attribute rank {1,2}
@attribute class {<=50K,>50K}
@data
1,39,'State gov',2,<=50K
2,50.5,?,1,>50K
3,?,Private,1,>50K
4,28,Private,2,<=50K
"""


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Return a server that replaces the network; downloads go to a folder of the test."""
    server = Server()
    server.add(1, "images", IMAGES, "class", 2)
    server.add(2, "adults", ADULTS, "class", 2)
    monkeypatch.setattr(paths, "ARCHIVES", tmp_path)
    monkeypatch.setattr(sklearn.datasets._openml, "urlopen", server.urlopen)
    monkeypatch.setattr(sklearn.datasets._openml.time, "sleep", lambda _: None)
    monkeypatch.setattr(openml, "urlopen", server.urlopen)
    return server


def test_images_whose_pixels_hold_all_channels(server):
    table = openml.images(1, height=2, width=2, channels=3)
    pixels = to_array(table["x"])
    assert pixels.dtype == np.uint8
    assert pixels[0].tolist() == [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]
    assert table["y"].to_pylist() == ["0", "1"]


def test_images_that_are_stored_one_channel_after_the_other(server):
    pixels = to_array(openml.images(1, height=2, width=2, channels=3, planar=True)["x"])
    assert pixels[0].tolist() == [[[0, 4, 8], [1, 5, 9]], [[2, 6, 10], [3, 7, 11]]]


def test_grey_images_have_one_channel(server):
    assert to_array(openml.images(1, height=3, width=4)["x"]).shape == (2, 3, 4, 1)


def test_images_of_another_shape_are_refused(server):
    with pytest.raises(DataError, match="OpenML's dataset 1 has 12 columns, not 784 pixels"):
        openml.images(1, height=28, width=28)


@pytest.mark.parametrize("value", ["0.5", "256", "-1"])
def test_pixels_that_are_no_shades_are_refused(server, value):
    server.add(3, "odd", IMAGES.replace("243,", f"{value},"), "class", 2)
    with pytest.raises(DataError, match="dataset 3 has pixels that are not whole numbers from 0 to 255"):
        openml.images(3, height=3, width=4)


def test_a_table_has_numbers_categories_and_missing_values_and_no_row_numbers(server):
    frame = openml.table(2)
    assert list(frame.columns) == ["age", "work", "rank", "class"]
    assert frame["age"].isna().tolist() == [False, False, True, False]
    assert frame["work"].astype(object).where(frame["work"].notna(), None).tolist() == [
        "State gov", None, "Private", "Private",
    ]  # fmt: skip
    assert frame["rank"].astype(str).tolist() == ["2", "1", "1", "2"]
    assert table_of(frame, "adults").num_rows == 4


def test_a_table_goes_through_ingest_with_its_types_inferred(server, tmp_path):
    from pyarrow.parquet import ParquetFile

    from fuelgauge.data.about import About

    config = described(openml.table(2), target="class", features=FeatureTypes(infer=True))
    columns = About.of(ParquetFile(ingest(config, tmp_path / "raw"))).columns
    assert columns.numeric == ("age",)
    assert columns.categorical == ("work", "rank")


def test_what_has_been_downloaded_is_not_asked_for_again(server, tmp_path):
    openml.table(2)
    asked = len(server.asked)
    server.away = True
    assert len(openml.table(2)) == 4
    assert len(server.asked) == asked
    assert (tmp_path / "openml" / "openml.org").is_dir()


def test_a_server_that_is_away_is_one_sentence(server):
    server.away = True
    with pytest.raises(
        DataError,
        match="^dataset 2 could not be fetched from www.openml.org: Name or service not known; try again",
    ):
        openml.table(2)
    with pytest.raises(DataError, match="^the record study/99 could not be fetched from www.openml.org"):
        openml.record("study/99")


def test_a_dataset_that_openml_does_not_know_is_named(server):
    with pytest.raises(
        DataError, match="OpenML's dataset 77 cannot be read: Dataset with data_id 77 not found"
    ):
        openml.table(77)


def test_data_that_are_not_those_of_the_record_are_refused(server):
    server.add(4, "changed", ADULTS, "class", 2, md5_checksum="0" * 32)
    with pytest.raises(
        DataError, match="OpenML's dataset 4 cannot be read: The md5 checksum .* does not match"
    ):
        openml.table(4)


@pytest.mark.parametrize("content", [b"<html>", b"[1]"])
def test_a_record_that_is_none_is_named(server, content):
    server.answers[f"{openml.API}/study/99"] = content
    with pytest.raises(DataError, match="OpenML's record study/99 is not readable"):
        openml.record("study/99")
