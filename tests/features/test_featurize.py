import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from fuelgauge.data.arrow import tensor
from fuelgauge.errors import ConfigError, DataError
from fuelgauge.features import featurize as stage
from fuelgauge.spec.dataset import FeatureTypes
from fuelgauge.spec.features import FeatureSetConfig
from tests.data.made import described, make

FRAME = pd.DataFrame(
    {"a": [1.0, np.nan, 3.0, 4.0], "c": ["x", None, "y", "x"], "y": [True, False, True, False]}
)
BOTH = FeatureTypes(numeric=["a"], categorical=["c"])


def test_rows_come_back_in_the_order_asked_for(tmp_path):
    dataset = make(tmp_path, FRAME, features=BOTH)
    examples = dataset.take(np.array([3, 1]))
    assert examples.x["a"].iloc[0] == 4.0
    assert np.isnan(examples.x["a"].iloc[1])
    assert examples.x["c"].iloc[0] == "x"
    assert pd.isna(examples.x["c"].iloc[1])
    assert examples.y.tolist() == [0, 0]
    assert examples.categorical == ("c",)


def test_the_description_counts_what_the_data_card_shows(tmp_path):
    source = pd.concat([FRAME, FRAME.iloc[:1], FRAME.assign(y=None).iloc[:1]])
    about = make(tmp_path, source, features=BOTH, duplicates="drop").description
    assert (about.n_source, about.n_without_target, about.n_identical, about.n_rows) == (6, 1, 1, 4)
    assert about.class_counts == (2, 2)
    assert about.classes == ("False", "True")
    assert about.missing == {"a": 0.25, "c": 0.25}
    assert about.missing_fraction == pytest.approx(0.25)


def test_identical_rows_stay_where_the_description_keeps_them(tmp_path):
    source = pd.concat([FRAME, FRAME.iloc[:1]])
    about = make(tmp_path, source, features=BOTH, duplicates="keep").description
    assert (about.n_identical, about.n_rows) == (1, 5)


def test_a_class_that_one_row_is_left_of_is_refused(tmp_path):
    source = pd.concat([FRAME, FRAME]).assign(y=["n"] * 3 + ["j"] + ["n"] * 3 + ["j"])
    with pytest.raises(DataError, match="class 'j' of the target 'y' has a single row"):
        make(tmp_path, source, features=BOTH, duplicates="drop")


def test_dropping_many_rows_is_said(tmp_path, caplog):
    make(tmp_path, pd.concat([FRAME, FRAME]), features=BOTH, duplicates="drop")
    assert "4 of 8 rows are identical to an earlier row and were dropped; set duplicates: keep" in caplog.text


def test_a_group_may_be_a_feature_too(tmp_path):
    types = FeatureTypes(numeric=["a"], categorical=["c"])
    for features in ("raw", "engineered"):
        dataset = make(tmp_path, FRAME.fillna({"c": "z"}), features, features=types, group="c")
        assert "c" in dataset.take(np.arange(2)).x


def test_the_batches_do_not_change_the_result(tmp_path, monkeypatch):
    source = pd.concat([FRAME] * 7, ignore_index=True).assign(a=np.arange(28.0))
    whole = make(tmp_path / "one", source, features=BOTH, duplicates="drop")
    monkeypatch.setattr(stage, "BATCH_ROWS", 3)
    pieces = make(tmp_path / "many", source, features=BOTH, duplicates="drop")
    assert whole.description == pieces.description
    assert whole.table.equals(pieces.table)


def test_a_fingerprint_sees_every_value_name_and_type(tmp_path):
    sources = [
        FRAME,
        FRAME.assign(a=[1.0, np.nan, 3.0, 5.0]),
        FRAME.assign(c=["x", "x", "y", "x"]),
        FRAME.assign(y=[False, True, True, False]),
    ]
    prints = {make(tmp_path, source, features=BOTH).description.fingerprint for source in sources}
    assert len(prints) == 4
    assert make(tmp_path, FRAME.copy(), features=BOTH).description.fingerprint in prints


def test_groups_and_times_reach_the_splits(tmp_path):
    source = FRAME.assign(g=["p", "q", "p", "q"], t=pd.to_datetime(["2024-01-01"] * 3 + ["2024-01-02"]))
    rows = make(tmp_path, source, group="g", time="t", gap="2h").rows
    assert rows.group.tolist() == [0, 1, 0, 1]
    assert np.diff(rows.time).tolist() == [0.0, 0.0, 86400.0]
    assert rows.gap == 7200.0


def test_a_gap_that_is_no_duration_is_named(tmp_path):
    source = FRAME.assign(t=[1, 2, 3, 4])
    with pytest.raises(ConfigError, match="made.yaml: gap is 'soon'"):
        make(tmp_path, source, time="t", gap="soon")


def test_arrays_and_texts_come_back_as_models_take_them(tmp_path):
    sequences = np.random.default_rng(0).normal(size=(4, 5, 2)).astype(np.float32)
    sequences[1, 2, 0] = np.nan
    y = [0, 1, 0, 1]
    made = make(
        tmp_path, pa.table({"x": tensor(sequences), "y": y}), modality="sequence", features=FeatureTypes()
    )
    assert np.array_equal(made.take(np.array([2, 1])).x, sequences[[2, 1]], equal_nan=True)
    assert (made.description.inputs, made.description.shape) == ("sequence", (5, 2))
    assert made.description.missing == {"x": 1 / 40}
    texts = make(
        tmp_path,
        pd.DataFrame({"t": ["one", "", None, "four"], "y": y}),
        modality="text",
        features=FeatureTypes(text="t"),
    )
    assert texts.take(np.arange(4)).x.tolist() == ["one", "", "", "four"]


@pytest.mark.parametrize("modality", ["text", "image", "sequence"])
def test_engineered_features_of_any_modality_are_a_matrix_of_finite_numbers(tmp_path, modality):
    rng = np.random.default_rng(0)
    y = [0, 1] * 4
    sources = {
        "text": pa.table({"t": ["", "Good!", "bad 12", "x" * 1000] * 2, "y": y}),
        "image": pa.table({"x": tensor(rng.integers(0, 255, (8, 12, 12, 1), dtype=np.uint8)), "y": y}),
        "sequence": pa.table({"x": tensor(rng.normal(size=(8, 30, 2)).astype(np.float32)), "y": y}),
    }
    types = FeatureTypes(text="t") if modality == "text" else FeatureTypes()
    made = make(tmp_path, sources[modality], "engineered", modality=modality, features=types)
    x = made.take(np.arange(8)).x
    assert x.shape == (8, made.description.n_features)
    assert x.dtype == np.float32
    assert np.isfinite(x).all()
    assert (made.description.inputs, made.description.modality) == ("tabular", modality)


def test_a_value_too_large_for_a_feature_is_named_with_its_row(tmp_path):
    with pytest.raises(DataError, match="feature 'a' is infinite or too large for a float32 in row 3"):
        make(tmp_path, FRAME.assign(a=[1.0, 2.0, 1e300, 4.0]))


def test_what_has_not_been_ingested_is_said_with_the_command_that_makes_it(tmp_path):
    with pytest.raises(DataError, match="dvc repro ingest@made"):
        stage.featurize(described(FRAME), FeatureSetConfig(name="raw"), tmp_path, tmp_path)


def test_a_description_of_another_version_is_one_sentence(tmp_path):
    dataset = make(tmp_path, FRAME)
    path = tmp_path / "features" / "made" / "raw.json"
    path.write_text(json.dumps({"name": dataset.description.name}))
    with pytest.raises(DataError, match="was written by another version"):
        type(dataset).open("made", "raw", tmp_path / "features")


def test_differences_beside_a_large_number_are_kept(tmp_path, caplog):
    values = 1.7e9 + np.arange(4) / 4
    made = make(tmp_path, FRAME.assign(a=values))
    assert made.take(np.arange(4)).x["a"].tolist() == values.tolist()
    assert "single precision" not in caplog.text


def test_values_that_single_precision_makes_equal_are_said_with_the_column(tmp_path, caplog):
    make(tmp_path, FRAME.assign(a=[0.0, 1.0, 1e12, 1e12 + 1]))
    assert "made.yaml: feature 'a' has 4 distinct values, of which single precision keeps 3" in caplog.text
