"""Run a learning curve: what is done is skipped, what ends is stored, what is stored is tracked."""

from __future__ import annotations

import atexit
import functools
import logging
import os
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Protocol

import pandas as pd
import psutil

from fuelgauge.config import Config
from fuelgauge.errors import TrialsFailed
from fuelgauge.sweep.grid import Plan, Trial, plan_curve, why_not
from fuelgauge.sweep.pool import Failure, WorkerPool
from fuelgauge.sweep.progress import SweepProgress
from fuelgauge.sweep.store import SESSION, TRIAL, Record, TrialStore, store_path
from fuelgauge.sweep.table import curve_table, table_path, write_table
from fuelgauge.sweep.trial import run_trial

log = logging.getLogger("fuelgauge")


class Tracker(Protocol):
    """Where ended trials are shown while the sweep goes on."""

    def add(self, record: Record) -> None:
        """Take a record that is safe in the store."""

    def close(self) -> None:
        """Hand over what is left."""


# Makes the tracker of a curve from the records that the store has already.
MakeTracker = Callable[[Config, Plan, Iterable[Record]], Tracker]


def run_curve(config: Config, make_tracker: MakeTracker) -> pd.DataFrame | None:
    """Measure one learning curve and write its trial table.

    Parameters
    ----------
    config
        The dataset, the model and the parameters.
    make_tracker
        Called once, before the first trial.

    Returns
    -------
    pandas.DataFrame or None
        The trial table of the curve; None where the model cannot be run on the dataset.

    Raises
    ------
    TrialsFailed
        All trials have ended, but some that were run now have failed.
    StoreError
        The store cannot be written; what was stored before is safe.
    """
    name = f"{config.dataset.name}/{config.contestant}"
    if reason := why_not(config):
        log.info("%-18s not run: %s", name, reason)
        return None
    plan = plan_curve(config)
    with TrialStore(store_path(config.dataset.name, config.contestant)) as store:
        todo = pending(plan, store)
        announce(name, plan, store, todo)
        tracker = make_tracker(config, plan, plan.ended(store.records))
        failures = run_trials(name, todo, store, tracker, config)
        tracker.close()
        table = curve_table(plan, store.records)
        write_table(table, table_path(plan.curve))
        if todo:
            store.append(session_record())
    if failures:
        raise TrialsFailed(failure_message(name, failures))
    return table


def pending(plan: Plan, store: TrialStore) -> list[Trial]:
    """Return the trials without a record, the longest first."""
    missing = [trial for trial in plan.trials if trial.trial_id not in store.records]
    return sorted(missing, key=lambda trial: (-trial.n_train, trial.repeat))


def announce(name: str, plan: Plan, store: TrialStore, todo: list[Trial]) -> None:
    """Say what is done, skipped and left to do."""
    known = plan.ended(store.records)
    failed = sum(record["status"] == "failed" for record in known)
    log.info(
        "%-18s %d trials to run, %d done, %d skipped%s",
        name, len(todo), len(known) - failed, len(plan.skipped),
        f", {failed} failed before (run them again with: fuelgauge retry)" if failed else "",
    )  # fmt: skip


def run_trials(
    name: str, todo: list[Trial], store: TrialStore, tracker: Tracker, config: Config
) -> list[Record]:
    """Run trials side by side, store and track each as it ends; return the failed ones."""
    if not todo:
        return []
    failures = []
    pool = shared_pool(workers(config), config.threads)
    with SweepProgress(name, todo) as progress:
        for trial, outcome in pool.run(todo, config.executor.trial_seconds):
            record = trial_record(trial, outcome)
            store.append(record)
            tracker.add(record)
            progress.ended(trial, failed=record["status"] == "failed")
            if record["status"] == "failed":
                failures.append(record)
    return failures


@functools.cache
def shared_pool(n_workers: int, threads: int) -> WorkerPool:
    """Return the pool of this process: the curves of a multirun use the same workers."""
    pool = WorkerPool(run_trial, n_workers, threads)
    atexit.register(pool.close)
    return pool


def workers(config: Config) -> int:
    """Return how many trials run side by side."""
    return config.executor.workers or max(1, cores() // config.threads)


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def trial_record(trial: Trial, outcome: Any) -> Record:
    """Return what the store keeps of an ended trial."""
    failed = isinstance(outcome, Failure)
    return {
        "kind": TRIAL,
        "trial_id": trial.trial_id,
        "dataset": trial.curve.dataset.name,
        "model": trial.curve.name,
        "n_train": trial.n_train,
        "repeat": trial.repeat,
        "status": "failed" if failed else "done",
        "failure": vars(outcome) if failed else None,
        "result": {} if failed else {k: none_if_nan(v) for k, v in outcome.items()},
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        **session_time(),
    }


def none_if_nan(value: Any) -> Any:
    """Return None for a number that JSON cannot hold."""
    return None if isinstance(value, float) and value != value else value


def session_record() -> Record:
    """Return what the store keeps of a session: how long it has lasted, on how many cores."""
    return {"kind": SESSION, **session_time()}


def session_time() -> Record:
    """Return the identity of this process and the seconds since it was started, imports included."""
    started = psutil.Process().create_time()
    return {"session": f"{os.getpid()}-{started:.2f}", "elapsed": time.time() - started, "cores": cores()}


def failure_message(name: str, failures: list[Record]) -> str:
    """Return the one sentence about failed trials."""
    first = failures[0]
    example = f"n={first['n_train']} repeat={first['repeat']}: {first['failure']['message']}"
    return (
        f"{len(failures)} trial(s) of {name} failed, the others are kept ({example}); run the pipeline "
        "again to go on without them, or after `fuelgauge retry` to give them another chance."
    )
