import numpy as np
import pytest

from fuelgauge.claims.statistics.turnbull import interval_censored, median_interval, median_p_value

# Months until the breast deteriorates after radiotherapy alone: Finkelstein and Wolfe, Biometrics 41 (1985).
RADIOTHERAPY = """45- 25-37 37- 6-10 46- 0-5 0-7 26-40 18- 46- 46- 24- 46- 27-34 36- 7-16 36-44 5-11 17- 46-
19-35 7-14 36-48 17-25 37-44 37- 24- 0-8 40- 32- 4-11 17-25 33- 15- 46- 19-26 11-15 11-18 37- 22- 38- 34- 46-
5-12 36- 46-"""


def read(text: str) -> tuple[np.ndarray, np.ndarray]:
    ends = [pair.split("-") for pair in text.split()]
    return np.array([float(a) for a, _ in ends]), np.array([float(b or "inf") for _, b in ends])


def test_a_published_estimate_is_reproduced() -> None:
    """The masses are those that the R package interval gives (Fay and Shaw, J. Stat. Softw. 36, 2010)."""
    left, right = read(RADIOTHERAPY)
    found = interval_censored(left, right)
    kept = found.mass > 1e-4
    assert found.left[kept].tolist() == [4, 6, 7, 11, 24, 33, 38, 46]
    assert found.right[kept].tolist() == [5, 7, 8, 12, 25, 34, 40, 48]
    masses = [0.0463, 0.0334, 0.0887, 0.0708, 0.0926, 0.0818, 0.1209, 0.4656]
    assert found.mass[kept] == pytest.approx(masses, abs=1e-4)


def test_exact_values_give_their_shares_and_their_median() -> None:
    left, right = np.array([1.0, 1.0, 4.0, 8.0]), np.array([2.0, 2.0, 8.0, 16.0])
    found = interval_censored(left, right)
    assert found.mass == pytest.approx([0.5, 0.25, 0.25])
    assert found.median == (1.0, 2.0) and found.beyond == 0


def test_values_beyond_the_range_are_a_share_without_an_end() -> None:
    found = interval_censored(np.array([0.0, 64.0, 64.0, 64.0]), np.array([32.0, np.inf, np.inf, np.inf]))
    assert found.beyond == pytest.approx(0.75) and found.median == (64.0, np.inf)


def test_what_is_not_known_has_no_influence() -> None:
    left, right = read(RADIOTHERAPY)
    nothing = np.zeros(5), np.full(5, np.inf)
    more = interval_censored(np.append(left, nothing[0]), np.append(right, nothing[1]))
    assert more.mass == pytest.approx(interval_censored(left, right).mass)
    alone = interval_censored(*nothing)
    assert len(alone.mass) == 0 and np.isnan(alone.median).all() and alone.beyond == 0


def test_the_interval_of_the_median_is_that_of_order_statistics() -> None:
    """Of ten values the second and the ninth bound the median with probability 0.979."""
    values = np.arange(1.0, 11.0)
    assert median_interval(values, values) == (2.0, 9.0)
    assert median_interval(values[:5], values[:5]) == (0.0, np.inf)
    unknown_above = np.where(values > 6, np.inf, values)
    assert median_interval(values, unknown_above) == (2.0, np.inf)


def test_the_interval_holds_the_median_however_values_are_censored() -> None:
    random = np.random.default_rng(0)
    held = 0
    for _ in range(1000):
        values = np.exp(random.normal(6, 1, 24))
        grid = 32 * 2.0 ** np.arange(8)
        top = np.where(values > np.exp(6), 256.0, 4096.0)  # large values are censored early
        left = np.array(
            [max([0.0, *grid[(grid < v) & (grid <= t)]]) for v, t in zip(values, top, strict=True)]
        )
        right = np.array(
            [min([np.inf, *grid[(grid >= v) & (grid <= t)]]) for v, t in zip(values, top, strict=True)]
        )
        lo, hi = median_interval(left, right)
        held += lo < np.exp(6) <= hi
    assert held >= 950


def test_a_value_above_a_small_number_is_known():
    """Of four values, one lies above 0.5 and three at or below: a quarter of the probability is above."""
    left, right = np.array([0.5, 0.0, 0.0, 0.0]), np.array([np.inf, 0.5, 0.5, 0.5])
    found = interval_censored(left, right)
    assert found.mass[found.left >= 0.5].sum() == pytest.approx(0.25)


def test_the_interval_may_have_exactly_its_level() -> None:
    """Both of two values lie on one side of the median with probability 1/4 for each side."""
    values = np.array([1.0, 2.0])
    assert median_interval(values, values, level=0.5) == (1.0, 2.0)


def test_the_sign_test_of_a_median_by_hand() -> None:
    """Of four values three lie above 2: (4 + 1) / 16 on one side. Nothing is known of the last one."""
    left, right = np.array([3.0, 4.0, 5.0, 0.0]), np.array([3.0, np.inf, 5.0, np.inf])
    assert median_p_value(left, right, 2.0) == pytest.approx(2 * 5 / 16)
    assert median_p_value(left[:3], right[:3], 2.0) == pytest.approx(2 / 8)
    assert median_p_value(left, right, 5.0) == 1.0
    assert median_p_value(left[:0], right[:0], 1.0) == 1.0
