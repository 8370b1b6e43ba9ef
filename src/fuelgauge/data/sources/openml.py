"""Loaders of OpenML datasets by id, through scikit-learn, which keeps its downloads in data/archives/openml.

Nothing is unpickled. The data arrive as ARFF text, and scikit-learn compares its MD5 with OpenML's record.
"""

from __future__ import annotations

import json
import warnings
from typing import Any
from urllib.request import urlopen

import numpy as np
import pandas as pd
import pyarrow as pa

from fuelgauge import paths
from fuelgauge.data.arrow import tensor
from fuelgauge.errors import DataError

__all__ = ["images", "record", "table"]

API = "https://www.openml.org/api/v1/json"
TIMEOUT = 60  # seconds
LARGEST_RECORD = 1 << 24  # bytes


def table(data_id: int) -> pd.DataFrame:
    """Return an OpenML dataset as a table, without the columns that OpenML marks to be ignored.

    Parameters
    ----------
    data_id
        OpenML's id of the dataset; each version of a dataset has its own.
    """
    # The faster parser fails with pandas 3.1 on categories that look like numbers (scikit-learn #34902).
    return fetch(data_id, target_column=None, as_frame=True, parser="liac-arff").frame


def images(data_id: int, height: int, width: int, channels: int = 1, planar: bool = False) -> pa.Table:
    """Return an OpenML dataset that has one column per pixel value as images.

    Parameters
    ----------
    data_id
        OpenML's id of the dataset; each version of a dataset has its own.
    height, width
        Size of an image, in pixels.
    channels
        Number of channels of an image.
    planar
        Whether the columns hold one channel after the other, as in CIFAR-10. Otherwise the channels of a
        pixel are next to each other.

    Returns
    -------
    pyarrow.Table
        Columns x (uint8 images of shape (height, width, channels)) and y (class as a string).
    """
    bunch = fetch(data_id, as_frame=False, parser="pandas", read_csv_kwargs={"dtype": None})
    pixels = bunch.data
    expected = height * width * channels
    if pixels.shape[1] != expected:
        raise DataError(f"OpenML's dataset {data_id} has {pixels.shape[1]} columns, not {expected} pixels.")
    whole = shades(pixels, f"OpenML's dataset {data_id}")
    if planar:
        shaped = whole.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    else:
        shaped = whole.reshape(-1, height, width, channels)
    return pa.table({"x": tensor(shaped), "y": [str(label) for label in bunch.target]})


def shades(pixels: np.ndarray, where: str) -> np.ndarray:
    """Return pixels as uint8.

    Raises
    ------
    DataError
        A value is not a whole number from 0 to 255.
    """
    with np.errstate(invalid="ignore"):
        try:
            whole = pixels.astype(np.uint8)
        except (ValueError, TypeError, OverflowError):
            whole = None
    if whole is None or not np.array_equal(whole, pixels):
        raise DataError(f"{where} has pixels that are not whole numbers from 0 to 255.")
    return whole


def fetch(data_id: int, **options: Any) -> Any:
    """Return the result of scikit-learn's `fetch_openml` for a dataset.

    Raises
    ------
    DataError
        OpenML cannot be reached, does not know the dataset, or sends something that cannot be read.
    """
    from sklearn.datasets import fetch_openml

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="A network error occurred")
        warnings.filterwarnings("ignore", message="Invalid cache, redownloading")
        try:
            return fetch_openml(data_id=data_id, data_home=str(paths.ARCHIVES), **options)
        except OSError as error:
            raise DataError(unreachable(f"dataset {data_id}", error)) from error
        except (ValueError, KeyError) as error:
            raise DataError(
                f"OpenML's dataset {data_id} cannot be read: {' '.join(str(error).split())}."
            ) from error


def record(path: str) -> dict[str, Any]:
    """Return a record of OpenML's API, such as `study/99` or `data/61`.

    Raises
    ------
    DataError
        OpenML cannot be reached, or its answer is not a JSON object.
    """
    try:
        with urlopen(f"{API}/{path}", timeout=TIMEOUT) as response:  # a fixed https address
            content = json.loads(response.read(LARGEST_RECORD))
    except OSError as error:
        raise DataError(unreachable(f"the record {path}", error)) from error
    except ValueError as error:
        raise DataError(f"OpenML's record {path} is not readable: {error}.") from error
    if not isinstance(content, dict):
        raise DataError(f"OpenML's record {path} is not readable: it is not a JSON object.")
    return content


def unreachable(what: str, error: OSError) -> str:
    """Return a sentence about something that OpenML's server did not deliver."""
    reason = getattr(error, "reason", None) or error
    return f"{what} could not be fetched from www.openml.org: {reason}; try again when it can be reached."
