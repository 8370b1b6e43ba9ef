import numpy as np
import pytest
import torch

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext
from fuelgauge.models.cnn2d import CNN2d, Shift, shrink


def images(n: int, *shape: int) -> Examples:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (n, *shape)).astype(np.uint8)
    return Examples(x, np.arange(n) % 3, "multiclass", 3)


@pytest.mark.parametrize(
    "shape",
    [(8, 8, 1), (16, 16, 3), (17, 9, 1), (28, 28, 1), (32, 32, 3), (100, 40, 3), (3, 2, 1), (1, 1, 1)],
)
def test_images_of_any_size_are_taken_down_to_a_batch_of_one(shape):
    train = images(6, *shape)
    model = CNN2d()
    model.fit(train, images(3, *shape), FitContext(0, 1, "cpu", "accuracy", step_limit=3))
    assert model.predict(images(1, *shape)).shape == (1, 3)
    assert np.isfinite(model.predict(train)).all()


def test_images_that_are_too_large_are_shrunk_by_means_of_squares():
    large = np.arange(2 * 5 * 4).reshape(2, 5, 4, 1).astype(np.uint8)
    assert shrink(large, 5) is large
    small = shrink(large, 3)
    assert small.shape == (2, 2, 2, 1)
    assert small[0, :, :, 0].tolist() == [[2.5, 4.5], [10.5, 12.5]]


def test_a_long_thin_image_keeps_a_row():
    assert shrink(np.ones((1, 2, 100, 3), dtype=np.uint8), 32).shape == (1, 1, 25, 3)


def test_training_images_are_moved_each_on_its_own_and_borders_are_repeated():
    torch.manual_seed(0)
    steps = torch.arange(8.0).expand(50, 1, 8, 8)
    moved = Shift(0.25)(steps)
    assert moved.shape == steps.shape
    assert set(moved[:, 0, 0, 3].tolist()) == {1.0, 2.0, 3.0, 4.0, 5.0}
    assert (moved.diff(dim=3) >= 0).all()
    assert moved.amin() == 0
    assert moved.amax() == 7


def test_images_that_are_not_trained_on_stay_where_they_are():
    image = torch.rand(2, 1, 8, 8)
    assert Shift(0.5).eval()(image) is image
    assert Shift(0.0)(image) is image
