"""Whatever a file holds, `fuelgauge add` describes a dataset that ingest reads, or refuses in a sentence."""

import resource
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuelgauge.config.compose import compose
from fuelgauge.data.ingest import ingest
from fuelgauge.errors import FuelgaugeError
from fuelgauge.intake.add import Request, add
from fuelgauge.intake.guesses import Wishes
from tests.intake.test_add import checkout

__all__ = ["checkout"]  # a fixture that leaves the project as it was

MOST_MEBIBYTES = 600  # growth of the memory of the process over all files
WRITTEN = (
    "1 -2.5 1,5 1.234,5 $3 4% 1.2k 3M (7) 8- 1e999 nan -inf - n/a <NA> 31.12.24 2024-02-30 2024W05 99-12-31 "
    "12:30 0x1F true JA =1+1 y"
)
ODD = ["", " ", "Q3 2021", "\r", "\n", "\t", "\x00", "\ufeff", "\u0660", "\U0001f600", *"\"';|\\"]
PIECES = st.sampled_from([*WRITTEN.split(), *ODD])
VALUES = PIECES | st.text(max_size=8) | st.integers().map(str) | st.floats().map(str)
COLUMNS = st.lists(VALUES, min_size=1, max_size=4)
NAMES = st.lists(st.sampled_from(["a", "b", "date", "id", "", "x", "y ", "year"]), max_size=3)


@st.composite
def tables(draw) -> bytes:
    """Return the bytes of a table of few values that repeat, with odd ones in between."""
    mark, end = draw(st.sampled_from(",;\t|")), draw(st.sampled_from(["\n", "\r\n", "\r"]))
    names = [*draw(NAMES), "y"]
    pools = [draw(COLUMNS) for _ in names]
    rows = [[pool[row * 7 % 11 % len(pool)] for pool in pools] for row in range(draw(st.integers(0, 60)))]
    lines = [mark.join(names), *(mark.join(row) for row in rows), *draw(st.lists(VALUES, max_size=1))]
    text = end.join([*draw(st.lists(VALUES, max_size=2)), *lines])
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"]))
    return text.encode(encoding, "replace")


@pytest.mark.slow
@pytest.mark.timeout(900)
@settings(
    max_examples=300,
    deadline=20_000,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    tables() | st.binary(max_size=300),
    st.sampled_from(["t.csv", "t.tsv", "t.jsonl", "t.parquet", "t.arrow", "t.csv.gz", "t.xlsx", "t.npz"]),
)
def test_a_file_becomes_a_dataset_or_is_refused_in_a_sentence(tmp_path, content, name):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    path: Path = tmp_path / name
    path.write_bytes(content)
    try:
        add(Request(path, Wishes(target="y"), name="any_file", force=True))
        ingest(compose("dataset=any_file").dataset)
    except FuelgaugeError as error:
        assert str(error).endswith((".", "?", ")"))
        assert "Traceback" not in str(error)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < MOST_MEBIBYTES
