"""`fuelgauge add` with Excel workbooks: the first sheet is read like a CSV file, and dates are dates."""

import datetime as dt
import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fuelgauge.errors import ConfigError, DataError
from fuelgauge.intake.add import Added, Request, add
from fuelgauge.intake.guesses import Wishes
from tests.intake.test_add import checkout
from tests.intake.test_kinds_of_files import read, source

openpyxl = pytest.importorskip("openpyxl")
__all__ = ["checkout"]  # a fixture that leaves the project as it was

N = 60
DAYS = pd.date_range("2024-01-01", periods=N, freq="9D")[np.random.default_rng(0).permutation(N)]
TABLE = pd.DataFrame(
    {
        "region": ["north" if n % 2 else "south" for n in range(N)],
        "joined": DAYS,
        "code": [f"{n % 7:03d}" for n in range(N)],
        "units": [n if n % 5 else None for n in range(N)],
        "is_new": [n % 3 == 0 for n in range(N)],
        "price": np.random.default_rng(1).normal(size=N).round(3),
    }
)


def write(path: Path, rows: list[list[object]], *others: str, title: str = "Sales") -> Path:
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    for name in others:
        book.create_sheet(name).append(["other"])
    book.save(path)
    return path


def cells() -> list[list[object]]:
    header, *rows = TABLE.columns.tolist(), *TABLE.itertuples(index=False)
    return [header, *([None if value != value else value for value in row] for row in rows)]


def added(path: Path, **settings: object) -> Added:
    return add(Request(path, Wishes(target="price"), force=True, **settings))


def test_the_cells_of_a_sheet_become_columns_of_their_kinds(tmp_path):
    found = added(write(tmp_path / "sales.xlsx", cells()))
    kinds = {name: role.kind for name, role in found.guess.roles.items()}
    assert kinds == {
        "region": "categorical",
        "joined": "dates",
        "code": "categorical",
        "units": "numeric",
        "is_new": "categorical",
    }
    table = read(found)
    np.testing.assert_array_equal(table["price"], TABLE["price"])
    np.testing.assert_array_equal(table["units"], TABLE["units"])
    np.testing.assert_array_equal(table["joined"], TABLE["joined"])
    assert table["code"].tolist() == TABLE["code"].tolist()
    assert not any("sheet" in warning for warning in found.guess.warnings)


def test_titles_totals_markers_and_empty_cells_around_the_table(tmp_path):
    rows = [[None, "Sales of the year"], [None], *cells(), [None], ["Total", None, None, 1234]]
    rows[5][3] = rows[6][3] = "n/a"
    found = added(write(tmp_path / "sales.xlsx", rows, "Notes", "More"))
    assert (source(found)["skip"], source(found)["skip_end"]) == (1, 1)
    assert len(read(found)) == N
    assert "sales.xlsx: the first sheet, 'Sales', is read, and not 'Notes', 'More'." in found.guess.warnings


def test_times_of_day_and_large_numbers(tmp_path):
    rows = [["at", "long", "price"]]
    rows += [[dt.datetime(2024, 1, 1 + n % 28, 12, n), 2**40 + n * 7 % 60, n * 7 % 60] for n in range(N)]
    table = read(added(write(tmp_path / "sales.xlsx", rows)))
    assert table["at"].tolist() == [pd.Timestamp(row[0]) for row in rows[1:]]
    assert table["long"].tolist() == [row[1] for row in rows[1:]]


def with_values(path: Path) -> None:
    """Save the value 5 with each formula, as a spreadsheet program does."""
    old, new = path.read_bytes(), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(old)) as source_, zipfile.ZipFile(new, "w") as target:
        for name in source_.namelist():
            content = source_.read(name)
            if name.endswith("sheet1.xml"):
                content = content.replace(b"<v></v>", b"<v>5</v>").replace(b"<v />", b"<v>5</v>")
            target.writestr(name, content)
    path.write_bytes(new.getvalue())


def test_of_a_formula_the_saved_value_is_read_and_without_one_the_file_is_refused(tmp_path):
    rows = cells()
    for row in rows[1::2]:
        row[3] = "=2+3"
    path = write(tmp_path / "sales.xlsx", rows)
    with pytest.raises(DataError, match="row 2 of the sheet holds the formula =2.3, without a saved"):
        added(path)
    with_values(path)
    assert read(added(path))["units"].iloc[::2].tolist() == [5] * (N // 2)


def test_sheets_and_files_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="empty.xlsx: the first sheet, 'Blank', is empty"):
        added(write(tmp_path / "empty.xlsx", [[None, " "]], title="Blank"))
    for name, content in {
        "damaged.xlsx": b"PK\x03\x04",
        "locked.xlsx": b"\xd0\xcf\x11\xe0" + bytes(600),
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name} cannot be read as a workbook .* password"):
            added(tmp_path / name)
    with pytest.raises(DataError, match="header.xlsx holds a header but no rows"):
        added(write(tmp_path / "header.xlsx", cells()[:1]))


def test_columns_without_a_value_around_the_table_are_left_out(tmp_path):
    found = added(write(tmp_path / "t.xlsx", [["", None, *row, " "] for row in cells()]))
    assert {*found.guess.roles, "price"} == set(TABLE)
    assert len(read(found)) == N


def test_a_column_of_another_sheet_is_said(tmp_path):
    file = write(tmp_path / "t.xlsx", [["readme"], ["hello"], ["you"]], "Data", title="Info")
    with pytest.raises(
        ConfigError, match="no column 'price', .*; the first sheet, 'Info', is read, and not 'Data'"
    ):
        add(Request(file, Wishes(target="price")))
