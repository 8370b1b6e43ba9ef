import numpy as np
import pandas as pd

from fuelgauge.claims.statistics.cube import cubes, shared_cells

TRIALS = pd.DataFrame(
    {
        "dataset": "d",
        "level": "model",
        "model": ["b", "a", "a"],
        "family": ["deep", "linear", "linear"],
        "n_train": [64, 64, 32],
        "repeat": [0, 1, 1],
        "loss": [0.1, 0.2, 0.3],
        "fit_seconds": [1.0, 2.0, 3.0],
    }
)


def test_a_cube_by_hand() -> None:
    (cube,) = cubes(TRIALS, ("fit_seconds", "score"))
    assert (cube.models.tolist(), cube.families.tolist()) == (["a", "b"], ["linear", "deep"])
    assert cube.anchors.tolist() == [32, 64] and cube.anchors.dtype == float
    nan = np.nan
    np.testing.assert_array_equal(cube.loss, [[[nan, 0.3], [nan, 0.2]], [[nan, nan], [0.1, nan]]])
    np.testing.assert_array_equal(cube.values["fit_seconds"][0], [[nan, 3], [nan, 2]])
    assert np.isnan(cube.values["score"]).all()


def test_an_anchor_needs_two_repeats_however_many_there_are() -> None:
    present = np.array([[True, True, True, False], [True, False, True, False], [False, True, False, False]])
    anchors, repeats = shared_cells(present)
    assert anchors.tolist() == [True, True, False]
    assert repeats.tolist() == [True, True, True, False]


def test_an_anchor_needs_one_repeat_where_there_is_only_one() -> None:
    anchors, repeats = shared_cells(np.array([[True, False], [False, False]]))
    assert anchors.tolist() == [True, False] and repeats.tolist() == [True, False]
