"""The forecasts of a trial table."""

import numpy as np
import pandas as pd
import pytest

from fuelgauge.claims.statistics.beyond import forecast_curves
from fuelgauge.claims.statistics.extrapolate import extrapolate

N = 2.0 ** np.arange(5, 12)
LOSS = np.array([0.42, 0.36, 0.33, 0.29, 0.27, 0.25, 0.235])
WOBBLE = np.array([1, 1.02, 0.98, 1.01, 0.99, 1.01, 1])


def trials_of(model, family, subfamily, loss, **columns):
    table = pd.DataFrame({"n_train": N.astype(int), "loss": loss, **columns})
    return table.assign(dataset="d", model=model, family=family, subfamily=subfamily, repeat=0, level="model")


@pytest.fixture
def trials():
    return pd.concat(
        [
            trials_of("forest", "trees", "forest", LOSS * WOBBLE, train_loss=0.0),
            trials_of("logistic", "linear", "", LOSS * 1.1, train_loss=LOSS),
            trials_of("dummy", "baseline", "", np.full(7, 0.6), train_loss=0.6),
        ],
        ignore_index=True,
    ).assign(constant_loss=0.6)


def of(table, model):
    found = table[table["model"] == model]
    return found[["n_train", "loss", "loss_lo", "loss_hi"]].reset_index(drop=True)


def test_all_that_the_table_tells_is_used(trials):
    expected = extrapolate(
        N,
        LOSS * WOBBLE,
        [4096, 20480],
        train_loss=np.zeros(7),
        companions={"logistic": (N, LOSS * 1.1, LOSS), "constant": (N, np.full(7, 0.6))},
        kind="forest",
    )
    pd.testing.assert_frame_equal(of(forecast_curves(trials, (2, 10), 0.9), "forest"), expected)


def test_a_table_without_these_columns_has_forecasts_too(trials):
    bare = trials.drop(columns=["train_loss", "constant_loss", "subfamily"])
    found = forecast_curves(bare, (2,), 0.9)
    expected = extrapolate(N, LOSS * WOBBLE, 4096, companions={"logistic": (N, LOSS * 1.1)})
    pd.testing.assert_frame_equal(of(found, "forest"), expected)


def test_a_training_loss_that_is_missing_at_an_anchor_is_left_out(trials):
    trials.loc[(trials["model"] == "forest") & (trials["n_train"] == 64), "train_loss"] = np.nan
    without = trials.assign(train_loss=trials["train_loss"].where(trials["model"] != "forest"))
    first, second = (forecast_curves(each, (2,), 0.9) for each in (trials, without))
    pd.testing.assert_frame_equal(first, second)


def test_a_baseline_is_flat_and_no_companion(trials):
    found = forecast_curves(trials, (2, 10), 0.9)
    np.testing.assert_allclose(of(found, "dummy")["loss"], 0.6)
    steeper = trials.assign(loss=trials["loss"].where(trials["model"] != "dummy", trials["loss"] / 3))
    pd.testing.assert_frame_equal(of(forecast_curves(steeper, (2, 10), 0.9), "forest"), of(found, "forest"))


def test_the_columns_say_which_curve_and_from_where(trials):
    found = forecast_curves(trials, (2, 10), 0.9)
    about = found[["dataset", "model", "family", "level", "n_max", "factor"]].to_numpy().tolist()
    assert about[:2] == [
        ["d", "dummy", "baseline", "model", 2048, 2],
        ["d", "dummy", "baseline", "model", 2048, 10],
    ]
    assert len(found) == 6
