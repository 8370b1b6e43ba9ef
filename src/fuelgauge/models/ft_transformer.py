"""FT-Transformer: attention over the columns of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from rtdl_revisiting_models import FTTransformer as ColumnTransformer
from torch import Tensor, nn

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitError
from fuelgauge.models.deep import DeepModel
from fuelgauge.models.layers import numbers_and_codes, with_cheap_dropout
from fuelgauge.models.preprocessing import ColumnsEncoder

__all__ = ["FTTransformer"]


@dataclass
class FTTransformer(DeepModel):
    """FT-Transformer (Gorishniy et al., arXiv 2106.11959).

    Each column becomes a vector, and one more vector is added. Blocks of attention connect all vectors. The
    prediction is read from the added one.

    Parameters
    ----------
    width
        Length of a column's vector, a multiple of `heads`.
    depth
        Number of blocks. A block is attention followed by a feed-forward net.
    heads
        Number of attention heads.
    widening
        Number of hidden units of a feed-forward net, as a multiple of `width`.
    attention_dropout, dropout, residual_dropout
        Shares dropped in training: of the attention weights, of the hidden units of the feed-forward nets
        and of what a block adds.
    max_columns
        Largest number of columns of a table, marks of missing numbers included. Time and memory grow with
        its square.
    """

    prediction_rows: ClassVar[int] = 128
    keeps_rate: ClassVar[bool] = True

    width: int = 192
    depth: int = 3
    heads: int = 8
    widening: float = 4 / 3
    attention_dropout: float = 0.2
    dropout: float = 0.1
    residual_dropout: float = 0.0
    max_columns: int = 200

    def fit_encoder(self, train: Examples) -> None:
        """Fit the ranks of numbers and the categories.

        Raises
        ------
        FitError
            The table has more than `max_columns` columns.
        """
        self.encoder = ColumnsEncoder("quantile").fit(train)
        columns = self.encoder.n_numbers + len(self.encoder.cardinalities)
        if columns > self.max_columns:
            raise FitError(
                f"FTTransformer attends to each pair of columns and takes at most {self.max_columns} "
                f"(max_columns); this table has {columns}."
            )

    def encode(self, examples: Examples) -> np.ndarray:
        """Return a matrix of scaled numbers followed by codes of categories."""
        return self.encoder.transform(examples)

    def network(self, inputs: Tensor, n_outputs: int) -> nn.Module:
        """Return the transformer."""
        transformer = ColumnTransformer(
            n_cont_features=self.encoder.n_numbers,
            cat_cardinalities=list(self.encoder.cardinalities),
            d_out=n_outputs,
            n_blocks=self.depth,
            d_block=self.width,
            attention_n_heads=self.heads,
            attention_dropout=self.attention_dropout,
            ffn_d_hidden_multiplier=self.widening,
            ffn_dropout=self.dropout,
            residual_dropout=self.residual_dropout,
        )
        return Divided(with_cheap_dropout(transformer), self.encoder.n_numbers).to(inputs.device)

    def optimizer(self, net: nn.Module) -> torch.optim.Optimizer:
        """Return AdamW without weight decay on embeddings, biases and scales of normalisation."""
        return torch.optim.AdamW(
            net.transformer.make_parameter_groups(),  # type: ignore[operator, union-attr]
            lr=self.learning_rate,
            weight_decay=self.weight_decay,
            fused=True,
        )


class Divided(nn.Module):
    """A transformer that receives the numbers and the codes of one matrix separately."""

    def __init__(self, transformer: ColumnTransformer, n_numbers: int):
        super().__init__()
        self.transformer = transformer
        self.n_numbers = n_numbers

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the outputs, shape (rows, outputs)."""
        return self.transformer(*numbers_and_codes(inputs, self.n_numbers))
