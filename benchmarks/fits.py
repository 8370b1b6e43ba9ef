"""Compare the CPU time of the pipeline's fits with that of bare fits.

    python benchmarks/fits.py

A fit is a fit on 80% of the rows followed by the refit on all of them. By hand, these are two plain PyTorch
loops for the MLP, and two direct calls of their library for boosted trees.
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
from dataclasses import replace
from functools import partial
from typing import Any

import catboost
import lightgbm
import numpy as np
import torch
import xgboost
from torch import nn

from fuelgauge.config.compose import compose
from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, Model, create
from fuelgauge.models.boosting import Boosted
from fuelgauge.models.mlp import MLP

MLP_ALLOWED, TREES_ALLOWED = 1.5, 1.1
BOOSTED, ROUNDS = ("xgboost", "lightgbm", "catboost"), 10
ROUNDS_OF_TIMING = 7
PASSES = 40
N_COLUMNS, N_CLASSES = 16, 26


def rows(n: int, seed: int) -> Examples:
    """Return rows with 16 numbers and one of 26 classes, which a net can learn."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, N_COLUMNS)).astype(np.float32)
    weights = np.random.default_rng(0).normal(size=(N_COLUMNS, N_CLASSES))
    return Examples(x, np.argmax(np.tanh(x) @ weights, axis=1), "multiclass", N_CLASSES)


def joined(first: Examples, second: Examples) -> Examples:
    """Return the rows of both."""
    return replace(first, x=np.concatenate([first.x, second.x]), y=np.concatenate([first.y, second.y]))


def fit_and_refit(new: Callable[[], Model], train: Examples, validation: Examples) -> None:
    """Fit a model, and fit it again on all rows."""
    context, found = FitContext(0, 1, "cpu", "accuracy"), new()
    found.fit(train, validation, context)
    new().refit(joined(train, validation), found, context)


def bare_loop(model: MLP, train: Examples, validation: Examples | None) -> None:
    """Train the net of `model` in a hand-written loop with the same batches and steps.

    With validation rows, the loop also validates after each round and keeps the best weights, as the pipeline
    does.
    """
    torch.manual_seed(0)
    model.fit_encoder(train)
    x, y = torch.from_numpy(model.encode(train)), torch.from_numpy(train.y)
    if validation:
        x_val, y_val = torch.from_numpy(model.encode(validation)), torch.from_numpy(validation.y)
    net = model.network(x, N_CLASSES)
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=model.learning_rate, weight_decay=model.weight_decay, fused=True
    )
    plan = model.plan(len(train), None)
    best, state = float("inf"), net.state_dict()
    batches: Iterator[torch.Tensor] = iter(())
    for step in range(plan.steps):
        chosen = next(batches, None)
        if chosen is None:
            batches = iter(torch.randperm(len(y)).tensor_split(plan.batches))
            chosen = next(batches)
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(net(x[chosen]), y[chosen]).backward()
        optimizer.step()
        if validation and (step + 1) % plan.steps_per_round == 0:
            net.eval()
            with torch.no_grad():
                error = (net(x_val).argmax(dim=1) != y_val).float().mean().item()
            net.train()
            if error < best:
                best, state = error, copy.deepcopy(net.state_dict())
    net.load_state_dict(state)


def by_hand(name: str, settings: dict[str, Any], train: Examples, validation: Examples | None) -> None:
    """Call the library of a model for the same trees, with the validation loss after each round if asked."""
    held_out = [validation] if validation else []
    if name == "xgboost":
        data = xgboost.QuantileDMatrix(train.x, train.y, max_bin=settings["max_bin"], nthread=1)
        watched = [
            (xgboost.QuantileDMatrix(rows.x, rows.y, ref=data, max_bin=settings["max_bin"]), "validation")
            for rows in held_out
        ]
        xgboost.train(settings, data, ROUNDS, evals=watched, verbose_eval=False)
    elif name == "lightgbm":
        binned = lightgbm.Dataset(train.x, train.y, params=settings)
        seen = [lightgbm.Dataset(rows.x, rows.y, reference=binned) for rows in held_out]
        lightgbm.train(settings, binned, ROUNDS, valid_sets=seen)
    else:
        pools = [catboost.Pool(rows.x, rows.y, thread_count=1) for rows in (train, *held_out)]
        catboost.CatBoost({**settings, "iterations": ROUNDS}).fit(pools[0], eval_set=pools[1:] or None)


def in_turn(*calls: Callable[[], None]) -> Callable[[], None]:
    """Return a call that makes all calls one after the other."""

    def call() -> None:
        for each in calls:
            each()

    return call


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
    budget = {"patience": PASSES, "max_epochs": PASSES, "rounds": PASSES}
    hyperparameters = {**compose("model=mlp").model.hyperparameters, **budget}
    holds = True
    for n in (512, 4096):
        train, validation = rows(n * 4 // 5, 1), rows(n // 5, 2)
        new = partial(MLP, **hyperparameters)
        everything = joined(train, validation)
        ours, loop, validating = median_seconds(
            partial(fit_and_refit, new, train, validation),
            in_turn(partial(bare_loop, new(), train, None), partial(bare_loop, new(), everything, None)),
            in_turn(
                partial(bare_loop, new(), train, validation), partial(bare_loop, new(), everything, None)
            ),
        )
        print(
            f"MLP, n = {n:,}, {PASSES} passes: {ours:.2f} s on Lightning; bare loop {loop:.2f} s, ratio "
            f"{ours / loop:.2f} (limit {MLP_ALLOWED}); bare loop with validation {validating:.2f} s, ratio "
            f"{ours / validating:.2f}"
        )
        holds &= ours / loop <= MLP_ALLOWED
    return holds


def compare_boosted(name: str) -> bool:
    """Print the ratio of a model of boosted trees; return whether the limit is kept."""
    config = compose(f"model={name}").model
    train, validation = rows(16_000, 1), rows(4_000, 2)
    hyperparameters = {**config.hyperparameters, "max_rounds": ROUNDS, "patience": ROUNDS}

    def new() -> Boosted:
        model = create(config.target, hyperparameters)
        assert isinstance(model, Boosted)
        return model

    settings = new().settings(train, FitContext(0, 1, "cpu", "accuracy"))
    everything = joined(train, validation)
    ours, bare = median_seconds(
        partial(fit_and_refit, new, train, validation),
        in_turn(
            partial(by_hand, name, settings, train, validation),
            partial(by_hand, name, settings, everything, None),
        ),
    )
    print(
        f"{name}, n = 20,000, {ROUNDS} rounds: {ours:.2f} s; bare calls {bare:.2f} s, "
        f"ratio {ours / bare:.2f} (limit {TREES_ALLOWED})"
    )
    return ours / bare <= TREES_ALLOWED


def main() -> int:
    """Run all comparisons; return 1 if a limit is exceeded."""
    torch.set_num_threads(1)
    return 0 if all([compare_mlp(), *map(compare_boosted, BOOSTED)]) else 1


if __name__ == "__main__":
    sys.exit(main())
