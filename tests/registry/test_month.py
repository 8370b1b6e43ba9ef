"""If a dataset ends with a held-out month, champion and challenger are evaluated on that month."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from fuelgauge import paths
from fuelgauge.config.compose import compose
from fuelgauge.data.dataset import ROW
from fuelgauge.data.duplicates import row_hashes
from fuelgauge.data.ingest import ingest
from fuelgauge.data.months import held_out
from fuelgauge.features.featurize import featurize
from fuelgauge.registry import _final as final
from fuelgauge.registry.heldout import final_pool, final_rows, hashed_columns, raw_path, sides
from fuelgauge.registry.query import Query
from fuelgauge.spec.dataset import FeatureTypes
from fuelgauge.sweep.trial import open_dataset
from tests.data.made import described

WHEN = pd.date_range("2013-01-01", "2013-03-31 23:00", freq="1h")


def ending(until: str, **settings):
    """Return the configuration of a dataset that ends with a held-out month."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(0, 1, len(WHEN)), "when": WHEN})
    frame["y"] = np.where(frame["a"] + rng.normal(0, 1, len(WHEN)) > 0, "yes", "no")
    usual = compose("model=logistic", "split.test_max=500")
    dataset = described(frame, name="ends", time="when", features=FeatureTypes(numeric=["a"]), **settings)
    ingest(dataset, paths.RAW, until)
    featurize(dataset, usual.feature_set)
    open_dataset.cache_clear()
    return replace(usual, dataset=dataset)


@pytest.fixture
def config():
    return ending("2013-03")


def test_evaluation_rows_are_in_the_month_and_fitting_rows_before_it(config):
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


def test_all_rows_before_the_month_are_fitting_rows_and_the_latest_ones_validate(config):
    trial = final.final_trial(config)
    dataset = open_dataset("ends", "raw")
    assert trial.n_train == len(dataset.target) == 59 * 24
    assert np.array_equal(np.sort(final_pool(trial.curve)), np.arange(59 * 24))
    rows = final_rows(trial)
    assert len(rows.train) + len(rows.validation) == 59 * 24
    assert len(rows.validation) == pytest.approx(0.2 * 59 * 24, abs=24)
    latest = np.argsort(dataset.rows.time)[-len(rows.validation) :]
    assert np.array_equal(np.sort(rows.validation.x["a"]), np.sort(dataset.take(latest).x["a"]))
    assert len(rows.test) == 500


def test_rows_within_the_gap_before_the_month_are_not_fitted_on():
    assert final.final_trial(ending("2013-03", gap="2 days")).n_train == pytest.approx(57 * 24, abs=1)


def test_another_month_is_another_version():
    found = {final.final_trial(ending(until)).trial_id for until in ("2013-02", "2013-03")}
    assert len(found) == 2
    assert final.final_trial(ending("2013-03")).trial_id in found


def test_the_hashed_columns_of_a_table_are_those_of_its_row_hashes(config):
    columns = hashed_columns(raw_path("ends"))
    assert [name for name, _ in columns] == ["a", "when", "y"]
    raw = pq.read_table(raw_path("ends"))
    assert np.array_equal(row_hashes(raw.select([name for name, _ in columns])), raw[ROW].to_numpy())
