import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from fuelgauge import paths
from fuelgauge.entry import compose
from fuelgauge.errors import TrialsFailed
from fuelgauge.sweep.runner import pending, run_curve
from fuelgauge.sweep.status import curve_state, forget_failures
from fuelgauge.sweep.store import TrialStore, read_store, store_path
from fuelgauge.sweep.table import COLUMNS, read_tables
from fuelgauge.tracking import NoTracker

from ..conftest import replace

RESULTS = [
    "trial_id",
    "n_train",
    "repeat",
    "status",
    "loss",
    "score",
    "val_loss",
    "metric_log_loss",
    "n_steps",
]


def run(*overrides: str) -> pd.DataFrame | None:
    config = compose("dataset=mnist1d", "tracking=none", *overrides)
    return run_curve(config, lambda *_: NoTracker())


def test_a_curve_is_the_documented_table(project):
    table = run("model=logistic")
    assert list(table.columns[: len(COLUMNS)]) == COLUMNS
    assert len(table) == 6
    assert (table["status"] == "done").all()
    assert table["loss"].between(0, 1).all()
    assert (table["score"] + table["loss"]).to_numpy() == pytest.approx(1)
    assert (table["n_test"] == 150).all()
    assert (table["n_pool"] == 850).all()
    assert table.equals(read_tables())


def test_what_is_done_is_not_run_again(project, caplog):
    first = run("model=dummy")
    with caplog.at_level("INFO"):
        again = run("model=dummy", "anchors.stop=256")
    assert "2 trials to run, 6 done" in caplog.text
    pd.testing.assert_frame_equal(first, again.iloc[:6])


def test_the_longest_trials_run_first(project):
    from fuelgauge.sweep.grid import plan_curve

    config = compose("dataset=mnist1d", "model=dummy")
    with TrialStore(store_path("mnist1d", "dummy")) as store:
        order = [t.n_train for t in pending(plan_curve(config), store)]
    assert order == sorted(order, reverse=True)


def test_a_model_that_does_not_fit_is_not_run(project, caplog):
    with caplog.at_level("INFO"):
        assert run_curve(compose("dataset=letter", "model=cnn1d", "tracking=none"), NoTracker) is None
    assert "not run: cnn1d takes sequence data, letter is tabular" in caplog.text


def test_failed_trials_are_typed_kept_and_retried_only_when_asked(project):
    bad = ("model=logistic", "model.hyperparameters.C=-1.0")
    with pytest.raises(TrialsFailed, match=r"6 trial\(s\) of mnist1d/logistic failed.*fuelgauge retry"):
        run(*bad)
    records = read_store(store_path("mnist1d", "logistic"))[0].values()
    assert {r["failure"]["kind"] for r in records} == {"exception"}
    assert all("InvalidParameterError" in r["failure"]["traceback"] for r in records)

    table = run(*bad)  # goes on without them, and does not fail again
    assert (table["status"] == "failed").all()
    assert table["loss"].isna().all()
    assert table["reason"].str.startswith("exception: InvalidParameterError").all()
    state = curve_state(compose("dataset=mnist1d", *bad))
    assert (state.failed, state.waiting, len(state.failures)) == (6, [], 6)

    assert forget_failures() == 6
    with pytest.raises(TrialsFailed):
        run(*bad)


def test_a_trial_over_its_time_fails_alone(project):
    with pytest.raises(TrialsFailed, match="took longer than 0.001 seconds"):
        run("model=mlp", "repeats=1", "executor.trial_seconds=0.001")


def train(root: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "pipelines/train.py", *overrides]
    environment = {**os.environ, "FUELGAUGE_ROOT": str(root)}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def test_a_multirun_goes_on_after_a_failed_curve_and_ends_with_exit_code_1(project):
    replace(project / "conf/model/logistic.yaml", "C: 1.0", "C: -1.0")
    try:
        result = train(project, "-m", "dataset=mnist1d", "model=logistic,dummy", "tracking=none", "repeats=1")
    finally:
        replace(project / "conf/model/logistic.yaml", "C: -1.0", "C: 1.0")
    assert result.returncode == 1
    assert result.stderr.count("fuelgauge: 3 trial(s) of mnist1d/logistic failed") == 1
    assert "Traceback" not in result.stderr
    assert (pd.read_parquet(paths.TRIALS / "mnist1d" / "dummy.parquet")["status"] == "done").all()


def test_a_dataset_that_is_not_featurized_is_one_sentence(project):
    result = train(project, "dataset=letter", "model=dummy", "tracking=none")
    assert result.returncode == 1
    assert "letter/raw.arrow does not exist; make it with: dvc repro featurize@letter" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (paths.TRIALS / "letter").exists()
