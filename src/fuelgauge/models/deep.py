"""What the nets share: encoding, the step budget, early stopping on Lightning, and prediction."""

from __future__ import annotations

import logging
import math
import warnings
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import EarlyStopping
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, Model
from fuelgauge.models.training import KeepBest, Loss, OneBatch, StepPlan, TrainingModule, warm_cosine

WEIGHTS = "weights.safetensors"


@dataclass
class DeepModel(Model):
    """A net trained by AdamW with a warmed-up cosine schedule, early stopping and the best weights kept.

    A subclass gives `fit_encoder`, `encode` and `network`; one with a recipe of its own overrides
    `optimizer`, `before_step` or `loss` too.

    Parameters
    ----------
    batch_size
        Rows a step; at most a quarter of the training rows.
    learning_rate, weight_decay
        Of AdamW; the learning rate is the schedule's peak.
    max_epochs
        Passes over the training rows, within the bounds of the next two.
    min_steps, max_steps
        Floor and ceiling of the budget of optimizer steps.
    rounds
        Into which the budget is divided; the validation loss is taken after each.
    patience
        Rounds without a better validation loss after which training stops.
    precision
        `fp32` or `bf16` (mixed).
    """

    own_format: ClassVar[tuple[str, ...]] = ("net",)
    # Rows that go through the net at once where nothing is trained.
    prediction_rows: ClassVar[int] = 4096

    batch_size: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    max_epochs: int = 64
    min_steps: int = 1000
    max_steps: int = 8000
    rounds: int = 40
    patience: int = 12
    precision: str = "fp32"

    @abstractmethod
    def encode(self, examples: Examples) -> np.ndarray:
        """Return the input of the net, rows first: float32, or the whole numbers of what it looks up."""

    @abstractmethod
    def fit_encoder(self, train: Examples) -> None:
        """Fit what `encode` needs, on the training rows only."""

    @abstractmethod
    def network(self, inputs: Tensor, n_outputs: int) -> nn.Module:
        """Return the untrained net for such inputs, on their device.

        The shapes of its weights follow from the shape of a row of `inputs` and from what
        `fit_encoder` has fitted, so that a saved net can be built again; its first weights may
        depend on the values. In training the net may return an ensemble's outputs, shape (rows,
        members, n_outputs); in evaluation it returns shape (rows, n_outputs).
        """

    def optimizer(self, net: nn.Module) -> torch.optim.Optimizer:
        """Return the optimizer; each group's learning rate is the peak of its schedule."""
        return torch.optim.AdamW(
            net.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay, fused=True
        )

    def before_step(self, net: nn.Module, optimizer: torch.optim.Optimizer, step: int, steps: int) -> None:
        """Set what a schedule changes before optimizer step `step` of at most `steps`, from 0."""
        set_learning_rate(optimizer, warm_cosine(step, steps))

    def loss(self, task: str, metric: str) -> Loss:
        """Return the training loss and the validation loss that decides when to stop."""
        return Loss(task, metric)

    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        """Train the net and put the weights of the best validation round back."""
        lightning_quietly()
        torch.set_num_threads(context.threads)
        torch.manual_seed(context.seed)
        self.device = context.device
        self.fit_encoder(train)
        self.scale = TargetScale.of(train)
        inputs, targets = self.tensor(train), self.scale.encode(train).to(self.device)
        self.row_shape, self.row_type = tuple(inputs.shape[1:]), str(inputs.dtype).removeprefix("torch.")
        module = TrainingModule(
            net=self.network(inputs, self.scale.n_outputs),
            inputs=inputs,
            targets=targets,
            loss=self.loss(train.task, context.metric),
            plan=self.plan(len(train), context.step_limit),
            recipe=self,
        )
        held_out = (self.tensor(validation), self.scale.encode(validation).to(self.device))
        best = self.train(module, held_out, context)
        module.net.load_state_dict(best.state)
        self.net = module.net.eval()
        return module.steps_done

    def count_parameters(self) -> int:
        """Return the number of weights."""
        return sum(p.numel() for p in self.net.parameters())

    def save_own(self, folder: Path) -> None:
        """Write the weights."""
        save_file(
            {name: value.contiguous() for name, value in self.net.state_dict().items()}, folder / WEIGHTS
        )

    def load_own(self, folder: Path) -> None:
        """Build the net anew and read its weights."""
        row = torch.zeros((1, *self.row_shape), dtype=getattr(torch, self.row_type), device=self.device)
        self.net = self.network(row, self.scale.n_outputs).eval()
        self.net.load_state_dict(load_file(folder / WEIGHTS, device=self.device))

    def train(self, module: TrainingModule, held_out: tuple[Tensor, Tensor], context: FitContext) -> KeepBest:
        """Run Lightning's trainer until the budget is used or the patience is at its end."""
        best = KeepBest()
        trainer = lightning.Trainer(
            accelerator="gpu" if context.device == "cuda" else "cpu",
            devices=1,
            precision="bf16-mixed" if self.precision == "bf16" else "32-true",
            max_epochs=module.plan.rounds,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            callbacks=[best, EarlyStopping("val_loss", patience=self.patience)],
        )
        trainer.fit(module, OneBatch(module.plan.steps_per_round), OneBatch(held_out))
        return best

    def plan(self, n_rows: int, step_limit: int | None) -> StepPlan:
        """Return the budget for a number of training rows."""
        batch = max(1, min(self.batch_size, n_rows // 4))
        batches = math.ceil(n_rows / batch)
        steps = min(max(self.max_epochs * batches, self.min_steps), self.max_steps)
        steps = min(steps, step_limit or steps)
        return StepPlan(
            batches=batches, steps_per_round=math.ceil(steps / self.rounds), rounds=min(self.rounds, steps)
        )

    def tensor(self, examples: Examples) -> Tensor:
        """Return the encoded examples on the device."""
        return torch.from_numpy(np.ascontiguousarray(self.encode(examples))).to(self.device)

    @torch.inference_mode()
    def predict(self, examples: Examples) -> np.ndarray:
        """Return class probabilities or values."""
        chunks = [self.net(chunk).float() for chunk in self.tensor(examples).split(self.prediction_rows)]
        return self.scale.decode(torch.cat(chunks)).cpu().numpy()


@dataclass(frozen=True)
class TargetScale:
    """How targets enter the loss: class codes as they are, values with mean 0 and variance 1."""

    task: str
    n_outputs: int
    mean: float = 0.0
    std: float = 1.0

    @classmethod
    def of(cls, train: Examples) -> TargetScale:
        """Fit the scale on the training rows."""
        if train.task == "regression":
            return cls("regression", 1, float(train.y.mean()), float(train.y.std()) or 1.0)
        return cls(train.task, train.n_classes)

    def encode(self, examples: Examples) -> Tensor:
        """Return the targets for the loss."""
        if self.task == "regression":
            return torch.from_numpy(((examples.y - self.mean) / self.std).astype(np.float32))
        return torch.from_numpy(examples.y)

    def decode(self, outputs: Tensor) -> Tensor:
        """Return probabilities or values from the outputs of the net."""
        if self.task == "regression":
            return outputs.squeeze(1) * self.std + self.mean
        return outputs.double().softmax(dim=1)


def set_learning_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set the learning rate of every parameter group to a factor times the one that it began with."""
    for group in optimizer.param_groups:
        group["lr"] = factor * group.setdefault("peak", group["lr"])


def lightning_quietly() -> None:
    """Silence advice that does not apply to fits of rows in memory."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    logging.getLogger("lightning.fabric").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning.*")
