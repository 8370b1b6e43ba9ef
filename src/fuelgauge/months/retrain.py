"""`make retrain`: one month more of data, the pipeline, the registry, and a report of what changed.

The month moves in params.yaml, which is put back if the pipeline fails: the next run tries the same month
again. A champion that was decided before the failure stays.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from fuelgauge import paths
from fuelgauge.config.compose import compose
from fuelgauge.config.files import load_params
from fuelgauge.data.months import AboutMonths, following
from fuelgauge.errors import ConfigError, FuelgaugeError
from fuelgauge.files import write_whole
from fuelgauge.months import _drift as drift
from fuelgauge.months._new_month import Registered, compare
from fuelgauge.spec.params import Config

if TYPE_CHECKING:
    from fuelgauge.registry import Decision

log = logging.getLogger("fuelgauge")

UNTIL = re.compile(r"(?m)^(?P<before>data:[ \t]*(?:#.*)?\{?\s*until:[ \t]*)(?P<month>[^\s,}#]+)")
SUMMARY, DRIFT = "retrain.md", "drift"
UNDER_WAY = paths.DATA / "retraining"


class RetrainingFailed(FuelgaugeError):
    """A retraining did not come to its end; the next run tries the same month."""


def retrain() -> Path:
    """Move `data.until` one month on, reproduce, register, and write reports/retrain.md.

    Returns
    -------
    pathlib.Path
        The report.

    Raises
    ------
    ConfigError
        No month is set in params.yaml, or it cannot be edited safely.
    RetrainingFailed
        The pipeline failed; params.yaml is as it was.
    """
    with moved_on() as (before, until):
        log.info("data.until moves from %s to %s", before, until)
        reproduce(until)
    summary = write_summary(before, until)
    UNDER_WAY.unlink(missing_ok=True)
    return summary


@contextlib.contextmanager
def moved_on() -> Iterator[tuple[str, str]]:
    """Move the month in params.yaml on, and back if what follows fails.

    A note of the month stays until its report is written. A run that was killed has left it, and so has one
    whose report failed: the month is taken up again, and none is left out.
    """
    original = paths.PARAMS.read_text()
    before = month_of_params()
    if UNDER_WAY.is_file() and UNDER_WAY.read_text() == before:
        until, before = before, str(pd.Period(before, "M") - 1)
        original = with_month(original, before)
    else:
        until = following(before)
        edited = with_month(original, until)
        write_whole(UNDER_WAY, until)
        write_whole(paths.PARAMS, edited)
    try:
        yield before, until
    except BaseException:
        write_whole(paths.PARAMS, original)
        UNDER_WAY.unlink(missing_ok=True)
        raise


def month_of_params() -> str:
    """Return `data.until` of params.yaml, which must be a month."""
    until = load_params(paths.PARAMS).get("data", {}).get("until")
    if until is None:
        raise ConfigError(
            "params.yaml: data.until is null, so that there is no month to move on from; set it to the last "
            "month that counts as seen, such as 2013-06."
        )
    return str(until)


def with_month(text: str, month: str) -> str:
    """Return the text of params.yaml with another month, and all else as it was."""
    edited, n = UNTIL.subn(rf"\g<before>{month}", text)
    if n != 1:
        raise ConfigError(
            "params.yaml: data.until cannot be edited safely; write it as the first setting of data, "
            "on a line of its own."
        )
    return edited


def reproduce(until: str) -> None:
    """Run the pipeline."""
    command = [sys.executable, "-m", "dvc", "repro"]
    if subprocess.run(command, cwd=paths.ROOT, check=False).returncode:
        raise RetrainingFailed(
            f"the pipeline failed with the data until {until} (the reason is above); params.yaml is as it "
            "was. A champion that was decided before the failure stays: see reports/champions."
        )


def write_summary(before: str, until: str) -> Path:
    """Write reports/retrain.md and the drift of each registered dataset."""
    results = [registered(name) for name in compose().register]
    decisions, found = [d for d, _ in results], [f for _, f in results if f]
    summary = paths.REPORTS / SUMMARY
    summary.write_text("\n".join(summary_lines(before, until, decisions, found)) + "\n")
    return summary


def registered(name: str) -> tuple[Decision, drift.Drift | None]:
    """Return what the register stage decided, and compare the month with those before."""
    from fuelgauge.registry import Decision

    config = compose(f"dataset={name}")
    decision = Decision.from_json(json.loads((paths.REPORTS / "champions" / f"{name}.json").read_text()))
    if AboutMonths.of(name) is None:
        return decision, None
    found = compare(config, models_of(config, decision))
    drift.write(found, paths.REPORTS / DRIFT)
    return decision, found


def models_of(config: Config, decision: Decision) -> dict[str, Registered]:
    """Return the champion of before and the retrained model, by what the report calls them."""
    named = {f"version {decision.version}, retrained": decision.version}
    if decision.champion and decision.champion != decision.version:
        named = {f"version {decision.champion}, champion before": decision.champion, **named}
    return {label: Registered(config, version) for label, version in named.items()}


def summary_lines(
    before: str, until: str, decisions: Sequence[Decision], found: Sequence[drift.Drift]
) -> list[str]:
    """Return the report of a retraining as lines of Markdown."""
    return [
        f"# Retraining: {until}",
        f"The data end with {until}, before with {before}. Trials see the months before {until}; "
        f"the models are compared on rows that they were not fitted on.",
        "",
        *decision_table(decisions),
        *(line for one in found for line in ["", *drift.markdown(one, folder=f"{DRIFT}/")]),
        "",
        "## The verdict",
        *verdicts(),
        "",
        "## What changed in the metrics",
        metrics_diff(),
    ]


def decision_table(decisions: Sequence[Decision]) -> list[str]:
    """Return what became of each dataset's best model."""
    if not decisions:
        return ["No dataset is registered (`register` in params.yaml)."]
    return [
        "| dataset | version | contestant | rows | | why |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {d.dataset} | {d.version} | {d.contestant} | {d.n_train:,} "
            f"| {'**champion**' if d.promoted else 'challenger'} | {d.reason} |"
            for d in decisions
        ),
    ]


def verdicts() -> list[str]:
    """Return the verdicts over all datasets, a line each."""
    path = paths.REPORTS / "verdicts.json"
    known = json.loads(path.read_text()) if path.is_file() else []
    return [
        f"- {v['verdict'].upper()}: {v['sentence']}"
        for v in known
        if v["level"] == "overall" and v["modality"] == "all"
    ] or ["None was reached."]


def metrics_diff() -> str:
    """Return what `dvc metrics diff` says of the metrics since the last commit."""
    command = [sys.executable, "-m", "dvc", "metrics", "diff", "--md", "--targets", "reports/metrics.json"]
    result = subprocess.run(command, cwd=paths.ROOT, check=False, capture_output=True, text=True)
    return result.stdout.strip() or "Nothing changed." if result.returncode == 0 else "Not known: no commit."
