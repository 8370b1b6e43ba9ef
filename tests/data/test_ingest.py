from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fuelgauge.data.about import About
from fuelgauge.data.arrow import tensor
from fuelgauge.data.dataset import ROW
from fuelgauge.data.ingest import ingest
from fuelgauge.errors import ConfigError, DataError
from fuelgauge.spec.dataset import ColumnCheck, EngineeredFeatures, FeatureTypes
from tests.data.made import described

FRAME = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": ["u", "v", "u", None], "y": [0, 1, 0, 1]})


def ingested(tmp_path, source, **settings):
    return pq.read_table(ingest(described(source, **settings), tmp_path))


def refused(tmp_path, source, sentence, **settings):
    with pytest.raises(DataError, match=sentence):
        ingest(described(source, **settings), tmp_path)
    assert not list(tmp_path.glob("*")), "nothing half-made may stay"


def test_the_columns_that_the_description_names_are_kept_and_no_other(tmp_path):
    table = ingested(tmp_path, FRAME.assign(other=0))
    assert table.column_names == ["a", "y", ROW]


def test_infer_takes_every_column_by_its_type(tmp_path):
    source = FRAME.assign(when=pd.to_datetime("2024-01-01"), flag=[True, False, True, True])
    path = ingest(described(source, features=FeatureTypes(infer=True)), tmp_path)
    columns = About.of(pq.ParquetFile(path)).columns
    assert columns.numeric == ("a", "flag")
    assert columns.categorical == ("b",)
    assert columns.dates == ("when",)


def test_columns_of_engineered_features_are_kept_beside_the_raw_ones(tmp_path):
    path = ingest(described(FRAME, engineered=EngineeredFeatures(categorical=["b"], numeric=["a"])), tmp_path)
    columns = About.of(pq.ParquetFile(path)).columns
    assert columns.raw == ("a",)
    assert columns.further_categorical == ("b",)
    assert columns.further_numeric == ()


def test_batches_make_the_same_table_as_one_piece(tmp_path):
    whole = pa.Table.from_pandas(pd.concat([FRAME] * 5, ignore_index=True))
    one = ingested(tmp_path / "one", whole)
    many = ingested(tmp_path / "many", whole.to_reader(max_chunksize=3))
    assert one.equals(many.combine_chunks())


def test_rows_without_a_target_are_left_out_and_counted(tmp_path):
    source = FRAME.assign(y=["n", "j", None, "n"]).loc[[0, 1, 2, 3, 1]]
    path = ingest(described(source), tmp_path)
    about = About.of(pq.ParquetFile(path))
    assert (about.n_rows, about.n_without_target) == (5, 1)
    assert pq.read_table(path).num_rows == 4


def test_dates_are_timestamps_whatever_they_were(tmp_path):
    features = FeatureTypes(dates=["d"])
    strings = ingested(
        tmp_path, FRAME.assign(d=["2024-01-31", None, "2024-02-01", "2024-02-02"]), features=features
    )
    dates = ingested(
        tmp_path,
        FRAME.assign(d=pd.to_datetime(["2024-01-31", None, "2024-02-01", "2024-02-02"])),
        features=features,
    )
    zoned = pd.to_datetime(["2024-01-31", None, "2024-02-01", "2024-02-02"]).tz_localize("UTC")
    assert strings["d"].equals(dates["d"])
    assert strings["d"].equals(ingested(tmp_path, FRAME.assign(d=zoned), features=features)["d"])


BAD = {
    "no column 'a', did you mean 'aa'": (FRAME.rename(columns={"a": "aa"}), {}),
    "no column 'y'": (FRAME.drop(columns="y"), {}),
    "two columns 'a'": (pd.concat([FRAME, FRAME[["a"]]], axis=1), {}),
    r"column 'a' mixes types: row 3 holds 'x' \(str\), but the rows before it hold float": (
        FRAME.assign(a=pd.Series([1.0, 2.0, "x", 4.0], dtype=object)),
        {},
    ),
    "column 'a' is listed as numeric, but row 3 holds 'x'": (FRAME.assign(a=["1", "2", "x", "4"]), {}),
    "column 'a' holds inf in row 2; it must be finite": (FRAME.assign(a=[1.0, np.inf, 3.0, 4.0]), {}),
    "the source has no rows": (FRAME.iloc[:0], {}),
    r"the target 'y' is constant \(1\)": (FRAME.assign(y=1), {}),
    r"the target 'y' is constant \(2\)": (FRAME.assign(y=2.0), {"task": "regression"}),
    "the target 'y' is missing in 3 of 4 rows": (FRAME.assign(y=[0, None, None, None]), {}),
    "class '2' of the target 'y' has a single row": (
        FRAME.assign(y=[0, 1, 0, 2]).loc[[0, 1, 2, 3, 1]],
        {"task": "multiclass"},
    ),
    "has 3 classes, but the task is binary": (FRAME.assign(y=[0, 1, 2, 0]), {}),
    "row 3 holds the date '31.01.2024', which is not written like 2026-01-31": (
        FRAME.assign(d=["2024-01-31", "2024-02-01", "31.01.2024", "01/31/2024"]),
        {"features": FeatureTypes(dates=["d"])},
    ),
    "column 'a' holds 4.0 in row 4; it must be at most 3": (FRAME, {"checks": {"a": ColumnCheck(max=3)}}),
    "column 'b' holds v in row 2; it must be one of": (
        FRAME.assign(b=["u", "v", "u", "u"]),
        {"features": FeatureTypes(categorical=["b"]), "checks": {"b": ColumnCheck(values=["u"])}},
    ),
    "a column '__row__', a name reserved for the pipeline; rename it": (FRAME.assign(__row__=1), {}),
    "the only feature is a column 'x' of strings": (
        pd.DataFrame({"x": list("uvuv"), "y": [0, 1, 0, 1]}),
        {"features": FeatureTypes(categorical=["x"])},
    ),
    "column 'g', which decides the split, is missing in row 3": (
        FRAME.assign(g=[1.0, 1.0, np.nan, 2.0]),
        {"group": "g"},
    ),
    "column 'g', which decides the split, is missing in row 2": (
        FRAME.assign(g=["p", None, "q", "q"]),
        {"group": "g"},
    ),
    "column 'x' holds list.*; every row must hold one array, and all of them one shape": (
        pd.DataFrame({"x": [[1.0, 2.0], [1.0], [1.0], [0.0]], "y": [0, 1, 0, 1]}),
        {"modality": "sequence", "features": FeatureTypes()},
    ),
    "column 'a' has type list.* which cannot be a feature": (
        pd.DataFrame({"a": [[1.0]] * 4, "y": [0, 1, 0, 1]}),
        {"features": FeatureTypes(infer=True)},
    ),
}


@pytest.mark.parametrize(
    ("name", "check", "sentence"),
    [
        ("aa", ColumnCheck(min=0), "checks.aa: the dataset does not use such a column, did you mean 'a'"),
        ("b", ColumnCheck(min=0), "checks.b: min and max need numbers, but the column holds string"),
    ],
)
def test_a_check_that_could_not_hold_is_refused(tmp_path, name, check, sentence):
    features = FeatureTypes(numeric=["a"], categorical=["b"])
    with pytest.raises(ConfigError, match=sentence):
        ingest(described(FRAME, features=features, checks={name: check}), tmp_path)


@pytest.mark.parametrize("loader", ["os.system", "builtins.print", "fuelgauge_evil.run"])
def test_a_loader_outside_the_package_is_never_called(tmp_path, loader):
    with pytest.raises(ConfigError, match=f"'{loader}' is not in this package"):
        ingest(replace(described(FRAME), source={"_target_": loader, "command": "true"}), tmp_path)


def test_a_row_at_another_time_is_another_row(tmp_path):
    source = pd.DataFrame({"a": 1.0, "y": [0, 1] * 4, "t": np.arange(8)})
    assert len(set(ingested(tmp_path, source, time="t")[ROW].to_pylist())) == 8


@pytest.mark.parametrize("sentence", list(BAD))
def test_a_source_that_cannot_be_used_is_one_sentence(tmp_path, sentence):
    source, settings = BAD[sentence]
    refused(tmp_path, source, f"conf/dataset/made.yaml: .*{sentence}", **settings)


def test_a_column_of_a_hundred_thousand_categories_is_refused(tmp_path):
    source = pd.DataFrame({"b": [f"c{i}" for i in range(100_000)], "y": [0, 1] * 50_000})
    refused(
        tmp_path,
        source,
        "column 'b' has more than 10,000 categories",
        features=FeatureTypes(categorical=["b"]),
    )


def test_a_class_target_of_many_values_is_told_to_be_a_quantity(tmp_path):
    source = pd.DataFrame({"a": 0.0, "y": np.arange(4000) / 7})
    refused(
        tmp_path,
        source,
        "more than 1,000 classes; if it is a quantity, set task: regression",
        task="multiclass",
    )


def test_the_row_of_a_bad_value_counts_over_batches(tmp_path):
    table = pa.table({"a": [*np.zeros(10), np.inf], "y": [0, 1] * 5 + [0]})
    refused(tmp_path, table.to_reader(max_chunksize=4), "holds inf in row 11")


def test_arrays_stay_what_they_are(tmp_path):
    images = np.arange(4 * 2 * 3 * 1, dtype=np.uint8).reshape(4, 2, 3, 1)
    table = pa.table({"x": tensor(images), "y": [0, 1, 0, 1]})
    made = ingested(tmp_path, table, modality="image", features=FeatureTypes())
    assert np.array_equal(made["x"].combine_chunks().to_numpy_ndarray(), images)
