"""Where a learning curve goes from here. Nothing else in this room asks for a forecast."""

from __future__ import annotations

import functools
from typing import NamedTuple

from fuelgauge.claims.statistics.extrapolate import extrapolate

LEVEL = 0.9
WIDE = 1.6448536269514722  # half the width of a 90% interval in standard deviations


class Course(NamedTuple):
    """What is known of a model's learning curve.

    Attributes
    ----------
    name, kind
        Name of the model, and linear, forest, boosted, deep or another family.
    rows, losses
        Numbers of rows, increasing, and the mean loss at each.
    train_losses
        Mean losses on the rows of the fits themselves; empty if one is not known.
    """

    name: str
    kind: str
    rows: tuple[int, ...]
    losses: tuple[float, ...]
    train_losses: tuple[float, ...]


class Forecast(NamedTuple):
    """The loss at a number of rows, and the ends of its 90% interval."""

    rows: int
    loss: float
    low: float
    high: float


@functools.lru_cache(maxsize=512)
def at(course: Course, targets: tuple[int, ...], companions: tuple[Course, ...] = ()) -> tuple[Forecast, ...]:
    """Return the forecast losses of a model.

    Parameters
    ----------
    course
        Learning curve of the model.
    targets
        Numbers of rows to forecast at.
    companions
        Learning curves of other models on the same table.
    """
    found = extrapolate(
        course.rows,
        course.losses,
        targets,
        LEVEL,
        train_loss=course.train_losses or None,
        companions={each.name: (each.rows, each.losses, each.train_losses or None) for each in companions},
        kind=course.kind or None,
    )
    values = found[["loss", "loss_lo", "loss_hi"]].to_numpy(float)
    return tuple(Forecast(n, *map(float, row)) for n, row in zip(targets, values, strict=True))
