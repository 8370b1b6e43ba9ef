"""Plan the trials of a learning curve and determine their identities."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from fuelgauge.config.objects import lacking, targets
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

__all__ = [
    "anchor_support",
    "cuda_available",
    "make_curve",
    "packs",
    "plan_curve",
    "too_wide",
    "unsupported",
    "why_not",
]

TRIAL_MODULE = "fuelgauge.sweep.trial"
MOST_TOGETHER = 9  # trials in a pack; all their rows and weights are in memory together


def packs(trials: Iterable[Trial]) -> list[tuple[Trial, ...]]:
    """Return trials as tasks, in the same order; trials that are trained together form one task.

    The first repeat of an anchor always runs alone, so that the cost of a fit is known. The other repeats of
    the anchor form tasks of at most `MOST_TOGETHER` trials. Trials with a search, or with more rows than the
    model's `packed_rows`, also run alone.
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
        return f"{model.name} accepts {', '.join(model.modalities)} data, but {shown} is {inputs}"
    if dataset.task not in model.tasks:
        return f"{model.name} supports {', '.join(model.tasks)} tasks, but {dataset.name} is {dataset.task}"
    if config.size != DEFAULT_SIZE and config.size not in model.capacity:
        return f"{model.name} has no size '{config.size}'"
    return lacking(model.needs, model.hyperparameters)


def plan_curve(config: Config) -> Plan:
    """Return the trials of a curve, sorted by anchor and repeat, up to the largest anchor of the model.

    Raises
    ------
    ConfigError
        The dataset has too few rows for the first anchor.
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
    reasons = {key: reason for key, reason in reasons.items() if key[0] <= config.largest_anchor}
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
    """Return why a dataset has too many features for a model, or an empty string if it does not."""
    limit, n_features = config.model.max_features, description.n_features
    if limit is None or n_features <= limit:
        return ""
    shown = contestant(description.name, description.features)
    return f"{config.model.name} accepts at most {limit} features, but {shown} has {n_features:,}"


@functools.lru_cache(maxsize=4)
def anchor_support(
    name: str, features: str, fingerprint: str, rule: AnchorRule, split: SplitRule, seed: int, repeats: int
) -> tuple[int, dict[tuple[int, int], str]]:
    """Return the number of rows to train on and the anchors that can be run; all models share both.

    Parameters
    ----------
    fingerprint
        Checksum of the dataset. It is part of the cache key, so that changed data are read again.

    Returns
    -------
    n_pool : int
        Number of rows from which every repeat can draw training rows.
    reasons : dict
        Reason why a trial cannot be run, by n_train and repeat; an empty string if it can.
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
            return f"class '{missing[0]}' has no row among the {n_train} training rows" + (
                f" (and {len(missing) - 1} more classes have none)" if len(missing) > 1 else ""
            )
    return cannot_split(dataset.rows.take(order[:n_train]))


def make_curve(config: Config, description: Description, n_pool: int) -> Curve:
    """Return the learning curve that a configuration describes."""
    classes = (config.model.target, *targets(config.model.hyperparameters))
    modules = (TRIAL_MODULE, *(path.rpartition(".")[0] for path in classes))
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
        refit=config.model.refit,
        exposed=config.dataset.name in config.model.chosen_on,
        keep_predictions=config.keep_predictions,
    )


def search_settings(config: Config) -> dict[str, Any]:
    """Return the settings for `fuelgauge.sweep._search.find`; empty without a search.

    Hyperparameters that define the size are not searched, because the search would change the size.
    """
    search = config.search
    if search.method == "none":
        return {}
    fixed = config.model.capacity.get(config.size, {})
    ranges = {name: asdict(choice) for name, choice in config.model.search.items() if name not in fixed}
    return {"method": search.method, "trials": search.trials, "seconds": search.seconds, "ranges": ranges}


def choose_device(wanted: str, supported: list[str], gpus: float = 0.0) -> str:
    """Return the device class of a curve.

    Parameters
    ----------
    wanted
        Device setting: `cpu`, `cuda`, or `auto` for CUDA where it is available. A model that does not support
        CUDA always runs on the CPU.
    supported
        Devices that the model supports.
    gpus
        Share of a GPU that a cluster gives each trial. If it is above 0, this machine itself needs no GPU.

    Raises
    ------
    ConfigError
        `cuda` is wanted, but there is no CUDA device.
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
    """Return whether there is a CUDA device; import torch only if there is a driver."""
    try:
        import ctypes

        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    import torch

    return torch.cuda.is_available()
