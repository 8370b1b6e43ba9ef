from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fuelgauge.report.money import FITS, Prices, curve_prices, fit_prices, price_of_progress

PRICES = Prices("here", "EUR", core_hour=0.1, gpu_hour=2.0, source="a test")


def test_a_fit_costs_its_cores_or_its_gpu() -> None:
    trials = pd.DataFrame(
        {"fit_seconds": [3600, 1800, 3600], "threads": [1, 4, 8], "device": ["cpu", "cpu", "cuda"]}
    )
    assert fit_prices(trials, PRICES).tolist() == pytest.approx([0.1, 0.2, 2.0])


def test_a_table_without_threads_and_device_is_one_core() -> None:
    assert fit_prices(pd.DataFrame({"fit_seconds": [36.0]}), PRICES).tolist() == pytest.approx([0.001])


def test_prices_of_a_curve_are_over_the_fits_that_were_timed() -> None:
    trials = pd.DataFrame(
        {"dataset": "d", "model": "m", "n_train": [32, 32, 64], "fit_seconds": [36.0, np.nan, np.nan]}
    )
    found = curve_prices(trials, PRICES).set_index("n_train")["price_mean"]
    assert found[32] == pytest.approx(FITS * 0.001) and np.isnan(found[64])
    assert curve_prices(trials, None).empty


@pytest.mark.parametrize(("is_score", "price"), [(True, 6 / 10), (False, 6 / (100 * np.log(2)))])
def test_progress_is_priced_by_points_or_percents(is_score: bool, price: float) -> None:
    curve = pd.DataFrame({"loss_mean": [0.5, 0.2, 0.1], "price_mean": [1.0, 4.0, 10.0]})
    assert price_of_progress(curve, is_score) == pytest.approx(price)


def test_no_gain_has_no_price() -> None:
    curve = pd.DataFrame({"loss_mean": [0.2, 0.2], "price_mean": [1.0, 4.0]})
    assert np.isnan(price_of_progress(curve, is_score=True))
