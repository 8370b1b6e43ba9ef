"""Recurrent nets for sequences: plain RNN, GRU and LSTM."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fuelgauge.errors import ConfigError, nearest
from fuelgauge.models.base import FitError
from fuelgauge.models.layers import Dropout
from fuelgauge.models.sequences import SequenceModel, summary

__all__ = ["RNN"]

CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


@dataclass
class RNN(SequenceModel):
    """One bidirectional recurrent layer, a summary over time and a linear layer.

    Parameters
    ----------
    cell
        Kind of the recurrent layer: `rnn`, `gru` or `lstm`.
    width
        Number of units of each direction.
    dropout
        Share of the summary dropped in training.
    """

    cell: str = "gru"
    width: int = 64
    dropout: float = 0.3

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise ConfigError(f"cell is '{self.cell}', {nearest(self.cell, CELLS)}.")

    def network(self, inputs: Tensor, n_outputs: int) -> nn.Module:
        """Return the layers."""
        walk = Walk(CELLS[self.cell](inputs.shape[2], self.width, batch_first=True, bidirectional=True))
        head = nn.Linear(6 * self.width, n_outputs)
        return nn.Sequential(walk, Dropout(self.dropout), head).to(inputs.device)


class Walk(nn.Module):
    """A bidirectional recurrent layer, followed by a summary of its outputs over time.

    Parameters
    ----------
    layer
        Bidirectional recurrent layer with the rows on the first axis.
    """

    def __init__(self, layer: nn.RNNBase):
        super().__init__()
        self.layer = layer

    def forward(self, sequences: Tensor) -> Tensor:
        """Return an array of shape (rows, 6 * width).

        Raises
        ------
        FitError
            The CPU cannot compute the layer in the chosen precision.
        """
        try:
            said, _ = self.layer(sequences)
        except RuntimeError as error:
            if "primitive descriptor" in str(error):  # oneDNN knows no bf16 LSTM without AVX-512
                raise FitError("this CPU cannot train an LSTM in bf16; set precision: fp32.") from error
            raise
        forward, backward = said.split(self.layer.hidden_size, dim=2)
        return summary(said, torch.cat([forward[:, -1], backward[:, 0]], dim=1))
