import numpy as np
import pandas as pd

from fuelgauge.claims.statistics.cube import cubes
from fuelgauge.claims.statistics.flags import curve_flags, load_flags
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
    assert curve_flags(cubes(table.assign(level="model")), DATASETS).empty


def test_a_model_no_better_than_a_constant_is_dead_there() -> None:
    found = flags(dummy=("baseline", lambda n: 0.2 + 0 * n), a=("deep", FALLING))
    (dead,) = found[found["kind"] == "dead"].itertuples()
    assert (dead.model, dead.n_train) == ("a", 64)
    assert dead.text == "No better than a constant predictor at 32, 64 rows."


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
