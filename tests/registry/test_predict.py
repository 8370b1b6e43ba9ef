"""`fuelgauge predict` answers whole files by the rules of the dataset's own file."""

import json
import shutil
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pyarrow.parquet as pq
import pytest

from fuelgauge import cli
from fuelgauge.errors import DataError
from fuelgauge.registry import package, predict
from fuelgauge.registry.versions import RegistryError
from tests.registry.clients import ROW, SOURCE, client_query, served

N = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Return the files of a version."""
    folder = tmp_path_factory.mktemp("version")
    data = folder / "data" / package.DATA
    data.mkdir(parents=True)
    query = client_query(data)
    query.save(data)
    served(data, query)
    return folder


@pytest.fixture
def registry(folder, monkeypatch):
    """Let a registry hold one version, and answer five rows at a time."""

    class Kept:
        version = SimpleNamespace(version="4")

        def __init__(self, _):
            pass

        def champion(self, _):
            return self.version

        def fetch(self, *_):
            return folder

    monkeypatch.setattr(predict, "Registry", Kept)
    monkeypatch.setattr(predict, "BATCH", 5)
    return Kept


CONFIG = SimpleNamespace(dataset=SimpleNamespace(name="clients", source=SOURCE), tracking=None)


def rows() -> pd.DataFrame:
    table = pd.DataFrame([{**ROW, "usage": row / 5 - 1, "joined": f"{row + 10}.12.2024"} for row in range(N)])
    return table.assign(more=1)


def test_every_row_of_a_csv_or_parquet_file_is_answered(registry, tmp_path, folder):
    rows().to_csv(tmp_path / "rows.csv", index=False)
    typed = rows().assign(joined=pd.to_datetime(rows()["joined"], format="%d.%m.%Y"), active=True)
    typed.to_parquet(tmp_path / "rows.parquet")
    found = {}
    for name, out in (("rows.csv", "out.csv"), ("rows.parquet", "out.parquet")):
        done = predict.predict(CONFIG, tmp_path / name, tmp_path / out)
        assert (done.version, done.n_rows, done.unseen) == ("4", N, {})
        found[name] = pd.read_csv(tmp_path / out) if out == "out.csv" else pd.read_parquet(tmp_path / out)
    one, other = found.values()
    assert list(one) == ["row", "label", "probability_no", "probability_yes", "unseen"]
    assert one["row"].tolist() == list(range(1, N + 1))
    pd.testing.assert_frame_equal(one.drop(columns="unseen"), other.drop(columns="unseen"))
    answering = predict.Served(folder / "data" / package.DATA)
    wanted, _ = answering.answer({name: rows()[name].tolist() for name in ROW})
    assert one["label"].tolist() == [row["label"] for row in wanted]
    assert one["probability_yes"].tolist() == pytest.approx([row["probabilities"]["yes"] for row in wanted])


def test_new_categories_are_said_beside_the_row_and_in_sum(registry, tmp_path, capsys, monkeypatch):
    rows().assign(zip=["01002", "99"] * (N // 2)).to_csv(tmp_path / "rows.csv", index=False)
    monkeypatch.setattr("fuelgauge.config.compose.compose", lambda *_: CONFIG)
    cli.main(["predict", "clients", str(tmp_path / "rows.csv")])
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert len(lines) == N + 1
    assert lines[1].endswith(",")
    assert lines[2].endswith(",zip")
    assert "10 rows answered by version 4" in printed.err
    assert "look at this: 5 rows have a new category in column 'zip'" in printed.err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"joined": "31/12/2024"}, r"rows.csv: column 'joined': row 8 holds '31/12/2024', .* %d.%m.%Y"),
        ({"usage": "many"}, "rows.csv: column 'usage' is listed as numeric, but row 8 holds 'many'"),
        ({"usage": "1e300"}, "rows.csv: feature 'usage' is infinite or too large for a float32 in row 8"),
    ],
)
def test_an_error_names_file_column_and_row_and_leaves_no_output(registry, tmp_path, change, message):
    table = rows().astype(dict.fromkeys(change, object))
    for name, value in change.items():
        table.loc[7, name] = value
    table.to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(DataError, match=message):
        predict.predict(CONFIG, tmp_path / "rows.csv", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_files_that_cannot_be_answered(registry, tmp_path):
    file = tmp_path / "rows.csv"
    with pytest.raises(DataError, match="rows.csv does not exist, or is not a file"):
        predict.predict(CONFIG, file)
    rows().drop(columns="zip").to_csv(file, index=False)
    with pytest.raises(DataError, match="rows.csv has no column 'zip'"):
        predict.predict(CONFIG, file)
    with pytest.raises(DataError, match="rows.csv, the file to read; choose another name"):
        predict.predict(CONFIG, file, tmp_path / "." / "rows.csv")
    registry.version = None
    with pytest.raises(RegistryError, match="clients has no champion yet; make one with: make register"):
        predict.predict(CONFIG, file)


def test_a_version_of_an_earlier_release_reads_files_by_the_settings_of_the_dataset(
    registry, tmp_path, folder, monkeypatch
):
    former = tmp_path / "former"
    shutil.copytree(folder, former)
    path = former / "data" / package.DATA / "query.json"
    content = json.loads(path.read_text())
    del content["source"]
    path.write_text(json.dumps(content))
    (path.parent / "seen.json").unlink()
    rows().to_csv(tmp_path / "rows.csv", index=False)
    predict.predict(CONFIG, tmp_path / "rows.csv", tmp_path / "new.parquet")
    monkeypatch.setattr(registry, "fetch", lambda *_: former)
    predict.predict(CONFIG, tmp_path / "rows.csv", tmp_path / "old.parquet")
    assert pq.read_table(tmp_path / "old.parquet").equals(pq.read_table(tmp_path / "new.parquet"))


LAID_OUT = {
    "skip": 1,
    "skip_end": 2,
    "delimiter": ";",
    "decimal": ",",
    "encoding": "cp1252",
    "missing": ["n/k"],
    "dates": {"joined": "%d.%m.%Y"},
    "missing_in": {"joined": ["-", "n/k"]},
    "numbers": {},
}


@pytest.fixture
def laid_out(registry, tmp_path, monkeypatch) -> Path:
    """Let the version have a dataset whose file has lines around its rows; return a folder for files."""
    version = tmp_path / "laid out"
    data = version / "data" / package.DATA
    data.mkdir(parents=True)
    served(data, client_query(data, **LAID_OUT))
    monkeypatch.setattr(registry, "fetch", lambda *_: version)
    return tmp_path


def answered(folder: Path, text: str, encoding: str = "cp1252") -> pd.DataFrame:
    (folder / "rows.csv").write_text(text, encoding=encoding)
    predict.predict(CONFIG, folder / "rows.csv", folder / "out.parquet")
    return pd.read_parquet(folder / "out.parquet")


def test_a_file_is_read_with_the_settings_of_the_datasets_own_file(laid_out):
    plain = rows().drop(columns="more").to_csv(index=False, sep=";", decimal=",")
    wanted = answered(laid_out, plain)
    assert len(wanted) == N
    query = predict.Served(laid_out / "laid out/data" / package.DATA)
    known, _ = query.answer({name: rows()[name].tolist() for name in ROW})
    assert wanted["label"].tolist() == [row["label"] for row in known]
    around = f"Clients of Z\u00fcrich; 2024\nby the office\n{plain}\nTotal;;;;\nSource: the office\n"
    pd.testing.assert_frame_equal(answered(laid_out, around), wanted)
    pd.testing.assert_frame_equal(answered(laid_out, f"sep=;\n{plain}"), wanted)
    pd.testing.assert_frame_equal(answered(laid_out, plain, encoding="utf-16"), wanted)


def test_marks_of_missing_values_and_dates_are_those_of_the_datasets_own_file(laid_out):
    table = (
        rows().assign(usage=[f"{usage:.1f}".replace(".", ",") for usage in rows()["usage"]]).astype(object)
    )
    absent = table.copy()
    absent.loc[3, ["usage", "joined"]] = None
    marked = table.copy()
    marked.loc[3, ["usage", "joined"]] = ["n/k", "-"]
    as_text = partial(pd.DataFrame.to_csv, index=False, sep=";", na_rep="n/k")
    pd.testing.assert_frame_equal(answered(laid_out, as_text(marked)), answered(laid_out, as_text(absent)))
    marked.loc[3, "joined"] = "12/31/2024"
    with pytest.raises(DataError, match="column 'joined': row 4 holds '12/31/2024', which is not a date"):
        answered(laid_out, as_text(marked))


def test_a_last_row_that_reads_like_a_total_is_answered_if_the_dataset_has_no_total(registry, tmp_path):
    table = rows()[["plan", "usage", "zip", "active", "joined"]].astype({"plan": object})
    table.loc[N - 1, "plan"] = "Total"
    assert len(answered(tmp_path, table.to_csv(index=False))) == N


def test_a_workbook_is_read_like_the_same_csv_file(registry, tmp_path):
    pytest.importorskip("openpyxl")
    typed = rows().assign(joined=pd.to_datetime(rows()["joined"], format="%d.%m.%Y"))
    typed.to_excel(tmp_path / "rows.xlsx", index=False)
    predict.predict(CONFIG, tmp_path / "rows.xlsx", tmp_path / "book.parquet")
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "book.parquet"), answered(tmp_path, rows().to_csv(index=False))
    )
