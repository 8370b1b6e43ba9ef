"""Ask which model is best for a table, and whether more data would change that."""

from __future__ import annotations

import contextlib
import shutil
import time as clocks
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fuelgauge.answer import _lines
from fuelgauge.answer._contestants import Contestant, Frame, contestants
from fuelgauge.answer._fitted import Fitted, write_about
from fuelgauge.answer._loop import Clock, Loop, pool_of
from fuelgauge.answer._plan import frame_of, sizes_of
from fuelgauge.answer._question import Question, Workplace, latest
from fuelgauge.answer._rows import Prepared, prepare, write_frame
from fuelgauge.answer._standing import findings
from fuelgauge.answer._state import State
from fuelgauge.answer._trust import calibration, rarest
from fuelgauge.answer._worker import Explain, FitAll
from fuelgauge.errors import ConfigError, DataError, FuelgaugeError, StoreError
from fuelgauge.files import whole
from fuelgauge.intake.add import name_of
from fuelgauge.spec.trials import Trial
from fuelgauge.sweep.pool import Failure, WorkerPool
from fuelgauge.sweep.store import TrialStore
from fuelgauge.sweep.table import write_table

__all__ = ["Answer", "answered", "ask", "go_on", "load"]

MINUTES = 3.0
FRAME_NAME = "table"
SHARE_FOR_THE_END = 0.12
LEAST_FOR_THE_END = 2.0
LONGEST_FIT = 60.0
BETWEEN_LOOKS = 3.0
SHARE_OF_LAST_FIT = 0.25
TABLE = (
    "model", "loss", "low", "high", "gap", "gap_low", "gap_high", "repeats", "wins", "p_now", "p_double",
    "fit_seconds", "predict_ms", "note",
)  # fmt: skip


class Answer(State):
    """The answer about a table: which model, and what more data would bring.

    In a notebook it shows the head of its page.
    """

    @property
    def headline(self) -> str:
        """The answer in one or two sentences."""
        return _lines.headline(self.found)

    @property
    def summary(self) -> str:
        """The answer in about twenty lines."""
        return "\n".join(_lines.lines(self))

    @property
    def table(self) -> pd.DataFrame:
        """One row per model, the best first: its loss with a 90% interval and the gap to the best model.

        `gap` is the mean loss over that of the best model on the same repeats, minus 1.
        """
        found = self.found
        rows = [
            {
                **{name: getattr(each, name) for name in TABLE},
                "loss_double": found.at(each, found.targets[1:2])[0].loss,
            }
            for each in found.standings
        ]
        table = pd.DataFrame(rows)
        table[["gap", "gap_low", "gap_high"]] = np.expm1(table[["gap", "gap_low", "gap_high"]])
        return table.set_index("model")

    @property
    def best_(self) -> Fitted:
        """The best model, fitted on all rows; it has `name`, `predict` and `predict_proba`.

        Raises
        ------
        DataError
            The model was not stored; the message says why.
        """
        if self.final.get("why_not") or not self.place.model.is_dir():
            raise DataError(f"There is no stored model: {self.final.get('why_not') or 'it was not fitted'}.")
        return Fitted(self.place.model)

    @property
    def columns(self) -> pd.DataFrame:
        """One row per column: the share that it explains alone, and the loss's rise when it is shuffled."""
        names = dict.fromkeys([*self.importance, *self.alone])
        rows = {name: (self.alone.get(name, np.nan), self.importance.get(name, np.nan)) for name in names}
        table = pd.DataFrame.from_dict(rows, orient="index", columns=["alone", "importance"])
        return table.sort_values("importance", ascending=False)

    def at(self, rows: int) -> pd.DataFrame:
        """Return the loss of each model at a number of rows, with its 90% interval.

        Parameters
        ----------
        rows
            Number of rows to train on; beyond the largest measured size it is a forecast.
        """
        found = {each.model: self.found.at(each, [rows])[0][1:] for each in self.found.standings}
        return pd.DataFrame.from_dict(found, orient="index", columns=["loss", "low", "high"])

    def rows_for(self, **metric: float) -> pd.DataFrame:
        """Return the rows at which each model reaches a metric, with the ends of a 90% interval.

        Parameters
        ----------
        metric
            The metric of the table and the wanted value, as in `rows_for(roc_auc=0.86)`. A number of rows is
            infinite if the forecast does not reach it within a thousand times the rows of the table.

        Raises
        ------
        ConfigError
            The table is judged by another metric.
        """
        judged = self.found.judged
        if list(metric) != [judged.metric]:
            raise ConfigError(
                f"The table is judged by {judged.metric}; ask for rows_for({judged.metric}=...)."
            )
        loss = judged.of(metric[judged.metric])
        rows = {each.model: self.found.rows_for(each, loss) for each in self.found.standings}
        return pd.DataFrame.from_dict(rows, orient="index", columns=["rows", "least", "most"])

    def value_of_label(self, price: float | None = None) -> dict[str, Any]:
        """Return what twice the labels would bring, and cost.

        The gain is that of the model which is then the likeliest to be the best, over the best one of today.

        Parameters
        ----------
        price
            Price of one label; None for that of the question.

        Returns
        -------
        dict
            `labels`: their number. `model` and `probability`: the likeliest best model at twice the rows.
            `change`, `change_low` and `change_high`: relative change of the loss. `cost`, and
            `cost_per_percent` of the loss, infinite if nothing is gained.
        """
        given = self.question.label_price if price is None else price
        ahead = self.found.ahead
        spent = self.found.n_rows * (given or 0.0)
        return {
            "labels": self.found.n_rows,
            "model": ahead.model.model,
            "probability": ahead.probability,
            "change": ahead.change,
            "change_low": ahead.low,
            "change_high": ahead.high,
            "cost": spent,
            "cost_per_percent": spent / (-100 * ahead.change) if ahead.change < 0 else float("inf"),
        }

    def refine(self, minutes: float = MINUTES) -> Answer:
        """Go on for some more minutes and return the better answer."""
        return answered(self.question, self.place, minutes, self.objects, quiet)

    def to_html(self, path: Path | str | None = None) -> Path:
        """Write the page of the answer and return its path."""
        from fuelgauge.answer.page import write_page

        return write_page(self, Path(path) if path else self.place.page)

    def plot(self, kind: str = "curve", ax: Any = None) -> Any:
        """Draw the answer and return the axes.

        Parameters
        ----------
        kind
            `curve` for the metric by rows with the forecast, `cost` for the loss by seconds of a fit, or
            `calibration` for what was said and what came true.
        ax
            Axes to draw on; None makes new ones.
        """
        from fuelgauge.answer.plots import plot

        return plot(self, kind, ax)

    def _repr_html_(self) -> str:
        from fuelgauge.answer.page import head

        return head(self)

    def __repr__(self) -> str:
        return self.summary


def load(folder: Path | str) -> Fitted:
    """Return the best model of an answer from its folder, `ask_<name>.model`.

    Raises
    ------
    DataError
        The folder holds no model of an answer.
    """
    path = Path(folder)
    if not path.is_dir():
        raise DataError(f"{path} holds no model; `ask` writes it as ask_<name>.model.")
    return Fitted(path)


def quiet(_: Answer, __: bool) -> None:
    """Show nothing."""


def ask(
    data: pd.DataFrame | Path | str | Any,
    target: str | Any = "",
    *,
    time: str | None = None,
    group: str | None = None,
    text: str | None = None,
    drop: Sequence[str] = (),
    metric: str = "",
    minutes: float = MINUTES,
    label_price: float | None = None,
    core_hour: float | None = None,
    models: Mapping[str, Any] | None = None,
    folder: Path | str = ".",
    name: str = "",
) -> Answer:
    """Ask which model is best for a table, and whether more data would change that.

    Parameters
    ----------
    data
        DataFrame, path of a CSV, Parquet or Arrow file, or an array of shape (rows, columns).
    target
        Name of the column to predict, or its values, shape (rows,).
    time, group, text
        Columns of time, groups and texts; `"none"` refuses a guess.
    drop
        Columns to leave out.
    metric
        roc_auc, accuracy, log_loss, rmse or mae; by default the usual one of the task.
    minutes
        Time for the answer.
    label_price
        Price of one further label.
    core_hour
        Price of an hour of one core; by default an assumption that the answer states.
    models
        Further models by name: objects with `fit` and `predict` or `predict_proba`. They get a DataFrame.
    folder
        Folder for the page, the trial table and the stored model.
    name
        Name of the table, which begins the names of the files.

    Returns
    -------
    Answer

    Raises
    ------
    DataError
        The table cannot be learned from; the message gives the reason.
    ConfigError
        A column or a metric does not exist; the message names the nearest one.
    """
    settings: dict[str, Any] = {
        "time": time or "", "group": group or "", "text": text or "", "drop": tuple(drop), "metric": metric,
        "label_price": label_price, "core_hour": core_hour,
    }  # fmt: skip
    home = Path(folder).resolve()
    if isinstance(data, str | Path):
        question = Question.of_file(Path(data), str(target), **settings)
        question = replace(question, name=name_of(Path(name)) if name else question.name)
        return answered(question, Workplace(home, question.name), minutes, models or {}, quiet)
    frame, column = as_frame(data, target)
    place = Workplace(home, name_of(Path(name or FRAME_NAME)))
    place.open()
    question = Question(str(write_frame(frame, place)), column, name=place.name, **settings)
    return answered(question, place, minutes, models or {}, quiet)


def as_frame(data: Any, target: Any) -> tuple[pd.DataFrame, str]:
    """Return data and target as one DataFrame and the name of the target's column."""
    frame = data if isinstance(data, pd.DataFrame) else pd.DataFrame(np.asarray(data))
    frame = frame.rename(columns=str)
    if isinstance(target, str):
        return frame, target
    column = str(getattr(target, "name", None) or "target")
    values = np.asarray(target)
    if values.shape != (len(frame),):
        raise DataError(f"The target has the shape {values.shape}; it must be ({len(frame)},).")
    return frame.assign(**{column: values}), column


# A function that shows an answer while it grows; the second argument tells whether it is the last one.
Show = Callable[[Answer, bool], None]


def answered(
    question: Question, place: Workplace, minutes: float, objects: Mapping[str, Any], show: Show
) -> Answer:
    """Return the answer to a question, after at most some minutes.

    Raises
    ------
    StoreError
        Another process is answering the same question.
    """
    started = clocks.monotonic()
    if minutes <= 0:
        raise ConfigError(f"--minutes is {minutes:g}; it must be above 0.")
    place.open()
    with journal(place) as store:
        prepared = read(question, place)
        work = Work(question, place, prepared, started, 60 * minutes, objects, store, show)
        return work.done()


def read(question: Question, place: Workplace) -> Prepared:
    """Return the rows of a table; one that is refused leaves no folder behind."""
    try:
        prepared = prepare(question, place)
        frame_of(prepared.config, prepared.dataset)
    except FuelgaugeError:
        if not place.journal.stat().st_size:
            shutil.rmtree(place.work, ignore_errors=True)
        raise
    return prepared


@contextlib.contextmanager
def journal(place: Workplace) -> Any:
    """Open the journal of a question; one process at a time may write to it."""
    try:
        with TrialStore(place.journal) as store:
            yield store
    except StoreError as error:
        if "another process" in str(error):
            raise StoreError(
                f"Another process is answering about {place.name} in {place.folder}; wait for it to end."
            ) from error
        raise


class Work:
    """The work behind one answer."""

    def __init__(
        self,
        question: Question,
        place: Workplace,
        prepared: Prepared,
        started: float,
        budget: float,
        objects: Mapping[str, Any],
        store: TrialStore,
        show: Show,
    ):
        self.place, self.prepared, self.store, self.show = place, prepared, store, show
        self.started, self.budget, self.next_look = started, budget, 0.0
        self.frame: Frame = frame_of(prepared.config, prepared.dataset)
        known = {record["model"] for record in store.records.values()}
        self.contestants: list[Contestant] = contestants(
            self.frame, prepared.dataset, question, budget / 60, place, objects, known
        )
        self.sizes = sizes_of(self.frame, prepared.dataset)
        self.answer = Answer(question, place, prepared.reading, prepared.dataset, objects=objects)
        end = max(LEAST_FOR_THE_END, SHARE_FOR_THE_END * budget)
        self.clock = Clock(started, budget - end)

    def done(self) -> Answer:
        """Run the trials, fit the best model on all rows, explain it, and write all files."""
        root = str(self.place.work)
        pool = pool_of(root, self.contestants)
        loop = Loop(self.frame, self.contestants, self.sizes, self.store, pool, self.clock, self.tell)
        try:
            loop.run()
            self.update(loop)
            if self.answer.findings:
                self.find_rarest(loop)
                self.finish(loop, pool)
        finally:
            pool.close()
        self.answer.seconds = clocks.monotonic() - self.started
        self.write()
        self.show(self.answer, True)
        return self.answer

    def tell(self, loop: Loop) -> None:
        """Show the answer so far, once there is a first one, and again after some seconds."""
        now = clocks.monotonic()
        if now >= self.next_look and loop.is_first_answer:
            self.next_look = now + BETWEEN_LOOKS
            self.update(loop)
            self.leave_time(loop)
            self.show(self.answer, False)

    def leave_time(self, loop: Loop) -> None:
        """Keep enough time for the last fit of the best model and for its explanation."""
        if self.answer.findings:
            best = self.best()
            fit = loop.expected(best, self.most_rows(loop, best)) + loop.expected(best, loop.top)
            self.clock.budget = min(self.clock.budget, self.budget - fit - LEAST_FOR_THE_END)

    def best(self) -> Contestant:
        """Return the best model."""
        return next(each for each in self.contestants if each.name == self.answer.found.best.model)

    def update(self, loop: Loop) -> None:
        """Take in what the trials say by now."""
        answer = self.answer
        if not answer.alone:
            from fuelgauge.answer._alone import alone

            answer.alone = alone(self.prepared.dataset)
        answer.trials = loop.table()
        answer.findings = findings(answer.trials, loop.sizes, len(answer.dataset.target), loop.out)
        answer.seconds = clocks.monotonic() - self.started
        if answer.findings:
            best = answer.findings.best.model
            done = [trial for trial in self.ended(loop, best) if trial.n_train == answer.findings.top]
            answer.calibration = calibration(done, self.store.records, self.prepared.dataset)

    def ended(self, loop: Loop, model: str) -> list[Trial]:
        """Return the trials of a model that have ended well."""
        return [trial for each, trial in loop.trials.values() if each.name == model and loop.is_done(trial)]

    def find_rarest(self, loop: Loop) -> None:
        """Take in how well the rarest class is found."""
        found = self.answer.found
        trials = {each.title: self.ended(loop, each.model) for each in (found.best, *found.rivals)}
        self.answer.rarest = rarest(trials, self.store.records, self.prepared.dataset)

    def finish(self, loop: Loop, pool: WorkerPool) -> None:
        """Fit the best model on all rows and ask what it looks at; Ctrl-C leaves that out."""
        best = self.best()
        most = self.most_rows(loop, best)
        try:
            with whole(self.place.model) as partial:
                pool.start(FitAll(best.curve.trial(loop.top, 0), partial, most))
                if pool.free:
                    pool.start(Explain(best.curve.trial(loop.top, 0)))
                while pool.busy():
                    for task, outcome in pool.ended(wait=True):
                        self.keep(task, outcome)
                if self.answer.final and not self.answer.final["why_not"]:
                    raw = self.place.raw / f"{self.place.name}.parquet"
                    write_about(
                        partial, best.name, self.prepared.config, self.prepared.dataset.description, raw
                    )
                else:
                    partial.mkdir(exist_ok=True)
        except KeyboardInterrupt:
            self.answer.final = {"n_rows": 0, "why_not": "you stopped before it was fitted"}
        if self.answer.final.get("why_not") and self.place.model.is_dir():
            shutil.rmtree(self.place.model)

    def most_rows(self, loop: Loop, best: Contestant) -> int:
        """Return on how many rows the last fit can be made in the time that may be spent on it."""
        n_rows = len(self.prepared.dataset.target)
        allowed = max(LONGEST_FIT, SHARE_OF_LAST_FIT * self.budget)
        seconds = loop.expected(best, n_rows)
        return n_rows if seconds <= allowed else max(loop.top, int(n_rows * allowed / seconds))

    def keep(self, task: Any, outcome: Any) -> None:
        """Keep the outcome of the last fit or of the explanation."""
        if isinstance(task, FitAll):
            failed = isinstance(outcome, Failure)
            self.answer.final = {"n_rows": 0, "why_not": outcome.message} if failed else outcome
        elif not isinstance(outcome, Failure):
            self.answer.importance, self.answer.slices = outcome["importance"], outcome["slices"]

    def write(self) -> None:
        """Write the trial table and the page."""
        if len(self.answer.trials):
            write_table(self.answer.trials, self.place.table)
        self.answer.to_html()


def go_on(folder: Path, minutes: float, show: Show) -> Answer:
    """Go on with the question that was asked last in a folder."""
    from fuelgauge.answer._question import recall

    place = latest(folder)
    memory = recall(place)
    if memory is None:
        raise ConfigError(f"{place.memory} was written by another version; ask again.")
    return answered(memory.question, place, minutes, {}, show)
