"""Where a learning curve goes from here. Nothing else in this room asks for a forecast."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from fuelgauge.claims.statistics.extrapolate import extrapolate
from fuelgauge.claims.statistics.forecast_best import forecast_best
from fuelgauge.claims.statistics.forecast_inputs import CONSTANT, KINDS

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
        companions={each.name: told(each) for each in companions},
        kind=kind_of(course),
    )
    values = found[["loss", "loss_lo", "loss_hi"]].to_numpy(float)
    return tuple(Forecast(n, *map(float, row)) for n, row in zip(targets, values, strict=True))


def told(course: Course) -> tuple[tuple[int, ...], tuple[float, ...], tuple[float, ...] | None]:
    """Return a learning curve as the forecast takes it."""
    return course.rows, course.losses, course.train_losses or None


def kind_of(course: Course) -> str | None:
    """Return the kind of a learner if the forecast knows it."""
    return course.kind if course.kind in KINDS else None


def constant(course: Course, loss: float) -> Course:
    """Return the curve of the constant predictor beside that of a model."""
    return Course(CONSTANT, "", course.rows, (loss,) * len(course.rows), ())


class Step(NamedTuple):
    """The forecast change of the logarithm of two losses' ratio, and its standard deviation."""

    change: float
    deviation: float


def steps(courses: tuple[Course, ...], base: str, target: int) -> dict[str, Step]:
    """Return how the loss of each model over that of one of them changes up to a number of rows.

    Parameters
    ----------
    courses
        Learning curves of models, and perhaps that of the constant predictor.
    base
        Model that the others are compared with.
    target
        Number of rows.
    """
    found = {base: Step(0.0, 0.0)}
    models = [each for each in courses if each.name != CONSTANT]
    if len(models) < 2 or not all(any(each.losses) for each in models):
        return found | {each.name: Step(0.0, 0.0) for each in models}
    kinds = {each.name: kind_of(each) for each in models}
    ahead = forecast_best({each.name: told(each) for each in courses}, target, LEVEL, kinds)
    for row in ahead.pairs.to_dict("records"):
        if base in (row["model_a"], row["model_b"]):
            sign = 1.0 if row["model_b"] == base else -1.0
            other = row["model_a"] if row["model_b"] == base else row["model_b"]
            change = sign * float(np.log(row["ratio"] / row["ratio_now"]))
            found[str(other)] = Step(change, float(np.log(row["ratio_hi"] / row["ratio_lo"])) / (2 * WIDE))
    return found
