"""Training of a net on rows in memory: the budget, the loss and a round of optimizer steps.

The overhead of a Lightning batch is about a millisecond, as much as an optimizer step of a small net. So one
Lightning batch here is a *round* of many optimizer steps on data in memory. Lightning's validation loop and
callbacks run once per round.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from fuelgauge.models.base import FitError

__all__ = [
    "Loss",
    "OneBatch",
    "Patience",
    "Prepared",
    "Recipe",
    "StepPlan",
    "Trained",
    "TrainingModule",
    "make_trainer",
    "train_alone",
    "warm_cosine",
]

TIE_BREAK = 1e-6


class Recipe(Protocol):
    """Decisions of a model about its training."""

    learning_rate: float
    patience: int
    precision: str
    prediction_rows: ClassVar[int]

    def optimizer(self, net: nn.Module) -> torch.optim.Optimizer:
        """Return the optimizer of a net."""

    def before_step(self, net: nn.Module, optimizer: torch.optim.Optimizer, step: int, steps: int) -> None:
        """Apply the schedule before a step."""


@dataclass(frozen=True)
class StepPlan:
    """A budget of optimizer steps.

    Parameters
    ----------
    batches
        Number of steps per epoch.
    steps_per_round
        Number of steps per round.
    rounds
        Number of rounds.
    """

    batches: int
    steps_per_round: int
    rounds: int

    @property
    def steps(self) -> int:
        """Number of optimizer steps of the whole budget."""
        return self.rounds * self.steps_per_round


@dataclass(frozen=True)
class Loss:
    """Training loss, and the validation loss that decides when to stop.

    If a dataset is judged by accuracy, the validation loss is the error rate, and cross-entropy breaks ties.
    The reason is that the cross-entropy of an accurate net can grow while its error still falls.

    Parameters
    ----------
    task, metric
        Task and metric of the dataset.
    smoothing
        Share of a class label that is spread over all classes in training.
    """

    task: str
    metric: str
    smoothing: float = 0.0

    def training(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of a batch, shape (rows, outputs) or (rows, members, outputs).

        Each member of an ensemble is trained by its own loss.
        """
        return self.smooth(outputs, targets, self.smoothing)

    def smooth(self, outputs: Tensor, targets: Tensor, smoothing: float) -> Tensor:
        """Return the mean squared error or the mean cross-entropy."""
        if outputs.ndim == 3:
            targets = targets.repeat_interleave(outputs.shape[1])
            outputs = outputs.flatten(0, 1)
        if self.task == "regression":
            return nn.functional.mse_loss(outputs.squeeze(1), targets)
        return nn.functional.cross_entropy(outputs, targets, label_smoothing=smoothing)

    def training_of_each(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of each net's batch, from outputs of shape (nets, rows, outputs)."""
        if self.task == "regression":
            return (outputs.squeeze(2) - targets).square().mean(dim=1)
        losses = nn.functional.cross_entropy(
            outputs.flatten(0, 1), targets.flatten(), label_smoothing=self.smoothing, reduction="none"
        )
        return losses.view(targets.shape).mean(dim=1)

    def validation(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the validation loss, in float64 because float32 would lose the term that breaks ties."""
        smooth = self.smooth(outputs, targets, 0.0).double()
        if self.metric != "accuracy":
            return smooth
        error = (outputs.argmax(dim=1) != targets).double().mean()
        return error + TIE_BREAK * smooth


@dataclass(frozen=True)
class Prepared:
    """A net before its first step, with everything that its training needs.

    Parameters
    ----------
    net
        Net with its first weights.
    inputs, targets
        Inputs and targets of the training rows.
    held_out
        Inputs and targets of the validation rows; None in a refit, which has none.
    loss, plan
        Loss to minimise, and budget of steps.
    generator
        Random generator of the order of the rows.
    last_round
        Number of rounds to make. A first fit makes all rounds of the plan unless its patience ends. A refit
        makes as many as the first fit needed for its best validation loss.
    """

    net: nn.Module
    inputs: Tensor
    targets: Tensor
    held_out: tuple[Tensor, Tensor] | None
    loss: Loss
    plan: StepPlan
    generator: torch.Generator
    last_round: int

    def batches(self) -> Iterator[Tensor]:
        """Yield the row numbers of each batch. Each epoch has a new order and leaves no row out."""
        while True:
            yield from self.order().to(self.targets.device).tensor_split(self.plan.batches)

    def order(self) -> Tensor:
        """Return the row numbers in a new random order."""
        return torch.randperm(len(self.targets), generator=self.generator)


class TrainingModule(lightning.LightningModule):
    """A net in training, whose Lightning batch is a round of optimizer steps.

    Attributes
    ----------
    val_loss : float
        Validation loss after the last round. Lightning's own record of it would be rounded to float32.
    """

    def __init__(self, prepared: Prepared, recipe: Recipe):
        super().__init__()
        self.automatic_optimization = False
        self.net = prepared.net
        self.inputs, self.targets = prepared.inputs, prepared.targets
        self.loss, self.plan, self.recipe = prepared.loss, prepared.plan, recipe
        self.batches = prepared.batches()
        self.steps_done = 0

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimizer of the recipe."""
        return self.recipe.optimizer(self.net)

    def training_step(self, steps: int, _: int) -> None:
        """Make one round of optimizer steps.

        Raises
        ------
        FitError
            The loss of a step is not a finite number.
        """
        optimizer: Any = self.optimizers(use_pl_optimizer=False)
        first, losses = self.steps_done, []
        for _ in range(steps):
            self.recipe.before_step(self.net, optimizer, self.steps_done, self.plan.steps)
            optimizer.zero_grad(set_to_none=True)
            loss = self.next_loss()
            self.manual_backward(loss)
            optimizer.step()
            self.steps_done += 1
            losses.append(loss.detach())
        self.check(torch.stack(losses), first)

    def next_loss(self) -> Tensor:
        """Return the training loss of the next batch."""
        rows = next(self.batches)
        return self.loss.training(self.net(self.inputs[rows]), self.targets[rows])

    def check(self, losses: Tensor, first: int) -> None:
        """Raise FitError at the first step whose loss is not finite.

        A check after every step would slow down a GPU, so there is one per round.
        """
        broken = (~torch.isfinite(losses)).nonzero().flatten().tolist()
        if broken:
            raise FitError(
                f"the training loss is {losses[broken[0]].item()} at step {first + broken[0] + 1} of "
                f"{self.plan.steps} at a learning rate of {self.recipe.learning_rate}; try a smaller one."
            )

    def validation_step(self, held_out: tuple[Tensor, Tensor], _: int) -> None:
        """Measure the validation loss after a round.

        Raises
        ------
        FitError
            The validation loss is not a finite number.
        """
        inputs, targets = held_out
        outputs = torch.cat([self.net(chunk) for chunk in inputs.split(self.recipe.prediction_rows)])
        self.val_loss = self.finite(self.loss.validation(outputs.float(), targets).item())

    def finite(self, val_loss: float) -> float:
        """Return a validation loss, or raise FitError if it is not finite.

        Only this check sees weights that break in the last step of a round.
        """
        if not math.isfinite(val_loss):
            raise FitError(
                f"the validation loss is {val_loss} after step {self.steps_done} of {self.plan.steps} at a "
                f"learning rate of {self.recipe.learning_rate}; try a smaller one."
            )
        return val_loss


def make_trainer(rounds: int, device: str, precision: str, callbacks: list[Callback]) -> lightning.Trainer:
    """Return Lightning's trainer for rows in memory, without files, progress bars and loggers."""
    return lightning.Trainer(
        accelerator="gpu" if device == "cuda" else "cpu",
        devices=1,
        precision="bf16-mixed" if precision == "bf16" else "32-true",
        max_epochs=rounds,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=[*callbacks, NoSubnormals()],
    )


class NoSubnormals(Callback):
    """Counts numbers below 1e-38 as zero while a net trains.

    The processor computes with such numbers many times more slowly. Gradients and the moments of Adam reach
    them where a net fits its rows well, so that training on an easy dataset would take up to three times as
    long. Other models never see the setting, because it ends with the training.
    """

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Switch the setting on."""
        torch.set_flush_denormal(True)

    def teardown(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str) -> None:
        """Switch it off."""
        torch.set_flush_denormal(False)

    def on_exception(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, exception: BaseException
    ) -> None:
        """Switch it off where the training fails."""
        torch.set_flush_denormal(False)


@dataclass(frozen=True)
class Trained:
    """The end of a training.

    Parameters
    ----------
    state
        Weights of the best validation round, or of the last round where no rows validate.
    steps
        Number of optimizer steps.
    best_round
        Number of rounds up to these weights.
    """

    state: dict[str, Tensor]
    steps: int
    best_round: int


def train_alone(prepared: Prepared, recipe: Recipe, device: str) -> Trained:
    """Train a net until the budget or the patience ends; a refit makes its given number of rounds."""
    module, rounds = TrainingModule(prepared, recipe), OneBatch(prepared.plan.steps_per_round)
    if prepared.held_out is None:
        make_trainer(prepared.last_round, device, recipe.precision, []).fit(module, rounds)
        return Trained(module.net.state_dict(), module.steps_done, prepared.last_round)
    best = KeepBest(recipe.patience)
    trainer = make_trainer(prepared.last_round, device, recipe.precision, [best])
    trainer.fit(module, rounds, OneBatch(prepared.held_out))
    return Trained(best.state, module.steps_done, best.patience.best_round)


class OneBatch:
    """An epoch of a single batch in memory, without workers and copies."""

    def __init__(self, batch: Any):
        self.batch = batch

    def __iter__(self) -> Iterator[Any]:
        yield self.batch

    def __len__(self) -> int:
        return 1


class Patience:
    """The best validation loss of a net so far, its round, and the number of rounds since.

    Parameters
    ----------
    rounds
        Number of rounds without a better validation loss after which the patience ends.
    """

    def __init__(self, rounds: int):
        self.rounds, self.waited, self.best, self.best_round = rounds, 0, math.inf, 0

    def improves(self, loss: float) -> bool:
        """Record the loss of a round and return whether it is the best so far."""
        if loss < self.best:
            self.best_round += self.waited + 1
            self.best, self.waited = loss, 0
            return True
        self.waited += 1
        return False

    @property
    def is_over(self) -> bool:
        """Whether the patience has ended."""
        return self.waited >= self.rounds


class KeepBest(Callback):
    """Keep a copy of the weights of the best validation round, and stop when the patience ends."""

    def __init__(self, patience: int):
        self.patience = Patience(patience)
        self.state: dict[str, Tensor] = {}

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Compare the round's validation loss with the best so far."""
        assert isinstance(pl_module, TrainingModule)
        if self.patience.improves(pl_module.val_loss):
            self.state = copy.deepcopy(pl_module.net.state_dict())
        trainer.should_stop = self.patience.is_over


def warm_cosine(step: int, steps: int, warm: float = 0.05) -> float:
    """Return the factor on the learning rate: a linear rise, then half a cosine down to 0."""
    rise = max(1, round(warm * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))
