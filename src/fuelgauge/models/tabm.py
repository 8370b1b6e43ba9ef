"""TabM: an ensemble of feed-forward nets that share most of their weights."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from rtdl_num_embeddings import PiecewiseLinearEmbeddings
from tabm import TabM as Members
from torch import Tensor, nn

from fuelgauge.data.dataset import Examples
from fuelgauge.models.deep import DeepModel
from fuelgauge.models.layers import numbers_and_codes, with_cheap_dropout
from fuelgauge.models.preprocessing import ColumnsEncoder, bin_edges

__all__ = ["TabM"]

# Largest sums of bins and of embedding lengths over all columns. The first layer reads all embeddings for
# every member, so hundreds of columns of engineered features would make the net slow.
MAX_BINS = 8192
MAX_EMBEDDED = 1024


@dataclass
class TabM(DeepModel):
    """TabM (Gorishniy et al., arXiv 2410.24210).

    The nets of an ensemble share their matrices. In each layer, a member scales inputs and outputs by its own
    vectors. Each member is trained by its own loss. The prediction is the mean of the members' probabilities
    or values.

    Parameters
    ----------
    members
        Number of nets in the ensemble (k).
    width, depth
        Number of units of a hidden layer, and number of hidden layers.
    dropout
        Share of units dropped in training.
    bins
        Number of bins of the piecewise-linear embedding of a number, between quantiles of the training rows;
        0 for no embeddings. There are fewer if they would add up to more than 8,192.
    embedding
        Length of a number's embedding. It is shorter if they would add up to more than 1,024.
    variant
        Kind of ensemble. Members of `tabm` share matrices, as above. Members of `tabm-mini` scale only the
        inputs of the first layer. Members of `tabm-packed` share only the embeddings.
    """

    prediction_rows: ClassVar[int] = 512
    keeps_rate: ClassVar[bool] = True

    members: int = 32
    width: int = 512
    depth: int = 3
    dropout: float = 0.1
    bins: int = 0
    embedding: int = 16
    variant: str = "tabm"

    def fit_encoder(self, train: Examples) -> None:
        """Fit the ranks of numbers, their bins and the categories."""
        self.encoder = ColumnsEncoder("quantile").fit(train)
        n_numbers, self.edges = self.encoder.n_numbers, []
        if self.bins:
            n_bins = share(MAX_BINS, n_numbers, self.bins, 2)
            self.edges = bin_edges(self.encode(train)[:, :n_numbers], n_bins)

    def encode(self, examples: Examples) -> np.ndarray:
        """Return a matrix of scaled numbers followed by codes of categories."""
        return self.encoder.transform(examples)

    def network(self, inputs: Tensor, n_outputs: int) -> nn.Module:
        """Return the ensemble."""
        n_numbers = self.encoder.n_numbers
        members = Members.make(
            n_num_features=n_numbers,
            cat_cardinalities=list(self.encoder.cardinalities),
            d_out=n_outputs,
            num_embeddings=self.embeddings() if self.edges else None,
            k=self.members,
            n_blocks=self.depth,
            d_block=self.width,
            dropout=self.dropout,
            arch_type=self.variant,
        )
        return Ensemble(with_cheap_dropout(members), n_numbers).to(inputs.device)

    def embeddings(self) -> PiecewiseLinearEmbeddings:
        """Return the untrained embeddings of the numbers."""
        length = share(MAX_EMBEDDED, len(self.edges), self.embedding, 1)
        edges = [torch.from_numpy(column) for column in self.edges]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about columns with a single bin, such as 0 and 1
            return PiecewiseLinearEmbeddings(edges, length, activation=False, version="B")


class Ensemble(nn.Module):
    """An ensemble with one output in evaluation, whose softmax is the mean of the members' probabilities."""

    def __init__(self, members: nn.Module, n_numbers: int):
        super().__init__()
        self.members = members
        self.n_numbers = n_numbers

    def forward(self, inputs: Tensor) -> Tensor:
        """Return outputs of shape (rows, members, outputs) in training, else (rows, outputs)."""
        outputs = self.members(*numbers_and_codes(inputs, self.n_numbers))
        return outputs if self.training else mean_prediction(outputs.float())


def mean_prediction(outputs: Tensor) -> Tensor:
    """Return the mean of values, or the logarithms of mean probabilities, over the members.

    Parameters
    ----------
    outputs
        Outputs of the members, shape (rows, members, outputs). A single output is a value. Several outputs
        are logits.
    """
    if outputs.shape[2] == 1:
        return outputs.mean(dim=1)
    return outputs.log_softmax(dim=2).logsumexp(dim=1) - math.log(outputs.shape[1])


def share(total: int, columns: int, wanted: int, least: int) -> int:
    """Return a column's part of a total: the wanted number or the even share, whichever is smaller.

    The result is never below `least`.
    """
    return max(least, min(wanted, total // max(1, columns)))
