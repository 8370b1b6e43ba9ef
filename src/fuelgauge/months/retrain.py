"""`make retrain`: add one month of data, run the pipeline, register, and report the changes.

The month in params.yaml moves forward. If the pipeline fails, the month is set back, and the next run tries
the same month again. A champion that was promoted before the failure stays.
"""

from __future__ import annotations

import contextlib
import json
import logging
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from fuelgauge import paths
from fuelgauge.config.compose import compose
from fuelgauge.config.edit import edited, read_exactly
from fuelgauge.config.files import load_params
from fuelgauge.data.months import AboutMonths, following
from fuelgauge.errors import ConfigError, FuelgaugeError
from fuelgauge.files import write_whole
from fuelgauge.months import _drift as drift
from fuelgauge.months._new_month import Registered, compare
from fuelgauge.spec.params import Config

if TYPE_CHECKING:
    from fuelgauge.registry import Decision

__all__ = ["retrain"]

log = logging.getLogger("fuelgauge")

SUMMARY, DRIFT = "retrain.md", "drift"
UNDER_WAY = paths.DATA / "retraining"


class RetrainingFailed(FuelgaugeError):
    """A retraining has failed; the next run tries the same month again."""


def retrain() -> Path:
    """Move `data.until` one month forward, run the pipeline, and write reports/retrain.md.

    Returns
    -------
    pathlib.Path
        Path of the report.

    Raises
    ------
    ConfigError
        No month is set in params.yaml, or it cannot be edited safely.
    RetrainingFailed
        The pipeline has failed; params.yaml is restored.
    """
    with moved_on() as (before, until):
        log.info("data.until moves from %s to %s", before, until)
        reproduce(until)
    summary = write_summary(before, until)
    UNDER_WAY.unlink(missing_ok=True)
    return summary


@contextlib.contextmanager
def moved_on() -> Iterator[tuple[str, str]]:
    """Move the month in params.yaml forward; move it back if the body of the context fails.

    A note of the month exists until the report of the month is written. If a run was killed, or if its report
    failed, the next run finds the note and repeats the month. No month is left out.

    Yields
    ------
    before, until : str
        Last month of the data before and after the move.
    """
    original = read_exactly(paths.PARAMS)
    before = month_of_params()
    if UNDER_WAY.is_file() and UNDER_WAY.read_text(encoding="utf-8") == before:
        until, before = before, str(pd.Period(before, "M") - 1)
        original = with_month(original, before)
    else:
        until = following(before)
        moved = with_month(original, until)
        write_whole(UNDER_WAY, until)
        write_whole(paths.PARAMS, moved)
    try:
        yield before, until
    except BaseException:
        write_whole(paths.PARAMS, original)
        UNDER_WAY.unlink(missing_ok=True)
        raise


def month_of_params() -> str:
    """Return `data.until` of params.yaml; raise ConfigError if it is null."""
    until = load_params(paths.PARAMS).get("data", {}).get("until")
    if until is None:
        raise ConfigError(
            "params.yaml: data.until is null, so there is no month to move forward; set it to the last month "
            "of data that you have used so far, such as 2013-06."
        )
    return str(until)


def with_month(text: str, month: str) -> str:
    """Return the text of params.yaml with another month in `data.until`, and everything else as it was."""

    def change(content: dict[str, Any]) -> None:
        content["data"]["until"] = month

    remedy = "data.until cannot be edited safely; write until: 2013-06 on a line of its own below data:."
    return edited(text, change, remedy)


def reproduce(until: str) -> None:
    """Run the pipeline."""
    command = [sys.executable, "-m", "dvc", "repro"]
    if subprocess.run(command, cwd=paths.ROOT, check=False).returncode:
        raise RetrainingFailed(
            f"the pipeline failed with the data until {until} (see the reason above); params.yaml is "
            "restored. A champion that was promoted before the failure stays: see reports/champions."
        )


def write_summary(before: str, until: str) -> Path:
    """Write reports/retrain.md and the drift report of each registered dataset."""
    results = [registered(name) for name in compose().register]
    decisions, found = [d for d, _ in results], [f for _, f in results if f]
    summary = paths.REPORTS / SUMMARY
    summary.write_text("\n".join(summary_lines(before, until, decisions, found)) + "\n", encoding="utf-8")
    return summary


def registered(name: str) -> tuple[Decision, drift.Drift | None]:
    """Return the decision of the register stage and the drift; the drift is None without a held-out month."""
    from fuelgauge.registry import Decision

    config = compose(f"dataset={name}")
    decision = Decision.from_json(
        json.loads((paths.REPORTS / "champions" / f"{name}.json").read_text(encoding="utf-8"))
    )
    if AboutMonths.of(name) is None:
        return decision, None
    found = compare(config, models_of(config, decision))
    drift.write(found, paths.REPORTS / DRIFT)
    return decision, found


def models_of(config: Config, decision: Decision) -> dict[str, Registered]:
    """Return the previous champion and the retrained model, by their names in the report."""
    named = {f"version {decision.version}, retrained": decision.version}
    if decision.champion and decision.champion != decision.version:
        named = {f"version {decision.champion}, previous champion": decision.champion, **named}
    return {label: Registered(config, version) for label, version in named.items()}


def summary_lines(
    before: str, until: str, decisions: Sequence[Decision], found: Sequence[drift.Drift]
) -> list[str]:
    """Return the report of a retraining as lines of Markdown."""
    return [
        f"# Retraining: {until}",
        f"The data now end with {until}; before, they ended with {before}. Trials use the months before "
        f"{until}. Models are compared on rows that they were not fitted on.",
        "",
        *decision_table(decisions),
        *(line for one in found for line in ["", *drift.markdown(one, folder=f"{DRIFT}/")]),
        "",
        "## Verdict",
        *verdicts(),
        "",
        "## Changes of the metrics",
        metrics_diff(),
    ]


def decision_table(decisions: Sequence[Decision]) -> list[str]:
    """Return the decision about the best contestant of each dataset as a Markdown table."""
    if not decisions:
        return ["No dataset is registered (`register` in params.yaml)."]
    return [
        "| dataset | version | contestant | rows | role | reason |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {d.dataset} | {d.version} | {d.contestant} | {d.n_train:,} "
            f"| {'**champion**' if d.promoted else 'challenger'} | {d.reason} |"
            for d in decisions
        ),
    ]


def verdicts() -> list[str]:
    """Return the verdicts over all datasets, one line each."""
    path = paths.REPORTS / "verdicts.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return [
        f"- {v['verdict'].upper()}: {v['sentence']}"
        for v in known
        if v["level"] == "overall" and v["modality"] == "all"
    ] or ["No verdict was reached."]


def metrics_diff() -> str:
    """Return the output of `dvc metrics diff`: the changes of the metrics since the last commit."""
    command = [sys.executable, "-m", "dvc", "metrics", "diff", "--md", "--targets", "reports/metrics.json"]
    result = subprocess.run(
        command, cwd=paths.ROOT, check=False, capture_output=True, text=True, encoding="utf-8"
    )
    return (
        result.stdout.strip() or "Nothing changed."
        if result.returncode == 0
        else "Unknown: there is no commit to compare with."
    )
