"""Train several nets of one shape together: the repeats of an anchor.

An optimizer step of a small net spends more time on calls than on computing. Here the weights of several
nets are stacked along a new first axis, and their products are batched. One step for all nets then makes as
many calls as a step of a single net.

Each net keeps its own rows, first weights, random draws, best round and early stopping. Its result differs
from that of training alone only by the order of floating-point sums.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator, Sequence

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from fuelgauge.models.layers import Dropout
from fuelgauge.models.training import (
    OneBatch,
    Patience,
    Prepared,
    Recipe,
    Trained,
    TrainingModule,
    make_trainer,
)

__all__ = ["can_pack", "look_up", "shape_of", "together", "train_together"]


@functools.singledispatch
def together(layer: nn.Module, values: Tensor) -> Tensor:
    """Return the outputs of several layers whose weights are stacked in one layer.

    A model registers an implementation for each layer class of its own.

    Parameters
    ----------
    layer
        Layer whose weights and buffers have a new first axis (`stacked`).
    values
        Inputs of the layers, shape (layers, rows, ...).

    Raises
    ------
    TypeError
        No implementation is registered for the class of the layer.
    """
    raise TypeError(f"{type(layer).__name__} cannot be trained together with others")


@together.register
def _(layer: nn.Sequential, values: Tensor) -> Tensor:
    for part in layer:
        values = together(part, values)
    return values


@together.register
def _(layer: nn.Linear, values: Tensor) -> Tensor:
    return torch.baddbmm(layer.bias[:, None], values, layer.weight.mT)


@together.register(nn.ReLU)
@together.register(nn.SELU)
@together.register(nn.Mish)
@together.register(Dropout)
def _(layer: nn.Module, values: Tensor) -> Tensor:
    return layer(values)


def look_up(tables: Tensor, codes: Tensor) -> Tensor:
    """Return rows of tables, shape (nets, codes, length). Each net uses its own table."""
    first = torch.arange(len(tables), device=codes.device)[:, None] * tables.shape[1]
    return nn.functional.embedding(codes + first, tables.flatten(0, 1))


def can_pack(net: nn.Module) -> bool:
    """Return whether `together` supports all layers of a net."""
    if type(net) is nn.Sequential:
        return all(can_pack(part) for part in net)
    return type(net) in together.registry


def shape_of(prepared: Prepared) -> tuple[object, ...]:
    """Return what nets must share to train together.

    It consists of the shapes of weights and rows, the numbers of rows and steps, the sizes of categories and
    the loss.
    """
    weights = tuple((name, tuple(value.shape)) for name, value in prepared.net.state_dict().items())
    sizes = tuple(getattr(part, "cardinalities", None) for part in prepared.net.modules())
    held_out = tuple(prepared.held_out[0].shape) if prepared.held_out else None
    rows = (tuple(prepared.inputs.shape), held_out)
    return weights, sizes, rows, prepared.plan, prepared.loss


def stacked(nets: Sequence[nn.Module]) -> nn.Module:
    """Return a net that stacks the weights and buffers of several nets along a new first axis."""
    net = copy.deepcopy(nets[0])
    states = [each.state_dict() for each in nets]
    for name, _ in list(net.named_parameters()):
        owner, leaf = owner_of(net, name)
        owner.register_parameter(leaf, nn.Parameter(torch.stack([state[name] for state in states])))
    for name, _ in list(net.named_buffers()):
        owner, leaf = owner_of(net, name)
        owner.register_buffer(leaf, torch.stack([state[name] for state in states]))
    for own, *parts in zip(net.modules(), *(each.modules() for each in nets), strict=True):
        if isinstance(own, Dropout):
            own.draws = [part.draws[0] for part in parts if isinstance(part, Dropout)]
    return net


def owner_of(net: nn.Module, name: str) -> tuple[nn.Module, str]:
    """Return the module that owns a weight, and the name of the weight in it."""
    path, _, leaf = name.rpartition(".")
    return net.get_submodule(path), leaf


class PackModule(TrainingModule):
    """Several nets that train together.

    Parameters
    ----------
    prepared
        Nets of one shape (`shape_of`).
    recipe
        Training recipe of all nets.

    Attributes
    ----------
    active : list of int
        Positions in `prepared` of the nets that still train. The others are no longer in the stack.
    steps_of : list of int
        Number of steps that each net has made.
    """

    def __init__(self, prepared: Sequence[Prepared], recipe: Recipe):
        super().__init__(prepared[0], recipe)
        self.net = stacked([each.net for each in prepared])
        # The rows of all nets are concatenated: those of net i begin at i times the number of its rows.
        self.inputs = torch.cat([each.inputs for each in prepared])
        self.targets = torch.cat([each.targets for each in prepared])
        self.batches = batches_of_each(prepared)
        self.active = list(range(len(prepared)))
        self.steps_of = [0] * len(prepared)

    def next_loss(self) -> Tensor:
        """Return the sum of the nets' training losses, which gives each net its own gradient."""
        rows = next(self.batches)
        if len(self.active) < len(rows):
            rows = rows[self.active]
        outputs = together(self.net, self.inputs[rows])
        return self.loss.training_of_each(outputs, self.targets[rows]).sum()

    def validation_step(self, held_out: tuple[Tensor, Tensor], _: int) -> None:
        """Measure the validation losses after a round.

        Raises
        ------
        FitError
            A validation loss is not a finite number.
        """
        inputs, targets = (part[self.active] for part in held_out)
        chunks = inputs.split(self.recipe.prediction_rows, dim=1)
        outputs = torch.cat([together(self.net, chunk) for chunk in chunks], dim=1).float()
        losses = [self.loss.validation(*each).item() for each in zip(outputs, targets, strict=True)]
        self.val_losses = [self.finite(loss) for loss in losses]
        self.count_steps()

    def count_steps(self) -> None:
        """Note the number of steps so far for each active net."""
        for net in self.active:
            self.steps_of[net] = self.steps_done

    def states(self) -> Iterator[dict[str, Tensor]]:
        """Yield the weights of each active net."""
        state = self.net.state_dict()
        for place in range(len(self.active)):
            yield {name: value[place] for name, value in state.items()}

    def keep(self, places: list[int]) -> None:
        """Keep the active nets at these positions and remove the others."""
        if places == list(range(len(self.active))):
            return
        optimizer: torch.optim.Optimizer = self.optimizers(use_pl_optimizer=False)  # type: ignore[assignment]
        for weight in self.net.parameters():
            weight.grad = None
            weight.data = weight.data[places]
            past = optimizer.state[weight]
            past.update({name: value[places] for name, value in past.items() if value.ndim})
        for name, value in list(self.net.named_buffers()):
            owner, leaf = owner_of(self.net, name)
            owner.register_buffer(leaf, value[places])
        for part in self.net.modules():
            if isinstance(part, Dropout):
                part.draws = [part.draws[place] for place in places]
        self.active = [self.active[place] for place in places]


def batches_of_each(prepared: Sequence[Prepared]) -> Iterator[Tensor]:
    """Yield row numbers of the concatenated rows, shape (nets, rows of a batch).

    Each net gets the batches that it would get alone.
    """
    n_rows = len(prepared[0].targets)
    first = n_rows * torch.arange(len(prepared))[:, None]
    device = prepared[0].targets.device
    while True:
        orders = torch.stack([each.order() for each in prepared])
        yield from (orders + first).to(device).tensor_split(prepared[0].plan.batches, dim=1)


class KeepBestOfEach(Callback):
    """Keep the weights of each net's best validation round, and remove a net when its patience ends.

    Parameters
    ----------
    n_nets
        Number of nets that train together.
    patience
        Number of rounds without a better validation loss after which a net is removed.
    """

    def __init__(self, n_nets: int, patience: int):
        self.patience = [Patience(patience) for _ in range(n_nets)]
        self.state: list[dict[str, Tensor]] = [{} for _ in range(n_nets)]

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Compare each validation loss with the best so far."""
        assert isinstance(pl_module, PackModule)
        stay = []
        for place, (net, state) in enumerate(zip(pl_module.active, pl_module.states(), strict=True)):
            if self.patience[net].improves(pl_module.val_losses[place]):
                self.state[net] = {name: value.clone() for name, value in state.items()}
            if not self.patience[net].is_over:
                stay.append(place)
        if stay:
            pl_module.keep(stay)
        else:
            trainer.should_stop = True


class StopEach(Callback):
    """Keep the weights of each net after its own number of rounds, and remove it from the stack.

    Parameters
    ----------
    last_rounds
        Number of rounds of each net.
    """

    def __init__(self, last_rounds: Sequence[int]):
        self.last_rounds, self.rounds_done = last_rounds, 0
        self.state: list[dict[str, Tensor]] = [{} for _ in last_rounds]

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Take the nets out that have made all of their rounds."""
        assert isinstance(pl_module, PackModule)
        self.rounds_done += 1
        pl_module.count_steps()
        stay = []
        for place, (net, state) in enumerate(zip(pl_module.active, pl_module.states(), strict=True)):
            if self.last_rounds[net] > self.rounds_done:
                stay.append(place)
            else:
                self.state[net] = {name: value.clone() for name, value in state.items()}
        if stay:
            pl_module.keep(stay)


def train_together(prepared: Sequence[Prepared], recipe: Recipe, device: str) -> list[Trained]:
    """Train nets of one shape together.

    Parameters
    ----------
    prepared
        Nets of one shape (`shape_of`).
    recipe
        Training recipe of all nets.
    device
        Device of the training: `cpu` or `cuda`.

    Returns
    -------
    list of Trained
        End of the training of each net.

    Raises
    ------
    FitError
        The loss of one net is not a finite number. The other nets would not have failed alone.
    """
    module = PackModule(prepared, recipe)
    rounds = OneBatch(module.plan.steps_per_round)
    last_rounds = [each.last_round for each in prepared]
    held_out = [each.held_out for each in prepared if each.held_out is not None]
    if not held_out:
        stop = StopEach(last_rounds)
        make_trainer(max(last_rounds), device, recipe.precision, [stop]).fit(module, rounds)
        return ends(stop.state, module.steps_of, last_rounds)
    best = KeepBestOfEach(len(prepared), recipe.patience)
    trainer = make_trainer(max(last_rounds), device, recipe.precision, [best])
    trainer.fit(module, rounds, OneBatch(tuple(torch.stack(parts) for parts in zip(*held_out, strict=True))))
    return ends(best.state, module.steps_of, [each.best_round for each in best.patience])


def ends(states: Sequence[dict[str, Tensor]], steps: Sequence[int], rounds: Sequence[int]) -> list[Trained]:
    """Return the end of each net's training."""
    return [Trained(*end) for end in zip(states, steps, rounds, strict=True)]
