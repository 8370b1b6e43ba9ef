import json
import logging
import os
import threading
from importlib import metadata

import pytest
from packaging.utils import canonicalize_name

from fuelgauge import paths
from fuelgauge.config.compose import compose
from fuelgauge.errors import FuelgaugeError
from fuelgauge.spec.params import TrackingConfig
from fuelgauge.sweep.grid import plan_curve
from fuelgauge.sweep.runner import run_curve
from fuelgauge.sweep.store import read_store, store_path
from fuelgauge.tracking import catch_up
from fuelgauge.tracking.tracker import (
    CurveRun,
    artifact_location,
    colour_of,
    connect,
    environment,
    first_line,
    make_tracker,
    safe_uri,
    send_curve,
    shown_config,
)

VIEWS = ("curves", "leaderboard")
AWAY = "http://127.0.0.1:9"


def run(*overrides: str):
    return run_curve(compose("dataset=mnist1d", "model=logistic", *overrides), make_tracker)


def client():
    return connect(compose().tracking)


def runs(model: str = "logistic"):
    found = client().search_runs([client().get_experiment_by_name("mnist1d").experiment_id])
    return [r for r in found if r.data.tags["model"] == model]


def history(run_id: str, metric: str):
    return [(p.step, p.value) for p in client().get_metric_history(run_id, metric)]


def test_a_curve_is_one_run_with_a_step_an_anchor(project):
    table = run()
    (curve,) = runs()
    means = table.groupby("n_train")["loss"].mean()
    assert dict(history(curve.info.run_id, "curve/loss")) == pytest.approx(means.to_dict())
    assert {s for s, _ in history(curve.info.run_id, "curve/seconds")} == {32, 64, 128}
    expected = {"curve/score", "detail/loss_lo", "detail/metric_log_loss", "detail/cost/fit_seconds_hi"}
    assert expected <= set(curve.data.metrics)
    assert {"loss", "score", "seconds", "loss_vs_constant", "loss_exponent"} <= set(curve.data.metrics)
    assert curve.info.status == "FINISHED"
    assert curve.data.tags["family"] == "linear"
    assert curve.data.tags["data_version"]
    assert curve.data.params["hp/C"] == "1.0"


def test_the_summary_is_that_of_the_largest_anchor_and_follows_it(project):
    for stop in (128, 256):
        table = run(f"anchors.stop={stop}")
    last = table[table["n_train"] == 256]
    (curve,) = runs()
    shown = curve.data.metrics
    assert shown["n_train"] == 256
    assert shown["loss"] == pytest.approx(last["loss"].mean(), rel=1e-3)
    assert shown["loss_vs_constant"] == pytest.approx(
        last["loss"].mean() / last["constant_loss"].mean(), rel=1e-3
    )
    assert len(history(curve.info.run_id, "n_train")) == 2
    run("anchors.stop=256")
    assert len(history(curve.info.run_id, "n_train")) == 2, "a summary that has not changed is not logged"


def test_parameters_that_runs_have_in_common_come_first(project):
    run()
    (curve,) = runs()
    names = sorted(curve.data.params)
    assert names[:5] == ["contestant", "dataset", "family", "features", "group"]
    assert curve.data.params["model"] == "logistic"
    assert curve.data.params["run/anchors"] == "32 x 2"


def test_the_experiment_has_views_of_current_runs(project):
    run()
    tags = client().get_experiment_by_name("mnist1d").tags
    views = {key: json.loads(json.loads(tags[f"mlflow.sharedViewState.{key}"])["state"]) for key in VIEWS}
    assert {view["searchFilter"] for view in views.values()} == {'tags.current = "true"'}
    charts = views["curves"]["compareRunCharts"]
    assert [chart["metricKey"] for chart in charts[:3]] == ["curve/loss", "curve/score", "curve/seconds"]
    (curve,) = runs()
    assert {chart["metricKey"] for chart in charts} <= set(curve.data.metrics)
    columns = {column.split(".", 1)[1].strip("`") for column in views["leaderboard"]["selectedColumns"]}
    known = {*curve.data.metrics, *curve.data.params}
    assert columns - known <= {"rows_vs_best_rival", "best_rival", "loss_exponent", "seconds_exponent"}


def test_models_have_different_colours():
    assert colour_of("xgboost", "trees") != colour_of("mlp", "deep")
    assert colour_of("dummy", "baseline") == colour_of("not_in_conf", "deep")


def test_configuration_and_environment_are_artifacts(project):
    run()
    (curve,) = runs()
    folder = paths.ROOT / "mlartifacts/mnist1d" / curve.info.run_id / "artifacts"
    assert "logistic" in (folder / "config.yaml").read_text()
    assert "mlflow" in json.loads((folder / "environment.json").read_text())["distributions"]


def test_the_environment_names_every_distribution_with_its_version():
    shown = {canonicalize_name(name): version for name, version in environment()["distributions"].items()}
    for distribution in metadata.distributions():
        assert shown[canonicalize_name(distribution.metadata["Name"])] == distribution.version


@pytest.mark.parametrize("folder", ["dist-info", "egg-info"])
def test_a_distribution_without_a_description_is_named_too(tmp_path, monkeypatch, folder):
    (tmp_path / f"half_gone-1.2.{folder}").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    environment.cache_clear()
    assert environment()["distributions"]["half_gone"] == "1.2"
    (tmp_path / f"with_python-3.4-py3.11.{folder}").mkdir()
    environment.cache_clear()
    assert environment()["distributions"]["with_python"] == "3.4"
    environment.cache_clear()


def test_a_second_run_doubles_nothing_and_new_anchors_join_the_same_run(project):
    run()
    run()
    run("anchors.stop=256")
    (curve,) = runs()
    for metric in ("curve/loss", "detail/loss_lo", "curve/seconds"):
        assert sorted(s for s, _ in history(curve.info.run_id, metric)) == [32, 64, 128, 256]


def test_a_changed_model_is_a_new_run_and_the_old_one_is_superseded(project):
    run()
    run("model.hyperparameters.C=2.0")
    assert sorted(r.data.tags["current"] for r in runs()) == ["false", "true"]


def test_a_server_that_is_away_stops_nothing_and_can_be_caught_up(project, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", AWAY)
    with caplog.at_level(logging.WARNING):
        table = run()
    assert (table["status"] == "done").all()
    assert f"MLflow at {AWAY} cannot be written" in caplog.text
    assert "the sweep continues, send the missing data later with: fuelgauge track" in caplog.text
    with pytest.raises(
        FuelgaugeError,
        match=rf"MLflow at {AWAY} cannot be written \(\w+: .+\); fix the server or conf/tracking, then run",
    ):
        catch_up.catch_up()

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/back.db")
    catch_up.catch_up()
    catch_up.catch_up()
    (curve,) = runs()
    assert sorted(s for s, _ in history(curve.info.run_id, "curve/loss")) == [32, 64, 128]


def test_a_curve_without_a_trial_of_the_present_settings_makes_no_run(project, caplog):
    run()
    other = compose("dataset=mnist1d", "model=logistic", "seed=1")
    with caplog.at_level(logging.INFO):
        catch_up.send(other)
    assert "has no trials with the current settings" in caplog.text
    (curve,) = runs()
    assert curve.data.tags["current"] == "true"


def test_a_curve_that_was_stopped_is_not_called_finished(project):
    config = compose("dataset=mnist1d", "model=logistic")
    run()
    plan = plan_curve(config)
    ended = plan.ended(read_store(store_path("mnist1d", "logistic"))[0])
    send_curve(config, plan, ended[:-1])
    assert [curve.info.status for curve in runs()] == ["KILLED"]
    send_curve(config, plan, ended)
    assert [curve.info.status for curve in runs()] == ["FINISHED"]


def test_a_summary_does_not_depend_on_the_order_in_which_trials_ended(project):
    run()
    config = compose("dataset=mnist1d", "model=logistic")
    plan = plan_curve(config)
    ended = plan.ended(read_store(store_path("mnist1d", "logistic"))[0])
    largest = max(record["n_train"] for record in ended)
    others = [record for record in ended if record["n_train"] != largest]
    send_curve(config, plan, [*reversed(others), *(r for r in ended if r["n_train"] == largest)])
    (curve,) = runs()
    doubled = [name for name in curve.data.metrics if len(history(curve.info.run_id, name)) > 1]
    assert {name for name in doubled if "/" not in name} == set()


def test_an_anchor_with_a_failed_repeat_is_held_back(project, tmp_path, monkeypatch):
    from fuelgauge.sweep.store import TrialStore, store_path

    run()
    path = store_path("mnist1d", "logistic")
    with TrialStore(path) as store:
        victim = next(r for r in store.records.values() if r["n_train"] == 64)
        store.append(
            {**victim, "status": "failed", "result": {}, "failure": {"kind": "error", "message": "x"}}
        )
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/other.db")
    run()
    (curve,) = runs()
    assert sorted(s for s, _ in history(curve.info.run_id, "curve/loss")) == [32, 128]
    assert curve.data.tags["failed_trials"] == "1"
    assert curve.info.status == "FAILED"


def test_a_deleted_experiment_is_restored_with_its_runs(project, caplog):
    run()
    client().delete_experiment(client().get_experiment_by_name("mnist1d").experiment_id)
    with caplog.at_level(logging.WARNING):
        run("anchors.stop=256")
    assert "the experiment 'mnist1d' was deleted in MLflow; it is restored" in caplog.text
    assert "cannot be written" not in caplog.text
    (curve,) = runs()
    assert sorted(s for s, _ in history(curve.info.run_id, "curve/loss")) == [32, 64, 128, 256]


def test_one_run_is_current_though_several_experiments_run_at_once(project):
    configs = [
        compose("dataset=mnist1d", "model=logistic", f"model.hyperparameters.C={c}") for c in (1, 2, 3, 4)
    ]
    opened = [CurveRun(config, plan_curve(config)) for config in configs]
    threads = [threading.Thread(target=curve.make_current) for curve in opened for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(r.data.tags["current"] for r in runs()) == ["false", "false", "false", "true"]


def test_a_database_whose_making_was_killed_is_made_anew(project, tmp_path):
    (tmp_path / "mlflow.db").unlink()
    (tmp_path / ".mlflow.db.99999999.partial").write_bytes(b"half a database")
    run()
    assert len(runs()) == 1
    assert not (tmp_path / ".mlflow.db.99999999.partial").exists()


def test_going_back_to_a_setting_makes_its_run_the_current_one_again(project):
    run()
    run("model.hyperparameters.C=2.0")
    run()
    current = {r.data.params["hp/C"]: r.data.tags["current"] for r in runs()}
    assert current == {"1.0": "true", "2.0": "false"}


def test_a_run_that_was_killed_at_its_birth_is_completed(project):
    run()
    (curve,) = runs()
    client().delete_tag(curve.info.run_id, "fuelgauge.described")
    (paths.ROOT / "mlartifacts/mnist1d" / curve.info.run_id / "artifacts/config.yaml").unlink()
    run()
    assert (paths.ROOT / "mlartifacts/mnist1d" / curve.info.run_id / "artifacts/config.yaml").exists()


def test_no_password_reaches_a_log_or_an_artifact(project, monkeypatch, caplog):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@127.0.0.1:9")
    with caplog.at_level(logging.WARNING):
        run()
    assert "cannot be written" in caplog.text
    assert "secret" not in caplog.text
    assert "secret" not in str(shown_config(compose()))


def test_a_server_keeps_the_artifacts_itself():
    beside = TrackingConfig(uri="sqlite:////a/mlflow.db", artifact_location="/a/mlartifacts")
    assert artifact_location(beside, "letter") == "file:///a/mlartifacts/letter"
    server = TrackingConfig(uri="http://host:5000", artifact_location="/a/mlartifacts")
    assert artifact_location(server, "letter") is None


def test_no_password_is_left_in_a_uri():
    assert safe_uri("https://user:secret@host:5/x") == "https://host:5/x"
    assert safe_uri("sqlite:////a/b.db") == "sqlite:////a/b.db"
    assert safe_uri("postgresql://u:p@q@host/db?sslmode=on") == "postgresql://host/db?sslmode=on"
    assert (
        safe_uri("postgresql://host/db?user=u&password=p4&a=1")
        == "postgresql://host/db?user=u&password=***&a=1"
    )
    assert safe_uri("https://host/a@b") == "https://host/a@b"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http://me:s3cr%40t@host:5", "API request to http://me:s3cr%40t@host:5/api failed"),
        ("http://me:s3cr%40t@host:5", "refused for me:s3cr@t"),
        ("postgresql://me:s3cr%40t@host/db", "password s3cr@t of me is wrong"),
        ("postgresql://host/db?password=s3cr%40t", "cannot open host/db?password=s3cr%40t"),
    ],
)
def test_no_password_is_left_in_an_error(uri, said):
    shown = first_line(RuntimeError(said), uri)
    assert "s3cr" not in shown
    assert shown


def test_mlflow_prints_no_address_when_a_run_ends(project, monkeypatch, capsys):
    monkeypatch.delenv("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", raising=False)
    run()
    assert os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] == "true"
    assert "View run" not in capsys.readouterr().out
