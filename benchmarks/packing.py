"""What repeats of a net cost that train together, beside the same repeats one after another.

    python benchmarks/packing.py

Prints ratios of CPU seconds in this very process: preparation and training of 10 repeats at n = 2,000 on one
thread, after two unmeasured ones (some minutes). The limit, a quarter, is for the net 16-128-128-26 against
Lightning fits as they are usually written: one optimizer step a Lightning batch, batches of tensors in memory
without a DataLoader, the same batch size and steps, as many validations. Beside it stands the ratio to this
package's own fits of single nets, which make many steps in one Lightning batch and so cost less already; the
default MLP and RealMLP are compared with those alone.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import EarlyStopping

from fuelgauge.data.dataset import Examples
from fuelgauge.entry import compose
from fuelgauge.models.base import FitContext, create
from fuelgauge.models.deep import DeepModel
from fuelgauge.models.training import KeepBest, OneBatch, Prepared, make_trainer

Way = Callable[[str, dict, Sequence[tuple[Examples, Examples]]], None]
ALLOWED = 0.25
N_REPEATS, N_ROWS = 10, 2000
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


class Batches:
    """The rows of a fit in batches, in new order each time."""

    def __init__(self, prepared: Prepared):
        self.prepared = prepared

    def __iter__(self) -> Iterator[list[torch.Tensor]]:
        for rows in self.prepared.order().tensor_split(len(self)):
            yield [self.prepared.inputs[rows], self.prepared.targets[rows]]

    def __len__(self) -> int:
        return self.prepared.plan.batches


def usual(name: str, changes: dict, rows: Sequence[tuple[Examples, Examples]]) -> None:
    """Train the repeats one after another, each by Lightning as usual."""
    for model, prepared in zip(*begin(name, changes, rows), strict=True):
        stop = EarlyStopping("val_loss", patience=1000)
        trainer = make_trainer(
            prepared.plan.steps // prepared.plan.batches, "cpu", "fp32", [KeepBest(), stop]
        )
        trainer.fit(UsualModule(prepared, model), Batches(prepared), OneBatch(list(prepared.held_out)))


def together(name: str, changes: dict, rows: Sequence[tuple[Examples, Examples]]) -> None:
    """Train the repeats as one."""
    DeepModel.train_together(*begin(name, changes, rows))


def ratio(way: Way, name: str, changes: dict, rows: Sequence[tuple[Examples, Examples]]) -> float:
    """Return the CPU seconds together over those in another way."""
    together(name, changes, rows[:2])
    marks = [time.process_time()]
    for each in (way, together):
        each(name, changes, rows)
        marks.append(time.process_time())
    return (marks[2] - marks[1]) / (marks[1] - marks[0])


def main() -> int:
    """Print the ratios; 1 if the limit is broken."""
    torch.set_num_threads(1)
    rows = [repeat_rows(seed) for seed in range(N_REPEATS)]
    pixels = [(as_pixels(train), as_pixels(held_out)) for train, held_out in rows]
    plain = ratio(usual, "mlp", PLAIN, pixels)
    print(
        f"MLP 16-128-128-26, over usual Lightning fits: {plain:.2f} (limit {ALLOWED})"
        f"{'' if plain <= ALLOWED else '  <- broken'}",
        flush=True,
    )
    print(
        f"MLP 16-128-128-26, over our own single fits: {ratio(alone, 'mlp', PLAIN, pixels):.2f}", flush=True
    )
    for name in ("mlp", "realmlp"):
        print(f"{name}, default, over our own single fits: {ratio(alone, name, {}, rows):.2f}", flush=True)
    return 0 if plain <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
