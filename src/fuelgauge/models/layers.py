"""Layers that several nets share."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["Dropout", "numbers_and_codes", "with_cheap_dropout"]


class RandomBytes:
    """Random bytes for one layer of one net, drawn on the device that needs them.

    Parameters
    ----------
    seed
        Random seed of the layer's own generators. Nets that train together therefore draw as they would
        alone.
    """

    def __init__(self, seed: int):
        self.seed = seed
        self.on_cpu = np.random.default_rng(seed)
        self.elsewhere: dict[torch.device, torch.Generator] = {}

    def on(self, device: torch.device, n: int) -> Tensor:
        """Return n random bytes as a tensor on a device other than the CPU."""
        if device not in self.elsewhere:
            self.elsewhere[device] = torch.Generator(device).manual_seed(self.seed)
        drawn = torch.empty(n, dtype=torch.uint8, device=device)
        return drawn.random_(generator=self.elsewhere[device])


class Dropout(nn.Module):
    """Dropout with random bits that are cheap on a CPU.

    On a CPU, `nn.Dropout` takes a quarter of the time of a small net's fit. Here the share is rounded to a
    multiple of 1/256, and a value is dropped if its random byte lies below the threshold.

    Parameters
    ----------
    share
        Share of the values dropped in training. The others are scaled up to compensate.
    """

    def __init__(self, share: float):
        super().__init__()
        self.share = share
        # Each layer draws for itself, because layers of one width that drew alike would drop the same units.
        # Nets that train together have one generator each, and their values follow one another.
        self.draws = [RandomBytes(int(torch.randint(2**62, ())))]

    @property
    def threshold(self) -> int:
        """Threshold below which a random byte drops its value."""
        return round(self.share * 256)

    def forward(self, values: Tensor) -> Tensor:
        """Drop and scale values in training, and return them unchanged otherwise."""
        if not self.training or not self.threshold:
            return values
        kept = self.kept(values.device, values.numel()).view(values.shape)
        return values * kept.to(values.dtype).mul_(256 / (256 - self.threshold))

    def kept(self, device: torch.device, n: int) -> Tensor:
        """Return which of n values are kept. The values of one net follow those of another."""
        each = n // len(self.draws)
        if device.type != "cpu":
            return torch.cat([draw.on(device, each) for draw in self.draws]) >= self.threshold
        random = np.frombuffer(b"".join(draw.on_cpu.bytes(each) for draw in self.draws), dtype=np.uint8)
        return torch.from_numpy((random >= self.threshold).view(np.uint8))


def with_cheap_dropout(net: nn.Module) -> nn.Module:
    """Replace each `nn.Dropout` of a library's net by `Dropout` and return the net."""
    for name, layer in list(net.named_children()):
        if isinstance(layer, nn.Dropout):
            setattr(net, name, Dropout(layer.p))
        else:
            with_cheap_dropout(layer)
    return net


def numbers_and_codes(inputs: Tensor, n_numbers: int) -> tuple[Tensor | None, Tensor | None]:
    """Split rows of `ColumnsEncoder` into numbers and codes of categories. A part without columns is None."""
    numbers, codes = inputs[:, :n_numbers], inputs[:, n_numbers:]
    return numbers if numbers.shape[1] else None, codes.long() if codes.shape[1] else None
