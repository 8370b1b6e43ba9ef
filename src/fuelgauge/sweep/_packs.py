"""Train prepared nets of equal shape together, and share out the cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fuelgauge.models.base import Packable
from fuelgauge.sweep.timing import Measured, measure

__all__ = ["train_packs"]


def train_packs(
    models: Sequence[Packable], prepared: Sequence[Measured[Any]], device: str
) -> list[Measured[int]]:
    """Train prepared fits, those of one shape together.

    Parameters
    ----------
    models
        Models of the fits.
    prepared
        Measured preparation of each fit.
    device
        Device of the fits.

    Returns
    -------
    list of Measured
        Number of steps of each fit, measured. Fits that trained together have NaN in place of seconds, CPU
        seconds and memory, and an equal share of the CPU seconds.
    """
    fits: dict[int, Measured[int]] = {}
    for places in of_one_shape(models, prepared):
        pack = train_pack([models[p] for p in places], [prepared[p] for p in places], device)
        fits.update(zip(places, pack, strict=True))
    return [fits[place] for place in range(len(models))]


def of_one_shape(models: Sequence[Packable], prepared: Sequence[Measured[Any]]) -> list[list[int]]:
    """Group the fits that can be trained together; return the indices of the fits in each group."""
    groups: dict[Any, list[int]] = {}
    for place, (model, each) in enumerate(zip(models, prepared, strict=True)):
        shape = model.shape_of(each.value)
        groups.setdefault(shape if shape is not None else place, []).append(place)
    return list(groups.values())


def train_pack(
    models: Sequence[Packable], prepared: Sequence[Measured[Any]], device: str
) -> list[Measured[int]]:
    """Train fits of one shape together, or a single fit alone."""
    starts = [each.value for each in prepared]
    if len(models) == 1:
        training = measure(lambda: models[0].train(starts[0]), device)
        return [prepared[0].then(training)]
    together = measure(lambda: models[0].train_together(models, starts), device)
    return [
        Measured(
            value=steps,
            seconds=math.nan,
            cpu_seconds=math.nan,
            peak_memory_mb=math.nan,
            load=together.load,
            shared_by=len(models),
            shared_cpu_seconds=before.cpu_seconds + together.cpu_seconds / len(models),
        )
        for before, steps in zip(prepared, together.value, strict=True)
    ]
