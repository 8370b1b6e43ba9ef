"""What the nets share: encoding, the step budget and the training loop on Lightning.

A Lightning batch costs about a millisecond of its own, as much as an optimizer step of a small net.
So one Lightning batch here is a *round* of many optimizer steps on data that are in memory already,
and Lightning's validation loop and callbacks run once a round.
"""

from __future__ import annotations

import copy
import logging
import math
import warnings
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping
from torch import Tensor, nn

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, FitError, Model

TIE_BREAK = 1e-6


@dataclass
class DeepModel(Model):
    """A net trained by AdamW with a warmed-up cosine schedule, early stopping and the best weights kept.

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
        """Return the untrained net for inputs of this shape."""

    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        """Train the net and put the weights of the best validation round back."""
        lightning_quietly()
        torch.set_num_threads(context.threads)
        torch.manual_seed(context.seed)
        self.device = torch.device(context.device)
        self.fit_encoder(train)
        self.scale = TargetScale.of(train)
        inputs, targets = self.tensor(train), self.scale.encode(train).to(self.device)
        module = TrainingModule(
            net=self.network(inputs, self.scale.n_outputs),
            inputs=inputs,
            targets=targets,
            loss=Loss(train.task, context.metric),
            plan=self.plan(len(train), context.step_limit),
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            prediction_rows=self.prediction_rows,
        )
        held_out = (self.tensor(validation), self.scale.encode(validation).to(self.device))
        best = self.train(module, held_out, context)
        module.net.load_state_dict(best.state)
        self.net = module.net.eval()
        return module.steps_done

    def count_parameters(self) -> int:
        """Return the number of weights."""
        return sum(p.numel() for p in self.net.parameters())

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
class StepPlan:
    """A budget: `rounds` of `steps_per_round` optimizer steps; an epoch is `batches` steps."""

    batches: int
    steps_per_round: int
    rounds: int

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole budget."""
        return self.rounds * self.steps_per_round


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


@dataclass(frozen=True)
class Loss:
    """The training loss, and the validation loss that decides when to stop.

    Where a dataset is judged by accuracy, training stops by the error rate; cross-entropy breaks
    ties. The cross-entropy of an accurate net grows while its error still falls.
    """

    task: str
    metric: str

    def training(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of a batch."""
        if self.task == "regression":
            return nn.functional.mse_loss(outputs.squeeze(1), targets)
        return nn.functional.cross_entropy(outputs, targets)

    def validation(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss by which training stops."""
        smooth = self.training(outputs, targets)
        if self.metric != "accuracy":
            return smooth
        error = (outputs.argmax(dim=1) != targets).float().mean()
        return error + TIE_BREAK * smooth


class TrainingModule(lightning.LightningModule):
    """A net, the rows that it is trained on and the way a round of steps is made."""

    def __init__(
        self,
        net: nn.Module,
        inputs: Tensor,
        targets: Tensor,
        loss: Loss,
        plan: StepPlan,
        learning_rate: float,
        weight_decay: float,
        prediction_rows: int = DeepModel.prediction_rows,
    ):
        super().__init__()
        self.automatic_optimization = False
        self.net = net
        self.inputs, self.targets = inputs, targets
        self.loss, self.plan = loss, plan
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.prediction_rows = prediction_rows
        self.steps_done = 0
        self.batches = self.endless_batches()

    def endless_batches(self) -> Iterator[Tensor]:
        """Yield row numbers: each epoch in new order, divided evenly, no row left out."""
        while True:
            order = torch.randperm(len(self.targets)).to(self.targets.device)
            yield from order.tensor_split(self.plan.batches)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return AdamW over all weights."""
        return torch.optim.AdamW(
            self.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay, fused=True
        )

    def training_step(self, steps: int, _: int) -> None:
        """Make one round of optimizer steps."""
        optimizer: Any = self.optimizers(use_pl_optimizer=False)
        total = torch.zeros((), device=self.device)
        for _ in range(steps):
            rows = next(self.batches)
            set_learning_rate(optimizer, self.learning_rate * warm_cosine(self.steps_done, self.plan.steps))
            optimizer.zero_grad(set_to_none=True)
            loss = self.loss.training(self.net(self.inputs[rows]), self.targets[rows])
            self.manual_backward(loss)
            optimizer.step()
            self.steps_done += 1
            total += loss.detach()
        if not torch.isfinite(total):
            raise FitError(
                f"the training loss is {total.item()} after step {self.steps_done} "
                f"at a learning rate of {self.learning_rate}."
            )

    def validation_step(self, held_out: tuple[Tensor, Tensor], _: int) -> None:
        """Take the validation loss after a round."""
        inputs, targets = held_out
        outputs = torch.cat([self.net(chunk) for chunk in inputs.split(self.prediction_rows)])
        self.log("val_loss", self.loss.validation(outputs.float(), targets), batch_size=len(targets))


class Dropout(nn.Module):
    """Dropout whose random bits are cheap on a CPU, where `nn.Dropout` takes a quarter of a small net's fit.

    On a CPU the share is rounded to a 256th: a value is dropped if its random byte lies below it.

    Parameters
    ----------
    share
        Of the values that are dropped in training; the others are scaled up in its place.
    """

    def __init__(self, share: float):
        super().__init__()
        self.share = share
        self.threshold = round(share * 256)
        self.generator = np.random.default_rng(torch.initial_seed())

    def forward(self, values: Tensor) -> Tensor:
        """Drop and scale in training; return the values as they are otherwise."""
        if not self.training or not self.threshold:
            return values
        if values.device.type != "cpu":
            return nn.functional.dropout(values, self.share)
        random = np.frombuffer(self.generator.bytes(values.numel()), dtype=np.uint8)
        kept = torch.from_numpy((random >= self.threshold).view(np.uint8)).view(values.shape)
        return values * kept.to(values.dtype).mul_(256 / (256 - self.threshold))


class OneBatch:
    """An epoch of a single batch that is in memory: no workers, no copying."""

    def __init__(self, batch: Any):
        self.batch = batch

    def __iter__(self) -> Iterator[Any]:
        yield self.batch

    def __len__(self) -> int:
        return 1


class KeepBest(Callback):
    """Keep a copy of the weights of the best validation round, in memory."""

    def __init__(self) -> None:
        self.best = math.inf
        self.state: dict[str, Tensor] = {}

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Compare the round's validation loss with the best so far."""
        loss = trainer.callback_metrics["val_loss"].item()
        if loss < self.best or not self.state:
            self.best = loss
            self.state = copy.deepcopy(pl_module.net.state_dict())  # type: ignore[union-attr]


def warm_cosine(step: int, steps: int, warm: float = 0.05) -> float:
    """Return the factor on the learning rate: a linear rise, then half a cosine down to zero."""
    rise = max(1, round(warm * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def set_learning_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    """Set the learning rate of every parameter group."""
    for group in optimizer.param_groups:
        group["lr"] = value


def lightning_quietly() -> None:
    """Silence advice that does not apply to fits of rows in memory."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    logging.getLogger("lightning.fabric").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning.*")
