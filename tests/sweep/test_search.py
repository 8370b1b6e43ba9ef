import math
from dataclasses import dataclass, field

import pytest

from fuelgauge.models.base import FitError
from fuelgauge.spec.hyperparameters import changed
from fuelgauge.spec.model import Range
from fuelgauge.sweep._search import Fitted, Sampler, find, value_of
from fuelgauge.sweep.timing import Cost, Measured

DEFAULTS = {"x": 0.9, "parameters": {"depth": 6, "kept": 1}}


def plain(**choice):
    return {**vars(Range(type="float")), **choice}


RANGES = {
    "x": plain(low=0.0, high=1.0),
    "parameters.depth": plain(type="int", low=1, high=10),
}


@dataclass
class Landscape:
    """Fits whose validation loss is a known function; each takes 1.5 s on their own clock."""

    loss: object = lambda h: (h["x"] - 0.25) ** 2
    seen: list = field(default_factory=list)

    def __call__(self, hyperparameters):
        self.seen.append(hyperparameters)
        return Fitted(None, hyperparameters, Measured(1, 1.0, 2.0, 1.0, 0.0), self.loss(hyperparameters))

    def clock(self) -> Cost:
        return Cost(1.5 * len(self.seen), 2.0 * len(self.seen))


def settings(method="random", trials=20, seconds=None, ranges=RANGES):
    return {"method": method, "trials": trials, "seconds": seconds, "ranges": ranges}


def test_without_a_search_there_is_one_fit_with_the_defaults():
    fits = Landscape()
    found = find(fits, DEFAULTS, {}, 0)
    assert fits.seen == [DEFAULTS]
    assert (found.n_fits, found.best.hyperparameters) == (1, DEFAULTS)


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_the_first_fit_is_the_default_and_the_best_of_all_is_kept(method):
    fits = Landscape()
    found = find(fits, DEFAULTS, settings(method), 0)
    assert fits.seen[0] == DEFAULTS
    assert len(fits.seen) == found.n_fits == 20
    assert found.best.val_loss == min((h["x"] - 0.25) ** 2 for h in fits.seen)
    assert all(0 <= h["x"] <= 1 and h["parameters"]["depth"] in range(1, 11) for h in fits.seen)
    assert all(h["parameters"]["kept"] == 1 for h in fits.seen)
    assert len({h["x"] for h in fits.seen}) == 20


def test_tpe_comes_nearer_than_chance_with_the_same_number_of_fits():
    """Compare the distance to the minimum of a smooth function, summed over ten seeds."""
    distances = {
        method: sum(
            abs(find(Landscape(), DEFAULTS, settings(method, 40), seed).best.hyperparameters["x"] - 0.25)
            for seed in range(10)
        )
        for method in ("random", "tpe")
    }
    assert distances["tpe"] < distances["random"]


def test_the_same_seed_proposes_the_same():
    one, same, other = Landscape(), Landscape(), Landscape()
    for fits, seed in ((one, 3), (same, 3), (other, 4)):
        find(fits, DEFAULTS, settings(), seed)
    assert one.seen == same.seen
    assert one.seen[1:] != other.seen[1:]


def test_a_budget_of_seconds_counts_fits_and_their_validation():
    fits = Landscape()
    found = find(fits, DEFAULTS, settings(trials=None, seconds=6.0), 0, fits.clock)
    assert found.n_fits == 4
    assert found.cost == Cost(6.0, 8.0)


def test_the_budget_that_ends_first_ends_the_search():
    for seconds, n_fits in ((1000, 3), (0.1, 1)):
        fits = Landscape()
        assert find(fits, DEFAULTS, settings(trials=3, seconds=seconds), 0, fits.clock).n_fits == n_fits


def test_a_proposal_that_breaks_down_costs_its_place_and_no_more():
    def loss(h):
        if h["x"] < 0.5:
            raise FitError("broken")
        return h["x"]

    found = find(Landscape(loss), DEFAULTS, settings(trials=12), 0)
    assert found.n_fits == 12
    assert 0.5 <= found.best.hyperparameters["x"] < 0.9


@pytest.mark.parametrize("error", [RuntimeError("dtypes differ"), ValueError("n"), MemoryError()])
def test_a_proposal_that_breaks_down_in_any_other_way_does_not_take_the_good_fits_with_it(error, caplog):
    def loss(h):
        if h != DEFAULTS:
            raise error
        return 1.0

    found = find(Landscape(loss), DEFAULTS, settings(trials=4), 0)
    assert (found.n_fits, found.best.hyperparameters) == (4, DEFAULTS)
    assert f"a proposal of the search failed ({type(error).__name__}: {error})" in caplog.text


def test_a_budget_of_seconds_ends_also_where_every_proposal_breaks_down():
    def loss(h):
        if h != DEFAULTS:
            raise FitError("broken")
        return 1.0

    fits = Landscape(loss)
    found = find(fits, DEFAULTS, settings(trials=None, seconds=6.0), 0, fits.clock)
    assert (found.n_fits, found.cost) == (4, Cost(6.0, 8.0))


def test_defaults_that_break_down_are_a_failure():
    def loss(h):
        raise FitError("the training loss is nan")

    with pytest.raises(FitError, match="the training loss is nan"):
        find(Landscape(loss), DEFAULTS, settings(), 0)


def test_of_equal_losses_and_of_none_the_default_is_kept():
    assert find(Landscape(lambda h: 1.0), DEFAULTS, settings(), 0).best.hyperparameters == DEFAULTS
    assert find(Landscape(lambda h: math.nan), DEFAULTS, settings(), 0).best.hyperparameters == DEFAULTS


def test_a_loss_that_cannot_be_computed_is_worse_than_any():
    found = find(Landscape(lambda h: math.nan if h == DEFAULTS else h["x"]), DEFAULTS, settings(), 0)
    assert found.best.hyperparameters != DEFAULTS


def test_a_model_without_ranges_is_fitted_once():
    assert find(Landscape(), DEFAULTS, settings(ranges={}), 0).n_fits == 1


def test_the_sampler_learns_the_defaults_only_where_they_lie_within_the_ranges():
    inside = Sampler(settings("tpe"), DEFAULTS, 0)
    inside.learn_defaults(0.5)
    outside = Sampler(settings("tpe"), {**DEFAULTS, "x": 7.0}, 0)
    outside.learn_defaults(0.5)
    missing = Sampler(settings("tpe"), {**DEFAULTS, "x": None}, 0)
    missing.learn_defaults(0.5)
    assert [len(s.study.trials) for s in (inside, outside, missing)] == [1, 0, 0]


def test_ranges_of_every_kind_are_kept_to():
    ranges = {
        "x": plain(low=1e-4, high=1.0, log=True),
        "parameters.depth": plain(type="int", low=2, high=10, step=4),
        "parameters.kept": plain(type="choice", values=[1, "two", None]),
    }
    fits = Landscape(lambda h: h["x"])
    find(fits, DEFAULTS, settings(ranges=ranges, trials=60), 0)
    tried = fits.seen[1:]
    assert {h["parameters"]["depth"] for h in tried} == {2, 6, 10}
    assert {h["parameters"]["kept"] for h in tried} == {1, "two", None}
    below = sum(h["x"] < 1e-2 for h in tried)
    assert 15 < below < 45, "half of the draws from a logarithmic range lie below its geometric mean"


def test_a_dotted_name_reaches_into_a_mapping():
    assert value_of(DEFAULTS, "parameters.depth") == 6
    assert value_of(DEFAULTS, "parameters.new") is None
    assert changed(DEFAULTS, {"parameters.new": 2}, "here")["parameters"] == {"depth": 6, "kept": 1, "new": 2}
    assert DEFAULTS["parameters"] == {"depth": 6, "kept": 1}
