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

# Bins, and lengths of embeddings, of all columns together at most: hundreds of columns of engineered features
# would make a net slow whose first layer reads all embeddings for every member.
MAX_BINS = 8192
MAX_EMBEDDED = 1024


@dataclass
class TabM(DeepModel):
    """TabM (Gorishniy et al., arXiv 2410.24210) with piecewise-linear embeddings of numbers.

    `members` nets share their matrices; in each layer a member scales inputs and outputs by vectors of
    its own. Each is trained by its own loss, and their mean probabilities or values are the prediction.

    Parameters
    ----------
    members
        Nets in the ensemble (k).
    width, depth
        Units of a hidden layer, and how many hidden layers there are.
    dropout
        Share of units dropped in training.
    bins
        Into which the quantiles of the training rows divide each number; fewer where there would be more
        than 8,192 in all.
    embedding
        Length of the vector that a number becomes; shorter where they would add up to more than 1,024.
    variant
        `tabm`; `tabm-mini`, whose members scale the inputs of the first layer only; or `tabm-packed`,
        whose members share nothing but the embeddings.
    """

    prediction_rows: ClassVar[int] = 512

    members: int = 8
    width: int = 128
    depth: int = 2
    dropout: float = 0.1
    bins: int = 32
    embedding: int = 8
    variant: str = "tabm"

    def fit_encoder(self, train: Examples) -> None:
        """Fit ranks of numbers, their bins and the categories."""
        self.encoder = ColumnsEncoder("quantile").fit(train)
        n_numbers = self.encoder.n_numbers
        self.edges = bin_edges(self.encode(train)[:, :n_numbers], share(MAX_BINS, n_numbers, self.bins, 2))

    def encode(self, examples: Examples) -> np.ndarray:
        """Return a matrix of scaled numbers and codes of categories."""
        return self.encoder.transform(examples)

    def network(self, inputs: Tensor, n_outputs: int) -> nn.Module:
        """Return the ensemble."""
        n_numbers = self.encoder.n_numbers
        members = Members.make(
            n_num_features=n_numbers,
            cat_cardinalities=list(self.encoder.cardinalities),
            d_out=n_outputs,
            num_embeddings=self.embeddings() if n_numbers else None,
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
            warnings.simplefilter("ignore", UserWarning)  # of columns of a single bin, such as 0 and 1
            return PiecewiseLinearEmbeddings(edges, length, activation=False, version="B")


class Ensemble(nn.Module):
    """Members whose outputs are one in evaluation: its softmax is the mean of their probabilities."""

    def __init__(self, members: nn.Module, n_numbers: int):
        super().__init__()
        self.members = members
        self.n_numbers = n_numbers

    def forward(self, inputs: Tensor) -> Tensor:
        """Return shape (rows, members, outputs) in training and (rows, outputs) in evaluation."""
        outputs = self.members(*numbers_and_codes(inputs, self.n_numbers))
        return outputs if self.training else mean_prediction(outputs.float())


def mean_prediction(outputs: Tensor) -> Tensor:
    """Return the mean of values, or the logarithms of mean probabilities, over the members.

    Parameters
    ----------
    outputs
        Of shape (rows, members, outputs); a single output is a value, several are logits.
    """
    if outputs.shape[2] == 1:
        return outputs.mean(dim=1)
    return outputs.log_softmax(dim=2).logsumexp(dim=1) - math.log(outputs.shape[1])


def share(total: int, columns: int, wanted: int, least: int) -> int:
    """Return what a column gets of a total: what is wanted, or its even share, but not below the least."""
    return max(least, min(wanted, total // max(1, columns)))
