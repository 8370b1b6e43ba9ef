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
from fuelgauge.months import _markdown as markdown
from fuelgauge.months._markdown import Part, escaped, escaped_table
from fuelgauge.months._new_month import Registered, compare
from fuelgauge.spec.params import Config

if TYPE_CHECKING:
    from fuelgauge.registry import Decision

__all__ = ["retrain"]

log = logging.getLogger("fuelgauge")

SUMMARY, BODY, DRIFT = "retrain.md", "pull_request.md", "drift"
GITHUB_LIMIT = 65_536  # most characters of the body of a pull request
PER_LINK, RESERVED = 300, 1_500  # bytes that the workflow may add to each picture's link, and at the end
UNDER_WAY = paths.DATA / "retraining"


class RetrainingFailed(FuelgaugeError):
    """A retraining has failed; the next run tries the same month again."""


class DriftedTooFar(RetrainingFailed):
    """A month differs from the earlier months by more than `registry.stop_drift`; nothing was trained."""


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
        The pipeline has failed, or the month has drifted too far; params.yaml is restored.
    """
    with moved_on() as (before, until):
        log.info("data.until moves from %s to %s", before, until)
        stop_if_drifted(until)
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


def stop_if_drifted(until: str) -> None:
    """Raise DriftedTooFar, before anything is trained, if a column has drifted above the limit.

    Without a limit nothing is done.
    """
    configs = {name: compose(f"dataset={name}") for name in compose().register}
    limited = {name: c for name, c in configs.items() if c.registry.stop_drift is not None}
    if not limited:
        return
    reproduce(until, *(f"featurize@{name}" for name in limited))
    sentences = [
        sentence
        for name, config in limited.items()
        if AboutMonths.of(name) is not None
        and (sentence := too_far(compare(config, {}), config.registry.stop_drift))
    ]
    if sentences:
        raise DriftedTooFar(f"{'; '.join(sentences)}. Nothing was trained, and params.yaml is restored.")


def too_far(found: drift.Drift, limit: float | None) -> str:
    """Return the sentence about columns that have drifted above a limit; empty if there are none."""
    columns = [s for s in found.drifted if limit is not None and s.size > limit]
    if not columns:
        return ""
    named = ", ".join(f"{s.column} ({s.size:.2f})" for s in columns)
    return (
        f"{found.dataset}: columns of {found.until} differ from the earlier months by a population stability "
        f"index above {limit:g} (registry.stop_drift): {named}; look at the month, or raise the limit"
    )


def reproduce(until: str, *stages: str) -> None:
    """Run the pipeline, or some of its stages with those before them."""
    command = [sys.executable, "-m", "dvc", "repro", *stages]
    if subprocess.run(command, cwd=paths.ROOT, check=False).returncode:
        raise RetrainingFailed(
            f"the pipeline failed with the data until {until} (see the reason above); params.yaml is "
            "restored. A champion that was promoted before the failure stays: see reports/champions."
        )


def write_summary(before: str, until: str) -> Path:
    """Write reports/retrain.md, reports/pull_request.md and the drift report of each registered dataset."""
    results = [registered(name) for name in compose().register]
    decisions, found = [d for d, _ in results], [f for _, f in results if f]
    parts, summary = summary_parts(before, until, decisions, found), paths.REPORTS / SUMMARY
    limit = GITHUB_LIMIT - RESERVED - PER_LINK * len(found)
    write_whole(summary, markdown.whole(parts))
    write_whole(paths.REPORTS / BODY, markdown.shortened(parts, limit, "reports/retrain.md of this run"))
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


def summary_parts(
    before: str, until: str, decisions: Sequence[Decision], found: Sequence[drift.Drift]
) -> list[Part]:
    """Return the report of a retraining in parts of Markdown."""
    return [
        Part(
            [
                f"# Retraining: {until}",
                f"The data now end with {until}; before, they ended with {before}. Trials use the months "
                f"before {until}. Models are compared on rows that they were not fitted on.",
                "",
                *decision_table(decisions),
                "",
            ]
        ),
        *(part for one in found for part in (*drift.parts(one, folder=f"{DRIFT}/"), Part([""]))),
        Part(["## Verdict", *verdicts(), ""], rank=1),
        Part(["## Changes of the metrics", *metrics_diff()], rank=4),
    ]


def decision_table(decisions: Sequence[Decision]) -> list[str]:
    """Return the decision about the best contestant of each dataset as a Markdown table."""
    if not decisions:
        return ["No dataset is registered (`register` in params.yaml)."]
    return [
        "| dataset | version | contestant | rows | role | reason |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {escaped(d.dataset)} | {escaped(d.version)} | {escaped(d.contestant)} | {d.n_train:,} "
            f"| {'**champion**' if d.promoted else 'challenger'} | {escaped(d.in_words)} |"
            for d in decisions
        ),
    ]


def verdicts() -> list[str]:
    """Return the verdicts over all datasets, one line each."""
    path = paths.REPORTS / "verdicts.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return [
        f"- {escaped(v['verdict'].upper())}: {escaped(v['sentence'])}"
        for v in known
        if v["level"] == "overall" and v["modality"] == "all"
    ] or ["No verdict was reached."]


def metrics_diff() -> list[str]:
    """Return the output of `dvc metrics diff`: the changes of the metrics since the last commit."""
    command = [sys.executable, "-m", "dvc", "metrics", "diff", "--md", "--targets", "reports/metrics.json"]
    result = subprocess.run(
        command, cwd=paths.ROOT, check=False, capture_output=True, text=True, encoding="utf-8"
    )
    if result.returncode:
        return ["Unknown: there is no commit to compare with."]
    return escaped_table(result.stdout.strip().splitlines()) or ["Nothing changed."]
