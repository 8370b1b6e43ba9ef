import numpy as np
import pytest

from fuelgauge.claims.crossover import find_crossover
from fuelgauge.claims.resample import RepeatTest

ANCHORS = 32 * 2.0 ** np.arange(6)
A_WORSE, A_BETTER = 0.1, -0.1
TEST = RepeatTest(0.95)


def gaps(*values: float, spread: float = 0.0) -> np.ndarray:
    """Return the gap with all repeats, and with each of four left out."""
    if spread == 0.0:
        return np.tile(values, (5, 1))
    return np.array(values) + spread * np.array([0.0, 1.0, -1.0, 2.0, -2.0])[:, None]


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
    assert find_crossover(ANCHORS, gaps(*values), TEST).kind == kind
    assert find_crossover(ANCHORS, gaps(*values)[:1], TEST).kind == kind  # one repeat


def test_a_new_order_on_the_last_anchor_alone_is_censored() -> None:
    found = find_crossover(ANCHORS, gaps(0.1, 0.1, 0.1, 0.1, 0.1, -0.3), TEST)
    assert (found.kind, found.n) == ("never", np.inf)


def test_the_crossover_lies_where_the_gap_is_zero() -> None:
    found = find_crossover(ANCHORS, gaps(0.3, 0.2, 0.1, -0.1, -0.2, -0.3, spread=0.01), TEST)
    assert found.kind == "once"
    assert found.n == pytest.approx(128 * np.sqrt(2))
    assert 128 < found.lo < found.n < found.hi < 256


def test_of_several_crossovers_the_last_is_given() -> None:
    found = find_crossover(ANCHORS, gaps(0.1, 0.1, -0.1, -0.1, 0.1, 0.1), TEST)
    assert found.n == pytest.approx(256 * np.sqrt(2))


def test_an_order_that_the_repeats_do_not_show_is_none() -> None:
    found = find_crossover(ANCHORS, gaps(0.3, 0.3, 0.3, 0.01, -0.01, -0.01, spread=0.02), TEST)
    assert found.kind == "never"


def test_an_order_that_no_single_anchor_shows_leaves_the_end_open() -> None:
    wide = gaps(0.3, 0.3, 0.3, -0.02, -0.02, -0.02)
    patterns = np.array([[1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])  # unrelated from anchor to anchor
    wide[1:, 3:] += 0.0057 * patterns.T
    found = find_crossover(ANCHORS, wide, TEST)
    assert found.kind == "once" and found.hi == np.inf


def test_one_repeat_has_a_crossover_without_an_interval() -> None:
    found = find_crossover(ANCHORS, gaps(0.1, 0.1, 0.1, -0.1, -0.1, -0.1)[:1], TEST)
    assert found.kind == "once" and np.isnan(found.lo) and np.isnan(found.hi)
