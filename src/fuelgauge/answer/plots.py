"""Draw an answer with Matplotlib, in the way of scikit-learn's displays."""

from __future__ import annotations

from typing import Any

import numpy as np

from fuelgauge.answer._state import State
from fuelgauge.errors import ConfigError, nearest

__all__ = ["plot"]

STEPS = 40


def plot(state: State, kind: str, ax: Any = None) -> Any:
    """Draw an answer and return the axes.

    Parameters
    ----------
    state
        Answer.
    kind
        `curve`, `cost` or `calibration`.
    ax
        Axes to draw on; None makes new ones.

    Raises
    ------
    ConfigError
        There is no such picture, or the target is a number and has no calibration.
    """
    if kind not in KINDS:
        raise ConfigError(f"There is no plot '{kind}', {nearest(kind, KINDS)}.")
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.subplots()[1]
    KINDS[kind](state, ax)
    return ax


def curve(state: State, ax: Any) -> None:
    """Draw the metric by rows: measured with points, the forecast dashed, and today's rows as a line."""
    found = state.found
    for place, model in enumerate((found.best, *found.rivals)):
        colour = f"C{place}"
        rows, losses = model.course.rows, model.course.losses
        ahead = np.unique(np.geomspace(rows[-1], 10 * found.n_rows, STEPS).astype(int))
        forecast = np.array(found.at(model, ahead.tolist()))
        ax.plot(rows, [found.judged.of(loss) for loss in losses], "o-", color=colour, label=model.title)
        centre, low, high = ([found.judged.of(loss) for loss in column] for column in forecast[:, 1:].T)
        ax.plot(ahead, centre, "--", color=colour)
        ax.fill_between(ahead, low, high, color=colour, alpha=0.12 if place == 0 else 0.04)
    ax.axvline(found.n_rows, color="grey", ls=":", label=f"{found.n_rows:,} rows")
    ax.set(xscale="log", xlabel="rows to train on", ylabel=found.judged.name)
    ax.legend()


def cost(state: State, ax: Any) -> None:
    """Draw the metric by the seconds of a fit, at the largest measured size."""
    found = state.found
    for model in (found.best, *found.rivals):
        ax.plot(model.fit_seconds, found.judged.of(model.loss), "o")
        ax.annotate(model.title, (model.fit_seconds, found.judged.of(model.loss)))
    ax.set(xscale="log", xlabel="CPU seconds of a fit", ylabel=found.judged.name)


def calibration(state: State, ax: Any) -> None:
    """Draw the share of rows that came true by the probability that was said."""
    if state.calibration is None:
        raise ConfigError(
            f"'{state.question.target}' is a number, so there are no probabilities to calibrate."
        )
    ax.plot([0, 1], [0, 1], ":", color="grey")
    ax.plot(state.calibration.said, state.calibration.seen, "o-")
    ax.set(xlabel="probability said", ylabel="share that came true")


KINDS = {"curve": curve, "cost": cost, "calibration": calibration}
