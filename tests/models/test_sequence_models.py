import numpy as np
import pytest
import torch

from fuelgauge.errors import ConfigError
from fuelgauge.models.base import FitContext
from fuelgauge.models.fcn import FCN
from fuelgauge.models.knn import KNN
from fuelgauge.models.rnn import CELLS, RNN
from fuelgauge.models.sequences import fold, summary

from .kinds import examples


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


@pytest.mark.parametrize("model", [*(RNN(cell=cell) for cell in CELLS), FCN()], ids=[*CELLS, "fcn"])
@pytest.mark.parametrize("steps", [1, 200])
def test_sequences_of_one_step_and_of_hundreds_are_taken(model, steps):
    train = examples("sequence", "binary", 20)
    object.__setattr__(train, "x", np.resize(train.x, (20, steps, 2)))
    model.fit(train, train, FitContext(0, 1, "cpu", "accuracy", step_limit=2))
    assert np.isfinite(model.predict(train.head(1))).all()


def test_fewer_rows_than_neighbours_are_all_asked():
    train = examples("matrix", "regression", 3)
    model = KNN(n_neighbors=5)
    model.fit(train, train, FitContext(0, 1, "cpu", "rmse"))
    assert model.predict(train) == pytest.approx(np.full(3, train.y.mean()))
