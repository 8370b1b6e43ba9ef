"""The loader of a table that lies anywhere on this machine."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from fuelgauge.intake.add import reopened
from fuelgauge.spec.dataset import DatasetConfig

__all__ = ["ANYWHERE", "anywhere"]

ANYWHERE = f"{__name__}.anywhere"


def anywhere(path: str, dataset: DatasetConfig, **_: object) -> pa.RecordBatchReader:
    """Open a table by the rules of its description, in whatever folder it lies.

    Parameters
    ----------
    path
        Absolute path of the file.
    dataset
        Description of the dataset, whose source holds the rules.

    Raises
    ------
    DataError
        The file cannot be read, or differs from its description.
    """
    return reopened(Path(path), dataset)
