"""Of a dataset that ends with a month, champion and challenger are judged on that month."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fuelgauge import paths
from fuelgauge.config import FeatureTypes
from fuelgauge.data.dataset import ROW
from fuelgauge.data.ingest import ingest
from fuelgauge.data.months import held_out
from fuelgauge.entry import compose
from fuelgauge.features.featurize import featurize
from fuelgauge.registry import final
from fuelgauge.registry.heldout import raw_path, sides
from fuelgauge.registry.query import Query

from ..data.made import described

WHEN = pd.date_range("2013-01-01", "2013-03-31 23:00", freq="1h")


@pytest.fixture
def config():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(0, 1, len(WHEN)), "when": WHEN})
    frame["y"] = np.where(frame["a"] + rng.normal(0, 1, len(WHEN)) > 0, "yes", "no")
    usual = compose("model=logistic", "split.test_max=500")
    dataset = described(frame, name="ends", time="when", features=FeatureTypes(numeric=["a"]))
    ingest(dataset, paths.RAW, "2013-03")
    featurize(dataset, usual.feature_set)
    return replace(usual, dataset=dataset)


def test_the_rows_to_judge_on_are_of_the_month_and_what_is_fitted_on_is_before_it(config):
    trial = final.final_trial(config)
    about = trial.curve.dataset
    found = sides(trial, Query.of(raw_path("ends"), config.dataset, config.feature_set, about))
    month = held_out("ends", "raw").table[ROW].to_numpy()
    assert len(found.held_out) == 500
    assert np.isin(found.held_out.hashes, month).all()
    assert not np.isin(found.fitted_on, month).any()


def test_the_predictions_of_the_last_fit_are_those_of_the_same_rows(config):
    trial = final.final_trial(config)
    about = trial.curve.dataset
    found = sides(trial, Query.of(raw_path("ends"), config.dataset, config.feature_set, about))
    fitted = final.fit(trial)
    assert fitted.predicted.shape == (500, 2)
    assert (fitted.predicted.argmax(axis=1) == found.held_out.y).mean() > 0.65
