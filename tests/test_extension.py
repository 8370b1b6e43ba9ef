"""A dataset, a model and a claim are one or two files each, and nothing else is edited."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.conftest import CHECKOUT, make_project

MODEL = '''
"""The mean of each class, and the distance to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, Model

__all__ = ["NearestMean"]


@dataclass
class NearestMean(Model):
    """Probabilities that fall with the distance to the mean of a class."""

    sharpness: float = 1.0

    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        x = train.x.to_numpy(float)
        self.means = np.stack([x[train.y == code].mean(axis=0) for code in range(train.n_classes)])
        return 1

    def predict(self, examples: Examples) -> np.ndarray:
        x = examples.x.to_numpy(float)
        weight = np.exp(-self.sharpness * np.square(x[:, None] - self.means).sum(axis=-1))
        return weight / weight.sum(axis=1, keepdims=True)

    def count_parameters(self) -> int:
        return self.means.size
'''
CLAIM = '''
"""The claim that neighbours answer more slowly than linear models (rules: conf/claim/slow_answers.yaml)."""

from __future__ import annotations

from fuelgauge.claims.judging.measures import column_measures
from fuelgauge.claims.judging.verdict import (
    REFUTED,
    SUPPORTED,
    UNDECIDED,
    Evidence,
    Finding,
    Question,
    Rules,
    Verdict,
    judge_pairs,
)

__all__ = ["judge"]
COLUMNS = ("predict_seconds",)
RATIO = column_measures("predict_seconds", label="prediction time").ratio


def judge(evidence: Evidence, rules: Rules) -> list[Verdict]:
    return judge_pairs(Question((RATIO,), _decide, _say), evidence, rules)


def _decide(finding: Finding) -> tuple[str, str]:
    side = finding.sides[RATIO.name]
    return {1: SUPPORTED, -1: REFUTED, 0: UNDECIDED}[side], "as measured"


def _say(finding: Finding, verdict: str, reason: str) -> str:
    return f"{finding.where}, answers are {verdict}."
'''
DATASET = """
name: pebbles
title: Round and flat pebbles
modality: tabular
task: binary
metric: accuracy
target: kind
source: {_target_: fuelgauge.data.sources.files.table, path: data/own/pebbles.csv}
features: {numeric: [length, height]}
licence: none
citation: made for this test
"""
ADDED = {
    "conf/dataset/pebbles.yaml": DATASET,
    "conf/model/nearest_mean.yaml": """
name: nearest_mean
target: fuelgauge.models.nearest_mean.NearestMean
family: neighbours
modalities: [tabular]
tasks: [binary, multiclass]
hyperparameters: {sharpness: 2.0}
""",
    "src/fuelgauge/models/nearest_mean.py": MODEL,
    "conf/claim/slow_answers.yaml": """
title: Neighbours answer more slowly
pairs: [[neighbours, linear]]
predict_seconds_ratio: 1.0e-6
alpha: 0.05
min_datasets: 6
""",
    "src/fuelgauge/claims/slow_answers.py": CLAIM,
}
PARAMS = """
datasets: [pebbles]
models: [nearest_mean, logistic]
exclude: []
features: [raw]
sizes: [default]
searches: [none]
data: {until: null}
seed: 0
split: {test_fraction: 0.15, test_max: 10000, validation_fraction: 0.2, validation_max: 10000}
threads: 1
keep_predictions: 100
prices: cloud
anchors: {start: 32, factor: 2, stop: 128}
repeats: 3
claims: all
device: cpu
register: []
"""


def digests(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("src", "conf", "pipelines", "dvc.yaml", "requirements")
        for path in [root / folder, *(root / folder).rglob("*")]
        if path.is_file() and path.suffix != ".pyc"
    }


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    make_project(root)
    shutil.copytree(
        CHECKOUT / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    return root


def run(root: Path, stage: str, *overrides: str) -> None:
    environment = {**os.environ, "FUELGAUGE_ROOT": str(root), "PYTHONPATH": str(root / "src")}
    command = [sys.executable, f"pipelines/{stage}.py", "tracking=none", *overrides]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_new_files_alone_lead_to_a_verdict(copy: Path):
    before = digests(copy)
    for path, text in ADDED.items():
        (copy / path).write_text(text.lstrip())
    random = np.random.default_rng(0)
    kind = random.integers(0, 2, 600)
    pebbles = {"length": random.normal(kind, 0.7), "height": random.normal(-kind, 0.7)}
    pd.DataFrame({**pebbles, "kind": np.where(kind, "flat", "round")}).to_csv(
        copy / "data/own/pebbles.csv", index=False
    )
    (copy / "params.yaml").write_text(PARAMS)

    run(copy, "check")
    for stage in ("ingest", "featurize", "train"):
        run(copy, stage, "dataset=pebbles")
    run(copy, "evaluate")

    trials = pd.read_parquet(copy / "reports/trials.parquet")
    done = trials[trials["status"] == "done"]
    assert done.groupby("model").size().to_dict() == {"nearest_mean": 9, "logistic": 9}
    assert (done["score"] > 0.7).all()
    verdicts = json.loads((copy / "reports/verdicts.json").read_text())
    ours = [v for v in verdicts if v["claim"] == "slow_answers" and v["level"] == "dataset"]
    assert [(v["dataset"], v["verdict"], v["family_a"]) for v in ours] == [
        ("pebbles", "supported", "neighbours")
    ]
    assert "On pebbles, answers are supported." in (copy / "reports/index.html").read_text()

    after = digests(copy)
    assert set(after) - set(before) == set(ADDED)
    assert {name: after[name] for name in before} == before
