"""From the source to the prediction: rows that a model must not see change nothing."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from fuelgauge.config.compose import compose
from fuelgauge.data.arrow import tensor
from fuelgauge.data.splits import draw, split_validation
from fuelgauge.models.base import FitContext, create
from fuelgauge.spec.dataset import EngineeredFeatures, FeatureTypes
from fuelgauge.spec.splits import SplitRule
from tests.data.made import make

N, N_TRAIN = 300, 64
RULE = SplitRule()
TARGET = np.arange(N) % 2
TABULAR = {
    "features": FeatureTypes(numeric=["a", "b"], categorical=["c"], dates=["d"]),
    "engineered": EngineeredFeatures(derive={"ratio": "a / b"}, cyclic={"a": 7.0}),
}
SETTINGS = {
    "tabular": TABULAR,
    "text": {"modality": "text", "features": FeatureTypes(text="t")},
    "sequence": {"modality": "sequence", "features": FeatureTypes()},
    "image": {"modality": "image", "features": FeatureTypes()},
}
CASES = [
    ("tabular", "raw", "logistic"),
    ("tabular", "raw", "xgboost"),
    ("tabular", "raw", "mlp"),
    ("tabular", "engineered", "logistic"),
    ("text", "raw", "tfidf"),
    ("text", "raw", "dan"),
    ("text", "engineered", "xgboost"),
    ("sequence", "raw", "cnn1d"),
    ("sequence", "engineered", "mlp"),
    ("image", "raw", "cnn2d"),
    ("image", "engineered", "logistic"),
]


def source(modality: str, strange: np.ndarray):
    """Return rows; those marked as strange have missing values or values far from all others."""
    rng = np.random.default_rng(0)
    shift = np.where(strange, 1000.0, 0.0)
    if modality == "tabular":
        return pd.DataFrame(
            {
                "a": np.where(strange, np.nan, rng.normal(size=N)),
                "b": rng.normal(5, 1, N) + shift,
                "c": np.where(strange, "elsewhere", rng.choice(["u", "v"], N)),
                "d": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, N) + shift, "D"),
                "y": TARGET,
            }
        )
    if modality == "text":
        words = rng.choice(["good", "bad", "fine", "ill"], (N, 3))
        return pd.DataFrame(
            {
                "t": ["zebra " * 9 if odd else " ".join(w) for odd, w in zip(strange, words, strict=True)],
                "y": TARGET,
            }
        )
    if modality == "sequence":
        x = (rng.normal(size=(N, 24, 1)) + shift[:, None, None]).astype(np.float32)
    else:
        x = rng.integers(0, 100, (N, 10, 10, 1), dtype=np.uint8)
        x[strange] = 255
    return pa.table({"x": tensor(x), "y": TARGET})


@pytest.mark.parametrize(("modality", "features", "name"), CASES)
def test_test_rows_and_unused_rows_leave_no_trace_in_a_fit(tmp_path, modality, features, name):
    plain = make(tmp_path / "plain", source(modality, np.zeros(N, bool)), features, **SETTINGS[modality])
    drawn = draw(plain.rows, RULE, 0, 0)
    watched, rows = drawn.test[::2], drawn.order[:N_TRAIN]
    strange = np.ones(N, dtype=bool)
    strange[watched] = strange[rows] = False
    changed = make(tmp_path / "changed", source(modality, strange), features, **SETTINGS[modality])
    assert changed.description.fingerprint != plain.description.fingerprint
    fitting, validation = split_validation(plain.rows.take(rows), RULE, 0, 0)
    conf = compose(f"model={name}").model
    predictions = []
    for dataset in (plain, changed):
        model = create(conf.target, {**conf.hyperparameters, **short(conf.hyperparameters)})
        context = FitContext(seed=1, threads=1, device="cpu", metric="roc_auc")
        model.fit(dataset.take(rows[fitting]), dataset.take(rows[validation]), context)
        predictions.append(model.predict(dataset.take(watched)))
    assert np.array_equal(*predictions)


def short(hyperparameters):
    """Return hyperparameters for a small training budget, for nets only."""
    return {"min_steps": 20, "max_epochs": 1} if "min_steps" in hyperparameters else {}
