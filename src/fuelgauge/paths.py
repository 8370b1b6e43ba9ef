"""Paths of the project that several modules use."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = [
    "ARCHIVES",
    "CONF",
    "DATA",
    "EVIDENCE",
    "FEATURES",
    "PARAMS",
    "RAW",
    "REPORTS",
    "ROOT",
    "STORE",
    "TRIALS",
    "durable_root",
]

PARAMS_FILE = "params.yaml"


def find_root() -> Path:
    """Return the folder that holds params.yaml, dvc.yaml and conf/.

    The working directory and its parents are tried first, so that a copy of the project made by
    ``dvc exp run --temp`` uses its own files. The checkout that this package was installed from comes next.
    ``FUELGAUGE_ROOT`` overrides both.
    """
    if chosen := os.environ.get("FUELGAUGE_ROOT"):
        return Path(chosen).resolve()
    here = Path.cwd().resolve()
    checkout = Path(__file__).resolve().parents[2]
    for folder in (here, *here.parents, checkout):
        if (folder / PARAMS_FILE).is_file() and (folder / "conf").is_dir():
            return folder
    return checkout


def durable_root(root: Path) -> Path:
    """Return the main checkout, even inside the temporary copy in which a DVC experiment runs.

    Files that must outlive the copy, such as the MLflow database and downloads, are kept there. DVC passes
    the path of the main checkout to its stages as ``DVC_ROOT``.
    """
    return Path(os.environ.get("DVC_ROOT") or root)


ROOT = find_root()
CONF = ROOT / "conf"
PARAMS = ROOT / PARAMS_FILE
DATA = ROOT / "data"
ARCHIVES = durable_root(ROOT) / "data" / "archives"
RAW = DATA / "raw"
FEATURES = DATA / "features"
STORE = DATA / "store"
TRIALS = DATA / "trials"
REPORTS = ROOT / "reports"
EVIDENCE = REPORTS / "evidence"
