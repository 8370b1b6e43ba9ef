import json
import sys
import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from mlflow.entities.model_registry import ModelVersion

from fuelgauge import paths
from fuelgauge.config.compose import compose
from fuelgauge.data.dataset import ROW
from fuelgauge.data.duplicates import row_hashes
from fuelgauge.errors import ConfigError, DataError
from fuelgauge.models.base import Model
from fuelgauge.months._new_month import Registered
from fuelgauge.registry import _stage as stage
from fuelgauge.registry import heldout, package, register
from fuelgauge.registry.heldout import HeldOut, hashed_columns
from fuelgauge.registry.package import RefusedModelError
from fuelgauge.registry.versions import (
    CHALLENGER,
    CHAMPION,
    IDENTITY,
    REASON,
    SHA256,
    Registry,
    RegistryError,
)
from tests.registry.made_trials import write_trials

SMALL = ("dataset=mnist1d", "registry.resamples=100")


@pytest.fixture(autouse=True)
def small_project(project):
    write_trials({"logistic": 0.5, "dummy": 0.9})


def registry() -> Registry:
    return Registry(compose().tracking)


def versions() -> list[str]:
    return sorted(str(v.version) for v in registry().client.search_model_versions("name = 'mnist1d'"))


def best(model: str) -> None:
    write_trials({"logistic": 0.5, "dummy": 0.9, "mlp": 0.8, model: 0.1})


def test_the_first_contestant_becomes_champion_and_a_second_run_changes_nothing(caplog):
    first = register(compose(*SMALL))
    assert (first.version, first.contestant, first.promoted) == ("1", "logistic", True)
    assert first.reason == "there was no champion"
    assert (first.n_train, first.n_test) == (850, 150)
    assert first.metrics["accuracy"].lo < first.metrics["accuracy"].value < first.metrics["accuracy"].hi
    reports = paths.REPORTS / "champions"
    before = [(reports / f"mnist1d{suffix}").read_text() for suffix in (".json", ".md")]
    assert register(compose(*SMALL)) == first
    assert [(reports / f"mnist1d{suffix}").read_text() for suffix in (".json", ".md")] == before
    assert versions() == ["1"]
    assert json.loads(before[0])["contestant"] == "logistic"
    assert "registry" not in caplog.text


def test_a_version_records_its_curve_costs_settings_and_card():
    register(compose(*SMALL))
    kept = registry()
    champion = kept.champion("mnist1d")
    run = kept.client.get_run(champion.run_id)
    history = kept.client.get_metric_history(champion.run_id, "loss")
    assert sorted(point.step for point in history) == [32, 64, 128]
    assert run.data.metrics["final_n_train"] == 850
    assert {"final_fit_seconds", "final_peak_memory_mb"} <= set(run.data.metrics)
    assert run.data.params["C"] == "1.0"
    assert champion.tags[REASON] == "there was no champion"
    assert {a.path for a in kept.client.list_artifacts(champion.run_id)} >= {"model_card.md"}
    card = (paths.REPORTS / "champions/mnist1d.md").read_text()
    for part in ("## Data", "## Calibration", "## Cost", "**extrapolation**", "10 x, 8,500", "## Limits"):
        assert part in card


def test_no_pickle_and_no_code_is_in_the_store(tmp_path):
    register(compose(*SMALL))
    kept = registry()
    folder = kept.fetch(kept.champion("mnist1d"), tmp_path)
    names = {path.name for path in folder.rglob("*")}
    assert {"MLmodel", "requirements.txt", "state.skops", "input_example.json"} <= names
    assert not any(name.endswith((".pkl", ".py", ".pickle", ".joblib")) for name in names)
    assert "scikit-learn==" in (folder / "requirements.txt").read_text()


def test_a_clearly_better_contestant_takes_over_and_a_worse_one_does_not():
    best("dummy")
    assert register(compose(*SMALL)).contestant == "dummy"
    best("logistic")
    better = register(compose(*SMALL))
    assert better.promoted
    assert better.champion == "1"
    assert better.improvement.lo > 0.01
    assert "the challenger lowers the loss of version 1 by" in better.reason
    best("dummy")
    worse = register(compose(*SMALL))
    assert not worse.promoted
    assert worse.version == "1"
    assert "not significantly more than the margin of 1.0%" in worse.reason
    kept = registry()
    assert str(kept.champion("mnist1d").version) == "2"
    assert str(kept.alias("mnist1d", CHALLENGER).version) == "1"
    assert "not significantly more" in kept.alias("mnist1d", CHALLENGER).tags[REASON]
    assert "logistic" in (paths.REPORTS / "champions/mnist1d.md").read_text().splitlines()[0]


@pytest.mark.slow
def test_the_margin_decides():
    best("dummy")
    register(compose(*SMALL))
    best("logistic")
    assert not register(compose(*SMALL, "registry.margin=0.9")).promoted


@pytest.mark.slow
def test_too_few_rows_that_the_champion_has_not_seen_decide_nothing():
    best("dummy")
    register(compose(*SMALL))
    best("logistic")
    found = register(compose(*SMALL, "registry.least_rows=151"))
    assert not found.promoted
    assert "only 150 held-out rows have no identical copy among the rows that" in found.reason
    assert "and a comparison needs 151" in found.reason


def test_rows_that_the_challenger_has_seen_decide_nothing_either(monkeypatch):
    best("dummy")
    register(compose(*SMALL))
    best("logistic")
    honest = stage.sides

    def with_twins(*arguments):
        found = honest(*arguments)
        return replace(found, fitted_on=np.append(found.fitted_on, found.held_out.hashes[:60]))

    monkeypatch.setattr(stage, "sides", with_twins)
    found = register(compose(*SMALL))
    assert not found.promoted
    assert "only 90 held-out rows have no identical copy" in found.reason


def test_a_champion_of_other_columns_is_not_compared_on_rows_that_it_may_have_seen(monkeypatch):
    best("dummy")
    register(compose(*SMALL))
    best("logistic")
    monkeypatch.setattr(stage, "hashed_columns", lambda _: [["x", "string"]])
    found = register(compose(*SMALL))
    assert (found.promoted, found.improvement) == (False, None)
    assert "so the rows that it was fitted on cannot be identified; to promote the challenger" in found.reason
    assert "remove the alias 'champion' from that version" in found.reason
    registry().client.delete_registered_model_alias("mnist1d", CHAMPION)
    assert register(compose(*SMALL)).promoted


def test_a_version_fitted_on_other_columns_is_refused_by_the_drift_report(monkeypatch):
    register(compose(*SMALL))
    assert Registered(compose(*SMALL), "1").knows_its_rows
    monkeypatch.setattr(heldout, "hashed_columns", lambda _: [["x", "string"]])
    with pytest.raises(DataError, match="it was fitted on other columns"):
        Registered(compose(*SMALL), "1").predict(None)


def test_the_recorded_columns_are_those_that_the_hashes_cover(tmp_path):
    register(compose(*SMALL))
    kept = registry()
    raw = pq.read_table(paths.RAW / "mnist1d.parquet")
    columns = package.hashed(kept.fetch(kept.champion("mnist1d"), tmp_path))
    assert columns == hashed_columns(paths.RAW / "mnist1d.parquet")
    hashes = row_hashes(raw.select([name for name, _ in columns]))
    assert np.array_equal(hashes, raw[ROW].to_numpy())


def test_a_package_that_predicts_differently_from_the_fitted_model_is_not_registered(monkeypatch):
    honest = stage.Registration.predict

    def skewed(self, folder, rows: HeldOut):
        return honest(self, folder, rows) + 0.01

    monkeypatch.setattr(stage.Registration, "predict", skewed)
    with pytest.raises(
        RefusedModelError, match="served predictions of logistic differ from those of the fitted model"
    ):
        register(compose(*SMALL))
    assert versions() == []


def test_two_at_once_make_one_version():
    found = []
    threads = [threading.Thread(target=lambda: found.append(register(compose_once))) for _ in range(2)]
    compose_once = compose(*SMALL)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert versions() == ["1"]
    assert found[0] == found[1]


def test_a_run_that_was_killed_before_its_version_is_cleared_away(monkeypatch):
    kept = registry()
    with monkeypatch.context() as killed:
        killed.setattr(Registry, "make_model", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            register(compose(*SMALL))
    assert kept.champion("mnist1d") is None
    register(compose(*SMALL))
    experiment = kept.client.get_experiment_by_name("mnist1d").experiment_id
    runs = kept.client.search_runs([experiment], filter_string=f"tags.`{IDENTITY}` != ''")
    assert [run.info.run_id for run in runs] == [kept.champion("mnist1d").run_id]


def test_files_that_were_changed_or_added_are_refused(tmp_path):
    register(compose(*SMALL))
    kept = registry()
    champion = kept.champion("mnist1d")
    (stored,) = (paths.ROOT / "mlartifacts/mnist1d/models").glob("*/artifacts")
    (stored / "data/answering/model/weights.pkl").write_bytes(b"\x80\x04.")
    with pytest.raises(RefusedModelError, match="holds the file 'data/answering/model/weights.pkl'"):
        kept.fetch(champion, tmp_path / "a")
    (stored / "data/answering/model/weights.pkl").unlink()
    mlmodel = (stored / "MLmodel").read_text()
    (stored / "MLmodel").write_text(mlmodel.replace("fuelgauge.registry.loader", "antigravity"))
    with pytest.raises(RefusedModelError, match="would be loaded by code from outside fuelgauge"):
        kept.fetch(champion, tmp_path / "b")
    (stored / "MLmodel").write_text(mlmodel + "\n")
    with pytest.raises(
        RefusedModelError, match="the files of models:/mnist1d/1 differ from the registered ones"
    ):
        kept.fetch(champion, tmp_path / "c")


def with_loader(loader: str) -> ModelVersion:
    """Write another loader into the champion's MLmodel file, update the checksum, and return the champion."""
    kept = registry()
    champion = kept.champion("mnist1d")
    (stored,) = (paths.ROOT / "mlartifacts/mnist1d/models").glob("*/artifacts")
    content = yaml.safe_load((stored / "MLmodel").read_text())
    content["flavors"]["python_function"]["loader_module"] = loader
    (stored / "MLmodel").write_text(yaml.safe_dump(content))
    kept.client.set_model_version_tag("mnist1d", champion.version, SHA256, package.digest(stored))
    return kept.champion("mnist1d")


def test_a_version_that_names_the_former_loader_still_answers_and_any_other_is_refused(tmp_path, monkeypatch):
    register(compose(*SMALL))
    kept = registry()
    present = package.load(kept.fetch(kept.champion("mnist1d"), tmp_path / "present"))
    monkeypatch.delitem(sys.modules, "fuelgauge.registry.served")
    folder = kept.fetch(with_loader("fuelgauge.registry.served"), tmp_path / "former")
    assert "loader_module: fuelgauge.registry.served\n" in (folder / "MLmodel").read_text()
    former = package.load(folder)
    rows = former.input_example
    pd.testing.assert_frame_equal(former.predict(rows), present.predict(rows))
    for loader in ("antigravity", "mlflow.sklearn", "fuelgauge.registry.package", "fuelgauge.registry", ""):
        with pytest.raises(RefusedModelError, match="would be loaded by code from outside fuelgauge"):
            kept.fetch(with_loader(loader), tmp_path / f"other {loader}")


def test_a_version_that_no_register_run_has_logged_is_refused(tmp_path):
    register(compose(*SMALL))
    kept = registry()
    champion = kept.champion("mnist1d")
    copied = kept.client.create_model_version("mnist1d", champion.source, champion.run_id)
    with pytest.raises(RefusedModelError, match="models:/mnist1d/2 was not logged by a register run"):
        kept.fetch(copied, tmp_path)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("registry.margin=1", "registry.margin is 1.0; it must be at least 0 and below 1"),
        ("registry.resamples=9", "registry.resamples is 9; it must be at least 100"),
        ("registry=lax", "there is no registry 'lax', valid: default"),
    ],
)
def test_a_rule_out_of_range_is_refused(setting, sentence):
    with pytest.raises(ConfigError, match=sentence):
        compose("dataset=mnist1d", setting)


def test_an_unreachable_registry_is_reported_before_anything_is_fitted(monkeypatch):
    monkeypatch.setattr(Model, "fit", lambda *_: pytest.fail("fitted"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@127.0.0.1:9")
    with pytest.raises(RegistryError, match="http://127.0.0.1:9 cannot be used") as error:
        register(compose(*SMALL))
    assert "secret" not in str(error.value)
    with pytest.raises(RegistryError, match="tracking is off"):
        register(compose(*SMALL, "tracking=none"))


def test_a_missing_ingested_table_is_reported(project):
    raw = paths.RAW / "mnist1d.parquet"
    kept = raw.read_bytes()
    raw.unlink()
    try:
        with pytest.raises(Exception, match="does not exist; make it with: dvc repro ingest@mnist1d"):
            register(compose(*SMALL))
    finally:
        raw.write_bytes(kept)
