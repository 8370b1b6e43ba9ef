"""The challenger beside the champion of a running server: a share of the queries is answered by both.

In the mode `shadow` the champion answers, and the challenger answers the same query afterwards. In the mode
`canary` it is the other way round. Both answers are compared, and the differences are counted and logged.
"""

from __future__ import annotations

import json
import logging
import random
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from fuelgauge.registry._answers import Answer
from fuelgauge.registry._turns import in_turn

log = logging.getLogger("fuelgauge")

MOST_WAITING = 16  # comparisons that may wait; further ones are left out, so that memory is bounded
FAILED = 500
Score = Callable[[bytes, str], Answer]


@dataclass(frozen=True)
class Difference:
    """How the answers of champion and challenger to a query differ.

    Parameters
    ----------
    n_rows
        Number of rows that both have answered; 0 if one of them refused the query.
    n_labels
        Number of rows with different labels; 0 for a regression.
    total
        Sum over the rows of the largest absolute difference of a probability, or of that of the value.
    """

    n_rows: int
    n_labels: int
    total: float


def difference(champion: Answer, challenger: Answer) -> Difference:
    """Return how two answers to the same query differ."""
    if (champion.status, challenger.status) != (200, 200):
        return Difference(0, 0, 0.0)
    rows = [json.loads(answer.body)["predictions"] for answer in (champion, challenger)]
    pairs = list(zip(*rows, strict=True))
    n_labels = sum(one.get("label") != other.get("label") for one, other in pairs)
    return Difference(len(pairs), n_labels, sum(distance(one, other) for one, other in pairs))


def distance(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Return the absolute difference of two values, or the largest one of the probabilities of a class."""
    if "value" in one:
        return abs(float(one["value"]) - float(other["value"]))
    first, second = one["probabilities"], other["probabilities"]
    return max(abs(first.get(name, 0.0) - second.get(name, 0.0)) for name in {*first, *second})


class Rival:
    """A loaded challenger that gets a share of the queries.

    Parameters
    ----------
    score
        Scoring function of the challenger.
    about
        Dataset, version and model of the challenger.
    is_canary
        Whether the challenger answers the client in place of the champion.
    share
        Share of the queries that it gets, between 0 and 1.
    report
        Function that gets the versions of champion and challenger, their answers, and the difference.
    """

    def __init__(
        self,
        score: Score,
        about: Mapping[str, str],
        is_canary: bool,
        share: float,
        report: Callable[[str, str, Answer, Answer, Difference], None],
    ):
        self.score, self.about, self.report = score, about, report
        self.is_canary, self.share = is_canary, share
        self.lock = threading.Lock()
        self.n_waiting = 0
        self.worker = ThreadPoolExecutor(1, "challenger")
        self.random = random.Random()

    async def answer(self, champion: Score, version: str, body: bytes, kind: str) -> tuple[Answer, bool]:
        """Return the answer for the client, and whether it is the challenger's.

        A challenger that fails is no reason for a failed request: the champion answers in its place.

        Parameters
        ----------
        champion
            Scoring function of the champion.
        version
            Version of the champion.
        """
        if self.random.random() >= self.share or not self.may_begin():
            return await in_turn(champion, body, kind), False
        first, second = (self.score, champion) if self.is_canary else (champion, self.score)
        try:
            answer = await in_turn(first, body, kind)
        except BaseException:
            self.ended()
            raise
        try:
            self.worker.submit(self.compare, answer, second, version, body, kind)
        except RuntimeError:  # the challenger has just been taken away
            self.ended()
        if self.is_canary and answer.status >= FAILED:
            return await in_turn(champion, body, kind), False
        return answer, self.is_canary

    def may_begin(self) -> bool:
        """Take a place among the comparisons, and return whether there was one."""
        with self.lock:
            is_free = self.n_waiting < MOST_WAITING
            self.n_waiting += is_free
        return is_free

    def ended(self) -> None:
        """Give a place back."""
        with self.lock:
            self.n_waiting -= 1

    def compare(self, answer: Answer, second: Score, version: str, body: bytes, kind: str) -> None:
        """Let the other version answer too, and report the difference."""
        try:
            other = second(body, kind)
            champion, challenger = (other, answer) if self.is_canary else (answer, other)
            found = difference(champion, challenger)
            self.report(version, self.about["version"], champion, challenger, found)
        except Exception:  # a comparison must not harm the server
            log.exception("champion and challenger could not be compared")
        finally:
            self.ended()
