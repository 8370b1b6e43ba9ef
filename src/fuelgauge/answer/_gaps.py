"""Paired differences between models at one size, and the probability of each to be the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fuelgauge.claims.statistics.resample import correction, jackknife_error, leave_one_out_means, t_quantile

LEVEL = 0.9
DRAWS = 20_000
SHARED = 0.5  # correlation of two differences to the same model
PRIOR = 4  # repeats' worth of the usual spread that each difference is given
TINY = 1e-9
UNKNOWN = 0.1  # standard error of a gap in draws, before a second repeat tells


@dataclass(frozen=True)
class Gap:
    """The logarithm of a model's loss over that of another on the same repeats.

    Attributes
    ----------
    value, error
        Mean and standard error; the error is NaN if no spread is known.
    freedom
        Degrees of freedom of the error.
    repeats
        Number of shared repeats.
    """

    value: float
    error: float
    freedom: int
    repeats: int

    @property
    def reach(self) -> float:
        """Half the width of the 90% interval."""
        return t_quantile(LEVEL, self.freedom + 1) * self.error


def gaps_to(other: str, losses: Mapping[str, pd.Series], test_share: float) -> dict[str, Gap]:
    """Return the gaps of all models to one of them; a model without a shared repeat has none.

    Parameters
    ----------
    other
        Model to compare with.
    losses
        Losses of each model by repeat.
    test_share
        Test rows of a repeat over the rows to train on.

    Notes
    -----
    The standard deviation of a difference over its repeats is the jackknife's. A few repeats say little about
    it. So it is moderated towards the median over the other models, if there are two or more (Smyth, Stat.
    Appl. Genet. Mol. Biol. 3, 2004, section 4). That median counts as much as four repeats. The standard
    error carries the factor of Nadeau and Bengio (Machine Learning 52, 2003).
    """
    raw = {name: raw_gap(own, losses[other]) for name, own in losses.items() if name != other}
    found = {other: Gap(0.0, 0.0, 1, int(losses[other].count()))}
    for name, (value, deviation, repeats) in raw.items():
        rest = [spread for rival, (_, spread, n) in raw.items() if rival != name and n > 1]
        if repeats:
            found[name] = moderated(value, deviation, repeats, rest, test_share)
    return found


def raw_gap(own: pd.Series, other: pd.Series) -> tuple[float, float, int]:
    """Return the log ratio of two mean losses, its standard deviation over repeats, and the repeats."""
    both = pd.concat([own, other], axis=1, keys=["own", "other"]).dropna()
    if not len(both):
        return float("nan"), float("nan"), 0
    means = leave_one_out_means(both.to_numpy().T)
    gaps = np.array([log_ratio(mine, theirs) for mine, theirs in means])[:, None]
    return float(gaps[0, 0]), float(jackknife_error(gaps)[0] * np.sqrt(len(both))), len(both)


def moderated(
    value: float, deviation: float, repeats: int, others: Sequence[float], test_share: float
) -> Gap:
    """Return a gap with its moderated standard error; without two other models it is not moderated."""
    prior = PRIOR if len(others) > 1 else 0
    freedom = prior + repeats - 1
    if not freedom:
        return Gap(value, float("nan"), 1, repeats)
    own = (repeats - 1) * deviation**2 if repeats > 1 else 0.0
    usual = float(np.median(others)) if prior else 0.0
    spread = np.sqrt((prior * usual**2 + own) / freedom)
    return Gap(value, float(spread / np.sqrt(repeats) * correction(repeats, test_share)), freedom, repeats)


def log_ratio(one: float, other: float) -> float:
    """Return the logarithm of a ratio of losses, with a tiny number in place of zero."""
    return float(np.log(max(one, TINY) / max(other, TINY)))


def draws_of(gaps: Mapping[str, Gap]) -> NDArray[np.float64]:
    """Return draws of the log losses relative to the model with the gap 0, shape (models, draws).

    A gap has Student's t with its standard error. Two gaps to the same model correlate by one half.
    """
    rng = np.random.default_rng(0)
    common = rng.standard_normal(DRAWS)
    rows = []
    for gap in gaps.values():
        own = np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * rng.standard_normal(DRAWS)
        heavy = own / np.sqrt(rng.chisquare(gap.freedom, DRAWS) / gap.freedom)
        rows.append(gap.value + np.nan_to_num(gap.error, nan=UNKNOWN) * heavy)
    return np.array(rows)


def shares_of_wins(draws: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of the draws in which each row is the lowest, shape (models,)."""
    return np.bincount(draws.argmin(axis=0), minlength=len(draws)) / draws.shape[1]


def most_repeated(losses: Mapping[str, pd.Series]) -> str:
    """Return the model with the most repeats; of equal ones the first."""
    return max(losses, key=lambda name: losses[name].count())


def likeliest(gaps: Mapping[str, Gap]) -> str:
    """Return the model that is the best one with the greatest probability."""
    names: Sequence[str] = list(gaps)
    return names[int(np.argmax(shares_of_wins(draws_of(gaps))))]
