import warnings

import numpy as np
import pandas as pd

from fuelgauge.claims.statistics.cube import cubes
from fuelgauge.claims.statistics.flags import constant_flags, curve_flags, load_flags
from tests.claims.worlds import Noise, power_law, trial_table

DATASETS = pd.DataFrame({"test_share": 0.0}, index=["d"])
FALLING = power_law(1.0, 0.4, 0.05)


def flags(test_share: float = 0.0, **models) -> pd.DataFrame:
    table = trial_table({"d": models}, n_repeats=10, noise=Noise(0.02, 0.01, 0.01, 0.01))
    return curve_flags(cubes(table.assign(level="model")), DATASETS.assign(test_share=test_share))


def peaking(n: np.ndarray) -> np.ndarray:
    return FALLING(n) * np.where(n == 512, 1.5, 1.0)


def test_a_well_behaved_curve_has_no_flag() -> None:
    assert flags(a=("deep", FALLING)).empty


def test_a_peak_is_flagged_where_it_is() -> None:
    found = flags(a=("deep", peaking)).set_index("kind")
    assert found.loc["non-monotone", "n_train"] == 512
    assert found.loc["non-convex", "n_train"] == 512
    assert "above the lowest before it" in found.loc["non-monotone", "text"]


def test_a_rise_that_repeats_on_the_same_rows_might_share_is_not_flagged() -> None:
    def bumpy(n: np.ndarray) -> np.ndarray:
        return FALLING(n) * np.where(n == 512, 1.28, 1.0)

    assert "non-monotone" in set(flags(a=("deep", bumpy))["kind"])
    assert "non-monotone" not in set(flags(5.0, a=("deep", bumpy))["kind"])


def test_noise_is_seldom_flagged() -> None:
    table = trial_table({f"d{i}": {"a": ("deep", FALLING)} for i in range(100)}, n_repeats=5)
    datasets = pd.DataFrame({"test_share": 0.0}, index=table["dataset"].unique())
    assert len(curve_flags(cubes(table.assign(level="model")), datasets)) <= 10


def test_one_repeat_cannot_tell_noise_from_shape() -> None:
    table = trial_table({"d": {"a": ("deep", peaking)}}, n_repeats=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert curve_flags(cubes(table.assign(level="model")), DATASETS).empty


def constant(**models) -> pd.DataFrame:
    return trial_table({"d": models}, n_repeats=10, noise=Noise(0.02, 0.01, 0.01, 0.01))


def test_models_no_better_than_the_dummy_are_named_in_one_line() -> None:
    worse = power_law(1.2, 0.4, 0.05)
    dummy = ("baseline", lambda n: 0.2 + 0 * n)
    (dead,) = constant_flags(constant(dummy=dummy, a=("deep", FALLING), b=("deep", worse))).itertuples()
    assert (dead.kind, dead.dataset, dead.model, dead.n_train) == ("dead", "d", "a, b", 128)
    assert dead.text == "No better than a constant: a at 32, 64; b at 32, 64, 128 rows."


def test_the_loss_of_the_constant_counts_before_that_of_the_dummy() -> None:
    trials = constant(dummy=("baseline", lambda n: 0.2 + 0 * n), a=("deep", FALLING))
    (dead,) = constant_flags(trials.assign(constant_loss=0.28)).itertuples()
    assert dead.text == "No better than a constant: a at 32 rows."
    assert constant_flags(trials.assign(constant_loss=2.0)).empty


def test_a_dataset_without_the_loss_of_a_constant_has_that_of_the_dummy() -> None:
    models = {"dummy": ("baseline", lambda n: 0.2 + 0 * n), "a": ("deep", FALLING)}
    trials = trial_table({"d": models, "e": models}, noise=Noise(0, 0, 0, 0))
    trials["constant_loss"] = np.where(trials["dataset"] == "d", 2.0, np.nan)
    assert constant_flags(trials)["dataset"].tolist() == ["e"]
    other_labels = trials.set_axis(trials.index + 1000)
    pd.testing.assert_frame_equal(constant_flags(other_labels), constant_flags(trials))


def test_a_model_that_predicts_the_constant_is_no_better() -> None:
    trials = constant(a=("deep", FALLING))
    assert constant_flags(trials).empty
    (dead,) = constant_flags(trials.assign(constant_loss=trials["loss"])).itertuples()
    assert dead.n_train == 8192


def test_times_of_a_busy_machine_are_counted_by_dataset() -> None:
    trials = pd.DataFrame(
        {
            "dataset": ["a"] * 4 + ["b"],
            "model": ["mlp", "mlp", "tree", "tree", "tree"],
            "fit_seconds": [1.0, np.nan, 1.0, 1.0, 1.0],
            "load": [0.9, 0.9, 0.6, 0.1, 0.5],
        }
    )
    (flag,) = load_flags(trials).to_dict("records")
    assert (flag["kind"], flag["dataset"], flag["model"]) == ("busy", "a", "mlp, tree")
    assert flag["text"] == "2 of 3 fits were timed while other work used over 50% of the cores."
    assert load_flags(trials.drop(columns="load")).empty
