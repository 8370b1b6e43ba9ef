"""Convolutional net over characters, for names and short texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from fuelgauge.data.dataset import Examples
from fuelgauge.models.deep import DeepModel
from fuelgauge.models.layers import Dropout
from fuelgauge.models.texts import texts_of

__all__ = ["CharCNN"]

N_BYTES = 256
START, END = b"\x02", b"\x03"


@dataclass
class CharCNN(DeepModel):
    """Two convolutions over learned vectors of bytes, followed by the largest value of each channel.

    Texts are read in lower case as UTF-8, with a mark before and after each text.

    Parameters
    ----------
    embedding
        Length of the vector of a byte.
    channels
        Number of channels of both convolutions.
    kernel
        Number of bytes that the first convolution sees. The second sees 3 positions of the first.
    dropout
        Share of the channels dropped in training.
    length
        Number of bytes read from the beginning of a text, at most the length of the longest training text.
    """

    # Rows are long here, so fewer of them fill a chunk of the usual size.
    prediction_rows: ClassVar[int] = 256

    embedding: int = 16
    channels: int = 64
    kernel: int = 5
    dropout: float = 0.2
    length: int = 256

    def fit_encoder(self, train: Examples) -> None:
        """Learn the length of the longest training text, as far as it is read."""
        self.longest = max(len(self.marked(text)) for text in texts_of(train))

    def encode(self, examples: Examples) -> np.ndarray:
        """Return the bytes of each text, padded with 0."""
        encoded = np.zeros((len(examples), self.longest), dtype=np.uint8)
        for row, text in zip(encoded, texts_of(examples), strict=True):
            shown = self.marked(text)[: self.longest]
            row[: len(shown)] = np.frombuffer(shown, dtype=np.uint8)
        return encoded

    def marked(self, text: str) -> bytes:
        """Return the bytes of a text that are read, between the two marks."""
        shown = text[: self.length].lower().encode("utf-8", errors="replace")
        return START + shown[: self.length] + END

    def network(self, inputs: Tensor, n_outputs: int) -> nn.Module:
        """Return the layers."""
        return nn.Sequential(
            Vectors(self.embedding),
            nn.Conv1d(self.embedding, self.channels, self.kernel, padding=self.kernel // 2),
            nn.ReLU(),
            nn.Conv1d(self.channels, self.channels, 3, padding=1),
            nn.ReLU(),
            Largest(),
            Dropout(self.dropout),
            nn.Linear(self.channels, n_outputs),
        ).to(inputs.device)


class Vectors(nn.Module):
    """Learned vector of each byte. The vector of the padding is 0.

    Parameters
    ----------
    size
        Length of a vector.
    """

    def __init__(self, size: int):
        super().__init__()
        self.vectors = nn.Embedding(N_BYTES, size, padding_idx=0)

    def forward(self, text: Tensor) -> Tensor:
        """Return an array of shape (texts, size, length)."""
        return self.vectors(text.int()).transpose(1, 2)


class Largest(nn.Module):
    """Largest value of each channel over all positions."""

    def forward(self, values: Tensor) -> Tensor:
        """Return an array of shape (rows, channels)."""
        return torch.amax(values, dim=2)
