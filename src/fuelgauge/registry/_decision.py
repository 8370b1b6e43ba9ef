"""The decision about a challenger, as it is written into tags and reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fuelgauge.registry._comparison import Interval
from fuelgauge.registry.versions import DECISION
from fuelgauge.sweep.metrics import HIGHER_IS_BETTER, loss_and_score


@dataclass(frozen=True)
class Decision:
    """The result of a registration.

    Parameters
    ----------
    version
        Version of the contestant in the registry.
    promoted
        Whether the contestant is the champion now.
    reason
        Result of the comparison in words, without a full stop.
    champion
        Version of the previous champion; empty if there was none.
    n_train, n_test
        Number of fitting rows (validation rows included) and of held-out rows.
    metrics
        Metrics of the contestant on the held-out rows, with intervals.
    improvement
        Relative reduction of the champion's loss; None if nothing was compared.
    won
        Whether the comparison says that the contestant should be champion.
    held_back
        Reason outside the comparison for which it does not become champion; empty if there is none.
    stop
        Sentence about a limit that its loss is above; empty if there is none.
    """

    dataset: str
    version: str
    contestant: str
    promoted: bool
    reason: str
    champion: str
    n_train: int
    n_test: int
    metric: str
    metrics: dict[str, Interval]
    improvement: Interval | None
    won: bool = False
    held_back: str = ""
    stop: str = ""

    @property
    def in_words(self) -> str:
        """Return the reason with all that holds the contestant back, without a full stop."""
        return "; ".join(filter(None, (self.reason, self.held_back, self.stop)))

    def to_json(self) -> dict[str, Any]:
        """Return the decision as plain data for a JSON file."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Decision:
        """Return the decision that `to_json` has written, in this release or in an earlier one."""
        intervals = {name: Interval(**values) for name, values in content["metrics"].items()}
        fall = content["improvement"] and Interval(**content["improvement"])
        won = content.get("won", content["promoted"])
        return cls(**{**content, "won": won, "metrics": intervals, "improvement": fall})


def decision_of(version: Any) -> Decision | None:
    """Return the decision about a registered version, or None if none is recorded."""
    content = version.tags.get(DECISION) if version else None
    return Decision.from_json(json.loads(content)) if content else None


def loss_of_interval(found: Interval, metric: str) -> Interval:
    """Return a metric with its interval as a loss with its interval."""
    lo, value, hi = (loss_and_score(number, metric)[0] for number in (found.lo, found.value, found.hi))
    return Interval(value, hi, lo) if metric in HIGHER_IS_BETTER else Interval(value, lo, hi)


def loss_at_registration(version: Any, metric: str) -> float | None:
    """Return the loss of a version on its held-out rows when it was registered, or None if unknown."""
    decision = decision_of(version)
    if decision is None or metric not in decision.metrics:
        return None
    return loss_of_interval(decision.metrics[metric], metric).value
