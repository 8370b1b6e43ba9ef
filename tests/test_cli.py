import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from fuelgauge import cli, paths
from fuelgauge.config.compose import compose
from fuelgauge.sweep.runner import run_curve
from fuelgauge.tracking.tracker import NoTracker


def run(*arguments: str) -> None:
    cli.main(list(arguments))


def made_up_table() -> pd.DataFrame:
    """Return power laws in which trees win below about 8,000 rows and the net catches up."""
    rng = np.random.default_rng(0)
    rows = [
        (f"d{d}", model, family, n, repeat, scale * n**-slope * float(np.exp(0.02 * rng.normal())))
        for d in range(3)
        for model, family, scale, slope in [("net", "deep", 6.0, 0.5), ("tree", "trees", 1.0, 0.3)]
        for n in 2 ** np.arange(5, 13)
        for repeat in range(5)
    ]
    return pd.DataFrame(rows, columns=["dataset", "model", "family", "n_train", "repeat", "loss"])


def test_analyze_evaluates_the_claims_on_any_table(tmp_path, capsys):
    made_up_table().to_csv(tmp_path / "mine.csv", index=False)
    run("analyze", str(tmp_path / "mine.csv"), "--out", str(tmp_path / "out"), "--claims", "data")
    said = capsys.readouterr().out
    assert "Too few datasets for a verdict across datasets" in said
    assert "trees" in said and "too few datasets" in said
    assert "net" in (tmp_path / "out" / "index.html").read_text()
    assert {v["claim"] for v in json.loads((tmp_path / "out" / "verdicts.json").read_text())} == {"data"}


def test_analyze_refuses_a_bad_table_in_one_sentence(tmp_path, capsys):
    made_up_table().drop(columns="loss").to_csv(tmp_path / "mine.csv", index=False)
    with pytest.raises(SystemExit) as ended:
        run("analyze", str(tmp_path / "mine.csv"), "--out", str(tmp_path / "out"))
    assert "mine.csv" in str(ended.value)
    assert "loss" in str(ended.value)


def test_the_verdict_before_any_run_names_the_command_that_makes_one(project):
    with pytest.raises(SystemExit, match="verdicts.json does not exist; make it with: make repro"):
        run("verdict")


def test_the_verdict_names_report_and_ui(project, capsys):
    paths.REPORTS.mkdir(exist_ok=True)
    verdict = {
        "claim": "data",
        "level": "overall",
        "modality": "all",
        "verdict": "undecided",
        "sentence": "It is.",
    }
    (paths.REPORTS / "verdicts.json").write_text(json.dumps([verdict]))
    run("verdict", "--all")
    said = capsys.readouterr().out
    assert "UNDECIDED  It is." in said
    assert str(paths.REPORTS / "index.html") in said
    assert "make ui" in said


def test_a_table_of_one_dataset_is_answered_about_that_dataset(tmp_path, capsys):
    table = made_up_table()
    table[table["dataset"] == "d0"].to_csv(tmp_path / "mine.csv", index=False)
    run("analyze", str(tmp_path / "mine.csv"), "--out", str(tmp_path / "out"), "--claims", "data")
    said = capsys.readouterr().out
    assert "SUPPORTED  On d0, deep models need more data than tree models" in said


def test_the_verdicts_on_one_dataset_can_be_asked_for(project, capsys):
    paths.REPORTS.mkdir(exist_ok=True)
    on = {"claim": "data", "level": "dataset", "modality": "all", "verdict": "refuted", "sentence": "No."}
    (paths.REPORTS / "verdicts.json").write_text(json.dumps([on | {"dataset": "letter"}]))
    run("verdict", "letter")
    assert "REFUTED    No." in capsys.readouterr().out
    with pytest.raises(SystemExit, match="no verdict on the dataset 'leter', did you mean 'letter'"):
        run("verdict", "leter")


def test_status_counts_and_retry_without_failures(project, capsys):
    run_curve(compose("dataset=mnist1d", "model=dummy", "tracking=none"), lambda *_: NoTracker())
    run("status")
    assert "dummy" in capsys.readouterr().out
    run("plan")
    said = capsys.readouterr().out
    assert "12 trials to run" in said  # logistic and mlp, six each
    assert "12 trials have no time estimate, because no similar trial was ever run" in said
    run("retry")
    assert "0 failed trial(s)" in capsys.readouterr().out


def test_an_unknown_command_ends_with_exit_code_2():
    result = subprocess.run(
        [sys.executable, "-m", "fuelgauge.cli", "nope"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "invalid choice: 'nope'" in result.stderr


def test_a_reader_that_stops_early_is_not_an_error(tmp_path):
    verdict = {"verdict": "undecided", "level": "overall", "modality": "all", "sentence": "Who knows? " * 20}
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "verdicts.json").write_text(json.dumps([verdict] * 5000))
    result = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m fuelgauge.cli verdict --all | head -n 1"],
        env={**os.environ, "FUELGAUGE_ROOT": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout.count("Who knows?") == 20
    assert result.stderr == ""
