"""What a contestant would lose with more rows than its dataset has."""

from __future__ import annotations

from dataclasses import dataclass

from fuelgauge.claims.statistics.beyond import forecast_curves
from fuelgauge.registry._choice import CONTESTANT, Choice, finished
from fuelgauge.spec.names import contestant
from fuelgauge.spec.params import Params

TIMES_MORE = (2, 10)
LEVEL = 0.9


@dataclass(frozen=True)
class Ahead:
    """A forecast loss and its interval, at a multiple of the rows of the final fit."""

    times: int
    n_train: int
    loss: float
    lo: float
    hi: float


def outlook(dataset: str, choice: Choice, params: Params, n_train: int) -> tuple[Ahead, ...]:
    """Forecast the chosen contestant at multiples of some n, as the report does.

    The forecast knows the training losses, and the curves of the other contestants of the dataset.

    Parameters
    ----------
    dataset
        Name of the dataset.
    params
        Parameters whose models, feature sets, sizes and searches form the contestants.
    n_train
        Number of rows of the final fit.

    Returns
    -------
    tuple of Ahead
        One for each of `TIMES_MORE`; none if the curve has a single anchor.
    """
    if len(choice.curve) < 2:
        return ()
    done = finished(dataset, params)
    names = [contestant(*row) for row in done[CONTESTANT].itertuples(index=False)]
    trials = done.assign(model=names, level="model")
    last = trials.loc[trials["model"] == choice.name, "n_train"].max()
    found = forecast_curves(trials, [times * n_train / last for times in TIMES_MORE], LEVEL)
    own = found.loc[found["model"] == choice.name, ["loss", "loss_lo", "loss_hi"]].to_numpy(float)
    return tuple(
        Ahead(times, times * n_train, *map(float, row)) for times, row in zip(TIMES_MORE, own, strict=True)
    )
