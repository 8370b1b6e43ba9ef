"""Show what the next run will do and estimate how long it will take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fuelgauge.spec.params import Config
from fuelgauge.sweep._published import published_costs
from fuelgauge.sweep.costs import PastCosts
from fuelgauge.sweep.runner import workers
from fuelgauge.sweep.status import CurveState, Outline, curve_state
from fuelgauge.sweep.store import stores

__all__ = ["grid_plan"]


@dataclass(frozen=True)
class GridPlan:
    """The curves of a run and the estimated seconds of their waiting trials.

    Parameters
    ----------
    curves
        Curves that can be run, each with the seconds of its waiting trials. The seconds are None if there is
        no similar past trial.
    n_elsewhere
        Number of waiting trials whose seconds come from the published runs.
    n_impossible
        Number of curves that cannot be run, for example because the model does not accept the dataset.
    n_unprepared
        Number of curves whose data are not prepared yet. Their trials are known once the next run has
        prepared the data.
    n_workers
        Number of trials that run in parallel.
    """

    curves: tuple[tuple[CurveState, float | None], ...]
    n_impossible: int
    n_unprepared: int
    n_workers: int
    n_elsewhere: int = 0

    def rows(self) -> Iterator[list[str]]:
        """Yield the rows of a table: dataset, model, done, failed, skipped, waiting, time of fits."""
        for state, to_go in self.curves:
            *counts, _ = state.cells()
            known = "?" if to_go is None else duration(to_go)
            yield [*counts, known if state.waiting else ""]

    def summary(self) -> Iterator[str]:
        """Yield the lines below the table."""
        n_trials = sum(len(state.waiting) for state, _ in self.curves)
        total = sum(to_go or 0.0 for _, to_go in self.curves)
        unknown = sum(len(state.waiting) for state, to_go in self.curves if to_go is None)
        if n_trials or not self.n_unprepared:
            yield f"{n_trials:,} trials to run" if n_trials else "nothing to run"
        if self.n_unprepared:
            yield (
                f"the trials of {self.n_unprepared} curves are not known yet: make repro first prepares "
                "their data, then runs them"
            )
        if total:
            wall = duration(total / self.n_workers)
            yield f"about {wall} of fits on {self.n_workers} workers, estimated from past trials"
        if self.n_elsewhere:
            yield (
                f"{self.n_elsewhere:,} of these trials are estimated from the published runs, "
                "which were made on another machine"
            )
        if unknown:
            yield f"{unknown:,} trials have no time estimate, because no similar trial was ever run"
        if self.n_impossible:
            yield f"{self.n_impossible} curves cannot be run (for the reasons: fuelgauge status)"


def grid_plan(configs: Iterable[Config]) -> GridPlan:
    """Return the plan of a run; each store is read once.

    Parameters
    ----------
    configs
        Configurations of the curves, one per curve.
    """
    outlines = {(path.parent.name, path.stem): Outline.read(path) for path in stores()}
    costs = PastCosts({key: outline.means() for key, outline in outlines.items()})
    curves: list[tuple[CurveState, float | None]] = []
    n_impossible, n_unprepared, n_workers, n_elsewhere = 0, 0, 1, 0
    for config in configs:
        outline = outlines.get((config.dataset.name, config.contestant), Outline())
        state, n_workers = curve_state(config, outline), workers(config)
        if state.is_unprepared:
            n_unprepared += 1
        elif state.why_not:
            n_impossible += 1
        else:
            to_go = seconds_to_go(state, costs)
            if to_go is None:
                to_go = seconds_to_go(state, published_costs())
                n_elsewhere += 0 if to_go is None else len(state.waiting)
            curves.append((state, to_go))
    return GridPlan(tuple(curves), n_impossible, n_unprepared, n_workers, n_elsewhere)


def seconds_to_go(state: CurveState, costs: PastCosts) -> float | None:
    """Return the estimated seconds of the waiting trials of a curve, or None without similar past trials."""
    total = 0.0
    for n_train, how_many in Counter(state.waiting).items():
        each = costs.estimate(state.dataset, state.model, n_train)
        if each is None:
            return None
        total += each * how_many
    return total


def duration(seconds: float) -> str:
    """Return a duration as readable text: `42 s`, `12 min`, `3 h 20 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60:,} h {minutes % 60} min"
