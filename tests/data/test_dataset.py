import numpy as np
import pandas as pd
import pytest

from fuelgauge.config import DatasetConfig, FeatureTypes
from fuelgauge.data.dataset import Dataset, encode_target, fingerprint
from fuelgauge.errors import DataError
from fuelgauge.features.featurize import featurize


def test_codes_follow_the_sorted_names():
    codes, classes = encode_target(pd.Series(["b", "a", "b"] * 2, name="y"), "multiclass", "f")
    assert codes.tolist() == [1, 0, 1, 1, 0, 1]
    assert classes == ("a", "b")


@pytest.mark.parametrize(
    ("values", "task", "sentence"),
    [
        (["a", None, "b"], "multiclass", "file: the target 'y' is missing in 1 rows"),
        (["a", "a"], "binary", r"the target 'y' is constant \(a\)"),
        (["a", "b", "c"] * 2, "binary", "has 3 classes, but the task is binary"),
        (["a", "a", "b"], "binary", "class 'b' of the target 'y' has a single row"),
    ],
)
def test_a_target_that_cannot_be_learned_is_one_sentence(values, task, sentence):
    with pytest.raises(DataError, match=sentence):
        encode_target(pd.Series(values, name="y"), task, "file")


def test_a_fingerprint_sees_every_value_name_and_type():
    columns = {"a": np.arange(4.0), "b": np.array(["x", "y", None, "x"], dtype=object)}
    changed = [
        {**columns, "a": np.array([0.0, 1, 2, 4])},
        {**columns, "b": np.array(["x", "y", "y", "x"], dtype=object)},
        {"c": columns["a"], "b": columns["b"]},
        {**columns, "a": np.arange(4, dtype=np.float32)},
    ]
    prints = {fingerprint(c) for c in (columns, *changed)}
    assert len(prints) == 5
    assert fingerprint({k: v.copy() for k, v in columns.items()}) in prints


@pytest.fixture
def tabular(tmp_path):
    table = pd.DataFrame(
        {"n": [1.0, np.nan, 3.0, 4.0], "c": ["x", None, "y", "x"], "y": [True, False, True, False]}
    )
    (tmp_path / "raw").mkdir()
    table.to_parquet(tmp_path / "raw" / "made.parquet")
    config = DatasetConfig(
        name="made", modality="tabular", task="binary", metric="roc_auc", target="y",
        features=FeatureTypes(numeric=["n"], categorical=["c"]),
    )  # fmt: skip
    return table, config, tmp_path


def test_featurized_rows_come_back_in_the_order_asked_for(tabular):
    _, config, folder = tabular
    featurize(config, "raw", folder / "raw", folder / "features")
    dataset = Dataset.open("made", "raw", folder / "features")
    examples = dataset.take(np.array([3, 1]))
    assert examples.x["n"].iloc[0] == 4.0
    assert np.isnan(examples.x["n"].iloc[1])
    assert examples.x["c"].iloc[0] == "x"
    assert pd.isna(examples.x["c"].iloc[1])
    assert examples.y.tolist() == [0, 0]
    assert dataset.description.missing_fraction == pytest.approx(0.25)


def test_an_infinite_value_is_named_with_its_row(tabular):
    table, config, folder = tabular
    table.assign(n=[1.0, 2.0, np.inf, 4.0]).to_parquet(folder / "raw" / "made.parquet")
    with pytest.raises(DataError, match="made.parquet: column 'n' holds an infinite value in row 2"):
        featurize(config, "raw", folder / "raw", folder / "features")


def test_what_has_not_been_made_is_said_with_the_command_that_makes_it(tmp_path):
    with pytest.raises(DataError, match="dvc repro featurize@nope"):
        Dataset.open("nope", "raw", tmp_path)


def test_sequences_must_be_equally_long(tmp_path):
    (tmp_path / "raw").mkdir()
    pd.DataFrame({"x": [[1.0, 2.0], [1.0], [1.0, 2.0], [0.0, 1.0]], "y": [0, 1, 0, 1]}).to_parquet(
        tmp_path / "raw" / "seq.parquet"
    )
    config = DatasetConfig(name="seq", modality="sequence", task="binary", metric="accuracy", target="y")
    with pytest.raises(DataError, match="sequences have 1 to 2 steps"):
        featurize(config, "raw", tmp_path / "raw", tmp_path / "features")
