"""Errors that a user can act on: each is one clear sentence that names what is wrong and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class FuelgaugeError(Exception):
    """Base of every error whose message is meant for the user."""


class ConfigError(FuelgaugeError):
    """A setting is unknown, missing or outside what it may be."""


class DataError(FuelgaugeError):
    """A file, archive or column is not what its description says."""


class TableError(FuelgaugeError):
    """A trial table cannot be analysed."""


class StoreError(FuelgaugeError):
    """The trial store cannot be read or written."""


class TrialsFailed(FuelgaugeError):
    """A sweep went through to its end, but some of its trials failed."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return a hint such as ``did you mean 'letter'? (flights, letter)`` for an unknown name.

    Parameters
    ----------
    name
        What the user wrote.
    valid
        The names that would have been accepted.
    """
    options = sorted(valid)
    listed = ", ".join(options)
    close = difflib.get_close_matches(name, options, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'? (valid: {listed})" if close else f"valid: {listed}"
