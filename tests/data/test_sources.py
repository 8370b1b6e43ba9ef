import hashlib
import zipfile

import numpy as np
import pytest

from fuelgauge import paths
from fuelgauge.config import DatasetConfig, FeatureTypes
from fuelgauge.data import sources
from fuelgauge.data.ingest import check_table, ingest, read_source
from fuelgauge.errors import ConfigError, DataError


@pytest.fixture
def archive():
    """Put an archive with two tables where downloads are kept, and return its description."""
    paths.ARCHIVES.mkdir(parents=True, exist_ok=True)
    path = paths.ARCHIVES / "made-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as content:
        content.writestr("main.csv", "key,delay,kind\n1,5,a\n2,NA,b\n3,30,a\n")
        content.writestr("side.csv", "key,wind,unused\n1,0.5,x\n3,1.5,x\n3,9.9,x\n")
        content.writestr("bare.csv", "1,a\n2,b\n")
        content.writestr("empty.csv", "")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"package": "made", "version": "1.0", "file": path.name, "sha256": digest}


def test_csv_joins_drops_and_derives(archive):
    table = sources.csv(
        archive,
        "main.csv",
        joins=[{"member": "side.csv", "keys": ["key"], "columns": ["wind"]}],
        required=["delay"],
        derive={"late": "delay > 15"},
    )
    assert table["late"].tolist() == [False, True]
    assert table["wind"].tolist() == [0.5, 1.5]
    assert "unused" not in table


def test_csv_without_a_header_line_takes_names(archive):
    assert sources.csv(archive, "bare.csv", columns=["n", "c"])["c"].tolist() == ["a", "b"]


def test_a_missing_required_column_is_named(archive):
    with pytest.raises(DataError, match="main.csv: there is no column 'nope'"):
        sources.csv(archive, "main.csv", required=["nope"])


def test_a_join_on_a_column_that_is_not_there_is_named(archive):
    join = {"member": "side.csv", "keys": ["kye"], "columns": ["wind"]}
    with pytest.raises(DataError, match="side.csv: there is no column 'kye'"):
        sources.csv(archive, "main.csv", joins=[join])


def test_an_expression_that_cannot_be_evaluated_is_named(archive):
    with pytest.raises(DataError, match="main.csv: cannot derive 'late' as 'dealy > 15'"):
        sources.csv(archive, "main.csv", derive={"late": "dealy > 15"})


def test_a_slip_in_the_description_of_an_archive_is_named(archive):
    with pytest.raises(ConfigError, match="source.archive needs package, version, file and sha256.*sha265"):
        sources.csv({**archive, "sha265": "0"}, "main.csv")


def test_an_empty_file_is_named(archive):
    with pytest.raises(DataError, match="empty.csv: not a readable CSV file"):
        sources.csv(archive, "empty.csv")


def test_mnist1d_is_the_generator_of_the_paper_and_leaves_the_global_generator_alone():
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    table = sources.mnist1d(100, 42)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert np.bincount(table["y"]).tolist() == [10] * 10
    assert table["x"][0].shape == (40,)
    assert np.array_equal(np.stack(table["x"]), np.stack(sources.mnist1d(100, 42)["x"]))


def test_mnist1d_wants_whole_classes():
    with pytest.raises(DataError, match="n_rows is 105"):
        sources.mnist1d(105, 42)


def test_the_shuffled_control_has_the_same_values_in_another_order():
    plain, shuffled = (np.stack(sources.mnist1d(50, 1, s)["x"]) for s in (False, True))
    assert not np.allclose(plain, shuffled)
    assert np.allclose(np.sort(plain, axis=1), np.sort(shuffled, axis=1), atol=1e-5)


def dataset(**changes):
    given = dict(
        name="made", title="", modality="tabular", task="binary", metric="roc_auc", target="kind",
        source={"_target_": "fuelgauge.data.sources.csv"}, features=FeatureTypes(numeric=["delay"]),
        licence="", citation="",
    )  # fmt: skip
    return DatasetConfig(**{**given, **changes})


def test_ingest_keeps_the_named_columns(archive, tmp_path):
    import pandas as pd

    source = {"_target_": "fuelgauge.data.sources.csv", "archive": archive, "member": "main.csv"}
    path = ingest(dataset(source=source), tmp_path)
    assert list(pd.read_parquet(path).columns) == ["delay", "kind"]


def test_a_source_with_a_wrong_argument_is_refused_before_it_is_called():
    source = {"_target_": "fuelgauge.data.sources.mnist1d", "rows": 10}
    with pytest.raises(ConfigError, match=r"conf/dataset/made.yaml: source does not fit .*n_rows"):
        read_source(dataset(source=source))


def test_a_loader_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match="'fuelgauge.data.sources.nope' cannot be imported"):
        read_source(dataset(source={"_target_": "fuelgauge.data.sources.nope"}))


def test_text_in_a_numeric_column_is_named(archive):
    table = sources.csv(archive, "main.csv")
    with pytest.raises(DataError, match="column 'kind' is listed as numeric"):
        check_table(table, dataset(target="delay", features=FeatureTypes(numeric=["kind"])))
