import pandas as pd
import pytest

from fuelgauge.claims.statistics.trial_table import read_trials
from fuelgauge.report.outlook import answers, outlook
from tests.claims.worlds import Noise, power_law, trial_table
from tests.conftest import CHECKOUT

LITTLE = Noise(repeat=0.01, rows=0.0, model=0.0, own=0.005)
FLAT, STEEP = power_law(0.1, 0.0, 0.0), power_law(8.0, 0.5, 0.0)


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    models = {"flat": ("linear", FLAT), "steep": ("deep", STEEP), "none": ("baseline", power_law(0.5, 0, 0))}
    table = trial_table(
        {"one": models, "two": models}, noise=LITTLE, anchors=[32, 64, 128, 256, 512, 1024, 4096]
    )
    return read_trials(
        table[table["n_train"] <= 4096].assign(metric="accuracy", score=1 - table["loss"])
    ).trials


def test_the_best_model_is_said_and_another_one_that_will_pass_it(trials):
    ship, more = outlook(trials, "one")
    assert ship == "SHIP    flat: accuracy 0.9 with 4,096 rows"
    assert more.startswith("MORE    at 8,192 rows steep is the likeliest to be best (")
    assert more.endswith("% less than flat now")


def test_a_model_that_stays_ahead_is_compared_with_itself(trials):
    early = trials[trials["n_train"] <= 256]
    assert "MORE    at 512 rows flat is still the likeliest to be best (" in outlook(early, "one")[1]
    assert outlook(early, "one")[1].endswith(" now")


def test_without_a_second_anchor_the_best_model_is_all_that_is_said(trials):
    assert len(outlook(trials[trials["n_train"] == 32], "one")) == 1
    assert outlook(trials, "unknown") == []


def test_a_constant_that_is_not_beaten_is_said(trials):
    ship = outlook(trials.assign(constant_loss=0.05), "one")[0]
    assert ship.endswith("; no model beats a constant")


def test_one_dataset_or_two_are_answered_and_more_are_not(trials):
    assert [line[:4] for line in answers(trials)] == ["one", "SHIP", "MORE", "two", "SHIP", "MORE"]
    assert [line[:4] for line in answers(trials[trials["dataset"] == "one"])] == ["SHIP", "MORE"]
    third = trials[trials["dataset"] == "one"].assign(dataset="three")
    assert answers(pd.concat([trials, third])) == []


def test_every_table_of_the_published_runs_has_its_forecast():
    table = read_trials(CHECKOUT / "published/default.parquet").trials
    lines = [outlook(table, name) for name in table["dataset"].unique()]
    assert all(len(own) == 2 for own in lines)
