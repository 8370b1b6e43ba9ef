"""Shared parts of the nets for sequences: scaling, folding and a summary over time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fuelgauge.data.dataset import Examples
from fuelgauge.models.deep import DeepModel
from fuelgauge.models.preprocessing import ChannelScaler

__all__ = ["SequenceModel", "summary"]


@dataclass
class SequenceModel(DeepModel):
    """A net that reads the steps of a sequence, with one scale per channel.

    Parameters
    ----------
    longest
        Largest number of steps. A longer sequence is folded: neighbouring steps become one step with the
        channels of all of them. This saves the net hundreds of small steps.
    """

    longest: int = 64

    def fit_encoder(self, train: Examples) -> None:
        """Fit the scale of each channel."""
        self.scaler = ChannelScaler().fit(np.asarray(train.x))

    def encode(self, examples: Examples) -> np.ndarray:
        """Return an array of shape (rows, steps, channels)."""
        return fold(self.scaler.transform(np.asarray(examples.x)), self.longest)


def fold(sequences: np.ndarray, longest: int) -> np.ndarray:
    """Return sequences of at most `longest` steps. Neighbouring steps of longer ones are joined.

    Parameters
    ----------
    sequences
        Sequences of shape (rows, steps, channels). They are padded with 0 in front where needed.
    longest
        Largest number of steps.
    """
    rows, steps, channels = sequences.shape
    n_joined = math.ceil(steps / longest)
    if n_joined == 1:
        return sequences
    filled = np.pad(sequences, ((0, 0), (-steps % n_joined, 0), (0, 0)))
    return filled.reshape(rows, -1, n_joined * channels)


def summary(values: Tensor, last: Tensor) -> Tensor:
    """Return the largest value and the mean of each channel over time, followed by the last values.

    The first two find a shape wherever it is. The last values tell what came last, which a forecast needs.

    Parameters
    ----------
    values
        Values of each step, shape (rows, steps, channels).
    last
        Values of the end of the sequence, shape (rows, any).
    """
    return torch.cat([values.amax(dim=1), values.mean(dim=1), last], dim=1)
