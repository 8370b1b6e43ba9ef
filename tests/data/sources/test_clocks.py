"""Times of day and durations as numbers."""

import numpy as np
import pyarrow as pa
import pytest

from fuelgauge.data.sources.clocks import MINUTES, SECONDS, Clocks, count

OF_MINUTES = {
    "08:30": 510,
    "8:30": 510,
    "8:30 PM": 1230,
    "12:05 am": 5,
    "12:00 p.m.": 720,
    "100:59": 6059,
    "-1:30": -90,
}
OF_SECONDS = {
    "8:30:15": 30615,
    "25:00:00.5": 90000.5,
    "0:00:01,25": 1.25,
    "10:30:15 PM": 81015,
    "2 days 03:00:00": 183600,
    "-1 days +23:00:00": -3600,
    "1 day, 3:04:05": 97445,
    "2d 03:04": 183840,
    "2h 5m": 7500,
    "1 hr 5 min": 3900,
    "1.5h": 5400,
    "3d 2h": 266400,
    "48m 3s": 2883,
    "PT2H5M": 7500,
    "P1DT2H": 93600,
    "PT0.5S": 0.5,
    "-PT1M": -60,
}
NO_TIMES = [
    "",
    "h",
    "P",
    "168:1",
    "8:60",
    "1:2",
    "13:00 PM",
    "0:30 am",
    "P1M",
    "P1Y",
    "x 8:30",
    "8",
    "8:30:60",
]


def numbers_of(texts, kind):
    numbers, fits = count(pa.array(texts), kind)
    np.testing.assert_array_equal(np.isnan(numbers), ~fits)
    return numbers.tolist()


def counted(*batches):
    clocks, n_rows = Clocks(), 0
    for texts in batches:
        if not clocks.is_hopeless:
            clocks.add(pa.array(texts, pa.large_string()), n_rows)
        n_rows += len(texts)
    return clocks


@pytest.mark.parametrize(("times", "kind"), [(OF_MINUTES, MINUTES), (OF_SECONDS, SECONDS)])
def test_times_are_counted_in_their_smallest_unit(times, kind):
    assert numbers_of(times, kind) == [*times.values()]


@pytest.mark.parametrize("kind", [MINUTES, SECONDS])
def test_other_strings_are_no_times(kind):
    assert np.isnan(numbers_of(NO_TIMES, kind)).all()


def test_a_time_is_of_one_kind():
    assert np.isnan(numbers_of(OF_MINUTES, SECONDS)).all()
    assert np.isnan(numbers_of(OF_SECONDS, MINUTES)).all()


def test_a_missing_string_is_no_time():
    numbers, fits = count(pa.array(["8:30", None]), MINUTES)
    np.testing.assert_array_equal(numbers, [510, np.nan])
    np.testing.assert_array_equal(fits, [True, False])


def test_the_kind_of_a_column_is_that_of_all_its_times():
    assert counted(["8:30", "9:15"]).kind == MINUTES
    assert counted(["8:30:00", "9:15:30"]).kind == SECONDS
    assert counted(["2h 5m", "48m", "1h"]).kind == SECONDS
    assert counted(["8:30", "9:15:30"]).kind == ""


def test_numbers_with_one_unit_are_no_durations_by_themselves():
    assert counted(["48m", "30m", "5m"]).kind == ""
    assert counted(["3d", "2d"]).kind == ""


def test_what_is_no_time_is_counted_with_its_first_row():
    clocks = counted(["8:30", "late", None, "9:15"], ["7:00", "late", "10:00", "-"])
    assert clocks.others == {"late": 2, "-": 1}
    assert clocks.where_others == {"late": 2, "-": 8}
    assert (clocks.n_strings, clocks.share, clocks.n_beyond) == (7, 4 / 7, 0)
    assert clocks.example == ("8:30", 1)


def test_many_different_strings_are_counted_by_their_rows_alone():
    clocks = counted(["8:30"] * 300 + [f"no {k}" for k in range(250)])
    assert (len(clocks.others), clocks.n_beyond) == (200, 50)


def test_missing_values_at_the_beginning_do_not_hide_times():
    clocks = counted([None, None], ["8:30", "9:15"])
    assert (clocks.kind, clocks.example) == (MINUTES, ("8:30", 3))


def test_a_column_without_times_is_not_looked_at_again():
    clocks = counted(["red", "blue", "8:30"], ["8:30", "9:15"])
    assert clocks.is_hopeless
    assert (clocks.n_strings, clocks.kind) == (0, "")
