"""Racing: a model that is clearly behind is not repeated."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fuelgauge.claims.statistics.resample import RepeatTest, leave_one_out_means

ERROR = 0.05
LOOKS = (3, 4, 6, 8, 12, 16, 24, 32, 48)


def behind(
    losses: Mapping[str, NDArray[np.float64]], test_share: float, models: int, error: float = ERROR
) -> list[str]:
    """Return the models that are clearly worse than the best, at one look.

    Parameters
    ----------
    losses
        Losses of each model that is still in the race on the same repeats, shape (repeats,).
    test_share
        Test rows of a repeat over the rows to train on.
    models
        Number of models that the race began with.
    error
        Greatest probability, over all looks, that the best model is dropped.

    Notes
    -----
    A model is dropped if the one-sided t test of its paired difference to the leader rejects at the level
    error / (looks * (models - 1)). The standard error carries the factor of Nadeau and Bengio (Machine
    Learning 52, 2003), as all repeats draw from the same rows. By Bonferroni, the best model is dropped with
    at most the probability `error`, whichever rival leads at whichever look. The idea of a race is that of
    Maron and Moore, Hoeffding races, NIPS 1993.
    """
    names = list(losses)
    repeats = len(next(iter(losses.values()), ()))
    if len(names) < 2 or repeats not in LOOKS:
        return []
    values = np.array([losses[name] for name in names])
    leader = int(np.argmin(values.mean(axis=1)))
    test = RepeatTest(test_share=test_share)
    gaps = leave_one_out_means((values - values[leader])[:, None, :])
    p_values = np.array([test.p_value(each)[0] for each in gaps]) / 2
    level = error / (len(LOOKS) * max(1, models - 1))
    return [name for place, name in enumerate(names) if place != leader and p_values[place] < level]
