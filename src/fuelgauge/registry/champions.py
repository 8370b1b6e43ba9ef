"""What a person decides about the champion of a dataset: the history, and the orders that registrations obey.

Orders are tags in the registry, so that every machine obeys them. They take effect at once, also while a
registration is at work: it looks at the champion again right before it moves the alias.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fuelgauge import paths
from fuelgauge.registry._decision import Decision, decision_of, loss_at_registration, loss_of_interval
from fuelgauge.registry.package import RefusedModelError
from fuelgauge.registry.versions import (
    ACTION,
    CHALLENGER,
    CHAMPION,
    MOVE,
    PINNED,
    REJECTED,
    SHA256,
    Registry,
    RegistryError,
    Standing,
    now,
)

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

__all__ = ["Champions", "Row", "day"]


@dataclass(frozen=True)
class Row:
    """A version in the history of a dataset.

    Parameters
    ----------
    version
        Number of the version.
    date
        Day of the registration, in UTC.
    contestant
        Name of the contestant.
    loss
        Loss on held-out rows when it was registered, with its interval.
    decision
        Role at present, or the decision of the registration.
    reason
        Reason of the decision, and the last order of a person about this version.
    """

    version: str
    date: str
    contestant: str
    loss: str
    decision: str
    reason: str

    def cells(self) -> tuple[str, ...]:
        """Return the row as texts."""
        return self.version, self.date, self.contestant, self.loss, self.decision, self.reason


class Champions:
    """The versions of a dataset in the registry, and the orders about them.

    Every order returns one sentence about its effect.

    Raises
    ------
    RegistryError
        The dataset does not have a version, or an order cannot be carried out.
    """

    def __init__(self, registry: Registry, dataset: str):
        self.registry, self.dataset, self.client = registry, dataset, registry.client
        self.command = f"fuelgauge champion {dataset}"
        self.versions: dict[str, ModelVersion] = {}
        self.standing: Standing = self.read()
        if not self.versions:
            raise RegistryError(
                f"{dataset} has no registered version yet; make one with: make register DATASET={dataset}"
            )

    def read(self) -> Standing:
        """Read the versions and the standing of the dataset from the registry."""
        self.versions = {str(v.version): v for v in self.registry.versions(self.dataset)}
        self.standing = self.registry.standing(self.dataset)
        return self.standing

    @property
    def latest(self) -> ModelVersion:
        """The version that was registered last."""
        return list(self.versions.values())[-1]

    def loss_at_registration(self, metric: str) -> float | None:
        """Return the loss of the champion on held-out rows when it was registered, or None if unknown."""
        return loss_at_registration(self.standing.champion, metric)

    def summary(self) -> list[str]:
        """Return champion, challenger and pinned version, one line each."""
        challenger = self.registry.alias(self.dataset, CHALLENGER)
        named = {
            "champion": self.standing.number,
            "challenger": str(challenger.version) if challenger else "",
        }
        lines = [f"{role:<11} {self.described(number)}" for role, number in named.items()]
        if self.standing.pinned:
            lines.append(f"{'pinned':<11} version {self.standing.pinned}; undo with: {self.command} --unpin")
        return lines

    def described(self, number: str) -> str:
        """Return a version in words."""
        if number not in self.versions:
            return "none"
        version = self.versions[number]
        return f"version {number}, {version.tags.get('model', 'unknown')}, registered on {day(version)}"

    def history(self) -> list[Row]:
        """Return all versions, the latest one first."""
        past = self.registry.former(self.dataset)
        return [self.row(number, version, past) for number, version in reversed(self.versions.items())]

    def row(self, number: str, version: ModelVersion, past: list[str]) -> Row:
        """Return a version as a row of the history."""
        known = decision_of(version)
        reasons = [known.in_words if known else "no decision is recorded", version.tags.get(ACTION, "")]
        return Row(
            number,
            day(version),
            version.tags.get("model", ""),
            loss_in_words(known),
            ", ".join(self.roles(number, version, known, past)),
            "; ".join(filter(None, reasons)),
        )

    def roles(
        self, number: str, version: ModelVersion, known: Decision | None, past: list[str]
    ) -> Iterator[str]:
        """Yield the roles of a version: at present, or in the decision about it."""
        is_champion = number == self.standing.number
        if is_champion:
            yield "champion"
        if number == self.standing.pinned:
            yield "pinned"
        if REJECTED in version.tags:
            yield "rejected"
        if number in past and not is_champion:
            yield "former champion"
        elif not is_champion and REJECTED not in version.tags:
            yield "waits for promotion" if known and known.won else "not promoted"

    def rollback(self) -> str:
        """Go back to the previous champion, and reject the present one."""
        with self.changing():
            present, pinned = self.standing.number, self.standing.pinned
            if not present:
                raise RegistryError(f"{self.dataset} has no champion, so there is nothing to go back from.")
            self.refuse_pinned(pinned, "a rollback would move the champion")
            previous = self.previous()
            if not previous:
                raise RegistryError(
                    f"{self.dataset} has no earlier champion that is not rejected, so version {present} "
                    f"stays; remove it without a successor with: {self.command} --reject {present}"
                )
            self.mark(present, REJECTED, "rejected by a rollback")
            self.move(previous, f"champion again after a rollback from version {present}")
        return (
            f"version {previous} of {self.dataset} is champion again; version {present} is rejected and "
            f"stays so until: {self.command} --allow {present}"
        )

    def pin(self, number: str) -> str:
        """Make a version the champion, and keep it whatever registrations find."""
        with self.changing():
            self.refuse_unusable(number)
            with self.registry.reaching():
                self.client.set_registered_model_tag(self.dataset, PINNED, number)
            if number != self.standing.number:
                self.move(number, "pinned by a person")
        return (
            f"version {number} of {self.dataset} is pinned: it stays champion until: {self.command} --unpin"
        )

    def unpin(self) -> str:
        """Let registrations move the champion again."""
        with self.changing():
            pinned = self.standing.pinned
            if not pinned:
                return f"no version of {self.dataset} is pinned; nothing has changed"
            with self.registry.reaching():
                self.client.delete_registered_model_tag(self.dataset, PINNED)
        return (
            f"version {pinned} of {self.dataset} is no longer pinned; the next registration may move the "
            "champion"
        )

    def reject(self, number: str) -> str:
        """Bar a version from being champion; if it is champion, go back to the previous one."""
        with self.changing():
            self.find(number)
            if number == self.standing.pinned:
                self.refuse_pinned(number, "a pinned version cannot be rejected")
            self.mark(number, REJECTED, "rejected by a person")
            challenger = self.registry.alias(self.dataset, CHALLENGER)
            with self.registry.reaching():
                if challenger is not None and str(challenger.version) == number:
                    self.client.delete_registered_model_alias(self.dataset, CHALLENGER)
            effect = self.replace_rejected(number) if number == self.standing.number else ""
        undo = f"undo with: {self.command} --allow {number}"
        return f"version {number} of {self.dataset} is rejected{effect}; {undo}"

    def replace_rejected(self, number: str) -> str:
        """Replace a champion that has just been rejected, and return the effect in words."""
        previous = self.previous()
        if previous:
            self.move(previous, f"champion again, because version {number} was rejected")
            return f", and version {previous} is champion again"
        with self.registry.reaching():
            self.client.delete_registered_model_alias(self.dataset, CHAMPION)
        return ", and there is no champion now, because no earlier one is left"

    def allow(self, number: str) -> str:
        """Undo a rejection."""
        with self.changing():
            version = self.find(number)
            if REJECTED not in version.tags:
                return f"version {number} of {self.dataset} is not rejected; nothing has changed"
            with self.registry.reaching():
                self.client.delete_model_version_tag(self.dataset, number, REJECTED)
                self.client.set_model_version_tag(
                    self.dataset, number, ACTION, f"allowed again on {now()} UTC"
                )
        return f"version {number} of {self.dataset} may become champion again, if a registration says so"

    def promote(self, number: str) -> str:
        """Make a version the champion, unless it was compared with another champion than the present one."""
        with self.changing():
            self.refuse_unusable(number)
            present, known = self.standing.number, decision_of(self.versions[number])
            if number == present:
                return f"version {number} of {self.dataset} is champion already; nothing has changed"
            if self.standing.pinned not in ("", number):
                self.refuse_pinned(self.standing.pinned, "a promotion would move the champion")
            if known and known.won and known.champion != present:
                raise RegistryError(
                    f"version {number} of {self.dataset} was compared with {champion_of(known.champion)}, "
                    f"but {champion_of(present)} is there now; compare again with: make register "
                    f"DATASET={self.dataset}, or keep it whatever comes with: {self.command} --pin {number}"
                )
            self.move(number, "promoted by a person")
        return f"version {number} of {self.dataset} is champion now"

    def promote_reported(self) -> str:
        """Promote the version in reports/champions, if it has won and waits for a person.

        After the merge of a retraining these are the reports that were reviewed.
        """
        path = paths.REPORTS / "champions" / f"{self.dataset}.json"
        decision = self.reported(path)
        if decision.promoted or not decision.won or decision.stop:
            done = "is champion already" if decision.promoted else "is not to be promoted"
            return f"version {decision.version} of {self.dataset} {done} ({decision.in_words})"
        return self.promote(decision.version)

    def reported(self, path: Path) -> Decision:
        """Return the decision in a report of the register stage."""
        try:
            return Decision.from_json(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError as error:
            raise RegistryError(
                f"{path} does not exist, so there is no decision to carry out; get it with: dvc pull "
                f"register@{self.dataset}, or name the version: {self.command} --promote VERSION"
            ) from error
        except (ValueError, LookupError, TypeError) as error:
            raise RegistryError(
                f"{path} is not a report of the register stage; make it again with: make register "
                f"DATASET={self.dataset}"
            ) from error

    def previous(self) -> str:
        """Return the latest former champion that may be champion again; empty if there is none."""
        barred = {self.standing.number, *self.standing.rejected}
        past = [n for n in self.registry.former(self.dataset) if n in self.versions and n not in barred]
        return past[-1] if past else ""

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the lease for moves of the champion; the standing is read at the beginning and at the end."""
        with self.registry.lease(self.dataset, MOVE):
            self.read()
            yield
        self.read()

    def find(self, number: str) -> ModelVersion:
        """Return a version; raise RegistryError if it does not exist."""
        if number not in self.versions:
            raise RegistryError(
                f"version '{number}' of {self.dataset} does not exist; versions: {', '.join(self.versions)}."
            )
        return self.versions[number]

    def refuse_unusable(self, number: str) -> None:
        """Raise an error if a version cannot be champion."""
        version = self.find(number)
        if SHA256 not in version.tags:
            raise RefusedModelError(
                f"models:/{self.dataset}/{number} was not logged by a register run; it is refused."
            )
        if REJECTED in version.tags:
            raise RegistryError(
                f"version {number} of {self.dataset} is rejected; undo this first with: {self.command} "
                f"--allow {number}"
            )

    def refuse_pinned(self, pinned: str, what: str) -> None:
        """Raise RegistryError if a version is pinned."""
        if pinned:
            raise RegistryError(
                f"version {pinned} of {self.dataset} is pinned, and {what}; undo this first with: "
                f"{self.command} --unpin"
            )

    def move(self, number: str, how: str) -> None:
        """Move the champion, and note how on the version."""
        with self.registry.reaching():
            self.client.set_model_version_tag(self.dataset, number, ACTION, f"{how} on {now()} UTC")
        self.registry.move(self.dataset, number)

    def mark(self, number: str, tag: str, how: str) -> None:
        """Set a tag of a version to the present time, and note the order on the version."""
        with self.registry.reaching():
            self.client.set_model_version_tag(self.dataset, number, tag, now())
            self.client.set_model_version_tag(self.dataset, number, ACTION, f"{how} on {now()} UTC")
        self.standing = self.registry.standing(self.dataset)


def champion_of(number: str) -> str:
    """Return a champion in words."""
    return f"version {number} as champion" if number else "no champion"


def day(version: ModelVersion) -> str:
    """Return the day on which a version was registered, in UTC."""
    return datetime.fromtimestamp(version.creation_timestamp / 1000, UTC).strftime("%Y-%m-%d")


def loss_in_words(decision: Decision | None) -> str:
    """Return the loss of a decision with its interval; empty if it is unknown."""
    if decision is None or decision.metric not in decision.metrics:
        return ""
    loss = loss_of_interval(decision.metrics[decision.metric], decision.metric)
    return f"{loss.value:.4g} ({loss.lo:.4g} to {loss.hi:.4g})"
