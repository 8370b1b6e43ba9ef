import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fuelgauge.errors import ConfigError
from fuelgauge.features._image import engineered, gradients, projection, shape, tones
from fuelgauge.spec.features import ImageSettings

SETTINGS = ImageSettings()

batches = st.tuples(*(st.integers(1, n) for n in (4, 20, 20, 3))).flatmap(
    lambda shape: arrays.arrays(np.uint8, shape)
)


def test_a_step_edge_has_its_gradients_in_its_direction():
    upright = np.zeros((1, 28, 28, 1), np.uint8)
    upright[:, :, 14:] = 255
    level = upright.transpose(0, 2, 1, 3)
    across, down = (gradients(x, SETTINGS).reshape(-1, 9).sum(axis=0) for x in (upright, level))
    assert across.argmax() == 0  # the bin from 0 to 20 degrees: brightness changes along a row
    assert down.argmax() == 4  # the bin from 80 to 100 degrees
    assert across[0] == pytest.approx(across.sum())
    assert down[4] == pytest.approx(down.sum())


def test_of_three_channels_the_strongest_gradient_counts():
    grey = np.random.default_rng(0).integers(0, 256, (1, 20, 20, 1), dtype=np.uint8)
    colour = np.concatenate([np.zeros_like(grey), grey, np.zeros_like(grey)], axis=-1)
    np.testing.assert_allclose(gradients(colour, SETTINGS), gradients(grey, SETTINGS))


@pytest.mark.parametrize(
    ("height", "width", "channels", "d"),
    [(28, 28, 1, 607), (8, 8, 1, 355), (32, 32, 3, 613), (224, 180, 3, 613), (1, 1, 1, 26), (2, 40, 1, 70)],
)
def test_the_number_of_features_is_bounded_at_any_size(height, width, channels, d):
    images = np.random.default_rng(0).integers(0, 256, (2, height, width, channels), dtype=np.uint8)
    features = engineered(images, SETTINGS)
    assert features.shape == (2, d)
    assert np.isfinite(features).all()


def test_moments_agree_with_scikit_image_and_scipy():
    from scipy import stats
    from skimage import measure

    image = np.random.default_rng(0).integers(0, 256, (24, 24), dtype=np.uint8) // (1 + np.arange(24))
    found = shape(image[None] / 255)[0]
    moments = measure.moments_central(image / 255)
    invariants = measure.moments_hu(measure.moments_normalized(moments))
    np.testing.assert_allclose(
        found[5:], np.sign(invariants) * np.log10(1 + np.abs(invariants) / 1e-12), 1e-6
    )
    np.testing.assert_allclose(found[:2], (np.array(measure.centroid(image)) + 0.5) / 24)
    spread = np.array([moments[2, 0], moments[0, 2], moments[1, 1]]) / moments[0, 0] / 24**2
    np.testing.assert_allclose(found[2:5], spread, atol=1e-12)
    mean, deviation, skewness = tones(image[None, ..., None].astype(np.uint8))[0]
    assert mean == pytest.approx(image.mean() / 255)
    assert deviation == pytest.approx(image.std() / 255)
    assert skewness == pytest.approx(stats.skew(image.ravel()))


def test_hu_invariants_stay_when_an_image_is_turned():
    image = np.random.default_rng(0).random((1, 20, 20))
    np.testing.assert_allclose(shape(image)[:, 5:], shape(np.rot90(image, axes=(1, 2)))[:, 5:], rtol=1e-6)


def test_a_black_image_has_no_skew_and_its_centre_in_the_middle():
    features = engineered(np.zeros((1, 28, 28, 1), np.uint8), SETTINGS)[0]
    assert not features[:-28].any()
    assert features[-28:-26].tolist() == [0.5, 0.5]


def test_projections_are_means_of_parts():
    assert projection(np.array([[1.0, 3.0, 5.0, 7.0, 9.0]]), 2).tolist() == [[2, 7]]
    assert projection(np.array([[1.0, 3.0]]), 8).tolist() == [[1, 3]]


@given(batches, st.data())
@settings(max_examples=60, deadline=None)
def test_features_of_an_image_depend_on_that_image_alone(images, data):
    together = engineered(images, SETTINGS)
    assert together.dtype == np.float32
    assert np.isfinite(together).all()
    order = np.array(data.draw(st.permutations(range(len(images)))))
    np.testing.assert_array_equal(engineered(images[order], SETTINGS), together[order])
    for row in range(len(images)):
        np.testing.assert_array_equal(engineered(images[row : row + 1], SETTINGS)[0], together[row])


def test_no_rows_have_as_many_features():
    assert engineered(np.zeros((0, 28, 28, 1), np.uint8), SETTINGS).shape == (0, 607)


def test_a_wrong_setting_is_said():
    with pytest.raises(ConfigError, match="feature_set.image.cells is 0; it must be at least 1"):
        ImageSettings(cells=0)
