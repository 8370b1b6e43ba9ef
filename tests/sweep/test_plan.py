from functools import partial

import pytest

from fuelgauge.config.compose import compose
from fuelgauge.sweep.costs import Kind, PastCosts, cost_at, flat_until, kind_of, mean_seconds, trial_seconds
from fuelgauge.sweep.plan import GridPlan, duration, grid_plan, seconds_to_go
from fuelgauge.sweep.runner import run_curve
from fuelgauge.sweep.status import CurveState
from fuelgauge.tracking.tracker import make_tracker

PAST = PastCosts({("letter", "mlp"): {32: 1.0, 128: 4.0}, ("magic", "mlp"): {32: 4.0}, ("magic", "knn"): {}})


@pytest.mark.parametrize(("n", "seconds"), [(16, 1), (32, 1), (64, 2), (128, 4), (512, 16)])
def test_a_cost_is_a_power_of_n_between_sizes_and_beyond_the_last(n, seconds):
    assert cost_at({32: 1.0, 128: 4.0}, n) == pytest.approx(seconds)


def test_a_cost_is_continued_by_a_constant_and_a_part_in_proportion_to_n():
    assert cost_at({32: 1.032, 64: 1.064, 1024: 2.024}, 100_000) == pytest.approx(101)
    assert cost_at({32: 2.0, 64: 1.0}, 128) == pytest.approx(1)
    assert cost_at({32: 3.0}, 4096) == pytest.approx(3)


def test_a_cost_that_is_flat_grows_in_proportion_from_where_it_ends():
    assert cost_at({32: 3.0, 64: 3.1}, 1000, flat_until=2000) == pytest.approx(3.1)
    assert cost_at({32: 3.0, 64: 3.1}, 20_000, flat_until=2000) == pytest.approx(31)
    assert cost_at({4000: 6.0}, 20_000, flat_until=2000) == pytest.approx(30)
    assert (
        flat_until("cnn2d-small+tpe@engineered") == compose("model=cnn2d", "dataset=digits").model.flat_until
    )
    assert flat_until("mlp") is None
    assert flat_until("a_model_of_before") is None


def test_without_a_trial_of_its_own_a_curve_costs_the_mean_of_the_others():
    assert PAST.estimate("letter", "mlp", 64) == pytest.approx(2)
    assert PAST.estimate("satimage", "mlp", 128) == pytest.approx(4)  # the geometric mean of 4 and 4
    assert PAST.estimate("satimage", "mlp", 32) == pytest.approx(2)  # the geometric mean of 1 and 4
    assert PAST.estimate("letter", "xgboost", 64) is None
    assert PAST.estimate("letter", "knn", 64) is None


WIDTHS = {"narrow": 10, "wide": 1000, "wider": 10_000, "new": 100}
KINDS = {(name, "raw"): Kind("regression", width) for name, width in WIDTHS.items()}
BY_WIDTH = {(name, "forest"): {32: WIDTHS[name] / 10} for name in ("narrow", "wide", "wider")}


def known(kinds):
    return lambda *dataset: kinds.get(dataset)


def test_a_new_dataset_costs_what_its_features_cost_on_others_of_its_task():
    binary = {("classes", "forest"): {32: 1e6}}
    kinds = KINDS | {("classes", "raw"): Kind("binary", 100)}
    assert PastCosts(BY_WIDTH | binary, known(kinds)).estimate("new", "forest", 32) == pytest.approx(10)


def test_a_cost_grows_with_the_features_by_a_bounded_power_and_never_falls():
    steep = {key: {32: cost[32] ** 3} for key, cost in BY_WIDTH.items()}
    falling = {key: {32: 1 / cost[32]} for key, cost in BY_WIDTH.items()}
    mean_cost, mean_width = (1 * 100 * 1000) ** (1 / 3), (10 * 1000 * 10_000) ** (1 / 3)
    expected = mean_cost**3 * (100 / mean_width) ** 1.5
    assert PastCosts(steep, known(KINDS)).estimate("new", "forest", 32) == pytest.approx(expected)
    assert PastCosts(falling, known(KINDS)).estimate("new", "forest", 32) == pytest.approx(1 / mean_cost)


def test_two_datasets_or_an_unknown_one_are_not_enough_to_tell_what_features_cost():
    two = {key: cost for key, cost in BY_WIDTH.items() if key[0] != "wide"}
    assert PastCosts(two, known(KINDS)).estimate("new", "forest", 32) == pytest.approx(1000**0.5)
    unknown = PastCosts(BY_WIDTH, known(KINDS)).estimate("not_yet_there", "forest", 32)
    assert unknown == pytest.approx((1 * 100 * 1000) ** (1 / 3))
    alike = {key: Kind("regression", 10) for key in KINDS}
    assert PastCosts(BY_WIDTH, known(alike)).estimate("new", "forest", 32) == pytest.approx(unknown)


def test_a_dataset_that_is_not_featurized_has_no_kind(project):
    assert kind_of("mnist1d", "raw") == Kind("multiclass", 40)
    assert kind_of("nowhere", "engineered") is None


def test_the_cost_of_a_searched_trial_is_that_of_all_its_fits():
    done = {"kind": "trial", "status": "done", "n_train": 64}
    fit = {"fit_seconds": 1.0, "predict_seconds": 0.5}
    results = [
        {**done, "result": fit},
        {**done, "result": {**fit, "search_seconds": 9.0}},
        {**done, "status": "failed", "result": {}},
        {"kind": "session"},
    ]
    assert mean_seconds(results) == {64: pytest.approx((1.5 + 9.5) / 2)}


def test_a_trial_of_a_pack_costs_its_share():
    assert trial_seconds({"fit_seconds": None, "used_cpu_seconds": 2.0, "predict_seconds": 0.5}) == 2.5


def test_a_curve_costs_the_sum_of_what_it_waits_for():
    assert seconds_to_go(CurveState("letter", "mlp", waiting=[32, 32, 128]), PAST) == pytest.approx(6)
    assert seconds_to_go(CurveState("letter", "mlp"), PAST) == 0
    assert seconds_to_go(CurveState("letter", "new", waiting=[32]), PAST) is None


def test_the_summary_counts_trials_time_and_what_is_unknown():
    known = CurveState("letter", "mlp", waiting=[128] * 60)
    plan = GridPlan(((known, 240.0), (CurveState("letter", "new", waiting=[32]), None)), 3, 0, 2)
    assert list(plan.summary()) == [
        "61 trials to run",
        "about 2 min of fits on 2 workers, estimated from past trials",
        "1 trials have no time estimate, because no similar trial was ever run",
        "3 curves cannot be run (for the reasons: fuelgauge status)",
    ]
    assert [row[-2:] for row in plan.rows()] == [["60", "4 min"], ["1", "?"]]


def test_a_search_that_was_never_run_costs_as_many_fits_as_it_may_make():
    assert PAST.estimate("letter", "mlp+tpe", 64) == pytest.approx(16 * 2)
    assert PAST.estimate("letter", "mlp+tpe@engineered", 64) is None  # other features, other costs
    assert PAST.estimate("letter", "mlp+none", 64) is None
    known_one = PastCosts({("letter", "mlp"): {32: 1.0}, ("letter", "mlp+tpe"): {32: 3.0}})
    assert known_one.estimate("letter", "mlp+tpe", 32) == pytest.approx(3)


def test_estimates_from_published_runs_are_said_to_be_of_another_machine():
    plan = GridPlan(((CurveState("letter", "mlp", waiting=[128] * 60), 240.0),), 0, 0, 2, n_elsewhere=60)
    said = "60 of these trials are estimated from the published runs, which were made on another machine"
    assert list(plan.summary())[-1] == said


def test_a_plan_of_a_project_knows_what_is_done(project):
    done, other, impossible = (compose("dataset=mnist1d", f"model={m}") for m in ("dummy", "logistic", "dan"))
    run_curve(done, make_tracker)
    plan = grid_plan([done, other, impossible])
    assert [len(state.waiting) for state, _ in plan.curves] == [0, 6]
    assert [to_go for _, to_go in plan.curves] == [0.0, None]
    assert plan.n_impossible == 1


def test_a_plan_of_data_that_are_not_prepared_does_not_say_that_nothing_is_to_run(project):
    assert not (project / "data/features/digits").exists()
    plan = grid_plan([compose("dataset=digits", f"model={m}") for m in ("dummy", "logistic", "dan")])
    assert list(plan.summary()) == [
        "the trials of 2 curves are not known yet: make repro first prepares their data, then runs them",
        "1 curves cannot be run (for the reasons: fuelgauge status)",
    ]


def test_one_dataset_that_is_too_small_leaves_the_plan_of_the_others(project):
    compose_one = partial(compose, "dataset=mnist1d", "model=dummy")
    plan = grid_plan([compose_one(), compose_one("anchors.start=50000", "anchors.stop=60000")])
    assert [len(state.waiting) for state, _ in plan.curves] == [6]
    assert plan.n_impossible == 1


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (42, "42 s"), (720, "12 min"), (12_000, "3 h 20 min")]
)
def test_durations_are_written_for_a_person(seconds, words):
    assert duration(seconds) == words
