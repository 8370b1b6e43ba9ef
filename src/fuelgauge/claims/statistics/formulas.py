"""Parametric families of learning curves, fitted by least squares.

The families and their names come from two papers: Viering and Loog, "The shape of learning curves: a review"
(IEEE TPAMI 45, 2022); Mohr, Viering, Loog and van Rijn, "LCDB 1.0" (ECML PKDD 2022). Their formulas for
performance, which rises, are turned into formulas for loss, which falls. Each family is linear in one shape:

    loss(n) = asymptote + amplitude * shape(n; theta)

For any theta, the best asymptote and amplitude are known in closed form (variable projection; Golub and
Pereyra, SIAM J. Numer. Anal. 10, 1973). Only the one or two numbers in theta are searched, first on a coarse
grid and then on finer grids around its best cells. The search needs no starting values, cannot diverge, and
gives the same result every time.

Losses cannot be negative, so asymptotes are at least zero. POW3, POW4 and EXP4 can only fall; MMF4 and WBL4
may also rise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fuelgauge.errors import ConfigError, TableError, nearest

__all__ = ["FAMILIES", "fit_family"]

Array = NDArray[np.float64]
Bounds = tuple[tuple[float, float], ...]

COARSE_CELLS = {1: 48, 2: 20}
FINE_CELLS = {1: 9, 2: 5}
STARTS = 3
ZOOMS = 24
ZOOM_FACTOR = 0.6


@dataclass(frozen=True)
class Family:
    """One parametric family: a shape with bounded parameters theta.

    Attributes
    ----------
    name
        Name in the literature.
    shape
        Function that maps the coordinates of theta and n to the values of the shape.
    box
        Function that maps the smallest and largest n of a curve to the bounds of theta.
    name_parameters
        Function that maps asymptote, amplitude and theta to the parameters of the published formula.
    may_rise
        Whether the amplitude may be negative.
    """

    name: str
    shape: Callable[[Array, Array], Array]
    box: Callable[[float, float], Bounds]
    name_parameters: Callable[[float, float, tuple[float, ...]], dict[str, float]]
    may_rise: bool


@dataclass(frozen=True)
class Fit:
    """A family fitted to one learning curve.

    Attributes
    ----------
    name
        Name of the family.
    parameters
        Parameters by the letters of the published formula.
    rmse
        Root mean squared residual, in units of the loss.
    asymptote, amplitude, theta
        Parameters of the same fit, written as asymptote + amplitude * shape(n; theta).
    """

    name: str
    parameters: dict[str, float]
    rmse: float
    asymptote: float
    amplitude: float
    theta: tuple[float, ...]

    def predict(self, n: ArrayLike) -> Array:
        """Return the fitted loss at n, never below zero.

        Parameters
        ----------
        n
            Numbers of training rows, any shape.
        """
        rows = np.asarray(n, dtype=float)
        shape = FAMILIES[self.name].shape(np.array(self.theta), rows)
        return np.maximum(self.asymptote + self.amplitude * shape, 0.0)


def fit_family(name: str, n_train: ArrayLike, loss: ArrayLike) -> Fit:
    """Fit one family to one learning curve by least squares on the loss.

    Parameters
    ----------
    name
        Name of the family. POW3: ``a n^-b + c``; POW4: ``a (n + d)^-b + c``; MMF4:
        ``(a b + c n^d) / (b + n^d)``; EXP4: ``c + exp(b - a n^d)``; WBL4: ``c + b exp(-a n^d)``.
    n_train
        Numbers of training rows, positive; shape (anchors,).
    loss
        Losses, not negative; shape (anchors,).

    Raises
    ------
    ConfigError
        There is no family with this name.
    TableError
        The curve is empty, or the two arrays do not match.
    """
    if name not in FAMILIES:
        raise ConfigError(f"There is no curve family {name!r}; {nearest(name, FAMILIES)}.")
    n, y = np.asarray(n_train, dtype=float), np.asarray(loss, dtype=float)
    if n.ndim != 1 or n.shape != y.shape or n.size == 0:
        raise TableError(f"A family needs one loss per n_train, not shapes {n.shape} and {y.shape}.")
    family = FAMILIES[name]
    theta = _search(family, n, y)
    (asymptote,), (amplitude,), (square,) = _project(family, np.array([theta]), n, y)
    return Fit(
        name=name,
        parameters=family.name_parameters(float(asymptote), float(amplitude), theta),
        rmse=float(np.sqrt(square / n.size)),
        asymptote=float(asymptote),
        amplitude=float(amplitude),
        theta=theta,
    )


def _search(family: Family, n: Array, y: Array) -> tuple[float, ...]:
    """Return the theta with the smallest squared error, by a coarse grid and finer ones at its best cells."""
    box = np.array(family.box(float(n.min()), float(n.max())))
    axes = [np.linspace(low, high, COARSE_CELLS[len(box)]) for low, high in box]
    coarse = _grid(axes)
    best = np.argsort(_squares(family, coarse, n, y), kind="stable")[:STARTS]
    centres, width = coarse[best], (box[:, 1] - box[:, 0]) / COARSE_CELLS[len(box)]
    steps = _grid([np.linspace(-1, 1, FINE_CELLS[len(box)])] * len(box))
    for zoom in range(ZOOMS):
        around = centres[:, None, :] + width * ZOOM_FACTOR**zoom * steps
        around = np.clip(around, box[:, 0], box[:, 1])
        squares = _squares(family, around.reshape(-1, len(box)), n, y).reshape(len(centres), -1)
        centres = around[np.arange(len(centres)), squares.argmin(axis=1)]
    return tuple(float(value) for value in centres[_squares(family, centres, n, y).argmin()])


def _grid(axes: list[Array]) -> Array:
    """Return every combination of the values on some axes, shape (combinations, axes)."""
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)


def _squares(family: Family, theta: Array, n: Array, y: Array) -> Array:
    """Return the squared error of the best fit for every theta, shape (thetas,)."""
    return _project(family, theta, n, y)[2]


def _project(family: Family, theta: Array, n: Array, y: Array) -> tuple[Array, Array, Array]:
    """Return the best allowed asymptote and amplitude for every theta, and their squared error."""
    shape = family.shape(theta.T[:, :, None], n)
    level = shape.mean(axis=1)
    centred = shape - level[:, None]
    spread = (centred**2).sum(axis=1)
    amplitude = _ratio(centred @ y, spread)
    asymptote = y.mean() - amplitude * level
    through_zero = _ratio(shape @ y, (shape**2).sum(axis=1))
    amplitude = np.where(asymptote < 0, through_zero, amplitude)
    asymptote = np.maximum(asymptote, 0.0)
    if not family.may_rise:
        asymptote = np.where(amplitude < 0, y.mean(), asymptote)
        amplitude = np.maximum(amplitude, 0.0)
    squares = ((asymptote[:, None] + amplitude[:, None] * shape - y) ** 2).sum(axis=1)
    return asymptote, amplitude, squares


def _ratio(over: Array, under: Array) -> Array:
    """Return over / under; zero where under is zero."""
    return np.divide(over, under, out=np.zeros_like(over), where=under > np.finfo(float).tiny)


def _pow3(theta: Array, n: Array) -> Array:
    return np.exp(-np.exp(theta[0]) * np.log(n))


def _pow4(theta: Array, n: Array) -> Array:
    return np.exp(-np.exp(theta[0]) * np.log(n + np.exp(theta[1])))


def _mmf4(theta: Array, n: Array) -> Array:
    return 1 / (1 + np.exp(np.exp(theta[0]) * (np.log(n) - theta[1])))


def _wbl4(theta: Array, n: Array) -> Array:
    return np.exp(-np.exp(np.exp(theta[0]) * (np.log(n) - theta[1])))


def _rate(fastest: float) -> tuple[float, float]:
    """Return the bounds of the logarithm of an exponent."""
    return float(np.log(0.02)), float(np.log(fastest))


def _half_way(smallest: float, largest: float) -> tuple[float, float]:
    """Return the bounds of the log of the n at which a sigmoid is half-way: 1000 times beyond the anchors."""
    return float(np.log(smallest / 1000)), float(np.log(largest * 1000))


FAMILIES = {
    family.name: family
    for family in (
        Family(
            "POW3",
            _pow3,
            lambda smallest, largest: (_rate(5.0),),
            lambda c, a, theta: {"a": a, "b": float(np.exp(theta[0])), "c": c},
            may_rise=False,
        ),
        Family(
            "POW4",
            _pow4,
            lambda smallest, largest: (
                _rate(5.0),
                (float(np.log(smallest / 1000)), float(np.log(largest * 10))),
            ),
            lambda c, a, theta: {"a": a, "b": float(np.exp(theta[0])), "c": c, "d": float(np.exp(theta[1]))},
            may_rise=False,
        ),
        Family(
            "MMF4",
            _mmf4,
            lambda smallest, largest: (_rate(5.0), _half_way(smallest, largest)),
            lambda c, fall, theta: {
                "a": c + fall,
                "b": float(np.exp(np.exp(theta[0]) * theta[1])),
                "c": c,
                "d": float(np.exp(theta[0])),
            },
            may_rise=True,
        ),
        Family(
            "EXP4",
            _wbl4,
            lambda smallest, largest: (_rate(5.0), _half_way(smallest, largest)),
            lambda c, fall, theta: {
                "a": float(np.exp(-np.exp(theta[0]) * theta[1])),
                "b": float(np.log(fall)) if fall > 0 else -np.inf,
                "c": c,
                "d": float(np.exp(theta[0])),
            },
            may_rise=False,
        ),
        Family(
            "WBL4",
            _wbl4,
            lambda smallest, largest: (_rate(5.0), _half_way(smallest, largest)),
            lambda c, fall, theta: {
                "a": float(np.exp(-np.exp(theta[0]) * theta[1])),
                "b": fall,
                "c": c,
                "d": float(np.exp(theta[0])),
            },
            may_rise=True,
        ),
    )
}
