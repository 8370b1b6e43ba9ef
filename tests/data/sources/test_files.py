"""Loaders of a user's own files: the tables that they read, and their messages about wrong files."""

import gzip
import shutil
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from PIL import Image

from fuelgauge.data.arrow import to_array
from fuelgauge.data.ingest import ingest
from fuelgauge.data.sources import delimited, files
from fuelgauge.errors import ConfigError, DataError
from fuelgauge.spec.dataset import DatasetConfig, EngineeredFeatures, FeatureTypes

TABLE = pd.DataFrame({"age": [1.5, None, 3.0], "plan": ["a", "b", None], "y": ["no", "yes", "no"]})


@pytest.fixture
def own() -> Iterator[Path]:
    """Return a folder in data/own that only this test uses."""
    folder = files.OWN / uuid.uuid4().hex[:8]
    folder.mkdir(parents=True)
    yield folder
    shutil.rmtree(folder)


def path_of(file: Path) -> str:
    return file.relative_to(files.HOME).as_posix()


def written(folder: Path, content: str | bytes, name: str = "t.csv") -> str:
    data = content if isinstance(content, bytes) else content.encode()
    (folder / name).write_bytes(data)
    return path_of(folder / name)


def described(**settings: object) -> DatasetConfig:
    usual = {
        "name": "mine",
        "title": "mine",
        "modality": "tabular",
        "task": "binary",
        "metric": "roc_auc",
        "target": "y",
        "features": FeatureTypes(numeric=["age"], categorical=["plan"]),
        "source": {"_target_": "fuelgauge.data.sources.files.table"},
    }
    return DatasetConfig(**{**usual, **settings})


def read(path: str, **arguments: object) -> pd.DataFrame:
    return files.table(path, **arguments).read_all().to_pandas()


def test_csv_has_the_types_that_the_dataset_says(own):
    path = written(own, "age,plan,extra,y\n1.5,a,x,no\n,b,x,yes\n3,NA,x,no\n")
    table = files.table(path, dataset=described()).read_all()
    assert table.schema == pa.schema({"age": pa.float64(), "plan": pa.string(), "y": pa.string()})
    pd.testing.assert_frame_equal(table.to_pandas(), TABLE, check_dtype=False)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("t.parquet", lambda file: TABLE.to_parquet(file)),
        ("t.feather", lambda file: feather.write_feather(TABLE, str(file))),
        ("t.arrow", lambda file: feather.write_feather(TABLE, str(file), compression="uncompressed")),
        ("t.tsv", lambda file: TABLE.to_csv(file, sep="\t", index=False)),
        ("t.csv.gz", lambda file: TABLE.to_csv(file, index=False)),
    ],
)
def test_all_formats_make_the_same_table(own, name, write):
    write(own / name)
    found = read(path_of(own / name), dataset=described())
    pd.testing.assert_frame_equal(found, TABLE, check_dtype=False)


def test_an_arrow_stream_is_read_too(own):
    with pa.ipc.new_stream(own / "t.arrow", pa.Table.from_pandas(TABLE).schema) as stream:
        stream.write_table(pa.Table.from_pandas(TABLE))
    assert len(read(path_of(own / "t.arrow"))) == 3


def test_the_format_can_be_said(own):
    TABLE.to_parquet(own / "t.data")
    assert len(read(path_of(own / "t.data"), format="parquet")) == 3


def test_other_dialects(own):
    path = written(own, "age;plan;y\n1,5;-;nö\n".encode("cp1252"))
    found = read(path, delimiter=";", decimal=",", encoding="cp1252", missing=["-"], dataset=described())
    assert (found["age"][0], found["plan"].isna()[0], found["y"][0]) == (1.5, True, "nö")


def test_line_breaks_in_quotes_and_a_byte_order_mark(own):
    path = written(own, b'\xef\xbb\xbfage,plan,y\n1,"a\nb",no\n')
    assert read(path, dataset=described())["plan"][0] == "a\nb"


def test_columns_of_engineered_features_group_and_time_are_read(own):
    path = written(own, "age,plan,wind,who,hour,left,y\n1,a,2.5,u,7,z,no\n")
    dataset = described(engineered=EngineeredFeatures(numeric=["wind"]), group="who", time="hour")
    row = read(path, dataset=dataset).iloc[0].to_dict()
    assert row == {"age": 1.0, "plan": "a", "wind": 2.5, "who": "u", "hour": 7.0, "y": "no"}


def test_dates_in_a_form_become_timestamps(own):
    path = written(own, "age,plan,y,when\n1,a,no,31.12.2025\n1,a,no,\n")
    dataset = described(features=FeatureTypes(numeric=["age"], dates=["when"]))
    found = files.table(path, dates={"when": "%d.%m.%Y"}, dataset=dataset).read_all()
    assert found.schema.field("when").type == pa.timestamp("us")
    assert found["when"].to_pylist() == [datetime(2025, 12, 31), None]


def test_files_are_read_in_batches(own, monkeypatch):
    monkeypatch.setattr(files, "BATCH", 1000)
    monkeypatch.setattr(delimited, "BLOCK", 4096)
    table = pa.table({"x": np.arange(5000.0), "y": ["a", "b"] * 2500})
    pq.write_table(table, own / "t.parquet")
    pa.feather.write_feather(table, str(own / "t.arrow"))
    table.to_pandas().to_csv(own / "t.csv", index=False)
    for name in ("t.parquet", "t.arrow", "t.csv"):
        batches = list(files.table(path_of(own / name)))
        assert len(batches) >= 5, name
        assert sum(batch.num_rows for batch in batches) == 5000


LATE = "age,plan,y\n" + "1,a,no\n" * 3000
BAD_TABLES = {
    "duplicated column": ("age,plan,age,y\n1,a,2,no\n", "has 2 columns named 'age'; rename them"),
    "missing column": ("years,plan,y\n1,a,no\n", r"no column 'age', .*conf/dataset/mine.yaml names it"),
    "mixed types": ("age,plan,y\n1,a,no\nold,b,yes\n", r"column 'age' is .* numeric, but row 2 holds 'old'"),
    "mixed types later": (LATE + "old,b,yes\n", "column 'age' is .* numeric, but row 3001 holds 'old'"),
    "not UTF-8": (b"age,plan,y\n1,caf\xe9,no\n", r"is not UTF-8: byte 16 in line 2 is e9; it may be cp1252"),
    "not UTF-8 later": (LATE.encode() + b"1,\xe9,no\n", r"is not UTF-8: byte 21013 in line 3002 is e9"),
    "UTF-16": ("age,plan,y\n1,a,no\n".encode("utf-16"), "it may be utf-16: set encoding: utf-16"),
    "wrong delimiter": ("age;plan;y\n1;a;no\n", "its delimiter seems to be a semicolon; set delimiter: ';'"),
    "tabs": ("age\tplan\ty\n1\ta\tno\n", r"seems to be a tab; set delimiter: '\\t'"),
    "empty file": ("", "is empty"),
    "empty lines": ("\n\n", "is empty"),
    "header only": ("age,plan,y\n", "holds a header but no rows"),
    "too many values": (LATE + "1,a,no,no\n", "row 3001 has 4 values, but the header has 3"),
    "open quote": (LATE + '1,"a,no\n' + "1,a,no\n" * 3000, "a quote is opened and not closed"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_a_bad_csv_file_is_one_sentence(own, monkeypatch, case):
    monkeypatch.setattr(delimited, "BLOCK", 4096)
    content, sentence = BAD_TABLES[case]
    path = written(own, content)
    with pytest.raises(DataError, match=sentence) as raised:
        files.table(path, dataset=described()).read_all()
    assert str(raised.value).startswith(path)
    assert "\n" not in str(raised.value)


def test_the_byte_that_is_not_utf8_is_found_across_blocks(own, monkeypatch):
    monkeypatch.setattr(delimited, "HEAD", 7)
    content = "a,b\nää,b\n".encode() + b"x,\xff\n"
    with pytest.raises(DataError, match=f"byte {content.index(0xFF)} in line 3 is ff"):
        files.table(written(own, content)).read_all()


@pytest.mark.parametrize("path", ["../t.csv", "data/own/../raw/t.csv", "/etc/passwd", "data/own", "t.csv"])
def test_a_path_outside_data_own_is_one_sentence(path):
    with pytest.raises(DataError, match="lies outside data/own/.*copy it there"):
        files.table(path)


def test_a_file_that_is_not_there():
    with pytest.raises(DataError, match=r"^data/own/none.csv does not exist"):
        files.table("data/own/none.csv")


def test_a_name_that_says_no_format(own):
    with pytest.raises(DataError, match="the name does not end in one of .csv, .tsv"):
        files.table(written(own, "x", "t.dta"))
    with pytest.raises(DataError, match=r"format is 'exel', did you mean 'excel'\?"):
        files.table(written(own, "x", "t.csv"), format="exel")


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow"])
def test_a_truncated_binary_file_is_one_sentence(own, name):
    TABLE.to_parquet(own / name) if name == "t.parquet" else feather.write_feather(TABLE, str(own / name))
    whole = (own / name).read_bytes()
    path = written(own, whole[: len(whole) // 2], name)
    with pytest.raises(DataError, match=f"cannot be read as {name[2:]} .*check that it is complete"):
        files.table(path, dataset=described()).read_all()


def test_a_page_that_is_damaged_is_one_sentence(own):
    pq.write_table(pa.table({"age": np.random.default_rng(0).random(50_000)}), own / "t.parquet")
    content = bytearray((own / "t.parquet").read_bytes())
    content[1000:3000] = bytes(2000)
    content[4:60] = bytes(56)
    with pytest.raises(DataError, match="cannot be read as parquet"):
        files.table(written(own, bytes(content), "t.parquet")).read_all()


def test_binary_files_are_held_to_the_description_too(own):
    pq.write_table(pa.table({"age": [1.0], "y": ["a"]}), own / "t.parquet")
    with pytest.raises(DataError, match=r"t.parquet has no column 'plan', valid: age, y"):
        files.table(path_of(own / "t.parquet"), dataset=described())
    twice = pa.table([[1.0], [2.0]], names=["age", "age"])
    feather.write_feather(twice, str(own / "t.arrow"))
    with pytest.raises(DataError, match="has 2 columns named 'age'"):
        files.table(path_of(own / "t.arrow"))
    pq.write_table(pa.table({"age": pa.array([], pa.float64())}), own / "e.parquet")
    with pytest.raises(DataError, match="has columns but no rows"):
        files.table(path_of(own / "e.parquet")).read_all()


def test_a_date_of_another_form_is_one_sentence(own):
    path = written(own, "when\n31.12.2025\n2026-01-01\n")
    with pytest.raises(
        DataError, match="column 'when': row 2 holds '2026-01-01', which is not a date of the format"
    ):
        files.table(path, dates={"when": "%d.%m.%Y"}).read_all()
    with pytest.raises(DataError, match="row 1 holds '31.12.2025'"):  # there is no month 31
        files.table(path, dates={"when": "%m.%d.%Y"}).read_all()
    with pytest.raises(DataError, match="no column 'wenn' .*did you mean 'when'"):
        files.table(path, dates={"wenn": "%d.%m.%Y"})
    with pytest.raises(ConfigError, match="is not a date format"):
        files.table(path, dates={"when": "%Q"}).read_all()


def test_settings_that_cannot_be(own):
    path = written(own, "a,b\n1,2\n")
    with pytest.raises(ConfigError, match="delimiter is ';;'; it must be one character"):
        files.table(path, delimiter=";;")
    with pytest.raises(DataError, match="Python does not know the encoding 'utf-9'"):
        files.table(path, encoding="utf-9")
    with pytest.raises(
        DataError, match="features cannot be inferred from a CSV file, which does not store types"
    ):
        files.table(path, dataset=described(features=FeatureTypes(infer=True)))


def test_a_truncated_gz_file_is_one_sentence(own):
    path = written(own, gzip.compress(np.random.default_rng(0).bytes(5000).hex().encode())[:3000], "t.csv.gz")
    with pytest.raises(DataError, match=r"t.csv.gz"):
        files.table(path).read_all()


def save_image(file: Path, size: tuple[int, int], mode: str = "RGB", value: object = 0) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(file)


def test_an_image_folder(own):
    save_image(own / "p/red/1.png", (8, 4), value=(255, 0, 0))
    save_image(own / "p/red/2.jpg", (40, 40), value=(255, 0, 0))
    save_image(own / "p/grey/1.png", (4, 4), "L", 100)
    (own / "p/red/.hidden").write_text("no image")
    (own / "p/notes.txt").write_text("beside the classes")
    table = files.images(path_of(own / "p"), size=[4, 6]).read_all()
    assert table["label"].to_pylist() == ["grey", "red", "red"]
    pixels = to_array(table["x"])
    assert (pixels.shape, pixels.dtype) == ((3, 4, 6, 3), np.uint8)
    assert (pixels[0] == 100).all()
    assert (pixels[1] == [255, 0, 0]).all()
    assert abs(pixels[2].astype(int) - [255, 0, 0]).max() < 4  # JPEG


def test_grey_images_of_16_bits_are_scaled_and_not_cut_off(own):
    file = own / "p/a/1.png"
    file.parent.mkdir(parents=True)
    Image.fromarray(np.full((4, 4), 0x8123, dtype=np.uint16)).save(file)
    pixels = to_array(files.images(path_of(own / "p"), size=4, mode="L").read_all()["x"])
    assert pixels.shape == (1, 4, 4, 1)
    assert (pixels == 0x81).all()


def test_images_come_in_batches_of_bounded_size(own, monkeypatch):
    monkeypatch.setattr(files, "BATCH_BYTES", 3 * 4 * 4)
    for place in range(5):
        save_image(own / f"p/a/{place}.png", (4, 4), "L", place)
    batches = list(files.images(path_of(own / "p"), size=4, mode="L"))
    assert [batch.num_rows for batch in batches] == [3, 2]
    assert [int(to_array(batch.column("x"))[0, 0, 0, 0]) for batch in batches] == [0, 3]


def test_an_image_that_does_not_decode_is_named(own):
    save_image(own / "p/a/1.png", (4, 4))
    (own / "p/a/2.png").write_bytes(b"not an image")
    with pytest.raises(DataError, match=r"p/a/2.png does not decode as an image \(unknown format\)"):
        files.images(path_of(own / "p"), size=4).read_all()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 50, 3), dtype=np.uint8)).save(
        own / "p/a/2.png"
    )
    whole = (own / "p/a/2.png").read_bytes()
    (own / "p/a/2.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"p/a/2.png does not decode as an image \(.*truncated"):
        files.images(path_of(own / "p"), size=4).read_all()


def test_folders_that_are_not_one_class_a_folder(own):
    (own / "p").mkdir()
    with pytest.raises(DataError, match="p has no sub-folders"):
        files.images(path_of(own / "p"), size=4)
    (own / "p/a").mkdir()
    with pytest.raises(DataError, match="p/a holds nothing"):
        files.images(path_of(own / "p"), size=4)
    (own / "p/a/b").mkdir()
    with pytest.raises(DataError, match="p/a holds folders, not the images of one class"):
        files.images(path_of(own / "p"), size=4)
    with pytest.raises(DataError, match="is not a folder"):
        files.images(written(own, "x", "t.csv"), size=4)
    with pytest.raises(ConfigError, match="size is 0"):
        files.images(path_of(own / "p"), size=0)
    with pytest.raises(DataError, match="mode is 'CMYK', valid: L, RGB"):
        files.images(path_of(own / "p"), size=4, mode="CMYK")


def saved(folder: Path, **arrays: np.ndarray) -> str:
    np.savez(folder / "t.npz", **arrays)
    return path_of(folder / "t.npz")


Y = np.array([0, 1, 0])


def test_npz_with_two_axes_is_numbers(own):
    table = files.npz(saved(own, x=np.arange(6).reshape(3, 2), y=Y)).read_all()
    assert table.to_pydict() == {"x0": [0, 2, 4], "x1": [1, 3, 5], "y": [0, 1, 0]}


def test_npz_with_two_axes_is_sequences_if_the_dataset_says_so(own):
    dataset = described(modality="sequence", features=FeatureTypes())
    table = files.npz(saved(own, x=np.arange(6.0).reshape(3, 2), y=Y), dataset=dataset).read_all()
    assert to_array(table["x"]).shape == (3, 2, 1)


@pytest.mark.parametrize(
    ("x", "shape", "kind"),
    [
        (np.zeros((3, 5, 2)), (3, 5, 2), np.float32),
        (np.zeros((3, 5, 4), np.uint8), (3, 5, 4, 1), np.uint8),
        (np.zeros((3, 5, 4, 3), np.uint8), (3, 5, 4, 3), np.uint8),
    ],
)
def test_the_shape_and_type_of_npz_decide(own, x, shape, kind):
    path = saved(own, x=x, y=Y[:, None], group=np.array(["a", "b", "b"]), time=np.arange(3.0))
    table = files.npz(path).read_all()
    assert table.column_names == ["x", "y", "group", "time"]
    assert to_array(table["x"]).shape == shape
    assert to_array(table["x"]).dtype == kind


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"x": np.zeros((3, 2))}, r"does not contain the array 'y' \(it contains x\)"),
        ({"x": np.zeros((3, 2)), "y": np.zeros(2)}, r"y has shape \(2,\), but x has 3 rows"),
        ({"x": np.zeros((0, 2)), "y": np.zeros(0)}, "x has no rows"),
        ({"x": np.zeros(3), "y": Y}, r"x has shape \(3,\) and type float64; it must be"),
        ({"x": np.zeros((3, 4, 4, 3)), "y": Y}, "images of type uint8"),
        ({"x": np.array([["a"], ["b"], ["c"]]), "y": Y}, "x is of type <U1; it must hold numbers"),
        ({"x": np.array([[1], [None], [2]], dtype=object), "y": Y}, "cannot be read as npz .*pickle"),
    ],
)
def test_a_bad_npz_is_one_sentence(own, arrays, sentence):
    with pytest.raises(DataError, match=rf"t.npz.*{sentence}"):
        files.npz(saved(own, **arrays)).read_all()


def test_a_truncated_npz_is_one_sentence(own):
    path = saved(own, x=np.zeros((300, 20)), y=np.zeros(300))
    whole = (own / "t.npz").read_bytes()
    (own / "t.npz").write_bytes(whole[:2000])
    with pytest.raises(DataError, match="cannot be read as npz"):
        files.npz(path)


def test_a_file_goes_through_ingest(own, tmp_path):
    rows = "\n".join(f"{k},{'ab'[k % 2]},{'yes' if k % 3 else 'no'}" for k in range(60))
    path = written(own, "age,plan,y\n" + rows + "\n")
    dataset = described(source={"_target_": "fuelgauge.data.sources.files.table", "path": path})
    made = pq.read_table(ingest(dataset, tmp_path))
    assert made["age"].to_pylist()[:3] == [0.0, 1.0, 2.0]
    (own / "t.csv").write_text("age,plan,y\n" + rows + "\nold,a,no\n")
    with pytest.raises(DataError, match="row 61 holds 'old'"):
        ingest(dataset, tmp_path)


def test_an_npy_that_is_called_npz_is_one_sentence(own):
    np.save(own / "t.npy", np.zeros((3, 2)))
    (own / "t.npy").rename(own / "t.npz")
    with pytest.raises(DataError, match=r"t.npz holds a single array without a name; save two, x and y"):
        files.npz(path_of(own / "t.npz"))


def test_formats_of_dates_that_the_dataset_does_not_read_do_not_matter(own):
    csv = written(own, "age,plan,y,when\n1,a,no,31.12.2025\n")
    pq.write_table(pa.table({"age": [1.0], "plan": ["a"], "y": ["no"], "when": ["x"]}), own / "t.parquet")
    for path in (csv, path_of(own / "t.parquet")):
        found = files.table(path, dates={"when": "%d.%m.%Y"}, dataset=described()).read_all()
        assert found.column_names == ["age", "plan", "y"]
        with pytest.raises(DataError, match="no column 'wenn' .*did you mean 'when'"):
            files.table(path, dates={"wenn": "%d.%m.%Y"}, dataset=described())


def test_a_long_text_in_a_csv_file_is_read(own):
    long = "word " * 40_000
    found = read(written(own, f'age,plan,y\n1,"{long}",no\n2,b,yes\n'), dataset=described())
    assert found["plan"].tolist() == [long, "b"]


def test_formats_of_images_that_other_programs_decode_are_refused(own):
    save_image(own / "p/a/1.png", (4, 4))
    Image.new("RGB", (4, 4)).save(own / "p/a/2.eps")
    with pytest.raises(DataError, match=r"p/a/2.eps does not decode as an image \(unknown format\)"):
        files.images(path_of(own / "p"), size=4).read_all()
