"""What the kept predictions for held-out rows say: calibration, and how well the rarest class is found."""

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
RARE = 0.2  # share of the rows below which a class is rare
LEAST_FOUND = 10  # rows of the class that a share needs


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


@dataclass(frozen=True)
class Rarest:
    """How well the rarest class is found, by model and number of rows.

    Parameters
    ----------
    name, share
        Name of the class, and its share of all rows.
    found
        Share of the rows of the class that are found, by model and size. A model names as many rows as the
        class has, those with the highest probability of it. By chance it finds `share`.
    """

    name: str
    share: float
    found: dict[str, dict[int, float]]


def rarest(
    trials: Mapping[str, Iterable[Trial]], records: Mapping[str, Mapping[str, Any]], dataset: Dataset
) -> Rarest | None:
    """Return how well the rarest class is found by each model; None if no class is rare."""
    about = dataset.description
    counts = np.array(about.class_counts, dtype=float)
    if not len(counts) or counts.min() / counts.sum() >= RARE:
        return None
    code = int(counts.argmin())
    found = {name: shares_found(own, records, dataset, code) for name, own in trials.items()}
    found = {name: shares for name, shares in found.items() if shares}
    share = float(counts[code] / counts.sum())
    return Rarest(str(about.classes[code]), share, found) if found else None


def shares_found(
    trials: Iterable[Trial], records: Mapping[str, Mapping[str, Any]], dataset: Dataset, code: int
) -> dict[int, float]:
    """Return the share of a class that is found, by number of rows, over all repeats of a size together."""
    counted: dict[int, list[tuple[int, int]]] = {}
    for trial in trials:
        packed = records[trial.trial_id]["result"].get(PREDICTIONS)
        if packed:
            counted.setdefault(trial.n_train, []).append(hits(unpack(packed), trial, dataset, code))
    sums = {size: np.sum(own, axis=0) for size, own in counted.items()}
    return {size: float(hit / of) for size, (hit, of) in sorted(sums.items()) if of >= LEAST_FOUND}


def hits(predicted: np.ndarray, trial: Trial, dataset: Dataset, code: int) -> tuple[int, int]:
    """Return how many rows of a class are among as many with its highest probability, and how many exist."""
    curve = trial.curve
    test = draw(dataset.rows, curve.split, curve.seed, trial.repeat).test[: len(predicted)]
    is_class = dataset.target[test] == code
    number = int(is_class.sum())
    luck = np.random.default_rng(0).permutation(len(test))  # equal probabilities come in no order
    likeliest = luck[np.argsort(-predicted[luck, code], kind="stable")][:number]
    return int(is_class[likeliest].sum()), number
