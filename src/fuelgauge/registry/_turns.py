"""Short queries are answered in turn, by one thread.

A query of some rows is mostly Python, which runs in one thread at a time. Several threads then wait for each
other: sixteen clients got 157 answers per second from six threads, and 205 from one. A long query has a
thread of its own, so that no short one waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["Turns", "in_turn", "turns"]

T = TypeVar("T")
SHORT = 1 << 16  # bytes of a body


class Turns:
    """One thread that makes calls in the order in which they come."""

    def __init__(self) -> None:
        self.thread = ThreadPoolExecutor(1, "answer")

    def renew(self) -> None:
        """Take a new thread, so that one that is stuck in a call does not keep the next calls waiting."""
        former, self.thread = self.thread, ThreadPoolExecutor(1, "answer")
        former.shutdown(wait=False)

    async def call(self, answer: Callable[[bytes, str], T], body: bytes, kind: str) -> T:
        """Make a call in this thread, and wait for it."""
        return await asyncio.get_running_loop().run_in_executor(self.thread, answer, body, kind)


turns = Turns()  # of this process, for all versions that answer


async def in_turn(answer: Callable[[bytes, str], T], body: bytes, kind: str) -> T:
    """Return the answer to a query: a short one waits for its turn, a long one gets its own thread.

    Parameters
    ----------
    answer
        Scoring function of a version.
    body, kind
        Body of the query and its content type.
    """
    if len(body) > SHORT:
        return await asyncio.to_thread(answer, body, kind)
    return await turns.call(answer, body, kind)
