"""Convolutional net for images."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from fuelgauge.data.dataset import Examples
from fuelgauge.models.deep import DeepModel
from fuelgauge.models.layers import Dropout
from fuelgauge.models.preprocessing import ChannelScaler

__all__ = ["CNN2d"]

COARSE = 16
GROUPS = 4


@dataclass
class CNN2d(DeepModel):
    """Three normalised convolutions, two of them pooled, followed by a linear layer.

    The first convolution halves images with a side of more than 16 pixels. Normalisation is over groups of
    channels and not over batches, because batches are small where rows are few.

    Parameters
    ----------
    channels
        Number of channels of the first convolution. The others have twice as many.
    kernel
        Side in pixels of the first convolution's kernel. The other kernels have a side of 3.
    dropout
        Share of the linear layer's inputs dropped in training.
    shift
        Largest random shift of an image in training, as a share of its side.
    side
        Longest side of an image in pixels. A larger image is shrunk by a whole factor.
    """

    channels: int = 16
    kernel: int = 5
    dropout: float = 0.25
    shift: float = 0.07
    side: int = 32

    def fit_encoder(self, train: Examples) -> None:
        """Fit the scale of each colour."""
        self.scaler = ChannelScaler().fit(shrink(np.asarray(train.x), self.side))

    def encode(self, examples: Examples) -> np.ndarray:
        """Return an array of shape (rows, colours, height, width)."""
        return self.scaler.transform(shrink(np.asarray(examples.x), self.side)).transpose(0, 3, 1, 2)

    def network(self, inputs: Tensor, n_outputs: int) -> nn.Module:
        """Return the layers."""
        stride = 2 if max(inputs.shape[2:]) > COARSE else 1
        wide = 2 * self.channels
        convolutions = nn.Sequential(
            *convolution(inputs.shape[1], self.channels, self.kernel, stride),
            *convolution(self.channels, wide),
            nn.MaxPool2d(2, ceil_mode=True),
            *convolution(wide, wide),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.Flatten(),
        )
        n_features = convolutions(inputs[:1].cpu()).shape[1]
        head = nn.Linear(n_features, n_outputs)
        return nn.Sequential(Shift(self.shift), convolutions, Dropout(self.dropout), head).to(inputs.device)


class Shift(nn.Module):
    """Shift each image of a training batch by its own random number of pixels.

    Pixels that move in at a border repeat the border.

    Parameters
    ----------
    share
        Largest shift, as a share of the side.
    """

    def __init__(self, share: float):
        super().__init__()
        self.share = share

    def forward(self, images: Tensor) -> Tensor:
        """Shift the images in training and return them unchanged otherwise."""
        if not self.training or not self.share:
            return images
        n, _, height, width = images.shape
        each = torch.arange(n, device=images.device)[:, None, None]
        down, right = self.places(images, height)[:, :, None], self.places(images, width)[:, None, :]
        return images[each, :, down, right].permute(0, 3, 1, 2)

    def places(self, images: Tensor, length: int) -> Tensor:
        """Return the position from which each pixel of a side is taken, shape (images, length)."""
        most = round(self.share * length)
        moved = torch.randint(-most, most + 1, (len(images), 1), device=images.device)
        return (torch.arange(length, device=images.device) + moved).clamp(0, length - 1)


def convolution(n_inputs: int, n_outputs: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    """Return a convolution with normalisation and ReLU. Only its stride changes the size."""
    return [
        nn.Conv2d(n_inputs, n_outputs, kernel, stride, padding=kernel // 2),
        nn.GroupNorm(math.gcd(n_outputs, GROUPS), n_outputs),
        nn.ReLU(),
    ]


def shrink(images: np.ndarray, side: int) -> np.ndarray:
    """Return images of at most `side` pixels a side, shrunk by averaging squares of pixels.

    Parameters
    ----------
    images
        Images of shape (rows, height, width, channels).
    side
        Longest side of the result, in pixels.
    """
    n, height, width, channels = images.shape
    factor = math.ceil(max(height, width) / side)
    if factor == 1:
        return images
    high, wide = max(1, height // factor), max(1, width // factor)
    squares = images[:, : high * factor, : wide * factor]
    squares = squares.reshape(n, high, min(height, factor), wide, min(width, factor), channels)
    return squares.mean(axis=(2, 4), dtype=np.float32)
