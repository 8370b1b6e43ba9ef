"""What fits cost, at stated prices of compute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

KEYS = ["dataset", "model", "n_train"]
FITS = 1000  # a single fit costs too little to be written


@dataclass
class Prices:
    """A file in conf/price/.

    Attributes
    ----------
    name
        Of the file.
    currency
        Such as USD.
    core_hour, gpu_hour
        An hour of one CPU core, and of one GPU.
    source
        Where the figures come from.
    """

    name: str
    currency: str
    core_hour: float
    gpu_hour: float
    source: str

    def __str__(self) -> str:
        """Return the prices in words."""
        return (
            f"{self.core_hour:g} {self.currency} for an hour of one core, "
            f"{self.gpu_hour:g} {self.currency} for one of a GPU: {self.source}"
        )


def fit_prices(trials: pd.DataFrame, prices: Prices) -> pd.Series:
    """Return what each fit cost; NaN where it was not timed.

    Parameters
    ----------
    trials
        fit_seconds; threads (1 where absent) and device (cpu where absent).
    prices
        A fit on the CPU costs its seconds times its threads, one on a GPU its seconds.
    """
    hours = trials["fit_seconds"] / 3600
    threads = trials["threads"].fillna(1) if "threads" in trials else 1
    on_gpu = trials["device"].eq("cuda") if "device" in trials else False
    return hours * np.where(on_gpu, prices.gpu_hour, threads * prices.core_hour)


def curve_prices(trials: pd.DataFrame, prices: Prices | None) -> pd.DataFrame:
    """Return dataset, model, n_train and `price_mean`, the mean price of `FITS` fits that were timed."""
    if prices is None or "fit_seconds" not in trials:
        return pd.DataFrame(columns=[*KEYS, "price_mean"])
    priced = trials.assign(price_mean=FITS * fit_prices(trials, prices))
    return priced.groupby(KEYS)["price_mean"].mean().reset_index()


def price_of_progress(curve: pd.DataFrame, is_score: bool) -> float:
    """Return what the last step of a curve cost, per point of its score or percent of its loss.

    Parameters
    ----------
    curve
        loss_mean and price_mean, in the order of n_train.
    is_score
        Whether the loss is one minus a score: then a point is 0.01 of it. Otherwise a percent is one of the
        logarithm of the loss.

    Returns
    -------
    The price of `FITS` fits at the last anchor less that at the one before, over the points gained; NaN
    where nothing was gained or a price is not known.
    """
    if len(curve) < 2:
        return float("nan")
    (before, loss), (price_before, price) = (curve[name].iloc[-2:] for name in ("loss_mean", "price_mean"))
    if not before > loss > 0:
        return float("nan")
    gained = 100 * (before - loss) if is_score else 100 * float(np.log(before / loss))
    return float((price - price_before) / gained)
