"""Show the progress of a sweep: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from fuelgauge.spec.trials import Trial

log = logging.getLogger("fuelgauge")

SECONDS_BETWEEN_LINES = 10.0


@dataclass
class Count:
    """Number of all, ended and failed trials, with the seconds that the trials are expected to take."""

    total: int = 0
    ended: int = 0
    failed: int = 0
    seconds: float = 0.0
    seconds_ended: float = 0.0

    def add(self, seconds: float) -> None:
        """Add a trial to come."""
        self.total += 1
        self.seconds += seconds

    def end(self, seconds: float, failed: bool) -> None:
        """Count a trial as ended."""
        self.ended += 1
        self.failed += failed
        self.seconds_ended += seconds

    def text(self) -> str:
        """Return the counts as text."""
        failed = f"  failed {self.failed}" if self.failed else ""
        return f"{self.ended}/{self.total}{failed}"


class SweepProgress:
    """The display of all curves of a sweep, with the estimated time left.

    The time left is the elapsed time, multiplied by the expected seconds of the remaining trials and divided
    by the expected seconds of the ended trials.
    """

    def __init__(self) -> None:
        self.started = self.last_line = time.monotonic()
        self.whole = Count()
        self.curves: dict[str, Count] = {}
        self.bars = make_bars() if sys.stderr.isatty() else None
        # The row is added here because trials may end before the bars are shown.
        self.row = self.bars.add_task("all", total=0, detail="") if self.bars else TaskID(0)
        self.rows: dict[str, TaskID] = {}

    def __enter__(self) -> SweepProgress:
        if self.bars:
            self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bars:
            self.bars.stop()

    def expect(self, name: str, seconds: float) -> None:
        """Add a trial to come."""
        if not self.curves:
            self.started = time.monotonic()
        for count in (self.whole, self.curves.setdefault(name, Count())):
            count.add(seconds)

    def ended(self, trial: Trial, name: str, seconds: float, failed: bool) -> None:
        """Count a trial as ended and update the display."""
        curve = self.curves[name]
        for count in (self.whole, curve):
            count.end(seconds, failed)
        if self.bars:
            self.draw(self.bars, trial, name)
        elif time.monotonic() - self.last_line >= SECONDS_BETWEEN_LINES or self.is_over(curve):
            self.last_line = time.monotonic()
            log.info(
                "%-18s %s  n=%d repeat=%d  (all: %s  ETA %s)",
                name, curve.text(), trial.n_train, trial.repeat, self.whole.text(), self.eta(),
            )  # fmt: skip

    def is_over(self, curve: Count) -> bool:
        """Return whether all trials of a curve have ended."""
        return curve.ended == curve.total

    def draw(self, bars: Progress, trial: Trial, name: str) -> None:
        """Update the bars of the trial's curve and of the sweep; hide the bar of a finished curve."""
        curve = self.curves[name]
        if name not in self.rows:
            self.rows[name] = bars.add_task(name, total=curve.total, detail="")
        failed = f"  failed {curve.failed}" if curve.failed else ""
        bars.update(
            self.rows[name],
            completed=curve.ended,
            total=curve.total,
            visible=not self.is_over(curve),
            detail=f"n={trial.n_train} repeat={trial.repeat}{failed}",
        )
        failed = f"  failed {self.whole.failed}" if self.whole.failed else ""
        bars.update(
            self.row, completed=self.whole.ended, total=self.whole.total, detail=f"ETA {self.eta()}{failed}"
        )

    def eta(self) -> str:
        """Return the estimated time left as `minutes:seconds`."""
        elapsed = time.monotonic() - self.started
        left = elapsed * (self.whole.seconds - self.whole.seconds_ended) / self.whole.seconds_ended
        return f"{int(left // 60)}:{int(left % 60):02d}"


def make_bars() -> Progress:
    """Return progress bars on standard error."""
    name, detail = TextColumn("{task.description:<18}"), TextColumn("{task.fields[detail]}")
    return Progress(name, BarColumn(), MofNCompleteColumn(), detail, console=Console(stderr=True))
