import numpy as np
import pytest

from fuelgauge.claims.statistics.continuation import Shape, terms


def test_the_terms_by_hand():
    """Two octaves ahead: 1 - exp(-4) of an offset, 1 - exp(-1) of what fades out, twice what has no end."""
    shape = Shape(
        slopes=np.array([0.01, 0.02, 0.03, 0.04]),
        offsets=np.array([0.1, 0.2, 0.3, 0.4]),
        means=np.array([1.1, 1.2, 1.3, 1.4]),
        scatters=np.array([0.5, 0.6, 0.7, 0.8]),
        fall=-0.9,
        rise=0.05,
        whole=-0.85,
        climbs=0.01,
        octaves=6.0,
        log2_n=11.0,
    )
    fading, soon = 1 - np.exp(-1), 1 - np.exp(-4)
    expected = [
        *(0.02, 0.04, 0.06, 0.08),
        *(fading * slope for slope in (0.01, 0.02, 0.03, 0.04)),
        *(soon * 0.2, soon * 0.4),
        *(fading * -0.9, fading * 0.05),
        2 * 0.7,
    ]
    found = terms(shape, np.array([0.0, 2.0]))
    assert found[0].tolist() == [0.0] * 13
    assert found[1] == pytest.approx(expected)
