"""The check stage: validate every configuration that the pipeline will use, before anything is computed."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fuelgauge import paths
from fuelgauge.config.compose import check_name, check_sizes, named, read_option
from fuelgauge.config.files import check_complete
from fuelgauge.config.objects import lacking
from fuelgauge.errors import ConfigError, FuelgaugeError
from fuelgauge.files import write_whole
from fuelgauge.models.base import create
from fuelgauge.models.storage import unstorable
from fuelgauge.spec.model import ModelConfig
from fuelgauge.spec.params import Config

__all__ = ["check_all", "remove_leftovers", "write_checked"]

log = logging.getLogger("fuelgauge")

OWN = "data/own/"
CHECKED = paths.DATA / "checked"
PER_DATASET = (
    paths.FEATURES,
    paths.TRIALS,
)  # folders with one folder a dataset that the last stage reads whole


def check_all(config: Config) -> None:
    """Check every dataset, feature set and model of params.yaml, including the models' hyperparameters.

    Each file is read once, without composing a whole configuration.

    Raises
    ------
    ConfigError
        A setting is wrong, or params.yaml lacks one that DVC needs. A file in conf/ does not contain its own
        name, or a model's class does not accept one of its hyperparameters.
    """
    check_complete()
    for group, names in named(config).items():
        for name in names:
            option = read_option(group, name)
            check_name(group, name, option.name)
            if group == "model":
                check_class(option)
    check_sizes(config)


def check_class(model: ModelConfig) -> None:
    """Let the class of a model check its hyperparameters, and warn if its fits could not be registered.

    A model whose package or weights are not here is left out of the sweep, and so of this check.
    """
    if lacking(model.needs, model.hyperparameters):
        return
    where = f"conf/model/{model.name}.yaml"
    try:
        made = create(model.target, model.hyperparameters)
        made.check(model.tasks, model.modalities)
    except FuelgaugeError as error:
        raise ConfigError(f"{where}: {str(error).removeprefix('conf/model: ')}") from error
    if reason := unstorable(made):
        log.warning("fuelgauge: %s: it can be measured but not registered: %s", where, reason)


def write_checked(datasets: Iterable[str], folder: Path = CHECKED, home: Path | None = None) -> None:
    """Write a file for each dataset, with the checksums of its files in data/own.

    The ingest stage of a dataset depends on its file. So a change in data/own reruns the datasets that it
    concerns and no others. The file of a dataset without own files never changes.

    Parameters
    ----------
    datasets
        Names of the datasets.
    folder
        Folder of the files that are written.
    home
        Folder that holds data/own; by default that of the project.
    """
    home = home or paths.durable_root(paths.ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    for name in datasets:
        own = sorted(set(own_paths(read_option("dataset", name).source)))
        lines = ["the configuration is valid", *(f"{path} {checksum(home / path)}" for path in own)]
        write_whole(folder / name, "\n".join(lines) + "\n")


def own_paths(source: Any) -> Iterator[str]:
    """Yield the paths in data/own that a source names at any depth."""
    if isinstance(source, str):
        if source.startswith(OWN):
            yield source
    elif isinstance(source, dict):
        for value in source.values():
            yield from own_paths(value)
    elif isinstance(source, list | tuple):
        for value in source:
            yield from own_paths(value)


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, or of the names and files of a folder; `missing` if there is neither."""
    if path.is_file():
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    if not path.is_dir():
        return "missing"
    digest = hashlib.sha256()
    for file in sorted(part for part in path.rglob("*") if part.is_file()):
        digest.update(f"{file.relative_to(path).as_posix()} {checksum(file)}\n".encode())
    return digest.hexdigest()


def remove_leftovers(datasets: Iterable[str], folders: Iterable[Path] = PER_DATASET) -> None:
    """Remove features and trial tables of datasets that params.yaml does not name any more.

    The evaluate stage depends on these folders as a whole. With leftovers it would be out of date in another
    clone, which does not have them. The trial store, from which tables are made, stays.
    """
    kept = set(datasets)
    for folder in folders:
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.is_dir() and path.name not in kept:
                shutil.rmtree(path)
