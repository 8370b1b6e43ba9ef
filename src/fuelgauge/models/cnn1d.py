"""The convolutional net for sequences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from fuelgauge.data.dataset import Examples
from fuelgauge.models.deep import DeepModel


@dataclass
class CNN1d(DeepModel):
    """Three strided convolutions over time and a linear layer.

    Sequences are scaled by one mean and one deviation over all steps, so that their shape stays.

    Parameters
    ----------
    channels
        Of every convolution.
    kernel
        Steps that the first convolution sees; the others see 3.
    """

    channels: int = 32
    kernel: int = 5

    def fit_encoder(self, train: Examples) -> None:
        """Fit the common mean and deviation."""
        values = np.asarray(train.x)
        self.mean, self.std = float(values.mean()), float(values.std()) or 1.0

    def encode(self, examples: Examples) -> np.ndarray:
        """Return an array of shape (rows, 1, steps)."""
        scaled = (np.asarray(examples.x) - self.mean) / self.std
        return scaled[:, None, :].astype(np.float32)

    def network(self, inputs: Tensor, n_outputs: int) -> nn.Module:
        """Return the layers."""
        convolutions = nn.Sequential(
            nn.Conv1d(1, self.channels, self.kernel, stride=2, padding=self.kernel // 2),
            nn.ReLU(),
            nn.Conv1d(self.channels, self.channels, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv1d(self.channels, self.channels, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
        )
        n_features = convolutions(inputs[:1].cpu()).shape[1]
        return nn.Sequential(convolutions, nn.Linear(n_features, n_outputs)).to(inputs.device)
