"""Shadow and canary: a share of the queries is answered by the challenger too, and differences are said."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from fuelgauge.config.checks import check_registry
from fuelgauge.errors import ConfigError
from fuelgauge.registry._answers import Answer
from fuelgauge.registry._metrics import Metrics
from fuelgauge.registry._rival import MOST_WAITING, Difference, Rival, difference
from fuelgauge.registry._scoring import RequestLog, ScoringApp
from fuelgauge.registry.server import Switchboard
from fuelgauge.spec.params import RegistryConfig, TrackingConfig

CHAMPION = {"dataset": "clients", "version": "1", "model": "ridge"}
CHALLENGER = {"dataset": "clients", "version": "2", "model": "mlp"}
YES = {"label": "yes", "probabilities": {"no": 0.25, "yes": 0.75}}
NO = {"label": "no", "probabilities": {"no": 0.5, "yes": 0.5}}


def answer(*rows: dict, status: int = 200) -> Answer:
    return Answer(status, json.dumps({"predictions": rows}).encode(), len(rows))


def app_of(champion, challenger, tmp_path, mode: str, share: float = 1.0):
    """Return an app with a challenger beside it, its metrics and the file of its log."""
    board = SimpleNamespace(metrics=Metrics(), requests=RequestLog(str(tmp_path / "log.jsonl")))

    def report(*arguments):
        Switchboard.compared(board, *arguments)

    rival = Rival(challenger, CHALLENGER, mode == "canary", share, report)
    app = ScoringApp(champion, None, CHAMPION, board.metrics, board.requests, 1000, lambda: rival)
    return app, rival, board.metrics, tmp_path / "log.jsonl"


def post(app: ScoringApp, times: int = 1) -> list[dict]:
    """Send a query and return the rows of each answer."""
    found = []

    async def receive():
        return {"type": "http.request", "body": b"{}"}

    async def send(message):
        if message["type"] == "http.response.body":
            found.append(json.loads(message["body"])["predictions"])

    scope = {"method": "POST", "path": "/invocations", "headers": [(b"content-type", b"application/json")]}

    async def ask():
        for _ in range(times):
            await app(scope, receive, send)

    asyncio.run(ask())
    return found


@pytest.mark.parametrize("mode", ["shadow", "canary"])
def test_both_answer_and_the_difference_is_counted_and_logged(tmp_path, mode):
    app, rival, metrics, log = app_of(lambda *_: answer(YES, YES), lambda *_: answer(YES, NO), tmp_path, mode)
    (rows,) = post(app)
    assert rows == ([YES, YES] if mode == "shadow" else [YES, NO])
    rival.worker.shutdown(wait=True)
    text = metrics.text(CHAMPION)
    assert 'fuelgauge_challenger_rows_total{challenger="2"} 2\n' in text
    assert 'fuelgauge_challenger_other_labels_total{challenger="2"} 1\n' in text
    assert 'fuelgauge_challenger_difference_total{challenger="2"} 0.25\n' in text
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    (request,) = [line for line in lines if "status" in line]
    (compared,) = [line for line in lines if "statuses" in line]
    assert request["version"] == ("1" if mode == "shadow" else "2")
    assert (compared["champion"], compared["challenger"], compared["statuses"]) == ("1", "2", [200, 200])
    assert (compared["rows"], compared["other_labels"], compared["mean_difference"]) == (2, 1, 0.125)


def test_the_share_decides_who_is_asked(tmp_path):
    asked = []
    app, rival, _, _ = app_of(
        lambda *_: answer(YES), lambda *_: asked.append(1) or answer(NO), tmp_path, "shadow", 0.0
    )
    assert post(app, 20) == [[YES]] * 20
    rival.worker.shutdown(wait=True)
    assert not asked


@pytest.mark.parametrize("mode", ["shadow", "canary"])
def test_a_challenger_that_fails_changes_no_answer(tmp_path, mode):
    def broken(*_):
        return answer(status=500)

    app, rival, metrics, log = app_of(lambda *_: answer(YES), broken, tmp_path, mode)
    assert post(app) == [[YES]]
    rival.worker.shutdown(wait=True)
    assert '{challenger="2"} 0\n' in metrics.text(CHAMPION)
    assert '"statuses": [200, 500]' in log.read_text()


def test_an_error_in_a_comparison_is_logged_and_gives_its_place_back(tmp_path, caplog):
    app, rival, _, _ = app_of(lambda *_: answer(YES), lambda *_: 1 / 0, tmp_path, "shadow")
    assert post(app, 2 * MOST_WAITING) == [[YES]] * 2 * MOST_WAITING
    rival.worker.shutdown(wait=True)
    assert rival.n_waiting == 0
    assert "champion and challenger could not be compared" in caplog.text


def test_with_too_many_waiting_comparisons_the_champion_alone_answers(tmp_path):
    app, rival, _, _ = app_of(lambda *_: answer(YES), lambda *_: answer(NO), tmp_path, "canary")
    rival.n_waiting = MOST_WAITING
    assert post(app) == [[YES]]
    assert rival.n_waiting == MOST_WAITING


def test_differences_of_values():
    found = difference(answer({"value": 1.0}, {"value": 2.0}), answer({"value": 1.5}, {"value": 0.0}))
    assert found == Difference(2, 0, 2.5)


class Kept:
    """A registry whose champion and challenger a test chooses."""

    tracking = TrackingConfig(uri="sqlite:///mlflow.db")
    challenger: str | None = "2"

    def champion(self, _: str) -> SimpleNamespace:
        return SimpleNamespace(version="1")

    def alias(self, *_: str) -> SimpleNamespace | None:
        return SimpleNamespace(version=self.challenger) if self.challenger else None


def test_the_server_follows_the_challenger_and_a_broken_one_is_tried_once(tmp_path, monkeypatch, caplog):
    tried = []

    def app_of(self, version, folder):
        tried.append(version.version)
        if version.version == "3":
            raise ValueError("no weights")
        about = {**CHAMPION, "version": version.version}
        return SimpleNamespace(scorer=lambda *_: answer(YES), about=about)

    monkeypatch.setattr(Switchboard, "app_of", app_of)
    board = Switchboard("clients", Kept(), tmp_path, RegistryConfig(challenger="shadow"))
    assert (board.version, board.rival.about["version"], board.rival.is_canary) == ("1", "2", False)
    board.registry.challenger = "3"
    board.follow()
    board.follow()
    assert (board.rival, tried) == (None, ["1", "2", "3"])
    assert caplog.text.count("clients: no challenger answers: no weights") == 1
    board.registry.challenger = "4"
    board.follow()
    assert board.rival.about["version"] == "4"
    board.registry.challenger = None
    board.follow()
    board.follow()
    assert board.rival is None
    assert sorted(path.name.partition("-")[0] for path in tmp_path.iterdir()) == ["1"]


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="challenger is 'shadows', did you mean 'shadow'"):
        check_registry(RegistryConfig(challenger="shadows"))
    with pytest.raises(ConfigError, match="registry.challenger_share is 2; it must be between 0 and 1"):
        check_registry(RegistryConfig(challenger_share=2))
