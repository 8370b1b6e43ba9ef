"""Schemas of conf/model and conf/search: models, and searches for their hyperparameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

__all__ = ["METHODS", "RANGES", "ModelConfig", "Range", "SearchConfig"]

RANGES = ("float", "int", "choice")
METHODS = ("none", "random", "tpe")


@dataclass
class Range:
    """The values that a search may choose for a hyperparameter.

    Parameters
    ----------
    type
        `float` or `int` for numbers, `choice` for one of `values`.
    low
        Smallest number.
    high
        Largest number.
    log
        Whether numbers are drawn on a logarithmic scale.
    step
        Distance between the numbers, counted from `low`; None for any number in the range.
    values
        Values of a `choice`.
    """

    type: str = MISSING
    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = None
    values: list[Any] = field(default_factory=list)


@dataclass
class ModelConfig:
    """One model: the class that fits it, the data that it accepts, and its hyperparameters.

    In `search` and `capacity`, a dotted name stands for one entry of a hyperparameter that is a mapping.

    Parameters
    ----------
    name
        Name of the file in conf/model, without `.yaml`.
    target
        Dotted path of the class.
    family
        Family of the model.
    subfamily
        `forest` or `boosted`, within the family `trees`; empty for none.
    modalities
        Modalities that the model supports.
    tasks
        Tasks that the model supports.
    devices
        Devices that the model supports.
    needs
        Names of the packages that the model imports and that fuelgauge does not bring. Without one of them,
        the model is left out, with that reason.
    max_features
        Largest number of features; datasets with more are skipped, with that reason. None for no limit.
    packed_rows
        Largest n_train at which repeats are trained together, by device, because it saves time there
        (fuelgauge.models.packing).
    flat_until
        Number of rows up to which the cost of a fit hardly depends on n, because a smallest budget of steps
        binds; None where none does. Beyond it, the cost grows in proportion to n.
    refit
        Whether the model is fitted again on all rows of a trial after early stopping and choice. A file that
        says false gives the reason in a comment.
    source
        Source of the default hyperparameters, in one sentence.
    chosen_on
        Names of the datasets in conf/dataset on which a default was chosen. The model is exposed to them.
    pretrained_on
        Data on which a pretrained model was trained before, in one sentence; empty for all other models.
    hyperparameters
        Default values by name.
    search
        Range of each hyperparameter in a search.
    capacity
        Sizes other than the default one, from small to large. Each lists the hyperparameters that it changes.
    """

    name: str = MISSING
    target: str = MISSING
    family: str = MISSING
    subfamily: str = ""
    modalities: list[str] = MISSING
    tasks: list[str] = MISSING
    devices: list[str] = field(default_factory=lambda: ["cpu"])
    needs: list[str] = field(default_factory=list)
    max_features: int | None = None
    packed_rows: dict[str, int] = field(default_factory=dict)
    flat_until: int | None = None
    refit: bool = True
    source: str = ""
    chosen_on: list[str] = field(default_factory=list)
    pretrained_on: str = ""
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    search: dict[str, Range] = field(default_factory=dict)
    capacity: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class SearchConfig:
    """A hyperparameter search, which uses only the rows of an anchor.

    Parameters
    ----------
    name
        Name of the file in conf/search, without `.yaml`.
    method
        `none`, `random` or `tpe`.
    trials
        Number of fits, including the fit with the default values; None for no limit.
    seconds
        Time after which no further fit begins, in seconds; None for no limit.
    """

    name: str = MISSING
    method: str = MISSING
    trials: int | None = None
    seconds: float | None = None
