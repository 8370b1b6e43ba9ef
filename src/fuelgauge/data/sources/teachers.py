"""Loaders of synthetic tables whose target a forest, a net, or both compute: the best learner is known."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fuelgauge.errors import DataError

__all__ = ["taught"]

Floats = NDArray[np.float64]
Rows = NDArray[np.floating]
Teacher = Callable[[Rows], Floats]

N_FEATURES = 20
SPLITTING = 5  # features that the forest looks at
# The net has one hidden layer.
UNITS, STEEPNESS = 16, 1.0
PROBES = 20_000  # rows by which a teacher is scaled to mean 0 and variance 1
BLOCK = 1 << 16  # rows that are computed at a time


def taught(
    n_rows: int,
    seed: int,
    forest_share: float,
    trees: int = 8,
    depth: int = 3,
    noise: float = 0.1,
) -> pa.Table:
    """Generate a table whose target is the answer of a random forest, of a random net, or of both.

    The features are independent and uniform. The forest looks at five of them, and each of its trees is a
    step function. The net looks at all of them, and its answer is smooth and aligned with none. So trees copy
    the forest with fewer rows than a net does, and a net copies the net with fewer rows than trees do.

    Parameters
    ----------
    n_rows
        Number of rows. The first rows are the same for any number.
    seed
        Random seed of teachers and rows.
    forest_share
        Share of the variance of the answer that the forest gives, from 0 to 1; the net gives the rest.
    trees, depth
        Number of trees of the forest, and their depth. Few deep trees have large steps, which a net never
        copies well. Many trees of depth 1 add up to nearly smooth functions of single features.
    noise
        Standard deviation of the noise that is added to an answer of variance 1.

    Returns
    -------
    pyarrow.Table
        Columns x1 to x20 (float32) and y.

    Raises
    ------
    DataError
        `n_rows` is not positive, or `forest_share` is not between 0 and 1.
    """
    if n_rows <= 0 or not 0 <= forest_share <= 1:
        raise DataError(
            f"taught: n_rows is {n_rows} and forest_share {forest_share}; "
            "they must be positive and from 0 to 1."
        )
    of_forest, of_net, *_ = seeds = np.random.SeedSequence(seed).spawn(3)
    forest, net = (
        scaled(made, own)
        for made, own in (
            (random_forest(np.random.default_rng(of_forest), trees, depth), of_forest),
            (random_net(np.random.default_rng(of_net)), of_net),
        )
    )
    blocks = [block(own, forest, net, forest_share, noise) for own in seeds[2].spawn(-(-n_rows // BLOCK))]
    x, y = (np.concatenate(parts)[:n_rows] for parts in zip(*blocks, strict=True))
    columns = {f"x{i + 1}": x[:, i] for i in range(N_FEATURES)}
    return pa.table({**columns, "y": y})


def block(
    seed: np.random.SeedSequence, forest: Teacher, net: Teacher, forest_share: float, noise: float
) -> tuple[NDArray[np.float32], Floats]:
    """Return the features and the targets of `BLOCK` rows."""
    rng = np.random.default_rng(seed)
    x = rng.random((BLOCK, N_FEATURES), dtype=np.float32)
    answer = np.sqrt(forest_share) * forest(x) + np.sqrt(1 - forest_share) * net(x)
    return x, answer + noise * rng.standard_normal(BLOCK)


def scaled(teacher: Teacher, seed: np.random.SeedSequence) -> Teacher:
    """Return a teacher whose answers have mean 0 and variance 1 over uniform rows."""
    answers = teacher(np.random.default_rng(seed.spawn(1)[0]).random((PROBES, N_FEATURES)))
    mean, deviation = answers.mean(), answers.std()
    return lambda x: (teacher(x) - mean) / deviation


def random_forest(rng: np.random.Generator, trees: int, depth: int) -> Teacher:
    """Return the sum of full trees with random splits and random values of their leaves."""
    features = rng.choice(N_FEATURES, SPLITTING, replace=False)
    split_on = rng.choice(features, (trees, 2**depth - 1))
    limits = rng.uniform(0.1, 0.9, (trees, 2**depth - 1))
    leaves = rng.standard_normal((trees, 2**depth))
    return partial(ask_forest, split_on, limits, leaves)


def ask_forest(split_on: NDArray[np.int64], limits: Floats, leaves: Floats, x: Rows) -> Floats:
    """Return the answers of a forest whose trees are full and stored level by level."""
    total, rows, n_inner = np.zeros(len(x)), np.arange(len(x)), split_on.shape[1]
    for feature, limit, leaf in zip(split_on, limits, leaves, strict=True):
        node = np.zeros(len(x), dtype=np.int64)
        while node[0] < n_inner:  # all rows are at one level
            node = 2 * node + 1 + (x[rows, feature[node]] > limit[node])
        total += leaf[node - n_inner]
    return total


def random_net(rng: np.random.Generator) -> Teacher:
    """Return a net with one hidden layer and random weights."""
    weights = STEEPNESS * rng.standard_normal((N_FEATURES, UNITS)) / np.sqrt(N_FEATURES / 12)
    return partial(ask_net, weights, rng.standard_normal(UNITS), rng.standard_normal(UNITS) / 2)


def ask_net(weights: Floats, outer: Floats, offset: Floats, x: Rows) -> Floats:
    """Return the answers of a net to uniform rows; its hidden units see inputs of mean 0."""
    hidden: Floats = np.tanh((x - 0.5) @ weights + offset)
    return hidden @ outer
