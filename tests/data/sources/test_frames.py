import io
import lzma
import os
import pickle

import numpy as np
import pandas as pd
import pytest

from fuelgauge.data.sources.frames import read_frame
from fuelgauge.errors import DataError

OLD_NAMES = {
    b"numpy._core": b"numpy.core",
    b"cpandas\nDataFrame": b"cpandas.core.frame\nDataFrame",
    b"cpandas\nIndex": b"cpandas.core.indexes.base\nIndex",
    b"cpandas\nRangeIndex": b"cpandas.core.indexes.range\nRangeIndex",
}


def packed(content):
    """Return a pickle as the packages store it: compressed, and with the names of older versions."""
    pickled = pickle.dumps(content, protocol=3)
    for new, old in OLD_NAMES.items():
        pickled = pickled.replace(new, old)
    return lzma.compress(pickled)


def test_a_pickled_data_frame_comes_back():
    strings = pd.Series(["a", None], dtype=object)
    frame = pd.DataFrame({0: [1.5, np.nan], 1: [1, 2], 2: strings})
    found = read_frame(packed(frame), "frame")
    pd.testing.assert_frame_equal(found, frame)


class Command:
    """An object whose unpickling runs a shell command."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_runs_a_command_is_refused_and_nothing_runs(tmp_path, protocol):
    trace = tmp_path / "it_ran"
    bomb = pickle.dumps(Command(f"touch {trace}"), protocol=protocol)
    with pytest.raises(
        DataError, match=r"bomb cannot be read: it asks for \w+.system, which is not a container of data"
    ):
        read_frame(lzma.compress(bomb), "bomb")
    assert not trace.exists()
    pickle.loads(bomb)  # noqa: S301 - shows that the command would have run
    assert trace.exists()


def test_a_command_inside_a_data_frame_is_refused_too(tmp_path):
    trace = tmp_path / "it_ran"
    frame = pd.DataFrame({0: np.array([Command(f"touch {trace}"), "a"], dtype=object)})
    with pytest.raises(DataError, match="which is not a container of data"):
        read_frame(packed(frame), "frame")
    assert not trace.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "eval"),
        ("pandas.core.frame", "DataFrame.to_pickle"),
        ("pandas.core.frame", "sys"),
        ("numpy", "load"),
        ("fuelgauge.data.sources.frames", "importlib"),
    ],
)
def test_only_exact_names_of_containers_are_known(module, name):
    stream = io.BytesIO()
    stream.write(b"\x80\x04")
    for text in (module.encode(), name.encode()):
        stream.write(b"\x8c" + bytes([len(text)]) + text)
    stream.write(b"\x93.")
    with pytest.raises(DataError, match=f"asks for {module}.{name}, which is not a container"):
        read_frame(lzma.compress(stream.getvalue()), "odd")


@pytest.mark.parametrize("content", [b"", b"\x80\x04garbage", pickle.dumps([1])[:-1]])
def test_what_is_no_pickle_is_one_sentence(content):
    with pytest.raises(DataError, match="odd cannot be read: "):
        read_frame(lzma.compress(content), "odd")


def test_what_is_no_table_is_named():
    with pytest.raises(DataError, match="odd holds a list, not a table"):
        read_frame(packed([1, 2]), "odd")
