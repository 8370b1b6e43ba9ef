"""Engineered features of images: oriented gradients, tones, moments and projections.

The gradients are scikit-image's HOG. The number of cells is bounded, so the number of features is bounded at
any image size.
"""

from __future__ import annotations

import numpy as np

from fuelgauge.features._blocks import by_block
from fuelgauge.spec.features import ImageSettings

SMALLEST_HU = 1e-12


def engineered(images: np.ndarray, settings: ImageSettings) -> np.ndarray:
    """Return gradients, tones, moments and projections of every image.

    Parameters
    ----------
    images
        Images, uint8, shape (rows, height, width, channels).
    settings
        Settings of the features.

    Returns
    -------
    numpy.ndarray
        Features, float32, shape (rows, d).
    """
    return by_block(lambda block: image_features(block, settings), images)


def image_features(images: np.ndarray, settings: ImageSettings) -> np.ndarray:
    """Return the features of a block of rows as float64, shape (rows, d)."""
    pixels = images / 255
    brightness = pixels.mean(axis=-1)
    parts = [
        gradients(images, settings),
        tones(images),
        shape(brightness),
        projection(brightness.mean(axis=2), settings.bins),
        projection(brightness.mean(axis=1), settings.bins),
    ]
    return np.concatenate(parts, axis=1)


def gradients(images: np.ndarray, settings: ImageSettings) -> np.ndarray:
    """Return the histograms of oriented gradients of every image.

    Each pixel uses the channel with the strongest gradient. Pixels that do not fit into cells of equal size
    are cut off evenly at both sides.
    """
    from skimage.feature import hog

    n_rows, height, width, _ = images.shape
    down, across = cells(height, settings), cells(width, settings)
    block = min(settings.block, down[0], across[0])
    cut = images[:, *(middle(n * size, side) for (n, size), side in ((down, height), (across, width)))]
    n_features = (down[0] - block + 1) * (across[0] - block + 1) * block * block * settings.orientations
    found = np.empty((n_rows, n_features))
    for image, features in zip(cut, found, strict=True):
        features[:] = hog(
            image,
            orientations=settings.orientations,
            pixels_per_cell=(down[1], across[1]),
            cells_per_block=(block, block),
            block_norm="L2-Hys",
            channel_axis=-1,
        )
    return found


def cells(side: int, settings: ImageSettings) -> tuple[int, int]:
    """Return the number of cells along a side of an image, and the size of a cell in pixels."""
    n = min(max(side // settings.cell, 1), settings.cells)
    return n, side // n


def middle(length: int, side: int) -> slice:
    """Return the slice of the given length in the middle of a side."""
    start = (side - length) // 2
    return slice(start, start + length)


def tones(images: np.ndarray) -> np.ndarray:
    """Return mean, standard deviation and skewness of every channel, shape (rows, 3 * channels)."""
    n_rows, height, width, channels = images.shape
    values = images.reshape(n_rows, height * width, channels).transpose(0, 2, 1).astype(np.float64)
    mean = values.mean(axis=-1)
    centred = values - mean[..., None]
    squares = centred * centred
    deviation = np.sqrt(squares.mean(axis=-1))
    cube = deviation**3
    skewness = np.divide((squares * centred).mean(axis=-1), cube, out=np.zeros_like(cube), where=cube > 0)
    return np.concatenate([mean / 255, deviation / 255, skewness], axis=1)


def shape(brightness: np.ndarray) -> np.ndarray:
    """Return centroid, spread and Hu's seven invariants of images, shape (rows, 12).

    An image is treated as a density. Coordinates run from 0 to 1 along the longer side. An all-black image
    counts as evenly grey. Hu's invariants span many powers of ten, so each invariant h is given as
    sign(h) * log10(1 + |h| / 1e-12).
    """
    height, width = brightness.shape[1:]
    longer = max(height, width)
    density = np.where(brightness.max(axis=(1, 2), keepdims=True) > 0, brightness, 1.0)
    down, across = (np.arange(height) + 0.5) / longer, (np.arange(width) + 0.5) / longer
    mass = density.sum(axis=2).sum(axis=1)
    row = (density.sum(axis=2) * down).sum(axis=1) / mass
    column = (density.sum(axis=1) * across).sum(axis=1) / mass
    moments = central_moments(density, down - row[:, None], across - column[:, None])
    scale = {order: (mass / longer**2) ** (1 + order / 2) for order in (2, 3)}
    eta = {(p, q): moment / longer**2 / scale[p + q] for (p, q), moment in moments.items()}
    spread = [moments[pq] / mass for pq in ((2, 0), (0, 2), (1, 1))]
    invariants = [np.sign(h) * np.log10(1 + np.abs(h) / SMALLEST_HU) for h in hu(eta)]
    return np.stack([row, column, *spread, *invariants], axis=1)


def central_moments(
    density: np.ndarray, down: np.ndarray, across: np.ndarray
) -> dict[tuple[int, int], np.ndarray]:
    """Return the moments of second and third order, keyed by the powers of row and column."""
    down_powers = [np.ones_like(down), down, down * down, down * down * down]
    across_powers = [np.ones_like(across), across, across * across, across * across * across]
    along_rows = [(density * power[:, None, :]).sum(axis=2) for power in across_powers]
    orders = [(p, q) for p in range(4) for q in range(4) if p + q in (2, 3)]
    return {(p, q): (along_rows[q] * down_powers[p]).sum(axis=1) for p, q in orders}


def hu(eta: dict[tuple[int, int], np.ndarray]) -> list[np.ndarray]:
    """Return Hu's seven invariants (1962) of normalised central moments."""
    difference, twice = eta[2, 0] - eta[0, 2], 2 * eta[1, 1]
    a, b = eta[3, 0] - 3 * eta[1, 2], 3 * eta[2, 1] - eta[0, 3]
    c, d = eta[3, 0] + eta[1, 2], eta[2, 1] + eta[0, 3]
    first, second = c * (c * c - 3 * d * d), d * (3 * c * c - d * d)
    return [
        eta[2, 0] + eta[0, 2],
        difference * difference + twice * twice,
        a * a + b * b,
        c * c + d * d,
        a * first + b * second,
        difference * (c * c - d * d) + 2 * twice * c * d,
        b * first - a * second,
    ]


def projection(profile: np.ndarray, bins: int) -> np.ndarray:
    """Return the means of a profile of shape (rows, side) within at most `bins` bins along the side."""
    side = profile.shape[1]
    starts = np.arange(min(bins, side)) * side // min(bins, side)
    return np.add.reduceat(profile, starts, axis=1) / np.diff([*starts, side])
