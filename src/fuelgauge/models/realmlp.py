"""RealMLP, a feed-forward net with many improvements for tables."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext
from fuelgauge.models.deep import DeepModel, TargetScale, set_learning_rate
from fuelgauge.models.layers import Dropout
from fuelgauge.models.packing import look_up, together
from fuelgauge.models.preprocessing import ColumnsEncoder, RobustScaler
from fuelgauge.models.training import Loss, Prepared

__all__ = ["RealMLP", "Scale", "TangentLinear", "TangentNet"]

# Factors on the learning rate, by the name of a weight. A weight that is not listed has the factor 1.
RATE_FACTORS = {
    "scale": 6.0,
    "bias": 0.1,
    "mix": 0.1,
    "frequencies": 0.1,
    "phases": 0.1,
    "combinations": 0.1,
    "offsets": 0.1,
}
CYCLES = 4
CATEGORY_SIZE = 8
FREQUENCIES, EMBEDDING_SIZE = 16, 4
MAX_EMBEDDED_NUMBERS = 128
INITIAL_ROWS = 4096


@dataclass
class TangentNet(DeepModel):
    """What RealMLP and RealMLP-S share: inputs, learning rates, schedules and loss.

    Parameters
    ----------
    learning_rate
        Peak of the schedule. None means the published value of the task.
    width, depth
        Number of units of a hidden layer, and number of hidden layers.
    dropout
        Share of units dropped in the first half of training. In the second half, it falls to 0, and so does
        the weight decay.
    label_smoothing
        Share of a class label that is spread over all classes in training, if the metric is accuracy.
    """

    least_batches: ClassVar[int] = 1
    # By kind of target: classes and values.
    published_rates: ClassVar[dict[str, float]]
    # Largest number of categories of a column that has indicators.
    max_indicators: ClassVar[int]

    learning_rate: float | None = None  # type: ignore[assignment]
    weight_decay: float = 0.02
    width: int = 256
    depth: int = 3
    dropout: float = 0.15
    label_smoothing: float = 0.1

    def prepare(self, train: Examples, validation: Examples, context: FitContext) -> Prepared:
        """Set the published learning rate of the task if none is given, and prepare the fit."""
        self.set_published_rate(train)
        return super().prepare(train, validation, context)

    def prepare_refit(self, rows: Examples, found: Self, context: FitContext) -> Prepared:
        """Set the published learning rate of the task if none is given, and prepare the refit."""
        self.set_published_rate(rows)
        return super().prepare_refit(rows, found, context)

    def set_published_rate(self, rows: Examples) -> None:
        """Set the learning rate of the task, unless a learning rate is given."""
        if self.learning_rate is None:
            self.learning_rate = self.published_rates["values" if rows.task == "regression" else "classes"]

    def fit_encoder(self, train: Examples) -> None:
        """Fit the scales and categories, and the range of targets that are values."""
        self.encoder = ColumnsEncoder("robust").fit(train)
        self.n_numbers = self.encoder.n_numbers
        columns = range(len(self.encoder.cardinalities))
        self.looked_up = tuple(c for c in columns if self.encoder.cardinalities[c] > self.max_indicators + 1)
        self.indicated = tuple(c for c in columns if c not in self.looked_up)
        self.indicator_scaler = RobustScaler().fit(self.indicators(self.codes(self.encoder.transform(train))))
        self.target_range: tuple[float, float] | None = None
        if train.task == "regression":
            targets = TargetScale.of(train).encode(train)
            self.target_range = (float(targets.min()), float(targets.max()))

    def encode(self, examples: Examples) -> np.ndarray:
        """Return a matrix of scaled numbers, scaled indicators and codes for look-up."""
        matrix = self.encoder.transform(examples)
        codes = self.codes(matrix)
        indicators = self.indicator_scaler.transform(self.indicators(codes))
        parts = [matrix[:, : self.n_numbers], indicators, codes[:, list(self.looked_up)]]
        return np.hstack(parts).astype(np.float32)

    def codes(self, matrix: np.ndarray) -> np.ndarray:
        """Return the codes of categories in the encoder's output."""
        return matrix[:, self.n_numbers :].astype(np.int64)

    def indicators(self, codes: np.ndarray) -> np.ndarray:
        """Return the indicators of the columns with few categories."""
        cardinalities = self.encoder.cardinalities
        columns = [indicator_columns(codes[:, c], cardinalities[c]) for c in self.indicated]
        return np.hstack([np.empty((len(codes), 0), dtype=np.float32), *columns])

    def optimizer(self, net: nn.Module) -> torch.optim.Optimizer:
        """Return AdamW with a learning rate for each kind of weight, without decay of biases."""
        assert self.learning_rate is not None, "fit sets it"
        groups = defaultdict(list)
        for name, weight in net.named_parameters():
            kind = name.rpartition(".")[2]
            groups[RATE_FACTORS.get(kind, 1.0), 0.0 if kind == "bias" else self.weight_decay].append(weight)
        return torch.optim.AdamW(
            [
                {"params": weights, "lr": factor * self.learning_rate, "decay": decay}
                for (factor, decay), weights in groups.items()
            ],
            betas=(0.9, 0.95),
            fused=True,
        )

    def before_step(self, net: nn.Module, optimizer: torch.optim.Optimizer, step: int, steps: int) -> None:
        """Set the learning rates, the weight decay and the dropout."""
        progress = step / steps
        set_learning_rate(optimizer, coslog(progress))
        flat = flat_cosine(progress)
        for group in optimizer.param_groups:
            group["weight_decay"] = flat * group["decay"]
        for layer in net.children():
            if isinstance(layer, Dropout):
                layer.share = flat * self.dropout

    def loss(self, task: str, metric: str) -> Loss:
        """Return the loss, with label smoothing in training if the metric is accuracy.

        The authors advise against label smoothing where probabilities or their order are judged.
        """
        return Loss(task, metric, self.label_smoothing if metric == "accuracy" else 0.0)


@dataclass
class RealMLP(TangentNet):
    """RealMLP-TD (Holzmueller, Grinsztajn and Steinwart, arXiv 2407.04491).

    The parts of the recipe are:

    - robustly scaled numbers with periodic embeddings;
    - indicators of at most 8 categories, and learned embeddings of more;
    - a learned scale of each input;
    - hidden layers in neural tangent parametrization, whose first weights depend on the rows;
    - learned mixes of activation and identity;
    - label smoothing;
    - schedules of learning rate, dropout and weight decay.

    In a table of more than 128 numeric columns, these columns have no embeddings. A wide table therefore
    costs as much as with a plain net.

    Parameters
    ----------
    learning_rate
        Peak of the schedule. None means the published value, 0.04 for classes and 0.2 for values.
    width, depth
        Number of units of a hidden layer, and number of hidden layers.
    dropout
        Share of units dropped in the first half of training. In the second half, it falls to 0, and so does
        the weight decay.
    label_smoothing
        Share of a class label that is spread over all classes in training, if the metric is accuracy.
    frequency_deviation
        Standard deviation of the first frequencies of the periodic embeddings.
    """

    published_rates: ClassVar[dict[str, float]] = {"classes": 0.04, "values": 0.2}
    max_indicators: ClassVar[int] = 8

    frequency_deviation: float = 0.1

    def network(self, inputs: Tensor, n_outputs: int) -> nn.Module:
        """Return the layers. Each is initialised on the output of the earlier ones for some of the rows."""
        rows = inputs[torch.randperm(len(inputs))[:INITIAL_ROWS].to(inputs.device)].cpu()
        cardinalities = [self.encoder.cardinalities[c] for c in self.looked_up]
        embedded = self.n_numbers if self.n_numbers <= MAX_EMBEDDED_NUMBERS else 0
        embedding = InputEmbedding(embedded, cardinalities, self.frequency_deviation)
        layers: list[nn.Module] = [embedding, Scale(embedding(rows).shape[1])]
        with torch.no_grad():
            values = embedding(rows)
            for _ in range(self.depth):
                linear = TangentLinear.fitted(values, self.width)
                activation = MixedActivation(self.width, is_smooth=self.target_range is not None)
                layers += [linear, activation, Dropout(self.dropout)]
                values = activation(linear(values))
            layers.append(TangentLinear.fitted(values, n_outputs))
        if self.target_range is not None:
            layers.append(Clip(*self.target_range))
        return nn.Sequential(*layers).to(inputs.device)


class InputEmbedding(nn.Module):
    """Embeddings of numbers and of categories. Numbers and indicators also pass unchanged.

    Parameters
    ----------
    n_numbers
        Number of leading columns with periodic embeddings.
    cardinalities
        Number of codes of each of the last columns.
    deviation
        Standard deviation of the first frequencies.
    """

    def __init__(self, n_numbers: int, cardinalities: list[int], deviation: float):
        super().__init__()
        self.n_numbers, self.n_categories = n_numbers, len(cardinalities)
        self.periodic = PeriodicEmbedding(n_numbers, deviation) if n_numbers else None
        tables = [nn.Embedding(size, CATEGORY_SIZE) for size in cardinalities]
        for table in tables:
            nn.init.zeros_(table.weight[0])  # the unknown category, which may never be trained
        self.tables = nn.ModuleList(tables)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return a matrix of the columns and their embeddings."""
        n_plain = inputs.shape[1] - self.n_categories
        parts = [inputs[:, :n_plain]]
        if self.periodic:
            parts.append(self.periodic(inputs[:, : self.n_numbers]))
        codes = inputs[:, n_plain:].long().unbind(dim=1)
        parts += [table(column) for table, column in zip(self.tables, codes, strict=True)]
        return torch.cat(parts, dim=1)


class PeriodicEmbedding(nn.Module):
    """Linear combinations of cosines with learned frequencies and phases, for each number.

    Together with the number itself, which is not returned here, this is the published PBLD embedding.

    Parameters
    ----------
    n_numbers
        Number of columns of the input.
    deviation
        Standard deviation of the first frequencies.
    """

    def __init__(self, n_numbers: int, deviation: float):
        super().__init__()
        n_combinations, bound = EMBEDDING_SIZE - 1, FREQUENCIES**-0.5
        self.frequencies = nn.Parameter(deviation * torch.randn(n_numbers, 1, FREQUENCIES))
        self.phases = nn.Parameter(uniform(math.pi, n_numbers, 1, FREQUENCIES))
        self.combinations = nn.Parameter(uniform(bound, n_numbers, FREQUENCIES, n_combinations))
        self.offsets = nn.Parameter(uniform(bound, n_numbers, 1, n_combinations))

    def forward(self, numbers: Tensor) -> Tensor:
        """Return the combinations of all numbers, shape (rows, n_numbers * 3)."""
        columns = numbers.T.unsqueeze(2)
        waves = torch.baddbmm(self.phases, columns, self.frequencies, alpha=2 * math.pi).cos()
        return torch.baddbmm(self.offsets, waves, self.combinations).transpose(0, 1).flatten(1)


class Scale(nn.Module):
    """A learned factor on each input.

    Parameters
    ----------
    n_inputs
        Number of inputs.
    """

    def __init__(self, n_inputs: int):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(n_inputs))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the scaled inputs."""
        return inputs * self.scale


class TangentLinear(nn.Module):
    """A linear layer in neural tangent parametrization: its weights are divided by sqrt(number of inputs).

    Parameters
    ----------
    weight, bias
        First weights, of shape (inputs, outputs), and first bias, of shape (outputs,).
    """

    def __init__(self, weight: Tensor, bias: Tensor):
        super().__init__()
        self.factor = len(weight) ** -0.5
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    @classmethod
    def fitted(cls, inputs: Tensor, n_outputs: int) -> TangentLinear:
        """Return a layer whose outputs have variance 1 on the given rows.

        The first bias puts the zero of an output at a random mean of five of its values there (`he+5`).

        Parameters
        ----------
        inputs
            Inputs of the layer at the start of training, shape (rows, inputs).
        n_outputs
            Number of outputs.
        """
        weight = torch.randn(inputs.shape[1], n_outputs)
        outputs = inputs.shape[1] ** -0.5 * inputs @ weight
        deviation = outputs.std(dim=0, correction=0)
        deviation[deviation < 1e-6] = 1
        return cls(weight / deviation, -random_means(outputs / deviation, 5))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the outputs."""
        # `alpha` of addmm would add a product as large as the weights to the backward pass.
        return torch.addmm(self.bias, self.factor * inputs, self.weight)


class MixedActivation(nn.Module):
    """A learned mix of an activation and the identity, one for each unit.

    Parameters
    ----------
    n_units
        Number of units.
    is_smooth
        Whether the activation is Mish rather than SELU.
    """

    def __init__(self, n_units: int, is_smooth: bool):
        super().__init__()
        self.activation = nn.functional.mish if is_smooth else nn.functional.selu
        self.mix = nn.Parameter(torch.ones(n_units))

    def forward(self, units: Tensor) -> Tensor:
        """Return the activated units."""
        return torch.lerp(units, self.activation(units), self.mix.to(units.dtype))


class Clip(nn.Module):
    """Clip predictions to the range of the training targets.

    Parameters
    ----------
    low, high
        Bounds of the range.
    """

    low: Tensor
    high: Tensor

    def __init__(self, low: float, high: float):
        super().__init__()
        self.register_buffer("low", torch.tensor(low))
        self.register_buffer("high", torch.tensor(high))

    def forward(self, outputs: Tensor) -> Tensor:
        """Return the outputs, clipped outside training."""
        return outputs if self.training else outputs.clamp(self.low, self.high)


@together.register
def _(layer: InputEmbedding, inputs: Tensor) -> Tensor:
    n_plain = inputs.shape[2] - layer.n_categories
    parts = [inputs[:, :, :n_plain]]
    if layer.periodic:
        parts.append(together(layer.periodic, inputs[:, :, : layer.n_numbers]))
    tables = [table.get_parameter("weight") for table in layer.tables]
    codes = inputs[:, :, n_plain:].long().unbind(dim=2)
    parts += [look_up(table, column) for table, column in zip(tables, codes, strict=True)]
    return torch.cat(parts, dim=2)


@together.register
def _(layer: PeriodicEmbedding, numbers: Tensor) -> Tensor:
    columns = numbers.transpose(1, 2).flatten(0, 1).unsqueeze(2)
    frequencies, phases = layer.frequencies.flatten(0, 1), layer.phases.flatten(0, 1)
    waves = torch.baddbmm(phases, columns, frequencies, alpha=2 * math.pi).cos()
    combined = torch.baddbmm(layer.offsets.flatten(0, 1), waves, layer.combinations.flatten(0, 1))
    return combined.unflatten(0, layer.offsets.shape[:2]).transpose(1, 2).flatten(2)


@together.register
def _(layer: Scale, inputs: Tensor) -> Tensor:
    return inputs * layer.scale[:, None]


@together.register
def _(layer: TangentLinear, inputs: Tensor) -> Tensor:
    return torch.baddbmm(layer.bias[:, None], layer.factor * inputs, layer.weight)


@together.register
def _(layer: MixedActivation, units: Tensor) -> Tensor:
    return torch.lerp(units, layer.activation(units), layer.mix.to(units.dtype)[:, None])


@together.register
def _(layer: Clip, outputs: Tensor) -> Tensor:
    return outputs if layer.training else outputs.clamp(layer.low[:, None, None], layer.high[:, None, None])


def indicator_columns(codes: np.ndarray, cardinality: int) -> np.ndarray:
    """Return a column of 0 and 1 for each category, or one column of -1 and 1 for two categories.

    An unknown category is 0 in all columns.
    """
    if cardinality == 3:
        return np.array([0, -1, 1], dtype=np.float32)[codes][:, None]
    return np.eye(cardinality, dtype=np.float32)[codes][:, 1:]


def uniform(bound: float, *shape: int) -> Tensor:
    """Return uniform random numbers between -bound and bound."""
    return bound * (2 * torch.rand(shape) - 1)


def random_means(values: Tensor, n: int) -> Tensor:
    """Return for each column a mean of n random values with random weights, uniform on the simplex."""
    rows = torch.randint(len(values), (n, values.shape[1]))
    weights = torch.empty(rows.shape).exponential_()
    return (values.gather(0, rows) * weights / weights.sum(dim=0)).sum(dim=0)


def coslog(progress: float) -> float:
    """Return the factor on the learning rate: cosine cycles, each twice as long as the one before."""
    return 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + (2**CYCLES - 1) * progress)))


def flat_cosine(progress: float) -> float:
    """Return the factor on dropout and weight decay: 1 in the first half, then half a cosine to 0."""
    return 0.5 * (1 + math.cos(math.pi * max(0.0, 2 * progress - 1)))
