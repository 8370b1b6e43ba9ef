"""The scoring server for the champion of a dataset; it switches to a new champion without a pause.

Each version gets its own scoring app with its own signature. A thread checks the alias `champion` at
regular intervals. If the alias has moved, the new version is fetched, checked, loaded and tested on its own
example. Only then does the server pass new requests to the new app. The old app finishes the requests that it
has begun; then its files are removed. A version that is refused or fails to load is not tried again until the
alias has moved.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fuelgauge.errors import FuelgaugeError
from fuelgauge.registry import package
from fuelgauge.registry._answers import Answer
from fuelgauge.registry._metrics import Metrics
from fuelgauge.registry._rival import Difference, Rival
from fuelgauge.registry._scoring import MEBIBYTE, RequestLog, Scorer, ScoringApp
from fuelgauge.registry.versions import CHALLENGER, CHAMPION, Registry, RegistryError
from fuelgauge.spec.params import CANARY, NONE, Config, RegistryConfig
from fuelgauge.tracking.tracker import first_line

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

__all__ = ["Switchboard", "serve"]

log = logging.getLogger("fuelgauge")


@dataclass
class Answering:
    """A loaded version that answers queries.

    Attributes
    ----------
    app
        Scoring app of the version.
    folder
        Folder with the files of the version.
    in_flight
        Number of requests in progress.
    """

    app: Any
    version: str
    folder: Path
    in_flight: int = 0


class Switchboard:
    """An ASGI application that passes each request to the scoring app of the present champion.

    Parameters
    ----------
    dataset
        Name of the dataset.
    room
        Folder for the files of versions.
    rule
        Settings of the server; None for the defaults.

    Raises
    ------
    RegistryError
        The dataset does not have a champion.
    RefusedModelError
        The champion was not logged by a register run, or was changed since then.
    """

    def __init__(self, dataset: str, registry: Registry, room: Path, rule: RegistryConfig | None = None):
        self.dataset, self.registry, self.room = dataset, registry, room
        self.rule = rule or RegistryConfig()
        self.metrics = Metrics()
        self.requests = RequestLog(self.rule.request_log, self.rule.log_values)
        self.lock = threading.Lock()
        self.retired: list[Answering] = []
        self.refused = self.said = ""
        self.rival: Rival | None = None
        self.beside: Answering | None = None
        self.refused_beside = self.said_beside = ""
        champion = registry.champion(dataset)
        if champion is None:
            raise RegistryError(
                f"{dataset} has no champion yet; make one with: make register DATASET={dataset}"
            )
        self.present = self.loaded(champion)
        log.info("%s: serving version %s", dataset, self.version)
        self.follow_challenger()

    @property
    def version(self) -> str:
        """Version that answers requests."""
        return self.present.version

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request with the app that is the present one when the request arrives."""
        with self.lock:
            answering = self.present
            answering.in_flight += 1
        try:
            await answering.app(scope, receive, send)
        finally:
            with self.lock:
                answering.in_flight -= 1

    def loaded(self, version: ModelVersion) -> Answering:
        """Load a version and return it after it has answered its own example."""
        folder = Path(tempfile.mkdtemp(dir=self.room, prefix=f"{version.version}-"))
        try:
            app = self.app_of(version, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return Answering(app, str(version.version), folder)

    def app_of(self, version: ModelVersion, folder: Path) -> Any:
        """Return the scoring app of a version; its files are fetched into the folder."""
        from mlflow.pyfunc import scoring_server

        model = package.load(self.registry.fetch(version, folder))
        model.predict(model.input_example)
        others = scoring_server.init(model)
        about = {"dataset": self.dataset, "version": str(version.version), "model": version.tags["model"]}
        others.get(f"/{CHAMPION}")(lambda: about)
        limit = int(self.rule.max_body_mib * MEBIBYTE)
        return ScoringApp(
            Scorer(model), others, about, self.metrics, self.requests, limit, lambda: self.rival
        )

    def follow(self) -> None:
        """Switch to the champion if another version answers; errors are logged and not raised."""
        self.clear_away()
        try:
            champion = self.registry.champion(self.dataset)
        except Exception as error:  # without the registry, the present version keeps answering
            self.say(error)
            return
        if champion is None or str(champion.version) == self.version:
            self.refused = self.said = ""
        elif str(champion.version) != self.refused:
            self.try_to_switch_to(champion)
        self.follow_challenger()

    def follow_challenger(self) -> None:
        """Give the present challenger its share of the queries; its errors never harm the champion."""
        if self.rule.challenger == NONE:
            return
        try:
            challenger = self.registry.alias(self.dataset, CHALLENGER)
        except Exception as error:  # the registry is tried again at the next look
            self.say_beside(error)
            return
        number = str(challenger.version) if challenger is not None else ""
        if challenger is None or number == self.version:
            self.put_beside(None)
        elif number not in (self.refused_beside, self.beside.version if self.beside else ""):
            try:
                self.put_beside(self.loaded(challenger))
            except Exception as error:  # a model may raise anything
                self.refused_beside = number
                self.put_beside(None)
                self.say_beside(error)

    def put_beside(self, fresh: Answering | None) -> None:
        """Let a version be the challenger beside the champion, or none."""
        former, self.beside = self.beside, fresh
        if self.rival is not None:
            self.rival.worker.shutdown(wait=False)
        self.rival = None
        if fresh is not None:
            is_canary = self.rule.challenger == CANARY
            share = self.rule.challenger_share
            self.rival = Rival(fresh.app.scorer, fresh.app.about, is_canary, share, self.compared)
            log.info("%s: version %s beside it (%s)", self.dataset, fresh.version, self.rule.challenger)
        if former is not None:
            with self.lock:
                self.retired.append(former)

    def compared(self, champion: str, challenger: str, one: Answer, other: Answer, found: Difference) -> None:
        """Count and log the difference of two answers to a query."""
        self.metrics.add_comparison(challenger, found.n_rows, found.n_labels, found.total)
        self.requests.compare((champion, challenger), one, other, found)

    def say_beside(self, error: Exception) -> None:
        """Log why there is no challenger; log the same reason only once."""
        reason = self.reason(error)
        if reason != self.said_beside:
            log.warning("%s: no challenger answers: %s", self.dataset, reason)
            self.said_beside = reason

    def try_to_switch_to(self, champion: ModelVersion) -> None:
        """Switch to a new champion; remember a version that fails, unless the registry caused the failure."""
        try:
            fresh = self.loaded(champion)
        except RegistryError as error:
            self.say(error)
        except Exception as error:  # a model may raise anything; the old version keeps answering
            self.refused = str(champion.version)
            self.say(error)
        else:
            with self.lock:
                self.retired.append(self.present)
                self.present = fresh
            log.info("%s: now serving version %s", self.dataset, fresh.version)
            self.refused = self.said = ""

    def clear_away(self) -> None:
        """Remove the files of old versions that have finished their requests."""
        with self.lock:
            ended = [old for old in self.retired if not old.in_flight]
            self.retired = [old for old in self.retired if old.in_flight]
        for old in ended:
            shutil.rmtree(old.folder, ignore_errors=True)

    def say(self, error: Exception) -> None:
        """Log why the old version keeps answering; log the same reason only once."""
        reason = self.reason(error)
        if reason != self.said:
            log.warning("version %s of %s keeps answering: %s", self.version, self.dataset, reason)
            self.said = reason

    def reason(self, error: Exception) -> str:
        """Return an error in one line without the password of the registry."""
        is_a_sentence = isinstance(error, FuelgaugeError)
        return str(error) if is_a_sentence else first_line(error, self.registry.tracking.uri)


def repeat(call: Callable[[], None], seconds: float) -> threading.Event:
    """Call a function at regular intervals in a new thread, and return the event that stops it.

    Parameters
    ----------
    seconds
        Pause between two calls.
    """
    ended = threading.Event()

    def loop() -> None:
        while not ended.wait(seconds):
            call()

    threading.Thread(target=loop, daemon=True).start()
    return ended


def serve(config: Config) -> None:
    """Serve the champion of a dataset until the process is interrupted.

    Raises
    ------
    RegistryError
        The dataset does not have a champion, or the registry cannot be used.
    """
    import uvicorn

    rule = config.registry
    with tempfile.TemporaryDirectory() as room:
        board = Switchboard(config.dataset.name, Registry(config.tracking), Path(room), rule)
        log.info("http://%s:%s/invocations  (stop it with Ctrl-C)", rule.host, rule.port)
        ended = repeat(board.follow, rule.look_seconds)
        try:
            uvicorn.run(board, host=rule.host, port=rule.port, log_level="warning", lifespan="off")
        finally:
            ended.set()
