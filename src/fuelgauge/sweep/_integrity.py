"""Check before a run that the features on disk are those that the featurize stage has written.

Trials are identified by the fingerprint in the description of their features. Damaged features would give
other losses under the same identities.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from fuelgauge import paths
from fuelgauge.data.arrow import is_tensor, to_array
from fuelgauge.data.dataset import ROW, Dataset, Fingerprint
from fuelgauge.errors import DataError

__all__ = ["check_features"]


def check_features(name: str, features: str) -> None:
    """Raise DataError if the features of a dataset do not have the fingerprint of their description.

    A process reads each file once, unless its size or time of change differs.
    """
    expected = Dataset.open(name, features).description.fingerprint
    path = paths.FEATURES / name / f"{features}.arrow"
    state = path.stat()
    if fingerprint_of(name, features, state.st_size, state.st_mtime_ns) != expected:
        raise DataError(
            f"{path} does not hold the values that were featurized, and its losses would be wrong; make it "
            f"again with: dvc repro -f featurize@{name}"
        )


@functools.lru_cache(maxsize=256)
def fingerprint_of(name: str, features: str, size: int, changed: int) -> str:
    """Return the fingerprint of the features on disk; an empty text if they cannot be read.

    Parameters
    ----------
    size, changed
        Size of the file in bytes and its time of change, as parts of the cache key.
    """
    try:
        table = Dataset.open(name, features).table
        table.validate(full=True)
        fingerprint = Fingerprint()
        for column in table.column_names:
            if column != ROW:
                for part in parts_of(table[column]):
                    fingerprint.update({column: part})
    except (pa.ArrowException, ValueError):
        return ""
    return fingerprint.hexdigest()


def parts_of(column: pa.ChunkedArray) -> Iterable[np.ndarray | pa.StringArray]:
    """Return the values of a column in the form in which the featurize stage fingerprints them."""
    for chunk in column.chunks:
        if is_tensor(column.type):
            yield to_array(pa.chunked_array([chunk]))
        elif pa.types.is_string(column.type):
            yield chunk
        else:
            yield chunk.to_numpy(zero_copy_only=False)
