"""Check the learning curves that a user hands over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fuelgauge.errors import TableError

__all__ = ["Observed", "read_companions", "read_curve"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Observed:
    """A learning curve with ascending anchors.

    Attributes
    ----------
    n, loss
        Numbers of training rows and mean losses, shape (anchors,).
    train_loss
        Mean training losses, shape (anchors,), or None.
    """

    n: Array
    loss: Array
    train_loss: Array | None = None


def read_curve(
    n_train: ArrayLike, loss: ArrayLike, train_loss: ArrayLike | None = None, of: str = ""
) -> Observed:
    """Return a curve with ascending anchors and the mean of the repeats, after checking it.

    Parameters
    ----------
    n_train, loss, train_loss
        As in `fuelgauge.claims.statistics.extrapolate.extrapolate`.
    of
        Owner of the curve, for messages: for example ``companion 'forest': ``.

    Raises
    ------
    TableError
        The arrays are not a learning curve.
    """
    n, y = _numbers(n_train, f"{of}n_train"), _numbers(loss, f"{of}loss")
    if n.ndim != 1 or n.size == 0 or y.ndim not in (1, 2) or len(y) != len(n) or y.size == 0:
        raise TableError(
            f"{of}A curve needs one loss, or one row of repeats, per n_train: {n.shape}, {y.shape}."
        )
    if not np.isfinite(n).all() or (n <= 0).any():
        raise TableError(f"{of}n_train holds a value that is missing, infinite or not positive.")
    _need_losses(y, f"{of}loss")
    trained = None if train_loss is None else _numbers(train_loss, f"{of}train_loss")
    if trained is not None:
        if trained.shape != y.shape:
            raise TableError(f"{of}train_loss needs the shape of loss, {y.shape}, not {trained.shape}.")
        _need_losses(trained, f"{of}train_loss")
    anchors, place = np.unique(n, return_inverse=True)
    return Observed(anchors, _means(y, place), None if trained is None else _means(trained, place))


def read_companions(
    companions: Mapping[str, Sequence[Any]] | None, role: str = "companion"
) -> dict[str, Observed]:
    """Return the checked curves of other models by name.

    Parameters
    ----------
    companions
        Name to (n_train, loss) or (n_train, loss, train_loss or None).
    role
        Word for such a curve in messages.

    Raises
    ------
    TableError
        A companion is not such a tuple or not a learning curve.
    """
    found = {}
    for name, parts in (companions or {}).items():
        if not isinstance(parts, Sequence) or len(parts) not in (2, 3):
            raise TableError(f"{role} {name!r} must be (n_train, loss, train_loss or None).")
        n_train, loss, train_loss = (*parts, None)[:3]
        found[str(name)] = read_curve(n_train, loss, train_loss, f"{role} {name!r}: ")
    return found


def _numbers(values: ArrayLike, name: str) -> Array:
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise TableError(f"{name} must hold numbers, one list of equal length per anchor.") from error


def _need_losses(values: Array, name: str) -> None:
    if not np.isfinite(values).all() or (values < 0).any():
        raise TableError(f"{name} holds a value that is missing, infinite or negative.")


def _means(values: Array, place: NDArray[np.intp]) -> Array:
    """Return the mean of the repeats at each place."""
    means = values.mean(axis=1) if values.ndim == 2 else values
    return np.asarray(np.bincount(place, weights=means) / np.bincount(place))
