from dataclasses import replace

import pytest

from fuelgauge.config.compose import compose
from fuelgauge.errors import ConfigError
from fuelgauge.spec.splits import SplitRule
from fuelgauge.sweep import grid
from fuelgauge.sweep.grid import choose_device, packs, plan_curve, why_not
from fuelgauge.sweep.table import curve_table
from fuelgauge.sweep.trial import seed_of

pytestmark = pytest.mark.usefixtures("featurized")


def ids(*overrides: str) -> set[str]:
    return {t.trial_id for t in plan_curve(compose("dataset=mnist1d", "model=logistic", *overrides)).trials}


def test_a_plan_has_every_anchor_in_every_repeat():
    plan = plan_curve(compose("dataset=mnist1d", "model=logistic"))
    assert [(t.n_train, t.repeat) for t in plan.trials] == [(n, r) for n in (32, 64, 128) for r in (0, 1)]


@pytest.mark.parametrize(
    "override",
    [
        "seed=1",
        "threads=2",
        "split.validation_fraction=0.3",
        "split.test_max=50",
        "model.hyperparameters.C=2.0",
        "model=dummy",
    ],
)
def test_what_could_change_a_result_changes_every_identity(override):
    assert not ids() & ids(override)


@pytest.mark.parametrize("override", ["anchors.stop=256", "repeats=3"])
def test_more_anchors_or_repeats_change_no_identity(override):
    assert ids() < ids(override)


@pytest.mark.parametrize(
    "override",
    ["executor.workers=1", "tracking=none", "dataset.citation=x", "device=auto", "dataset.title=x"],
)
def test_what_can_change_no_result_changes_no_identity(override):
    assert ids() == ids(override)


def test_code_and_library_versions_are_part_of_the_identity(monkeypatch):
    before = ids()
    monkeypatch.setattr(grid, "library_versions", lambda *_: {"numpy": "0.1"})
    versions = ids()
    monkeypatch.setattr(grid, "code_fingerprint", lambda *_: "other")
    assert len(before | versions | ids()) == 3 * len(before)


def test_a_model_stops_at_its_largest_anchor_and_no_identity_changes():
    config = compose("dataset=mnist1d", "model=logistic")
    for limits in ({"all": 64}, {"mnist1d": 64, "all": 32}):
        plan = plan_curve(replace(config, limits={"logistic": limits, "dummy": {"all": 32}}))
        assert {t.n_train for t in plan.trials} == {32, 64} and not plan.skipped
        assert {t.trial_id for t in plan.trials} < ids()


def test_an_anchor_beyond_the_data_is_skipped_with_the_reason():
    plan = plan_curve(compose("dataset=mnist1d", "model=dummy", "anchors.stop=2048"))
    assert {t.n_train for t, _ in plan.skipped} == {1024, 2048}
    assert {reason for _, reason in plan.skipped} == {"the anchor is larger than the 850 rows to train on"}


def test_an_anchor_without_a_class_is_skipped_with_the_class():
    plan = plan_curve(compose("dataset=mnist1d", "model=dummy", "anchors.start=8"))
    assert {t.n_train for t, _ in plan.skipped} == {8}
    assert all("has no row among the 8 training rows" in reason for _, reason in plan.skipped)


def test_an_anchor_without_a_row_for_validation_is_skipped():
    plan = plan_curve(compose("dataset=mnist1d", "model=dummy", "anchors.start=10", "anchors.stop=10"))
    assert not plan.trials
    assert {reason for _, reason in plan.skipped} == {
        "no class has more than one row among the 10, so none can be for validation"
    }


def test_a_start_beyond_the_data_is_an_error():
    with pytest.raises(ConfigError, match="anchors.start is 5000, but mnist1d has only 850 rows"):
        plan_curve(compose("dataset=mnist1d", "model=dummy", "anchors.start=5000", "anchors.stop=6000"))


def test_a_model_that_does_not_fit_the_data_is_dropped_with_the_reason():
    assert (
        why_not(compose("dataset=letter", "model=cnn1d"))
        == "cnn1d accepts sequence data, but letter is tabular"
    )
    assert why_not(compose("dataset=mnist1d", "model=cnn1d")) is None


def test_every_model_of_a_repeat_gets_the_same_seed():
    curves = [plan_curve(compose("dataset=mnist1d", f"model={m}")).trials for m in ("dummy", "mlp")]
    seeds = [[seed_of(trial) for trial in curve] for curve in curves]
    assert seeds[0] == seeds[1]
    assert len(set(seeds[0])) == len(curves[0])


def test_cuda_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setattr(grid, "cuda_available", lambda: False)
    assert choose_device("auto", ["cpu", "cuda"]) == "cpu"
    assert choose_device("cuda", ["cpu"]) == "cpu"
    with pytest.raises(ConfigError, match="no CUDA device can be used here; set device: auto or cpu"):
        choose_device("cuda", ["cpu", "cuda"])
    assert choose_device("cuda", ["cpu", "cuda"], gpus=0.25) == "cuda"  # the GPUs of a cluster
    assert choose_device("auto", ["cpu"], gpus=0.25) == "cpu"
    monkeypatch.setattr(grid, "cuda_available", lambda: True)
    assert choose_device("auto", ["cpu", "cuda"]) == "cuda"


def test_the_split_rule_is_hashable_for_the_caches():
    assert hash(SplitRule()) == hash(SplitRule())


def test_a_size_changes_the_hyperparameters_and_names_the_contestant():
    usual, large = (
        plan_curve(compose("dataset=mnist1d", "model=mlp", f"size={s}")).curve for s in ("default", "large")
    )
    assert large.name == "mlp-large"
    assert large.identity != usual.identity
    assert large.hyperparameters != usual.hyperparameters
    assert why_not(compose("dataset=mnist1d", "model=dummy", "size=large")) == "dummy has no size 'large'"


def test_what_makes_a_size_is_not_searched():
    usual, large = (
        plan_curve(compose("dataset=mnist1d", "model=mlp", "search=tpe", f"size={size}")).curve
        for size in ("default", "large")
    )
    assert set(usual.search["ranges"]) - set(large.search["ranges"]) == {"width", "depth", "end_width"}
    assert large.hyperparameters["width"] > usual.hyperparameters["width"]
    only_dial = plan_curve(compose("dataset=mnist1d", "model=logistic", "search=tpe", "size=tiny")).curve
    assert only_dial.search["ranges"] == {}


def test_the_searching_library_identifies_searched_trials_alone():
    usual, searched = (
        plan_curve(compose("dataset=mnist1d", "model=logistic", f"search={name}")).curve.versions
        for name in ("none", "tpe")
    )
    assert set(searched) - set(usual) == {"optuna"}


def test_a_search_is_part_of_what_identifies_a_trial_and_its_name_is_not():
    usual, tpe, longer, renamed = (
        plan_curve(compose("dataset=mnist1d", "model=logistic", *more)).curve
        for more in (
            [],
            ["search=tpe"],
            ["search=tpe", "search.trials=17"],
            ["search=tpe", "search.name=bayes"],
        )
    )
    assert (usual.search, tpe.name, renamed.name) == ({}, "logistic+tpe", "logistic+bayes")
    assert len({usual.identity, tpe.identity, longer.identity}) == 3
    assert renamed.identity == tpe.identity


def test_a_dataset_of_too_many_features_is_skipped_with_the_reason():
    plan = plan_curve(compose("dataset=mnist1d", "model=logistic", "model.max_features=39"))
    assert not plan.trials
    reasons = {reason for _, reason in plan.skipped}
    assert reasons == {"logistic accepts at most 39 features, but mnist1d has 40"}
    assert set(curve_table(plan, {})["status"]) == {"skipped"}
    assert plan_curve(compose("dataset=mnist1d", "model=logistic", "model.max_features=40")).trials


def test_repeats_of_an_anchor_are_one_task_but_for_the_first():
    plan = plan_curve(compose("dataset=mnist1d", "model=mlp", "repeats=3", "model.packed_rows={cpu: 64}"))
    shapes = [[(t.n_train, t.repeat) for t in task] for task in packs(plan.trials)]
    assert shapes == [
        [(32, 0)], [(32, 1), (32, 2)], [(64, 0)], [(64, 1), (64, 2)], [(128, 0)], [(128, 1)], [(128, 2)],
    ]  # fmt: skip


def test_a_pack_has_a_largest_size():
    plan = plan_curve(compose("dataset=mnist1d", "model=mlp", "anchors.stop=32", "repeats=21"))
    assert [len(task) for task in packs(plan.trials)] == [1, 9, 9, 2]


@pytest.mark.parametrize("override", ["model.packed_rows={cpu: 0}", "search=random"])
def test_without_packing_or_with_a_search_each_trial_is_a_task(override):
    plan = plan_curve(compose("dataset=mnist1d", "model=mlp", override))
    assert [list(task) for task in packs(plan.trials)] == [[trial] for trial in plan.trials]


def test_packing_is_not_part_of_the_identity():
    first, other = (
        plan_curve(compose("dataset=mnist1d", "model=mlp", f"model.packed_rows={{cpu: {n}}}"))
        for n in (0, 64)
    )
    assert [t.trial_id for t in first.trials] == [t.trial_id for t in other.trials]
