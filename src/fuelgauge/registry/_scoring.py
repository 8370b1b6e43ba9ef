"""The scoring app of one version: it answers queries, counts them and logs them.

Versions of earlier releases are answered by MLflow's own scoring function, as before.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fuelgauge.errors import FuelgaugeError
from fuelgauge.registry._answers import Answer
from fuelgauge.registry._bodies import UnsupportedBody, rows_of
from fuelgauge.registry._metrics import CONTENT_TYPE, Metrics
from fuelgauge.registry._rival import Difference, Rival
from fuelgauge.registry._turns import in_turn, turns
from fuelgauge.registry.loader import UNSEEN, Served

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

log = logging.getLogger("fuelgauge")

BAD, TOO_LARGE, UNSUPPORTED, FAILED, TOO_SLOW = 400, 413, 415, 500, 504
CODES = {
    BAD: "INVALID_PARAMETER_VALUE",
    TOO_LARGE: "REQUEST_LIMIT_EXCEEDED",
    UNSUPPORTED: "BAD_REQUEST",
    FAILED: "INTERNAL_ERROR",
    TOO_SLOW: "DEADLINE_EXCEEDED",
}
SECONDS = 60.0  # longest time for an answer, as in MLflow
MEBIBYTE = 1 << 20


def refusal(status: int, message: str) -> Answer:
    """Return an answer that says in one sentence why there is no prediction."""
    content = {"error_code": CODES.get(status, "BAD_REQUEST"), "message": message}
    return Answer(status, json.dumps(content).encode())


class Scorer:
    """The scoring function of a loaded version: body and content type in, answer out.

    No body makes it raise an error.
    """

    def __init__(self, model: PyFuncModel):
        self.model = model
        self.served: Served = model.get_raw_model()

    def __call__(self, body: bytes, content_type: str) -> Answer:
        """Return the answer to a query."""
        try:
            if self.served.query.source is None:
                return self.by_mlflow(body, content_type)
            return self.answer(body, content_type)
        except UnsupportedBody as error:
            return refusal(UNSUPPORTED, str(error))
        except FuelgaugeError as error:
            return refusal(BAD, str(error))
        except Exception:
            log.exception("a query could not be answered")
            return refusal(FAILED, "the model failed on this query; the log of the server says why.")

    def answer(self, body: bytes, content_type: str) -> Answer:
        """Return the answer to a query, or raise a FuelgaugeError that says what is wrong with it."""
        answers, notes = self.served.answer(rows_of(body, content_type, self.served.query))
        for answer, unseen in zip(answers, notes.unseen, strict=False):
            if unseen:
                answer[UNSEEN] = unseen
        return Answer(200, json.dumps({"predictions": answers}).encode(), len(answers), notes)

    def by_mlflow(self, body: bytes, content_type: str) -> Answer:
        """Return the answer of MLflow to a query; its errors keep their message and lose their traceback."""
        from mlflow.exceptions import MlflowException
        from mlflow.pyfunc import scoring_server

        try:
            schema = self.model.metadata.get_input_schema()
            found = scoring_server.invocations(body, content_type, self.model, schema)
        except MlflowException as error:
            return refusal(error.get_http_status_code(), error.message)
        except Exception as error:  # MLflow's parsing can raise anything on a body that is not valid
            return refusal(BAD, f"the body cannot be read ({type(error).__name__}).")
        n_rows = len(json.loads(found.response)["predictions"]) if found.status == 200 else 0
        return Answer(found.status, found.response.encode(), n_rows, kind=found.mimetype)


class RequestLog:
    """A file with one line of JSON per query, or nothing.

    Parameters
    ----------
    path
        Path of the file, which grows; empty for no log.
    with_values
        Whether a line also holds the body of the query and the message of an error, which may quote values.
    """

    def __init__(self, path: str = "", with_values: bool = False):
        self.with_values = with_values
        self.lock = threading.Lock()
        self.path = Path(path) if path else None
        self.is_broken = False

    def add(self, about: Mapping[str, str], answer: Answer, seconds: float, body: bytes) -> None:
        """Write the line of a query. A file that cannot be written is reported once, and stops nothing."""
        if self.path is None:
            return
        line: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            **about,
            "status": answer.status,
            "seconds": round(seconds, 6),
            "rows": answer.n_rows,
            "bytes": len(body),
            "missing": answer.notes.missing,
            "out_of_range": answer.notes.out_of_range,
            "unseen": answer.notes.unseen_by_column,
        }
        if self.with_values:
            line |= {"query": body.decode(errors="replace"), "answer": answer.body.decode(errors="replace")}
        self.write(line)

    def compare(
        self, versions: tuple[str, str], champion: Answer, challenger: Answer, found: Difference
    ) -> None:
        """Write the line of a query that champion and challenger have answered."""
        if self.path is None:
            return
        line: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "champion": versions[0],
            "challenger": versions[1],
            "statuses": [champion.status, challenger.status],
            "rows": found.n_rows,
            "other_labels": found.n_labels,
            "mean_difference": found.total / max(1, found.n_rows),
        }
        if self.with_values:
            line["answers"] = [each.body.decode(errors="replace") for each in (champion, challenger)]
        self.write(line)

    def write(self, line: Mapping[str, Any]) -> None:
        """Append a line; report a file that cannot be written once."""
        if self.path is None:
            return
        try:
            with self.lock, self.path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")
        except OSError as error:
            if not self.is_broken:
                log.warning("the request log %s cannot be written: %s", self.path, error)
            self.is_broken = True


class ScoringApp:
    """An ASGI application that answers the queries to one version.

    Parameters
    ----------
    scorer
        Scoring function of the version.
    others
        MLflow's app of the version, which answers all other paths.
    about
        Dataset, version and model, for the metrics and the request log.
    metrics, requests
        Counts and log of the server.
    max_bytes
        Largest size of a body, in bytes.
    rival
        Function that returns the challenger that gets a share of the queries, or None.
    """

    def __init__(
        self,
        scorer: Scorer,
        others: Any,
        about: Mapping[str, str],
        metrics: Metrics,
        requests: RequestLog,
        max_bytes: int,
        rival: Callable[[], Rival | None] = lambda: None,
    ):
        self.scorer, self.others, self.about = scorer, others, about
        self.metrics, self.requests, self.max_bytes = metrics, requests, max_bytes
        self.rival = rival

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        asked = (scope.get("method"), scope.get("path"))
        if asked == ("POST", "/invocations"):
            await respond(send, await self.invoke(scope, receive))
        elif asked == ("GET", "/metrics"):
            text = self.metrics.text(self.about)
            await respond(send, Answer(200, text.encode(), kind=CONTENT_TYPE))
        else:
            await self.others(scope, receive, send)

    async def invoke(self, scope: Any, receive: Any) -> Answer:
        """Return the answer to a query, and count and log it."""
        start, body = time.perf_counter(), bytearray()
        headers = {name.lower(): value.decode("latin-1") for name, value in scope.get("headers", ())}
        try:
            async with asyncio.timeout(SECONDS):
                answer = await self.answer(headers, receive, body)
        except TimeoutError:
            turns.renew()
            answer = refusal(TOO_SLOW, f"there was no answer within {SECONDS:.0f} seconds.")
        seconds = time.perf_counter() - start
        self.metrics.add(answer.status, seconds, answer.n_rows, answer.notes)
        self.requests.add(answer.about or self.about, answer, seconds, bytes(body))
        return answer

    async def answer(self, headers: Mapping[bytes, str], receive: Any, body: bytearray) -> Answer:
        """Return the answer to a query, whose body is read as far as it is allowed to go."""
        limit = f"the body is larger than {self.max_bytes / MEBIBYTE:.3g} MiB (registry.max_body_mib)"
        told = headers.get(b"content-length", "")
        if told.isdecimal() and int(told) > self.max_bytes:
            return refusal(TOO_LARGE, f"{limit}; send fewer rows at a time.")
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return refusal(BAD, "the client has gone.")
            body += message.get("body", b"")
            if len(body) > self.max_bytes:
                return refusal(TOO_LARGE, f"{limit}; send fewer rows at a time.")
            if not message.get("more_body", False):
                break
        return await self.scored(bytes(body), headers.get(b"content-type", ""))

    async def scored(self, body: bytes, kind: str) -> Answer:
        """Return the answer of this version, or of the challenger beside it."""
        rival = self.rival()
        if rival is None:
            return await in_turn(self.scorer, body, kind)
        answer, is_rivals = await rival.answer(self.scorer, self.about["version"], body, kind)
        return replace(answer, about=rival.about) if is_rivals else answer


async def respond(send: Any, answer: Answer) -> None:
    """Send an answer."""
    headers = [(b"content-type", answer.kind.encode()), (b"content-length", str(len(answer.body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
