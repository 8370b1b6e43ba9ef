"""Versions of a dataset's model in the MLflow registry.

A version is created in one step with all of its tags, after its artifacts are complete. The champion is an
alias. Moving the alias is also one step, and the last one of a registration.

Tags hold what people decide: a pinned version is a tag of the registered model, and a rejected version
carries a tag of its own. Registrations obey both. Leases, also tags, keep two machines apart.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fuelgauge import paths
from fuelgauge.errors import FuelgaugeError
from fuelgauge.registry import package
from fuelgauge.registry._choice import Choice
from fuelgauge.registry._lease import Lease
from fuelgauge.registry.package import RefusedModelError
from fuelgauge.spec.params import TrackingConfig
from fuelgauge.tracking.tracker import connect, ensure_experiment, first_line, git_tags, safe_uri

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

__all__ = [
    "ACTION",
    "CHALLENGER",
    "CHAMPION",
    "DECISION",
    "MOVE",
    "PINNED",
    "REGISTRATION",
    "REJECTED",
    "SHA256",
    "Registry",
    "RegistryError",
    "Standing",
    "now",
    "one_registration",
]

log = logging.getLogger("fuelgauge")

CHAMPION, CHALLENGER = "champion", "challenger"
IDENTITY, SHA256 = "fuelgauge.identity", "fuelgauge.sha256"
DECISION, REASON = "fuelgauge.decision", "fuelgauge.reason"
PINNED, REJECTED = "fuelgauge.pinned", "fuelgauge.rejected"
PAST, ACTION = "fuelgauge.past_champions", "fuelgauge.action"
REGISTRATION, MOVE = "registration", "move of the champion"  # purposes of leases
MOST_PAST = 100  # former champions that are remembered
FORGET_AFTER = 24 * 3600.0  # age in seconds after which a run without a version counts as killed
NOT_METRICS = ("family", "hyperparameters", "device", "threads", "n_features")


class RegistryError(FuelgaugeError):
    """The registry cannot be used, or does not contain what was asked for."""


@dataclass(frozen=True)
class Standing:
    """The champion of a dataset and the orders that registrations obey.

    Parameters
    ----------
    champion
        Champion, or None if there is none.
    number
        Version of the champion; empty if there is none.
    pinned
        Version that stays champion whatever comes; empty if none is pinned.
    rejected
        Versions that must not become champion.
    """

    champion: ModelVersion | None = field(compare=False)
    number: str
    pinned: str
    rejected: frozenset[str]


class Registry:
    """The model registry of an MLflow server or database.

    Raises
    ------
    RegistryError
        Tracking is off, or the registry cannot be used.
    """

    def __init__(self, tracking: TrackingConfig):
        if not tracking.uri:
            raise RegistryError(
                "tracking is off (conf/tracking), but a champion needs a registry; set tracking=sqlite."
            )
        self.tracking = tracking
        with self.reaching():
            os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
            import mlflow

            mlflow.set_tracking_uri(tracking.uri)  # MLflow uses it to find a model's artifacts
            mlflow.set_registry_uri(tracking.uri)
            self.client = connect(tracking)

    @contextlib.contextmanager
    def reaching(self) -> Iterator[None]:
        """Turn any error of the registry into a RegistryError with one sentence."""
        try:
            yield
        except FuelgaugeError:
            raise
        except Exception as error:  # MLflow, its database and the network raise many kinds
            uri = self.tracking.uri
            raise RegistryError(
                f"the MLflow registry at {safe_uri(uri)} cannot be used ({first_line(error, uri)}); start "
                "it, or set MLFLOW_TRACKING_URI to a running one, and try again."
            ) from error

    def model(self, dataset: str) -> RegisteredModel | None:
        """Return the registered model of a dataset, or None if there is none."""
        from mlflow.exceptions import MlflowException

        with self.reaching():
            try:
                return self.client.get_registered_model(dataset)
            except MlflowException as error:
                if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                    return None
                raise

    def alias(self, dataset: str, alias: str) -> ModelVersion | None:
        """Return the version with an alias, or None if there is none."""
        model = self.model(dataset)
        if model is None or alias not in model.aliases:
            return None
        with self.reaching():
            return self.client.get_model_version(dataset, model.aliases[alias])

    def champion(self, dataset: str) -> ModelVersion | None:
        """Return the champion of a dataset, or None if there is none yet."""
        return self.alias(dataset, CHAMPION)

    def versions(self, dataset: str) -> list[ModelVersion]:
        """Return all versions of a dataset, the first one first."""
        with self.reaching():
            found = self.client.search_model_versions(f"name = '{dataset}'")
        return sorted(found, key=lambda version: int(version.version))

    def standing(self, dataset: str) -> Standing:
        """Return the champion of a dataset and the orders that registrations obey."""
        champion, model = self.champion(dataset), self.model(dataset)
        rejected = frozenset(str(v.version) for v in self.versions(dataset) if REJECTED in v.tags)
        pinned = model.tags.get(PINNED, "") if model else ""
        return Standing(champion, str(champion.version) if champion else "", pinned, rejected)

    def former(self, dataset: str) -> list[str]:
        """Return the former champions of a dataset, the latest one last.

        Registries of earlier releases do not list them; there, the decision about each champion names the
        one before it.
        """
        model = self.model(dataset)
        if model is not None and PAST in model.tags:
            return list(json.loads(model.tags[PAST]))
        decisions = {str(v.version): json.loads(v.tags.get(DECISION, "{}")) for v in self.versions(dataset)}
        champion, found = self.champion(dataset), list[str]()
        before = str(champion.version) if champion else ""
        while before := decisions.get(before, {}).get("champion", ""):
            if before in found:
                break
            found.insert(0, before)
        return found

    @contextlib.contextmanager
    def lease(self, dataset: str, purpose: str) -> Iterator[Lease]:
        """Hold the lease that lets one process at a time do something with a dataset, on any machine."""
        with self.reaching():
            self.make_model(dataset)
            lease = Lease(self.client, dataset, purpose)
            lease.acquire()
        try:
            yield lease
        finally:
            lease.release()

    def find(self, dataset: str, identity: str) -> ModelVersion | None:
        """Return the first version with an identity, or None if there is none."""
        with self.reaching():
            named = f"name = '{dataset}' and tags.`{IDENTITY}` = '{identity}'"
            found = [v for v in self.client.search_model_versions(named) if SHA256 in v.tags]
            return min(found, key=lambda version: int(version.version), default=None)

    def add(self, dataset: str, identity: str, folder: Path, choice: Choice) -> ModelVersion:
        """Log a packaged model and create a version of it.

        Parameters
        ----------
        identity
            Identity of the model, see `final_trial`.
        folder
            Folder that `Package.write` has written.
        choice
            Contestant with its learning curve.
        """
        facts = package.facts(folder)
        with self.reaching():
            experiment = ensure_experiment(self.client, dataset, self.tracking)
            self.forget_killed(dataset, experiment)
            about = {"dataset": dataset, "model": choice.name, "family": facts["family"], **git_tags()}
            tags = {**about, IDENTITY: identity}
            run = self.client.create_run(experiment, run_name=f"register {choice.name}", tags=tags)
            run_id = run.info.run_id
            logged = self.client.create_logged_model(experiment, dataset, run_id, tags=tags)
            self.log_facts(run_id, logged.model_id, facts, choice)
            self.client.log_text(run_id, package.card(folder), package.CARD)
            self.client.log_model_artifacts(logged.model_id, str(folder))
            self.client.finalize_logged_model(logged.model_id, "READY")
            self.client.set_terminated(run_id)
            self.make_model(dataset)
            return self.client.create_model_version(
                dataset,
                f"models:/{logged.model_id}",
                run_id,
                tags={**tags, SHA256: package.digest(folder)},
                description=f"{choice.name}, fitted on {facts['n_train']:,} rows",
                model_id=logged.model_id,
            )

    def forget_killed(self, dataset: str, experiment: str) -> None:
        """Delete the runs of killed registrations.

        A run without a version may belong to a registration of another machine that is still at work. So only
        runs that are older than `FORGET_AFTER` are deleted; a run is created after the fit, and its version
        follows within minutes.
        """
        registered = {version.run_id for version in self.versions(dataset)}
        registrations = f"tags.`{IDENTITY}` != ''"
        for run in self.client.search_runs([experiment], filter_string=registrations):
            is_old = time.time() - run.info.start_time / 1000 >= FORGET_AFTER
            if is_old and run.info.run_id not in registered:
                of_run = f"source_run_id = '{run.info.run_id}'"
                for model in self.client.search_logged_models([experiment], filter_string=of_run):
                    self.client.delete_logged_model(model.model_id)
                self.client.delete_run(run.info.run_id)

    def log_facts(self, run_id: str, model_id: str, facts: Mapping[str, Any], choice: Choice) -> None:
        """Log the learning curve by step, the records of the fit and the hyperparameters."""
        from mlflow.entities import Metric, Param

        moment = int(time.time() * 1000)
        metrics = [
            Metric(name, getattr(point, name), moment, point.n_train, model_id=model_id)
            for point in choice.curve
            for name in ("loss", "score", "fit_seconds")
        ]
        numbers = {k: v for k, v in facts.items() if isinstance(v, int | float) and k not in NOT_METRICS}
        metrics += [Metric(f"final_{k}", float(v), moment, 0, model_id=model_id) for k, v in numbers.items()]
        params = [Param(k, str(v)[:500]) for k, v in facts["hyperparameters"].items()]
        self.client.log_batch(run_id, metrics=metrics, params=params)
        self.client.log_dict(run_id, choice.to_json(), "learning_curve.json")

    def make_model(self, dataset: str) -> None:
        """Create the registered model if it does not exist."""
        from mlflow.exceptions import MlflowException

        try:
            self.client.create_registered_model(dataset)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def fetch(self, version: ModelVersion, folder: Path) -> Path:
        """Copy the files of a version into a private folder, check the copy and return its path.

        Raises
        ------
        RefusedModelError
            The version was not logged by a register run, or was changed since then.
        """
        from mlflow.artifacts import download_artifacts

        name = f"models:/{version.name}/{version.version}"
        if SHA256 not in version.tags:
            raise RefusedModelError(f"{name} was not logged by a register run; it is refused.")
        with self.reaching():
            uri = self.client.get_model_version_download_uri(version.name, version.version)
            fetched = Path(download_artifacts(artifact_uri=uri, dst_path=str(folder)))
        package.check(fetched, version.tags[SHA256], name)
        return fetched

    def conclude(
        self, version: ModelVersion, decision: Mapping[str, Any], promoted: bool, seen: Standing
    ) -> bool:
        """Record a decision in the tags of a version; as the last step, promote the version if so decided.

        Parameters
        ----------
        seen
            Standing that the decision is based on.

        Returns
        -------
        bool
            False, without any change, if the standing is another one by now.
        """
        name, number = version.name, version.version
        with self.lease(name, MOVE), self.reaching():
            if self.standing(name) != seen:
                return False
            self.client.set_registered_model_alias(name, CHALLENGER, number)
            self.client.set_model_version_tag(name, number, REASON, decision["reason"])
            self.client.set_model_version_tag(name, number, DECISION, json.dumps(decision))
            if promoted:
                self.move(name, str(number))
        return True

    def move(self, dataset: str, number: str) -> None:
        """Make a version the champion, and remember the former one; the caller holds the lease `MOVE`."""
        before, past = self.champion(dataset), self.former(dataset)
        if before is not None and past[-1:] != [str(before.version)]:
            past.append(str(before.version))
        challenger = self.alias(dataset, CHALLENGER)
        with self.reaching():
            self.client.set_registered_model_tag(dataset, PAST, json.dumps(past[-MOST_PAST:]))
            if challenger is not None and str(challenger.version) == number:
                self.client.delete_registered_model_alias(dataset, CHALLENGER)
            self.client.set_registered_model_alias(dataset, CHAMPION, number)


def now() -> str:
    """Return the present time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")


@contextlib.contextmanager
def one_registration(dataset: str) -> Iterator[None]:
    """Hold the lock that lets only one process of this machine register a dataset at a time."""
    path = paths.durable_root(paths.ROOT) / "data" / "registry" / f"{dataset}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
