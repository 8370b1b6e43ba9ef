import pandas as pd
import pytest

from fuelgauge import paths
from fuelgauge.config.compose import compose
from fuelgauge.data.months import AboutMonths
from fuelgauge.errors import TableError
from fuelgauge.registry._choice import best_contestant
from fuelgauge.sweep.table import write_table
from tests.registry.made_trials import write_trials

pytestmark = pytest.mark.usefixtures("project")


def choose(repeats: int = 2):
    return best_contestant("mnist1d", compose("dataset=mnist1d", f"repeats={repeats}"))


def test_the_lowest_validation_loss_wins_whatever_the_test_rows_say():
    write_trials({"logistic": 0.4}, loss=0.1)
    write_trials({"mlp": 0.3}, loss=0.2)
    chosen = choose()
    assert chosen.name == "mlp"
    assert list(chosen.val_losses) == ["mlp", "logistic"]
    assert [point.n_train for point in chosen.curve] == [32, 64, 128]
    assert chosen.curve[0].loss == 0.2


def write_disagreeing_repeats():
    """Write trials in which mlp wins in repeat 0 and logistic wins in the mean of three repeats."""
    write_trials({"logistic": 0.3}, repeats=1)
    write_trials({"mlp": 0.2}, repeats=1)
    for model, val_loss in (("logistic", 0.3), ("mlp", 0.5)):
        path = paths.TRIALS / "mnist1d" / f"{model}.parquet"
        first = pd.read_parquet(path)
        others = [first.assign(repeat=repeat, val_loss=val_loss) for repeat in (1, 2)]
        write_table(pd.concat([first, *others]), path)


def test_other_repeats_do_not_count_because_they_may_use_the_held_out_rows():
    write_disagreeing_repeats()
    chosen = choose(repeats=3)
    assert chosen.name == "mlp"
    assert chosen.val_losses["mlp"] == pytest.approx(0.2 / 2)


def test_all_repeats_choose_where_a_month_is_held_out(monkeypatch):
    write_disagreeing_repeats()
    monkeypatch.setattr(AboutMonths, "of", lambda _: AboutMonths("2013-03", 10, 0))
    assert choose(repeats=3).name == "logistic"


def test_ties_go_to_the_fastest_fit():
    write_trials({"logistic": 0.3}, fit_seconds=0.2)
    write_trials({"mlp": 0.3}, fit_seconds=0.1)
    assert choose().name == "mlp"


def test_the_anchor_is_the_largest_that_all_have_with_all_repeats():
    write_trials({"logistic": 0.4}, anchors=(32, 64))
    write_trials({"mlp": 0.3}, anchors=(32, 64, 128))
    assert choose().anchor == 64
    write_trials({"mlp": 0.3}, repeats=1)
    with pytest.raises(TableError, match="no anchor has all 2 repeats of every contestant"):
        choose()


def test_a_contestant_that_params_do_not_name_takes_no_part():
    write_trials({"logistic": 0.4, "xgboost": 0.1})
    assert choose().name == "logistic"


def test_without_trials_the_error_names_the_command_that_makes_them():
    with pytest.raises(TableError, match="has no finished trials; make them with: dvc repro train@mnist1d"):
        choose()
