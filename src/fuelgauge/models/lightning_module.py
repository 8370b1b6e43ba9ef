"""Any LightningModule, named in a file of conf/model."""

from __future__ import annotations

import copy
import inspect
import logging
import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from safetensors.torch import load_file, save_file
from torch import Tensor

from fuelgauge.config.objects import TARGET, build, is_named, load_class
from fuelgauge.data.dataset import Examples
from fuelgauge.errors import ConfigError
from fuelgauge.models.base import FitContext, FitError, Model
from fuelgauge.models.deep import TargetScale
from fuelgauge.models.estimator import made_up
from fuelgauge.models.preprocessing import ChannelScaler, DenseEncoder
from fuelgauge.models.training import Loss, Patience, make_trainer

__all__ = ["Net"]

WEIGHTS = "weights.safetensors"
PREDICTION_ROWS = 4096


@dataclass
class Net(Model):
    """A LightningModule, trained with early stopping on rows in memory.

    The module has `__init__`, `forward`, `training_step` and `configure_optimizers`, and knows nothing of
    fuelgauge. It is made with the settings in the model's file and two more:

    - `shape`: shape of the input of a row. A table has one axis, of scaled numbers and one-hot categories. A
      sequence has steps and channels, an image height, width and channels, both scaled by channel;
    - `n_outputs`: number of classes, or 1 for a regression, whose values are scaled.

    A batch is a pair of inputs and targets: class codes, or values of shape (rows,). `forward` returns logits
    or values, shape (rows, n_outputs).

    After each epoch, the cross-entropy or the squared error on the validation rows is measured and logged as
    `val_loss`. The weights of the best epoch are kept. The refit makes as many epochs on all rows.

    Parameters
    ----------
    module
        The LightningModule. `_target_` is its class, and all other keys are its settings.
    batch_size
        Number of rows per step, at most a quarter of the training rows. No row is left out.
    max_epochs
        Largest number of passes over the training rows.
    patience
        Number of epochs without a better validation loss after which training stops.
    precision
        Precision of training: `fp32` or `bf16` (mixed).
    """

    own_format: ClassVar[tuple[str, ...]] = ("net",)

    module: dict[str, Any] = field(default_factory=dict)
    batch_size: int = 128
    max_epochs: int = 100
    patience: int = 10
    precision: str = "fp32"

    def check(self, tasks: Sequence[str], modalities: Sequence[str]) -> None:
        """Train the module for two epochs on a few rows that are made up."""
        if "text" in modalities:
            raise ConfigError("a LightningModule takes no texts; take text out of modalities.")
        context = FitContext(seed=0, threads=1, device="cpu", metric="", step_limit=8)
        for modality in modalities:
            for task in tasks:
                rows = made_up(modality, task)
                try:
                    self.fit(rows, rows.head(8), context)
                    self.predict(rows)
                except FitError as error:
                    if error.__cause__ is None:  # a module may need larger rows than these
                        raise ConfigError(str(error)) from error

    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        """Train the module and restore the weights of the best epoch."""
        return self.train(train, context, KeepBest(self, validation, context.metric), self.max_epochs)

    def refit(self, rows: Examples, found: Self, context: FitContext) -> int:
        """Train a new module on all rows for as many epochs as the best validation loss of `found` needed."""
        return self.train(rows, context, KeepBest(self, rows.head(0), context.metric), found.best_epoch)

    def train(self, rows: Examples, context: FitContext, best: KeepBest, epochs: int) -> int:
        """Train a new module on rows and return the number of optimizer steps."""
        quietly()
        torch.set_num_threads(context.threads)
        torch.manual_seed(context.seed)
        self.device = context.device
        self.fit_encoder(rows)
        self.scale = TargetScale.of(rows)
        inputs = self.tensor(rows)
        self.shape = tuple(inputs.shape[1:])
        self.net = self.new().to(self.device)
        batches = Batches(inputs, self.scale.encode(rows).to(self.device), self.batch_size)
        if context.step_limit:
            epochs = min(epochs, max(1, context.step_limit // len(batches)))
        trainer = make_trainer(epochs, context.device, self.precision, [Finite(self.name), best])
        try:
            trainer.fit(self.net, batches)
        except FitError:
            raise
        except Exception as error:
            raise FitError(f"{self.name} fails in training: {type(error).__name__}: {error}") from error
        if best.state:
            self.net.load_state_dict(best.state)
        self.net = self.net.to(self.device).eval()
        self.best_epoch = best.patience.best_round or epochs
        self.rows_a_step = len(rows) / len(batches)
        return max(1, int(trainer.global_step))

    @property
    def name(self) -> str:
        """Name of the module's class."""
        return str(self.module.get(TARGET, "")).rpartition(".")[2]

    def new(self) -> lightning.LightningModule:
        """Return an untrained module.

        Raises
        ------
        FitError
            The class is no LightningModule, or it lacks `shape` or `n_outputs`.
        """
        where = "hyperparameters.module"
        if TARGET not in self.module:
            raise FitError(f"{where} needs a {TARGET}, the dotted path of a LightningModule.")
        found = load_class(str(self.module[TARGET]), where)
        if not (isinstance(found, type) and issubclass(found, lightning.LightningModule)):
            raise FitError(f"{where}: {self.name} is not a LightningModule of the package lightning.")
        known = inspect.signature(found).parameters
        lacks = [name for name in ("shape", "n_outputs") if name not in known]
        if lacks and not any(each.kind is each.VAR_KEYWORD for each in known.values()):
            raise FitError(f"{where}: {self.name}.__init__ needs an argument '{lacks[0]}'.")
        made = build({**self.module, "shape": self.shape, "n_outputs": self.scale.n_outputs}, where)
        assert isinstance(made, lightning.LightningModule)
        return made

    def fit_encoder(self, rows: Examples) -> None:
        """Fit the scales and categories."""
        if isinstance(rows.x, np.ndarray) and rows.x.ndim > 2:
            self.encoder: ChannelScaler | DenseEncoder = ChannelScaler().fit(rows.x)
        else:
            self.encoder = DenseEncoder().fit(rows)

    def tensor(self, examples: Examples) -> Tensor:
        """Return the encoded examples on the device."""
        if isinstance(self.encoder, ChannelScaler):
            x = self.encoder.transform(np.asarray(examples.x))
        else:
            x = self.encoder.transform(examples)
        return torch.from_numpy(np.ascontiguousarray(x)).to(self.device)

    def outputs(self, examples: Examples) -> Tensor:
        """Return logits or scaled values for the examples, shape (rows, n_outputs), in float32."""
        chunks = [self.net(chunk).float() for chunk in self.tensor(examples).split(PREDICTION_ROWS)]
        outputs = torch.cat(chunks)
        wanted = (len(examples), self.scale.n_outputs)
        if tuple(outputs.shape) != wanted:
            raise FitError(
                f"{self.name}.forward returns the shape {tuple(outputs.shape)}; it must be {wanted}: "
                "rows, n_outputs."
            )
        return outputs

    @torch.inference_mode()
    def predict(self, examples: Examples) -> np.ndarray:
        """Return class probabilities or values."""
        return self.scale.decode(self.outputs(examples)).cpu().numpy()

    def count_parameters(self) -> int:
        """Return the number of weights."""
        return sum(p.numel() for p in self.net.parameters())

    def count_samples(self, steps: int, n_rows: int) -> int:
        """Return the number of rows in the batches of the given steps."""
        return round(steps * self.rows_a_step)

    def save_own(self, folder: Path) -> None:
        """Write the weights."""
        state = {name: value.contiguous() for name, value in self.net.state_dict().items()}
        save_file(state, folder / WEIGHTS)

    def load_own(self, folder: Path) -> None:
        """Build the module again and read its weights, if a file in conf/model names its class.

        A stored model alone may not choose which code is run.
        """
        if not is_named(str(self.module.get(TARGET))):
            raise FitError(f"no file in conf/model names {self.module.get(TARGET)}; add the model's file")
        self.net = self.new()
        self.net.load_state_dict(load_file(folder / WEIGHTS))
        self.net = self.net.to(self.device).eval()


class Batches:
    """Batches of rows in memory. Each epoch has a new order and leaves no row out.

    Parameters
    ----------
    inputs, targets
        Inputs and targets of all rows.
    batch_size
        Largest number of rows of a batch, but at most a quarter of the rows.
    """

    def __init__(self, inputs: Tensor, targets: Tensor, batch_size: int):
        self.inputs, self.targets = inputs, targets
        self.n = math.ceil(len(targets) / max(1, min(batch_size, len(targets) // 4)))

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for rows in torch.randperm(len(self.targets)).to(self.targets.device).tensor_split(self.n):
            yield self.inputs[rows], self.targets[rows]


class Finite(Callback):
    """Stop with a FitError at the first step whose loss is not finite.

    Parameters
    ----------
    name
        Name of the module for the message.
    """

    def __init__(self, name: str):
        self.name = name

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Check the loss of a step. A module with manual optimization may return none."""
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if isinstance(loss, Tensor) and not torch.isfinite(loss).all():
            raise FitError(
                f"the training loss of {self.name} is {loss.item()} at step {trainer.global_step}; look at "
                "its loss, or try a smaller learning rate."
            )


class KeepBest(Callback):
    """Keep the weights of the epoch with the best validation loss, and stop when the patience ends.

    Parameters
    ----------
    model
        Model in training.
    validation
        Validation rows. Without rows, nothing is kept and nothing stops early.
    metric
        Metric of the dataset.
    """

    def __init__(self, model: Net, validation: Examples, metric: str):
        self.model, self.validation, self.metric = model, validation, metric
        self.patience = Patience(model.patience)
        self.state: dict[str, Tensor] = {}

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Measure the validation loss after an epoch."""
        if not len(self.validation):
            return
        pl_module.eval()
        with torch.no_grad():
            targets = self.model.scale.encode(self.validation).to(self.model.device)
            outputs = self.model.outputs(self.validation)
            loss = Loss(self.validation.task, "log_loss").validation(outputs, targets).item()
        pl_module.train()
        pl_module.log("val_loss", loss)
        if not math.isfinite(loss):
            raise FitError(
                f"the validation loss of {self.model.name} is {loss} after step {trainer.global_step}; "
                "look at its loss, or try a smaller learning rate."
            )
        if self.patience.improves(loss):
            self.state = copy.deepcopy(pl_module.state_dict())
        trainer.should_stop = self.patience.is_over


def quietly() -> None:
    """Silence advice of Lightning that does not apply to rows in memory."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning.*")
