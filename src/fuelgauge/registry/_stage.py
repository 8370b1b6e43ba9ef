"""The register stage: fit the best contestant of a dataset and decide whether it becomes champion."""

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

# Served and trial predictions use the same weights, but rounding may depend on the batch size.
ROUNDING, ROUNDING_OF_SMALL = 1e-4, 1e-5
LET_FOLLOW = (
    "to promote the challenger, remove the alias 'champion' from that version in MLflow and register again"
)


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
        Reason of the decision, without a full stop.
    champion
        Version of the previous champion; empty if there was none.
    n_train, n_test
        Number of fitting rows (validation rows included) and of held-out rows.
    metrics
        Metrics of the contestant on the held-out rows, with intervals.
    improvement
        Relative reduction of the champion's loss; None if nothing was compared.
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
        """Return the decision as plain data for a JSON file."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Decision:
        """Return the decision that `to_json` has written."""
        intervals = {name: Interval(**values) for name, values in content["metrics"].items()}
        fall = content["improvement"] and Interval(**content["improvement"])
        return cls(**{**content, "metrics": intervals, "improvement": fall})


def register(config: Config) -> Decision:
    """Fit the best contestant of a dataset on all available rows, register it, and decide about the champion.

    A contestant is not fitted again if the registry has it with the same data, settings, code and rows.
    The decision and the model card of the champion are written to reports/champions.

    Raises
    ------
    TableError
        The dataset has no finished trials, or no anchor at which every contestant has all repeats.
    RegistryError
        The registry cannot be used.
    RefusedModelError
        The packaged model predicts differently from the fitted one, or a registered version was changed.
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
    """The registration of one contestant; the caller holds the lock of the dataset."""

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
        """Find or create the version, decide, and record the decision in the registry."""
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
        """Fit and package the contestant, and check that the package predicts like the fitted model."""
        log.info("%s: fitting %s on %s rows", self.name, self.choice.name, f"{self.trial.n_train:,}")
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
                f"{self.name}: served predictions of {self.choice.name} differ from those of the fitted "
                f"model (by {worst:.2g}), so it is not registered. This is a bug in fuelgauge."
            )
        return folder

    def predict(self, folder: Path, rows: HeldOut) -> np.ndarray:
        """Return the predictions of a packaged model: values, or probabilities of this dataset's classes."""
        answers: Any = package.load(folder).predict(rows.rows)
        return predictions(answers, self.trial.curve.dataset.classes)

    def decide(self, version: str, folder: Path, champion: Any) -> Decision:
        """Decide whether the challenger becomes champion, and return the decision with its reason."""
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
        """Return whether the challenger is promoted, the reason, and the reduction of the loss."""
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
        except Exception as error:  # an old champion may not be able to read rows of the present data
            reason = (
                f"the champion (version {champion.version}) cannot predict the held-out rows "
                f"({' '.join(str(error).split())[:200]}); {LET_FOLLOW}"
            )
            return False, reason, None
        new = self.predict(challenger, unseen)
        fall = improvement(unseen, old, new, about.task, about.metric, rule)
        promoted = fall.lo > rule.margin
        return promoted, sentence(fall, promoted, champion.version, len(unseen), self.config), fall


def too_few(n_rows: int, least: int, champion: str) -> str:
    """Return the reason for no comparison: too few held-out rows that neither model was fitted on."""
    return (
        f"only {n_rows} held-out rows have no identical copy among the rows that the champion (version "
        f"{champion}) or the challenger was fitted on, and a comparison needs {least}"
    )


def other_columns(champion: str) -> str:
    """Return the reason for no comparison: the rows that the champion was fitted on are unknown."""
    return (
        f"the columns of the dataset differ from those that the champion (version {champion}) was fitted on, "
        f"so the rows that it was fitted on cannot be identified; {LET_FOLLOW}"
    )


def sentence(fall: Interval, promoted: bool, champion: str, n_rows: int, config: Config) -> str:
    """Return the result of a comparison in words."""
    rule = config.registry
    found = (
        f"the challenger lowers the loss of version {champion} by {fall.value:.1%} ({rule.level:.0%} "
        f"interval {fall.lo:.1%} to {fall.hi:.1%}, {n_rows:,} held-out rows)"
    )
    return f"{found}, {'more' if promoted else 'not significantly more'} than the margin of {rule.margin:.1%}"


def champions_card(registry: Registry, dataset: str, room: Path) -> str:
    """Return the model card of the present champion; empty if there is no champion."""
    champion = registry.champion(dataset)
    if champion is None or SHA256 not in champion.tags:
        return ""
    return package.card(registry.fetch(champion, room / "card"))


def write_report(decision: Decision, card: str, folder: Path = paths.REPORTS / "champions") -> None:
    """Write the decision and the champion's model card; each file is written whole or not at all."""
    texts = {
        f"{decision.dataset}.json": json.dumps(decision.to_json(), indent=2) + "\n",
        f"{decision.dataset}.md": card,
    }
    for name, text in texts.items():
        write_whole(folder / name, text)
