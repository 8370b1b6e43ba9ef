"""Shared parts of the nets: encoding, step budget, early stopping with Lightning, and prediction."""

from __future__ import annotations

import logging
import math
import warnings
from abc import abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, Model, Work
from fuelgauge.models.packing import can_pack, shape_of, train_together
from fuelgauge.models.training import Loss, Prepared, StepPlan, Trained, train_alone, warm_cosine

__all__ = ["DeepModel", "TargetScale", "set_learning_rate"]

WEIGHTS = "weights.safetensors"


@dataclass
class DeepModel(Model):
    """A net trained by AdamW with early stopping.

    The learning rate rises and then falls to 0 by half a cosine, if the class does not keep it. The weights
    of the best validation round are kept. A subclass defines `fit_encoder`, `encode` and `network`. A
    subclass with its own training recipe also overrides `optimizer`, `before_step` or `loss`.

    Parameters
    ----------
    batch_size
        Number of rows per step, at most a quarter of the training rows if the class says no other share.
    learning_rate, weight_decay
        Settings of AdamW. The learning rate is the peak of the schedule.
    max_epochs
        Number of passes over the training rows. The budget grows with them.
    min_steps
        Smallest budget of optimizer steps, for few rows.
    rounds
        Number of rounds that the budget is divided into. The validation loss is measured after each. Above
        the smallest budget, a round is a fixed share of the passes.
    patience
        Number of rounds without a better validation loss after which training stops.
    precision
        Precision of training: `fp32` or `bf16` (mixed).
    """

    own_format: ClassVar[tuple[str, ...]] = ("net",)
    # Number of rows per forward pass outside training.
    prediction_rows: ClassVar[int] = 4096
    # Smallest number of batches of an epoch, for few rows.
    least_batches: ClassVar[int] = 4
    # Whether the learning rate is constant.
    keeps_rate: ClassVar[bool] = False

    batch_size: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    max_epochs: int = 64
    min_steps: int = 1000
    rounds: int = 40
    patience: int = 12
    precision: str = "fp32"

    @abstractmethod
    def encode(self, examples: Examples) -> np.ndarray:
        """Return the input of the net, rows first: float32, or integers that the net looks up."""

    @abstractmethod
    def fit_encoder(self, train: Examples) -> None:
        """Fit what `encode` needs, on the training rows only."""

    @abstractmethod
    def network(self, inputs: Tensor, n_outputs: int) -> nn.Module:
        """Return the untrained net for such inputs, on their device.

        The shapes of its weights depend only on the shape of a row of `inputs` and on what `fit_encoder` has
        fitted. A stored net can therefore be built again. The first weights may also depend on the values.

        In training, the net may return an ensemble's outputs, shape (rows, members, n_outputs). In
        evaluation, it returns shape (rows, n_outputs).
        """

    def optimizer(self, net: nn.Module) -> torch.optim.Optimizer:
        """Return the optimizer. Each group's learning rate is the peak of its schedule."""
        return torch.optim.AdamW(
            net.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay, fused=True
        )

    def before_step(self, net: nn.Module, optimizer: torch.optim.Optimizer, step: int, steps: int) -> None:
        """Apply the schedule before optimizer step `step`, counted from 0, of at most `steps`."""
        if not self.keeps_rate:
            set_learning_rate(optimizer, warm_cosine(step, steps))

    def loss(self, task: str, metric: str) -> Loss:
        """Return the training loss and the validation loss that decides when to stop."""
        return Loss(task, metric)

    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        """Train the net and restore the weights of the best validation round."""
        return self.train(self.prepare(train, validation, context))

    def refit(self, rows: Examples, found: Self, context: FitContext) -> int:
        """Train on all rows for as many rounds as `found` needed for its best validation loss."""
        return self.train(self.prepare_refit(rows, found, context))

    def prepare(self, train: Examples, validation: Examples, context: FitContext) -> Prepared:
        """Encode the rows and create the net with its first weights."""
        plan = self.plan(len(train), context.step_limit)
        start = self.start(train, context, plan, plan.rounds)
        held_out = self.tensor(validation), self.scale.encode(validation).to(self.device)
        return replace(start, held_out=held_out)

    def prepare_refit(self, rows: Examples, found: Self, context: FitContext) -> Prepared:
        """Encode all rows and create a net that trains for as many rounds as the best ones of `found`.

        The schedule is that of the whole budget for this number of rows. Where the budget is a number of
        passes, the refit makes the same passes as `found` over more rows.
        """
        return self.start(rows, context, self.plan(len(rows), context.step_limit), found.best_round)

    def start(self, train: Examples, context: FitContext, plan: StepPlan, last_round: int) -> Prepared:
        """Encode the rows and create the net with its first weights, without validation rows."""
        lightning_quietly()
        torch.set_num_threads(context.threads)
        torch.manual_seed(context.seed)
        self.device = context.device
        self.fit_encoder(train)
        self.scale = TargetScale.of(train)
        inputs, targets = self.tensor(train), self.scale.encode(train).to(self.device)
        self.row_shape, self.row_type = tuple(inputs.shape[1:]), str(inputs.dtype).removeprefix("torch.")
        self.net = self.network(inputs, self.scale.n_outputs)
        self.rows_a_step = len(train) / plan.batches
        return Prepared(
            net=self.net,
            inputs=inputs,
            targets=targets,
            held_out=None,
            loss=self.loss(train.task, context.metric),
            plan=plan,
            generator=torch.Generator().set_state(torch.get_rng_state()),
            last_round=last_round,
        )

    def train(self, prepared: Prepared) -> int:
        """Train a prepared net and return the number of optimizer steps."""
        return self.trained(train_alone(prepared, self, self.device))

    @staticmethod
    def shape_of(prepared: Prepared) -> Hashable:
        """Return what nets must share to train together, or None if this net can only train alone."""
        return shape_of(prepared) if can_pack(prepared.net) else None

    @staticmethod
    def train_together(models: Sequence[DeepModel], prepared: Sequence[Prepared]) -> list[int]:
        """Train several nets of one shape together and return the number of optimizer steps of each."""
        ended = train_together(prepared, models[0], models[0].device)
        return [model.trained(end) for model, end in zip(models, ended, strict=True)]

    def trained(self, ended: Trained) -> int:
        """Load the weights of the best validation round and return the number of steps."""
        self.net.load_state_dict(ended.state)
        self.net.eval()
        self.n_steps, self.best_round = ended.steps, ended.best_round
        return ended.steps

    def count_parameters(self) -> int:
        """Return the number of weights."""
        return sum(p.numel() for p in self.net.parameters())

    def count_samples(self, steps: int, n_rows: int) -> int:
        """Return the number of rows in the batches of the given steps."""
        return round(steps * self.rows_a_step)

    def count_work(self, train: Examples) -> Work:
        """Count one step on one batch with PyTorch's counter and multiply by the number of steps.

        Lookups and sums are not counted.
        """
        some = train.head(math.ceil(self.rows_a_step))
        inputs, targets = self.tensor(some), self.scale.encode(some).to(self.device)
        with FlopCounterMode(display=False) as counter:
            self.loss(train.task, "log_loss").training(self.net.train()(inputs), targets).backward()
        self.net.zero_grad(set_to_none=True)
        self.net.eval()
        return Work(flops=counter.get_total_flops() * self.n_steps)

    def save_own(self, folder: Path) -> None:
        """Write the weights."""
        save_file(
            {name: value.contiguous() for name, value in self.net.state_dict().items()}, folder / WEIGHTS
        )

    def load_own(self, folder: Path) -> None:
        """Build the net again and read its weights."""
        row = torch.zeros((1, *self.row_shape), dtype=getattr(torch, self.row_type), device=self.device)
        self.net = self.network(row, self.scale.n_outputs).eval()
        self.net.load_state_dict(load_file(folder / WEIGHTS, device=self.device))

    def plan(self, n_rows: int, step_limit: int | None) -> StepPlan:
        """Return the step budget for a number of training rows."""
        batch = max(1, min(self.batch_size, n_rows // self.least_batches))
        batches = math.ceil(n_rows / batch)
        steps = max(self.max_epochs * batches, self.min_steps)
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
    """Scale of the targets in the loss, and the way from outputs to predictions.

    Classes are codes. Values are scaled to mean 0 and variance 1 in float64, so that a large mean does not
    hide their differences.

    Parameters
    ----------
    task
        Task of the dataset.
    n_outputs
        Number of outputs of the net: the number of classes, or 1 for values.
    mean, std
        Mean and standard deviation of the values of the fitting rows.
    """

    task: str
    n_outputs: int
    mean: float = 0.0
    std: float = 1.0

    @classmethod
    def of(cls, train: Examples) -> TargetScale:
        """Fit the scale on the training rows."""
        if train.task == "regression":
            std = float(train.y.std()) if np.ptp(train.y) else 1.0
            return cls("regression", 1, float(train.y.mean()), std)
        return cls(train.task, train.n_classes)

    def encode(self, examples: Examples) -> Tensor:
        """Return the targets for the loss."""
        if self.task == "regression":
            return torch.from_numpy(((examples.y - self.mean) / self.std).astype(np.float32))
        return torch.from_numpy(examples.y)

    def decode(self, outputs: Tensor) -> Tensor:
        """Return probabilities or values in float64, computed from the outputs of the net."""
        outputs = outputs.double()
        if self.task == "regression":
            return outputs.squeeze(1) * self.std + self.mean
        return outputs.softmax(dim=1)


def set_learning_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set the learning rate of every parameter group to `factor` times its initial value."""
    for group in optimizer.param_groups:
        group["lr"] = factor * group.setdefault("peak", group["lr"])


def lightning_quietly() -> None:
    """Silence advice that does not apply to fits of rows in memory."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    logging.getLogger("lightning.fabric").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning.*")
