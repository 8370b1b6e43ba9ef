import pytest

from fuelgauge import cli
from fuelgauge.config.compose import all_curves, compose
from fuelgauge.sweep.garbage import drop, garbage
from fuelgauge.sweep.runner import run_curve
from fuelgauge.sweep.store import TrialStore, read_store, store_path
from fuelgauge.tracking.tracker import NoTracker


@pytest.fixture
def stores(project):
    """Return a store with two curves of one contestant; params.yaml contains only one of them."""
    for changes in ((), ("seed=1",)):
        config = compose("dataset=mnist1d", "model=dummy", "tracking=none", *changes)
        run_curve(config, lambda *_: NoTracker())
    return store_path("mnist1d", "dummy")


def test_what_a_change_left_behind_is_garbage_and_fewer_anchors_leave_none(stores):
    (heap,) = garbage(all_curves())
    assert (heap.path, len(heap.trial_ids), heap.n_kept) == (stores, 6, 6)
    fewer = [compose("dataset=mnist1d", "model=dummy", "anchors.stop=32", "repeats=1")]
    assert garbage(fewer) == garbage(all_curves())


def test_a_store_of_no_present_curve_is_kept_unless_asked_for(stores):
    others = [compose("dataset=mnist1d", "model=logistic")]
    assert garbage(others) == []
    (heap,) = garbage(others, everything=True)
    assert (len(heap.trial_ids), heap.n_kept) == (12, 0)
    assert drop([heap]) == (12, [])
    assert not stores.exists()


def test_the_command_says_first_and_drops_only_with_yes(stores, capsys):
    before = read_store(stores)
    cli.main(["gc"])
    said = capsys.readouterr().out
    assert "data/store/mnist1d/dummy.trials: 6 records belong to no current curve, 6 are kept" in said
    assert "6 records can be deleted; delete them with: fuelgauge gc --yes\n" in said
    cli.main(["gc", "--all"])
    assert "delete them with: fuelgauge gc --all --yes\n" in capsys.readouterr().out
    assert read_store(stores) == before
    cli.main(["gc", "--yes"])
    assert "deleted 6 records" in capsys.readouterr().out
    kept, sessions = read_store(stores)
    assert kept == {key: before[0][key] for key in list(before[0])[:6]}
    assert sessions == before[1]
    cli.main(["gc"])
    assert "nothing to delete" in capsys.readouterr().out


def test_a_store_that_is_being_written_is_named_and_the_others_are_dropped(stores):
    run_curve(compose("dataset=mnist1d", "model=knn", "tracking=none"), lambda *_: NoTracker())
    heaps = garbage([], everything=True)
    with TrialStore(stores):
        n_dropped, (problem,) = drop(heaps)
    assert n_dropped == 6
    assert "dummy.trials is being written by another process" in problem
    assert stores.exists() and not store_path("mnist1d", "knn").exists()


def test_a_curve_that_cannot_be_planned_keeps_its_store(stores):
    too_large = compose("dataset=mnist1d", "model=dummy", "anchors.start=50000", "anchors.stop=60000")
    assert garbage([too_large]) == []


def test_a_store_is_written_by_its_one_writer_also_after_it_forgot(stores):
    with TrialStore(stores) as store:
        store.forget(list(store.records)[:11])
        store.append({"kind": "retry", "trial_id": "none"})
        assert len(store.records) == 1
    assert stores.read_bytes().count(b"\n") == 1 + len(store.sessions) + 1
