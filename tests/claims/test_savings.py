import numpy as np
import pandas as pd
import pytest

from fuelgauge.claims.analysis import analyze
from fuelgauge.claims.savings import COLUMNS, savings
from tests.claims.worlds import Noise, power_law, trial_table

LITTLE = Noise(repeat=0.02, rows=0.0, model=0.005, own=0.005)
SCRATCH, FOUR = power_law(1.0, 0.4, 0.0), power_law(1.0, 0.4, 0.0, stretch=0.25)


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    worse = power_law(2.0, 0.4, 0.0)
    truths = {
        "saves": {
            "line": ("linear", SCRATCH),
            "net": ("deep", worse),
            "encoder": ("pretrained", FOUR),
            "constant": ("baseline", power_law(0.001, 0.0, 0.0)),
        },
        "equal": {"tree": ("trees", SCRATCH), "encoder": ("pretrained", SCRATCH)},
        "alone": {"line": ("linear", SCRATCH)},
        "far": {"net": ("deep", SCRATCH), "encoder": ("pretrained", power_law(0.01, 0.4, 0.0))},
    }
    return trial_table(truths, noise=LITTLE)


@pytest.fixture(scope="module")
def found(trials: pd.DataFrame) -> pd.DataFrame:
    return savings(trials)


def test_the_ratio_is_the_known_one_against_the_best_of_the_others(found: pd.DataFrame) -> None:
    own = found[found["dataset"] == "saves"]
    assert own["n"].tolist() == [64, 128, 256, 512, 1024, 2048]
    assert own["ratio"].to_numpy() == pytest.approx(4, rel=0.15)
    assert ((own["ratio_lo"] < 4.4) & (own["ratio_hi"] > 3.6)).all()
    assert (own["ratio_lo"] > 1).all()
    assert found.loc[found["dataset"] == "equal", "ratio"].to_numpy() == pytest.approx(1, rel=0.15)


def test_a_loss_that_is_never_reached_is_a_bound(found: pd.DataFrame) -> None:
    far = found[found["dataset"] == "far"]
    assert (far["censored"] == "above").all()
    assert np.isinf(far["ratio_hi"]).all()


def test_datasets_without_both_sides_are_left_out(found: pd.DataFrame) -> None:
    assert set(found["dataset"]) == {"saves", "equal", "far"}
    empty = savings(trial_table({"d": {"line": ("linear", SCRATCH), "net": ("deep", FOUR)}}))
    assert empty.empty and list(empty.columns) == COLUMNS


def test_an_analysis_has_the_savings(trials: pd.DataFrame, found: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(analyze(trials, claims=["data"]).savings, found)
