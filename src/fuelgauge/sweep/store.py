"""The trial store: one append-only file per curve. It is the source of truth; MLflow is a view of it.

A line consists of the first 16 hexadecimal digits of the SHA-256 of a JSON record, a space and the record.
Each line is written by one `write` and flushed to the disk before its trial counts as done. A kill at any
moment therefore leaves at most one broken line, the last one. Lines that do not match their digits are moved
to `<curve>.rejected`, with a warning that names this file.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from fuelgauge import paths
from fuelgauge.errors import StoreError
from fuelgauge.files import whole

__all__ = [
    "RETRY",
    "SEEDED",
    "SESSION",
    "TRIAL",
    "Record",
    "TrialStore",
    "lines_of",
    "read_store",
    "store_path",
    "stores",
    "to_line",
]

log = logging.getLogger("fuelgauge")

Record = dict[str, Any]
DIGITS = 16
# Kinds of record: the outcome of a trial, the wall time of a session, the retry of a failed trial.
TRIAL, SESSION, RETRY = "trial", "session", "retry"
# Session of records from a trial table (`fuelgauge seed`), whose duration and cores are not known.
SEEDED = "seeded"
KNOWN_KIND = re.compile(f'"kind": "({TRIAL}|{SESSION}|{RETRY})"'.encode())


def store_path(dataset: str, model: str, folder: Path = paths.STORE) -> Path:
    """Return the path of the store of a curve."""
    return folder / dataset / f"{model}.trials"


class TrialStore:
    """The records of one curve; only one process at a time may append to them.

    Use it as a context manager. If a trial has several records, the latest one counts.

    Raises
    ------
    StoreError
        Another process is writing to the same file, or a record cannot be written.
    """

    def __init__(self, path: Path):
        self.path = path
        self.records: dict[str, Record] = {}
        self.sessions: list[Record] = []

    def __enter__(self) -> TrialStore:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.lock()
        self.recover()
        return self

    def lock(self) -> None:
        """Open the file and lock it for writing; reopen it if it was replaced in the meantime."""
        while True:
            try:
                self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            except OSError as error:
                raise StoreError(f"{self.path} cannot be opened ({error.strerror}).") from error
            try:
                fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(self.descriptor)
                raise StoreError(
                    f"{self.path} is being written by another process; wait for it to end, or stop it."
                ) from error
            if self.path.exists() and os.fstat(self.descriptor).st_ino == self.path.stat().st_ino:
                return
            os.close(self.descriptor)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and release its lock."""
        os.close(self.descriptor)

    def recover(self) -> None:
        """Read all lines and move broken ones to another file."""
        good, bad = split_lines(self.path.read_bytes())
        for line in good:
            self.remember(json.loads(line[DIGITS + 1 :]))
        if bad:
            set_aside(self.path, good, bad)
            os.close(self.descriptor)
            self.lock()

    def forget(self, trial_ids: Collection[str]) -> None:
        """Rewrite the file without some trials and without records that later ones have replaced."""
        kept = [record for key, record in self.records.items() if key not in trial_ids]
        rewrite(self.path, [to_line(record)[:-1] for record in (*kept, *self.sessions)])
        self.records = {record["trial_id"]: record for record in kept}
        self.close()
        self.lock()

    def remember(self, record: Record) -> None:
        """Apply a record to the records in memory."""
        if record["kind"] == SESSION:
            self.sessions.append(record)
        elif record["kind"] == RETRY:
            self.records.pop(record["trial_id"], None)
        else:
            self.records[record["trial_id"]] = record

    def append(self, record: Record) -> None:
        """Write a record and flush it to the disk; it is safe when this returns."""
        line = to_line(record)
        size = os.fstat(self.descriptor).st_size
        try:
            if os.write(self.descriptor, line) != len(line):
                raise OSError("only a part of the record was written")
            os.fsync(self.descriptor)
        except OSError as error:
            os.ftruncate(self.descriptor, size)
            raise StoreError(
                f"{self.path} cannot be written ({error}); earlier records are kept; "
                "free some disk space and run again."
            ) from error
        self.remember(record)


def to_line(record: Mapping[str, Any]) -> bytes:
    """Return a record as a line of the store."""
    body = json.dumps(record, sort_keys=True, allow_nan=False).encode()
    return digits(body) + b" " + body + b"\n"


def digits(body: bytes) -> bytes:
    """Return the checksum digits of the body of a line."""
    return hashlib.sha256(body).hexdigest()[:DIGITS].encode()


def split_lines(content: bytes) -> tuple[list[bytes], list[bytes]]:
    """Split the lines of a store into whole and broken ones."""
    good: list[bytes] = []
    bad: list[bytes] = []
    lines = content.split(b"\n")
    for line in lines[:-1]:
        (good if is_whole(line) else bad).append(line)
    if lines[-1]:
        bad.append(lines[-1])
    return good, bad


def is_whole(line: bytes) -> bool:
    """Return whether a line matches its digits and contains a record of a known kind."""
    body = line[DIGITS + 1 :]
    return digits(body) == line[:DIGITS] and body.startswith(b"{") and bool(KNOWN_KIND.search(body))


def set_aside(path: Path, good: list[bytes], bad: list[bytes]) -> None:
    """Move broken lines to a separate file; keep the whole lines in the store."""
    rejected = path.with_suffix(".rejected")
    with rejected.open("ab") as stream:
        stream.writelines(line + b"\n" for line in bad)
    rewrite(path, good)
    log.warning(
        "%s: %d broken or foreign record(s) moved to %s; their trials will run again.",
        path, len(bad), rejected.name,
    )  # fmt: skip


def rewrite(path: Path, lines: Iterable[bytes]) -> None:
    """Replace a store by one with the given lines, whole or not at all."""
    with whole(path) as partial, partial.open("wb") as stream:
        stream.writelines(line + b"\n" for line in lines)


def read_store(path: Path) -> tuple[dict[str, Record], list[Record]]:
    """Return the records by trial id and the sessions of a store, without locking or changing it."""
    reader = TrialStore(path)
    for record in lines_of(path):
        reader.remember(record)
    return reader.records, reader.sessions


def lines_of(path: Path) -> Iterator[Record]:
    """Yield the records of a store one at a time; skip broken lines, which the next writer moves away."""
    if path.is_file():
        with path.open("rb") as stream:
            for line in stream:
                if line.endswith(b"\n") and is_whole(line[:-1]):
                    yield json.loads(line[DIGITS + 1 : -1])


def stores(folder: Path = paths.STORE) -> Iterator[Path]:
    """Yield the paths of all stores, sorted."""
    yield from sorted(path for path in folder.glob("*/*.trials") if path.is_file())
