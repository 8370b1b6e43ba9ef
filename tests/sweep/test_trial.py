import json

import numpy as np
import pytest

from fuelgauge.config.compose import compose
from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitError
from fuelgauge.models.knn import KNN
from fuelgauge.models.logistic import Logistic
from fuelgauge.sweep import trial as module
from fuelgauge.sweep.grid import plan_curve
from fuelgauge.sweep.predictions import unpack
from fuelgauge.sweep.scores import score_predictions
from fuelgauge.sweep.trial import rows_of, run_together, run_trial

pytestmark = pytest.mark.usefixtures("featurized")


def trials(model: str):
    return plan_curve(compose("dataset=mnist1d", f"model={model}")).trials


def row_set(examples: Examples) -> set[bytes]:
    return {row.tobytes() for row in np.asarray(examples.x)}


def test_rows_are_nested_paired_and_apart_from_the_test():
    by_anchor = {t.n_train: rows_of(t) for t in trials("dummy") if t.repeat == 1}
    used = {n: row_set(rows.train) | row_set(rows.validation) for n, rows in by_anchor.items()}
    assert [len(used[n]) for n in (32, 64, 128)] == [32, 64, 128]
    assert used[32] < used[64] < used[128]
    tests = [row_set(rows.test) for rows in by_anchor.values()]
    assert tests[0] == tests[1] == tests[2]
    assert not tests[0] & used[128]
    other = next(rows_of(t) for t in trials("mlp") if t.n_train == 64 and t.repeat == 1)
    assert row_set(other.train) == row_set(by_anchor[64].train)
    assert row_set(other.validation) == row_set(by_anchor[64].validation)


def test_the_dummy_has_the_loss_of_the_closed_form():
    trial = trials("dummy")[-1]
    rows = rows_of(trial)
    fit, test = rows.whole, rows.test
    result = run_trial(trial)
    frequency = np.bincount(fit.y, minlength=10) / len(fit)
    assert result["loss"] == pytest.approx(np.mean(test.y != frequency.argmax()))
    assert result["metric_log_loss"] == pytest.approx(-np.log(frequency[test.y]).mean())
    assert result["n_test"] == 150


@pytest.mark.parametrize("model", ["logistic", "xgboost", "mlp"])
def test_a_trial_gives_the_same_numbers_twice(model):
    trial = trials(model)[0]
    first, again = run_trial(trial), run_trial(trial)
    for name in (
        "loss",
        "loss_before_refit",
        "val_loss",
        "choice_loss",
        "train_loss",
        "metric_log_loss",
        "n_steps",
    ):
        assert first[name] == again[name]


def test_a_prediction_that_is_not_a_number_is_a_failure():
    examples = Examples(np.zeros((3, 1)), np.array([0, 1, 0]), "binary", 2)
    with pytest.raises(FitError, match="the prediction for row 1 of 3 is not a finite number"):
        score_predictions(np.array([[0.5, 0.5], [np.nan, 0.5], [0.5, 0.5]]), examples, "accuracy")


def test_a_warm_up_sees_every_class_and_fails_no_trial(monkeypatch):
    trial, seen = trials("logistic")[-1], []
    rows = rows_of(trial)
    monkeypatch.setattr(module, "_warm", set())
    monkeypatch.setattr(module, "WARM_UP_ROWS", 1)

    def broken_fit(self, train, validation, context):
        seen.append(set(train.y))
        raise ValueError("too few")

    monkeypatch.setattr(Logistic, "fit", broken_fit)
    module.warm_up(trial, rows)
    assert seen == [set(rows.train.y)]
    module.warm_up(trial, rows)
    assert len(seen) == 1


def test_contestants_of_one_class_are_warmed_up_apart(monkeypatch):
    monkeypatch.setattr(module, "_warm", set())
    for name in ("rnn", "gru", "lstm"):
        trial = trials(name)[0]
        module.warm_up(trial, rows_of(trial))
    assert len(module._warm) == 3


def test_a_search_chooses_by_validation_rows_and_judges_the_chosen_fit_alone():
    overrides = ["dataset=mnist1d", "model=logistic", "search=random", "search.trials=6"]
    trial = plan_curve(compose(*overrides)).trials[-1]
    result, again = run_trial(trial), run_trial(trial)
    assert result["hyperparameters"] == again["hyperparameters"]
    assert result["loss"] == again["loss"]
    assert result["n_fits"] == 6
    assert result["search_seconds"] > result["fit_seconds"]
    default = run_trial(trials("logistic")[-1])
    assert (default["n_fits"], default["search_seconds"]) == (1, 0)
    assert result["val_loss"] <= default["val_loss"]
    chosen = json.loads(result["hyperparameters"])
    again_alone = trials_with(f"model.hyperparameters.C={chosen['C']}")[-1]
    assert run_trial(again_alone)["loss"] == result["loss"]


def trials_with(override: str):
    return plan_curve(compose("dataset=mnist1d", "model=logistic", override)).trials


def test_test_rows_reach_each_fit_once_also_with_a_search(monkeypatch):
    trial = plan_curve(compose("dataset=mnist1d", "model=knn", "search=random", "search.trials=4")).trials[0]
    test = rows_of(trial).test
    seen = []
    original = KNN.predict
    monkeypatch.setattr(
        KNN, "predict", lambda self, rows: seen.append(row_set(rows) == row_set(test)) or original(self, rows)
    )
    run_trial(trial)
    assert seen.count(True) == 2
    assert len(seen) >= 5


def test_repeats_that_are_trained_together_have_the_results_of_each_alone():
    both = [t for t in trials("mlp") if t.n_train == 64]
    found = run_together(both)
    for trial, outcome in zip(both, found, strict=True):
        alone = run_trial(trial)
        assert outcome.keys() == alone.keys()
        assert outcome["metric_log_loss"] == pytest.approx(alone["metric_log_loss"], rel=0.02)
        assert outcome["loss"] == pytest.approx(alone["loss"], abs=0.03)
        assert (outcome["packed"], alone["packed"]) == (2, 1)
        assert np.isnan([outcome["fit_seconds"], outcome["fit_cpu_seconds"]]).all()
        assert alone["used_cpu_seconds"] == alone["fit_cpu_seconds"] > 0
        assert outcome["used_cpu_seconds"] > 0
        assert outcome["flops"] == alone["flops"] * outcome["n_steps"] / alone["n_steps"]


@pytest.mark.parametrize("model", ["logistic", "fcn"])
def test_what_cannot_be_trained_together_is_trained_alone_and_timed(model):
    both = [t for t in trials(model) if t.n_train == 32]
    for trial, outcome in zip(both, run_together(both), strict=True):
        assert outcome["loss"] == run_trial(trial)["loss"]
        assert outcome["packed"] == 1
        assert outcome["fit_seconds"] > 0


def test_the_refit_knows_all_rows_and_both_losses_are_kept():
    trial = trials("dummy")[-1]
    result, rows = run_trial(trial), rows_of(trial)
    losses = [
        1 - np.mean(rows.test.y == np.bincount(own.y, minlength=10).argmax())
        for own in (rows.whole, rows.train)
    ]
    assert row_set(rows.whole) == row_set(rows.train) | row_set(rows.validation)
    assert [result["loss"], result["loss_before_refit"]] == pytest.approx(losses)
    assert result["fit_seconds"] > result["refit_seconds"] > 0
    assert result["train_loss"] == pytest.approx(1 - np.bincount(rows.whole.y).max() / len(rows.whole))


def test_without_a_refit_both_losses_are_the_same():
    plan = plan_curve(compose("dataset=mnist1d", "model=logistic", "model.refit=false"))
    result = run_trial(plan.trials[0])
    assert result["loss"] == result["loss_before_refit"]
    assert result["refit_seconds"] == 0
    assert plan.trials[0].trial_id != trials("logistic")[0].trial_id


def test_a_record_keeps_the_first_predictions():
    trial = trials("logistic")[0]
    kept = unpack(run_trial(trial)["predictions"])
    assert kept.shape == (10, 10) and kept.sum(axis=1) == pytest.approx(1, abs=1e-2)


def test_a_search_is_followed_by_one_refit_with_its_choice():
    plan = plan_curve(compose("dataset=mnist1d", "model=logistic", "search=random", "search.trials=3"))
    result = run_trial(plan.trials[0])
    assert result["n_fits"] == 3
    assert result["used_cpu_seconds"] == pytest.approx(
        result["search_cpu_seconds"] + result["refit_cpu_seconds"]
    )


def test_nets_that_train_together_are_refitted_together():
    some = trials("mlp")[:2]
    together, alone = run_together(some), [run_trial(trial) for trial in some]
    for one, other in zip(together, alone, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=0.03)
        assert one["n_steps"] == other["n_steps"]
        assert one["packed"] == 2 and np.isnan(one["fit_seconds"])
