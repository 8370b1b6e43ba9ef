"""Read from the stores what is done and what is left; mark failed trials for a retry."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from fuelgauge.errors import ConfigError, DataError
from fuelgauge.spec.params import Config
from fuelgauge.sweep.costs import trial_seconds
from fuelgauge.sweep.grid import plan_curve, why_not
from fuelgauge.sweep.store import RETRY, TRIAL, Record, TrialStore, lines_of, store_path

__all__ = ["CurveState", "Outline", "curve_state", "forget_failures"]


@dataclass
class CurveState:
    """The progress of a curve: counts of its trials and the reasons for failures."""

    dataset: str
    model: str
    done: int = 0
    failed: int = 0
    skipped: int = 0
    waiting: list[int] = field(default_factory=list)  # n_train of each trial that has not run
    why_not: str = ""
    is_unprepared: bool = False  # the data are not prepared yet, so the trials are unknown
    failures: list[str] = field(default_factory=list)

    def cells(self) -> list[str]:
        """Return the curve as a row of a table. Trials that are not known yet are a question mark."""
        counts = [self.done, self.failed, self.skipped, "?" if self.is_unprepared else len(self.waiting)]
        return [self.dataset, self.model, *map(str, counts), self.why_not]


@dataclass
class Outline:
    """The parts of a store that status and plan need; the records themselves are not kept in memory.

    Attributes
    ----------
    statuses
        Status of each trial, by trial id.
    failures
        Sentence on each failure, by trial id.
    seconds
        Sum of the seconds of finished trials and their number, by n_train.
    """

    statuses: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    seconds: dict[int, tuple[float, int]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Outline:
        """Read the outline of a store, line by line."""
        outline = cls()
        for record in lines_of(path):
            if record["kind"] == RETRY:
                outline.statuses.pop(record["trial_id"], None)
            elif record["kind"] == TRIAL:
                outline.add(record)
        return outline

    def add(self, record: Record) -> None:
        """Add a trial record."""
        self.statuses[record["trial_id"]] = record["status"]
        if record["status"] == "failed":
            where = f"n={record['n_train']} repeat={record['repeat']}"
            failure = record["failure"]
            self.failures[record["trial_id"]] = f"{where} failed ({failure['kind']}): {failure['message']}"
        else:
            total, count = self.seconds.get(record["n_train"], (0.0, 0))
            self.seconds[record["n_train"]] = (total + trial_seconds(record["result"]), count + 1)

    def means(self) -> dict[int, float]:
        """Return the mean seconds of a trial, by n_train."""
        return {n: total / count for n, (total, count) in sorted(self.seconds.items())}


def curve_state(config: Config, outline: Outline | None = None) -> CurveState:
    """Return the progress of the curve of a configuration.

    Parameters
    ----------
    config
        Configuration of the curve.
    outline
        Outline of the store of the curve. By default it is read from the store.
    """
    state = CurveState(config.dataset.name, config.contestant, why_not=why_not(config) or "")
    if state.why_not:
        return state
    try:
        plan = plan_curve(config)
    except DataError as error:
        state.why_not, state.is_unprepared = str(error), True
        return state
    except ConfigError as error:
        state.why_not = str(error)
        return state
    outline = outline or Outline.read(store_path(state.dataset, state.model))
    found = [trial.trial_id for trial in plan.trials if trial.trial_id in outline.statuses]
    failed = [key for key in found if outline.statuses[key] == "failed"]
    state.failed, state.done = len(failed), len(found) - len(failed)
    state.skipped = len(plan.skipped)
    state.waiting = [trial.n_train for trial in plan.trials if trial.trial_id not in outline.statuses]
    state.failures = [f"{state.dataset}/{state.model} {outline.failures[key]}" for key in failed]
    return state


def forget_failures(configs: Iterable[Config]) -> int:
    """Mark the failed trials of some curves for a retry in their stores; return the number of these trials.

    Failures under earlier settings are left alone, because no run would repeat them.
    """
    wanted: dict[Path, set[str]] = defaultdict(set)
    for config in configs:
        path = store_path(config.dataset.name, config.contestant)
        if why_not(config) is None and path.exists():
            with contextlib.suppress(DataError, ConfigError):  # a curve without a plan has no trials to retry
                wanted[path].update(trial.trial_id for trial in plan_curve(config).trials)
    count = 0
    for path, trial_ids in wanted.items():
        with TrialStore(path) as store:
            found = [key for key in trial_ids if store.records.get(key, {}).get("status") == "failed"]
            for trial_id in found:
                store.append({"kind": RETRY, "trial_id": trial_id})
            count += len(found)
    return count
