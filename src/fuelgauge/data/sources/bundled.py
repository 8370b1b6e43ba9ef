"""Datasets that come with scikit-learn."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from fuelgauge.data.arrow import tensor
from fuelgauge.data.sources.packages import shuffled_pixels

__all__ = ["digits"]

SHADES = 16  # the brightest value in scikit-learn's digits


def digits(shuffle_pixels: bool = False) -> pa.Table:
    """Return the 8 x 8 images of handwritten digits, with their 17 shades spread over 0 to 255.

    Parameters
    ----------
    shuffle_pixels
        Whether to permute the pixels, for the control (`fuelgauge.data.sources.packages.shuffled_pixels`).

    Returns
    -------
    pyarrow.Table
        Columns x (uint8 images of shape (8, 8, 1)) and y (class 0 to 9).
    """
    from sklearn.datasets import load_digits

    bundle = load_digits()
    pixels = np.rint(bundle.images[..., np.newaxis] * (255 / SHADES)).astype(np.uint8)
    pixels = shuffled_pixels(pixels) if shuffle_pixels else pixels
    return pa.table({"x": tensor(pixels), "y": bundle.target.astype(np.int64)})
