"""The trials of a learning curve and what identifies them."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from fuelgauge.data.dataset import Dataset
from fuelgauge.data.splits import anchors, cannot_split, draw
from fuelgauge.errors import ConfigError, DataError
from fuelgauge.spec.description import Description
from fuelgauge.spec.hyperparameters import changed
from fuelgauge.spec.names import DEFAULT_SIZE, contestant, inputs_of
from fuelgauge.spec.splits import AnchorRule, SplitRule
from fuelgauge.spec.trials import Curve, Plan, Trial
from fuelgauge.sweep.fingerprint import code_fingerprint, library_versions

if TYPE_CHECKING:
    from fuelgauge.spec.params import Config

TRIAL_MODULE = "fuelgauge.sweep.trial"
MOST_TOGETHER = 9  # trials in a pack: their rows and weights are in memory at once


def packs(trials: Iterable[Trial]) -> list[tuple[Trial, ...]]:
    """Return trials as tasks, in their order: those of an anchor that are to be trained together as one.

    The first repeat of an anchor is always by itself, so that what a fit costs is known; the others are
    at most `MOST_TOGETHER` a task.
    """
    tasks: dict[tuple[str, int, str], list[Trial]] = {}
    for trial in trials:
        curve = trial.curve
        is_packed = trial.repeat > 0 and trial.n_train <= curve.packed_rows and not curve.search
        place = str((trial.repeat - 1) // MOST_TOGETHER) if is_packed else trial.trial_id
        tasks.setdefault((curve.identity, trial.n_train, place), []).append(trial)
    return [tuple(task) for task in tasks.values()]


def why_not(config: Config) -> str | None:
    """Return why a model cannot be run on a feature set of a dataset, or None if it can."""
    model, dataset = config.model, config.dataset
    inputs = inputs_of(dataset.modality, config.feature_set.name)
    if inputs not in model.modalities:
        shown = contestant(dataset.name, config.feature_set.name)
        return f"{model.name} takes {', '.join(model.modalities)} data, {shown} is {inputs}"
    if dataset.task not in model.tasks:
        return f"{model.name} does {', '.join(model.tasks)} tasks, {dataset.name} is {dataset.task}"
    if config.size != DEFAULT_SIZE and config.size not in model.capacity:
        return f"{model.name} has no size '{config.size}'"
    return None


def plan_curve(config: Config) -> Plan:
    """Return the trials of a curve, in the order of anchors and repeats.

    Raises
    ------
    ConfigError
        No anchor fits into the data.
    DataError
        The dataset has not been featurized.
    """
    dataset = Dataset.open(config.dataset.name, config.feature_set.name)
    n_pool, reasons = anchor_support(
        dataset.description.name,
        dataset.description.features,
        dataset.description.fingerprint,
        config.anchors,
        config.split,
        config.seed,
        config.repeats,
    )
    if reason := too_wide(config, dataset.description):
        reasons = dict.fromkeys(reasons, reason)
    curve = make_curve(config, dataset.description, n_pool)
    trials = {key: curve.trial(*key) for key in sorted(reasons)}
    return Plan(
        curve,
        tuple(trial for key, trial in trials.items() if not reasons[key]),
        tuple((trial, reasons[key]) for key, trial in trials.items() if reasons[key]),
    )


def too_wide(config: Config, description: Description) -> str:
    """Return why a dataset has too many features for a model; empty if it has not."""
    limit, n_features = config.model.max_features, description.n_features
    if limit is None or n_features <= limit:
        return ""
    shown = contestant(description.name, description.features)
    return f"{config.model.name} takes at most {limit} features, {shown} has {n_features:,}"


@functools.lru_cache(maxsize=4)
def anchor_support(
    name: str, features: str, fingerprint: str, rule: AnchorRule, split: SplitRule, seed: int, repeats: int
) -> tuple[int, dict[tuple[int, int], str]]:
    """Return what the models of a dataset share: the rows to train on, and which anchors can be run.

    Parameters
    ----------
    fingerprint
        Of the dataset; other content is another question.

    Returns
    -------
    n_pool : int
        Rows that every repeat has to draw training rows from.
    reasons : dict
        For each n_train and repeat why it cannot be run; empty if it can.
    """
    dataset = Dataset.open(name, features)
    orders, sizes = [], []
    for repeat in range(repeats):
        try:
            order = draw(dataset.rows, split, seed, repeat).order
        except DataError as error:
            raise DataError(f"conf/dataset/{name}.yaml: {error}") from error
        sizes.append(len(order))
        orders.append(order[: rule.stop].copy())
    n_pool = min(sizes)
    steps = anchors(rule, n_pool)
    if not steps or steps[0] > n_pool:
        raise ConfigError(
            f"params.yaml: anchors.start is {rule.start}, but {name} has only {n_pool} rows to train on."
        )
    return n_pool, {
        (n_train, repeat): unsupported(dataset, order, n_train) or ""
        for repeat, order in enumerate(orders)
        for n_train in steps
    }


def unsupported(dataset: Dataset, order: np.ndarray, n_train: int) -> str | None:
    """Return why an anchor cannot be run on the rows of a repeat, or None if it can."""
    if n_train > len(order):
        return f"the anchor is larger than the {len(order)} rows to train on"
    classes = dataset.description.classes
    if classes:
        counts = np.bincount(dataset.target[order[:n_train]], minlength=len(classes))
        if missing := [name for name, count in zip(classes, counts, strict=True) if not count]:
            return f"class '{missing[0]}' has no row among the {n_train}" + (
                f" (nor have {len(missing) - 1} others)" if len(missing) > 1 else ""
            )
    return cannot_split(dataset.rows.take(order[:n_train]))


def make_curve(config: Config, description: Description, n_pool: int) -> Curve:
    """Return the curve that a configuration describes."""
    modules = (TRIAL_MODULE, config.model.target.rpartition(".")[0])
    sized = config.model.capacity.get(config.size, {})
    search = search_settings(config)
    device = choose_device(config.device, config.model.devices, config.executor.gpus)
    return Curve(
        dataset=description,
        model=config.model.name,
        family=config.model.family,
        subfamily=config.model.subfamily,
        target=config.model.target,
        hyperparameters=changed(config.model.hyperparameters, sized, f"conf/model/{config.model.name}.yaml"),
        split=config.split,
        seed=config.seed,
        device=device,
        threads=config.threads,
        repeats=config.repeats,
        n_pool=n_pool,
        code=code_fingerprint(*modules),
        size=config.size,
        search_name=config.search.name,
        search=search,
        versions={name: v for name, v in library_versions(*modules).items() if search or name != "optuna"},
        packed_rows=config.model.packed_rows.get(device, 0),
    )


def search_settings(config: Config) -> dict[str, Any]:
    """Return what `fuelgauge.sweep._search.find` is told; empty without a search.

    What makes a size is not searched: the size would be lost.
    """
    search = config.search
    if search.method == "none":
        return {}
    fixed = config.model.capacity.get(config.size, {})
    ranges = {name: asdict(choice) for name, choice in config.model.search.items() if name not in fixed}
    return {"method": search.method, "trials": search.trials, "seconds": search.seconds, "ranges": ranges}


def choose_device(wanted: str, supported: list[str], gpus: float = 0.0) -> str:
    """Return the device class of a curve: `auto` takes CUDA where it is and the model can use it.

    Parameters
    ----------
    wanted
        `auto`, `cpu` or `cuda`.
    supported
        By the model.
    gpus
        The share of a GPU that a cluster gives each trial; where there is one, this machine needs none.

    Raises
    ------
    ConfigError
        `cuda` is asked for and there is none.
    """
    if wanted == "cpu" or "cuda" not in supported:
        return "cpu"
    if gpus or cuda_available():
        return "cuda"
    if wanted == "cuda":
        raise ConfigError("device is 'cuda', but no CUDA device can be used here; set device: auto or cpu.")
    return "cpu"


@functools.cache
def cuda_available() -> bool:
    """Return whether there is a CUDA device, without importing torch where there is no driver."""
    try:
        import ctypes

        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    import torch

    return torch.cuda.is_available()
