import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from fuelgauge.data.dataset import Dataset, Fingerprint, encode_target
from fuelgauge.errors import DataError


def test_codes_follow_the_sorted_names():
    codes, classes = encode_target(pd.Series(["b", "a", "b"] * 2, name="y"), "multiclass")
    assert codes.tolist() == [1, 0, 1, 1, 0, 1]
    assert classes == ("a", "b")


def fingerprint(*batches):
    made = Fingerprint()
    for batch in batches:
        made.update(batch)
    return made.hexdigest()


def test_a_fingerprint_sees_every_value_name_and_type():
    columns = {"a": np.arange(4.0), "b": pa.array(["x", "y", None, "x"])}
    changed = [
        {**columns, "a": np.array([0.0, 1, 2, 4])},
        {**columns, "b": pa.array(["x", "y", "y", "x"])},
        {"c": columns["a"], "b": columns["b"]},
        {**columns, "a": np.arange(4, dtype=np.float32)},
        {**columns, "a": np.arange(4.0).reshape(4, 1)},
    ]
    assert len({fingerprint(c) for c in (columns, *changed)}) == 6


def test_a_fingerprint_does_not_see_the_batches():
    columns = {"a": np.arange(4.0), "b": pa.array(["x", "y", None, "x"])}
    halves = [{k: v[part] for k, v in columns.items()} for part in (slice(0, 3), slice(3, 4))]
    assert fingerprint(*halves) == fingerprint(columns)


@pytest.mark.parametrize("name", ["raw.arrow", "raw.json"])
def test_a_file_that_is_cut_short_is_named_with_the_command_that_makes_it_anew(featurized, tmp_path, name):
    folder = tmp_path / "mnist1d"
    shutil.copytree(featurized / "data/features/mnist1d", folder)
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        DataError, match=rf"{name} is broken; make it again with: dvc repro -f featurize@mnist1d"
    ):
        Dataset.open("mnist1d", "raw", tmp_path)


def test_what_has_not_been_made_is_said_with_the_command_that_makes_it(tmp_path):
    with pytest.raises(DataError, match="dvc repro featurize@nope"):
        Dataset.open("nope", "raw", tmp_path)
