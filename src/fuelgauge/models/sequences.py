"""What the nets share that walk along a sequence: scaling, folding and a summary over time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fuelgauge.data.dataset import Examples
from fuelgauge.models.deep import DeepModel
from fuelgauge.models.preprocessing import ChannelScaler


@dataclass
class SequenceModel(DeepModel):
    """A net that walks along sequences whose channels have one scale each.

    Parameters
    ----------
    longest
        Steps at most. A longer sequence is folded: neighbouring steps become one that has the
        channels of all of them, so that a net need not make hundreds of small steps.
    """

    longest: int = 64

    def fit_encoder(self, train: Examples) -> None:
        """Fit the scales."""
        self.scaler = ChannelScaler().fit(np.asarray(train.x))

    def encode(self, examples: Examples) -> np.ndarray:
        """Return an array of shape (rows, steps, channels)."""
        return fold(self.scaler.transform(np.asarray(examples.x)), self.longest)


def fold(sequences: np.ndarray, longest: int) -> np.ndarray:
    """Return sequences (rows, steps, channels) of at most `longest` steps, filled up with 0 in front."""
    rows, steps, channels = sequences.shape
    n_joined = math.ceil(steps / longest)
    if n_joined == 1:
        return sequences
    filled = np.pad(sequences, ((0, 0), (-steps % n_joined, 0), (0, 0)))
    return filled.reshape(rows, -1, n_joined * channels)


def summary(values: Tensor, last: Tensor) -> Tensor:
    """Return the largest value and the mean of each channel over time, and what stands at the end.

    The first two find a shape wherever it is, the third knows what came last, as a forecast must.

    Parameters
    ----------
    values
        Shape (rows, steps, channels).
    last
        Shape (rows, any).
    """
    return torch.cat([values.amax(dim=1), values.mean(dim=1), last], dim=1)
