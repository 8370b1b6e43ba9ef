"""What ingest found out about a source, kept in the metadata of the file that it writes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

import pyarrow.parquet as pq

from fuelgauge.data.columns import Columns

ABOUT = b"fuelgauge"


@dataclass(frozen=True)
class About:
    """What ingest found out, kept in the file's metadata.

    Parameters
    ----------
    columns
        The columns by kind.
    n_rows
        Rows that the source had.
    n_without_target
        Rows that were left out because they have no target.
    warnings
        What looks wrong, such as a column that gives the target away.
    until
        The last month of the rows, such as 2013-06; empty where there is no limit.
    n_later
        Rows that were left out because they are of a later month.
    """

    columns: Columns
    n_rows: int
    n_without_target: int
    warnings: tuple[str, ...] = field(default_factory=tuple)
    until: str = ""
    n_later: int = 0

    def to_metadata(self) -> dict[bytes, bytes]:
        """Return the metadata of a Parquet file."""
        return {ABOUT: json.dumps({**asdict(self), "columns": self.columns.to_json()}).encode()}

    @classmethod
    def of(cls, file: pq.ParquetFile) -> About:
        """Return what the metadata of a Parquet file say."""
        content = json.loads((file.metadata.metadata or {})[ABOUT])
        content |= {"columns": Columns.from_json(content["columns"]), "warnings": tuple(content["warnings"])}
        return cls(**content)
