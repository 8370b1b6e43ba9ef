"""Costs of fits at stated prices of compute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["KEYS", "Prices", "curve_prices", "fit_prices", "price_of_progress"]

KEYS = ["dataset", "model", "n_train"]
FITS = 1000  # the price of one fit is too small to read


@dataclass
class Prices:
    """Prices of compute, as in a file of conf/price/.

    Attributes
    ----------
    name
        Name of the file.
    currency
        Currency, for example USD.
    core_hour, gpu_hour
        Price of an hour of one CPU core, and of one GPU.
    source
        Origin of the prices.
    """

    name: str
    currency: str
    core_hour: float
    gpu_hour: float
    source: str

    def __str__(self) -> str:
        """Return the prices in words."""
        return (
            f"{self.core_hour:g} {self.currency} per hour of one core and "
            f"{self.gpu_hour:g} {self.currency} per hour of one GPU. Source: {self.source}"
        )


def fit_prices(trials: pd.DataFrame, prices: Prices) -> pd.Series:
    """Return the price of each fit; NaN where it was not timed.

    Parameters
    ----------
    trials
        Trials with fit_seconds, and with threads (default 1) and device (default cpu).
    prices
        Prices. A fit on the CPU counts its seconds times its threads, a fit on a GPU its seconds.
    """
    hours = trials["fit_seconds"] / 3600
    threads = trials["threads"].fillna(1) if "threads" in trials else 1
    on_gpu = trials["device"].eq("cuda") if "device" in trials else False
    return hours * np.where(on_gpu, prices.gpu_hour, threads * prices.core_hour)


def curve_prices(trials: pd.DataFrame, prices: Prices | None) -> pd.DataFrame:
    """Return `price_mean`, the mean price of `FITS` timed fits, by dataset, model and n_train."""
    if prices is None or "fit_seconds" not in trials:
        return pd.DataFrame(columns=[*KEYS, "price_mean"])
    priced = trials.assign(price_mean=FITS * fit_prices(trials, prices))
    return priced.groupby(KEYS)["price_mean"].mean().reset_index()


def price_of_progress(curve: pd.DataFrame, is_score: bool) -> float:
    """Return the price of a curve's last step, per point of its score or per percent of its loss.

    Parameters
    ----------
    curve
        Columns loss_mean and price_mean, in the order of n_train.
    is_score
        Whether the loss is one minus a score. Then a point is 0.01 of the score. Otherwise a percent is 0.01
        of the logarithm of the loss.

    Returns
    -------
    float
        Price of `FITS` fits at the last anchor minus that at the anchor before, divided by the points gained.
        NaN if nothing was gained or a price is not known.
    """
    if len(curve) < 2:
        return float("nan")
    (before, loss), (price_before, price) = (curve[name].iloc[-2:] for name in ("loss_mean", "price_mean"))
    if not before > loss > 0:
        return float("nan")
    gained = 100 * (before - loss) if is_score else 100 * float(np.log(before / loss))
    return float((price - price_before) / gained)
