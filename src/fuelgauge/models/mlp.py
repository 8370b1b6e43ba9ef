"""Plain feed-forward net."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from fuelgauge.data.dataset import Examples
from fuelgauge.models.deep import DeepModel
from fuelgauge.models.layers import Dropout
from fuelgauge.models.packing import look_up, together
from fuelgauge.models.preprocessing import ColumnsEncoder, DenseEncoder

__all__ = ["MLP"]


@dataclass
class MLP(DeepModel):
    """Hidden layers of rectified linear units with dropout (Gorishniy et al., arXiv 2106.11959).

    In tables, numbers are replaced by the normal deviates of their ranks, and categories by learned vectors.
    Images and sequences are scaled and flattened.

    Parameters
    ----------
    width, depth
        Number of units of a hidden layer, and number of hidden layers.
    end_width
        Number of units of the first and of the last hidden layer; None for `width`.
    dropout
        Share of units dropped in training.
    embedding
        Length of the vector of a category.
    """

    keeps_rate: ClassVar[bool] = True

    width: int = 256
    depth: int = 3
    end_width: int | None = None
    dropout: float = 0.1
    embedding: int = 8

    def fit_encoder(self, train: Examples) -> None:
        """Fit the ranks of numbers and the categories, or the scales of images and sequences."""
        is_table = train.x.ndim == 2
        encoder = ColumnsEncoder("quantile") if is_table else DenseEncoder()
        self.encoder: ColumnsEncoder | DenseEncoder = encoder.fit(train)

    def encode(self, examples: Examples) -> np.ndarray:
        """Return a scaled matrix. In a table, codes of categories follow the numbers."""
        return self.encoder.transform(examples)

    def network(self, inputs: Tensor, n_outputs: int) -> nn.Module:
        """Return the layers."""
        layers: list[nn.Module] = []
        if isinstance(self.encoder, ColumnsEncoder) and self.encoder.cardinalities:
            layers.append(CategoryEmbedding(self.encoder.cardinalities, self.embedding))
        n_inputs = nn.Sequential(*layers)(inputs[:1].cpu()).shape[1]
        for width in self.widths():
            layers += [nn.Linear(n_inputs, width), nn.ReLU(), Dropout(self.dropout)]
            n_inputs = width
        return nn.Sequential(*layers, nn.Linear(n_inputs, n_outputs)).to(inputs.device)

    def widths(self) -> list[int]:
        """Return the number of units of each hidden layer."""
        widths = [self.width] * self.depth
        if self.end_width:
            widths[0] = widths[-1] = self.end_width
        return widths


class CategoryEmbedding(nn.Module):
    """Numbers and learned vectors of categories, side by side.

    Parameters
    ----------
    cardinalities
        Number of codes of each column after the numbers. The code 0 is an unknown category, whose vector
        is 0 at the start.
    size
        Length of a vector.
    """

    def __init__(self, cardinalities: tuple[int, ...], size: int):
        super().__init__()
        self.n_categories = len(cardinalities)
        tables = [nn.Embedding(codes, size) for codes in cardinalities]
        for table in tables:
            nn.init.kaiming_uniform_(table.weight, a=math.sqrt(5))
            nn.init.zeros_(table.weight[0])
        self.tables = nn.ModuleList(tables)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return a matrix of all numbers and vectors."""
        n_numbers = inputs.shape[1] - self.n_categories
        codes = inputs[:, n_numbers:].long().unbind(dim=1)
        vectors = [table(column) for table, column in zip(self.tables, codes, strict=True)]
        return torch.cat([inputs[:, :n_numbers], *vectors], dim=1)


@together.register
def _(layer: CategoryEmbedding, inputs: Tensor) -> Tensor:
    n_numbers = inputs.shape[2] - layer.n_categories
    tables = [table.get_parameter("weight") for table in layer.tables]
    codes = inputs[:, :, n_numbers:].long().unbind(dim=2)
    vectors = [look_up(table, column) for table, column in zip(tables, codes, strict=True)]
    return torch.cat([inputs[:, :, :n_numbers], *vectors], dim=2)
