"""MLflow's scoring server for the champion of a dataset, which follows the champion without a pause.

Each version gets an MLflow scoring app of its own, with its own signature. A thread looks the alias up; when
it has moved, the new version is fetched, checked, loaded and tried on its own example, and only then does the
server pass new requests to its app. Requests that the old app has begun it also ends; then its files are
removed. A version that is refused or cannot be loaded is not tried again until the alias has moved.
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
from fuelgauge.registry.versions import CHAMPION, Registry, RegistryError
from fuelgauge.spec.params import Config
from fuelgauge.tracking.tracker import first_line

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

log = logging.getLogger("fuelgauge")


@dataclass
class Answering:
    """A version that answers queries, and how many it is answering now."""

    app: Any
    version: str
    folder: Path
    in_flight: int = 0


class Switchboard:
    """An ASGI application that passes requests on to the scoring app of the present champion.

    Parameters
    ----------
    room
        A folder for the files of versions.

    Raises
    ------
    RegistryError
        The dataset has no champion.
    RefusedModelError
        The champion was not logged by a register run, or is no longer what was registered.
    """

    def __init__(self, dataset: str, registry: Registry, room: Path):
        self.dataset, self.registry, self.room = dataset, registry, room
        self.lock = threading.Lock()
        self.retired: list[Answering] = []
        self.refused = self.said = ""
        champion = registry.champion(dataset)
        if champion is None:
            raise RegistryError(
                f"{dataset} has no champion yet; make one with: make register DATASET={dataset}"
            )
        self.present = self.loaded(champion)
        log.info("%s is answered by version %s", dataset, self.version)

    @property
    def version(self) -> str:
        """The version that answers."""
        return self.present.version

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request with the app that is the champion's at this moment."""
        with self.lock:
            answering = self.present
            answering.in_flight += 1
        try:
            await answering.app(scope, receive, send)
        finally:
            with self.lock:
                answering.in_flight -= 1

    def loaded(self, version: ModelVersion) -> Answering:
        """Return a version that is loaded and has answered its own example."""
        folder = Path(tempfile.mkdtemp(dir=self.room, prefix=f"{version.version}-"))
        try:
            app = self.app_of(version, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return Answering(app, str(version.version), folder)

    def app_of(self, version: ModelVersion, folder: Path) -> Any:
        """Return the scoring app of a version whose files go into a folder."""
        from mlflow.pyfunc import scoring_server

        model = package.load(self.registry.fetch(version, folder))
        model.predict(model.input_example)
        app = scoring_server.init(model)
        about = {"dataset": self.dataset, "version": str(version.version), "model": version.tags["model"]}
        app.get(f"/{CHAMPION}")(lambda: about)
        return app

    def follow(self) -> None:
        """Switch if the champion is another than the one that answers; what goes wrong is only said."""
        self.clear_away()
        try:
            champion = self.registry.champion(self.dataset)
        except Exception as error:  # the registry is away; the champion answers on
            self.say(error)
            return
        if champion is None or str(champion.version) == self.version:
            self.refused = self.said = ""
        elif str(champion.version) != self.refused:
            self.try_to_switch_to(champion)

    def try_to_switch_to(self, champion: ModelVersion) -> None:
        """Let a new champion answer; one that cannot is remembered, unless the registry is at fault."""
        try:
            fresh = self.loaded(champion)
        except RegistryError as error:
            self.say(error)
        except Exception as error:  # whatever a model or its files may raise; the old champion answers on
            self.refused = str(champion.version)
            self.say(error)
        else:
            with self.lock:
                self.retired.append(self.present)
                self.present = fresh
            log.info("%s is answered by version %s now", self.dataset, fresh.version)
            self.refused = self.said = ""

    def clear_away(self) -> None:
        """Remove the files of versions that answer no request any more."""
        with self.lock:
            ended = [old for old in self.retired if not old.in_flight]
            self.retired = [old for old in self.retired if old.in_flight]
        for old in ended:
            shutil.rmtree(old.folder, ignore_errors=True)

    def say(self, error: Exception) -> None:
        """Log that the old champion answers on and why, once for the same reason."""
        is_a_sentence = isinstance(error, FuelgaugeError)
        reason = str(error) if is_a_sentence else first_line(error, self.registry.tracking.uri)
        if reason != self.said:
            log.warning("version %s of %s answers on: %s", self.version, self.dataset, reason)
            self.said = reason


def repeat(call: Callable[[], None], seconds: float) -> threading.Event:
    """Call a function every so many seconds in a thread of its own, until the returned event is set."""
    ended = threading.Event()

    def loop() -> None:
        while not ended.wait(seconds):
            call()

    threading.Thread(target=loop, daemon=True).start()
    return ended


def serve(config: Config) -> None:
    """Serve the champion of a dataset until interrupted.

    Raises
    ------
    RegistryError
        There is no champion, or the registry cannot be reached.
    """
    import uvicorn

    rule = config.registry
    with tempfile.TemporaryDirectory() as room:
        board = Switchboard(config.dataset.name, Registry(config.tracking), Path(room))
        log.info("http://%s:%s/invocations  (Ctrl-C ends it)", rule.host, rule.port)
        ended = repeat(board.follow, rule.look_seconds)
        try:
            uvicorn.run(board, host=rule.host, port=rule.port, log_level="warning", lifespan="off")
        finally:
            ended.set()
