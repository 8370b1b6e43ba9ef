"""The plain feed-forward net."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from fuelgauge.data.dataset import Examples
from fuelgauge.models.deep import DeepModel, Dropout
from fuelgauge.models.preprocessing import DenseEncoder


@dataclass
class MLP(DeepModel):
    """Hidden layers of rectified linear units with dropout on scaled, one-hot encoded inputs.

    Parameters
    ----------
    width, depth
        Units of a hidden layer, and how many hidden layers there are.
    dropout
        Share of units dropped in training.
    """

    width: int = 256
    depth: int = 2
    dropout: float = 0.1

    def fit_encoder(self, train: Examples) -> None:
        """Fit scales and categories."""
        self.encoder = DenseEncoder().fit(train)

    def encode(self, examples: Examples) -> np.ndarray:
        """Return a scaled matrix."""
        return self.encoder.transform(examples)

    def network(self, inputs: Tensor, n_outputs: int) -> nn.Module:
        """Return the layers."""
        layers: list[nn.Module] = []
        n_inputs = inputs.shape[1]
        for _ in range(self.depth):
            layers += [nn.Linear(n_inputs, self.width), nn.ReLU(), Dropout(self.dropout)]
            n_inputs = self.width
        return nn.Sequential(*layers, nn.Linear(n_inputs, n_outputs)).to(inputs.device)
