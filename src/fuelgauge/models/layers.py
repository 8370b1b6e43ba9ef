"""Layers that several nets share."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn


class RandomBytes:
    """Random bytes of one net's layer, drawn on the device that needs them.

    Parameters
    ----------
    seed
        Of a generator of its own, so that nets that are trained together draw as they would alone.
    """

    def __init__(self, seed: int):
        self.seed = seed
        self.on_cpu = np.random.default_rng(seed)
        self.elsewhere: dict[torch.device, torch.Generator] = {}

    def on(self, device: torch.device, n: int) -> Tensor:
        """Return n bytes that are a tensor on a device other than the CPU."""
        if device not in self.elsewhere:
            self.elsewhere[device] = torch.Generator(device).manual_seed(self.seed)
        drawn = torch.empty(n, dtype=torch.uint8, device=device)
        return drawn.random_(generator=self.elsewhere[device])


class Dropout(nn.Module):
    """Dropout whose random bits are cheap on a CPU, where `nn.Dropout` takes a quarter of a small net's fit.

    The share is rounded to a 256th: a value is dropped if its random byte lies below it.

    Parameters
    ----------
    share
        Of the values that are dropped in training; the others are scaled up in its place.
    """

    def __init__(self, share: float):
        super().__init__()
        self.share = share
        # Of its own: layers of one width that drew alike would drop the same units. In nets that are trained
        # together there is one for each, whose values come one after another.
        self.draws = [RandomBytes(int(torch.randint(2**62, ())))]

    @property
    def threshold(self) -> int:
        """Bytes below it drop a value."""
        return round(self.share * 256)

    def forward(self, values: Tensor) -> Tensor:
        """Drop and scale in training; return the values as they are otherwise."""
        if not self.training or not self.threshold:
            return values
        kept = self.kept(values.device, values.numel()).view(values.shape)
        return values * kept.to(values.dtype).mul_(256 / (256 - self.threshold))

    def kept(self, device: torch.device, n: int) -> Tensor:
        """Return which of n values are kept, those of one net after those of another."""
        each = n // len(self.draws)
        if device.type != "cpu":
            return torch.cat([draw.on(device, each) for draw in self.draws]) >= self.threshold
        random = np.frombuffer(b"".join(draw.on_cpu.bytes(each) for draw in self.draws), dtype=np.uint8)
        return torch.from_numpy((random >= self.threshold).view(np.uint8))


def with_cheap_dropout(net: nn.Module) -> nn.Module:
    """Put `Dropout` in the place of each `nn.Dropout` of a library's net; return the net."""
    for name, layer in list(net.named_children()):
        if isinstance(layer, nn.Dropout):
            setattr(net, name, Dropout(layer.p))
        else:
            with_cheap_dropout(layer)
    return net


def numbers_and_codes(inputs: Tensor, n_numbers: int) -> tuple[Tensor | None, Tensor | None]:
    """Divide rows of `ColumnsEncoder` into numbers and codes of categories; None in place of no columns."""
    numbers, codes = inputs[:, :n_numbers], inputs[:, n_numbers:]
    return numbers if numbers.shape[1] else None, codes.long() if codes.shape[1] else None
