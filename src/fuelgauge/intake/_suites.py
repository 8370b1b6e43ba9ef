"""Expand a suite of datasets, a file in conf/suite/, to one file in conf/dataset/ per dataset."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from omegaconf import MISSING

from fuelgauge import paths
from fuelgauge.config.checks import check_member
from fuelgauge.config.files import check_option, typed
from fuelgauge.data.sources.openml import record
from fuelgauge.errors import DataError
from fuelgauge.files import write_whole
from fuelgauge.spec.dataset import DUPLICATES


@dataclass
class SuiteConfig:
    """A study of OpenML, and the settings that its datasets share.

    Parameters
    ----------
    name
        Prefix of the names of the datasets.
    title
        Title of the suite.
    study
        Number of the study at OpenML.
    duplicates
        Treatment of identical rows: `drop` or `keep`.
    """

    name: str = MISSING
    title: str = MISSING
    study: int = MISSING
    duplicates: str = "drop"


def expand_suite(suite: str, folder: Path = paths.CONF / "dataset") -> list[str]:
    """Write a file in conf/dataset/ for each dataset of a suite; existing files stay unchanged.

    Parameters
    ----------
    suite
        Name of a file in conf/suite/, such as cc18.
    folder
        Folder for the files.

    Returns
    -------
    list of str
        Names of the datasets, for params.yaml.

    Raises
    ------
    ConfigError
        There is no such suite, or its file is not valid.
    DataError
        OpenML cannot be reached, or one of its records is incomplete.
    """
    config = read_suite(suite)
    ids = field(record(f"study/{config.study}"), "study", "data", "data_id", where=f"study/{config.study}")
    descriptions: dict[str, dict[str, Any]] = {}
    for data_id in sorted(int(i) for i in ids):
        description = describe(config, data_id)
        if description["name"] in descriptions:
            description["name"] += f"_{data_id}"
        descriptions[description["name"]] = description
    for name, description in descriptions.items():
        path = folder / f"{name}.yaml"
        if not path.exists():
            write_whole(path, as_yaml(description, suite))
    return list(descriptions)


def read_suite(suite: str) -> SuiteConfig:
    """Return the content of a file of conf/suite/, after a check."""
    check_option("suite", suite, "the suite to add")
    where = f"conf/suite/{suite}.yaml"
    config: SuiteConfig = typed(
        SuiteConfig, yaml.safe_load((paths.CONF / "suite" / f"{suite}.yaml").read_text("utf-8")), where
    )
    check_member("duplicates", config.duplicates, DUPLICATES, where)
    return config


def describe(suite: SuiteConfig, data_id: int) -> dict[str, Any]:
    """Return the description of one dataset from OpenML's records."""
    about = field(record(f"data/{data_id}"), "data_set_description", where=f"data/{data_id}")
    target = field(about, "default_target_attribute", where=f"data/{data_id}")
    task, metric = task_of(number_of_classes(data_id))
    return {
        "name": f"{suite.name}_{re.sub(r'[^a-z0-9]+', '_', about['name'].lower()).strip('_')}",
        "title": f"{about['name']} (OpenML {data_id}, version {about['version']})",
        "modality": "tabular",
        "task": task,
        "metric": metric,
        "target": target,
        "source": {"_target_": "fuelgauge.data.sources.openml.table", "data_id": data_id},
        "features": {"infer": True},
        "duplicates": suite.duplicates,
        "licence": about.get("licence") or "OpenML states none",
        "citation": citation(about, data_id),
    }


def number_of_classes(data_id: int) -> int:
    """Return the number of classes of the default target by OpenML's count; 0 for a regression target."""
    found = field(record(f"data/qualities/{data_id}"), "data_qualities", "quality", where=f"data/{data_id}")
    qualities = {quality["name"]: quality["value"] for quality in found}
    return int(float(field(qualities, "NumberOfClasses", where=f"data/qualities/{data_id}") or 0))


def task_of(n_classes: int) -> tuple[str, str]:
    """Return the task and the metric for a number of classes."""
    if n_classes == 0:
        return "regression", "rmse"
    return ("binary", "roc_auc") if n_classes == 2 else ("multiclass", "accuracy")


def citation(about: Mapping[str, Any], data_id: int) -> str:
    """Return the work to cite: OpenML's citation or the creators, with the address of the dataset."""
    creators = about.get("creator") or "creators not stated"
    named = about.get("citation") or (", ".join(creators) if isinstance(creators, list) else creators)
    return f"{' '.join(str(named).split())}; https://www.openml.org/d/{data_id}"


def field(content: Any, *keys: str, where: str) -> Any:
    """Return the value at a path of keys in a record.

    Raises
    ------
    DataError
        The record lacks a key.
    """
    for key in keys:
        if not isinstance(content, Mapping) or key not in content:
            raise DataError(f"OpenML's record {where} has no '{key}'.")
        content = content[key]
    return content


def as_yaml(description: dict[str, Any], suite: str) -> str:
    """Return the text of the file of a dataset."""
    number = description["source"]["data_id"]
    head = f"# Written by `fuelgauge add --suite {suite}` from OpenML's records of dataset {number}.\n"
    return head + yaml.safe_dump(description, sort_keys=False, allow_unicode=True, width=110)
