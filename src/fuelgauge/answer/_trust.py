"""Whether the probabilities of a model can be believed, from its kept predictions for held-out rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fuelgauge.data.dataset import Dataset
from fuelgauge.data.splits import draw
from fuelgauge.spec.trials import Trial
from fuelgauge.sweep.predictions import unpack
from fuelgauge.sweep.trial import PREDICTIONS

BINS = 10


@dataclass(frozen=True)
class Calibration:
    """How often what a model says comes true.

    Parameters
    ----------
    error
        Expected calibration error: mean distance of said and seen over ten parts of equal size.
    said, seen
        Mean probability and share of rows in each part.
    lift
        Share of the positives among the tenth of the rows with the highest probability, over a tenth; NaN
        for more than two classes.
    """

    error: float
    said: tuple[float, ...]
    seen: tuple[float, ...]
    lift: float


def calibration(
    trials: Iterable[Trial], records: Mapping[str, Mapping[str, Any]], dataset: Dataset
) -> Calibration | None:
    """Return the calibration of a model over the held-out rows of some trials; None for a regression.

    Notes
    -----
    Naeini, Cooper and Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning, AAAI 2015,
    with parts of equal size. Of more than two classes, the probability of the likeliest counts.
    """
    if dataset.description.task == "regression":
        return None
    said, seen = [], []
    for trial in trials:
        packed = records[trial.trial_id]["result"].get(PREDICTIONS)
        if packed:
            own = outcomes(unpack(packed).astype(np.float64), trial, dataset)
            said.append(own[0])
            seen.append(own[1])
    if not said:
        return None
    return of_outcomes(np.concatenate(said), np.concatenate(seen), dataset.description.task == "binary")


def outcomes(predicted: np.ndarray, trial: Trial, dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability of what a model foretells for each row, and whether it came true."""
    curve = trial.curve
    test = draw(dataset.rows, curve.split, curve.seed, trial.repeat).test[: len(predicted)]
    y = dataset.target[test]
    if predicted.shape[1] == 2:
        return predicted[:, 1], (y == 1).astype(float)
    return predicted.max(axis=1), (predicted.argmax(axis=1) == y).astype(float)


def of_outcomes(said: np.ndarray, seen: np.ndarray, is_binary: bool) -> Calibration:
    """Return the calibration of probabilities and outcomes."""
    luck = np.random.default_rng(0).permutation(len(said))  # equal probabilities come in no order
    order = luck[np.argsort(said[luck], kind="stable")]
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    means = [(float(said[part].mean()), float(seen[part].mean()), len(part)) for part in parts]
    error = sum(abs(a - b) * n for a, b, n in means) / len(said)
    lift = means[-1][1] / seen.mean() if is_binary and seen.any() else float("nan")
    return Calibration(float(error), tuple(m[0] for m in means), tuple(m[1] for m in means), float(lift))
