"""What repeats of a net cost that train together, beside the same repeats one after another.

    python benchmarks/packing.py

Prints ratios of CPU seconds in this very process (the plain net: medians of three turns): preparation and
training of 10 repeats at n = 2,000 on one thread, after two unmeasured ones (some minutes). The limit, a
quarter, is for the net 16-128-128-26 against Lightning fits as they are usually written, but for the
DataLoader: one optimizer step a Lightning batch, batches of tensors in memory, the same batch size and
steps, as many validations. Beside it stand the ratios to the same fits with a DataLoader, and to this
package's own fits of single nets, which make many steps in one Lightning batch and so cost less already;
the default MLP and RealMLP are compared with those alone.
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

Way = Callable[[str, dict, Sequence[tuple[Examples, Examples]]], None]
ALLOWED = 0.25
N_REPEATS, N_ROWS, N_TURNS = 10, 2000, 3
N_COLUMNS, N_CLASSES = 16, 26
PLAIN = {"width": 128, "depth": 2, "dropout": 0.0}


def repeat_rows(seed: int) -> tuple[Examples, Examples]:
    """Return fitting and validation rows of a repeat: 16 numbers in 26 classes that a net can learn."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(N_ROWS, N_COLUMNS)).astype(np.float32)
    weights = np.random.default_rng(0).normal(size=(N_COLUMNS, N_CLASSES))
    y = np.argmax(np.tanh(x) @ weights, axis=1)
    held_out = N_ROWS // 5
    return tuple(  # type: ignore[return-value]
        Examples(x[part], y[part], "multiclass", N_CLASSES)
        for part in (slice(held_out, None), slice(held_out))
    )


def as_pixels(examples: Examples) -> Examples:
    """Return the same rows as sequences of one channel, on which the MLP has no embeddings of numbers."""
    return Examples(np.asarray(examples.x)[:, :, None], examples.y, examples.task, examples.n_classes)


def begin(name: str, changes: dict, rows: Sequence[tuple[Examples, Examples]]) -> tuple[list, list]:
    """Return fresh models of all repeats with what they have prepared."""
    config = compose(f"model={name}").model
    settings = {**config.hyperparameters, "patience": 1000, **changes}
    models = [create(config.target, settings) for _ in rows]
    contexts = [FitContext(repeat, 1, "cpu", "accuracy") for repeat in range(len(rows))]
    return models, [
        model.prepare(*own, context)  # type: ignore[attr-defined]
        for model, own, context in zip(models, rows, contexts, strict=True)
    ]


def alone(name: str, changes: dict, rows: Sequence[tuple[Examples, Examples]]) -> None:
    """Train the repeats one after another."""
    for model, prepared in zip(*begin(name, changes, rows), strict=True):
        model.train(prepared)


class UsualModule(lightning.LightningModule):
    """A net trained as Lightning's documentation shows it."""

    def __init__(self, prepared: Prepared, model: DeepModel):
        super().__init__()
        self.net, self.loss, self.model = prepared.net, prepared.loss, model

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        """Return the loss of a batch."""
        return self.loss.training(self.net(batch[0]), batch[1])

    def validation_step(self, batch: list[torch.Tensor], _: int) -> None:
        """Log the loss of the validation rows."""
        self.log("val_loss", self.loss.validation(self.net(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimizer of the model."""
        return self.model.optimizer(self.net)


class KeepState(Callback):
    """Keep the best weights in memory, where Lightning's own checkpoint would write a file."""

    def __init__(self) -> None:
        self.best, self.state = math.inf, dict[str, torch.Tensor]()

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Compare the validation loss with the best so far."""
        loss = trainer.callback_metrics["val_loss"].item()
        if loss < self.best:
            self.best, self.state = loss, copy.deepcopy(pl_module.state_dict())


def with_loader(prepared: Prepared) -> Iterable[list[torch.Tensor]]:
    """Return the batches of an epoch as PyTorch's loader makes them."""
    batch_size = math.ceil(len(prepared.targets) / prepared.plan.batches)
    return DataLoader(TensorDataset(prepared.inputs, prepared.targets), batch_size, shuffle=True)


class InMemory:
    """The batches of an epoch, cut from tensors in memory."""

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
    changes: dict,
    rows: Sequence[tuple[Examples, Examples]],
) -> None:
    """Train the repeats one after another, each by Lightning as usual."""
    for model, prepared in zip(*begin(name, changes, rows), strict=True):
        stop = EarlyStopping("val_loss", patience=1000)
        n_epochs = prepared.plan.steps // prepared.plan.batches
        trainer = make_trainer(n_epochs, "cpu", "fp32", [KeepState(), stop])
        trainer.fit(UsualModule(prepared, model), batches(prepared), OneBatch(list(prepared.held_out)))


def together(name: str, changes: dict, rows: Sequence[tuple[Examples, Examples]]) -> None:
    """Train the repeats as one."""
    DeepModel.train_together(*begin(name, changes, rows))


def ratios(
    ways: Sequence[Way],
    name: str,
    changes: dict,
    rows: Sequence[tuple[Examples, Examples]],
    n_turns: int = 1,
) -> list[float]:
    """Return the CPU seconds together over those in other ways, the median of the turns for each."""
    for way in (together, *ways):
        way(name, changes, rows[:2])
    turns = [[seconds(way, name, changes, rows) for way in (together, *ways)] for _ in range(n_turns)]
    return [median(turn[0] / turn[1 + place] for turn in turns) for place in range(len(ways))]


def seconds(way: Way, name: str, changes: dict, rows: Sequence[tuple[Examples, Examples]]) -> float:
    """Return the CPU seconds of all repeats in one way."""
    before = time.process_time()
    way(name, changes, rows)
    return time.process_time() - before


def main() -> int:
    """Print the ratios; 1 if the limit is broken."""
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", module="lightning.*")
    rows = [repeat_rows(seed) for seed in range(N_REPEATS)]
    pixels = [(as_pixels(train), as_pixels(held_out)) for train, held_out in rows]
    ways: list[Way] = [partial(usual, with_loader), partial(usual, InMemory), alone]
    loader, memory, single = ratios(ways, "mlp", PLAIN, pixels, N_TURNS)
    verdict = f"(limit {ALLOWED}){'' if memory <= ALLOWED else '  <- broken'}"
    print(f"MLP 16-128-128-26, over Lightning fits with batches in memory: {memory:.2f} {verdict}")
    print(f"  over Lightning fits with a DataLoader: {loader:.2f}")
    print(f"  over our own single fits: {single:.2f}", flush=True)
    for name in ("mlp", "realmlp"):
        print(
            f"{name}, default, over our own single fits: {ratios([alone], name, {}, rows)[0]:.2f}", flush=True
        )
    return 0 if memory <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
