"""A row in a query gets the same features as the same row in the pipeline."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fuelgauge.data.arrow import tensor
from fuelgauge.errors import DataError
from fuelgauge.registry.query import Query, predictions
from fuelgauge.spec.dataset import EngineeredFeatures, FeatureTypes
from fuelgauge.spec.features import FeatureSetConfig
from tests.data.made import described, make

N = 40
RANDOM = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "a": RANDOM.integers(0, 9, N),
        "b": np.where(RANDOM.random(N) < 0.2, np.nan, RANDOM.normal(size=N)),
        "c": np.where(RANDOM.random(N) < 0.2, None, RANDOM.choice(["x", "y"], N)),
        "d": pd.date_range("2026-01-01", periods=N, freq="7h"),
        "y": RANDOM.choice(["no", "yes"], N),
    }
)
TYPES = FeatureTypes(numeric=["a", "b"], categorical=["c"], dates=["d"])
TABLE_SETTINGS = dict(features=TYPES, engineered=EngineeredFeatures(derive={"e": "a // 2 + b"}))
TEXT = pd.DataFrame({"t": [f"text {i}!" for i in range(N)], "y": TABLE["y"]})
TEXT_SETTINGS = dict(modality="text", features=FeatureTypes(text="t"))


def arrays(values: np.ndarray) -> pa.Table:
    return pa.table({"x": tensor(values), "y": pa.array(TABLE["y"].tolist())})


IMAGES = arrays(RANDOM.integers(0, 255, (N, 8, 8, 1), dtype=np.uint8))
SEQUENCES = arrays(RANDOM.normal(size=(N, 12, 2)).astype(np.float32))
SOURCES = {
    "tabular": (TABLE, TABLE_SETTINGS),
    "text": (TEXT, TEXT_SETTINGS),
    "image": (IMAGES, dict(modality="image", features=FeatureTypes())),
    "sequence": (SEQUENCES, dict(modality="sequence", features=FeatureTypes())),
}


def asked(folder, modality: str, feature_set: str):
    """Return a dataset, its query format, and its rows as a query brings them."""
    source, settings = SOURCES[modality]
    settings = {**settings, "licence": "none", "citation": "none"}
    dataset = make(folder, source, feature_set, **settings)
    raw = folder / "raw/made.parquet"
    config = described(source, **settings)
    query = Query.of(raw, config, FeatureSetConfig(name=feature_set), dataset.description)
    return dataset, query, query.rows_of(pq.read_table(raw))


@pytest.mark.parametrize("modality", list(SOURCES))
@pytest.mark.parametrize("feature_set", ["raw", "engineered"])
def test_a_query_gets_the_features_of_the_pipeline(tmp_path, modality, feature_set):
    dataset, query, rows = asked(tmp_path, modality, feature_set)
    wanted = dataset.take(np.arange(N))
    query.save(tmp_path)
    found = Query.load(tmp_path).examples(rows)
    assert (found.task, found.n_classes, found.categorical) == (
        wanted.task,
        wanted.n_classes,
        wanted.categorical,
    )
    if isinstance(wanted.x, pd.DataFrame):
        pd.testing.assert_frame_equal(found.x, wanted.x)
    else:
        np.testing.assert_array_equal(found.x, wanted.x)
        assert found.x.dtype == wanted.x.dtype


def test_one_row_gets_the_same_features_as_among_many(tmp_path):
    _, query, rows = asked(tmp_path, "tabular", "raw")
    alone, among = query.examples(rows.iloc[[5]]).x, query.examples(rows).x
    pd.testing.assert_frame_equal(alone, among.iloc[[5]].reset_index(drop=True))


def test_a_query_without_rows_or_with_a_value_beyond_float32_is_refused(tmp_path):
    _, query, rows = asked(tmp_path, "tabular", "raw")
    with pytest.raises(DataError, match="the query has no rows"):
        query.examples(rows.iloc[:0])
    with pytest.raises(DataError, match="feature 'b' is infinite or too large"):
        query.examples(rows.assign(b=1e300))
    with pytest.raises(DataError, match="column 'b' is listed as numeric, but row 1 holds 'many'"):
        query.examples(rows.iloc[:1].assign(b="many"))


def test_answers_are_labels_with_probabilities_and_go_back_to_arrays(tmp_path):
    _, query, _ = asked(tmp_path, "tabular", "raw")
    answers = query.answers(np.array([[0.75, 0.25], [0.25, 0.75]]))
    assert answers["label"].tolist() == ["no", "yes"]
    assert answers["probabilities"][0] == {"no": 0.75, "yes": 0.25}
    assert predictions(answers, ("maybe", "no", "yes")).tolist() == [[0, 0.75, 0.25], [0, 0.25, 0.75]]
