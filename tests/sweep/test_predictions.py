import json

import numpy as np

from fuelgauge.sweep.predictions import pack, unpack


def test_whole_rows_up_to_the_limit_are_kept_as_json():
    predicted = np.random.default_rng(0).dirichlet([1, 1, 1], 50)
    kept = unpack(json.loads(json.dumps(pack(predicted, 31))))
    assert kept.shape == (10, 3)
    assert np.abs(kept - predicted[:10]).max() < 1e-3


def test_values_keep_seven_digits():
    values = np.array([1_234_567.0, -0.5, 3.25])
    assert unpack(pack(values, 2)).tolist() == [1_234_567.0, -0.5]


def test_a_limit_of_zero_keeps_nothing():
    assert unpack(pack(np.ones((5, 2)), 0)).shape == (0, 2)
