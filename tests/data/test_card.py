import numpy as np
import pandas as pd
import pytest

from fuelgauge import paths
from fuelgauge.data.card import data_card
from fuelgauge.data.dataset import Dataset
from fuelgauge.spec.dataset import FeatureTypes
from fuelgauge.spec.params import Params
from tests.data.made import make

PARAMS = Params(datasets=["made"], models=["dummy"])


@pytest.fixture
def card(tmp_path, monkeypatch):
    def of(source, **settings):
        make(tmp_path, source, **settings)
        opened = Dataset.open
        monkeypatch.setattr(
            Dataset, "open", lambda name, features: opened(name, features, tmp_path / "features")
        )
        return data_card("made", PARAMS)

    return of


ROWS = pd.DataFrame({"a": np.arange(40.0), "y": [0, 1, 1, 1] * 10})


def test_the_card_counts_what_was_left_out_and_why(card):
    source = pd.concat([ROWS, ROWS.iloc[:2], ROWS.iloc[:3].assign(y=None)])
    shown = card(source, duplicates="drop")
    assert shown["left out"] == "3 without a target and 2 identical to an earlier row, of 45 rows"
    assert shown["identical rows"] == "dropped: only the first of identical rows is kept"
    assert (shown["n_rows"], shown["smallest class"]) == (40, "25.0%")


def test_identical_rows_that_are_kept_are_counted_across_the_split(card):
    shown = card(pd.concat([ROWS, ROWS]))
    assert shown["identical rows"].startswith("kept: 40; ")
    share = float(shown["identical rows"].split("kept: 40; ")[1].split("%")[0])
    assert 50 < share <= 100


def test_missing_values_name_the_columns_that_lack_most(card):
    source = ROWS.assign(a=ROWS["a"].where(ROWS.index > 9), b=1.0)
    shown = card(source, features=FeatureTypes(numeric=["a", "b"]))
    assert shown["missing"] == "12.5% of all values; a 25.0%"


def test_a_regression_shows_its_target_and_no_classes(card):
    shown = card(ROWS.assign(y=ROWS["a"] * 2), task="regression", metric="rmse")
    assert shown["target"] == "mean 39, standard deviation 23.09"
    assert shown["smallest class"] == ""


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "at random, stratified by class"),
        ({"group": "g"}, "by group: no group on both sides"),
        ({"time": "t"}, "by time: training rows before test rows"),
        ({"group": "g", "time": "t"}, "by time: training rows before test rows, no group on both sides"),
    ],
)
def test_the_split_is_said_in_words(card, settings, sentence):
    source = ROWS.assign(g=np.arange(40) // 2, t=np.arange(40))
    assert card(source, **settings)["split"] == sentence


def test_a_made_dataset_needs_no_file_in_conf(card):
    assert not (paths.CONF / "dataset/made.yaml").exists()
    assert card(ROWS)["licence"] == ""
