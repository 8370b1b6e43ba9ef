"""A lease has one holder at a time; one that dies or sleeps is passed on."""

import subprocess
import sys
import threading
import time

import pytest

from fuelgauge.config.compose import compose
from fuelgauge.registry import _lease as lease_module
from fuelgauge.registry._lease import Entry, Lease, LeaseLost, has_ended, owner
from fuelgauge.registry.versions import Registry

DEAD = subprocess.Popen([sys.executable, "-c", ""])
DEAD.wait()


@pytest.fixture
def kept(project) -> Registry:
    registry = Registry(compose().tracking)
    registry.make_model("mnist1d")
    return registry


def leases(kept: Registry) -> list[str]:
    return [key for key in kept.client.get_registered_model("mnist1d").tags if "lease" in key]


def elsewhere(kept: Registry, text: str) -> None:
    kept.client.set_registered_model_tag("mnist1d", "fuelgauge.lease.work.other", text)


def test_four_threads_are_never_inside_at_once_and_all_get_in(kept):
    inside, most, entered = [], [], []

    def work() -> None:
        with kept.lease("mnist1d", "work"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()
            entered.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (max(most), len(entered)) == (1, 4)
    assert leases(kept) == []


def test_leases_for_different_purposes_do_not_exclude_each_other(kept):
    with kept.lease("mnist1d", "work"), kept.lease("mnist1d", "other"):
        assert len(leases(kept)) == 2
    assert leases(kept) == []


def test_the_lease_of_a_dead_process_of_this_machine_is_passed_on_at_once(kept):
    where, _, started = owner().rsplit(" ", 2)
    elsewhere(kept, str(Entry(1, 1, f"{where} {DEAD.pid} {started}")))
    before = time.monotonic()
    with kept.lease("mnist1d", "work"):
        assert time.monotonic() - before < lease_module.PATIENCE / 4
    assert not has_ended(owner())


def test_the_lease_of_another_machine_is_passed_on_when_it_gives_no_sign_of_life(kept, monkeypatch):
    monkeypatch.setattr(lease_module, "PATIENCE", 0.6)
    elsewhere(kept, str(Entry(1, 1, "far 1 1.0")))
    before = time.monotonic()
    with kept.lease("mnist1d", "work"):
        assert time.monotonic() - before > 0.6


def test_a_lease_of_another_machine_that_is_renewed_is_waited_for(kept, monkeypatch):
    monkeypatch.setattr(lease_module, "PATIENCE", 3.0)
    ended = threading.Event()

    def renew() -> None:
        beat = 0
        while not ended.wait(0.3):
            beat += 1
            elsewhere(kept, str(Entry(1, beat, "far 1 1.0")))

    elsewhere(kept, str(Entry(1, 0, "far 1 1.0")))
    other = threading.Thread(target=renew)
    other.start()
    mine = Lease(kept.client, "mnist1d", "work")
    waiting = threading.Thread(target=mine.acquire)
    waiting.start()
    waiting.join(timeout=4.5)
    assert waiting.is_alive()
    ended.set()
    other.join()
    kept.client.delete_registered_model_tag("mnist1d", "fuelgauge.lease.work.other")
    waiting.join(timeout=10)
    assert not waiting.is_alive()
    mine.check()
    mine.release()


def test_a_holder_whose_tag_was_taken_away_learns_it_and_does_not_come_back(kept, monkeypatch):
    monkeypatch.setattr(lease_module, "PATIENCE", 0.6)
    with kept.lease("mnist1d", "work") as mine:
        kept.client.delete_registered_model_tag("mnist1d", mine.key)
        with pytest.raises(LeaseLost, match="another process has taken over the work"):
            mine.check()
        time.sleep(0.5)
        assert leases(kept) == []
