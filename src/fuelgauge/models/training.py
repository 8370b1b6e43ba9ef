"""How a net is trained on rows in memory: the budget, the loss and a round of optimizer steps.

A Lightning batch costs about a millisecond of its own, as much as an optimizer step of a small net.
So one Lightning batch here is a *round* of many optimizer steps on data that are in memory already,
and Lightning's validation loop and callbacks run once a round.
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

TIE_BREAK = 1e-6


class Recipe(Protocol):
    """What a model decides about its training."""

    learning_rate: float
    patience: int
    precision: str
    prediction_rows: ClassVar[int]

    def optimizer(self, net: nn.Module) -> torch.optim.Optimizer:
        """Return the optimizer of a net."""

    def before_step(self, net: nn.Module, optimizer: torch.optim.Optimizer, step: int, steps: int) -> None:
        """Set what a schedule changes."""


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
class Loss:
    """The training loss, and the validation loss that decides when to stop.

    Where a dataset is judged by accuracy, training stops by the error rate; cross-entropy breaks
    ties. The cross-entropy of an accurate net grows while its error still falls.

    Parameters
    ----------
    task, metric
        Of the dataset.
    smoothing
        Share of a class label that is spread over all classes in training.
    """

    task: str
    metric: str
    smoothing: float = 0.0

    def training(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of a batch, shape (rows, outputs) or (rows, members, outputs).

        The members of an ensemble are trained side by side, each by its own loss.
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
        """Return the mean losses of several nets' batches, from outputs of shape (nets, rows, outputs)."""
        if self.task == "regression":
            return (outputs.squeeze(2) - targets).square().mean(dim=1)
        losses = nn.functional.cross_entropy(
            outputs.flatten(0, 1), targets.flatten(), label_smoothing=self.smoothing, reduction="none"
        )
        return losses.view(targets.shape).mean(dim=1)

    def validation(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss by which training stops; in float64, since float32 would lose what breaks ties."""
        smooth = self.smooth(outputs, targets, 0.0).double()
        if self.metric != "accuracy":
            return smooth
        error = (outputs.argmax(dim=1) != targets).double().mean()
        return error + TIE_BREAK * smooth


@dataclass(frozen=True)
class Prepared:
    """A net before its first step, and all that its training needs.

    Parameters
    ----------
    net
        With its first weights.
    inputs, targets
        Of the training rows.
    held_out
        Inputs and targets of the validation rows.
    loss, plan
        What is minimised, and in how many steps at most.
    generator
        Of the order of the rows.
    """

    net: nn.Module
    inputs: Tensor
    targets: Tensor
    held_out: tuple[Tensor, Tensor]
    loss: Loss
    plan: StepPlan
    generator: torch.Generator

    def batches(self) -> Iterator[Tensor]:
        """Yield row numbers: each epoch in new order, divided evenly, no row left out."""
        while True:
            yield from self.order().to(self.targets.device).tensor_split(self.plan.batches)

    def order(self) -> Tensor:
        """Return the row numbers in new order."""
        return torch.randperm(len(self.targets), generator=self.generator)


class TrainingModule(lightning.LightningModule):
    """A net in training, and the way a round of steps is made.

    Attributes
    ----------
    val_loss : float
        After the last round. Lightning's own record of it would be rounded to float32.
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
        """Raise FitError at the first step whose loss is not finite; one look a round, for a GPU's sake."""
        broken = (~torch.isfinite(losses)).nonzero().flatten().tolist()
        if broken:
            raise FitError(
                f"the training loss is {losses[broken[0]].item()} at step {first + broken[0] + 1} of "
                f"{self.plan.steps} at a learning rate of {self.recipe.learning_rate}; try a smaller one."
            )

    def validation_step(self, held_out: tuple[Tensor, Tensor], _: int) -> None:
        """Take the validation loss after a round.

        Raises
        ------
        FitError
            It is not a finite number.
        """
        inputs, targets = held_out
        outputs = torch.cat([self.net(chunk) for chunk in inputs.split(self.recipe.prediction_rows)])
        self.val_loss = self.finite(self.loss.validation(outputs.float(), targets).item())

    def finite(self, val_loss: float) -> float:
        """Return a validation loss, or raise FitError: the last step of a round shows nowhere else."""
        if not math.isfinite(val_loss):
            raise FitError(
                f"the validation loss is {val_loss} after step {self.steps_done} of {self.plan.steps} at a "
                f"learning rate of {self.recipe.learning_rate}; try a smaller one."
            )
        return val_loss


def make_trainer(rounds: int, device: str, precision: str, callbacks: list[Callback]) -> lightning.Trainer:
    """Return Lightning's trainer for rows in memory: no files, no bars, no loggers."""
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
        callbacks=callbacks,
    )


def train_alone(prepared: Prepared, recipe: Recipe, device: str) -> tuple[dict[str, Tensor], int]:
    """Train a net until the budget is used or the patience is at its end.

    Returns
    -------
    state : dict
        The weights of the best validation round.
    steps : int
        Optimizer steps that were made.
    """
    module, best = TrainingModule(prepared, recipe), KeepBest(recipe.patience)
    trainer = make_trainer(prepared.plan.rounds, device, recipe.precision, [best])
    trainer.fit(module, OneBatch(prepared.plan.steps_per_round), OneBatch(prepared.held_out))
    return best.state, module.steps_done


class OneBatch:
    """An epoch of a single batch that is in memory: no workers, no copying."""

    def __init__(self, batch: Any):
        self.batch = batch

    def __iter__(self) -> Iterator[Any]:
        yield self.batch

    def __len__(self) -> int:
        return 1


class Patience:
    """Of a net: the best validation loss so far, and the rounds since.

    Parameters
    ----------
    rounds
        Without a better validation loss, after which it is at its end.
    """

    def __init__(self, rounds: int):
        self.rounds, self.waited, self.best = rounds, 0, math.inf

    def improves(self, loss: float) -> bool:
        """Take note of a round; return whether it is the best."""
        if loss < self.best:
            self.best, self.waited = loss, 0
            return True
        self.waited += 1
        return False

    @property
    def is_over(self) -> bool:
        """Whether it is at its end."""
        return self.waited >= self.rounds


class KeepBest(Callback):
    """Keep a copy of the weights of the best validation round, in memory; stop at the end of the patience."""

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
    """Return the factor on the learning rate: a linear rise, then half a cosine down to zero."""
    rise = max(1, round(warm * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))
