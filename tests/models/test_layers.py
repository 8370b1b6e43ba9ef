from types import SimpleNamespace

import pytest
import torch
from torch import nn

from fuelgauge.models.ft_transformer import FTTransformer
from fuelgauge.models.layers import Dropout, RandomBytes, numbers_and_codes, with_cheap_dropout
from fuelgauge.models.tabm import TabM


def test_dropout_drops_its_share_scales_the_others_and_does_nothing_in_evaluation():
    torch.manual_seed(0)
    layer = Dropout(0.25)
    values = layer(torch.ones(100, 1000))
    dropped = (values == 0).float().mean().item()
    assert abs(dropped - 0.25) < 0.01
    assert abs(values.max().item() - 256 / 192) < 1e-6
    assert torch.equal(layer.eval()(torch.ones(5)), torch.ones(5))


def test_layers_of_a_net_drop_units_of_their_own_and_a_seed_repeats_them():
    def dropped() -> list[torch.Tensor]:
        torch.manual_seed(3)
        return [Dropout(0.5)(torch.ones(1000)) for _ in range(2)]

    (one, other), (again, _) = dropped(), dropped()
    assert torch.equal(one, again)
    assert 0.4 < (one == other).float().mean().item() < 0.6


def test_on_any_device_each_of_several_nets_draws_as_it_would_alone():
    """Test the code for other devices, which also runs on a CPU."""
    device = torch.device("cpu")
    one, other = (RandomBytes(seed).on(device, 300) for seed in (1, 2))
    assert torch.equal(RandomBytes(1).on(device, 300), one)
    assert not torch.equal(one, other)
    assert 0 <= one.min() < 10 and 245 < one.max() <= 255
    assert not torch.equal((goes_on := RandomBytes(1)).on(device, 300), goes_on.on(device, 300))


def test_the_dropout_of_a_library_net_is_replaced_at_any_depth():
    net = with_cheap_dropout(nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Dropout(0.3), nn.ReLU())))
    found = [m for m in net.modules() if isinstance(m, Dropout)]
    assert [m.share for m in found] == [0.3]
    assert not [m for m in net.modules() if isinstance(m, nn.Dropout)]


def test_numbers_and_codes_are_told_apart():
    inputs = torch.tensor([[0.5, 2.0], [1.5, 3.0]])
    numbers, codes = numbers_and_codes(inputs, 1)
    assert numbers.tolist() == [[0.5], [1.5]]
    assert codes.tolist() == [[2], [3]]
    assert codes.dtype == torch.int64
    assert numbers_and_codes(inputs, 2)[1] is None
    assert numbers_and_codes(inputs, 0)[0] is None


@pytest.mark.parametrize("model", [TabM(), FTTransformer()])
def test_a_net_of_categories_only_looks_them_up(model):
    model.encoder, model.edges = SimpleNamespace(n_numbers=0, cardinalities=(3, 2)), []
    net = model.network(torch.zeros(1, 2), 4).eval()
    # One by one, because the position of a row in a product can change its last digit.
    one, other, again = (net(torch.tensor([row])) for row in ([0.0, 1.0], [2.0, 1.0], [0.0, 1.0]))
    assert torch.equal(one, again)
    assert not torch.allclose(one, other, atol=1e-3)
