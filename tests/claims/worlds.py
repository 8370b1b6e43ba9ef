"""Synthetic worlds in which data-efficiency ratio, slope and crossover are known."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fuelgauge.claims.statistics.pairs import PairBatch, is_readable

Curve = Callable[[np.ndarray], np.ndarray]
ANCHORS = 32 * 2.0 ** np.arange(9)


@dataclass(frozen=True)
class Noise:
    """Standard deviations of log-normal noise, from what is most shared to what is least."""

    repeat: float = 0.05  # the test rows: shared by all models and anchors of a repeat
    rows: float = 0.02  # the training rows: shared by all models at an anchor of a repeat
    model: float = 0.03  # how a model takes to a repeat: shared by its anchors
    own: float = 0.03


def power_law(amplitude: float, exponent: float, floor: float, stretch: float = 1.0) -> Curve:
    """Return floor + amplitude (n / stretch)^-exponent: at `stretch` times the rows, the same loss."""
    return lambda n: floor + amplitude * (n / stretch) ** -exponent


def exponential(start: float, floor: float, rows: float, stretch: float = 1.0) -> Curve:
    """Return a loss that falls exponentially in n, to a floor: ever steeper in log n, then flat."""
    return lambda n: floor + (start - floor) * np.exp(-n / stretch / rows)


def sigmoid(start: float, floor: float, middle: float, steepness: float, stretch: float = 1.0) -> Curve:
    """Return a loss that falls from one plateau to another, as a logistic function of log n."""
    return lambda n: floor + (start - floor) / (1 + (n / stretch / middle) ** steepness)


def draw(
    truth_a: Curve,
    truth_b: Curve,
    n_worlds: int,
    n_repeats: int,
    seed: int = 0,
    noise: Noise = Noise(),
    anchors: np.ndarray = ANCHORS,
    test_share: float = 0.0,
    further: Mapping[str, tuple[Curve, Curve]] | None = None,
) -> PairBatch:
    """Draw the same pair of models in many worlds at once, as if each were a pair of one dataset.

    With `test_share` all repeats of a world have part of their noise in common, so that any two of them
    correlate by n_test / (n_test + n_pool), as Nadeau and Bengio assume. `further` gives the curves of A and
    of B in other columns of the trial table.
    """
    random = np.random.default_rng(seed)
    shape = (n_worlds, len(anchors), n_repeats)

    def normal(deviation: float, n_anchors: int) -> np.ndarray:
        apart = random.normal(0, deviation, (n_worlds, n_anchors, n_repeats))
        if test_share == 0:
            return apart
        return apart + random.normal(0, deviation * np.sqrt(test_share), (n_worlds, n_anchors, 1))

    shared = normal(noise.repeat, 1) + normal(noise.rows, len(anchors))

    def losses(truth: Curve) -> np.ndarray:
        own = normal(noise.model, 1) + normal(noise.own, len(anchors))
        return truth(anchors)[:, None] * np.exp(shared + own)

    def values(column: str, truth: Curve) -> np.ndarray:
        own = _of_column(column, seed).normal(0, noise.own, shape)
        return truth(anchors)[:, None] * np.exp(own)

    columns = {
        column: (values(f"{column} of A", truth_of_a), values(f"{column} of B", truth_of_b))
        for column, (truth_of_a, truth_of_b) in (further or {}).items()
    }
    names = np.array([[f"a{i}", f"b{i}"] for i in range(n_worlds)], dtype=object)
    return PairBatch("world", "model", names, anchors, losses(truth_a), losses(truth_b), columns, test_share)


def _of_column(column: str, seed: int) -> np.random.Generator:
    """Return the random numbers of a column, so that a further column changes no other."""
    return np.random.default_rng([seed, zlib.crc32(column.encode())])


def one_row_a_pair(pairs: pd.DataFrame) -> pd.DataFrame:
    return pairs.drop_duplicates(["dataset", "model_a", "model_b"])


def true_ratios(truth_a: Curve, truth_b: Curve, anchors: np.ndarray = ANCHORS) -> np.ndarray:
    """Return DER(n) at the readable anchors, from curves read on a fine grid."""
    n = anchors[is_readable(anchors)]
    fine = np.geomspace(anchors[0], anchors[-1], 200_001)
    loss = truth_a(fine)
    return np.exp(np.interp(-np.log(truth_b(n)), -np.log(loss), np.log(fine))) / n


def true_slope(truth_a: Curve, truth_b: Curve, anchors: np.ndarray = ANCHORS) -> float:
    n = anchors[anchors >= 64]
    return float(np.polyfit(np.log2(n), np.log(truth_a(n) / truth_b(n)), 1)[0])


def true_crossover(truth_a: Curve, truth_b: Curve, anchors: np.ndarray = ANCHORS) -> float:
    fine = np.geomspace(anchors[0], anchors[-1], 200_001)
    order = np.sign(truth_a(fine) - truth_b(fine))
    return float(fine[np.flatnonzero(np.diff(order))[-1]])


def coverage(lower: np.ndarray, upper: np.ndarray, truth: np.ndarray | float) -> float:
    return float(np.mean((np.asarray(lower) <= truth) & (truth <= np.asarray(upper))))


def trial_table(
    truths: dict[str, dict[str, tuple[str, Curve]]],
    n_repeats: int = 5,
    seed: int = 0,
    noise: Noise = Noise(),
    anchors: np.ndarray = ANCHORS,
    columns: Mapping[str, Mapping[str, Curve]] | None = None,
) -> pd.DataFrame:
    """Return a trial table.

    Parameters
    ----------
    truths
        Family and learning curve, by dataset and model.
    columns
        True values against n_train, by column and model. They replace ``fit_seconds`` or are added; a model
        without a curve has no value.
    """
    random = np.random.default_rng(seed)
    rows = []
    for dataset, models in truths.items():
        shared = random.normal(0, noise.repeat, n_repeats)
        by_rows = random.normal(0, noise.rows, (len(anchors), n_repeats))
        for model, (family, truth) in models.items():
            taste = random.normal(0, noise.model, n_repeats)
            for k, n in enumerate(anchors):
                own = random.normal(0, noise.own, n_repeats)
                loss = truth(n) * np.exp(shared + by_rows[k] + taste + own)
                for repeat in range(n_repeats):
                    record = (dataset, model, family, int(n), repeat, loss[repeat], loss[repeat], n / 1000)
                    rows.append(record)
    names = ["dataset", "model", "family", "n_train", "repeat", "loss", "val_loss", "fit_seconds"]
    table = pd.DataFrame(rows, columns=names)
    for column, curves in (columns or {}).items():
        table[column] = np.nan
        for model, truth in curves.items():
            table.loc[table["model"] == model, column] = truth(table["n_train"].astype(float))
        table[column] *= np.exp(_of_column(column, seed).normal(0, noise.own, len(table)))
    return table
