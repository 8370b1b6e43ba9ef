import pytest

from fuelgauge.config.compose import compose
from fuelgauge.registry._choice import best_contestant
from fuelgauge.registry._outlook import outlook
from tests.registry.made_trials import write_trials

pytestmark = pytest.mark.usefixtures("project")
ANCHORS = (32, 64, 128, 256, 512)


def ahead(n_train: int = 850):
    params = compose("dataset=mnist1d", "repeats=2")
    return outlook("mnist1d", best_contestant("mnist1d", params), params, n_train)


def test_the_outlook_is_at_multiples_of_the_rows_of_the_final_fit():
    write_trials({"mlp": 0.3}, ANCHORS, family="deep")
    twice, tenfold = ahead()
    assert [(there.times, there.n_train) for there in (twice, tenfold)] == [(2, 1700), (10, 8500)]
    last = 0.3 * (32 / 512) ** 0.5
    assert tenfold.loss < twice.loss < last, "losses that fall as a power of n go on falling"
    assert all(there.lo < there.loss < there.hi for there in (twice, tenfold))


def test_the_outlook_knows_the_training_losses_and_the_other_contestants():
    write_trials({"mlp": 0.3}, ANCHORS, floor=0.1, family="deep")
    alone = ahead()
    write_trials({"mlp": 0.3}, ANCHORS, floor=0.1, family="deep", train_loss=0.0)
    trained = ahead()
    write_trials({"logistic": 0.6}, ANCHORS, floor=0.2, family="linear", train_loss=0.05)
    together = ahead()
    assert len({there[0].loss for there in (alone, trained, together)}) == 3


def test_a_single_anchor_has_no_outlook():
    write_trials({"mlp": 0.3}, anchors=(32,))
    assert ahead() == ()
