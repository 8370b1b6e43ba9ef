import shutil

import pandas as pd
import pytest

from fuelgauge import cli, paths
from fuelgauge.config.compose import compose
from fuelgauge.errors import TableError, TrialsFailed
from fuelgauge.pipeline.evaluate import sweep_metrics
from fuelgauge.sweep.fingerprint import reachable
from fuelgauge.sweep.plan import grid_plan
from fuelgauge.sweep.runner import run_curve
from fuelgauge.sweep.seed import seed
from fuelgauge.sweep.store import read_store, store_path, stores
from fuelgauge.sweep.table import read_tables
from fuelgauge.tracking.tracker import NoTracker

MODELS = ("dummy", "logistic")
BAD = ("model=logistic", "model.hyperparameters.C=-1.0", "seed=1")


def configs(*changes: str):
    return [compose("dataset=mnist1d", f"model={name}", "tracking=none", *changes) for name in MODELS]


def run_all() -> pd.DataFrame:
    for config in configs():
        run_curve(config, lambda *_: NoTracker())
    return read_tables()


@pytest.fixture
def table(project, tmp_path):
    """Return the trial table of two curves, whose store is gone."""
    path = tmp_path / "trials.parquet"
    run_all().to_parquet(path, index=False)
    shutil.rmtree(paths.STORE)
    shutil.rmtree(paths.TRIALS)
    return path


def test_a_store_made_from_a_table_has_nothing_left_to_run_and_gives_the_same_table(table):
    assert next(grid_plan(configs()).summary()) == "12 trials to run"
    found = seed(table, configs())
    assert (found.added, found.known, found.refused) == (12, 0, 0)
    assert list(grid_plan(configs()).summary()) == ["nothing to run"]
    pd.testing.assert_frame_equal(run_all(), pd.read_parquet(table), check_exact=True)


def test_a_second_time_and_over_a_part_nothing_is_doubled(table):
    part = table.with_name("part.parquet")
    pd.read_parquet(table).query("n_train > 32").to_parquet(part, index=False)
    assert seed(part, configs()).added == 8
    found = seed(table, configs())
    assert (found.added, found.known) == (4, 8)
    lines = [line for path in stores() for line in path.read_text().splitlines()]
    assert len(lines) == 12
    assert sum(len(read_store(path)[0]) for path in stores()) == 12


def test_more_anchors_than_asked_for_are_kept_and_fewer_are_run(table):
    assert seed(table, configs("anchors.stop=32", "repeats=1")).added == 12
    assert next(grid_plan(configs("anchors.stop=256")).summary()) == "4 trials to run"


def test_rows_of_another_identity_or_another_curve_are_refused_and_counted(table):
    logistic, dummy = configs("seed=7")[1], configs()[0]
    found = seed(table, [logistic])
    assert (found.added, found.changed, found.foreign) == (0, {"mnist1d/logistic": 6}, 6)
    assert not read_store(store_path("mnist1d", "logistic"))[0]
    mixed = seed(table, [logistic, dummy])
    assert (mixed.added, mixed.changed.total(), mixed.foreign) == (6, 6, 0)
    assert any("6 rows refused: today's code, data, settings" in line for line in mixed.lines())


def test_a_failed_trial_stays_failed(project, tmp_path):
    config = compose("dataset=mnist1d", *BAD, "tracking=none")
    with pytest.raises(TrialsFailed):
        run_curve(config, lambda *_: NoTracker())
    before, path = read_tables(), tmp_path / "trials.parquet"
    before.to_parquet(path, index=False)
    shutil.rmtree(paths.STORE)
    assert seed(path, [config]).added == 6
    run_curve(config, lambda *_: NoTracker())
    pd.testing.assert_frame_equal(read_tables(), before)


def test_data_that_are_not_prepared_are_named(table):
    pd.read_parquet(table).assign(dataset="letter").to_parquet(table, index=False)
    found = seed(table, [compose("dataset=letter", "model=dummy")])
    assert (found.unprepared, found.foreign) == ({"letter": 6}, 6)
    assert any("dvc repro featurize" in line for line in found.lines())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: pd.concat([t, t.head(1)]), "holds the trial .* twice"),
        (lambda t: t.drop(columns="trial_id"), "has no column 'trial_id'"),
    ],
)
def test_a_table_that_cannot_be_trusted_is_refused(table, change, said):
    change(pd.read_parquet(table)).to_parquet(table, index=False)
    with pytest.raises(TableError, match=said):
        seed(table, configs())
    assert not list(stores())


@pytest.mark.parametrize("name", ["trials.csv", "missing.parquet", "broken.parquet"])
def test_a_file_that_is_no_table_is_one_sentence(tmp_path, name):
    (tmp_path / "broken.parquet").write_text("no table")
    with pytest.raises(TableError, match=name):
        seed(tmp_path / name, [])


def test_seeded_trials_tell_nothing_about_the_use_of_cores(table):
    seed(table, configs())
    assert sweep_metrics(pd.read_parquet(table))["efficiency"] is None


def test_the_command_says_what_it_did(table, capsys):
    cli.main(["seed", str(table)])
    said = capsys.readouterr().out
    assert "trials put into the store" in said
    assert "fuelgauge plan" in said


def test_no_identity_depends_on_this_module():
    assert "fuelgauge.sweep.seed" not in reachable("fuelgauge.sweep.trial")
