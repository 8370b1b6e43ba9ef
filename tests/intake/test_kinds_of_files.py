"""`fuelgauge add` with lines around a table, other line ends, JSON lines, folders, rare classes and leaks."""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from fuelgauge.config.compose import compose
from fuelgauge.data.ingest import ingest
from fuelgauge.errors import DataError
from fuelgauge.intake.add import Added, Request, add
from fuelgauge.intake.guesses import Wishes
from tests.intake.test_add import checkout

__all__ = ["checkout"]  # a fixture that leaves the project as it was

N = 120
HEADER = "region,units,price"
ROWS = [f"{'north' if n % 2 else 'south'},{n},{1.99 * n + n % 7:.2f}" for n in range(1, N + 1)]


def added(path: Path, target: str = "price", **settings: object) -> Added:
    return add(Request(path, Wishes(target=target), **settings))


def write(folder: Path, *lines: str, end: str = "\n", name: str = "sales.csv") -> Path:
    path = folder / name
    content = (end.join(lines) + end).encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def read(found: Added) -> pd.DataFrame:
    """Return the ingested rows of an added file."""
    return pd.read_parquet(ingest(compose(f"dataset={found.name}").dataset))


def source(found: Added) -> dict:
    return yaml.safe_load(found.description.read_text())["source"]


PREAMBLES = [
    ["Sales report 2024"],
    ["Report: sales", "Created: 2024-05-01, 12:00", ""],
    ["Sales report,,", ",,"],
    ['"Report, all regions"'],
]


@pytest.mark.parametrize("above", PREAMBLES)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_above_the_header_are_left_out(tmp_path, above, end):
    found = added(write(tmp_path, *above, HEADER, *ROWS, end=end))
    assert source(found)["skip"] == len(above)
    assert any(f"{len(above)} line" in warning for warning in found.guess.warnings)
    table = read(found)
    assert len(table) == N
    assert table["price"].sum() == pytest.approx(sum(float(row.split(",")[2]) for row in ROWS))


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;", "sep=;;"])
def test_a_line_that_names_the_delimiter_is_no_header(tmp_path, first):
    rows = [row.replace(",", ";").replace(".", ",") for row in ROWS]
    found = added(write(tmp_path, first, HEADER.replace(",", ";"), *rows))
    assert (source(found)["skip"], source(found)["delimiter"], source(found)["decimal"]) == (1, ";", ",")
    assert len(read(found)) == N


@pytest.mark.parametrize(
    "below",
    [
        ["Total,7260,14447.40"],
        ["Grand total,7260,14447.40", ",,"],
        ["", "Summe:,7260,"],
        ["Subtotal,1,2", "TOTAL,7260,14447.40"],
        ["Source: the office of statistics"],
        [",,", "Total,7260,14447.40", "", "Exported by the till"],
    ],
)
@pytest.mark.parametrize("name", ["sales.csv", "sales.csv.gz"])
def test_totals_and_notes_below_the_rows_are_left_out_and_said(tmp_path, below, name):
    found = added(write(tmp_path, HEADER, *ROWS, *below, name=name))
    assert source(found)["skip_end"] >= 1
    assert any("at the end ('" in warning and "left out" in warning for warning in found.guess.warnings)
    assert not any("units" in w and "gives the target away" in w for w in found.guess.warnings)
    table = read(found)
    assert len(table) == N
    assert set(table["region"]) == {"north", "south"}


def test_a_class_called_total_in_the_middle_and_a_plain_end_stay(tmp_path):
    rows = [row.replace("south", "total", 1) if place == 5 else row for place, row in enumerate(ROWS)]
    found = added(write(tmp_path, HEADER, *rows))
    assert {"skip", "skip_end"}.isdisjoint(source(found))
    assert len(read(found)) == N


def test_a_row_that_is_cut_off_is_no_note(tmp_path):
    with pytest.raises(DataError, match="row 121 has 1 value, but the header has 3"):
        added(write(tmp_path, HEADER, *ROWS, "nor"))


def test_a_header_is_not_looked_for_below_rows_of_its_width(tmp_path):
    with pytest.raises(DataError, match="row 1"):
        added(write(tmp_path, "a,b,price", "1,2,3,4", "1,2,3"))


def test_line_ends_of_an_old_macintosh_are_read(tmp_path):
    assert len(read(added(write(tmp_path, HEADER, *ROWS, end="\r")))) == N


@pytest.mark.parametrize("name", ["sales.jsonl", "sales.ndjson", "sales.json", "sales.jsonl.gz"])
def test_json_lines_are_read_with_their_types(tmp_path, name):
    rows = [dict(zip(HEADER.split(","), row.split(","), strict=True)) for row in ROWS]
    rows = [{**row, "units": int(row["units"]) % 50, "price": float(row["price"])} for row in rows]
    table = read(added(write(tmp_path, *map(json.dumps, rows), name=name)))
    assert len(table) == N
    assert table["units"].sum() == sum(n % 50 for n in range(1, N + 1))


def test_a_json_array_is_read_as_json_lines_are(tmp_path):
    rows = [dict(zip(HEADER.split(","), row.split(","), strict=True)) for row in ROWS]
    units = [n * 7 % 50 if n % 3 else float("nan") for n in range(N)]
    rows = [{**row, "price": float(row["price"]), "units": n} for n, row in zip(units, rows, strict=True)]
    (tmp_path / "t.json").write_text(json.dumps(rows, indent=1))
    np.testing.assert_array_equal(read(added(tmp_path / "t.json"))["units"], units)


def test_blanks_around_names_do_not_matter(tmp_path):
    spaced = ", ".join(HEADER.split(","))
    table = read(added(write(tmp_path, spaced, *ROWS)))
    assert {"region", "price"} <= set(table.columns)


def test_blanks_that_tell_two_names_apart_stay(tmp_path):
    guessed = added(write(tmp_path, f"{HEADER}, region", *(f"{row},{n % 3}" for n, row in enumerate(ROWS))))
    assert {"region", " region"} <= guessed.guess.roles.keys()


def test_columns_without_a_name_are_named_as_pandas_does(tmp_path):
    guessed = added(write(tmp_path, f"{HEADER},,", *(f"{row},," for row in ROWS)))
    assert {"Unnamed: 3", "Unnamed: 4"} <= guessed.guess.named("out").keys()
    read(guessed)


@pytest.mark.parametrize(
    ("end", "said"),
    [("5,6", "row 121 has 2 values, but the header has 3; complete the row"), ("5", "has 1 value, but the")],
)
def test_a_row_with_too_few_values_is_one_sentence(tmp_path, end, said):
    with pytest.raises(DataError, match=said):
        added(write(tmp_path, HEADER, *ROWS, end, *ROWS))


def test_a_count_of_rows_at_the_end_is_left_out(tmp_path):
    assert len(read(added(write(tmp_path, HEADER, *ROWS, "(120 rows affected)")))) == N


def test_blanks_between_values_are_said(tmp_path):
    spaced = [row.replace(",", "  ") for row in (HEADER, *ROWS)]
    with pytest.raises(DataError, match="has one column, named .* blanks stand between its values"):
        added(write(tmp_path, *spaced))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"price": {"0": 1}, "sold": {"0": 2}}', "one JSON object of columns"),
        ("[1, 2]", "other values than objects"),
        ("[{]", "cannot be read as jsonl"),
        ('{"price": 1}\n{"price": "x"}\n', "cannot be read as jsonl"),
    ],
)
def test_other_json_is_one_sentence(tmp_path, content, said):
    (tmp_path / "t.json").write_text(content)
    with pytest.raises(DataError, match=said):
        added(tmp_path / "t.json")


def frame(first: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(first)
    return pd.DataFrame(
        {"a": rng.normal(size=N), "b": rng.choice(["u", "v"], N), "y": rng.choice(["n", "p"], N)}
    )


def test_a_folder_of_parquet_files_is_one_table(tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    for part in range(3):
        frame(part).to_parquet(folder / f"part-{part}.parquet")
    (folder / "_SUCCESS").touch()
    found = added(folder, "y")
    expected = pd.concat([frame(part) for part in range(3)], ignore_index=True)
    assert read(found)["a"].tolist() == pytest.approx(expected["a"].tolist())
    assert found.is_copied


def test_names_of_folders_are_a_column(tmp_path):
    for year in (2023, 2024):
        folder = tmp_path / "sales" / f"year={year}"
        folder.mkdir(parents=True)
        frame(year).to_parquet(folder / "0.parquet")
    found = added(tmp_path / "sales", "y")
    table = read(found)
    assert len(table) == 2 * N
    assert table["a"].tolist() == pytest.approx([*frame(2023)["a"], *frame(2024)["a"]])
    assert {int(year) for year in table["year"].iloc[:N]} == {2023}


def test_parts_of_different_columns_are_refused(tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    frame().to_parquet(folder / "0.parquet")
    frame().assign(a="x").to_parquet(folder / "1.parquet")
    with pytest.raises(DataError, match=r"1\.parquet has other columns or types than 0\.parquet"):
        added(folder, "y")


def test_a_folder_of_csv_files_and_a_workbook_are_one_sentence(tmp_path):
    folder = tmp_path / "tables"
    folder.mkdir()
    write(folder, HEADER, *ROWS)
    with pytest.raises(DataError, match="join them into one file"):
        added(folder)
    (tmp_path / "book.xls").write_bytes(b"PK")
    with pytest.raises(DataError, match="is a workbook of a kind that is not read; save it as .xlsx"):
        added(tmp_path / "book.xls")


def test_classes_that_small_sizes_do_not_hold_are_said(tmp_path):
    table = pd.concat([frame(seed) for seed in range(20)], ignore_index=True)
    table.loc[:11, "y"] = "rare"
    table.to_csv(tmp_path / "t.csv", index=False)
    (said,) = [w for w in added(tmp_path / "t.csv", "y").guess.warnings if "rare classes" in w]
    assert "'rare'" in said
    assert "from some 100 rows on" in said
    frame().to_csv(tmp_path / "u.csv", index=False)
    assert not [w for w in added(tmp_path / "u.csv", "y").guess.warnings if "rare classes" in w]


def leaky(noise: float, task: str) -> pd.DataFrame:
    """Return a table with a code that nearly knows the target, and two columns that know a little."""
    rng = np.random.default_rng(1)
    n = 4000
    score = rng.normal(size=n)
    y = score if task == "regression" else np.where(score > 0, "yes", "no")
    outcome = (score > 0).astype(int) if task != "regression" else np.digitize(score, np.linspace(-3, 3, 60))
    wrong = rng.random(n) < noise
    code = np.where(wrong, rng.integers(0, outcome.max() + 1, n), outcome)
    names = {value: f"c{(value * 7919) % 101:03d}" for value in range(outcome.max() + 1)}
    return pd.DataFrame(
        {
            "code": [names[value] for value in code],
            "a": score + rng.normal(size=n) * 2,
            "b": rng.normal(size=n),
            "y": y,
        }
    )


@pytest.mark.parametrize(("noise", "task", "is_said"), [(0.04, "binary", True), (0.5, "binary", False)])
def test_a_column_that_alone_reaches_nearly_all_is_said(tmp_path, noise, task, is_said):
    leaky(noise, task).to_csv(tmp_path / "t.csv", index=False)
    warnings = [w for w in added(tmp_path / "t.csv", "y").guess.warnings if "may give the target away" in w]
    assert [w.split("'")[1] for w in warnings] == (["code"] if is_said else [])
    assert all("--drop 'code'" in w and "alone it explains 9" in w for w in warnings)


def test_a_code_that_nearly_knows_a_number_is_said(tmp_path):
    leaky(0.0, "regression").to_csv(tmp_path / "t.csv", index=False)
    said = " ".join(added(tmp_path / "t.csv", "y").guess.warnings)
    assert "column 'code' may give the target away" in said
    assert "column 'a'" not in said


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_the_mark_of_an_encoding_is_enough(tmp_path, encoding):
    path = tmp_path / "sales.csv"
    path.write_text("\n".join([HEADER, *ROWS]), encoding=encoding)
    found = added(path)
    assert source(found)["encoding"] == encoding
    assert read(found)["price"].sum() == pytest.approx(sum(float(row.split(",")[2]) for row in ROWS))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_two_bytes_a_character_without_a_mark_are_named(tmp_path, encoding):
    path = tmp_path / "sales.csv"
    path.write_bytes("\n".join([HEADER, *ROWS]).encode(encoding))
    with pytest.raises(
        DataError, match=f"sales.csv is not UTF-8: it may be {encoding}: .* --encoding {encoding}"
    ):
        added(path)
    assert len(read(added(path, encoding=encoding))) == N


OTHERS = {
    "compressed by gzip": gzip.compress(b"a,price"),
    "a workbook or a ZIP archive": b"PK\x03\x04" + bytes(50),
    "a workbook": b"\xd0\xcf\x11\xe0" + bytes(50),
    "a Parquet file": b"PAR1\x15" + bytes(50),
    "a web page": b"\n <!DOCTYPE html><p>price</p>",
    "a SQLite database": b"SQLite format 3\x00" + bytes(50),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_file_of_another_kind_is_named(tmp_path, kind):
    path = tmp_path / "sales.csv"
    path.write_bytes(OTHERS[kind])
    with pytest.raises(DataError, match=f"sales.csv is {kind}, not a CSV file; "):
        added(path)


@pytest.mark.parametrize("name", ["sales.csv.zip", "sales.csv.xz"])
def test_an_archive_is_named(tmp_path, name):
    (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(DataError, match=f"{name} is compressed in a way that is not read; unpack it"):
        added(tmp_path / name)


def test_a_time_column_with_blanks_around_its_name_is_read(tmp_path):
    days = pd.date_range("2024-01-01", periods=N).strftime("%Y-%m-%d")
    rows = [f"{row},{day}" for row, day in zip(ROWS, days, strict=True)]
    found = add(Request(write(tmp_path, "region, units, price, time", *rows), Wishes("price", time="time")))
    assert len(read(found)) == N


def test_empty_lines_above_the_header_are_no_rows(tmp_path):
    for above in (["", ""], ["Sales report 2024", "", ""]):
        found = add(Request(write(tmp_path, *above, HEADER, *ROWS), Wishes("price"), force=True))
        assert len(read(found)) == N


@pytest.mark.parametrize("constant", ["Infinity", "-Infinity"])
def test_an_infinite_number_of_json_is_said(tmp_path, constant):
    (tmp_path / "t.json").write_text(f'[{{"price": {constant}}}]')
    with pytest.raises(DataError, match=f"it holds {constant}"):
        added(tmp_path / "t.json")
