import numpy as np
import pytest
import torch

from fuelgauge.errors import ConfigError
from fuelgauge.models.base import FitContext
from fuelgauge.models.fcn import FCN
from fuelgauge.models.knn import KNN
from fuelgauge.models.rnn import RNN
from fuelgauge.models.sequences import fold, summary
from fuelgauge.models.transformer import Encoder, SequenceTransformer
from tests.models.kinds import examples
from tests.models.test_contract import CONFIGS, new


def test_a_long_sequence_is_folded_and_its_end_stays_the_end():
    x = np.arange(2 * 7 * 2, dtype=np.float32).reshape(2, 7, 2)
    assert fold(x, 7) is x
    folded = fold(x, 4)
    assert folded.shape == (2, 4, 4)
    assert folded[0, 0].tolist() == [0, 0, 0, 1]
    assert folded[0, -1].tolist() == [10, 11, 12, 13]


def test_a_summary_is_the_largest_the_mean_and_the_last():
    values = torch.tensor([[[1.0, 5.0], [3.0, 1.0]]])
    assert summary(values, values[:, -1]).tolist() == [[3, 5, 2, 3, 3, 1]]


def test_an_unknown_cell_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="cell is 'grru', did you mean 'gru'"):
        RNN(cell="grru")


@pytest.mark.parametrize(
    "name", [name for name, config in CONFIGS.items() if "sequence" in config["modalities"]]
)
@pytest.mark.parametrize("steps", [1, 200])
def test_sequences_of_one_step_and_of_hundreds_are_taken(name, steps):
    model = new(name)
    train = examples("sequence", "binary", 20)
    object.__setattr__(train, "x", np.resize(train.x, (20, steps, 2)))
    model.fit(train, train, FitContext(0, 1, "cpu", "accuracy", step_limit=2))
    assert np.isfinite(model.predict(train.head(1))).all()


def test_a_shape_says_the_same_wherever_it_is_but_at_the_ends():
    torch.manual_seed(0)
    walk = FCN(channels=8).network(torch.zeros(1, 40, 1), 2)[0]
    early, late = torch.zeros(2, 1, 40, 1)
    early[0, 10:15, 0] = late[0, 20:25, 0] = torch.randn(5)
    assert torch.allclose(walk(early), walk(late), atol=1e-6)


def encoder() -> Encoder:
    torch.manual_seed(0)
    return Encoder(n_tokens=5, width=8, depth=2, heads=2, dropout=0.5).eval()


def test_what_fills_a_row_up_changes_nothing_that_the_tokens_say():
    net, tokens = encoder(), torch.randn(2, 3, 8)
    filled = torch.cat([tokens, 100 * torch.ones(2, 2, 8)], dim=1)
    mask = torch.tensor([True] * 4 + [False] * 2).expand(2, 1, 1, 6)
    assert torch.allclose(net(filled, mask)[:, :4], net(tokens), atol=1e-6)
    assert not torch.allclose(net(filled)[:, :4], net(tokens), atol=1e-6)


def test_tokens_see_one_another_and_know_their_places():
    net, tokens = encoder(), torch.randn(1, 3, 8)
    changed = tokens.clone()
    changed[0, 2] *= -1
    assert not torch.allclose(net(tokens)[0, 1], net(changed)[0, 1])
    assert not torch.allclose(net(tokens).mean(1), net(tokens.flip(1)).mean(1))


def test_the_warm_up_of_a_transformer_is_its_share_of_the_steps():
    model = SequenceTransformer(learning_rate=1.0, warm=0.5)
    net = torch.nn.Linear(1, 1)
    optimizer = model.optimizer(net)
    rates = []
    for step in range(8):
        model.before_step(net, optimizer, step, 8)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert rates[-1] < 0.2


def test_heads_that_do_not_divide_the_width_are_named():
    with pytest.raises(ConfigError, match="width is 10, which is not a multiple of the 4 heads"):
        SequenceTransformer(width=10)


def test_fewer_rows_than_neighbours_are_all_asked():
    train = examples("matrix", "regression", 3)
    model = KNN(n_neighbors=5)
    model.fit(train, train, FitContext(0, 1, "cpu", "rmse"))
    assert model.predict(train) == pytest.approx(np.full(3, train.y.mean()))
