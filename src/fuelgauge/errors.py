"""Errors that a user can act on; the message says in one sentence what is wrong and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "ConfigError",
    "DataError",
    "FuelgaugeError",
    "StoreError",
    "TableError",
    "TrialsFailed",
    "nearest",
]


class FuelgaugeError(Exception):
    """Base class of all errors whose message is meant for the user."""


class ConfigError(FuelgaugeError):
    """A setting is unknown, missing or not valid."""


class DataError(FuelgaugeError):
    """A file, archive or column does not match its description."""


class TableError(FuelgaugeError):
    """A trial table cannot be analysed."""


class StoreError(FuelgaugeError):
    """The trial store cannot be read or written."""


class TrialsFailed(FuelgaugeError):
    """A sweep has run to its end, but some of its trials have failed."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return a hint such as ``did you mean 'letter'? (valid: flights, letter)`` for an unknown name.

    Parameters
    ----------
    name
        Name that the user wrote.
    valid
        Names that are accepted.
    """
    options = sorted(valid)
    listed = ", ".join(options)
    close = difflib.get_close_matches(name, options, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'? (valid: {listed})" if close else f"valid: {listed}"
