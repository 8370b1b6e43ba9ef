"""The DVC pipeline of the small project, run in the way a user runs it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.conftest import CHECKOUT, make_project, replace

DVC = str(Path(sys.executable).parent / "dvc")


class Project:
    """A separate checkout with a copy of the source of the package."""

    def __init__(self, root: Path):
        make_project(root)
        (root / "params.yaml").write_text(
            (root / "params.yaml").read_text().replace("logistic, mlp", "logistic")
        )
        shutil.copytree(
            CHECKOUT / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
        shutil.copy(CHECKOUT / ".dvcignore", root)
        (root / ".gitignore").write_text((CHECKOUT / ".gitignore").read_text())
        self.root = root
        for command in (["git", "init", "-q"], [DVC, "init", "-q"]):
            subprocess.run(command, cwd=root, check=True, capture_output=True)
        shutil.copytree(CHECKOUT / ".dvc/plots", root / ".dvc/plots", dirs_exist_ok=True)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if k not in ("MLFLOW_TRACKING_URI", "FUELGAUGE_ROOT")}
        environment = {
            **kept,
            "PYTHONPATH": str(self.root / "src"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        return subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )

    def repro(self) -> str:
        result = self.run(DVC, "repro")
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout + result.stderr

    def stale(self) -> set[str]:
        """Return the stages that DVC would run because something they depend on has changed."""
        return set(json.loads(self.run(DVC, "status", "--json").stdout or "{}"))


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("pipeline"))
    project.repro()
    return project


def test_everything_that_a_reader_looks_at_is_there(reproduced):
    reports = reproduced.root / "reports"
    assert "mnist1d" in (reports / "index.html").read_text()
    assert len(pd.read_parquet(reports / "trials.parquet")) == 12
    metrics = json.loads((reports / "metrics.json").read_text())
    assert metrics["sweep"]["trials"] == {"done": 12}
    assert 0 < metrics["sweep"]["efficiency"] <= 1
    assert metrics["at_largest_anchor"]["mnist1d"]["logistic"]["n_train"] == 128
    assert json.loads((reports / "verdicts.json").read_text())
    assert (reproduced.root / "mlflow.db").exists()


def test_metrics_and_plots_are_known_to_dvc(reproduced):
    assert "sweep.efficiency" in reproduced.run(DVC, "metrics", "show").stdout
    shown = reproduced.run(DVC, "plots", "show")
    assert "index.html" in shown.stdout
    declared = yaml.safe_load((reproduced.root / "dvc.yaml").read_text())["plots"]
    names = [path for entry in declared for path in ([entry] if isinstance(entry, str) else entry)]
    assert [name for name in names if not (reproduced.root / name).is_file()] == []
    assert "learning_curves" in next(reproduced.root.glob("dvc_plots/index.html")).read_text()


def test_a_second_repro_runs_nothing(reproduced):
    assert reproduced.stale() == set()
    assert "Running stage" not in reproduced.repro()


def test_a_stage_goes_stale_by_what_can_change_its_result_and_by_nothing_else(reproduced):
    root = reproduced.root

    def stale_after_touching(path: str) -> set[str]:
        file = root / path
        original = file.read_text()
        file.write_text(original + "\n# touched\n")
        try:
            return reproduced.stale()
        finally:
            file.write_text(original)

    assert stale_after_touching("src/fuelgauge/report/_page.py") == {"evaluate"}
    assert stale_after_touching("src/fuelgauge/claims/statistics/pairs.py") == {"evaluate"}
    assert stale_after_touching("conf/claim/data.yaml") == {"check", "evaluate"}
    assert stale_after_touching("conf/model/logistic.yaml") == {"check", "train@mnist1d", "evaluate"}
    assert stale_after_touching("src/fuelgauge/models/logistic.py") == {"check", "train@mnist1d"}
    assert stale_after_touching("src/fuelgauge/tracking/tracker.py") == set()
    assert stale_after_touching("requirements/torch-cpu.txt") == {"train@mnist1d"}
    assert "ingest@mnist1d" in stale_after_touching("src/fuelgauge/data/sources/files.py")
    assert reproduced.stale() == set()


@pytest.fixture(scope="module")
def changed(reproduced, tmp_path_factory):
    """Change a model's file, add a table, and reproduce both at once; return what the commands print."""
    replace(reproduced.root / "conf/model/logistic.yaml", "C: 1.0", "C: 2.0")
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"age": rng.integers(18, 90, 400), "plan": rng.choice(["basic", "gold"], 400)})
    rows["left"] = np.where(rows["age"] + rng.normal(0, 9, 400) > 50, "yes", "no")
    table = tmp_path_factory.mktemp("own") / "customers.csv"
    rows.to_csv(table, index=False)
    added = reproduced.run(str(Path(DVC).parent / "fuelgauge"), "add", str(table), "--target", "left")
    assert added.returncode == 0, added.stderr
    return added.stdout, reproduced.repro(), rows


def test_touching_one_models_config_reruns_its_trials_only(changed):
    _, said, _ = changed
    assert "6 trials to run, 6 done" in said
    assert "Stage 'featurize@mnist1d' didn't change, skipping" in said


def test_a_table_of_ones_own_goes_through_and_is_watched(changed, reproduced):
    said, _, rows = changed
    assert "dvc repro" in said
    last = json.loads((reproduced.root / "reports/metrics.json").read_text())["at_largest_anchor"]
    assert last["customers"]["logistic"]["roc_auc"] > 0.85 > 0.6 > last["customers"]["dummy"]["roc_auc"]
    rows.iloc[:-1].to_csv(reproduced.root / "data/own/customers.csv", index=False)
    said = reproduced.repro()
    assert "Running stage 'ingest@customers'" in said
    assert "Stage 'ingest@mnist1d' didn't change, skipping" in said


def test_a_dataset_that_is_removed_leaves_nothing_that_another_clone_lacks(changed, reproduced):
    replace(reproduced.root / "params.yaml", ", customers", "")
    reproduced.repro()
    assert reproduced.stale() == set()
    for folder in ("features", "trials"):
        assert {path.name for path in (reproduced.root / "data" / folder).iterdir()} == {"mnist1d"}
    assert (reproduced.root / "data/store/customers").is_dir()


def test_an_unknown_dataset_stops_before_any_compute(reproduced):
    params = reproduced.root / "params.yaml"
    original = params.read_text()
    params.write_text(original.replace("[mnist1d", "[mnist1e"))
    result = reproduced.run(DVC, "repro")
    params.write_text(original)
    assert result.returncode != 0
    assert "there is no dataset 'mnist1e', did you mean 'mnist1d'" in result.stderr
    assert "Running stage 'ingest" not in result.stdout
    assert "Traceback" not in result.stderr
