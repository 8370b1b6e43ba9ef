"""Save time: keep temporary files in memory, and remember slow functions that many tests call alike.

Every flush to a disk takes milliseconds, and an MLflow database is flushed thousands of times. Hydra takes a
third of a second to compose a configuration, and the list of all distributions takes more than one second.
"""

import copy
import functools
import gc
import hashlib
import importlib.metadata
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

__all__ = ["remember", "use_memory"]

MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 4 * 1024**3
TRACKING = "MLFLOW_TRACKING_URI"


def use_memory() -> None:
    """Put temporary files into memory, unless TMPDIR is set or there is little room; call this first."""
    is_free = "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK)
    if is_free and shutil.disk_usage(MEMORY).free >= ENOUGH_BYTES:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


def remember() -> None:
    """Replace the slow functions; call this before other modules import them by name."""
    gc.set_threshold(50_000, 50)  # as in the stages of the pipeline
    from fuelgauge.config import compose as module

    module.compose = remembered(module.compose)
    importlib.metadata.packages_distributions = functools.cache(importlib.metadata.packages_distributions)


def remembered(compose: Callable) -> Callable:
    """Return `compose` with a memory of its results, by all that it reads: arguments, files, environment."""
    from hydra.core.global_hydra import GlobalHydra

    from fuelgauge import paths
    from fuelgauge.config import compose as module

    known = {}

    @functools.wraps(compose)
    def recall(*overrides):
        if GlobalHydra.instance().is_initialized():
            return compose(*overrides)
        uri = os.environ.get(TRACKING)  # each test has its own; conf/tracking alone reads it
        replaced = module.load_params  # by one test
        key = (overrides, digest(paths.CONF, paths.PARAMS), uri is None, os.environ.get("DVC_ROOT"), replaced)
        if key not in known:
            known[key] = uri, compose(*overrides)
        first_uri, config = copy.deepcopy(known[key])
        if uri and config.tracking.uri == first_uri:
            config = replace(config, tracking=replace(config.tracking, uri=uri))
        return config

    return recall


def digest(folder: Path, file: Path) -> str:
    """Return a checksum of the names and contents of the files in a folder, and of one more file."""
    found = sorted(Path(root, name) for root, _, names in os.walk(folder) for name in names)
    whole = hashlib.sha256()
    for path in (*found, file):
        content = path.read_bytes()
        whole.update(f"{path}\0{len(content)}\0".encode() + content)
    return whole.hexdigest()
