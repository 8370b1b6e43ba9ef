"""Findings of the ingest stage about a source, stored in the metadata of the Parquet file that it writes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

import pyarrow.parquet as pq

from fuelgauge.data.columns import Columns

__all__ = ["About"]

ABOUT = b"fuelgauge"


@dataclass(frozen=True)
class About:
    """Findings of the ingest stage about a source.

    Parameters
    ----------
    columns
        The columns by kind.
    n_rows
        Number of rows in the source, up to the end of the month `until`.
    n_without_target
        Number of rows that were left out because they have no target.
    warnings
        Sentences about suspicious columns, such as a column that gives the target away.
    until
        Last month of the rows, such as 2013-06; empty if there is no limit.
    n_later
        Number of rows that were left out because they are from a later month.
    """

    columns: Columns
    n_rows: int
    n_without_target: int
    warnings: tuple[str, ...] = field(default_factory=tuple)
    until: str = ""
    n_later: int = 0

    def to_metadata(self) -> dict[bytes, bytes]:
        """Return the findings as metadata for a Parquet file."""
        return {ABOUT: json.dumps({**asdict(self), "columns": self.columns.to_json()}).encode()}

    @classmethod
    def of(cls, file: pq.ParquetFile) -> About:
        """Return the findings that the metadata of a Parquet file hold."""
        content = json.loads((file.metadata.metadata or {})[ABOUT])
        content |= {"columns": Columns.from_json(content["columns"]), "warnings": tuple(content["warnings"])}
        return cls(**content)
