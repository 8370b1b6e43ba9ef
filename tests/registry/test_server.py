import asyncio
import json
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
import uvicorn

from fuelgauge import paths
from fuelgauge.config.compose import compose
from fuelgauge.registry import _final as final
from fuelgauge.registry import register
from fuelgauge.registry._choice import best_contestant
from fuelgauge.registry.server import Switchboard, repeat
from fuelgauge.registry.versions import Registry, RegistryError
from fuelgauge.spec.params import TrackingConfig
from fuelgauge.sweep.trial import rows_of
from tests.registry.made_trials import write_trials

SMALL = ("dataset=mnist1d", "registry.resamples=100")


@contextmanager
def serving(board: Switchboard):
    """Run the server in a thread and yield its address."""
    server = uvicorn.Server(uvicorn.Config(board, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def ask(address: str, content: object) -> tuple[int, dict]:
    request = urllib.request.Request(
        f"{address}/invocations", json.dumps(content).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def who(address: str) -> str:
    with urllib.request.urlopen(f"{address}/champion", timeout=30) as answer:
        return json.load(answer)["version"]


def test_a_query_gets_the_predictions_of_a_trial_and_a_wrong_query_is_refused(project, tmp_path):
    write_trials({"logistic": 0.1, "dummy": 0.9})
    config = compose(*SMALL)
    register(config)
    trial = final.final_trial(final.config_of(config, best_contestant("mnist1d", config)))
    test = rows_of(trial).test.head(5)
    wanted = final.fit(trial).model.predict(test)
    with serving(Switchboard("mnist1d", Registry(config.tracking), tmp_path)) as address:
        status, answer = ask(address, {"inputs": np.asarray(test.x).tolist()})
        assert status == 200
        found = [list(row["probabilities"].values()) for row in answer["predictions"]]
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
        assert [int(row["label"]) for row in answer["predictions"]] == wanted.argmax(axis=1).tolist()
        status, answer = ask(address, {"inputs": [[1.0, 2.0]]})
        assert status == 400
        assert "does not match expected shape (-1, 40, 1)" in answer["message"]
        with urllib.request.urlopen(f"{address}/metrics", timeout=30) as metrics:
            assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
            text = metrics.read().decode()
        assert 'fuelgauge_champion_info{dataset="mnist1d",version="1",model="' in text
        assert 'fuelgauge_requests_total{status="400"} 1\n' in text
        assert "fuelgauge_rows_total 5\n" in text
    small = compose(*SMALL, "registry.max_body_mib=0.01")
    with serving(Switchboard("mnist1d", Registry(config.tracking), tmp_path, small.registry)) as address:
        assert ask(address, {"inputs": np.zeros((1, 40, 1)).tolist()})[0] == 200
        status, answer = ask(address, {"inputs": np.zeros((100, 40, 1)).tolist()})
        assert status == 413
        assert "larger than 0.01 MiB (registry.max_body_mib); send fewer rows" in answer["message"]


def test_without_a_champion_the_error_names_the_command_that_makes_one(project, tmp_path):
    with pytest.raises(RegistryError, match="mnist1d has no champion yet; make one with: make register"):
        Switchboard("mnist1d", Registry(compose().tracking), tmp_path)


class Kept:
    """A registry whose champion a test chooses."""

    tracking = TrackingConfig(uri="postgresql://user:secret@127.0.0.1/mlflow")
    champions = "1"

    def champion(self, _: str) -> SimpleNamespace:
        return SimpleNamespace(version=self.champions)


@pytest.fixture
def board(tmp_path, monkeypatch):
    """Return a switchboard whose apps come from `make`, which a test may replace."""

    def app_of(self, version, folder):
        (folder / "weights").touch()
        self.tried.append(version.version)
        if version.version in self.broken:
            raise self.broken[version.version]
        return self.make(version.version)

    async def nothing(scope, receive, send):
        pass

    monkeypatch.setattr(Switchboard, "tried", [], raising=False)
    monkeypatch.setattr(Switchboard, "broken", {}, raising=False)
    monkeypatch.setattr(Switchboard, "make", lambda *_: nothing, raising=False)
    monkeypatch.setattr(Switchboard, "app_of", app_of)
    return Switchboard("mnist1d", Kept(), tmp_path)


def folders(board: Switchboard) -> list[str]:
    return sorted(path.name.partition("-")[0] for path in board.room.iterdir())


def test_a_version_that_fails_to_load_is_tried_once_until_the_alias_moves(board, caplog):
    board.broken["2"] = ValueError("no postgresql://user:secret@127.0.0.1/mlflow\nTraceback")
    board.registry.champions = "2"
    for _ in range(3):
        board.follow()
    assert (board.version, board.tried, folders(board)) == ("1", ["1", "2"], ["1"])
    assert [r.getMessage() for r in caplog.records if r.levelname == "WARNING"] == [
        "version 1 of mnist1d keeps answering: no postgresql://127.0.0.1/mlflow"
    ]
    board.registry.champions = "3"
    board.follow()
    board.registry.champions, board.broken = "2", {}
    board.follow()
    assert (board.version, board.tried) == ("2", ["1", "2", "3", "2"])


def test_an_unreachable_registry_is_tried_again_and_reported_once(board, caplog):
    board.broken["2"] = RegistryError("the registry is away")
    board.registry.champions = "2"
    board.follow()
    board.follow()
    assert board.tried == ["1", "2", "2"]
    assert caplog.text.count("the registry is away") == 1
    board.broken.clear()
    board.follow()
    assert board.version == "2"


def test_the_files_of_an_old_version_go_when_its_last_request_has_ended(board):
    async def switch_while_answering() -> None:
        begun, may_end = asyncio.Event(), asyncio.Event()

        async def slow(scope, receive, send):
            begun.set()
            await may_end.wait()

        board.present.app = slow
        request = asyncio.create_task(board(None, None, None))
        await begun.wait()
        board.registry.champions = "2"
        board.follow()
        board.follow()
        assert (board.version, folders(board)) == ("2", ["1", "2"])
        may_end.set()
        await request
        board.follow()
        assert folders(board) == ["2"]

    asyncio.run(switch_while_answering())


@pytest.mark.slow
def test_no_request_fails_while_the_champion_changes(project, tmp_path):
    write_trials({"dummy": 0.1, "logistic": 0.9})
    register(compose(*SMALL))
    registry = Registry(compose().tracking)
    board = Switchboard("mnist1d", registry, tmp_path)
    example = {"inputs": np.zeros((1, 40, 1)).tolist()}
    statuses, ended = [], threading.Event()
    with serving(board) as address:

        def load() -> None:
            while not ended.is_set():
                statuses.append(ask(address, example)[0])

        loop = threading.Thread(target=load)
        loop.start()
        looks = repeat(board.follow, 0.2)
        assert who(address) == "1"
        write_trials({"dummy": 0.9, "logistic": 0.1})
        assert register(compose(*SMALL)).promoted
        end = time.monotonic() + 60
        while who(address) == "1" and time.monotonic() < end:
            time.sleep(0.05)
        before = len(statuses)
        while len(statuses) < before + 20:
            time.sleep(0.01)
        ended.set()
        loop.join()
        looks.set()
        assert who(address) == "2"
    assert set(statuses) == {200}


@pytest.mark.slow
def test_a_champion_that_is_refused_leaves_the_old_one_answering(project, tmp_path, caplog):
    write_trials({"dummy": 0.1, "logistic": 0.9})
    register(compose(*SMALL))
    board = Switchboard("mnist1d", Registry(compose().tracking), tmp_path)
    write_trials({"dummy": 0.9, "logistic": 0.1})
    register(compose(*SMALL))
    for folder in (paths.ROOT / "mlartifacts/mnist1d/models").glob("*/artifacts"):
        (folder / "evil.pkl").write_bytes(b"\x80\x04.")
    board.follow()
    assert board.version == "1"
    assert "version 1 of mnist1d keeps answering: models:/mnist1d/2 holds the file 'evil.pkl'" in caplog.text
