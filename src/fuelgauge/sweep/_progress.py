"""Show the progress of a sweep in one line: a bar on a terminal, a line every few seconds elsewhere."""

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
LEAST_SHARE = 0.05  # of the expected seconds; before, most of the elapsed time is that of imports


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
        return f"{self.ended}/{self.total} trials{failed}"


class SweepProgress:
    """The display of a whole sweep, with the estimated time left.

    The time left is the elapsed time, multiplied by the expected seconds of the remaining trials and divided
    by the expected seconds of the ended trials.
    """

    def __init__(self) -> None:
        self.started = self.last_line = time.monotonic()
        self.whole = Count()
        self.bars = make_bars() if sys.stderr.isatty() else None
        # The row is added here because trials may end before the bar is shown.
        self.row = self.bars.add_task("", total=0, detail="") if self.bars else TaskID(0)

    def __enter__(self) -> SweepProgress:
        if self.bars:
            self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bars:
            self.bars.stop()

    def expect(self, seconds: float) -> None:
        """Add a trial to come."""
        if not self.whole.total:
            self.started = time.monotonic()
        self.whole.add(seconds)

    def ended(self, trial: Trial, name: str, seconds: float, failed: bool) -> None:
        """Count a trial as ended and update the display."""
        self.whole.end(seconds, failed)
        last = f"{name} n={trial.n_train}"
        if self.bars:
            failed_so_far = f"  failed {self.whole.failed}" if self.whole.failed else ""
            self.bars.update(
                self.row,
                completed=self.whole.ended,
                total=self.whole.total,
                detail=f"ETA {self.eta()}{failed_so_far}  {last}",
            )
        elif time.monotonic() - self.last_line >= SECONDS_BETWEEN_LINES or self.is_over:
            self.last_line = time.monotonic()
            log.info("%s  ETA %s  %s", self.whole.text(), self.eta(), last)

    @property
    def is_over(self) -> bool:
        """Whether all trials have ended."""
        return self.whole.ended == self.whole.total

    def eta(self) -> str:
        """Return the estimated time left as `minutes:seconds`, or `?` while too little has ended to tell."""
        if self.whole.seconds_ended < LEAST_SHARE * self.whole.seconds:
            return "?"
        elapsed = time.monotonic() - self.started
        # Sums of the same seconds in another order may differ by their rounding.
        to_go = max(0.0, self.whole.seconds - self.whole.seconds_ended)
        left = elapsed * to_go / self.whole.seconds_ended
        return f"{int(left // 60)}:{int(left % 60):02d}"


def make_bars() -> Progress:
    """Return a progress bar on standard error."""
    return Progress(
        BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[detail]}"), console=Console(stderr=True)
    )
