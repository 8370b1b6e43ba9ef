"""Embed a dataset by the frozen encoder of a model, once, before the first trial that needs it.

A process of its own does it, because the process of the sweep never computes with PyTorch. What it costs is
kept with the embeddings. It is part of no fit.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fuelgauge import paths
from fuelgauge.data.dataset import Dataset, read_description
from fuelgauge.errors import DataError, FuelgaugeError
from fuelgauge.models.base import create
from fuelgauge.models.embeddings import embedded, folder_of, identity_of, keep, keys_of, read_about
from fuelgauge.sweep.machine import cores
from fuelgauge.sweep.timing import device_name, measure

if TYPE_CHECKING:
    from fuelgauge.spec.params import Config

__all__ = ["embed", "embed_once", "is_due"]

log = logging.getLogger("fuelgauge")

ENCODER = "encoder"  # hyperparameter of the models that have one


def is_due(config: Config) -> bool:
    """Return whether the model of a curve has an encoder that has not embedded the dataset yet."""
    if ENCODER not in config.model.hyperparameters:
        return False
    description = read_description(config.dataset.name, config.feature_set.name)
    return read_about(folder_for(config)).get("fingerprint") != description.fingerprint


def folder_for(config: Config) -> Path:
    """Return the folder of the embeddings of a curve's dataset."""
    encoder = config.model.hyperparameters[ENCODER]
    return folder_of(identity_of(config.model.target, encoder)) / config.dataset.name


def embed_once(config: Config) -> None:
    """Embed the dataset of a curve in a process of its own, if that is due, and say what it cost.

    Raises
    ------
    DataError
        The process has failed; its sentence is that of the error.
    """
    if not is_due(config):
        return
    name, folder = config.dataset.name, folder_for(config)
    log.info("%s: %s embeds all rows, once for all trials", name, config.model.name)
    order = {
        "name": name,
        "features": config.feature_set.name,
        "target": config.model.target,
        "encoder": config.model.hyperparameters[ENCODER],
        "folder": str(folder),
    }
    command = [sys.executable, "-m", __name__, json.dumps(order)]
    surroundings = {**os.environ, "FUELGAUGE_ROOT": str(paths.ROOT)}
    ended = subprocess.run(command, env=surroundings, capture_output=True, encoding="utf-8", check=False)
    if ended.returncode:
        reason = (ended.stderr.strip().splitlines() or ["it was killed"])[-1]
        raise DataError(f"{name}: {config.model.name} could not embed its rows: {reason}")
    about = read_about(folder)
    log.info(
        "%s: %s embedded %s rows in %.0f s (%.0f CPU seconds), which no fit counts",
        name, config.model.name, f"{about['n_embedded']:,}", about["seconds"], about["cpu_seconds"],
    )  # fmt: skip


def embed(name: str, features: str, target: str, encoder: Mapping[str, Any], folder: Path) -> None:
    """Embed every distinct row of a dataset, and keep the embeddings with their cost.

    The cost includes reading the weights. Rows that are kept already, for example from before another column
    of the dataset changed, are not embedded again.
    """
    import torch

    torch.set_num_threads(cores())
    dataset = Dataset.open(name, features)
    rows = np.asarray(dataset.take(np.arange(len(dataset.target))).x)
    places = {key: at for at, key in reversed(list(enumerate(keys_of(rows))))}
    model: Any = create(target, {ENCODER: encoder})
    n_embedded = 0

    def encode(given: np.ndarray) -> np.ndarray:
        nonlocal n_embedded
        n_embedded = len(given)
        vectors: np.ndarray = model.encode(given)
        return vectors

    distinct = rows[list(places.values())]
    done = measure(lambda: embedded(distinct, identity_of(target, encoder), encode), "cpu")
    about = {
        "dataset": name,
        "target": target,
        "fingerprint": dataset.description.fingerprint,
        "n_rows": len(places),
        "n_embedded": n_embedded,
        "seconds": done.seconds,
        "cpu_seconds": done.cpu_seconds,
        "peak_memory_mb": done.peak_memory_mb,
        "device_name": device_name("cpu"),
    }
    keep(folder, list(places), done.value, about)


def main(order: str) -> None:
    """Embed a dataset as ordered; an error is one sentence on standard error."""
    settings = json.loads(order)
    try:
        embed(**{**settings, "folder": Path(settings["folder"])})
    except FuelgaugeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1])
