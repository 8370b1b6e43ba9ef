"""What a person sees while a curve is measured: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from fuelgauge.sweep.grid import Trial

log = logging.getLogger("fuelgauge")

SECONDS_BETWEEN_LINES = 10.0
# A fit's cost is taken as this many rows' worth plus its own rows, until the sweep knows better.
FIXED_ROWS = 500


class SweepProgress:
    """Count ended trials and estimate the time that is left.

    The estimate takes a trial's cost to grow in proportion to its rows: with the longest trials
    first it is pessimistic at the start and right at the end.

    Parameters
    ----------
    name
        The curve, such as `letter/mlp`.
    trials
        The trials that this sweep will run.
    """

    def __init__(self, name: str, trials: list[Trial]):
        self.name, self.total = name, len(trials)
        self.weight = sum(weight(trial) for trial in trials)
        self.done = self.failed = 0
        self.weight_done = 0.0
        self.bar = make_bar() if sys.stderr.isatty() else None

    def __enter__(self) -> SweepProgress:
        self.started = self.last_line = time.monotonic()
        if self.bar:
            self.bar.start()
            self.row = self.bar.add_task(self.name, total=self.total, detail="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar:
            self.bar.stop()

    def ended(self, trial: Trial, failed: bool) -> None:
        """Take note of a trial that has ended."""
        self.done += 1
        self.failed += failed
        self.weight_done += weight(trial)
        detail = f"n={trial.n_train} repeat={trial.repeat}  ETA {self.eta()}  failed {self.failed}"
        now = time.monotonic()
        if self.bar:
            self.bar.update(self.row, advance=1, detail=detail)
        elif now - self.last_line >= SECONDS_BETWEEN_LINES or self.done == self.total:
            self.last_line = now
            log.info("%-18s %3d/%d  %s", self.name, self.done, self.total, detail)

    def eta(self) -> str:
        """Return the estimated time left as minutes:seconds."""
        elapsed = time.monotonic() - self.started
        left = elapsed * (self.weight - self.weight_done) / self.weight_done
        return f"{int(left // 60)}:{int(left % 60):02d}"


def weight(trial: Trial) -> float:
    """Return a trial's share of the work, in rows."""
    return trial.n_train + FIXED_ROWS


def make_bar() -> Progress:
    """Return a progress bar on standard error."""
    name, detail = TextColumn("{task.description:<18}"), TextColumn("{task.fields[detail]}")
    return Progress(name, BarColumn(), MofNCompleteColumn(), detail, console=Console(stderr=True))
