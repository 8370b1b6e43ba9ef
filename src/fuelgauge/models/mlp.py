"""Plain feed-forward net."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from rtdl_num_embeddings import PiecewiseLinearEmbeddings
from torch import Tensor, nn

from fuelgauge.data.dataset import Examples
from fuelgauge.models.deep import DeepModel
from fuelgauge.models.layers import Dropout
from fuelgauge.models.packing import together
from fuelgauge.models.preprocessing import ColumnsEncoder, DenseEncoder, bin_edges

__all__ = ["MLP"]

MAX_EMBEDDED_NUMBERS = 128


@dataclass
class MLP(DeepModel):
    """Hidden layers of rectified linear units with dropout, on scaled, one-hot encoded inputs.

    In a table of at most 128 numeric columns, these columns are scaled robustly and embedded. The embeddings
    are piecewise linear between quantiles of the fit (Gorishniy et al., arXiv 2203.05556). Wider tables,
    images and flattened sequences have no embeddings.

    Parameters
    ----------
    width, depth
        Number of units of a hidden layer, and number of hidden layers.
    dropout
        Share of units dropped in training.
    bins
        Largest number of bins of a numeric column. The slope of its embedding may change from bin to bin.
    embedding
        Length of the embedding of a number. The number itself is an input too.
    """

    width: int = 256
    depth: int = 2
    dropout: float = 0.1
    bins: int = 32
    embedding: int = 8

    def fit_encoder(self, train: Examples) -> None:
        """Fit the scales and categories, and the bins of embedded numbers."""
        self.edges: list[np.ndarray] = []
        if not 0 < count_numbers(train) <= MAX_EMBEDDED_NUMBERS:
            self.encoder: DenseEncoder | ColumnsEncoder = DenseEncoder().fit(train)
            return
        self.encoder = ColumnsEncoder("robust").fit(train)
        self.edges = bin_edges(self.encoder.transform(train)[:, : self.encoder.n_numbers], self.bins)

    def encode(self, examples: Examples) -> np.ndarray:
        """Return a scaled matrix. Where numbers are embedded, codes of categories follow them."""
        return self.encoder.transform(examples)

    def network(self, inputs: Tensor, n_outputs: int) -> nn.Module:
        """Return the layers."""
        layers: list[nn.Module] = []
        if isinstance(self.encoder, ColumnsEncoder):
            layers.append(ColumnsEmbedding(self.edges, self.embedding, self.encoder.cardinalities))
        n_inputs = nn.Sequential(*layers)(inputs[:1].cpu()).shape[1]
        for _ in range(self.depth):
            layers += [nn.Linear(n_inputs, self.width), nn.ReLU(), Dropout(self.dropout)]
            n_inputs = self.width
        return nn.Sequential(*layers, nn.Linear(n_inputs, n_outputs)).to(inputs.device)


class ColumnsEmbedding(nn.Module):
    """Numbers, their piecewise-linear embeddings and indicators of categories, side by side.

    The embeddings are linear at the start of training.

    Parameters
    ----------
    edges
        Edges of the bins of each numeric column.
    size
        Length of the embedding of a number.
    cardinalities
        Number of codes of each column after the numbers. The code 0 has no indicator.
    """

    low: Tensor
    high: Tensor

    def __init__(self, edges: list[np.ndarray], size: int, cardinalities: tuple[int, ...]):
        super().__init__()
        self.cardinalities = cardinalities
        self.register_buffer("low", torch.tensor([column[0] for column in edges]))
        self.register_buffer("high", torch.tensor([column[-1] for column in edges]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about columns with a single bin, such as 0 and 1
            self.embeddings = PiecewiseLinearEmbeddings(
                [torch.from_numpy(column) for column in edges], size, activation=False, version="B"
            )

    def forward(self, inputs: Tensor) -> Tensor:
        """Return a matrix of all numbers, embeddings and indicators."""
        n_numbers = inputs.shape[1] - len(self.cardinalities)
        numbers, codes = inputs[:, :n_numbers], inputs[:, n_numbers:].long().unbind(dim=1)
        # Outside its edges, an embedding would continue its outermost bin, which is steep where rows are few.
        within = torch.clamp(numbers, self.low, self.high)
        parts = [numbers, self.embeddings(within).flatten(1)]
        for column, cardinality in zip(codes, self.cardinalities, strict=True):
            parts.append(nn.functional.one_hot(column, cardinality)[:, 1:].float())
        return torch.cat(parts, dim=1)


@together.register
def _(layer: ColumnsEmbedding, inputs: Tensor) -> Tensor:
    n_numbers = inputs.shape[2] - len(layer.cardinalities)
    numbers, codes = inputs[:, :, :n_numbers], inputs[:, :, n_numbers:].long().unbind(dim=2)
    within = torch.clamp(numbers, layer.low[:, None], layer.high[:, None])
    parts = [numbers, together(layer.embeddings, within)]
    for column, cardinality in zip(codes, layer.cardinalities, strict=True):
        parts.append(nn.functional.one_hot(column, cardinality)[:, :, 1:].float())
    return torch.cat(parts, dim=2)


@together.register
def _(layer: PiecewiseLinearEmbeddings, numbers: Tensor) -> Tensor:
    # The library's encoding accepts any leading axes, but its linear layers accept only one.
    encoded = layer.impl(numbers.transpose(0, 1)).permute(1, 2, 0, 3)
    first, columns = layer.linear0, numbers.transpose(1, 2).unsqueeze(3)
    linear = torch.addcmul(first.bias.unsqueeze(2), first.weight.unsqueeze(2), columns)
    return (linear + encoded @ layer.linear.weight).transpose(1, 2).flatten(2)


def count_numbers(examples: Examples) -> int:
    """Return the number of numeric columns of a table, or 0 for images and sequences."""
    return examples.x.shape[1] - len(examples.categorical) if examples.x.ndim == 2 else 0
