"""Counts and latencies of the scoring server in the text format of Prometheus.

https://prometheus.io/docs/instrumenting/exposition_formats describes the format. Only a few lines are needed,
so there is no dependency on a client library.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping

from fuelgauge.registry._seen import Notes

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
PER_COLUMN = {
    "missing": ("fuelgauge_missing_inputs_total", "Missing values in answered queries, by column."),
    "out_of_range": (
        "fuelgauge_out_of_range_inputs_total",
        "Numbers and dates outside the range of the training rows in answered queries, by column.",
    ),
    "unseen_by_column": (
        "fuelgauge_unseen_categories_total",
        "Categories that no training row has in answered queries, by column.",
    ),
}


class Metrics:
    """Counts since the server has started; they go on when the champion changes."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.statuses: Counter[int] = Counter()
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0
        self.rows = 0
        self.inputs: dict[str, Counter[str]] = {kind: Counter() for kind in PER_COLUMN}
        self.compared: dict[str, tuple[int, int, float]] = {}

    def add(self, status: int, seconds: float, n_rows: int, notes: Notes) -> None:
        """Count a request."""
        found = {kind: counts for kind in PER_COLUMN if (counts := getattr(notes, kind))}
        with self.lock:
            self.statuses[status] += 1
            self.buckets[bisect_left(BUCKETS, seconds)] += 1
            self.seconds += seconds
            self.rows += n_rows
            for kind, counts in found.items():
                self.inputs[kind].update(counts)

    def add_comparison(self, challenger: str, n_rows: int, n_labels: int, total: float) -> None:
        """Count the rows that champion and challenger have answered, and how far the answers differ.

        Parameters
        ----------
        challenger
            Version of the challenger.
        n_rows, n_labels
            Numbers of rows, and of rows with different labels.
        total
            Sum of the absolute differences of values, or of the largest differences of probabilities.
        """
        with self.lock:
            before = self.compared.get(challenger, (0, 0, 0.0))
            self.compared[challenger] = (before[0] + n_rows, before[1] + n_labels, before[2] + total)

    def text(self, about: Mapping[str, str]) -> str:
        """Return all counts, and the version that answers.

        Parameters
        ----------
        about
            Dataset, version and model that answer.
        """
        with self.lock:
            return "\n".join(
                [*self.requests(), *self.latencies(), *self.columns(), *self.comparisons(), *info(about), ""]
            )

    def requests(self) -> Iterator[str]:
        """Yield the lines on requests and rows."""
        yield from head("fuelgauge_requests_total", "counter", "Queries to /invocations, by status.")
        for status, count in sorted(self.statuses.items()):
            yield line("fuelgauge_requests_total", count, status=str(status))
        yield from head("fuelgauge_rows_total", "counter", "Rows of answered queries.")
        yield line("fuelgauge_rows_total", self.rows)

    def latencies(self) -> Iterator[str]:
        """Yield the lines on the seconds from the first byte of a query to its answer."""
        name = "fuelgauge_request_seconds"
        yield from head(name, "histogram", "Seconds from the arrival of a query to its answer.")
        total = 0
        for end, count in zip((*map(str, BUCKETS), "+Inf"), self.buckets, strict=True):
            total += count
            yield line(f"{name}_bucket", total, le=end)
        yield line(f"{name}_sum", self.seconds)
        yield line(f"{name}_count", total)

    def comparisons(self) -> Iterator[str]:
        """Yield the lines on the answers of champion and challenger to the same rows."""
        for place, (name, text) in enumerate(COMPARED if self.compared else ()):
            yield from head(name, "counter", text)
            for challenger, counts in sorted(self.compared.items()):
                yield line(name, counts[place], challenger=challenger)

    def columns(self) -> Iterator[str]:
        """Yield the lines on the inputs by column."""
        for kind, (name, text) in PER_COLUMN.items():
            yield from head(name, "counter", text)
            for column, count in sorted(self.inputs[kind].items()):
                yield line(name, count, column=column)


COMPARED = (
    ("fuelgauge_challenger_rows_total", "Rows that champion and challenger have answered."),
    ("fuelgauge_challenger_other_labels_total", "Rows to which they gave different labels."),
    ("fuelgauge_challenger_difference_total", "Sum of the absolute differences of their answers."),
)


def info(about: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines on the version that answers."""
    yield from head("fuelgauge_champion_info", "gauge", "The version that answers; its value is always 1.")
    yield line("fuelgauge_champion_info", 1, **about)


def head(name: str, kind: str, text: str) -> Iterator[str]:
    """Yield the lines that describe a metric."""
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"


def line(name: str, value: float, **labels: str) -> str:
    """Return the line of one value."""
    inner = ",".join(f'{key}="{escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{inner}}} {value!r}" if inner else f"{name} {value!r}"


def escaped(text: str) -> str:
    """Return the value of a label with its special characters escaped."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
