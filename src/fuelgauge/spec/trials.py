"""Trials: a learning curve, its trials and the plan to run them."""

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

T = TypeVar("T")


@dataclass(frozen=True)
class Curve:
    """One model on one dataset: everything that its trials have in common.

    `hyperparameters` are those of its size. `search` is empty, or says how they are searched:
    method, trials, seconds and ranges. `identity` is what could change a result: the resolved
    settings, the data, the code and the libraries. The names of subfamily, size and search are not part of
    it, nor are `repeats` and `n_pool`, the rows that every repeat has to draw training rows from: more
    repeats change no trial. Up to `packed_rows` rows, repeats may be trained together, which changes
    no more than the order of floating-point sums.
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

    @functools.cached_property
    def identity(self) -> str:
        """A SHA-256 that changes if and only if the results could."""
        about = asdict(self)
        for name in ("subfamily", "repeats", "n_pool", "size", "search_name", "packed_rows"):
            del about[name]
        about["dataset"] = self.dataset.identity
        return sha256_of(about)

    @property
    def name(self) -> str:
        """The name of the contestant."""
        return contestant(self.model, self.dataset.features, self.size, self.search_name)

    @property
    def curve_id(self) -> str:
        """Identity of the means over repeats, for the tracking server."""
        return sha256_of([self.identity, self.repeats])[:16]

    def trial(self, n_train: int, repeat: int) -> Trial:
        """Return the trial at an anchor in a repeat."""
        return Trial(self, n_train, repeat)


@dataclass(frozen=True)
class Trial:
    """One fit: a curve at an anchor in a repeat."""

    curve: Curve
    n_train: int
    repeat: int

    @functools.cached_property
    def trial_id(self) -> str:
        """The identity of the record, 32 hexadecimal digits."""
        return sha256_of([self.curve.identity, self.n_train, self.repeat])[:32]


@dataclass(frozen=True)
class Plan:
    """The trials of a curve: those to run and those that cannot be, with the reason."""

    curve: Curve
    trials: tuple[Trial, ...]
    skipped: tuple[tuple[Trial, str], ...]

    def ended(self, records: Mapping[str, T]) -> list[T]:
        """Return the records of the plan's trials, in their order, from a store's records by trial id."""
        return [records[trial.trial_id] for trial in self.trials if trial.trial_id in records]


def sha256_of(content: Any) -> str:
    """Return the SHA-256 of the canonical JSON of plain data."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=list).encode()).hexdigest()
