"""Compare the CPU time of packed repeats, which train together, with that of single fits.

    python benchmarks/packing.py

Measures the preparation and the training of 10 repeats at n = 2,000 on one thread, in this process. Two
repeats run first and do not count. The run takes some minutes. Prints ratios of CPU seconds.

The plain net 16-128-128-26 is compared with three kinds of single fits. Each ratio is a median of three
turns.

- Usual Lightning fits with batches in memory. The limit, a quarter, is for these. They make one optimizer
  step per Lightning batch, with the same batch size, as many steps and as many validations.
- The same fits with a DataLoader.
- This package's own single fits. They make many steps in one Lightning batch, and so they cost less.

The default MLP and the default RealMLP are compared with this package's own single fits only, in one turn.
The exit code is 1 if the limit is exceeded.
"""

from __future__ import annotations

import copy
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from statistics import median
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping
from torch.utils.data import DataLoader, TensorDataset

from fuelgauge.config.compose import compose
from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, create
from fuelgauge.models.deep import DeepModel
from fuelgauge.models.training import OneBatch, Prepared, make_trainer

Rows = Sequence[tuple[Examples, Examples]]
Way = Callable[[str, dict[str, Any], Rows], None]
ALLOWED = 0.25
N_REPEATS, N_ROWS, N_TURNS = 10, 2000, 3
N_COLUMNS, N_CLASSES = 16, 26
PLAIN = {"width": 128, "depth": 2, "dropout": 0.0}


def repeat_rows(seed: int) -> tuple[Examples, Examples]:
    """Return the fitting and validation rows of a repeat: 16 numbers, 26 classes that a net can learn."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(N_ROWS, N_COLUMNS)).astype(np.float32)
    weights = np.random.default_rng(0).normal(size=(N_COLUMNS, N_CLASSES))
    y = np.argmax(np.tanh(x) @ weights, axis=1)
    held_out = N_ROWS // 5
    fitting, validation = (
        Examples(x[part], y[part], "multiclass", N_CLASSES)
        for part in (slice(held_out, None), slice(held_out))
    )
    return fitting, validation


def as_pixels(examples: Examples) -> Examples:
    """Return the rows as sequences of one channel, for which the MLP does not embed its numbers."""
    return Examples(np.asarray(examples.x)[:, :, None], examples.y, examples.task, examples.n_classes)


def begin(name: str, changes: dict[str, Any], rows: Rows) -> tuple[list[DeepModel], list[Prepared]]:
    """Return new models of all repeats, and what each has prepared."""
    config = compose(f"model={name}").model
    settings = {**config.hyperparameters, "patience": 1000, **changes}
    models = [deep_model(config.target, settings) for _ in rows]
    contexts = [FitContext(repeat, 1, "cpu", "accuracy") for repeat in range(len(rows))]
    return models, [
        model.prepare(*own, context) for model, own, context in zip(models, rows, contexts, strict=True)
    ]


def deep_model(target: str, settings: dict[str, Any]) -> DeepModel:
    """Return a new deep model."""
    model = create(target, settings)
    assert isinstance(model, DeepModel)
    return model


def alone(name: str, changes: dict[str, Any], rows: Rows) -> None:
    """Train the repeats one after another."""
    for model, prepared in zip(*begin(name, changes, rows), strict=True):
        model.train(prepared)


class UsualModule(lightning.LightningModule):
    """A net with the training code that Lightning's documentation shows."""

    def __init__(self, prepared: Prepared, model: DeepModel):
        super().__init__()
        self.net, self.loss, self.model = prepared.net, prepared.loss, model

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        """Return the training loss of a batch."""
        return self.loss.training(self.net(batch[0]), batch[1])

    def validation_step(self, batch: list[torch.Tensor], _: int) -> None:
        """Log the validation loss."""
        self.log("val_loss", self.loss.validation(self.net(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimizer of the model."""
        return self.model.optimizer(self.net)


class KeepState(Callback):
    """Keep the best weights in memory; Lightning's own checkpoint would write a file."""

    def __init__(self) -> None:
        self.best, self.state = math.inf, dict[str, torch.Tensor]()

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Keep the weights if the validation loss is the lowest so far."""
        loss = trainer.callback_metrics["val_loss"].item()
        if loss < self.best:
            self.best, self.state = loss, copy.deepcopy(pl_module.state_dict())


def with_loader(prepared: Prepared) -> Iterable[list[torch.Tensor]]:
    """Return a PyTorch DataLoader over the training rows."""
    batch_size = math.ceil(len(prepared.targets) / prepared.plan.batches)
    return DataLoader(TensorDataset(prepared.inputs, prepared.targets), batch_size, shuffle=True)


class InMemory:
    """The batches of an epoch as parts of tensors in memory."""

    def __init__(self, prepared: Prepared):
        self.prepared = prepared

    def __iter__(self) -> Iterator[list[torch.Tensor]]:
        for rows in self.prepared.order().tensor_split(len(self)):
            yield [self.prepared.inputs[rows], self.prepared.targets[rows]]

    def __len__(self) -> int:
        return self.prepared.plan.batches


def usual(
    batches: Callable[[Prepared], Iterable[list[torch.Tensor]]],
    name: str,
    changes: dict[str, Any],
    rows: Rows,
) -> None:
    """Train the repeats one after another, each with usual Lightning code."""
    for model, prepared in zip(*begin(name, changes, rows), strict=True):
        stop = EarlyStopping("val_loss", patience=1000)
        n_epochs = prepared.plan.steps // prepared.plan.batches
        trainer = make_trainer(n_epochs, "cpu", "fp32", [KeepState(), stop])
        assert prepared.held_out is not None
        trainer.fit(UsualModule(prepared, model), batches(prepared), OneBatch(list(prepared.held_out)))


def together(name: str, changes: dict[str, Any], rows: Rows) -> None:
    """Train the repeats together."""
    DeepModel.train_together(*begin(name, changes, rows))


def ratios(
    ways: Sequence[Way], name: str, changes: dict[str, Any], rows: Rows, n_turns: int = 1
) -> list[float]:
    """Return the CPU seconds of packed repeats over those of each other way, as the median of the turns."""
    for way in (together, *ways):
        way(name, changes, rows[:2])
    turns = [[seconds(way, name, changes, rows) for way in (together, *ways)] for _ in range(n_turns)]
    return [median(turn[0] / turn[1 + place] for turn in turns) for place in range(len(ways))]


def seconds(way: Way, name: str, changes: dict[str, Any], rows: Rows) -> float:
    """Return the CPU seconds that all repeats take in one way."""
    before = time.process_time()
    way(name, changes, rows)
    return time.process_time() - before


def main() -> int:
    """Print the ratios; return 1 if the limit is exceeded."""
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", module="lightning.*")
    rows = [repeat_rows(seed) for seed in range(N_REPEATS)]
    pixels = [(as_pixels(train), as_pixels(held_out)) for train, held_out in rows]
    ways: list[Way] = [partial(usual, with_loader), partial(usual, InMemory), alone]
    loader, memory, single = ratios(ways, "mlp", PLAIN, pixels, N_TURNS)
    verdict = f"(limit {ALLOWED}){'' if memory <= ALLOWED else '  <- exceeded'}"
    print(f"MLP 16-128-128-26, packed over usual Lightning fits, batches in memory: {memory:.2f} {verdict}")
    print(f"  packed over usual Lightning fits with a DataLoader: {loader:.2f}")
    print(f"  packed over our single fits: {single:.2f}", flush=True)
    for name in ("mlp", "realmlp"):
        (single,) = ratios([alone], name, {}, rows)
        print(f"default {name}, packed over our single fits: {single:.2f}", flush=True)
    return 0 if memory <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
