from __future__ import annotations

from typing import Any

import lightning
import pytest
import torch
from lightning.pytorch.callbacks import Callback

from fuelgauge.models.base import FitError
from fuelgauge.models.training import OneBatch, make_trainer


def counts_subnormals() -> bool:
    return (torch.tensor([1e-38]) * 0.01).item() != 0


class Net(lightning.LightningModule):
    """A net that keeps whether its step sees numbers below 1e-38, and may fail."""

    def __init__(self, fails: bool = False) -> None:
        super().__init__()
        self.layer, self.fails, self.seen = torch.nn.Linear(1, 1), fails, [True]
        self.automatic_optimization = False

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def training_step(self, *_: Any) -> None:
        self.seen.append(counts_subnormals())
        if self.fails:
            raise FitError("no")


def test_subnormal_numbers_are_zero_in_training_and_only_there() -> None:
    net = Net()
    assert counts_subnormals()
    make_trainer(1, "cpu", "fp32", [Callback()]).fit(net, OneBatch(1))
    assert net.seen[-1] is False
    assert counts_subnormals()


def test_a_training_that_fails_leaves_no_setting_behind() -> None:
    net = Net(fails=True)
    with pytest.raises(FitError):
        make_trainer(1, "cpu", "fp32", []).fit(net, OneBatch(1))
    assert net.seen[-1] is False
    assert counts_subnormals()
