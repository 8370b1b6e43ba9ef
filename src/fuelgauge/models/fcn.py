"""Fully convolutional net for sequences."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor, nn

from fuelgauge.models.layers import Dropout
from fuelgauge.models.sequences import SequenceModel, summary

__all__ = ["FCN"]

GROUPS = 4


@dataclass
class FCN(SequenceModel):
    """Normalised convolutions that keep the number of steps, a summary over time and a linear layer.

    The model follows Wang, Yan and Oates (arXiv 1611.06455). Normalisation is over groups of channels and
    not over batches, because batches are small where rows are few.

    Parameters
    ----------
    channels, kernel
        Number of channels of every convolution, and number of steps that it sees.
    depth
        Number of convolutions.
    dropout
        Share of the summary dropped in training.
    """

    channels: int = 32
    kernel: int = 5
    depth: int = 3
    dropout: float = 0.2

    def network(self, inputs: Tensor, n_outputs: int) -> nn.Module:
        """Return the layers."""
        layers: list[nn.Module] = []
        n_inputs = inputs.shape[2]
        for _ in range(self.depth):
            layers += [
                nn.Conv1d(n_inputs, self.channels, self.kernel, padding="same"),
                nn.GroupNorm(math.gcd(self.channels, GROUPS), self.channels),
                nn.ReLU(),
            ]
            n_inputs = self.channels
        head = nn.Linear(3 * self.channels, n_outputs)
        return nn.Sequential(Summarised(*layers), Dropout(self.dropout), head).to(inputs.device)


class Summarised(nn.Sequential):
    """Layers along the steps of a sequence, followed by a summary of their output over time."""

    def forward(self, sequences: Tensor) -> Tensor:
        """Return an array of shape (rows, 3 * channels)."""
        values = super().forward(sequences.transpose(1, 2)).transpose(1, 2)
        return summary(values, values[:, -1])
