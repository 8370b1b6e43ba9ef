"""Whether a retraining is due: by the champion's loss, the drift of the last month, and the time passed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from fuelgauge import paths
from fuelgauge.registry.champions import Champions, day
from fuelgauge.spec.params import Config, RegistryConfig

__all__ = ["reasons"]

DAY = 24 * 3600.0


def reasons(config: Config, champions: Champions) -> list[str]:
    """Return one sentence for each limit in conf/registry above which a retraining is due.

    The loss and the drift come from the drift report of the last retraining, if there is one.
    """
    rule = config.registry
    path = paths.REPORTS / "drift" / f"{config.dataset.name}.json"
    report = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    found = [*waited(champions, rule)]
    if report is not None:
        found += [*risen(report, champions, rule), *drifted(report, rule)]
    return found


def waited(champions: Champions, rule: RegistryConfig) -> Iterator[str]:
    """Yield a sentence if no version was registered for too long."""
    latest = champions.latest
    days = (time.time() - latest.creation_timestamp / 1000) / DAY
    if rule.due_days is not None and days > rule.due_days:
        yield (
            f"the champion of {champions.dataset} has waited for {days:.0f} days: the last version was "
            f"registered on {day(latest)}, and registry.due_days is {rule.due_days:g}"
        )


def risen(report: Mapping[str, Any], champions: Champions, rule: RegistryConfig) -> Iterator[str]:
    """Yield a sentence if the champion's loss in the last month is above its loss at registration."""
    number, known = champions.standing.number, champions.loss_at_registration(report["metric"])
    if rule.due_loss is None or known is None:
        return
    for loss in report["losses"]:
        is_champions = loss["model"].startswith(f"version {number},") and loss["month"] == report["until"]
        if is_champions and loss["loss"] is not None and loss["loss"] > known * (1 + rule.due_loss):
            yield (
                f"the loss of version {number} of {champions.dataset} in {report['until']} is "
                f"{loss['loss']:.4g}, more than {rule.due_loss:.0%} above the {known:.4g} when it was "
                "registered (registry.due_loss)"
            )


def drifted(report: Mapping[str, Any], rule: RegistryConfig) -> Iterator[str]:
    """Yield a sentence if a column of the last month has drifted too far."""
    if rule.due_drift is None:
        return
    found = [s for s in report["shifts"] if s["drifted"] != "no" and s["size"] > rule.due_drift]
    if found:
        named = ", ".join(f"{s['column']} ({s['size']:.2f})" for s in sorted(found, key=lambda s: -s["size"]))
        yield (
            f"columns of {report['dataset']} in {report['until']} differ from the earlier months by a "
            f"population stability index above {rule.due_drift:g} (registry.due_drift): {named}"
        )
