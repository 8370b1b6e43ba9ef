"""Compare the CPU time of the pipeline's fits with that of bare fits.

    python benchmarks/fits.py

A bare fit is a plain PyTorch loop for the MLP, and a direct call of their library for boosted trees.
Prints ratios of CPU seconds with their limits: 1.5 for the MLP on Lightning, and 1.1 for boosted trees at
n = 20,000. The fits alternate in this process, and each time is the median of seven turns.
The exit code is 1 if a limit is exceeded.
"""

from __future__ import annotations

import copy
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import catboost
import lightgbm
import numpy as np
import torch
import xgboost
from torch import nn

from fuelgauge.config.compose import compose
from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, create
from fuelgauge.models.boosting import Boosted
from fuelgauge.models.mlp import MLP
from fuelgauge.models.training import warm_cosine

MLP_ALLOWED, TREES_ALLOWED = 1.5, 1.1
BOOSTED, ROUNDS = ("xgboost", "lightgbm", "catboost"), 10
ROUNDS_OF_TIMING = 7
N_COLUMNS, N_CLASSES = 16, 26


def rows(n: int, seed: int) -> Examples:
    """Return rows with 16 numbers and one of 26 classes, which a net can learn."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, N_COLUMNS)).astype(np.float32)
    weights = np.random.default_rng(0).normal(size=(N_COLUMNS, N_CLASSES))
    return Examples(x, np.argmax(np.tanh(x) @ weights, axis=1), "multiclass", N_CLASSES)


def bare_loop(model: MLP, train: Examples, validation: Examples, steps: int, validate: bool) -> None:
    """Train the net of `model` in a hand-written loop with the same batches, steps and schedule.

    With `validate`, the loop also validates after each round and keeps the best weights, as the pipeline
    does.
    """
    torch.manual_seed(0)
    model.fit_encoder(train)
    x, y = torch.from_numpy(model.encode(train)), torch.from_numpy(train.y)
    x_val, y_val = torch.from_numpy(model.encode(validation)), torch.from_numpy(validation.y)
    net = model.network(x, N_CLASSES)
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=model.learning_rate, weight_decay=model.weight_decay, fused=True
    )
    plan = model.plan(len(train), None)
    best, state = float("inf"), net.state_dict()
    batches: Iterator[torch.Tensor] = iter(())
    for step in range(steps):
        chosen = next(batches, None)
        if chosen is None:
            batches = iter(torch.randperm(len(y)).tensor_split(plan.batches))
            chosen = next(batches)
        optimizer.param_groups[0]["lr"] = model.learning_rate * warm_cosine(step, plan.steps)
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(net(x[chosen]), y[chosen]).backward()
        optimizer.step()
        if validate and (step + 1) % plan.steps_per_round == 0:
            net.eval()
            with torch.no_grad():
                error = (net(x_val).argmax(dim=1) != y_val).float().mean().item()
            net.train()
            if error < best:
                best, state = error, copy.deepcopy(net.state_dict())
    net.load_state_dict(state)


def by_hand(name: str, settings: dict[str, Any], train: Examples, validation: Examples) -> None:
    """Call the library of a model for the same trees, with the validation loss after each round."""
    if name == "xgboost":
        data = xgboost.QuantileDMatrix(train.x, train.y, max_bin=settings["max_bin"], nthread=1)
        watched = xgboost.QuantileDMatrix(validation.x, validation.y, ref=data, max_bin=settings["max_bin"])
        xgboost.train(settings, data, ROUNDS, evals=[(watched, "validation")], verbose_eval=False)
    elif name == "lightgbm":
        binned = lightgbm.Dataset(train.x, train.y, params=settings)
        held_out = lightgbm.Dataset(validation.x, validation.y, reference=binned)
        lightgbm.train(settings, binned, ROUNDS, valid_sets=[held_out])
    else:
        pools = [catboost.Pool(rows.x, rows.y, thread_count=1) for rows in (train, validation)]
        catboost.CatBoost({**settings, "iterations": ROUNDS}).fit(pools[0], eval_set=pools[1])


def median_seconds(*calls: Callable[[], object]) -> list[float]:
    """Return the median CPU seconds of each call. The calls alternate, and the first turn does not count."""
    seconds: list[list[float]] = [[] for _ in calls]
    for turn in range(ROUNDS_OF_TIMING + 1):
        for call, found in zip(calls, seconds, strict=True):
            started = time.process_time()
            call()
            if turn:
                found.append(time.process_time() - started)
    return [statistics.median(found) for found in seconds]


def compare_mlp() -> bool:
    """Print the ratios of the MLP; return whether the limit is kept."""
    hyperparameters = {**compose("model=mlp").model.hyperparameters, "patience": 1000}
    holds = True
    for n in (512, 4096):
        train, validation = rows(n * 4 // 5, 1), rows(n // 5, 2)
        context = FitContext(0, 1, "cpu", "accuracy")
        steps = MLP(**hyperparameters).plan(len(train), None).steps
        ours, loop, validating = median_seconds(
            lambda: MLP(**hyperparameters).fit(train, validation, context),  # noqa: B023
            lambda: bare_loop(MLP(**hyperparameters), train, validation, steps, False),  # noqa: B023
            lambda: bare_loop(MLP(**hyperparameters), train, validation, steps, True),  # noqa: B023
        )
        print(
            f"MLP, n = {n:,}, {steps:,} steps: {ours:.2f} s on Lightning; bare loop {loop:.2f} s, ratio "
            f"{ours / loop:.2f} (limit {MLP_ALLOWED}); bare loop with validation {validating:.2f} s, ratio "
            f"{ours / validating:.2f}"
        )
        holds &= ours / loop <= MLP_ALLOWED
    return holds


def compare_boosted(name: str) -> bool:
    """Print the ratio of a model of boosted trees; return whether the limit is kept."""
    config = compose(f"model={name}").model
    train, validation = rows(16_000, 1), rows(4_000, 2)
    context = FitContext(0, 1, "cpu", "accuracy")
    hyperparameters = {**config.hyperparameters, "max_rounds": ROUNDS, "patience": ROUNDS}

    def new() -> Boosted:
        model = create(config.target, hyperparameters)
        assert isinstance(model, Boosted)
        return model

    settings = new().settings(train, context)
    ours, bare = median_seconds(
        lambda: new().fit(train, validation, context),
        lambda: by_hand(name, settings, train, validation),
    )
    print(
        f"{name}, n = 20,000, {ROUNDS} rounds: {ours:.2f} s; bare call {bare:.2f} s, ratio {ours / bare:.2f} "
        f"(limit {TREES_ALLOWED})"
    )
    return ours / bare <= TREES_ALLOWED


def main() -> int:
    """Run all comparisons; return 1 if a limit is exceeded."""
    torch.set_num_threads(1)
    return 0 if all([compare_mlp(), *map(compare_boosted, BOOSTED)]) else 1


if __name__ == "__main__":
    sys.exit(main())
