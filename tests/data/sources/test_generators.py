import numpy as np
import pytest
from mnist1d.data import get_dataset_args, make_dataset

from fuelgauge.data.arrow import to_array
from fuelgauge.data.sources.bundled import digits
from fuelgauge.data.sources.generators import mnist1d
from fuelgauge.errors import DataError


def published(n_rows, seed, shuffle_sequence):
    """Return the sequences and labels of the authors' package."""
    arguments = get_dataset_args()
    arguments.num_samples, arguments.seed, arguments.shuffle_seq = n_rows, seed, shuffle_sequence
    state = np.random.get_state()  # noqa: NPY002
    made = make_dataset(arguments)
    np.random.set_state(state)  # noqa: NPY002
    return np.concatenate([made["x"], made["x_test"]]), np.concatenate([made["y"], made["y_test"]])


@pytest.mark.parametrize(("n_rows", "seed", "shuffle"), [(1000, 42, False), (300, 7, True), (10, 0, False)])
def test_mnist1d_is_what_the_authors_package_generates(n_rows, seed, shuffle):
    x, y = published(n_rows, seed, shuffle)
    table = mnist1d(n_rows, seed, shuffle)
    assert to_array(table["x"]).shape == (n_rows, 40, 1)
    np.testing.assert_allclose(to_array(table["x"])[..., 0], x, rtol=0, atol=1e-6)
    assert np.array_equal(table["y"], y)


def test_the_classes_are_balanced_and_the_global_generator_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    table = mnist1d(100, 42)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert np.bincount(table["y"]).tolist() == [10] * 10


@pytest.mark.parametrize("n_rows", [105, 0, -10])
def test_mnist1d_wants_whole_classes(n_rows):
    with pytest.raises(DataError, match=f"n_rows is {n_rows}"):
        mnist1d(n_rows, 42)


def test_the_shuffled_control_has_the_same_values_in_another_order():
    plain, shuffled = (to_array(mnist1d(50, 1, s)["x"])[..., 0] for s in (False, True))
    assert not np.allclose(plain, shuffled)
    assert np.allclose(np.sort(plain, axis=1), np.sort(shuffled, axis=1), atol=1e-5)


def test_digits_use_the_whole_range_of_grey():
    table = digits()
    pixels = to_array(table["x"])
    assert pixels.shape == (1797, 8, 8, 1)
    assert pixels.dtype == np.uint8
    assert (pixels.min(), pixels.max(), len(np.unique(pixels))) == (0, 255, 17)


def test_the_control_of_digits_has_the_same_pixels_in_another_order():
    plain, shuffled = (to_array(digits(s)["x"]).reshape(1797, 64) for s in (False, True))
    assert not np.array_equal(plain, shuffled)
    assert sorted(map(tuple, plain.T)) == sorted(map(tuple, shuffled.T))
