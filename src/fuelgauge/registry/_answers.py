"""The answer to a query over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fuelgauge.registry._seen import Notes

JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """The answer to a query.

    Parameters
    ----------
    status
        HTTP status.
    body
        Body of the answer.
    n_rows
        Number of answered rows.
    notes
        Findings about the inputs.
    kind
        Content type.
    about
        Dataset, version and model that have answered; None for those of the app.
    """

    status: int
    body: bytes
    n_rows: int = 0
    notes: Notes = field(default_factory=Notes)
    kind: str = JSON
    about: Mapping[str, str] | None = None
