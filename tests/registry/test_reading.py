"""A query is read as ingest reads the dataset's own file; what cannot be read is refused, never guessed."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fuelgauge.errors import DataError
from fuelgauge.registry.query import Query
from tests.registry.clients import ROW, client_query


@pytest.fixture(scope="module")
def query(tmp_path_factory) -> Query:
    folder = tmp_path_factory.mktemp("clients")
    made = client_query(folder)
    made.save(folder)
    return Query.load(folder)


def asked(query: Query, **changes: object) -> pd.Series:
    """Return the features of a row as a JSON query brings it."""
    row = {name: [value] for name, value in {**ROW, **changes}.items()}
    return query.examples(row).x.iloc[0]


SAME_DAY = ["05.12.2024", "2024-12-05", "2024-12-05T00:00:00", "2024-12-05 01:00+01:00", "20241205", 20241205]


@pytest.mark.parametrize("date", SAME_DAY)
def test_a_date_is_read_in_the_format_of_the_file_or_by_iso_8601(query, date):
    assert asked(query, joined=date)["joined"] == (pd.Timestamp("2024-12-05") - pd.Timestamp(0)).days


WRONG_DATES = ["05/12/2024", "12.31.2024", "now", "today", "2024", "", "1733356800", "2024-13-01", 2024, 1.5]


@pytest.mark.parametrize("date", [*WRONG_DATES, 1733356800, 1733356800000, True])
def test_a_date_of_another_format_is_refused_with_column_value_and_format(query, date):
    if date == "":  # a mark of a missing value in the file
        assert np.isnan(asked(query, joined=date)["joined"])
        return
    value = str(date).lower() if isinstance(date, bool) else str(date)
    with pytest.raises(DataError, match=f"column 'joined': row 1 holds .*{value}.*%d.%m.%Y, nor by ISO 8601"):
        asked(query, joined=date)


def test_dates_of_both_formats_in_one_query_get_the_same_day(query):
    row = {name: [value] * 3 for name, value in ROW.items()}
    found = query.examples({**row, "joined": ["05.12.2024", "2024-12-05", None]}).x["joined"]
    assert found[0] == found[1]
    assert np.isnan(found[2])
    with pytest.raises(DataError, match="row 3 holds 'now'"):
        query.examples({**row, "joined": ["05.12.2024", "2024-12-05", "now"]})
    with pytest.raises(DataError, match="row 2 holds '5. Dezember'"):
        query.examples({**row, "joined": ["05.12.2024", "5. Dezember", "2024-12-05"]})


@pytest.mark.parametrize(
    ("form", "value", "day"),
    [
        ("%d.%m.%y %H:%M", "05.12.24 18:00", "2024-12-05 18:00"),
        ("%b %d, %Y", "Dec 05, 2024", "2024-12-05"),
        ("%Y/%m/%d", "2024/12/05", "2024-12-05"),
        ("%Y%m%d", 20241205, "2024-12-05"),
        ("%d/%m/%Y %z", "05/12/2024 +0600", "2024-12-04 18:00"),
        ("%d%m%Y", "05122024", "2024-12-05"),
        ("ISO8601", "2024-12-05T06:00+06:00", "2024-12-05"),
    ],
)
def test_other_formats_of_files(tmp_path, form, value, day):
    query = client_query(tmp_path, dates={"joined": form})
    wanted = (pd.Timestamp(day) - pd.Timestamp(0)) / pd.Timedelta(days=1)
    assert asked(query, joined=value)["joined"] == pytest.approx(wanted, abs=2e-3)
    assert asked(query, joined=day)["joined"] == pytest.approx(wanted, abs=2e-3)


def test_a_number_is_no_date_where_it_may_have_lost_a_zero(tmp_path):
    query = client_query(tmp_path, dates={"joined": "%d%m%Y"})
    with pytest.raises(DataError, match="holds the number 1122024, which is not a date by the format %d%m%Y"):
        asked(query, joined=1122024)


@pytest.mark.parametrize(
    ("column", "value", "category"),
    [
        ("active", True, "TRUE"),
        ("active", False, "FALSE"),
        ("zip", 1002, "01002"),
        ("zip", 1002.0, "01002"),
        ("plan", 3, "3"),
        ("plan", 3.0, "3"),
        ("plan", "3", "3"),
        ("zip", "NA", None),
        ("zip", None, None),
        ("zip", float("nan"), None),
    ],
)
def test_a_number_or_truth_value_becomes_the_category_that_it_stands_for(query, column, value, category):
    found = asked(query, **{column: value})[column]
    assert found == category or (category is None and pd.isna(found))
    assert not query.asked({name: [each] for name, each in {**ROW, column: value}.items()}).notes.unseen


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (
            "zip",
            True,
            "column 'zip': row 1 holds true, which is none of its categories .'01000', '01001', '01002'",
        ),
        ("active", 1, "column 'active': row 1 holds 1, which is none of its categories .'FALSE', 'TRUE'"),
        (
            "usage",
            True,
            "column 'usage': row 1 holds a truth value, but the training rows hold numbers from -2 to",
        ),
        ("usage", "many", "column 'usage' is listed as numeric, but row 1 holds 'many'"),
        ("usage", 1e300, "feature 'usage' is infinite or too large for a float32 in row 1"),
        ("usage", 10**400, "column 'usage' holds a value that cannot be read"),
    ],
)
def test_a_value_that_could_mean_anything_is_refused(query, column, value, message):
    with pytest.raises(DataError, match=message):
        asked(query, **{column: value})


def test_a_number_with_two_spellings_is_refused_and_an_exact_one_is_not(query):
    seen = query.seen
    both = type(seen)({**seen.categories, "zip": frozenset({"01002", "001002"})}, seen.ranges)
    with pytest.raises(DataError, match="holds 1002, which could be any of '001002', '01002'"):
        both.category(1002, "zip", "column 'zip'")
    exact = type(seen)({**seen.categories, "zip": frozenset({"01002", "1002"})}, seen.ranges)
    assert exact.category(1002, "zip", "") == "1002"


@pytest.mark.parametrize(
    ("known", "value", "found"),
    [
        ({"true", "false"}, True, "true"),
        ({"True", "False", "maybe"}, False, "False"),
        ({"yes", "no"}, True, "yes"),
        ({"0", "1"}, False, "0"),
        ({"J", "N"}, True, None),
        ({"True", "TRUE"}, True, None),
        ({"1", "2"}, True, None),
    ],
)
def test_truth_values_and_the_words_of_a_column(query, known, value, found):
    seen = type(query.seen)({"active": frozenset(known)}, {})
    if found is None:
        with pytest.raises(DataError, match=r"column 'active' holds true, which (is none|could be any) of"):
            seen.category(value, "active", "column 'active'")
    else:
        assert seen.category(value, "active", "") == found


def test_what_no_training_row_has_is_noted(query):
    rows = {name: [value] * 3 for name, value in ROW.items()}
    rows |= {
        "zip": ["01002", "99", 99],
        "usage": [None, 2.5, 0.0],
        "joined": ["2030-01-01", None, "2024-01-01"],
    }
    notes = query.asked({**rows, "plan": ["1", "9", "9"]}).notes
    assert notes.unseen == [[], ["plan", "zip"], ["plan", "zip"]]
    assert notes.unseen_by_column == {"plan": 2, "zip": 2}
    assert notes.missing == {"usage": 1, "joined": 1}
    assert notes.out_of_range == {"usage": 1, "joined": 1}


def test_the_rows_of_a_query_in_csv_parquet_and_json_get_the_same_features(query, tmp_path):
    rows = [{**ROW, "usage": place / 4, "joined": f"0{place}.12.2024"} for place in range(1, 5)]
    table = pd.DataFrame(rows).astype({"plan": str})
    wanted = query.examples({name: [row[name] for row in rows] for name in ROW}).x
    for mark in (",", ";", "\t"):
        table.to_csv(tmp_path / "rows.csv", index=False, sep=mark)
        found = query.reading.opened(tmp_path / "rows.csv", query.dataset, "rows.csv").read_all()
        pd.testing.assert_frame_equal(query.examples(found).x, wanted)
    typed = table.assign(plan=table["plan"].astype(int), active=True, zip=table["zip"].astype("category"))
    typed["joined"] = pd.to_datetime(table["joined"], format="%d.%m.%Y").dt.tz_localize("Europe/Berlin")
    typed["joined"] += pd.Timedelta(hours=1)
    typed.to_parquet(tmp_path / "rows.parquet")
    found = query.reading.opened(tmp_path / "rows.parquet", query.dataset, "rows.parquet").read_all()
    pd.testing.assert_frame_equal(query.examples(found).x, wanted)


def test_a_missing_column_is_named_with_the_nearest_one(query):
    with pytest.raises(DataError, match="the query has no column 'zip', did you mean 'zipp'"):
        query.examples({"zipp" if name == "zip" else name: [value] for name, value in ROW.items()})


def test_engineered_features_and_ranges_of_further_columns(tmp_path):
    query = client_query(tmp_path, "engineered")
    assert asked(query, joined="05.12.2024").equals(asked(query, joined="2024-12-05"))
    assert set(query.seen.ranges) == {"usage", "joined"}


def test_a_version_of_an_earlier_release_reads_timestamps_as_before(tmp_path):
    query = client_query(tmp_path)
    query.save(tmp_path)
    path = tmp_path / "query.json"
    content = json.loads(path.read_text())
    del content["source"]
    path.write_text(json.dumps(content))
    (tmp_path / "seen.json").unlink()
    former = Query.load(tmp_path)
    rows = former.rows_of(pq.read_table(tmp_path / "raw/made.parquet"))
    assert rows["joined"].dtype == "datetime64[ns]"
    new = query.rows_of(pq.read_table(tmp_path / "raw/made.parquet"))
    assert new["joined"][0] == "2024-01-01"
    pd.testing.assert_frame_equal(former.suited(new), rows)
    pd.testing.assert_frame_equal(former.examples(rows).x, query.examples(new).x)
    assert not former.asked(rows).notes.missing


def test_times_within_a_day_are_kept_in_the_rows_of_a_query(query):
    moments = pa.array(
        [pd.Timestamp("2024-12-05 10:00:00.25"), pd.Timestamp("2024-12-06")], pa.timestamp("us")
    )
    table = pa.table(
        {**{name: [value] * 2 for name, value in ROW.items()}, "joined": moments, "plan": ["1"] * 2}
    )
    rows = query.rows_of(table)
    assert rows["joined"].tolist() == ["2024-12-05 10:00:00.250000", "2024-12-06 00:00:00.000000"]
    assert query.table(rows)["joined"].to_pylist() == moments.to_pylist()


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_times_since_1970_follow_the_format_of_the_file_and_other_units_are_refused(tmp_path, unit):
    query = client_query(tmp_path, dates={"joined": f"epoch {unit}"})
    day = pd.Timestamp("2024-03-05")
    numbers = {"s": 1709596800, "ms": 1709596800_000, "us": 1709596800_000_000}
    for value in (
        numbers[unit],
        str(numbers[unit]),
        float(numbers[unit]),
        "2024-03-05",
        "2024-03-05T06:00+06:00",
    ):
        assert asked(query, joined=value)["joined"] == (day - pd.Timestamp(0)).days
    for other in set(numbers) - {unit}:
        with pytest.raises(DataError, match=f"column 'joined'.*row 1 holds {numbers[other]}.*epoch {unit}"):
            asked(query, joined=numbers[other])
    for wrong in (True, "05.03.2024", "now"):
        with pytest.raises(DataError, match="column 'joined': row 1 holds"):
            asked(query, joined=wrong)


@pytest.mark.parametrize(
    ("form", "value"), [("%Y-Q%q", "2024-Q2"), ("%Y-%m", "2024-04"), ("%G-W%V", "2024-W14")]
)
def test_quarters_months_and_weeks(tmp_path, form, value):
    query = client_query(tmp_path, dates={"joined": form})
    day = pd.Timestamp("2024-04-01")
    for date in (value, "2024-04-01"):
        assert asked(query, joined=date)["joined"] == (day - pd.Timestamp(0)).days
    with pytest.raises(DataError, match="column 'joined': row 1 holds '1.4.2024'"):
        asked(query, joined="1.4.2024")
