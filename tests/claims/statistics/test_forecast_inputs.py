import numpy as np
import pytest

from fuelgauge.claims.statistics.forecast_inputs import KINDS, Sketches, inputs, joined, no_sketches, stacked

NOW, BELOW, ABOVE = -1.0, 0.1, 0.3
BACK = np.array([0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6])
SHARE = np.array([0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1, 0.05])
SHAPE = np.arange(16.0)


def seen(level: float, back: np.ndarray, share: np.ndarray, change: float) -> Sketches:
    """Return the sketch of one curve, leading shape (1,)."""
    parts = (level, back, share, SHAPE, change, BELOW, ABOVE)
    return Sketches(*(np.array([part]) for part in parts))


OWN = seen(NOW, BACK, SHARE, -0.2)
# Seen from the curve itself, whose forecast is -0.2, this one is 0.2 lower and ends 0.1 lower ...
LOWER = seen(NOW - 0.2, BACK + 0.2, np.array([0.5, 0.5, 0.2, 0, 0, 0, 0, 0]), -0.1)
# ... and this one is 0.1 higher and ends 0.05 higher.
HIGHER = seen(NOW + 0.1, BACK - 0.1, np.array([0.7, 0.7, 0.6, 0, 0, 0, 0, 0]), -0.25)


def from_low_to_high(low: float, high: float) -> np.ndarray:
    """Return smallest, quartiles and largest of two values."""
    return np.linspace(low, high, 5)


def weighted(weights: list[float], lower: float, higher: float) -> float:
    return float(np.average([lower, higher], weights=weights))


def test_the_inputs_by_hand():
    others = stacked([LOWER, HIGHER, no_sketches((1,))], axis=1)
    found = inputs(OWN, others, np.array([-0.5]), np.array([2.0]), np.array([KINDS.index("forest")]))
    size = 0.2
    curve = [
        *SHAPE,
        *BACK,
        *(0.05, 0.05, 0.05, 0.1, 0.1, 0.2),
        *(2.0, -0.2, -0.2 / 2, -0.2 / size, BELOW, ABOVE),
    ]
    reach = np.log(0.4)
    training = [
        *SHARE,
        *(0.05, 0.1, 0.2),
        *(reach, np.log(0.7), -0.2 - reach, -0.2 / reach, (0.4 - 1) / size),
    ]
    companions = [
        *(2, 0.5, 0.5),  # how many, how many of them are lower now, how many will be
        *from_low_to_high(-0.2, 0.1),
        *from_low_to_high(-0.1, 0.05),
        *from_low_to_high(-0.25, -0.1),
        *(-0.175 + 0.2, (-0.175 + 0.2) / size, (-0.3 + 0.2) / size),
        *from_low_to_high(-0.2, 0.1),  # their slopes, -0.3 and 0, minus its own, -0.1
        *(-0.2 + 0.1, -0.125 + 0.1),
        *(-0.2, -0.15, 0.6, 0.2, 0.6 - 0.4),
    ]
    for near in ([np.exp(-0.2 / 0.2), np.exp(-0.1 / 0.2)], [np.exp(-0.2 / 0.1), np.exp(-0.1 / 0.1)]):
        change = weighted(near, -0.1, -0.25)
        companions += [change, weighted(near, -0.5, 0.1), weighted(near, -0.3, 0.0), weighted(near, 0.5, 0.7)]
        companions += [change + 0.2, (change + 0.2) / size]
    of_lower, of_higher = [-0.2, -0.1, -0.5, -0.3, 0.5, 0.2], [0.1, -0.25, 0.1, 0.0, 0.7, 0.1]
    companions += [*of_lower, *of_higher, *[np.nan] * 6]  # the lowest forecast first
    companions += [*of_higher, *of_lower, *[np.nan] * 6]  # the most alike first
    kinds = [float(kind == "forest") for kind in KINDS]
    expected = [*curve, *training, -0.5 - NOW, *companions, *kinds]
    assert found[0] == pytest.approx(expected, nan_ok=True)


def test_a_curve_that_is_not_there_has_room_for_all_that_another_has():
    both = joined([OWN, no_sketches((1,))])
    assert np.isnan(both.level).tolist() == [False, True]
    assert np.isnan(both.shape).all(axis=1).tolist() == [False, True]
