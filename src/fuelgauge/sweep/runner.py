"""Run the trials of learning curves that are not done yet, store each result, then track it."""

from __future__ import annotations

import atexit
import functools
import heapq
import importlib
import itertools
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import psutil

from fuelgauge.config.files import model_modules
from fuelgauge.errors import FuelgaugeError, StoreError, TrialsFailed
from fuelgauge.spec.params import Config, Params
from fuelgauge.spec.trials import Plan, Trial
from fuelgauge.sweep._integrity import check_features
from fuelgauge.sweep._progress import SweepProgress
from fuelgauge.sweep.costs import PastCosts
from fuelgauge.sweep.embedding import embed_once, is_due
from fuelgauge.sweep.grid import cuda_available, packs, plan_curve, why_not
from fuelgauge.sweep.machine import cores
from fuelgauge.sweep.pool import WORKER_DIED, Executor, Failure, WorkerPool
from fuelgauge.sweep.store import SESSION, TRIAL, Record, TrialStore, store_path
from fuelgauge.sweep.table import curve_table, table_path, write_table
from fuelgauge.sweep.timing import fields_after_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Sweep", "prepare_workers", "run_curve", "trial_record", "workers"]

log = logging.getLogger("fuelgauge")

# Trials of one curve at one anchor that a worker runs together.
Task = tuple[Trial, ...]
# Longest time that the end of a sweep waits for slow trackers; `fuelgauge track` sends the rest later.
TRACKING_SECONDS = 60.0
TO_RUN, DONE, SKIPPED, FAILED = "to run", "done", "skipped", "failed earlier"
RUN_TASK = "fuelgauge.sweep.trial:run_together"


class Tracker(Protocol):
    """Shows ended trials while the sweep is running."""

    def add(self, record: Record) -> None:
        """Add a record that is already in the store."""

    def close(self) -> None:
        """Hand over the remaining records, without waiting."""

    def wait(self, until: float) -> None:
        """Wait until all records are written, at most until the monotonic clock reaches `until`."""


# A function that makes the tracker of a curve from the records that are already in the store.
MakeTracker = Callable[[Config, Plan, Iterable[Record]], Tracker]


def run_curve(config: Config, make_tracker: MakeTracker) -> pd.DataFrame | None:
    """Measure one learning curve and write its trial table.

    Parameters
    ----------
    config
        Configuration of the curve.
    make_tracker
        Function that makes the tracker. It is called once, before the first record is added to the store.

    Returns
    -------
    pandas.DataFrame or None
        Trial table of the curve; None if the model cannot be run on the dataset.

    Raises
    ------
    TrialsFailed
        All trials have ended, but some that ran now have failed or could not be stored.
    """
    sweep = Sweep(make_tracker)
    curve = sweep.add(config)
    sweep.finish()
    return curve.table if curve else None


class Sweep:
    """Curves that share the workers: their trials wait in one queue, the longest first.

    Workers start with the first curve that is added and stay busy until the last trial of all curves. A curve
    is closed when its last trial ends.

    Parameters
    ----------
    make_tracker
        Function that makes the tracker of a curve. It is called once per curve, before the first record is
        added to its store.
    """

    def __init__(self, make_tracker: MakeTracker):
        self.make_tracker = make_tracker
        self.curves: dict[str, OpenCurve] = {}
        self.trackers: list[Tracker] = []
        self.waiting: list[tuple[float, int, Task]] = []
        self.numbers = itertools.count()
        self.begun: dict[str, datetime] = {}  # time at which a trial was given to a worker, by trial id
        self.tried_again: set[str] = set()  # ids of trials that a dead worker has cost one attempt
        self.problems: list[str] = []
        self.progress = SweepProgress()
        self.counts: Counter[str] = Counter()  # trials to run, done, skipped and failed earlier
        self.not_run: dict[str, str] = {}  # reason, by name of a curve that cannot be run

    def add(self, config: Config) -> OpenCurve | None:
        """Plan a curve and start its trials; return None if the model cannot be run on the dataset.

        Raises
        ------
        StoreError
            Another process is writing to the store of the curve.
        DataError
            The features of the dataset differ from those that the featurize stage has written, or the encoder
            of the model fails.
        ConfigError
            The executor cannot be used: the cluster does not answer or is too small, or Ray is not installed.
        """
        name = curve_name(config)
        if reason := why_not(config):
            self.not_run[name] = reason
            return None
        check_features(config.dataset.name, config.feature_set.name)
        if name in self.curves or (self.curves and executor_of(config) is not self.executor):
            self.drain()
        curve = OpenCurve(config, plan_curve(config), self.track)
        if curve.todo:
            self.embed(curve)
        self.curves[name] = curve
        self.counts.update(curve.counts())
        if curve.todo:
            self.begin(curve)
        else:
            self.close(curve)
        return curve

    def embed(self, curve: OpenCurve) -> None:
        """Embed the dataset of a curve if its model has an encoder; no trial runs meanwhile."""
        try:
            if is_due(curve.config):
                self.drain()
                embed_once(curve.config)
        except BaseException:
            curve.abandon()
            raise

    def track(self, config: Config, plan: Plan, records: Iterable[Record]) -> Tracker:
        """Make the tracker of a curve, and keep it to wait for it at the end."""
        self.trackers.append(self.make_tracker(config, plan, records))
        return self.trackers[-1]

    def begin(self, curve: OpenCurve) -> None:
        """Put the trials of a curve into the queue and keep the workers busy."""
        if len(self.curves) == 1:
            try:
                self.executor = executor_of(curve.config)
            except FuelgaugeError:
                del self.curves[curve.name]
                curve.abandon()
                raise
        for trial in curve.todo:
            self.progress.expect(self.seconds(trial))
        for task in curve.tasks():
            self.put(task)
        if self.executor.is_ready:
            self.advance(wait=False)

    def finish(self) -> None:
        """Run the remaining trials, close every curve and wait for the trackers.

        Raises
        ------
        TrialsFailed
            All trials have ended, but some have failed or could not be stored.
        """
        self.drain()
        patience_ends = time.monotonic() + TRACKING_SECONDS
        for tracker in self.trackers:
            tracker.wait(patience_ends)
        problems, self.problems, self.trackers = self.problems, [], []
        if problems:
            raise TrialsFailed("\n".join(problems))

    def drain(self) -> None:
        """Run trials until none is left; an interrupt stops the running trials and keeps finished ones."""
        self.announce()
        if not self.curves:
            return
        # All curves are composed and the workers are still importing, so this import costs no time.
        importlib.import_module("pandas")  # writing the tables needs it
        try:
            for curve in self.curves.values():
                curve.track()
            with self.progress:
                while self.curves:
                    self.advance(wait=True)
        finally:
            self.executor.abandon()
            for curve in self.curves.values():
                curve.abandon()
            self.curves, self.waiting, self.progress = {}, [], SweepProgress()

    def announce(self) -> None:
        """Log in one line how many trials are left to run, done and skipped, and what cannot be run."""
        if line := summary_line(self.counts, self.not_run):
            log.info("%s", line)
        self.counts, self.not_run = Counter(), {}

    def advance(self, wait: bool) -> None:
        """Keep the outcomes of ended tasks and hand out waiting tasks."""
        self.hand_out()
        for task, outcome in self.executor.ended(wait):
            self.hand_out()  # workers must not wait for the disk
            self.take(task, outcome)

    def hand_out(self) -> None:
        """Give a task to every free worker."""
        while self.waiting and self.executor.free:
            task = heapq.heappop(self.waiting)[-1]
            self.begun.update(dict.fromkeys((trial.trial_id for trial in task), datetime.now(UTC)))
            self.executor.start(task, self.curves[name_of(task[0])].seconds_allowed(task))

    def put(self, task: Task) -> None:
        """Put a task into the queue: longest tasks first, equal ones in the order of arrival."""
        heapq.heappush(self.waiting, (-sum(map(self.seconds, task)), next(self.numbers), task))

    def take(self, task: Task, outcome: Any) -> None:
        """Keep the outcomes of a task.

        If a pack fails as a whole, its trials run again one by one. A trial whose worker died, perhaps by a
        user or the system, runs once more by itself.
        """
        if name_of(task[0]) not in self.curves:  # the curve has been given up in the meantime
            return
        if isinstance(outcome, Failure) and len(task) > 1:
            log.info(
                "%s: a pack of %d trials failed (%s); each trial runs again alone",
                name_of(task[0]), len(task), outcome.kind,
            )  # fmt: skip
            for trial in task:
                self.put((trial,))
            return
        if isinstance(outcome, Failure) and outcome.kind == WORKER_DIED and self.may_try_again(task[0]):
            log.info(
                "%s: the worker of n=%d repeat=%d died (%s); the trial runs once more",
                name_of(task[0]), task[0].n_train, task[0].repeat, outcome.message,
            )  # fmt: skip
            self.put(task)
            return
        for trial, result in zip(task, [outcome] if isinstance(outcome, Failure) else outcome, strict=True):
            if curve := self.curves.get(name_of(trial)):  # else an earlier trial has ended the curve
                self.keep(curve, trial, result)

    def may_try_again(self, trial: Trial) -> bool:
        """Return whether a trial has not been tried again yet, and remember that it is."""
        is_first = trial.trial_id not in self.tried_again
        self.tried_again.add(trial.trial_id)
        return is_first

    def keep(self, curve: OpenCurve, trial: Trial, outcome: Any) -> None:
        """Keep the outcome of a trial; give up the curve if its store cannot be written."""
        try:
            failed = curve.keep(trial, outcome, self.begun.pop(trial.trial_id))
        except StoreError as error:
            self.give_up(curve, str(error))
            return
        if curve.is_done:
            self.close(curve)
        self.progress.ended(trial, curve.name, self.seconds(trial), failed)

    def close(self, curve: OpenCurve) -> None:
        """Write the trial table of a finished curve."""
        try:
            curve.close()
        except StoreError as error:
            self.give_up(curve, str(error))
            return
        del self.curves[curve.name]
        if curve.failures:
            self.problems.append(failure_message(curve.name, curve.failures))

    def give_up(self, curve: OpenCurve, problem: str) -> None:
        """Drop the waiting trials of a curve; its stored trials are kept."""
        self.problems.append(problem)
        curve.abandon()
        del self.curves[curve.name]
        self.waiting = [entry for entry in self.waiting if name_of(entry[-1][0]) != curve.name]
        heapq.heapify(self.waiting)

    def seconds(self, trial: Trial) -> float:
        """Return the expected duration of a trial, in seconds."""
        return self.costs.expected(trial.curve.dataset.name, trial.curve.name, trial.n_train)

    @functools.cached_property
    def costs(self) -> PastCosts:
        """Costs of past trials."""
        return PastCosts.read()


class OpenCurve:
    """A curve that is being measured: its plan, its locked store and its tracker."""

    def __init__(self, config: Config, plan: Plan, make_tracker: MakeTracker):
        self.config, self.plan = config, plan
        self.name = curve_name(config)
        self.store = TrialStore(store_path(config.dataset.name, config.contestant)).__enter__()
        self.todo = pending(plan, self.store)
        self.n_waiting = len(self.todo)
        self.failures: list[Record] = []
        self.make_tracker = make_tracker

    def tasks(self) -> Iterable[Task]:
        """Return the waiting trials as tasks: packed if the executor allows it, else one by one."""
        return packs(self.todo) if self.config.executor.pack == "auto" else [(trial,) for trial in self.todo]

    def counts(self) -> dict[str, int]:
        """Return how many trials are left to run, done, skipped and failed earlier."""
        known = self.plan.ended(self.store.records)
        failed = sum(record["status"] == "failed" for record in known)
        return {
            TO_RUN: len(self.todo),
            DONE: len(known) - failed,
            SKIPPED: len(self.plan.skipped),
            FAILED: failed,
        }

    def seconds_allowed(self, task: Task) -> float | None:
        """Return the time limit of a task in seconds, or None."""
        each = self.config.executor.trial_seconds
        return None if each is None else each * len(task)

    @functools.cached_property
    def tracker(self) -> Tracker:
        """Tracker of the curve; it starts with the trials that ended in earlier runs."""
        return self.make_tracker(self.config, self.plan, self.plan.ended(self.store.records))

    def track(self) -> None:
        """Make the tracker, if it has not been made yet."""
        _ = self.tracker

    def keep(self, trial: Trial, outcome: Any, begun: datetime) -> bool:
        """Store and track the outcome of a trial; return whether it failed."""
        self.track()  # the tracker must be made before the store gets new records
        record = trial_record(trial, outcome, begun)
        self.store.append(record)
        self.tracker.add(record)
        self.n_waiting -= 1
        if record["status"] == "failed":
            self.failures.append(record)
        return record["status"] == "failed"

    @property
    def is_done(self) -> bool:
        """Whether all trials of the curve have ended."""
        return self.n_waiting == 0

    def close(self) -> None:
        """Write the trial table, then close the tracker and the store.

        Raises
        ------
        StoreError
            The table cannot be written.
        """
        self.table = curve_table(self.plan, self.store.records)
        path = table_path(self.plan.curve)
        try:
            write_table(self.table, path)
        except OSError as error:
            raise StoreError(
                f"{path} cannot be written ({error}); its trials are kept in the store."
            ) from error
        if self.todo:
            self.store.append(session_record())
        self.abandon()

    def abandon(self) -> None:
        """Close the tracker and the store as they are."""
        self.tracker.close()
        self.store.close()


def curve_name(config: Config) -> str:
    """Return the name of a curve in messages, such as `letter/mlp`."""
    return f"{config.dataset.name}/{config.contestant}"


def name_of(trial: Trial) -> str:
    """Return the name of a trial's curve."""
    return f"{trial.curve.dataset.name}/{trial.curve.name}"


def pending(plan: Plan, store: TrialStore) -> list[Trial]:
    """Return the trials without a record, the largest anchors first."""
    missing = [trial for trial in plan.trials if trial.trial_id not in store.records]
    return sorted(missing, key=lambda trial: (-trial.n_train, trial.repeat))


def summary_line(counts: Mapping[str, int], not_run: Mapping[str, str]) -> str:
    """Return the counts of trials, and what cannot be run, as one line; empty if there is neither."""
    parts = []
    if sum(counts.values()):
        shown = [f"{counts[key]} {key}" for key in (DONE, SKIPPED, FAILED) if counts[key] or key == DONE]
        parts.append(", ".join([f"{counts[TO_RUN]} trials to run", *shown]))
    if counts[FAILED]:
        parts.append("to run failed trials again: fuelgauge retry")
    if len(not_run) == 1:
        ((name, reason),) = not_run.items()
        parts.append(f"{name} is not run: {reason}")
    elif not_run:
        parts.append(f"{len(not_run)} curves are not run (for the reasons: fuelgauge status)")
    return "; ".join(parts)


def prepare_workers(params: Params | None) -> None:
    """Let workers start their imports if a dataset has no trial yet, because trials will then run."""
    if params is None:
        return
    is_known = (any(store_path(name, "").parent.glob("*.trials")) for name in params.datasets)
    if not all(is_known) and (params.device == "cpu" or not cuda_available()):
        n_workers = max(1, cores() // params.threads)
        shared_pool(n_workers, params.threads, model_modules(tuple(params.models)), forks=True)


def executor_of(config: Config) -> Executor:
    """Return the executor of a curve; curves with the same settings share one."""
    chosen = config.executor
    if chosen.kind == "ray":
        return shared_cluster(chosen.address, chosen.workers, config.threads, chosen.gpus)
    forks = config.device == "cpu" or not cuda_available()
    return shared_pool(workers(config), config.threads, model_modules(tuple(config.models)), forks)


_pools: dict[tuple[int, int, bool], WorkerPool] = {}


def shared_pool(n_workers: int, threads: int, modules: tuple[str, ...], forks: bool) -> WorkerPool:
    """Return the worker pool of this process; its workers stay alive between sweeps.

    The `modules` of the first sweep are imported in advance. Tasks of later sweeps import others themselves.
    """
    key = (n_workers, threads, forks)
    if key not in _pools:
        _pools[key] = WorkerPool(RUN_TASK, n_workers, threads, modules, forks)
        atexit.register(_pools[key].close)
    return _pools[key]


@functools.cache
def shared_cluster(address: str | None, num_cpus: int | None, threads: int, gpus: float) -> Executor:
    """Return the Ray cluster of this process."""
    from fuelgauge.sweep._ray_cluster import RayCluster

    cluster = RayCluster(RUN_TASK, address, num_cpus, threads, gpus)
    atexit.register(cluster.close)
    return cluster


def workers(config: Config) -> int:
    """Return the number of trials that run in parallel."""
    return config.executor.workers or max(1, cores() // config.threads)


def trial_record(trial: Trial, outcome: Any, begun: datetime) -> Record:
    """Return the store record of an ended trial; `begun` is the time at which a worker received it."""
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
        "started_at": begun.isoformat(timespec="seconds"),
        **session_time(),
    }


def none_if_nan(value: Any) -> Any:
    """Return None for NaN, which JSON cannot hold, and any other value unchanged."""
    return None if isinstance(value, float) and value != value else value


def session_record() -> Record:
    """Return the store record of a session: its duration so far and its number of cores."""
    return {"kind": SESSION, **session_time()}


def session_time() -> Record:
    """Return the identity of this process, the seconds since it started (with imports) and its cores."""
    age = seconds_since_start()
    return {"session": f"{os.getpid()}-{session_start():.2f}", "elapsed": age, "cores": cores()}


@functools.cache
def session_start() -> float:
    """Return the start time of this process, in seconds since 1970."""
    return time.time() - seconds_since_start()


def seconds_since_start() -> float:
    """Return the age of this process in seconds.

    On Linux, psutil is accurate to a second only, because it adds the boot time of the machine, which is kept
    in whole seconds. The kernel's clock since boot is accurate to a hundredth of a second.
    """
    if sys.platform != "linux":
        return time.time() - psutil.Process().create_time()
    started = int(fields_after_name(os.getpid())[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def failure_message(name: str, failures: list[Record]) -> str:
    """Return the error message about failed trials."""
    first = failures[0]
    example = f"n={first['n_train']} repeat={first['repeat']}: {first['failure']['message']}"
    return (
        f"{len(failures)} trial(s) of {name} failed, the others are kept ({example}); to continue without "
        "the failed trials, run the pipeline again; to repeat them, run `fuelgauge retry` first."
    )
