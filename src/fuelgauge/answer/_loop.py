"""The loop: run trials, the most telling first, until the time is over or the answer is settled."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from fuelgauge.answer._contestants import BASELINE, SECONDS_A_ROW, Contestant, Frame
from fuelgauge.answer._plan import FEWER, SMALL, order
from fuelgauge.answer._race import LOOKS, behind
from fuelgauge.answer._worker import RUN, Task
from fuelgauge.config.objects import targets
from fuelgauge.spec.trials import Plan, Trial
from fuelgauge.sweep.machine import cores
from fuelgauge.sweep.pool import Failure, WorkerPool
from fuelgauge.sweep.runner import trial_record
from fuelgauge.sweep.store import Record, TrialStore
from fuelgauge.sweep.table import curve_table

GROWTH = 1.05  # a fit on twice the rows is expected to take 2 ** GROWTH times as long
LEAST_GROWTH = 0.7  # the least, whatever small sizes say: they pay for what does not grow with the rows
FITS_OF_A_SIZE = 3  # trials that a model of the first answer needs at the largest size and half of it
SHARE_OF_CORE = 0.5  # of the time that is left, for these
SHARE_OF_NET = 0.7
REPEATS_OF_NET = 2
SHARE_OF_PROBE = 0.25  # of the time, for a fit of unknown cost
LEAST_LIMIT = 20.0
CHEAPEST = 0.05  # seconds that any trial takes
OVERTIME = 2.0
EXTENSION = 3.0  # times the time, if nothing could be compared in it
FIRST_ANSWER = 10.0  # seconds after which the first answer stops waiting for a second repeat
NETS_BY_TIME = ((1500.0, 4), (500.0, 3), (0.0, 2))  # seconds, and the number of nets that take part
LATE = ("time_limit", "worker_died")  # failures that another run may not have


def pool_of(root: str, contestants: Sequence[Contestant]) -> WorkerPool:
    """Return one worker a core, with the modules of the models of the first answer."""
    modules = {each.curve.target.rpartition(".")[0] for each in contestants if each.is_core}
    for each in contestants:
        if each.is_core:
            modules |= {path.rpartition(".")[0] for path in targets(each.curve.hyperparameters)}
    return start_pool(root, sorted(modules))


def start_pool(root: str, modules: Sequence[str]) -> WorkerPool:
    """Return one worker a core; each knows the table in a folder."""
    return WorkerPool(RUN, cores(), 1, modules, variables={"FUELGAUGE_ROOT": root})


@dataclass
class Clock:
    """The time that an answer may take, in seconds.

    Parameters
    ----------
    started
        Moment at which the question was asked, by the monotonic clock.
    budget
        Seconds for the trials.
    """

    started: float
    budget: float

    @property
    def passed(self) -> float:
        """Seconds since the question was asked."""
        return time.monotonic() - self.started

    @property
    def left(self) -> float:
        """Seconds that are left for trials."""
        return self.budget - self.passed


@dataclass(frozen=True)
class Running:
    """A trial that is running: its model and its start."""

    contestant: Contestant
    begun: datetime


class Loop:
    """The trials of a comparison, in the order in which they tell most.

    Each model first gets its curve, then repeats at the two largest sizes. A model
    whose fits are quick has more repeats.

    Parameters
    ----------
    frame
        What all contestants share.
    contestants
        Models, those of the first answer first.
    sizes
        Numbers of rows to train on, increasing.
    store
        Journal of the trials.
    pool
        Workers.
    clock
        Time for all trials.
    tell
        Function that is called after each trial.
    """

    def __init__(
        self,
        frame: Frame,
        contestants: Sequence[Contestant],
        sizes: Sequence[int],
        store: TrialStore,
        pool: WorkerPool,
        clock: Clock,
        tell: Callable[[Loop], None],
    ):
        self.frame, self.contestants = frame, list(contestants)
        self.all_sizes, self.sizes = list(sizes), list(sizes)
        self.store, self.pool, self.clock, self.tell = store, pool, clock, tell
        self.out: dict[str, str] = {}
        self.behind: dict[str, int] = {}  # models that are clearly behind, and the size at which they are
        self.passed: set[str] = set()  # nets that were let in
        self.running: dict[str, Running] = {}
        self.seconds: dict[tuple[str, int], list[float]] = defaultdict(list)
        self.trials: dict[str, tuple[Contestant, Trial]] = {}
        self.interrupted = self.is_extended = False
        for each in self.contestants:
            for trial in self.wanted(each):
                if trial.trial_id in store.records:
                    self.learn(each, trial, store.records[trial.trial_id])
        self.fix_top()

    # what there is

    def wanted(self, contestant: Contestant) -> Iterator[Trial]:
        """Yield the trials of a model, the most telling first."""
        repeats = FEWER if contestant.name == BASELINE else self.frame.repeats
        for size, repeat in order(self.sizes, repeats):
            yield contestant.curve.trial(size, repeat)

    @property
    def top(self) -> int:
        """Largest size."""
        return self.sizes[-1]

    def is_done(self, trial: Trial) -> bool:
        """Return whether a trial has ended well."""
        return self.store.records.get(trial.trial_id, {}).get("status") == "done"

    def losses(self, contestant: Contestant) -> np.ndarray:
        """Return the losses at the largest size of the first repeats that are done without a gap."""
        found = []
        for repeat in range(self.frame.repeats):
            trial = contestant.curve.trial(self.top, repeat)
            if not self.is_done(trial):
                break
            loss = self.store.records[trial.trial_id]["result"]["loss"]
            found.append(np.nan if loss is None else loss)
        return np.array(found, dtype=float)

    @property
    def alive(self) -> list[Contestant]:
        """Models that are still repeated."""
        return [each for each in self.contestants if each.name not in self.out]

    @property
    def is_first_answer(self) -> bool:
        """Whether every model of the first answer has two repeats at the largest size, or time is short."""
        core = [each for each in self.alive if each.is_core]
        wanted = 2 if self.clock.passed < FIRST_ANSWER else 1
        return bool(core) and all(len(self.losses(each)) >= wanted for each in core)

    # the loop

    def run(self) -> None:
        """Run trials until none is wanted or the time is over; Ctrl-C ends it early.

        On a busy machine the time may end before anything can be compared. Then it is extended once.
        """
        try:
            while self.clock.left > 0 or self.extend():
                self.hand_out()
                if not self.running:
                    break
                for task, outcome in self.pool.ended(wait=True):
                    self.take(task, outcome)
                self.tell(self)
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            with contextlib.suppress(KeyboardInterrupt):
                self.pool.abandon()
            self.running = {}

    def extend(self) -> bool:
        """Extend the time if there is no answer yet; return whether there is some time again."""
        measured = defaultdict(set)
        for name, size in self.seconds:
            measured[size].add(name)
        is_answered = any(len(names - {BASELINE}) > 1 for names in measured.values())
        if self.is_extended or is_answered:
            return False
        self.is_extended = True
        self.clock.budget *= EXTENSION
        return self.clock.left > 0

    def hand_out(self) -> None:
        """Give every free worker the trial that is due."""
        while self.pool.free and (due := self.due()):
            contestant, trial = due
            self.running[trial.trial_id] = Running(contestant, datetime.now(UTC))
            self.pool.start(Task(trial), self.limit(contestant))

    def limit(self, contestant: Contestant) -> float:
        """Return the seconds after which a trial is stopped."""
        left = max(0.0, self.clock.left) + OVERTIME
        if contestant.is_own or self.is_unknown(contestant):
            return min(left, max(LEAST_LIMIT, SHARE_OF_PROBE * self.clock.budget))
        return left

    def due(self) -> tuple[Contestant, Trial] | None:
        """Return the trial to run next.

        Numbers of trials go in proportion to one over the square root of their cost, which gives the most
        precise differences for the time (Neyman's allocation with costs; Cochran, Sampling Techniques, 1977,
        section 5.5).
        """
        self.admit()
        for each in sorted(self.entitled(), key=self.turn):
            trial = self.next_of(each)
            if trial and self.expected(each, trial.n_train) <= self.clock.left:
                return each, trial
        return None

    def turn(self, contestant: Contestant) -> float:
        """Return the place of a model in the queue: its trials times the square root of the cost of one."""
        begun = sum(each.contestant is contestant for each in self.running.values())
        ended = sum(len(own) for (name, _), own in self.seconds.items() if name == contestant.name)
        return (begun + ended) * max(self.expected(contestant, self.top), CHEAPEST) ** 0.5

    def entitled(self) -> list[Contestant]:
        """Return the models that may run now: before the first answer those that it waits for."""
        if self.is_first_answer:
            return [each for each in self.alive if not each.is_net or self.may_train(each)]
        core = [each for each in self.alive if each.is_core and len(self.losses(each)) < 2]
        waiting = [each for each in core if self.next_of(each)]
        return waiting or [each for each in self.alive if not each.is_net]

    def may_train(self, net: Contestant) -> bool:
        """Return whether a net may run now: nets leave a worker to the others."""
        busy = [each.contestant for each in self.running.values() if each.contestant.is_net]
        others = [each for each in self.alive if not each.is_net and self.next_of(each)]
        most = self.pool.n_workers - 1 if others else self.pool.n_workers
        is_probed = self.is_unknown(net) and net in busy
        return net.name in self.passed and not is_probed and len(busy) < max(1, most)

    def is_unknown(self, contestant: Contestant) -> bool:
        """Return whether the cost of a net is not known yet."""
        return contestant.is_net and not any(name == contestant.name for name, _ in self.seconds)

    def next_of(self, contestant: Contestant) -> Trial | None:
        """Return the first trial of a model that is neither done nor running."""
        for trial in self.wanted(contestant):
            if trial.trial_id not in self.running and trial.trial_id not in self.store.records:
                return trial
        return None

    def take(self, task: Task, outcome: Any) -> None:
        """Keep the outcome of a trial, and draw the consequences."""
        trial, ended = task.trial, self.running.pop(task.trial.trial_id)
        if isinstance(outcome, Failure):
            self.leave_out(ended, trial, outcome)
            return
        record = trial_record(trial, outcome, ended.begun)
        self.store.append(record)
        self.learn(ended.contestant, trial, record)
        self.fix_top()
        if ended.contestant.is_net and trial.n_train == self.sizes[0]:
            self.judge_net(ended.contestant)
        if trial.n_train == self.top:
            self.race()

    def leave_out(self, ended: Running, trial: Trial, failure: Failure) -> None:
        """Take a model out of the comparison because a trial of it failed, or had no time left."""
        contestant = ended.contestant
        if failure.kind == "time_limit" and self.is_unknown(contestant):
            self.out[contestant.name] = "too slow for this time; give it more --minutes"
            return
        if failure.kind == "time_limit" and not contestant.is_own:
            return
        if failure.kind not in LATE:
            self.store.append(trial_record(trial, failure, ended.begun))
            self.trials[trial.trial_id] = (contestant, trial)
        self.out[contestant.name] = f"failed at {trial.n_train:,} rows: {failure.message}"

    def learn(self, contestant: Contestant, trial: Trial, record: Record) -> None:
        """Take in the costs of a trial that has ended."""
        self.trials[trial.trial_id] = (contestant, trial)
        if record["status"] != "done":
            self.out.setdefault(contestant.name, f"failed: {record['failure']['message']}")
            return
        result = record["result"]
        names = ("fit_seconds", "predict_seconds", "train_loss_seconds")
        seconds = sum(result[name] or 0.0 for name in names)
        self.seconds[contestant.name, trial.n_train].append(seconds)

    # what it costs

    def expected(self, contestant: Contestant, size: int) -> float:
        """Return the seconds that a trial is expected to take; 0 before the first one, except for nets."""
        known = sorted(n for name, n in self.seconds if name == contestant.name)
        if not known:
            return SECONDS_A_ROW.get(contestant.name, 0.0) * size
        nearest = min(known, key=lambda n: abs(np.log(n / size)))
        return self.mean_seconds(contestant, nearest) * (size / nearest) ** self.growth(contestant, known)

    def mean_seconds(self, contestant: Contestant, size: int) -> float:
        """Return the mean seconds of a model's trials at a size."""
        return max(1e-6, float(np.mean(self.seconds[contestant.name, size])))

    def growth(self, contestant: Contestant, known: Sequence[int]) -> float:
        """Return the power of the rows with which the seconds of a trial grow, by the two largest sizes."""
        if len(known) < 2:
            return GROWTH
        small, large = known[-2:]
        seconds = self.mean_seconds(contestant, large) / self.mean_seconds(contestant, small)
        return float(np.clip(np.log(seconds) / np.log(large / small), LEAST_GROWTH, GROWTH))

    def fix_top(self) -> None:
        """Choose the largest size that the time allows, by what trials have taken so far.

        The first trials of a model take longer than later ones. So a size that was given up comes back when
        its trials turn out to be quicker. A model that was clearly behind at a smaller size then races again.
        """
        able = [size for size in self.all_sizes if size <= SMALL or self.is_affordable(size)]
        top = max([*able, self.all_sizes[1]])
        if top > self.top:
            for name in [name for name, size in self.behind.items() if size < top]:
                self.out.pop(name, None)
                del self.behind[name]
        self.sizes = [size for size in self.all_sizes if size <= top]

    def is_affordable(self, size: int) -> bool:
        """Return whether the first answer's models were measured at a size, or can be in the time left."""
        core = [each for each in self.alive if each.is_core]
        if any((each.name, size) in self.seconds for each in core if each.name != BASELINE):
            return True
        needed = FITS_OF_A_SIZE * sum(self.expected(each, size) for each in core)
        return needed <= SHARE_OF_CORE * max(0.0, self.clock.left) * self.pool.n_workers

    def admit(self) -> None:
        """Let the first nets in; each shows its speed at the smallest size."""
        if self.is_first_answer:
            most = next(number for seconds, number in NETS_BY_TIME if self.clock.budget >= seconds)
            for each in [each for each in self.contestants if each.is_net][:most]:
                if each.name not in self.passed and each.name not in self.out:
                    self.passed.add(each.name)
                    self.judge_net(each)

    def judge_net(self, contestant: Contestant) -> None:
        """Take a net out if two repeats of it do not fit into its share of the time that is left."""
        wanted = [n for n in self.sizes if (contestant.name, n) not in self.seconds]
        wanted += [n for n in self.sizes[-2:] for _ in range(REPEATS_OF_NET - 1)]
        needed = sum(self.expected(contestant, n) for n in wanted)
        if needed > SHARE_OF_NET * self.clock.left * self.pool.n_workers:
            minutes = (self.clock.passed + needed / self.pool.n_workers / SHARE_OF_NET) / 60
            self.out[contestant.name] = f"too slow for this time; ask with --minutes {np.ceil(minutes):.0f}"

    def race(self) -> None:
        """Take models out of the race that are clearly behind."""
        racing = {each.name: self.losses(each) for each in self.alive if each.name != BASELINE}
        n_models = len([each for each in self.contestants if each.name != BASELINE])
        for look in LOOKS:
            same = {name: values[:look] for name, values in racing.items() if len(values) >= look}
            same = {name: values for name, values in same.items() if np.isfinite(values).all()}
            for name in behind(same, self.test_share, n_models):
                self.behind.setdefault(name, self.top)
                self.out.setdefault(name, f"clearly behind after {look} repeats")

    @property
    def test_share(self) -> float:
        """Test rows of a repeat over the rows to train on."""
        known = (record["result"].get("n_test") for record in self.done())
        return next((n_test / self.frame.n_pool for n_test in known if n_test), 0.0)

    def done(self) -> Iterable[Record]:
        """Return the records of the trials that have ended well."""
        found = (self.store.records[trial_id] for trial_id in self.trials if trial_id in self.store.records)
        return [record for record in found if record["status"] == "done"]

    def table(self) -> pd.DataFrame:
        """Return the trial table of all models."""
        tables = []
        for each in self.contestants:
            own = tuple(trial for owner, trial in self.trials.values() if owner.name == each.name)
            if own:
                tables.append(curve_table(Plan(each.curve, own, ()), self.store.records))
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
