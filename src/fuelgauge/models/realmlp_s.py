"""RealMLP-S, the simple variant of RealMLP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from fuelgauge.models.layers import Dropout
from fuelgauge.models.preprocessing import MAX_CATEGORIES
from fuelgauge.models.realmlp import Scale, TangentLinear, TangentNet

__all__ = ["RealMLPS"]


@dataclass
class RealMLPS(TangentNet):
    """RealMLP-TD-S (Holzmueller, Grinsztajn and Steinwart, arXiv 2407.04491).

    It is a plain net with tuned defaults. It has the scaled inputs, the neural tangent parametrization, the
    label smoothing and the schedules of RealMLP. It lacks embeddings and learned activations, and by default
    dropout and weight decay. All categories have indicators. Predicted values are not clipped.

    Parameters
    ----------
    learning_rate
        Peak of the schedule. None means the published value, 0.04 for classes and 0.07 for values.
    width, depth
        Number of units of a hidden layer, and number of hidden layers.
    dropout
        Share of units dropped in the first half of training. In the second half, it falls to 0, and so does
        the weight decay.
    label_smoothing
        Share of a class label that is spread over all classes in training, if the metric is accuracy.
    """

    published_rates: ClassVar[dict[str, float]] = {"classes": 0.04, "values": 0.07}
    max_indicators: ClassVar[int] = MAX_CATEGORIES

    weight_decay: float = 0.0
    dropout: float = 0.0

    def network(self, inputs: Tensor, n_outputs: int) -> nn.Module:
        """Return the layers. The last one starts at 0."""
        activation = nn.SELU if self.target_range is None else nn.Mish
        n_inputs = inputs.shape[1]
        layers: list[nn.Module] = [Scale(n_inputs)]
        for _ in range(self.depth):
            linear = TangentLinear(torch.randn(n_inputs, self.width), torch.randn(self.width))
            layers += [linear, activation(), Dropout(self.dropout)]
            n_inputs = self.width
        layers.append(TangentLinear(torch.zeros(n_inputs, n_outputs), torch.zeros(n_outputs)))
        return nn.Sequential(*layers).to(inputs.device)
