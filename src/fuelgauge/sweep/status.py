"""What is done and what is left, read from the stores without changing them."""

from __future__ import annotations

from dataclasses import dataclass, field

from fuelgauge.config import Config
from fuelgauge.errors import DataError
from fuelgauge.sweep.grid import plan_curve, why_not
from fuelgauge.sweep.store import RETRY, TrialStore, read_store, store_path, stores


@dataclass
class CurveState:
    """How far a curve is."""

    dataset: str
    model: str
    done: int = 0
    failed: int = 0
    skipped: int = 0
    waiting: list[int] = field(default_factory=list)  # n_train of the trials to do
    why_not: str = ""
    failures: list[str] = field(default_factory=list)

    def cells(self) -> list[str]:
        """Return the row of a table."""
        counts = [self.done, self.failed, self.skipped, len(self.waiting)]
        return [self.dataset, self.model, *map(str, counts), self.why_not]


def curve_state(config: Config) -> CurveState:
    """Return how far the curve of a configuration is."""
    state = CurveState(config.dataset.name, config.contestant, why_not=why_not(config) or "")
    if state.why_not:
        return state
    try:
        plan = plan_curve(config)
    except DataError as error:
        state.why_not = str(error)
        return state
    records = read_store(store_path(state.dataset, state.model))[0]
    found = plan.ended(records)
    failed = [record for record in found if record["status"] == "failed"]
    state.failed, state.done = len(failed), len(found) - len(failed)
    state.skipped = len(plan.skipped)
    state.waiting = [trial.n_train for trial in plan.trials if trial.trial_id not in records]
    state.failures = [
        f"{state.dataset}/{state.model} n={r['n_train']} repeat={r['repeat']} failed "
        f"({r['failure']['kind']}): {r['failure']['message']}"
        for r in failed
    ]
    return state


def forget_failures() -> int:
    """Write into every store that its failed trials get another chance; return how many they are."""
    count = 0
    for path in stores():
        with TrialStore(path) as store:
            failed = [key for key, record in store.records.items() if record["status"] == "failed"]
            for trial_id in failed:
                store.append({"kind": RETRY, "trial_id": trial_id})
            count += len(failed)
    return count
