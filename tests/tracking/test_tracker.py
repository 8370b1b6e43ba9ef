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
    anchor_metrics,
    artifact_location,
    chart_pages,
    connect,
    environment,
    first_line,
    log_report,
    make_tracker,
    safe_uri,
    send_curve,
    shown_config,
)

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
    assert dict(history(curve.info.run_id, "loss")) == pytest.approx(means.to_dict())
    assert {s for s, _ in history(curve.info.run_id, "fit_seconds")} == {32, 64, 128}
    assert {"loss_lo", "loss_hi", "score", "fit_seconds_hi", "metric_log_loss"} <= set(curve.data.metrics)
    assert curve.info.status == "FINISHED"
    assert curve.data.tags["family"] == "linear"
    assert curve.data.tags["data_version"]
    assert curve.data.params["C"] == "1.0"


def test_the_page_of_the_curves_is_known_where_there_are_runs(project):
    run()
    number = client().get_experiment_by_name("mnist1d").experiment_id
    client().create_experiment("empty")
    page = f"http://127.0.0.1:5000/#/experiments/{number}/runs?compareRunsMode=CHART"
    assert chart_pages(compose().tracking, "http://127.0.0.1:5000") == {"mnist1d": page}


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


def test_a_distribution_without_a_description_is_named_too(tmp_path, monkeypatch):
    (tmp_path / "half_gone-1.2.dist-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    environment.cache_clear()
    assert environment()["distributions"]["half_gone"] == "1.2"
    environment.cache_clear()


def test_a_second_run_doubles_nothing_and_new_anchors_join_the_same_run(project):
    run()
    run()
    run("anchors.stop=256")
    (curve,) = runs()
    for metric in ("loss", "loss_lo", "fit_seconds"):
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
    assert sorted(s for s, _ in history(curve.info.run_id, "loss")) == [32, 64, 128]


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
    assert sorted(s for s, _ in history(curve.info.run_id, "loss")) == [32, 128]
    assert curve.data.tags["failed_trials"] == "1"
    assert curve.info.status == "FAILED"


def test_a_report_is_logged_once(project, tmp_path):
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "index.html").write_text("<p>report</p>")
    for _ in range(2):
        log_report(compose().tracking, reports, {"sweep.efficiency": 0.8}, "abc")
    found = client().search_runs([client().get_experiment_by_name("report").experiment_id])
    assert len(found) == 1
    assert history(found[0].info.run_id, "sweep.efficiency") == [(0, 0.8)]
    assert [a.path for a in client().list_artifacts(found[0].info.run_id)] == ["index.html"]


def test_track_sends_the_report_too(project, tmp_path, monkeypatch, caplog):
    paths.REPORTS.mkdir(parents=True)
    for name, text in {"trials.parquet": "t", "verdicts.json": "[]", "index.html": "<p>report</p>"}.items():
        (paths.REPORTS / name).write_text(text)
    with caplog.at_level(logging.INFO):
        catch_up.catch_up()
    assert client().get_experiment_by_name("report") is None, "metrics.json is not there yet"
    (paths.REPORTS / "metrics.json").write_text('{"sweep": {"efficiency": 0.5}, "verdict": {"a": "yes"}}')
    for _ in range(2):
        catch_up.catch_up()
    (found,) = client().search_runs([client().get_experiment_by_name("report").experiment_id])
    assert found.data.metrics == {"sweep.efficiency": 0.5}
    assert "index.html" in [artifact.path for artifact in client().list_artifacts(found.info.run_id)]


def test_a_deleted_experiment_is_restored_with_its_runs(project, caplog):
    run()
    client().delete_experiment(client().get_experiment_by_name("mnist1d").experiment_id)
    with caplog.at_level(logging.WARNING):
        run("anchors.stop=256")
    assert "the experiment 'mnist1d' was deleted in MLflow; it is restored" in caplog.text
    assert "cannot be written" not in caplog.text
    (curve,) = runs()
    assert sorted(s for s, _ in history(curve.info.run_id, "loss")) == [32, 64, 128, 256]


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


def test_the_intervals_are_students_t_corrected_for_the_common_pool():
    results = [{"loss": loss, "fit_seconds": loss, "n_test": 5} for loss in (0.1, 0.2, 0.3)]
    found = anchor_metrics(results, n_pool=20)
    plain = 4.302653 * 0.1 / 3**0.5
    assert found["loss"] == pytest.approx(0.2)
    assert found["fit_seconds_hi"] - 0.2 == pytest.approx(plain, rel=1e-5)
    assert found["loss_hi"] - 0.2 == pytest.approx(plain * (1 + 3 * 5 / 20) ** 0.5, rel=1e-5)
    assert "n_test" not in found


def test_going_back_to_a_setting_makes_its_run_the_current_one_again(project):
    run()
    run("model.hyperparameters.C=2.0")
    run()
    current = {r.data.params["C"]: r.data.tags["current"] for r in runs()}
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


def test_the_ui_names_a_database_that_is_away_without_its_password():
    with pytest.raises(FuelgaugeError, match="cannot be read") as raised:
        chart_pages(TrackingConfig(uri="http://me:secret@127.0.0.1:9"), "http://127.0.0.1:5000")
    assert "secret" not in str(raised.value)
