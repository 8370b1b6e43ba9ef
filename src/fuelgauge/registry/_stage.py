"""The register stage: the best contestant of a dataset becomes challenger, and champion if it is better."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fuelgauge import paths
from fuelgauge.files import write_whole
from fuelgauge.registry import _final as final
from fuelgauge.registry import package
from fuelgauge.registry._card import model_card
from fuelgauge.registry._choice import Choice, best_contestant
from fuelgauge.registry._comparison import Interval, improvement, metric_intervals
from fuelgauge.registry.heldout import HeldOut, Sides, hashed_columns, raw_path, sides
from fuelgauge.registry.package import Package, RefusedModelError
from fuelgauge.registry.query import Query, predictions
from fuelgauge.registry.versions import DECISION, SHA256, Registry, RegistryError, one_registration
from fuelgauge.spec.params import Config
from fuelgauge.spec.trials import Trial

log = logging.getLogger("fuelgauge")

# Served and trial predictions come from the same weights; a batch of another size may round otherwise.
ROUNDING, ROUNDING_OF_SMALL = 1e-4, 1e-5
LET_FOLLOW = "take the alias 'champion' off it in MLflow and register again to let the challenger follow"


@dataclass(frozen=True)
class Decision:
    """What a registration came to.

    Parameters
    ----------
    version
        Of the contestant in the registry.
    promoted
        Whether it is the champion now.
    reason
        Why, in a sentence.
    champion
        The version that was the champion before; empty if there was none.
    metrics
        Of the contestant on the held-out rows, with intervals.
    improvement
        The share of itself by which the champion's loss falls; None if there was nothing to compare.
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

    def to_json(self) -> dict[str, Any]:
        """Return plain data, for a file."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Decision:
        """Return what `to_json` was made of."""
        intervals = {name: Interval(**values) for name, values in content["metrics"].items()}
        fall = content["improvement"] and Interval(**content["improvement"])
        return cls(**{**content, "metrics": intervals, "improvement": fall})


def register(config: Config) -> Decision:
    """Fit the best contestant of a dataset at full size, log it, and decide whether it becomes champion.

    A contestant that the registry has already, of the same data, settings, code and rows, is not fitted
    again. The report and the card of the champion are written to reports/champions.

    Raises
    ------
    TableError
        The dataset has no trials to choose by.
    RegistryError
        The registry cannot be used.
    """
    name = config.dataset.name
    choice = best_contestant(name, config)
    registry = Registry(config.tracking)
    with one_registration(name), tempfile.TemporaryDirectory() as room:
        decision = Registration(config, choice, registry, Path(room)).run()
        write_report(decision, champions_card(registry, name, Path(room)))
    log.info("%s %s: %s", name, "champion" if decision.promoted else "challenger", decision.reason)
    return decision


class Registration:
    """One contestant on its way into the registry, under the lock of its dataset."""

    def __init__(self, config: Config, choice: Choice, registry: Registry, room: Path):
        self.config, self.choice, self.registry, self.room = config, choice, registry, room
        self.name = config.dataset.name
        own = final.config_of(config, choice)
        self.pretrained_on = own.model.pretrained_on
        self.trial: Trial = final.final_trial(own)
        about = self.trial.curve.dataset
        self.query = Query.of(raw_path(self.name), config.dataset, own.feature_set, about)
        self.sides: Sides = sides(self.trial, self.query)

    def run(self) -> Decision:
        """Find or make the version, decide, and let the registry know."""
        identity = self.trial.trial_id
        champion = self.registry.champion(self.name)
        version = self.registry.find(self.name, identity)
        if version and champion and version.version == champion.version and DECISION in version.tags:
            return Decision.from_json(json.loads(version.tags[DECISION]))
        if version is None:
            folder = self.make()
            version = self.registry.add(self.name, identity, folder, self.choice)
        else:
            folder = self.registry.fetch(version, self.room / "challenger")
        decision = self.decide(version.version, folder, champion)
        self.registry.conclude(version, decision.to_json(), decision.promoted)
        return decision

    def make(self) -> Path:
        """Fit the contestant, pack it, and see that what is served predicts as what was fitted."""
        log.info("%s %s is fitted on %s rows", self.name, self.choice.name, f"{self.trial.n_train:,}")
        fitted = final.fit(self.trial)
        rows, about = self.sides.held_out, self.trial.curve.dataset
        metrics = metric_intervals(rows, fitted.predicted, about.task, self.config.registry)
        intervals = {name: asdict(found) for name, found in metrics.items()}
        facts = {
            **self.choice.to_json(),
            **fitted.facts,
            "pretrained_on": self.pretrained_on,
            "metrics": intervals,
        }
        card = model_card(self.config, about, facts, metrics, rows, fitted.predicted)
        fitted_on, hashed = self.sides.fitted_on, hashed_columns(raw_path(self.name))
        packed = Package(fitted.model, self.query, facts, fitted_on, hashed, self.sides.example, card)
        folder = self.room / "packed"
        packed.write(folder)
        served = self.predict(folder, rows)
        if not np.allclose(served, fitted.predicted, ROUNDING, ROUNDING_OF_SMALL):
            worst = float(np.abs(served - fitted.predicted).max())
            raise RefusedModelError(
                f"{self.name}: {self.choice.name} predicts otherwise when it is served (by {worst:.2g}); "
                "it is not registered. This is a fault of the package."
            )
        return folder

    def predict(self, folder: Path, rows: HeldOut) -> np.ndarray:
        """Return what a packed model answers to queries, as probabilities of this dataset's classes."""
        answers: Any = package.load(folder).predict(rows.rows)
        return predictions(answers, self.trial.curve.dataset.classes)

    def decide(self, version: str, folder: Path, champion: Any) -> Decision:
        """Compare a challenger with the champion on held-out rows."""
        fall: Interval | None = None
        if champion is None:
            promoted, reason = True, "there was no champion"
        else:
            promoted, reason, fall = self.compare(champion, folder)
        return Decision(
            dataset=self.name,
            version=str(version),
            contestant=self.choice.name,
            promoted=promoted,
            reason=reason,
            champion=str(champion.version) if champion else "",
            n_train=self.trial.n_train,
            n_test=len(self.sides.held_out),
            metric=self.trial.curve.dataset.metric,
            metrics={name: Interval(**found) for name, found in package.facts(folder)["metrics"].items()},
            improvement=fall,
        )

    def compare(self, champion: Any, challenger: Path) -> tuple[bool, str, Interval | None]:
        """Return whether a challenger is better than the champion, why, and by how much."""
        about, rule = self.trial.curve.dataset, self.config.registry
        try:
            folder = self.registry.fetch(champion, self.room / "champion")
            if package.hashed(folder) != hashed_columns(raw_path(self.name)):
                return False, other_columns(champion.version), None
            unseen = self.sides.held_out.without(package.fitted_on(folder)).without(self.sides.fitted_on)
            if len(unseen) < rule.least_rows:
                return False, too_few(len(unseen), rule.least_rows, champion.version), None
            old = self.predict(folder, unseen)
        except (RefusedModelError, RegistryError):
            raise
        except Exception as error:  # an old champion may not understand the rows of today
            reason = (
                f"the champion, version {champion.version}, cannot answer the held-out rows "
                f"({' '.join(str(error).split())[:200]}); {LET_FOLLOW}"
            )
            return False, reason, None
        new = self.predict(challenger, unseen)
        fall = improvement(unseen, old, new, about.task, about.metric, rule)
        promoted = fall.lo > rule.margin
        return promoted, sentence(fall, promoted, champion.version, len(unseen), self.config), fall


def too_few(n_rows: int, least: int, champion: str) -> str:
    """Return why nothing could be compared."""
    return (
        f"all but {n_rows} of the held-out rows are identical to rows that the champion, version {champion}, "
        f"or the challenger was fitted on, and {least} are needed to compare"
    )


def other_columns(champion: str) -> str:
    """Return why it cannot be known which rows a champion has seen."""
    return (
        f"the columns of the dataset are not those that the champion, version {champion}, was fitted on, so "
        f"that the rows it has seen cannot be told from others; {LET_FOLLOW}"
    )


def sentence(fall: Interval, promoted: bool, champion: str, n_rows: int, config: Config) -> str:
    """Return what a comparison showed."""
    rule = config.registry
    found = (
        f"the loss of version {champion} falls by {fall.value:.1%} (from {fall.lo:.1%} to {fall.hi:.1%}, "
        f"{rule.level:.0%} of resamples of {n_rows:,} rows)"
    )
    return f"{found}, {'more' if promoted else 'not surely more'} than the margin of {rule.margin:.1%}"


def champions_card(registry: Registry, dataset: str, room: Path) -> str:
    """Return the model card of the present champion; empty if there is none."""
    champion = registry.champion(dataset)
    if champion is None or SHA256 not in champion.tags:
        return ""
    return package.card(registry.fetch(champion, room / "card"))


def write_report(decision: Decision, card: str, folder: Path = paths.REPORTS / "champions") -> None:
    """Write the decision and the champion's card, each whole or not at all."""
    texts = {
        f"{decision.dataset}.json": json.dumps(decision.to_json(), indent=2) + "\n",
        f"{decision.dataset}.md": card,
    }
    for name, text in texts.items():
        write_whole(folder / name, text)
