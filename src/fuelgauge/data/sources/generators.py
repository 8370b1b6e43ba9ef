"""Loaders of generated datasets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from scipy.ndimage import gaussian_filter1d

from fuelgauge.data.arrow import tensor
from fuelgauge.errors import DataError

__all__ = ["mnist1d"]


def mnist1d(n_rows: int, seed: int, shuffle_sequence: bool = False) -> pa.Table:
    """Generate the MNIST-1D sequences of Greydanus and Kobak (2024).

    Templates and settings are those of the authors' package. The random numbers are drawn one by one in the
    same order, so the sequences agree with those of that package to the precision of a float32. A test
    compares them. Everything that does not need a draw is computed for all rows at once, which is more than
    ten times as fast.

    Parameters
    ----------
    n_rows
        Number of rows, a multiple of ten, because the ten classes are equally frequent.
    seed
        Random seed. The published file has seed 42 and 5,000 rows.
    shuffle_sequence
        Whether to permute the time steps, with one permutation for all rows, for the control.

    Returns
    -------
    pyarrow.Table
        Columns x (float32 sequences of shape (40, 1)) and y (class 0 to 9).
    """
    from mnist1d.data import get_dataset_args, get_templates

    if n_rows % 10 or n_rows <= 0:
        raise DataError(f"mnist1d: n_rows is {n_rows}; it must be a multiple of ten.")
    settings, templates = get_dataset_args(), get_templates()
    rng = np.random.RandomState(seed)  # the generator that drew the published file
    labels = np.repeat(templates["y"], n_rows // 10)
    sequences = distorted(stretched(templates["x"], settings), labels, settings, rng)
    order = rng.permutation(n_rows)
    steps = np.arange(settings.final_seq_length)
    sequences = sequences[order][:, rng.permutation(steps) if shuffle_sequence else steps]
    sequences = (sequences - sequences.mean()) / sequences.std()
    return pa.table({"x": tensor(sequences[..., np.newaxis].astype(np.float32)), "y": labels[order]})


def stretched(templates: np.ndarray, settings: Any) -> np.ndarray:
    """Return each template with each length of padding, stretched to one length.

    Returns
    -------
    numpy.ndarray
        Stretched templates, shape (templates, paddings, length); exactly 0 in the padding and nowhere else.
    """
    shortest, longest = settings.padding
    grid = np.linspace(0, 1, settings.template_len + longest)
    stretches = np.empty((len(templates), longest - shortest + 1, len(grid)))
    for i, template in enumerate(templates + 1e-8):
        for j, padding in enumerate(range(shortest, longest + 1)):
            padded = np.concatenate([template, np.zeros(padding)])
            stretches[i, j] = np.interp(grid, np.linspace(0, 1, len(padded)), padded)
    return stretches


def distorted(
    stretches: np.ndarray, labels: np.ndarray, settings: Any, rng: np.random.RandomState
) -> np.ndarray:
    """Return one sequence per label: padded, scaled, shifted, made noisy, sheared and subsampled."""
    n_rows, n_paddings, length = len(labels), *stretches.shape[1:]
    padding, scale, shear = np.empty((3, n_rows))
    shift = np.empty(n_rows, dtype=np.int64)
    noise = np.empty((n_rows, 2, length))
    for i in range(n_rows):
        padding[i], scale[i] = rng.rand(), rng.rand()
        shift[i] = rng.choice(settings.max_translation)
        noise[i] = rng.randn(2, length)
        shear[i] = rng.rand()
    signals = stretches[labels, (padding * n_paddings).astype(np.int64)]
    signals *= 1 + settings.scale_coeff * (scale[:, np.newaxis] - 0.5)
    moved = (np.arange(length) - shift[:, np.newaxis]) % length
    signals = np.take_along_axis(signals, moved, axis=1)
    smooth = gaussian_filter1d(settings.corr_noise_scale * noise[:, 0], 2, axis=1)
    noisy = np.where(signals != 0, signals, smooth) + settings.iid_noise_scale * noise[:, 1]
    tilt = settings.shear_scale * (shear[:, np.newaxis] - 0.5) * np.linspace(-0.5, 0.5, length)
    grid, steps = np.linspace(0, 1, length), np.linspace(0, 1, settings.final_seq_length)
    return np.stack([np.interp(steps, grid, row) for row in noisy - tilt])
