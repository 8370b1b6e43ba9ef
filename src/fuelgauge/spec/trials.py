"""Learning curves, their trials, and the plan of the trials to run."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from fuelgauge.spec.description import Description
from fuelgauge.spec.names import DEFAULT_SIZE, NO_SEARCH, contestant
from fuelgauge.spec.splits import SplitRule

__all__ = ["Curve", "Plan", "Trial"]

T = TypeVar("T")
# Fields of a curve that cannot change a result.
NOT_IN_IDENTITY = (
    "subfamily", "repeats", "n_pool", "size", "search_name", "packed_rows", "exposed", "keep_predictions",
)  # fmt: skip


@dataclass(frozen=True)
class Curve:
    """One contestant on one dataset: everything that its trials have in common.

    Parameters
    ----------
    hyperparameters
        Values by name, those of the curve's size.
    repeats
        Number of repeats.
    n_pool
        Number of rows from which every repeat can draw training rows.
    code
        Fingerprint of the code that can change a result.
    search
        Method, trials, seconds and ranges of the hyperparameter search; empty without a search.
    versions
        Versions of the libraries, by name.
    packed_rows
        Largest n_train at which repeats may be trained together. This changes only the order of
        floating-point sums.
    refit
        Whether the best fit is followed by a fit on all rows of a trial.
    exposed
        Whether a default of the model was chosen on this dataset.
    keep_predictions
        Largest number of predicted numbers that the record of a trial keeps.

    Notes
    -----
    `identity` covers everything that could change a result: the resolved settings, the data, the code and the
    libraries. It does not cover the names of subfamily, size and search, nor `repeats`, `n_pool`,
    `packed_rows`, `exposed` and `keep_predictions`. More repeats, for example, do not change the trials that
    exist.
    """

    dataset: Description
    model: str
    family: str
    subfamily: str
    target: str
    hyperparameters: Mapping[str, Any]
    split: SplitRule
    seed: int
    device: str
    threads: int
    repeats: int
    n_pool: int
    code: str
    size: str = DEFAULT_SIZE
    search_name: str = NO_SEARCH
    search: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    packed_rows: int = 0
    refit: bool = True
    exposed: bool = False
    keep_predictions: int = 0

    @functools.cached_property
    def identity(self) -> str:
        """SHA-256 that changes if and only if a result could change."""
        about = asdict(self)
        for name in NOT_IN_IDENTITY:
            del about[name]
        about["dataset"] = self.dataset.identity
        return sha256_of(about)

    @property
    def name(self) -> str:
        """Name of the contestant."""
        return contestant(self.model, self.dataset.features, self.size, self.search_name)

    @property
    def curve_id(self) -> str:
        """Identity of the means over repeats, for the tracking server; 16 hexadecimal digits."""
        return sha256_of([self.identity, self.repeats])[:16]

    def trial(self, n_train: int, repeat: int) -> Trial:
        """Return the trial at an anchor in a repeat."""
        return Trial(self, n_train, repeat)


@dataclass(frozen=True)
class Trial:
    """One model at one anchor in one repeat."""

    curve: Curve
    n_train: int
    repeat: int

    @functools.cached_property
    def trial_id(self) -> str:
        """Identity of the record in the trial store, 32 hexadecimal digits."""
        return sha256_of([self.curve.identity, self.n_train, self.repeat])[:32]


@dataclass(frozen=True)
class Plan:
    """The trials of a curve: those to run, and those that cannot be run, with the reason."""

    curve: Curve
    trials: tuple[Trial, ...]
    skipped: tuple[tuple[Trial, str], ...]

    def ended(self, records: Mapping[str, T]) -> list[T]:
        """Return the records of the trials that have ended, in the order of the plan.

        Parameters
        ----------
        records
            Records of a trial store by trial id.
        """
        return [records[trial.trial_id] for trial in self.trials if trial.trial_id in records]


def sha256_of(content: Any) -> str:
    """Return the SHA-256 of the canonical JSON of plain data."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=list).encode()).hexdigest()
