"""A lease: at most one process holds it for a purpose of a dataset, also across machines.

A registry does not have locks, only tags, and a tag cannot be changed on a condition. Each contender
therefore writes a single tag of its own (Lamport, A New Solution of Dijkstra's Concurrent Programming
Problem, Communications of the ACM 17(8), 1974):

1. It writes its tag with ticket 0, which means that it is choosing.
2. It reads all tags and takes a ticket above the largest one.
3. It waits until nobody is choosing and nobody has a smaller ticket.

The holder rewrites its tag every few seconds. A tag is deleted if it has not changed for `PATIENCE` seconds
by the clock of a waiting contender, or if its process on this machine has ended. Clocks of different machines
are never compared.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import platform
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from fuelgauge.errors import FuelgaugeError

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger("fuelgauge")

PREFIX = "fuelgauge.lease"
PATIENCE = 120.0  # seconds without a change after which a tag counts as abandoned
RENEWALS = 6  # number of renewals within PATIENCE
SHORTEST, LONGEST = 0.05, 2.0  # seconds between two looks of a waiting contender


class LeaseLost(FuelgaugeError):
    """Another process has taken over the lease, because this one did not renew it in time."""


@dataclass(frozen=True)
class Entry:
    """The tag of one contender.

    Parameters
    ----------
    ticket
        Number of its turn; 0 while the contender is choosing.
    beat
        Number of renewals so far.
    owner
        Machine, process id and start time of the process.
    """

    ticket: int
    beat: int
    owner: str

    @classmethod
    def of(cls, text: str) -> Entry:
        """Return the entry in the text of a tag."""
        ticket, beat, owner = text.split(" ", 2)
        return cls(int(ticket), int(beat), owner)

    def __str__(self) -> str:
        return f"{self.ticket} {self.beat} {self.owner}"


class Lease:
    """The lease of one contender.

    Parameters
    ----------
    model
        Name of the registered model whose tags are used.
    purpose
        Purpose of the lease; leases for different purposes do not exclude each other.
    """

    def __init__(self, client: MlflowClient, model: str, purpose: str):
        self.client, self.model, self.purpose = client, model, purpose
        self.key = f"{PREFIX}.{purpose}.{uuid.uuid4().hex}"
        self.entry = Entry(0, 0, owner())
        self.writing, self.ended = threading.Lock(), threading.Event()
        self.is_lost = False
        self.heart = threading.Thread(target=self.renew_until_the_end, daemon=True)

    def acquire(self) -> None:
        """Wait until this contender holds the lease.

        Raises
        ------
        LeaseLost
            Another contender has taken this one for abandoned.
        """
        self.write(ticket=0)
        self.heart.start()
        try:
            self.write(ticket=1 + max(entry.ticket for entry in self.entries().values()))
            self.wait()
        except BaseException:
            self.release()
            raise

    def write(self, ticket: int | None = None) -> None:
        """Write the tag with the next beat and, if given, with a new ticket."""
        with self.writing:
            ticket = self.entry.ticket if ticket is None else ticket
            self.entry = Entry(ticket, self.entry.beat + 1, self.entry.owner)
            self.client.set_registered_model_tag(self.model, self.key, str(self.entry))

    def entries(self) -> dict[str, Entry]:
        """Return the tags of all contenders by key."""
        tags = self.client.get_registered_model(self.model).tags
        return {k: Entry.of(v) for k, v in tags.items() if k.startswith(f"{PREFIX}.{self.purpose}.")}

    def wait(self) -> None:
        """Wait until it is this contender's turn; delete the tags of abandoned contenders."""
        changed: dict[str, tuple[Entry, float]] = {}
        pause, is_said = SHORTEST, False
        while ahead := self.ahead():
            now = time.monotonic()
            for key, entry in ahead.items():
                if key not in changed or changed[key][0] != entry:
                    changed[key] = entry, now
                if has_ended(entry.owner) or now - changed[key][1] > PATIENCE:
                    self.client.delete_registered_model_tag(self.model, key)
            if not is_said and pause >= LONGEST:
                is_said = True
                log.info("%s: waiting for another process that has the %s", self.model, self.purpose)
            time.sleep(pause)
            pause = min(2 * pause, LONGEST)

    def ahead(self) -> dict[str, Entry]:
        """Return the tags of the contenders that come before this one, by key."""
        found = self.entries()
        if self.key not in found:
            raise LeaseLost(lost(self.model, self.purpose))
        mine = found.pop(self.key).ticket, self.key
        return {key: entry for key, entry in found.items() if not entry.ticket or (entry.ticket, key) < mine}

    def check(self) -> None:
        """Raise LeaseLost if another process has taken over the lease."""
        if self.is_lost or self.key not in self.entries():
            raise LeaseLost(lost(self.model, self.purpose))

    def renew_until_the_end(self) -> None:
        """Rewrite the tag at regular intervals until the lease ends or is lost."""
        while not self.ended.wait(PATIENCE / RENEWALS):
            with contextlib.suppress(Exception):  # the registry may be away for a moment
                if self.key not in self.entries():
                    self.is_lost = True
                    return
                self.write()

    def release(self) -> None:
        """End the lease. Its tag stays if the registry is away; then others wait until it is abandoned."""
        self.ended.set()
        self.heart.join()
        with contextlib.suppress(Exception):
            self.client.delete_registered_model_tag(self.model, self.key)


def lost(model: str, purpose: str) -> str:
    """Return the sentence for a lease that another process has taken over."""
    return (
        f"{model}: another process has taken over the {purpose}, because this one gave no sign of life for "
        f"{PATIENCE:.0f} seconds; the champion is unchanged, so run the command again."
    )


def owner() -> str:
    """Return machine, process id and start time of this process."""
    return f"{place()} {os.getpid()} {psutil.Process().create_time():.2f}"


def has_ended(known: str) -> bool:
    """Return whether a process of this machine has ended; False for a process of another machine."""
    where, pid, started = known.rsplit(" ", 2)
    if where != place():
        return False
    try:
        return abs(psutil.Process(int(pid)).create_time() - float(started)) > 1
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False


def place() -> str:
    """Return a short name of the machine and of the container in which process ids are counted."""
    parts = [platform.node()]
    with contextlib.suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
