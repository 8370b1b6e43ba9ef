"""The convolutional net for images."""

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

COARSE = 16
GROUPS = 4


@dataclass
class CNN2d(DeepModel):
    """Three normalised convolutions, two of them pooled, and a linear layer.

    The first convolution halves images of more than 16 pixels a side. Groups of channels are
    normalised, not batches, since batches are small where rows are few.

    Parameters
    ----------
    channels
        Of the first convolution; the others have twice as many.
    kernel
        Pixels a side that the first convolution sees; the others see 3.
    dropout
        Share of the inputs of the linear layer that are dropped in training.
    shift
        In training, images are moved by up to this share of their side, at random.
    side
        Larger images are shrunk by a whole factor until no side is longer.
    """

    channels: int = 16
    kernel: int = 5
    dropout: float = 0.25
    shift: float = 0.07
    side: int = 32

    def fit_encoder(self, train: Examples) -> None:
        """Fit the scales of the colours."""
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
    """Move every image of a training batch by a random number of pixels, each on its own.

    What is moved in at a border repeats the border.

    Parameters
    ----------
    share
        Of the side, by which an image is moved at most.
    """

    def __init__(self, share: float):
        super().__init__()
        self.share = share

    def forward(self, images: Tensor) -> Tensor:
        """Move in training; return the images as they are otherwise."""
        if not self.training or not self.share:
            return images
        n, _, height, width = images.shape
        each = torch.arange(n, device=images.device)[:, None, None]
        down, right = self.places(images, height)[:, :, None], self.places(images, width)[:, None, :]
        return images[each, :, down, right].permute(0, 3, 1, 2)

    def places(self, images: Tensor, length: int) -> Tensor:
        """Return the place from which each pixel of a side is taken, shape (images, length)."""
        most = round(self.share * length)
        moved = torch.randint(-most, most + 1, (len(images), 1), device=images.device)
        return (torch.arange(length, device=images.device) + moved).clamp(0, length - 1)


def convolution(n_inputs: int, n_outputs: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    """Return a convolution that keeps the size but for its stride, normalised and rectified."""
    return [
        nn.Conv2d(n_inputs, n_outputs, kernel, stride, padding=kernel // 2),
        nn.GroupNorm(math.gcd(n_outputs, GROUPS), n_outputs),
        nn.ReLU(),
    ]


def shrink(images: np.ndarray, side: int) -> np.ndarray:
    """Return images (rows, height, width, channels) of at most `side` pixels a side, by means of squares."""
    n, height, width, channels = images.shape
    factor = math.ceil(max(height, width) / side)
    if factor == 1:
        return images
    high, wide = max(1, height // factor), max(1, width // factor)
    squares = images[:, : high * factor, : wide * factor]
    squares = squares.reshape(n, high, min(height, factor), wide, min(width, factor), channels)
    return squares.mean(axis=(2, 4), dtype=np.float32)
