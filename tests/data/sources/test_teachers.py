"""Synthetic tables whose best learner is known, and the analysis that has to find it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from fuelgauge.claims.statistics.cube import cubes
from fuelgauge.claims.statistics.pairs import compare_models
from fuelgauge.data.sources.teachers import BLOCK, N_FEATURES, taught
from fuelgauge.errors import DataError
from tests.conftest import CHECKOUT

Learner = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
KINDS = ("forest", "net", "both")
TEST_ROWS = 1000


def settings_of(kind: str) -> dict[str, Any]:
    """Return the settings of a dataset of the project, without its number of rows."""
    text = (CHECKOUT / f"conf/dataset/taught_by_{kind}.yaml").read_text("utf-8")
    source = yaml.safe_load(text)["source"]
    return {name: value for name, value in source.items() if name not in ("_target_", "n_rows")}


def arrays(n_rows: int, **settings: Any) -> tuple[np.ndarray, np.ndarray]:
    table = taught(n_rows, **settings)
    return np.column_stack([table[f"x{i + 1}"] for i in range(N_FEATURES)]), table["y"].to_numpy()


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_the_same_for_any_number_of_them_and_others_for_another_seed(kind: str) -> None:
    settings = settings_of(kind)
    few, more = arrays(50, **settings), arrays(BLOCK + 50, **settings)
    assert np.array_equal(few[0], more[0][:50]) and np.array_equal(few[1], more[1][:50])
    assert not np.array_equal(more[1][:50], more[1][BLOCK:])
    assert not np.array_equal(few[1], arrays(50, **settings | {"seed": 1})[1])


@pytest.mark.parametrize("kind", KINDS)
def test_the_answer_has_variance_one_and_the_noise_its_own(kind: str) -> None:
    settings = settings_of(kind)
    quiet, noisy = (arrays(20_000, **settings | {"noise": noise})[1] for noise in (0.0, 0.5))
    assert quiet.mean() == pytest.approx(0, abs=0.05)
    assert quiet.std() == pytest.approx(1, abs=0.1)
    assert (noisy - quiet).std() == pytest.approx(0.5, rel=0.02)


def test_a_forest_is_a_step_function_of_five_features_and_a_net_looks_at_the_others_too() -> None:
    x, y = arrays(20_000, **settings_of("forest") | {"noise": 0.0})
    assert len(np.unique(y.round(9))) < len(y) / 2
    correlated = np.abs(np.corrcoef(x.T, y)[-1, :-1]) > 0.03
    assert correlated.sum() <= 5
    _, smooth = arrays(2_000, **settings_of("net") | {"noise": 0.0})
    assert len(np.unique(smooth)) == len(smooth)


@pytest.mark.parametrize(("n_rows", "share"), [(0, 0.5), (10, 1.5), (10, -0.1)])
def test_wrong_settings_are_refused(n_rows: int, share: float) -> None:
    with pytest.raises(DataError, match=f"n_rows is {n_rows} and forest_share {share}"):
        taught(n_rows, 0, share)


def trees(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    import xgboost

    settings = {"max_depth": 4, "eta": 0.15, "subsample": 0.7, "max_bin": 64, "nthread": 1, "verbosity": 0}
    fitted = xgboost.train(settings, xgboost.DMatrix(x, y), 120)
    return fitted.predict(xgboost.DMatrix(at))


def net(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    from sklearn.neural_network import MLPRegressor

    model = MLPRegressor(
        hidden_layer_sizes=(32,),
        learning_rate_init=5e-3,
        batch_size=32,
        max_iter=60,
        alpha=1e-3,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the budget is a number of passes
        model.fit((x - 0.5) * 12**0.5, y)
    return model.predict((at - 0.5) * 12**0.5)


def curves(kind: str, anchors: list[int], n_worlds: int, n_repeats: int) -> pd.DataFrame:
    """Return the losses of trees and of a net on rows of their own in each world and repeat."""
    size = anchors[-1] + TEST_ROWS
    x, y = arrays(n_worlds * n_repeats * size, **settings_of(kind))
    rows = []
    for draw in range(n_worlds * n_repeats):
        own = slice(draw * size, (draw + 1) * size)
        at, known = x[own][:TEST_ROWS], x[own][TEST_ROWS:]
        truth, told = y[own][:TEST_ROWS], y[own][TEST_ROWS:]
        world, repeat = str(draw // n_repeats), draw % n_repeats
        for n in anchors:
            for family, learner in (("deep", net), ("boosted", trees)):
                error = learner(known[:n], told[:n], at) - truth
                rows.append((world, family, family, n, repeat, float(np.sqrt(np.mean(error**2)))))
    return pd.DataFrame(rows, columns=["dataset", "model", "family", "n_train", "repeat", "loss"])


def compared(trials: pd.DataFrame) -> pd.DataFrame:
    """Return deep models (a) against boosted trees (b), one row for each world and anchor."""
    datasets = pd.DataFrame({"test_share": 0.0}, index=trials["dataset"].unique())
    found, _ = compare_models(
        cubes(trials.assign(level="model"), ()), datasets, wanted=lambda _: [("deep", "boosted")]
    )
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_trees_stay_ahead_of_a_net_where_a_forest_teaches() -> None:
    found = compared(curves("forest", [128, 512, 1024], n_worlds=10, n_repeats=3))
    never = found.groupby("dataset")["better"].agg(lambda better: "a" not in set(better))
    at_last = found.loc[found["n"] == 1024, "better"] == "b"
    assert never.mean() >= 0.9 and at_last.mean() >= 0.9
    assert (found["crossover_kind"] == "not shown").mean() >= 0.9


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_net_leads_where_a_net_teaches() -> None:
    found = compared(curves("net", [128, 512, 1024], n_worlds=10, n_repeats=3))
    never = found.groupby("dataset")["better"].agg(lambda better: "b" not in set(better))
    at_last = found.loc[found["n"] == 1024, "better"] == "a"
    assert never.mean() >= 0.9 and at_last.mean() >= 0.9


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_crossing_lies_in_its_interval_in_nine_of_ten_worlds_where_both_teach() -> None:
    """The true crossing is that of the mean curves of all worlds; a world may show none."""
    n_repeats = 6
    trials = curves("both", [32, 64, 128, 256, 512, 1024], n_worlds=10, n_repeats=n_repeats)
    repeat = trials["dataset"].astype(int) * n_repeats + trials["repeat"]
    truth = compared(trials.assign(repeat=repeat, dataset="all")).iloc[0]
    assert (truth["crossover_kind"], truth["crossover_above"]) == ("shown", "b")
    worlds = compared(trials).drop_duplicates("dataset")
    shown = worlds[worlds["crossover_kind"] == "shown"]
    right = (
        (shown["crossover_above"] == "b")
        & (shown["crossover_lo"] <= truth["crossover"])
        & (shown["crossover_hi"] >= truth["crossover"])
    )
    assert len(shown) >= len(worlds) / 2
    assert (~right).sum() <= len(worlds) / 10
