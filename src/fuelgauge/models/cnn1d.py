"""Convolutional net for sequences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from fuelgauge.data.dataset import Examples
from fuelgauge.models.deep import DeepModel
from fuelgauge.models.preprocessing import ChannelScaler

__all__ = ["CNN1d"]


@dataclass
class CNN1d(DeepModel):
    """Three strided convolutions over time, followed by a linear layer.

    Each channel is scaled by one mean and one standard deviation over all steps, which keeps its shape.

    Parameters
    ----------
    channels
        Number of channels of every convolution.
    kernel
        Number of steps that the first convolution sees. The others see 3.
    """

    channels: int = 32
    kernel: int = 5

    def fit_encoder(self, train: Examples) -> None:
        """Fit the scale of each channel."""
        self.scaler = ChannelScaler().fit(np.asarray(train.x))

    def encode(self, examples: Examples) -> np.ndarray:
        """Return an array of shape (rows, channels, steps)."""
        return self.scaler.transform(np.asarray(examples.x)).transpose(0, 2, 1)

    def network(self, inputs: Tensor, n_outputs: int) -> nn.Module:
        """Return the layers."""
        convolutions = nn.Sequential(
            nn.Conv1d(inputs.shape[1], self.channels, self.kernel, stride=2, padding=self.kernel // 2),
            nn.ReLU(),
            nn.Conv1d(self.channels, self.channels, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv1d(self.channels, self.channels, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
        )
        n_features = convolutions(inputs[:1].cpu()).shape[1]
        return nn.Sequential(convolutions, nn.Linear(n_features, n_outputs)).to(inputs.device)
