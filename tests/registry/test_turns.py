"""Short queries are answered by one thread, in their order; a long or a stuck one keeps none waiting."""

import asyncio
import threading

from fuelgauge.registry._turns import SHORT, Turns, in_turn


def who(body: bytes, kind: str) -> str:
    return threading.current_thread().name


def test_short_queries_have_one_thread_and_a_long_one_has_another():
    async def ask() -> list[str]:
        bodies = [b"short", b"x" * SHORT, b"x" * (SHORT + 1), b""]
        return await asyncio.gather(*(in_turn(who, body, "") for body in bodies))

    first, second, long, last = asyncio.run(ask())
    assert first == second == last
    assert long != first


def test_short_queries_are_answered_in_the_order_in_which_they_come():
    begun: list[bytes] = []

    async def ask() -> None:
        calls = (in_turn(lambda body, _: begun.append(body), bytes([number]), "") for number in range(50))
        await asyncio.gather(*calls)

    asyncio.run(ask())
    assert begun == [bytes([number]) for number in range(50)]


def test_a_call_that_is_stuck_keeps_no_later_one_waiting_once_the_thread_is_renewed():
    turns, stuck = Turns(), threading.Event()

    async def ask() -> str:
        waiting = asyncio.ensure_future(turns.call(lambda *_: stuck.wait(30), b"", ""))
        await asyncio.sleep(0.01)
        turns.renew()
        answer = await asyncio.wait_for(turns.call(lambda *_: "answered", b"", ""), 10)
        assert not waiting.done()
        stuck.set()
        await waiting
        return answer

    assert asyncio.run(ask()) == "answered"
