import json
import logging

import numpy as np
import pandas as pd
import pytest

from fuelgauge import paths
from fuelgauge.config.compose import compose
from fuelgauge.errors import FuelgaugeError
from fuelgauge.spec.params import TrackingConfig
from fuelgauge.sweep.runner import run_curve
from fuelgauge.tracking import catch_up
from fuelgauge.tracking.overview import best_rivals, claim_sizes, has_report, pages, send_report
from fuelgauge.tracking.tracker import connect, make_tracker

UI = "http://127.0.0.1:5000"


def client():
    return connect(compose().tracking)


def runs_of(experiment: str):
    return client().search_runs([client().get_experiment_by_name(experiment).experiment_id])


def verdict(effect, **more):
    pair = {"claim": "data", "modality": "all", "family_a": "large deep", "family_b": "boosted"}
    return {
        "level": "overall",
        "verdict": "undecided",
        "effect": effect,
        "lo": None,
        "hi": 3.5,
        **pair,
        **more,
    }


def pair(a: str, b: str, n: int, loss_ratio: float, rows: float = np.nan, censored: str = "") -> dict:
    return {
        "dataset": "mnist1d", "level": "model", "model_a": a, "model_b": b, "n": n, "loss_ratio": loss_ratio,
        "der_median": rows, "der_median_censored": censored,
    }  # fmt: skip


@pytest.fixture
def report(project):
    paths.REPORTS.mkdir(parents=True)
    trials = {"dataset": ["mnist1d"] * 2, "model": ["mlp"] * 2, "n_train": [32, 64], "repeat": [0, 0]}
    pd.DataFrame(trials).to_parquet(paths.REPORTS / "trials.parquet")
    (paths.REPORTS / "verdicts.json").write_text(json.dumps([verdict(1.5)]))
    (paths.REPORTS / "metrics.json").write_text('{"sweep": {"efficiency": 0.5}, "verdict": {"a": "yes"}}')
    (paths.REPORTS / "index.html").write_text("<p>report</p>")
    return paths.REPORTS


def test_an_evaluation_is_one_run_with_the_sizes_of_its_claims(report):
    for _ in range(2):
        send_report(compose().tracking, report)
    (found,) = runs_of("overview")
    sizes = {"data/large_deep_vs_boosted": 1.5, "data/large_deep_vs_boosted_hi": 3.5, "sweep/efficiency": 0.5}
    assert found.data.metrics == sizes
    assert found.data.params["answer/data/large_deep_vs_boosted"] == "undecided"
    assert found.data.params["rows"] == "32 to 64"
    assert "index.html" in [artifact.path for artifact in client().list_artifacts(found.info.run_id)]


def test_a_further_evaluation_is_a_further_run(report):
    send_report(compose().tracking, report)
    (report / "verdicts.json").write_text(json.dumps([verdict(1.2, verdict="supported")]))
    send_report(compose().tracking, report)
    assert sorted(run.data.metrics["data/large_deep_vs_boosted"] for run in runs_of("overview")) == [1.2, 1.5]


def test_only_verdicts_over_datasets_have_sizes(tmp_path):
    path = tmp_path / "verdicts.json"
    rows = [verdict(None), verdict(2.0, modality="tabular"), {"level": "dataset", "effect": 9.0}]
    path.write_text(json.dumps(rows))
    assert claim_sizes(path) == {
        "data/large_deep_vs_boosted_hi": 3.5,
        "data/tabular/large_deep_vs_boosted": 2.0,
        "data/tabular/large_deep_vs_boosted_hi": 3.5,
    }


def test_track_sends_the_report_too(report, caplog):
    (report / "metrics.json").rename(report / "later.json")
    assert not has_report(report)
    catch_up.catch_up()
    assert client().get_experiment_by_name("overview") is None
    (report / "later.json").rename(report / "metrics.json")
    with caplog.at_level(logging.INFO):
        catch_up.catch_up()
    assert len(runs_of("overview")) == 1
    assert f"overview         {UI}/#/experiments/" in caplog.text


def test_the_best_rival_has_the_lowest_loss_at_the_largest_size_that_both_have():
    pairs = pd.DataFrame(
        [
            pair("mlp", "logistic", 64, 9.0),
            pair("mlp", "logistic", 128, 1.1, 1.5),
            pair("mlp", "xgboost", 128, 2.0, 3.0),
            pair("xgboost", "logistic", 128, 0.55, 0.4),
            pair("xgboost", "mlp", 128, 0.5, 0.3),
            pair("logistic", "xgboost", 128, 1.8, 4.0, "above"),
        ]
    )
    assert list(best_rivals(pairs)) == [
        ("logistic", "xgboost", None),
        ("mlp", "xgboost", 3.0),
        ("xgboost", "logistic", 0.4),
    ]
    assert list(best_rivals(pairs.assign(loss_ratio=np.nan))) == []


def test_a_run_is_told_the_rows_against_its_best_rival(report):
    run_curve(compose("dataset=mnist1d", "model=logistic"), make_tracker)
    pd.DataFrame([pair("logistic", "xgboost", 128, 2.0, 3.0)]).to_parquet(report / "pairs.parquet")
    for _ in range(2):
        send_report(compose().tracking, report)
    (run,) = runs_of("mnist1d")
    assert run.data.tags["best_rival"] == "xgboost"
    assert run.data.metrics["rows_vs_best_rival"] == 3.0
    assert len(client().get_metric_history(run.info.run_id, "rows_vs_best_rival")) == 1


def test_pages_are_those_of_our_experiments_with_runs(report):
    run_curve(compose("dataset=mnist1d", "model=dummy"), make_tracker)
    send_report(compose().tracking, report)
    foreign = client().create_experiment("foreign")
    client().create_run(foreign)
    client().create_experiment("empty")
    found = pages(compose().tracking, UI)
    assert list(found) == ["overview", "mnist1d"]
    number = client().get_experiment_by_name("mnist1d").experiment_id
    assert found["mnist1d"].startswith(f"{UI}/#/experiments/{number}/runs?compareRunsMode=CHART")


def test_the_ui_names_a_database_that_is_away_without_its_password():
    with pytest.raises(FuelgaugeError, match="cannot be read") as raised:
        pages(TrackingConfig(uri="http://me:secret@127.0.0.1:9"), UI)
    assert "secret" not in str(raised.value)
