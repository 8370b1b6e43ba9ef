import itertools
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from fuelgauge import paths
from fuelgauge.config.compose import compose
from fuelgauge.errors import ConfigError, DataError, StoreError, TrialsFailed
from fuelgauge.spec.params import Params
from fuelgauge.sweep import runner
from fuelgauge.sweep.pool import Failure
from fuelgauge.sweep.runner import Sweep, pending, run_curve
from fuelgauge.sweep.status import curve_state, forget_failures
from fuelgauge.sweep.store import TrialStore, read_store, store_path
from fuelgauge.sweep.table import COLUMNS, read_tables
from fuelgauge.tracking.tracker import NoTracker
from tests.conftest import replace

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
    assert "letter/cnn1d is not run: cnn1d accepts sequence data, but letter is tabular" in caplog.text


def test_one_line_says_what_is_run_and_what_is_not(project, caplog):
    sweep = Sweep(lambda *_: NoTracker())
    with caplog.at_level("INFO"):
        for model in ("dummy", "logistic", "cnn2d", "tfidf", "dan"):
            sweep.add(compose("dataset=mnist1d", f"model={model}", "anchors.stop=32", "tracking=none"))
        sweep.finish()
    first, *_, last = caplog.messages
    assert first == ("4 trials to run, 0 done; 3 curves are not run (for the reasons: fuelgauge status)")
    assert last.startswith("4/4 trials  ETA 0:00")
    assert len(caplog.messages) < 5


def test_failed_trials_are_typed_kept_and_retried_only_when_asked(project):
    bad = ("model=logistic", "model.hyperparameters.C=-1.0")
    with pytest.raises(TrialsFailed, match=r"6 trial\(s\) of mnist1d/logistic failed.*fuelgauge retry"):
        run(*bad)
    records = read_store(store_path("mnist1d", "logistic"))[0].values()
    assert {r["failure"]["kind"] for r in records} == {"exception"}
    assert all("InvalidParameterError" in r["failure"]["traceback"] for r in records)

    table = run(*bad)  # continues without the failed trials, and does not fail again
    assert (table["status"] == "failed").all()
    assert table["loss"].isna().all()
    assert table["reason"].str.startswith("exception: InvalidParameterError").all()
    state = curve_state(compose("dataset=mnist1d", *bad))
    assert (state.failed, state.waiting, len(state.failures)) == (6, [], 6)

    assert forget_failures([compose("dataset=mnist1d", "model=logistic")]) == 0  # failures of other settings
    assert forget_failures([compose("dataset=mnist1d", *bad)]) == 6
    with pytest.raises(TrialsFailed):
        run(*bad)


def test_a_trial_over_its_time_fails_alone(project):
    with pytest.raises(TrialsFailed, match="took longer than 0.001 seconds"):
        run("model=mlp", "repeats=1", "executor.trial_seconds=0.001")


class Recorder:
    """An executor with one worker that returns results at once and records its tasks."""

    def __init__(self, answer):
        self.answer, self.tasks, self.running = answer, [], []
        self.is_ready = True

    @property
    def free(self):
        return 1 - len(self.running)

    def start(self, task, time_limit):
        self.tasks.append(task)
        self.running.append(task)

    def ended(self, wait):
        while wait and self.running:
            task = self.running.pop()
            yield task, self.answer(task)

    def abandon(self):
        self.running.clear()


def answered(**changes):
    fields = ("loss", "score", "fit_seconds", "search_seconds", "predict_seconds")
    return {**dict.fromkeys(fields, 0.5), "n_test": 150, **changes}


@pytest.fixture
def recorder(project, monkeypatch):
    """Return an executor that runs tasks in this process; the repeats of an anchor form a pack."""

    def packed(trials):
        by_anchor = {t.n_train: tuple(o for o in trials if o.n_train == t.n_train) for t in trials}
        return list(by_anchor.values())

    made = Recorder(lambda task: [answered() for _ in task])
    monkeypatch.setattr(runner, "executor_of", lambda config: made)
    monkeypatch.setattr(runner, "packs", packed)
    return made


def sweep_of(*models: str, overrides=()) -> Sweep:
    sweep = Sweep(lambda *_: NoTracker())
    for model in models:
        sweep.add(compose("dataset=mnist1d", "tracking=none", f"model={model}", *overrides))
    return sweep


def test_curves_share_one_line_with_the_longest_tasks_first(recorder):
    sweep = sweep_of("dummy", "logistic")
    sweep.finish()
    first, *others = [(t[0].curve.model, t[0].n_train, len(t)) for t in recorder.tasks]
    assert first == ("dummy", 128, 2)  # it started before the second curve was added
    assert [n for _, n, _ in others] == [128, 64, 64, 32, 32]
    assert {m for m, _, _ in others} == {"dummy", "logistic"}
    assert all((paths.TRIALS / "mnist1d" / f"{m}.parquet").exists() for m in ("dummy", "logistic"))


def test_packing_can_be_switched_off(recorder):
    sweep_of("dummy", overrides=["executor.pack=off"]).finish()
    assert [len(task) for task in recorder.tasks] == [1] * 6


def test_a_bad_trial_of_a_pack_costs_itself_alone(recorder):
    def answer(task):
        if any((t.n_train, t.repeat) == (64, 1) for t in task):
            return Failure("worker_died", "the process was ended by SIGSEGV")
        return [answered(loss=t.repeat) for t in task]

    recorder.answer = answer
    with pytest.raises(TrialsFailed, match=r"1 trial\(s\) of mnist1d/dummy failed.*n=64 repeat=1"):
        sweep_of("dummy").finish()
    records = read_store(store_path("mnist1d", "dummy"))[0].values()
    assert sorted((r["n_train"], r["repeat"]) for r in records if r["status"] == "done") == [
        (32, 0), (32, 1), (64, 0), (128, 0), (128, 1),
    ]  # fmt: skip
    assert all(r["result"]["loss"] == r["repeat"] for r in records if r["status"] == "done")


def test_a_trial_whose_worker_was_killed_runs_once_more_by_itself(recorder, caplog):
    killed = []

    def answer(task):
        if not killed:
            killed.append(task)
            return Failure("worker_died", "the process was ended by SIGKILL")
        return [answered() for _ in task]

    recorder.answer = answer
    with caplog.at_level("INFO"):
        sweep_of("dummy", overrides=["executor.pack=off"]).finish()
    assert "n=128 repeat=0 died (the process was ended by SIGKILL); the trial runs once more" in caplog.text
    records = read_store(store_path("mnist1d", "dummy"))[0].values()
    assert [record["status"] for record in records] == ["done"] * 6
    assert len(recorder.tasks) == 7


def test_a_trial_that_kills_its_worker_twice_is_a_failure(recorder):
    recorder.answer = lambda task: Failure("worker_died", "the process was ended by SIGSEGV")
    with pytest.raises(TrialsFailed, match=r"6 trial\(s\) of mnist1d/dummy failed.*SIGSEGV"):
        sweep_of("dummy", overrides=["executor.pack=off"]).finish()
    assert len(recorder.tasks) == 12


@pytest.mark.parametrize("kind", ["time_limit", "out_of_memory", "exception"])
def test_other_failures_are_not_tried_again(recorder, kind):
    recorder.answer = lambda task: Failure(kind, "as said")
    with pytest.raises(TrialsFailed, match=r"6 trial\(s\)"):
        sweep_of("dummy", overrides=["executor.pack=off"]).finish()
    assert len(recorder.tasks) == 6


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_damaged_features_are_refused_before_any_fit(recorder, place):
    path = paths.FEATURES / "mnist1d" / "raw.arrow"
    whole = path.read_bytes()
    damaged = bytearray(whole)
    start = int(len(whole) * place)
    damaged[start : start + 64] = bytes(byte ^ 0xFF for byte in whole[start : start + 64])
    path.write_bytes(damaged)
    try:
        with pytest.raises(DataError, match="raw.arrow does not hold .* dvc repro -f featurize@mnist1d"):
            sweep_of("dummy")
    finally:
        path.write_bytes(whole)
    assert not recorder.tasks
    sweep_of("dummy").finish()
    assert len(recorder.tasks) == 3


def test_a_pack_has_the_time_of_its_trials(recorder):
    allowed = []
    start = recorder.start
    recorder.start = lambda task, limit: (allowed.append((len(task), limit)), start(task, limit))
    sweep_of("dummy", overrides=["executor.trial_seconds=3"]).finish()
    assert set(allowed) == {(2, 6.0)}


def test_a_curve_whose_store_takes_no_record_is_given_up_and_others_go_on(recorder, monkeypatch):
    append = TrialStore.append

    def full(store, record):
        if store.path.stem == "dummy":
            raise StoreError("dummy.trials cannot be written")
        append(store, record)

    monkeypatch.setattr(TrialStore, "append", full)
    with pytest.raises(TrialsFailed, match="dummy.trials cannot be written"):
        sweep_of("dummy", "logistic").finish()
    assert len(read_store(store_path("mnist1d", "logistic"))[0]) == 6
    assert len([t for t in recorder.tasks if t[0].curve.model == "dummy"]) == 1


def test_a_pack_that_fails_after_its_curve_was_given_up_is_dropped(recorder):
    sweep = sweep_of("dummy", "logistic")
    curve = sweep.curves["mnist1d/dummy"]
    (task,) = recorder.running
    recorder.running.clear()
    sweep.give_up(curve, "dummy.trials cannot be written")
    sweep.take(task, Failure("worker_died", "the process was ended by SIGSEGV"))
    with pytest.raises(TrialsFailed, match="dummy.trials cannot be written"):
        sweep.finish()
    assert len(read_store(store_path("mnist1d", "logistic"))[0]) == 6


def test_a_table_that_cannot_be_written_is_one_sentence_also_without_trials_to_run(recorder, monkeypatch):
    def full(table, path):
        raise OSError("No space left on device")

    monkeypatch.setattr(runner, "write_table", full)
    for _ in range(2):
        with pytest.raises(
            TrialsFailed, match=r"dummy.parquet cannot be written \(No space left on device\)"
        ):
            sweep_of("dummy").finish()
    assert len(recorder.tasks) == 3


def test_an_interrupt_keeps_what_is_done_and_lets_go_of_the_stores(recorder):
    count = itertools.count()

    def answer(task):
        if next(count) == 2:
            raise KeyboardInterrupt
        return [answered() for _ in task]

    recorder.answer = answer
    sweep = sweep_of("dummy", "logistic")
    with pytest.raises(KeyboardInterrupt):
        sweep.finish()
    recorder.answer = lambda task: [answered() for _ in task]
    sweep_of("dummy", "logistic").finish()
    trials = [t.trial_id for task in recorder.tasks for t in task]
    assert len(set(trials)) == 12
    assert len(trials) == 14  # the interrupted task of two trials ran again


def test_without_an_executor_no_curve_stays_open(project, monkeypatch):
    def refuse(config):
        raise ConfigError("no Ray cluster answers")

    monkeypatch.setattr(runner, "executor_of", refuse)
    sweep = Sweep(lambda *_: NoTracker())
    for _ in range(2):
        with pytest.raises(ConfigError, match="no Ray cluster answers"):
            sweep.add(compose("dataset=mnist1d", "tracking=none", "model=dummy"))
    sweep.finish()


def test_the_same_curve_with_another_seed_waits_for_the_first(recorder):
    sweep = sweep_of("dummy")
    sweep.add(compose("dataset=mnist1d", "tracking=none", "model=dummy", "seed=1"))
    sweep.finish()
    assert len(read_store(store_path("mnist1d", "dummy"))[0]) == 12


def test_a_worker_has_its_next_task_before_the_record_of_the_last_is_kept(recorder, monkeypatch):
    started = []
    append = TrialStore.append

    def kept(store, record):
        started.append(len(recorder.tasks))
        append(store, record)

    monkeypatch.setattr(TrialStore, "append", kept)
    sweep_of("dummy").finish()
    assert started[:2] == [2, 2]  # both records of the first task


def test_trackers_begin_once_all_curves_are_there_and_know_what_was_done_before(recorder):
    seen = []

    def track(config, plan, records):
        seen.append((plan.curve.model, len(list(records)), len(recorder.tasks)))
        return NoTracker()

    for repeats in (1, 2):
        sweep = Sweep(track)
        for model in ("dummy", "logistic"):
            sweep.add(compose("dataset=mnist1d", "tracking=none", f"model={model}", f"repeats={repeats}"))
        sweep.finish()
    assert seen == [("dummy", 0, 1), ("logistic", 0, 1), ("dummy", 3, 7), ("logistic", 3, 7)]


def test_imports_of_workers_begin_at_once_for_a_dataset_without_trials(project, monkeypatch):
    pools = []
    monkeypatch.setattr(runner, "shared_pool", lambda *about, **_: pools.append(about))
    params = Params(datasets=["mnist1d"], models=["dummy"], device="cpu")
    runner.prepare_workers(None)
    assert not pools
    runner.prepare_workers(params)
    assert pools == [(runner.workers(compose("executor=local")), 1, ("fuelgauge.models.dummy",))]
    with TrialStore(store_path("mnist1d", "dummy")):
        runner.prepare_workers(params)
    assert len(pools) == 1


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


def test_without_a_terminal_lines_tell_how_far_a_run_is(project):
    """Lines also appear after Hydra's multirun, when most trials end."""
    result = train(project, "-m", "dataset=mnist1d", "model=logistic,dummy", "tracking=none", "repeats=1")
    assert "6/6 trials  ETA 0:00  mnist1d/" in result.stderr


def test_a_trial_starts_before_it_has_cost_anything(project):
    began = datetime.now(UTC).replace(microsecond=0)
    table = run("model=mlp", "repeats=1", "executor.workers=1", "executor.pack=off")
    started = pd.to_datetime(table["started_at"])
    assert (started >= began).all()
    last = table.loc[started.idxmax()]
    assert (datetime.now(UTC) - started.max()).total_seconds() >= last["fit_seconds"] + last[
        "predict_seconds"
    ]


def test_a_dataset_that_is_not_featurized_is_one_sentence(project):
    result = train(project, "dataset=letter", "model=dummy", "tracking=none")
    assert result.returncode == 1
    assert "letter/raw.arrow does not exist; make it with: dvc repro featurize@letter" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (paths.TRIALS / "letter").exists()


def test_a_session_begins_with_its_process():
    script = """
import time
first = time.time()
from fuelgauge.sweep.runner import session_time
later = time.time()
print(session_time()["elapsed"], later - first, time.time())
"""
    before = time.time()
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    elapsed, at_least, now = map(float, result.stdout.split())
    assert at_least <= elapsed <= now - before + 0.02
