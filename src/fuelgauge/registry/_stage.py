"""The register stage: fit the best contestant of a dataset and decide whether it becomes champion."""

from __future__ import annotations

import json
import logging
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from fuelgauge import paths
from fuelgauge.errors import FuelgaugeError
from fuelgauge.files import write_whole
from fuelgauge.registry import _final as final
from fuelgauge.registry import package
from fuelgauge.registry._card import model_card
from fuelgauge.registry._choice import Choice, best_contestant
from fuelgauge.registry._comparison import Interval, improvement, metric_intervals
from fuelgauge.registry._decision import Decision, loss_at_registration, loss_of_interval
from fuelgauge.registry._lease import Lease
from fuelgauge.registry._outlook import outlook
from fuelgauge.registry.heldout import HeldOut, Sides, hashed_columns, raw_path, sides
from fuelgauge.registry.package import Package, RefusedModelError
from fuelgauge.registry.query import Query, predictions
from fuelgauge.registry.versions import (
    DECISION,
    REGISTRATION,
    SHA256,
    Registry,
    RegistryError,
    Standing,
    one_registration,
)
from fuelgauge.spec.params import MANUAL, Config
from fuelgauge.spec.trials import Trial

log = logging.getLogger("fuelgauge")

# Served and trial predictions use the same weights, but rounding may depend on the batch size.
ROUNDING, ROUNDING_OF_SMALL = 1e-4, 1e-5
MOST_TRIES = 5  # comparisons of one registration, each with the champion of that moment


class RegistrationStopped(FuelgaugeError):
    """A version is registered, but its loss is above a limit, so that the run must not continue."""


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
    RegistrationStopped
        The loss of the contestant is above the limit of `registry.stop_loss`.
    """
    name = config.dataset.name
    choice = best_contestant(name, config)
    registry = Registry(config.tracking)
    with one_registration(name), tempfile.TemporaryDirectory() as room:
        registration = Registration(config, choice, registry, Path(room))
        with registry.lease(name, REGISTRATION) as lease:
            decision = registration.run(lease)
        write_report(decision, champions_card(registry, name, Path(room)))
    log.info("%s %s: %s", name, "champion" if decision.promoted else "challenger", decision.in_words)
    if decision.stop:
        raise RegistrationStopped(f"{name}: {decision.stop}.")
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

    def run(self, lease: Lease) -> Decision:
        """Find or create the version, decide, and record the decision in the registry."""
        identity = self.trial.trial_id
        version = self.registry.find(self.name, identity)
        folder: Path | None = None
        for _ in range(MOST_TRIES):
            standing = self.registry.standing(self.name)
            if version and str(version.version) == standing.number and DECISION in version.tags:
                known = Decision.from_json(json.loads(version.tags[DECISION]))
                return replace(known, promoted=True, held_back="", stop="")
            if version is None:
                folder = self.make()
                version = self.registry.add(self.name, identity, folder, self.choice)
            folder = folder or self.registry.fetch(version, self.room / "challenger")
            decision = self.decide(str(version.version), folder, standing)
            if decision.version in standing.rejected:
                return decision
            lease.check()
            if self.registry.conclude(version, decision.to_json(), decision.promoted, standing):
                return decision
        raise RegistryError(
            f"the champion of {self.name} has changed {MOST_TRIES} times while it was compared "
            f"with it; the champion is unchanged, so try again with: make register DATASET={self.name}"
        )

    def make(self) -> Path:
        """Fit and package the contestant, and check that the package predicts like the fitted model."""
        log.info("%s: fitting %s on %s rows", self.name, self.choice.name, f"{self.trial.n_train:,}")
        fitted = final.fit(self.trial)
        rows, about = self.sides.held_out, self.trial.curve.dataset
        metrics = metric_intervals(rows, fitted.predicted, about.task, self.config.registry)
        intervals = {name: asdict(found) for name, found in metrics.items()}
        ahead = outlook(self.name, self.choice, self.config, self.trial.n_train)
        facts = {
            **self.choice.to_json(),
            **fitted.facts,
            "ahead": [asdict(there) for there in ahead],
            "pretrained_on": self.pretrained_on,
            "metrics": intervals,
        }
        card = model_card(self.config, about, facts, metrics, rows, fitted.predicted)
        fitted_on, hashed = self.sides.fitted_on, hashed_columns(raw_path(self.name))
        packed = Package(fitted.model, self.sides.query, facts, fitted_on, hashed, self.sides.example, card)
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
        answers = package.answers(folder, rows.rows)
        return predictions(answers, self.trial.curve.dataset.classes)

    def decide(self, version: str, folder: Path, standing: Standing) -> Decision:
        """Decide whether the challenger becomes champion, and return the decision with its reason."""
        champion, fall = standing.champion, None
        if version in standing.rejected:
            won, reason = False, f"version {version} is rejected"
        elif champion is None:
            won, reason = True, "there was no champion"
        else:
            won, reason, fall = self.compare(champion, folder, version)
        decision = Decision(
            dataset=self.name,
            version=version,
            contestant=self.choice.name,
            promoted=False,
            reason=reason,
            champion=standing.number,
            n_train=self.trial.n_train,
            n_test=len(self.sides.held_out),
            metric=self.trial.curve.dataset.metric,
            metrics={name: Interval(**found) for name, found in package.facts(folder)["metrics"].items()},
            improvement=fall,
            won=won,
        )
        held_back, stop = self.held_back(decision, standing), self.stop(decision, champion)
        return replace(decision, held_back=held_back, stop=stop, promoted=won and not (held_back or stop))

    def held_back(self, decision: Decision, standing: Standing) -> str:
        """Return why a version does not become champion whatever the comparison says; empty if it may."""
        command, version = f"fuelgauge champion {self.name}", decision.version
        if version in standing.rejected:
            return f"it cannot become champion until: {command} --allow {version}"
        if standing.pinned not in ("", version):
            return f"version {standing.pinned} is pinned and stays champion until: {command} --unpin"
        if decision.won and self.config.registry.promote == MANUAL:
            return f"registry.promote is manual; make it champion with: {command} --promote {version}"
        return ""

    def stop(self, decision: Decision, champion: Any) -> str:
        """Return the sentence of a limit that the loss is above; empty if there is none."""
        most, known = self.config.registry.stop_loss, loss_at_registration(champion, decision.metric)
        loss = loss_of_interval(decision.metrics[decision.metric], decision.metric).value
        if most is None or known is None or not loss > known * (1 + most):
            return ""
        return (
            f"the loss of version {decision.version} on held-out rows is {loss:.4g}, more than {most:.0%} "
            f"above the {known:.4g} of version {decision.champion} when it was registered "
            "(registry.stop_loss), so the champion stays; look at the new rows, or raise the limit"
        )

    def compare(self, champion: Any, challenger: Path, version: str) -> tuple[bool, str, Interval | None]:
        """Return whether the challenger is better, the reason, and the reduction of the loss."""
        about, rule = self.trial.curve.dataset, self.config.registry
        try:
            folder = self.registry.fetch(champion, self.room / f"champion {champion.version}")
            if package.hashed(folder) != hashed_columns(raw_path(self.name)):
                return False, other_columns(champion.version, self.let_follow(version)), None
            unseen = self.sides.held_out.without(package.fitted_on(folder)).without(self.sides.fitted_on)
            if len(unseen) < rule.least_rows:
                return False, too_few(len(unseen), rule.least_rows, champion.version), None
            old = self.predict(folder, unseen)
        except (RefusedModelError, RegistryError):
            raise
        except Exception as error:  # an old champion may not be able to read rows of the present data
            reason = (
                f"the champion (version {champion.version}) cannot predict the held-out rows "
                f"({' '.join(str(error).split())[:200]}); {self.let_follow(version)}"
            )
            return False, reason, None
        new = self.predict(challenger, unseen)
        fall = improvement(unseen, old, new, about.task, about.metric, rule)
        is_better = fall.lo > rule.margin
        return is_better, sentence(fall, is_better, champion.version, len(unseen), self.config), fall

    def let_follow(self, version: str) -> str:
        """Return how to promote a challenger that cannot be compared with the champion."""
        return (
            f"to promote the challenger, run fuelgauge champion {self.name} --promote {version}, or remove "
            "the alias 'champion' from that version in MLflow and register again"
        )


def too_few(n_rows: int, least: int, champion: str) -> str:
    """Return the reason for no comparison: too few held-out rows that neither model was fitted on."""
    return (
        f"only {n_rows} held-out rows have no identical copy among the rows that the champion (version "
        f"{champion}) or the challenger was fitted on, and a comparison needs {least}"
    )


def other_columns(champion: str, remedy: str) -> str:
    """Return the reason for no comparison: the rows that the champion was fitted on are unknown."""
    return (
        f"the columns of the dataset differ from those that the champion (version {champion}) was fitted on, "
        f"so the rows that it was fitted on cannot be identified; {remedy}"
    )


def sentence(fall: Interval, is_better: bool, champion: str, n_rows: int, config: Config) -> str:
    """Return the result of a comparison in words."""
    rule = config.registry
    found = (
        f"the challenger lowers the loss of version {champion} by {fall.value:.1%} ({rule.level:.0%} "
        f"interval {fall.lo:.1%} to {fall.hi:.1%}, {n_rows:,} held-out rows)"
    )
    return (
        f"{found}, {'more' if is_better else 'not significantly more'} than the margin of {rule.margin:.1%}"
    )


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
