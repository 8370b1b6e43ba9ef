"""Checks of a target: whether a model can learn anything from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fuelgauge.errors import DataError

__all__ = ["check_classes", "check_values"]


def check_classes(names: Sequence[object], counts: np.ndarray, task: str, where: str, target: str) -> None:
    """Raise DataError if the classes do not make a classification task.

    Parameters
    ----------
    names
        Names of the classes.
    counts
        Number of rows of each class, shape (classes,).
    task
        binary or multiclass.
    where
        File that describes the dataset, for the message.
    target
        Name of the target column, for the message.
    """
    if len(names) < 2:
        raise DataError(f"{where}: the target '{target}' is constant ({names[0]}).")
    if task == "binary" and len(names) != 2:
        raise DataError(
            f"{where}: the target '{target}' has {len(names)} classes, but the task is binary; "
            "set task: multiclass."
        )
    if counts.min() < 2:
        lonely = names[int(counts.argmin())]
        raise DataError(
            f"{where}: class '{lonely}' of the target '{target}' has a single row; "
            "leave the row out, or merge the class with another."
        )


def check_values(lowest: float, highest: float, where: str, target: str) -> None:
    """Raise DataError if a regression target is constant."""
    if lowest == highest:
        raise DataError(f"{where}: the target '{target}' is constant ({lowest:g}).")
