"""MLflow's scoring server for the champion of a dataset, which follows the champion without a pause.

Each version gets an MLflow scoring app of its own, with its own signature. A thread looks the alias up; when
it has moved, the new version is fetched, checked, loaded and tried on its own example, and only then does the
server pass new requests to its app. Requests that the old app has begun it also ends.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fuelgauge.config import Config
from fuelgauge.registry import package
from fuelgauge.registry.versions import CHAMPION, Registry, RegistryError

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

log = logging.getLogger("fuelgauge")


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
        champion = registry.champion(dataset)
        if champion is None:
            raise RegistryError(
                f"{dataset} has no champion yet; make one with: make register DATASET={dataset}"
            )
        self.switch_to(champion)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request with the app that is the champion's at this moment."""
        await self.app(scope, receive, send)

    def switch_to(self, version: ModelVersion) -> None:
        """Load a version and, when it has answered its own example, let it answer queries."""
        from mlflow.pyfunc import scoring_server

        folder = self.room / str(version.version)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        model = package.load(self.registry.fetch(version, folder))
        model.predict(model.input_example)
        app = scoring_server.init(model)
        about = {"dataset": self.dataset, "version": str(version.version), "model": version.tags["model"]}
        app.get(f"/{CHAMPION}")(lambda: about)
        self.app, self.version = app, str(version.version)
        log.info("%s is answered by version %s, %s", self.dataset, self.version, about["model"])

    def follow(self) -> None:
        """Switch if the champion is another than the one that answers; what goes wrong is only said."""
        try:
            champion = self.registry.champion(self.dataset)
            if champion is not None and str(champion.version) != self.version:
                self.switch_to(champion)
        except Exception as error:  # the old champion answers on
            log.warning("version %s of %s answers on: %s", self.version, self.dataset, error)


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
