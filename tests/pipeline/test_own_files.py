"""What the check stage writes for each dataset, and what it removes."""

from pathlib import Path

import pytest

from fuelgauge import paths
from fuelgauge.pipeline import check
from fuelgauge.pipeline.check import remove_leftovers, write_checked

DESCRIPTION = """name: {name}
title: {name}
modality: tabular
task: binary
metric: accuracy
target: y
source: {{_target_: fuelgauge.data.sources.files.table, path: data/own/{file}}}
features: {{numeric: [a]}}
licence: unknown
citation: own data
"""


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """Return a project with two own datasets, a file and a folder, and one from elsewhere."""
    (tmp_path / "conf/dataset").mkdir(parents=True)
    (tmp_path / "data/own/parts").mkdir(parents=True)
    for name, file in (("one", "one.csv"), ("two", "parts"), ("lost", "lost.csv")):
        (tmp_path / f"conf/dataset/{name}.yaml").write_text(DESCRIPTION.format(name=name, file=file))
    elsewhere = DESCRIPTION.format(name="far", file="x").replace("path: data/own/x", "path: x")
    (tmp_path / "conf/dataset/far.yaml").write_text(elsewhere)
    (tmp_path / "data/own/one.csv").write_text("a,y")
    (tmp_path / "data/own/parts/0.parquet").write_text("0")
    monkeypatch.setattr(paths, "CONF", tmp_path / "conf")
    return tmp_path


def checked(home: Path) -> dict[str, str]:
    write_checked(["one", "two", "far", "lost"], home / "checked", home)
    return {path.name: path.read_text() for path in (home / "checked").iterdir()}


@pytest.mark.parametrize(
    ("file", "concerned"),
    [("one.csv", {"one"}), ("parts/0.parquet", {"two"}), ("parts/1.parquet", {"two"}), ("other.csv", set()),
     ("lost.csv", {"lost"})],
)  # fmt: skip
def test_a_change_in_data_own_concerns_its_own_dataset_alone(home, file, concerned):
    before = checked(home)
    assert before["far"] == "the configuration is valid\n"
    assert before["lost"].endswith("data/own/lost.csv missing\n")
    (home / "data/own" / file).write_text("changed")
    after = checked(home)
    assert {name for name in before if before[name] != after[name]} == concerned
    assert checked(home) == after


def test_a_file_that_moves_within_a_folder_is_a_change(home):
    before = checked(home)
    (home / "data/own/parts/0.parquet").rename(home / "data/own/parts/1.parquet")
    assert checked(home)["two"] != before["two"]


def test_paths_are_found_at_any_depth():
    source = {"_target_": "mine.load", "files": [{"left": "data/own/a.csv"}, "data/own/b"], "url": "x"}
    assert list(check.own_paths(source)) == ["data/own/a.csv", "data/own/b"]


def test_what_belongs_to_no_dataset_of_params_is_removed(tmp_path):
    for name in ("kept", "gone"):
        (tmp_path / "features" / name).mkdir(parents=True)
    (tmp_path / "features/.gitignore").touch()
    remove_leftovers(["kept"], [tmp_path / "features", tmp_path / "trials"])
    assert sorted(path.name for path in (tmp_path / "features").iterdir()) == [".gitignore", "kept"]
