import gzip
import hashlib
import io
import tarfile
import zipfile

import numpy as np
import pandas as pd
import pytest

from fuelgauge import paths
from fuelgauge.data.arrow import to_array
from fuelgauge.data.ingest import read_source
from fuelgauge.data.sources import archive as archives
from fuelgauge.data.sources import packages as sources
from fuelgauge.errors import ConfigError, DataError
from fuelgauge.spec.dataset import DatasetConfig

IMAGES = "\n".join(",".join(map(str, [*range(start, start + 6), start % 2])) for start in (0, 1, 249)) + "\n"
RATINGS = "1_1\t2.5\tgood &amp; great\r\n1_2\t-0.4\tmeh\r\n2_1\t-0.5\tsaid \"bad\r\n3\t0.5\tfine, 'ok'\r\n"


def put(name, write):
    """Write an archive into the folder of downloads, and return its description."""
    paths.ARCHIVES.mkdir(parents=True, exist_ok=True)
    path = paths.ARCHIVES / name
    write(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"package": "made", "version": "1.0", "file": name, "sha256": digest}


@pytest.fixture
def archive():
    def write(path):
        with zipfile.ZipFile(path, "w") as content:
            content.writestr(
                "main.csv", "key,delay,kind,hour\n1,5,a,2013-07-01T04:00:00Z\n2,NA,b,\n3,30,a,\n"
            )
            content.writestr("more.csv", "key,delay,kind,hour\n4,99,c,2013-01-01T04:00:00Z\n")
            content.writestr("side.csv", "key,wind,unused\n1,0.5,x\n3,1.5,x\n3,9.9,x\n")
            content.writestr("bare.csv", "1, a\n2, b\n")
            content.writestr("empty.csv", "")
            content.writestr("latin.csv", "a\n\xe9\n".encode("latin-1"))
            content.writestr("images.csv", IMAGES)

    return put("made-1.0-py3-none-any.whl", write)


@pytest.fixture
def rated():
    def write(path):
        inner = io.BytesIO()
        with tarfile.open(fileobj=inner, mode="w:gz") as tar:
            add(tar, "texts/ratings.txt", RATINGS.encode())
        with tarfile.open(path, "w:gz") as tar:
            add(tar, "made-1.0/texts.tar.gz", inner.getvalue())

    def add(tar, name, content):
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))

    return put("made-1.0.tar.gz", write)


def test_a_table_joins_drops_and_derives(archive):
    rows = sources.table(
        archive,
        ["main.csv"],
        joins=[{"member": "side.csv", "keys": ["key"], "columns": ["wind"]}],
        required=["delay"],
        derive={"late": "delay > 15"},
    )
    assert rows["late"].tolist() == [False, True]
    assert rows["wind"].tolist() == [0.5, 1.5]
    assert "unused" not in rows


def test_a_row_without_a_partner_stays_and_joined_columns_can_be_renamed(archive):
    join = {"member": "side.csv", "keys": ["key"], "columns": {"wind": "gust"}}
    rows = sources.table(archive, ["main.csv"], joins=[join])
    assert len(rows) == 3
    assert rows["gust"].isna().tolist() == [False, True, False]


def test_members_are_stacked_and_rows_kept_by_value(archive):
    rows = sources.table(archive, ["main.csv", "more.csv"], keep={"kind": ["a", "c"]})
    assert rows["key"].tolist() == [1, 3, 4]
    assert rows.index.tolist() == [0, 1, 2]


def test_what_cannot_be_true_becomes_missing(archive):
    rows = sources.table(archive, ["main.csv", "more.csv"], plausible={"delay": [0, 50]})
    assert rows["delay"].isna().tolist() == [False, True, False, True]


def test_times_are_given_in_local_time(archive):
    rows = sources.table(archive, ["main.csv", "more.csv"], zones={"hour": "America/New_York"})
    assert rows["hour"].dropna().tolist() == [pd.Timestamp("2013-07-01"), pd.Timestamp("2012-12-31 23:00")]


def test_a_table_without_a_header_line_takes_names_and_spaces_after_commas_do_not_count(archive):
    assert sources.table(archive, ["bare.csv"], columns=["n", "c"])["c"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    "rule", [{"required": ["nope"]}, {"keep": {"nope": [1]}}, {"plausible": {"nope": [0, 1]}}]
)
def test_a_missing_column_is_named(archive, rule):
    with pytest.raises(DataError, match="main.csv: there is no column 'nope'"):
        sources.table(archive, ["main.csv"], **rule)


def test_a_join_on_a_column_that_is_not_there_is_named(archive):
    join = {"member": "side.csv", "keys": ["kye"], "columns": ["wind"]}
    with pytest.raises(DataError, match="side.csv: there is no column 'kye'"):
        sources.table(archive, ["main.csv"], joins=[join])


def test_an_expression_that_cannot_be_evaluated_is_named(archive):
    with pytest.raises(DataError, match="main.csv: cannot derive 'late' as 'dealy > 15'"):
        sources.table(archive, ["main.csv"], derive={"late": "dealy > 15"})


def test_a_slip_in_the_description_of_an_archive_is_named(archive):
    with pytest.raises(ConfigError, match="source.archive needs package, version, file and sha256.*sha265"):
        sources.table({**archive, "sha265": "0"}, ["main.csv"])


@pytest.mark.parametrize("member", ["empty.csv", "latin.csv"])
def test_a_file_that_cannot_be_read_is_named(archive, member):
    with pytest.raises(DataError, match=f"{member}: not a readable CSV file"):
        sources.table(archive, [member])


def test_a_thing_has_the_label_under_which_it_was_counted_most(tmp_path):
    counts = pd.DataFrame(
        {"name": ["Kim", "Kim", "Kim", "Ann", "Bo", "Bo"], "sex": [*"FMFFMF"], "n": [2, 5, 4, 1, 3, 3]}
    )
    counts.to_parquet(tmp_path / "counts.parquet")

    def write(path):
        with zipfile.ZipFile(path, "w") as content:
            content.write(tmp_path / "counts.parquet", "counts.parquet")

    rows = sources.majority(put("counted.whl", write), "counts.parquet", "name", "sex", "n")
    assert rows.to_numpy().tolist() == [["Ann", "F"], ["Bo", "F"], ["Kim", "F"]]  # 6 of 11; of equal ones F


def test_a_parquet_file_of_an_npm_archive_is_a_table_and_one_that_is_cut_is_named(tmp_path):
    pd.DataFrame({"a": [1, 2]}).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-40])

    def write(path):
        with tarfile.open(path, "w:gz") as tar:
            for name in ("a.parquet", "cut.parquet"):
                tar.add(tmp_path / name, f"package/{name}")

    archive = put("made-1.0.tgz", write)
    assert sources.table(archive, ["package/a.parquet"])["a"].tolist() == [1, 2]
    with pytest.raises(DataError, match="made-1.0.tgz, package/cut.parquet: not a readable Parquet file"):
        sources.table(archive, ["package/cut.parquet"])


def test_ratings_become_classes_by_the_stated_rule_and_snippets_know_their_document(rated):
    rows = sources.ratings(rated, "made-1.0/texts.tar.gz", "texts/ratings.txt", neutral=0.5)
    assert rows["text"].tolist() == ["good &amp; great", 'said "bad', "fine, 'ok'"]
    assert rows["sentiment"].tolist() == ["positive", "negative", "positive"]
    assert rows["document"].tolist() == ["1", "2", "3"]


def test_images_keep_their_pixels_in_order(archive):
    table = sources.images(archive, "images.csv", height=2, width=3)
    pixels = to_array(table["x"])
    assert pixels.shape == (3, 2, 3, 1)
    assert pixels.dtype == np.uint8
    assert pixels[2, :, :, 0].tolist() == [[249, 250, 251], [252, 253, 254]]
    assert table["y"].to_pylist() == [0, 1, 1]


def test_shuffled_pixels_are_the_same_ones_in_one_other_order(archive):
    tables = (sources.images(archive, "images.csv", 2, 3, shuffle_pixels=s) for s in (False, True))
    plain, shuffled = (to_array(table["x"]).reshape(3, 6) for table in tables)
    assert not np.array_equal(plain, shuffled)
    order = [plain[2].tolist().index(pixel) for pixel in shuffled[2]]
    assert sorted(order) == list(range(6))
    assert np.array_equal(shuffled, plain[:, order])


def test_the_channels_of_a_shuffled_pixel_stay_together():
    pixels = np.arange(2 * 4 * 4 * 3).reshape(2, 4, 4, 3)
    shuffled = sources.shuffled_pixels(pixels).reshape(2, 16, 3)
    assert (np.diff(shuffled, axis=2) == 1).all() and (shuffled[..., 0] % 3 == 0).all()


def test_images_of_another_shape_are_refused(archive):
    with pytest.raises(DataError, match="images.csv has 7 columns, not 3 x 3 pixels and a class"):
        sources.images(archive, "images.csv", height=3, width=3)


def dataset(**source):
    return DatasetConfig(name="made", modality="tabular", task="binary", target="y", source=source)


def test_a_source_with_a_wrong_argument_is_refused_before_it_is_called():
    source = dataset(_target_="fuelgauge.data.sources.generators.mnist1d", rows=10)
    with pytest.raises(ConfigError, match="conf/dataset/made.yaml: source, .*mnist1d: missing .*'n_rows'"):
        read_source(source)


def test_a_loader_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match="'fuelgauge.data.sources.packages.nope' cannot be imported"):
        read_source(dataset(_target_="fuelgauge.data.sources.packages.nope"))


def test_compressed_members_are_read_up_to_a_fixed_size(monkeypatch):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as content:
        content.writestr("t.csv", "a\n" + "1\n" * 1000)

    def write(path):
        with zipfile.ZipFile(path, "w") as content:
            content.writestr("t.csv.zip", inner.getvalue())
            content.writestr("t.csv.gz", gzip.compress(b"a\n" + b"1\n" * 1000))

    packed = put("packed-1.0-py3-none-any.whl", write)
    for member in ("t.csv.zip", "t.csv.gz"):
        assert len(sources.table(packed, [member])) == 1000
    monkeypatch.setattr(archives, "LIMIT", 1000)
    for member in ("t.csv.zip", "t.csv.gz"):
        with pytest.raises(DataError, match=f"{member} unpacks to more than"):
            sources.table(packed, [member])
