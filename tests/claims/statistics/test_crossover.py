import numpy as np
import pytest

from fuelgauge.claims.statistics.crossover import Crossover, between_anchors, find_crossover
from fuelgauge.claims.statistics.resample import RepeatTest

ANCHORS = 32 * 2.0 ** np.arange(6)
A_WORSE, A_BETTER = 0.1, -0.1
TEST = RepeatTest(0.95)


def gaps(*values: float, spread: float = 0.0) -> np.ndarray:
    """Return the gap with all repeats, and with each of four left out."""
    if spread == 0.0:
        return np.tile(values, (5, 1))
    return np.array(values) + spread * np.array([0.0, 1.0, -1.0, 2.0, -2.0])[:, None]


def crossing(at_anchors: np.ndarray) -> Crossover:
    """Return the crossover of gaps that are straight between the anchors."""
    n = between_anchors(ANCHORS)
    between = [np.interp(np.log(n), np.log(ANCHORS), gap) for gap in at_anchors]
    return find_crossover(n, np.array(between), TEST)


@pytest.mark.parametrize(
    ("signs", "kind"),
    [
        ("++++++", "never"),
        ("------", "always"),
        ("+++---", "once"),
        ("--++++", "reversed"),
        ("++--++", "multiple"),
        ("++-+++", "never"),
        ("--+---", "always"),
        ("+++++-", "never"),
        ("-+++++", "never"),
        ("000000", "never"),
        ("++00--", "once"),
        ("++-+--", "once"),
    ],
)
def test_kinds(signs: str, kind: str) -> None:
    values = [{"+": A_WORSE, "-": A_BETTER, "0": 0.0}[sign] for sign in signs]
    assert crossing(gaps(*values)).kind == kind
    assert crossing(gaps(*values)[:1]).kind == kind  # one repeat


def test_a_new_order_on_the_last_anchor_alone_is_censored() -> None:
    found = crossing(gaps(0.1, 0.1, 0.1, 0.1, 0.1, -0.3))
    assert (found.kind, found.n) == ("never", np.inf)


def test_the_crossover_lies_where_the_gap_is_zero() -> None:
    found = crossing(gaps(0.3, 0.2, 0.1, -0.1, -0.2, -0.3, spread=0.01))
    assert found.kind == "once"
    assert found.n == pytest.approx(128 * np.sqrt(2))
    assert 128 < found.lo < found.n < found.hi < 256


def test_of_several_crossovers_the_last_is_given() -> None:
    found = crossing(gaps(0.1, 0.1, -0.1, -0.1, 0.1, 0.1))
    assert found.n == pytest.approx(256 * np.sqrt(2))


def test_an_order_that_the_repeats_do_not_show_is_none() -> None:
    found = crossing(gaps(0.3, 0.3, 0.3, 0.01, -0.01, -0.01, spread=0.02))
    assert found.kind == "never"


def test_an_order_that_no_single_anchor_shows_leaves_the_end_open() -> None:
    wide = gaps(0.3, 0.3, 0.3, -0.02, -0.02, -0.02)
    patterns = np.array([[1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])  # unrelated from anchor to anchor
    wide[1:, 3:] += 0.0057 * patterns.T
    found = crossing(wide)
    assert found.kind == "once" and found.hi == np.inf


def test_one_repeat_has_a_crossover_without_an_interval() -> None:
    found = crossing(gaps(0.1, 0.1, 0.1, -0.1, -0.1, -0.1)[:1])
    assert found.kind == "once" and np.isnan(found.lo) and np.isnan(found.hi)


def test_what_rounding_leaves_of_a_tie_is_no_order() -> None:
    tie = 1e-17
    told = crossing(gaps(A_WORSE, A_WORSE, -tie, -tie, A_WORSE, tie))
    assert told == crossing(gaps(A_WORSE, A_WORSE, 0.0, 0.0, A_WORSE, 0.0))
    assert told.kind == "never"
