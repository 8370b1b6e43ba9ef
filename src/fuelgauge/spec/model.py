"""Models and searches, as conf/ describes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

RANGES = ("float", "int", "choice")
METHODS = ("none", "random", "tpe")


@dataclass
class Range:
    """What a search may choose for a hyperparameter.

    Numbers (`float`, `int`) from `low` to `high`, on a logarithmic scale with `log`, whole multiples
    of `step` above `low` with `step`; or one of `values` (`choice`).
    """

    type: str = MISSING
    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = None
    values: list[Any] = field(default_factory=list)


@dataclass
class ModelConfig:
    """One contestant: the class that fits it, what it can take and its hyperparameters.

    `search` gives the ranges of a hyperparameter search and `capacity` the sizes beside the default
    one, from small to large, each as the hyperparameters that it changes. A dotted name reaches into
    a hyperparameter that is a mapping. A dataset of more than `max_features` features is skipped, with
    that reason. `packed_rows` is, by device, the largest n_train at which repeats are trained together
    (fuelgauge.models.packing), where it pays. `pretrained_on` says in a sentence what a pretrained model has
    seen before: labels are not all that it learned from.
    """

    name: str = MISSING
    target: str = MISSING
    family: str = MISSING
    subfamily: str = ""
    modalities: list[str] = MISSING
    tasks: list[str] = MISSING
    devices: list[str] = field(default_factory=lambda: ["cpu"])
    max_features: int | None = None
    packed_rows: dict[str, int] = field(default_factory=dict)
    pretrained_on: str = ""
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    search: dict[str, Range] = field(default_factory=dict)
    capacity: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class SearchConfig:
    """How hyperparameters are searched within the rows of an anchor: `none`, `random` or `tpe`.

    Either `trials` fits, the default among them, or fits until they have taken `seconds`.
    """

    name: str = MISSING
    method: str = MISSING
    trials: int | None = None
    seconds: float | None = None
