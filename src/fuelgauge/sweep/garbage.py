"""Find and delete records that no current configuration needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fuelgauge.errors import ConfigError, DataError, StoreError
from fuelgauge.spec.params import Config
from fuelgauge.spec.trials import Curve
from fuelgauge.sweep.grid import plan_curve, why_not
from fuelgauge.sweep.store import TrialStore, read_store, store_path, stores

__all__ = ["drop", "garbage"]


@dataclass(frozen=True)
class Garbage:
    """The trials of a store that are not needed, and the number of trials that are."""

    path: Path
    trial_ids: frozenset[str]
    n_kept: int

    def __str__(self) -> str:
        rest = f"{self.n_kept:,} are kept" if self.n_kept else "there are no others"
        return f"{len(self.trial_ids):,} records belong to no current curve, {rest}"


def garbage(configs: Iterable[Config], everything: bool = False) -> list[Garbage]:
    """Return the records in the stores that belong to none of the given curves.

    Trials at anchors or in repeats that are not wanted any more are kept as long as their curve is wanted. If
    a curve cannot be planned, for example because its dataset is not featurized, its store is left alone.

    Parameters
    ----------
    configs
        Configurations of all wanted curves.
    everything
        Whether to include stores that belong to none of the wanted curves. Otherwise, only records that a
        change of code, data or settings has left behind are returned.
    """
    curves: dict[Path, list[Curve]] = defaultdict(list)
    unknown: set[Path] = set()
    for config in configs:
        if why_not(config) is None:
            path = store_path(config.dataset.name, config.contestant)
            try:
                curves[path].append(plan_curve(config).curve)
            except (ConfigError, DataError):
                unknown.add(path)
    chosen = (p for p in stores() if p not in unknown and (everything or p in curves))
    found = (garbage_of(path, curves[path]) for path in chosen)
    return [heap for heap in found if heap.trial_ids]


def garbage_of(path: Path, curves: Iterable[Curve]) -> Garbage:
    """Return the trials of a store that belong to none of the given curves."""
    records = read_store(path)[0]
    unasked = frozenset(
        key
        for key, record in records.items()
        if all(curve.trial(record["n_train"], record["repeat"]).trial_id != key for curve in curves)
    )
    return Garbage(path, unasked, len(records) - len(unasked))


def drop(found: Iterable[Garbage]) -> tuple[int, list[str]]:
    """Rewrite each store without its garbage; remove stores that contain nothing else.

    Returns
    -------
    n_dropped : int
        Number of deleted records.
    problems : list of str
        Sentence on each store that could not be written and is unchanged.
    """
    n_dropped, problems = 0, []
    for heap in found:
        try:
            with TrialStore(heap.path) as store:
                store.forget(heap.trial_ids)
                if not store.records:
                    heap.path.unlink()
        except StoreError as error:
            problems.append(str(error))
        else:
            n_dropped += len(heap.trial_ids)
    return n_dropped, problems
