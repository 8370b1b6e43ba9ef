import numpy as np
import pytest
from scipy import stats

from fuelgauge.claims.statistics.crossover import NOT_SHOWN, SHOWN, Crossover, between_anchors, find_crossover
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
    ("signs", "above", "better"),
    [
        ("++++++", "", "bbbbbb"),
        ("------", "", "aaaaaa"),
        ("+++---", "a", "bbbaaa"),
        ("--++++", "b", "aabbbb"),
        ("++--++", "b", "bbaabb"),
        ("++-+++", "", "bb.bbb"),
        ("--+---", "", "aa.aaa"),
        ("+++++-", "", "bbbbb."),
        ("-+++++", "", ".bbbbb"),
        ("000000", "", "......"),
        ("++00--", "a", "bb..aa"),
        ("++-+--", "a", "bb.baa"),
    ],
)
def test_orders_and_their_changes(signs: str, above: str, better: str) -> None:
    values = [{"+": A_WORSE, "-": A_BETTER, "0": 0.0}[sign] for sign in signs]
    found = crossing(gaps(*values))
    assert (found.kind, found.above) == (SHOWN if above else NOT_SHOWN, above)
    assert [order or "." for order in found.better] == list(better)


def test_one_repeat_shows_nothing() -> None:
    found = crossing(gaps(0.1, 0.1, 0.1, -0.1, -0.1, -0.1)[:1])
    assert found.kind == NOT_SHOWN and np.isnan(found.n) and not any(found.better)


def test_a_new_order_on_the_last_anchor_alone_is_not_shown() -> None:
    found = crossing(gaps(0.1, 0.1, 0.1, 0.1, 0.1, -0.3))
    assert found.kind == NOT_SHOWN and np.isnan([found.n, found.lo, found.hi]).all()
    assert found.better[-1] == ""


def test_the_crossover_lies_where_the_gap_is_zero() -> None:
    found = crossing(gaps(0.3, 0.2, 0.1, -0.1, -0.2, -0.3, spread=0.01))
    assert found.kind == SHOWN
    assert found.n == pytest.approx(128 * np.sqrt(2))
    assert 128 < found.lo < found.n < found.hi < 256


def test_of_several_crossovers_the_last_is_given() -> None:
    found = crossing(gaps(0.1, 0.1, -0.1, -0.1, 0.1, 0.1))
    assert found.n == pytest.approx(256 * np.sqrt(2))


def test_no_order_is_claimed_at_the_anchors_of_a_stretch_that_is_not_shown() -> None:
    """The reported case: worse from some size on, which the repeats do not show, was called always better."""
    found = crossing(gaps(-0.3, -0.3, -0.3, 0.01, 0.02, 0.02, spread=0.02))
    assert found.kind == NOT_SHOWN
    assert list(found.better) == ["a", "a", "a", "", "", ""]


def test_an_order_that_no_single_anchor_shows_leaves_the_end_open() -> None:
    wide = gaps(0.3, 0.3, 0.3, -0.02, -0.02, -0.02)
    patterns = np.array([[1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])  # unrelated from anchor to anchor
    wide[1:, 3:] += 0.0057 * patterns.T
    found = crossing(wide)
    assert found.kind == SHOWN and found.hi == np.inf
    assert list(found.better) == ["b", "b", "b", "", "", ""]


def test_the_tests_of_the_stretches_are_corrected_for_their_number() -> None:
    """Alone, a stretch has p = 0.04; beside another one that shows nothing, Holm makes it 0.08."""
    pattern = np.array([0.0, 1.0, -1.0, 2.0, -2.0])[:, None]
    t = 3.56  # p = 0.04 in Student's t with 3 degrees of freedom
    error = np.sqrt(3 / 4 * 10)
    alone = np.full(6, 0.1) + pattern * 0.1 / (t * error)
    beside = np.array([-0.001, -0.001, 0.1, 0.1, 0.1, 0.1]) + pattern * 0.1 / (t * error)
    assert "b" in crossing(alone).better
    assert "b" not in crossing(beside).better


def test_what_rounding_leaves_of_a_tie_is_no_order() -> None:
    tie = 1e-17
    told = crossing(gaps(A_WORSE, A_WORSE, -tie, -tie, A_WORSE, tie))
    plain = crossing(gaps(A_WORSE, A_WORSE, 0.0, 0.0, A_WORSE, 0.0))
    assert list(told.better) == list(plain.better) and told.kind == plain.kind == NOT_SHOWN


def test_the_ends_lie_between_the_sizes_that_show_an_order_and_those_beside_that_do_not() -> None:
    """The curves bend at 128 and 256 rows, which show the orders just so: 0.095 against a reach of 0.0872."""
    found = crossing(gaps(1.0, 1.0, 0.095, -0.095, -1.0, -1.0, spread=0.01))
    reach = stats.t.ppf(0.975, 3) * np.sqrt(3 / 4 * 10) * 0.01
    octaves = (0.095 - reach) / 0.19
    assert (found.lo, found.hi) == pytest.approx((128 * 2**octaves, 256 / 2**octaves))
