"""The sizes of an answer, the split behind it, and the order of a model's trials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from fuelgauge.answer._contestants import Frame
from fuelgauge.data.dataset import Dataset
from fuelgauge.data.splits import draw
from fuelgauge.errors import DataError
from fuelgauge.spec.dataset import DatasetConfig
from fuelgauge.spec.splits import SplitRule
from fuelgauge.sweep.grid import unsupported

FEWEST_ROWS = 60
SMALL, SMALL_TEST, USUAL_TEST, MOST_TEST = 2_000, 0.2, 0.15, 20_000
REPEATS_OF_SMALL, REPEATS = 50, 20
SMALLEST_SIZE, SMALLEST_OF_LARGE = 16, 12_000
FEWER = 2  # repeats at the sizes that only give the curve its shape


def frame_of(config: DatasetConfig, dataset: Dataset) -> Frame:
    """Return what all contestants on a table share.

    Raises
    ------
    DataError
        The table has too few rows, or its groups or times leave none to train on.
    """
    n_rows = len(dataset.target)
    if n_rows < FEWEST_ROWS:
        raise DataError(
            f"{Path(config.source['path']).name} has {n_rows} different rows with '{config.target}'; "
            f"a comparison of models needs {FEWEST_ROWS} or more."
        )
    split = SplitRule(SMALL_TEST if n_rows < SMALL else USUAL_TEST, MOST_TEST)
    repeats = REPEATS_OF_SMALL if n_rows < SMALL else REPEATS
    varies = bool(config.time or config.group)
    pools = [len(draw(dataset.rows, split, 0, repeat).order) for repeat in range(repeats if varies else 1)]
    return Frame(config, dataset.description, split, repeats, min(pools))


def sizes_of(frame: Frame, dataset: Dataset) -> list[int]:
    """Return the numbers of rows to train on: n/8, n/4, n/2 and n, and smaller ones of a large table.

    A size at which a class has no row in one of the first repeats is left out.

    Raises
    ------
    DataError
        Not even two sizes can be measured.
    """
    n = frame.n_pool
    sizes = [n, n // 2, n // 4, n // 8]
    while sizes[-1] > SMALLEST_OF_LARGE:
        sizes.append(sizes[-1] // 2)
    orders = [draw(dataset.rows, frame.split, frame.seed, repeat).order for repeat in range(FEWER)]
    able = [
        size
        for size in sizes
        if size >= SMALLEST_SIZE and not any(unsupported(dataset, order, size) for order in orders)
    ]
    if n not in able or len(able) < 2:
        reason = next(filter(None, (unsupported(dataset, order, n // 2) for order in orders)), "too few rows")
        raise DataError(
            f"{Path(frame.config.source['path']).name} cannot be divided for a comparison: {reason}."
        )
    return able[::-1]


def order(sizes: Sequence[int], repeats: int) -> Iterator[tuple[int, int]]:
    """Yield size and repeat of a model's trials: the curve, then the two largest sizes repeatedly."""
    half, whole = sizes[-2:]
    yield from ((size, 0) for size in sizes)
    yield from ((whole, 1), (half, 1))
    yield from ((size, 1) for size in sizes[:-2])
    for repeat in range(FEWER, repeats):
        yield from ((whole, repeat), (half, repeat))
