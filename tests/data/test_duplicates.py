import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from fuelgauge.data.arrow import tensor
from fuelgauge.data.duplicates import repeated, row_hashes

CELL = st.tuples(
    st.sampled_from([0.0, -0.0, 1.0, None]), st.sampled_from(["a", "b", "", None]), st.integers(0, 2)
)


def table(rows):
    numbers, strings, images = zip(*rows, strict=True)
    pictures = np.array(images, dtype=np.uint8)[:, None, None].repeat(3, axis=1)
    return pa.table(
        {"n": pa.array(numbers, pa.float64()), "s": pa.array(strings, pa.string()), "x": tensor(pictures)}
    )


@given(st.lists(CELL, min_size=1, max_size=30))
def test_rows_have_the_same_hash_if_and_only_if_their_values_are_the_same(rows):
    seen = set()
    expected = []
    for row in rows:
        expected.append(row in seen)  # 0.0 == -0.0, in Python too
        seen.add(row)
    assert repeated(row_hashes(table(rows))).tolist() == expected


@given(st.lists(CELL, min_size=2, max_size=20))
def test_the_hash_of_a_row_does_not_depend_on_the_rows_around_it(rows):
    alone = np.concatenate([row_hashes(table([row])) for row in rows])
    assert np.array_equal(row_hashes(table(rows)), alone)


def test_values_that_change_places_make_another_row():
    hashes = row_hashes(pa.table({"a": [1.0, 2.0], "b": [2.0, 1.0]}))
    assert hashes[0] != hashes[1]
