"""Evaluation of a new month, on a made dataset whose last month differs in one column."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fuelgauge import paths
from fuelgauge.config.compose import compose
from fuelgauge.data.dataset import ROW
from fuelgauge.data.ingest import ingest
from fuelgauge.errors import DataError
from fuelgauge.features.featurize import featurize
from fuelgauge.months import _drift as drift
from fuelgauge.months import _new_month as new_month
from fuelgauge.months._new_month import Sample, compare, drawn
from fuelgauge.spec.dataset import FeatureTypes
from tests.data.made import described

RNG = np.random.default_rng(0)
WHEN = pd.date_range("2013-01-01", "2013-03-31 23:00", freq="1h")
LAST = WHEN.month == 3


class Constant:
    """A model that predicts the same for every row."""

    def __init__(self, probability: float, fitted_on: np.ndarray):
        self.probability, self.fitted_on = probability, fitted_on

    def predict(self, sample: Sample) -> np.ndarray:
        return np.tile([1 - self.probability, self.probability], (len(sample), 1))


@pytest.fixture
def made():
    """Return the configuration of a dataset that ends with March; March differs in one of two columns."""
    frame = pd.DataFrame({"a": RNG.normal(0, 1, len(WHEN)) + LAST, "b": RNG.normal(0, 1, len(WHEN))})
    frame = frame.assign(when=WHEN, y=np.where(RNG.random(len(WHEN)) < 0.5, "yes", "no"))
    features = FeatureTypes(numeric=["a", "b"])
    config = compose()
    dataset = described(frame, name="made_monthly", time="when", features=features, metric="accuracy")
    ingest(dataset, paths.RAW, "2013-03")
    featurize(dataset, config.feature_set)
    return replace(config, dataset=dataset)


def test_the_column_that_differs_is_found_and_no_other(made):
    found = compare(made, {})
    assert [shift.column for shift in found.drifted] == ["a"]
    assert {shift.column for shift in found.shifts} == {"a", "b", "target"}
    assert (found.until, found.n_before, found.n_month) == ("2013-03", 59 * 24, 31 * 24)
    assert found.losses == ()


def test_losses_of_both_models_are_reported_by_month(made):
    january = Sample(new_month.Dataset.open("made_monthly", "raw"), 0)
    hashes = january.dataset.table[ROW].to_numpy()[: 31 * 24]
    found = compare(made, {"old": Constant(0.0, hashes), "new": Constant(1.0, hashes[:0])})
    by_place = {(loss.model, loss.month): loss for loss in found.losses}
    assert [by_place["old", f"2013-0{m}"].seen for m in (1, 2, 3)] == [1, 0, 0]
    assert all(loss.seen == 0 for (model, _), loss in by_place.items() if model == "new")
    for month in ("2013-01", "2013-02", "2013-03"):
        assert by_place["old", month].loss + by_place["new", month].loss == pytest.approx(1)
    assert "score" in {shift.column for shift in found.shifts}


def test_scores_of_rows_that_a_model_was_fitted_on_are_not_compared(made):
    everything = new_month.Dataset.open("made_monthly", "raw").table[ROW].to_numpy()
    found = compare(made, {"old": Constant(0.0, everything)})
    assert "score" not in {shift.column for shift in found.shifts}


class Lost(Constant):
    """A model that needs a column that the data do not have."""

    def predict(self, sample: Sample) -> np.ndarray:
        raise DataError("column 'c' is missing\nfrom the query")


def test_a_model_that_cannot_predict_is_left_out_with_a_sentence(made):
    none = np.array([], dtype=np.uint64)
    found = compare(made, {"old": Lost(0.0, none), "new": Constant(1.0, none)})
    assert {loss.model for loss in found.losses} == {"new"}
    (sentence,) = found.left_out
    assert sentence == (
        "old: left out, because it cannot predict rows of the present data "
        "(column 'c' is missing from the query)."
    )
    assert sentence in drift.markdown(found)
    assert "score" in {shift.column for shift in found.shifts}


def test_at_most_so_many_rows_of_a_month_are_drawn(monkeypatch):
    monkeypatch.setattr(new_month, "MOST_ROWS", 3)
    months = np.array(["2013-01"] * 10 + ["2013-02"] * 2)
    rows = drawn(months, seed=0)
    assert list(months[rows]) == ["2013-01"] * 3 + ["2013-02"] * 2
    assert list(rows) == list(drawn(months, seed=0)) == sorted(set(rows))


def test_a_dataset_without_a_held_out_month_is_refused(featurized):
    with pytest.raises(DataError, match="mnist1d does not end with a month; set data.until"):
        compare(compose("dataset=mnist1d"), {})
