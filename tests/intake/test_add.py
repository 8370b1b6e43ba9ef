"""`fuelgauge add`: the files that it writes, runs of added datasets, and refused requests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from fuelgauge import cli, paths
from fuelgauge.config.compose import compose
from fuelgauge.data.dataset import Dataset
from fuelgauge.data.ingest import ingest
from fuelgauge.data.sources import files
from fuelgauge.errors import ConfigError, DataError
from fuelgauge.features.featurize import featurize
from fuelgauge.intake.add import Request, add, add_suite, alone, name_of, with_names
from fuelgauge.intake.describe import scalar
from fuelgauge.intake.guesses import Wishes

N = 300
DATASETS = paths.CONF / "dataset"


@pytest.fixture(autouse=True)
def checkout() -> Iterator[None]:
    """Leave params.yaml, conf/dataset and data/own as they were."""
    params, there = paths.PARAMS.read_bytes(), {*DATASETS.iterdir(), *files.OWN.iterdir()}
    yield
    paths.PARAMS.write_bytes(params)
    for path in {*DATASETS.iterdir(), *files.OWN.iterdir()} - there:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def customers() -> pd.DataFrame:
    """Return a table with a column for every kind of guess."""
    rng = np.random.default_rng(0)
    churned = rng.choice(["no", "yes"], N, p=[0.7, 0.3])
    return pd.DataFrame(
        {
            "row": np.arange(N),
            "customer_id": rng.integers(0, 90, N),
            "since": (pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, N), "D")).strftime(
                "%d.%m.%Y"
            ),
            "age": np.where(np.arange(N) % 50, rng.integers(18, 90, N), np.nan),
            "plan": rng.choice(["basic", "plus", "on"], N),
            "country": "AT",
            "note": [f"called {place} times about the bill" for place in range(N)],
            "flag": (churned == "yes") * 1,
            "churned": np.where(np.arange(N) % 100 == 99, None, churned),
        }
    )


def write_csv(folder: Path, table: pd.DataFrame | None = None, name: str = "people.csv") -> Path:
    (customers() if table is None else table).to_csv(folder / name, index=False, sep=";")
    return folder / name


def run(path: Path, **settings: object) -> Dataset:
    """Add a file, and ingest and featurize it as the pipeline would."""
    wishes = Wishes(**{"target": "y", **settings.pop("wishes", {})})
    added = add(Request(path, wishes, **settings))
    config = compose(f"dataset={added.name}")
    assert added.name in yaml.safe_load(paths.PARAMS.read_text())["datasets"]
    ingest(config.dataset)
    featurize(config.dataset, config.feature_set)
    return Dataset.open(added.name, "raw")


EXPECTED = """\
# Written by `fuelgauge add people.csv --target churned`. Settings with a comment are guesses: check them.
name: people
title: people.csv - churned from 4 columns
modality: tabular
task: binary              # two different values: no (66%), yes (34%)
metric: roc_auc           # also possible: accuracy, log_loss
target: churned           # missing in 3 of 300 rows, which are left out
source:
  _target_: fuelgauge.data.sources.files.table
  path: data/own/people.csv
  delimiter: ;
  dates: {since: '%d.%m.%Y'}
features:
  numeric:
    - age                 # missing in 6 rows
    - flag                # gives the target away? it is the target under another name ('0' where the target is 'no')
  categorical:
    - plan                # 3 categories
  dates:
    - since               # dates like %d.%m.%Y
# left out:
#   row: whole numbers that grow with every row: an id, or a time
#   country: it is the same in every row (AT)
#   note: free text, 6 words on average
group: customer_id        # an id of individuals by its name; their rows are never on both sides of a split
time: ""                  # or since, to predict the future
licence: unknown
citation: own data
"""  # noqa: E501


def test_the_file_that_is_written(tmp_path):
    added = add(Request(write_csv(tmp_path), Wishes("churned"), "fuelgauge add people.csv --target churned"))
    written = added.description.read_text()
    shares = added.guess.why["task"].removeprefix("two different values: ")
    assert written == EXPECTED.replace("no (66%), yes (34%)", shares)
    assert (added.is_copied, added.file) == (True, files.OWN / "people.csv")
    assert added.file.read_bytes() == (tmp_path / "people.csv").read_bytes()


def test_an_added_table_can_be_run(tmp_path):
    about = run(write_csv(tmp_path), wishes={"target": "churned"}).description
    assert (about.n_rows, about.task, about.classes) == (N - 3, "binary", ("no", "yes"))
    assert (about.numeric, about.categorical) == (("age", "flag", "since"), ("plan",))


def test_an_added_time_series_of_parquet_can_be_run(tmp_path):
    hours = pd.date_range("2026-01-01", periods=N, freq="h")
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"at": hours, "wind": rng.random(N), "y": rng.random(N)})
    table.to_parquet(tmp_path / "series.parquet")
    dataset = run(tmp_path / "series.parquet")
    config = compose("dataset=series").dataset
    assert (config.time, config.engineered.dates, config.features.numeric) == ("at", ["at"], ["wind"])
    assert (dataset.description.task, dataset.description.metric) == ("regression", "rmse")


def test_an_added_collection_of_texts_can_be_run(tmp_path):
    table = customers()[["note", "churned"]].dropna()
    about = run(write_csv(tmp_path, table, "notes.csv"), wishes={"target": "churned"}).description
    assert about.modality == "text"


def test_added_names_need_no_care(tmp_path):
    table = pd.DataFrame({"${oc.env:HOME}": range(60), "a: b, [c]": list("xyz") * 20, "no": [1.5, 2.5] * 30})
    table.insert(0, "y", ["on", "off", "off", "on", "on", "off"] * 10)
    table["${oc.env:HOME}"] %= 7
    run(write_csv(tmp_path, table, "odd.csv"))
    features = compose("dataset=odd").dataset.features
    assert features.categorical == ["a: b, [c]"]
    assert features.numeric == ["${oc.env:HOME}", "no"]


def test_an_added_folder_of_images_can_be_run(tmp_path):
    rng = np.random.default_rng(0)
    for place in range(40):
        file = tmp_path / "Shapes" / ("disc" if place % 2 else "box") / f"{place}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (12, 10), dtype=np.uint8)).save(file)
    dataset = run(tmp_path / "Shapes")
    source = compose("dataset=shapes").dataset.source
    assert (source["path"], source["size"], source["mode"]) == ("data/own/Shapes", [12, 10], "L")
    assert (dataset.description.modality, dataset.description.classes) == ("image", ("box", "disc"))
    assert dataset.take(np.arange(3)).x.shape == (3, 12, 10, 1)


def test_large_images_are_made_small_unless_a_size_is_said(tmp_path):
    for place, side in enumerate([100, 100, 200, 300]):
        file = tmp_path / "p" / "ab"[place % 2] / f"{place}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (side, 100)).save(file)
    add(Request(tmp_path / "p"))
    assert "size: [32, 32]" in (DATASETS / "p.yaml").read_text()
    assert "images of 100 x 100 to 100 x 300 pixels, in colour" in (DATASETS / "p.yaml").read_text()
    add(Request(tmp_path / "p", size=48, force=True))
    assert "size: [48, 48]" in (DATASETS / "p.yaml").read_text()
    with pytest.raises(ConfigError, match="--size: size is 0; it must be a number of pixels"):
        add(Request(tmp_path / "p", size=0, force=True))


@pytest.mark.parametrize(
    ("x", "sequences", "modality", "shape"),
    [
        (np.random.default_rng(0).random((60, 7)), False, "tabular", (60, 7)),
        (np.random.default_rng(0).random((60, 7)), True, "sequence", (60, 7, 1)),
        (np.random.default_rng(0).random((60, 7, 2)), False, "sequence", (60, 7, 2)),
        (
            np.random.default_rng(0).integers(0, 255, (60, 8, 7), dtype=np.uint8),
            False,
            "image",
            (60, 8, 7, 1),
        ),
    ],
)
def test_an_added_npz_can_be_run(tmp_path, x, sequences, modality, shape):
    np.savez(tmp_path / "arrays.npz", x=x, y=np.arange(60) % 3, time=np.arange(60))
    dataset = run(tmp_path / "arrays.npz", sequences=sequences)
    assert (dataset.description.modality, dataset.description.task) == (modality, "multiclass")
    assert compose("dataset=arrays").dataset.time == "time"
    assert dataset.take(np.arange(60)).x.shape == shape


def test_what_the_terminal_says(tmp_path, capsys):
    cli.main(["add", str(write_csv(tmp_path)), "--target", "churned", "--drop", "age", "--name", "mine"])
    said = capsys.readouterr().out
    assert "look at this: column 'flag' gives the target away" in said
    assert "copied       to data/own/people.csv" in said
    assert "wrote        conf/dataset/mine.yaml: check the guesses in it" in said
    assert "next         dvc repro" in said
    assert "#   age: as you said" in (DATASETS / "mine.yaml").read_text()


def test_an_error_is_one_sentence(tmp_path):
    with pytest.raises(
        SystemExit, match=r"fuelgauge: people.csv has no column 'churn', did you mean 'churned'"
    ):
        cli.main(["add", str(write_csv(tmp_path)), "--target", "churn"])


def test_a_suite_is_added(monkeypatch, capsys):
    monkeypatch.setattr(
        "fuelgauge.intake.add.expand_suite", lambda suite: [f"{suite}_one", f"{suite}_two", "mnist1d"]
    )
    cli.main(["add", "--suite", "cc18"])
    assert yaml.safe_load(paths.PARAMS.read_text())["datasets"] == ["mnist1d", "cc18_one", "cc18_two"]
    assert "cc18_one, cc18_two" in capsys.readouterr().out


def test_a_refusal_leaves_nothing_behind(tmp_path):
    before = paths.PARAMS.read_bytes(), {*DATASETS.iterdir()}, {*files.OWN.iterdir()}
    table = customers().assign(churned="no")
    with pytest.raises(DataError, match=r"people.csv: the target 'churned' is constant \(no\)"):
        add(Request(write_csv(tmp_path, table), Wishes("churned")))
    assert before == (paths.PARAMS.read_bytes(), {*DATASETS.iterdir()}, {*files.OWN.iterdir()})


def test_nothing_is_overwritten_unless_forced(tmp_path):
    path = write_csv(tmp_path)
    add(Request(path, Wishes("churned")))
    with pytest.raises(
        ConfigError, match="conf/dataset/people.yaml exists; choose another --name, or .*--force"
    ):
        add(Request(path, Wishes("churned")))
    add(Request(path, Wishes("churned"), name="again"))  # the same file may serve twice
    write_csv(tmp_path, customers().iloc[:200])
    with pytest.raises(DataError, match="data/own/people.csv is another file; rename yours, or .*--force"):
        add(Request(path, Wishes("churned"), name="other"))
    added = add(Request(path, Wishes("churned"), force=True))
    assert len(pd.read_csv(added.file, sep=";")) == 200
    assert yaml.safe_load(paths.PARAMS.read_text())["datasets"] == ["mnist1d", "people", "again"]


def test_a_file_in_data_own_stays_where_it_is():
    (files.OWN / "deep").mkdir()
    added = add(Request(write_csv(files.OWN / "deep"), Wishes("churned")))
    assert not added.is_copied
    assert "path: data/own/deep/people.csv" in added.description.read_text()


@pytest.mark.parametrize(
    ("content", "settings", "sentence"),
    [
        ("a,y\n1,b\n", {"wishes": Wishes()}, "name the column to predict: --target COLUMN"),
        ("1,2\n3,4\n", {}, "the first line holds numbers; put a line with the names of the columns above it"),
        ("", {}, "t.csv is empty"),
        ("a,y\n", {}, "t.csv holds a header but no rows"),
        ("a,a,y\n1,2,3\n", {}, "t.csv has 2 columns named 'a'"),
        ("a;y\n1;2\n", {"delimiter": ","}, r"seems to be a semicolon; set delimiter: ';'"),
        ("a,y\n1,2\n", {"name": "yes"}, "--name is 'yes'; a name begins with a letter"),
        ("a,y\n1,2\n", {"name": "my data"}, "--name is 'my data'"),
    ],
)
def test_requests_that_cannot_be(tmp_path, content, settings, sentence):
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises((ConfigError, DataError), match=sentence):
        add(Request(tmp_path / "t.csv", **{"wishes": Wishes("y"), **settings}))


def test_other_encodings_and_missing_values(tmp_path):
    rows = "".join(f"{'-' if k == 3 else k % 7};{'nö' if k % 3 else 'ja'}\n" for k in range(60))
    (tmp_path / "t.csv").write_bytes(f"größe;y\n{rows}".encode("cp1252"))
    with pytest.raises(DataError, match=r"not UTF-8.*fuelgauge add --encoding cp1252"):
        add(Request(tmp_path / "t.csv", Wishes("y")))
    with pytest.raises(DataError, match="column 'größe' holds numbers, but row 4 holds '-'"):
        add(Request(tmp_path / "t.csv", Wishes("y"), encoding="cp1252"))
    dataset = run(tmp_path / "t.csv", encoding="cp1252", missing=("-",))
    assert dataset.description.classes == ("ja", "nö")


def test_a_decimal_comma_is_seen(tmp_path):
    table = pd.DataFrame({"a": np.random.default_rng(0).random(60), "y": ["u", "v"] * 30})
    table.to_csv(tmp_path / "t.csv", sep=";", decimal=",", index=False)
    taken = run(tmp_path / "t.csv").take(np.arange(60)).x
    np.testing.assert_allclose(taken["a"], table["a"], rtol=1e-6)


def test_decimal_marks_that_are_mixed_are_refused(tmp_path):
    def write(a: str, b: str, c: str) -> None:
        rows = "".join(f"{k}{a}5;{k % 9}{b}5;{k % 7}{c}25;{'uv'[k % 2]}\n" for k in range(60))
        (tmp_path / "t.csv").write_text(f"a;b;c;y\n{rows}")

    write(",", ",", ".")
    with pytest.raises(
        DataError, match="column 'c' holds '0.25' in row 1, a number with a decimal point, but"
    ):
        add(Request(tmp_path / "t.csv", Wishes("y")))
    write(".", ".", ",")
    with pytest.raises(
        DataError, match="column 'c' holds '0,25' in row 1, a number with a decimal comma, but"
    ):
        add(Request(tmp_path / "t.csv", Wishes("y")))
    assert run(tmp_path / "t.csv", wishes={"categorical": ("c",)}).description.categorical == ("c",)


def test_many_identical_rows_are_kept_and_said(tmp_path, capsys):
    table = customers().drop(columns=["row", "customer_id"]).dropna(subset="churned")
    copies = pd.concat([table, table.iloc[:10]])
    cli.main(["add", str(write_csv(tmp_path, copies)), "--target", "churned"])
    text = (DATASETS / "people.yaml").read_text()
    assert (
        "duplicates: keep          # 10 of 307 rows are identical to an earlier one, perhaps as dis" in text
    )
    assert "look at this: 10 of 307 rows are identical to an earlier one and kept" in capsys.readouterr().out
    assert compose("dataset=people").dataset.duplicates == "keep"
    added = add(
        Request(write_csv(tmp_path, pd.concat([table, table.iloc[:2]])), Wishes("churned"), force=True)
    )
    assert "duplicates" not in added.description.read_text()


def test_identical_rows_of_an_npz_are_kept_and_said(tmp_path):
    x = np.random.default_rng(0).integers(0, 255, (60, 8, 7), dtype=np.uint8)
    np.savez(tmp_path / "arrays.npz", x=np.concatenate([x, x]), y=np.arange(120) % 3)
    assert "# 60 of 120 rows are" in add(Request(tmp_path / "arrays.npz")).description.read_text()


def test_a_line_break_in_what_was_typed_stays_within_the_comment(tmp_path):
    table = customers().rename(columns={"churned": "my\ntarget"})
    path = write_csv(tmp_path, table)
    added = add(Request(path, Wishes("my\ntarget"), "fuelgauge add people.csv --target 'my\ntarget'"))
    text = added.description.read_text()
    assert text.startswith("# Written by `fuelgauge add people.csv --target 'my target'`. Settings with")
    assert yaml.safe_load(text)["target"] == "my\ntarget"


def test_a_suite_writes_nothing_if_params_cannot_be_edited(monkeypatch):
    called = []
    monkeypatch.setattr("fuelgauge.intake.add.expand_suite", lambda suite: called.append(suite) or ["one"])
    paths.PARAMS.write_text("datasets: mnist1d\n")
    with pytest.raises(ConfigError, match="cannot be edited safely; write it as in datasets"):
        add_suite("cc18")
    assert not called


def test_an_image_that_does_not_decode_is_refused(tmp_path):
    for place in range(4):
        file = tmp_path / "p" / "ab"[place % 2] / f"{place}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"p/a/0.png does not decode as an image"):
        add(Request(tmp_path / "p"))


def test_names_of_files():
    assert name_of(Path("/x/My Data (1).csv.gz")) == "my_data_1"
    assert name_of(Path("/x/2026.csv")) == "data_2026"


# ---- params.yaml


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# top\ndatasets: [a, b]  # which\nseed: 0\n", "# top\ndatasets: [a, b, c]  # which\nseed: 0\n"),
        ("datasets: [a,\n  b,  # two\n  ]\n", "datasets: [a,\n  b, c,  # two\n  ]\n"),
        ("datasets:\n  - a\n  - b  # two\nseed: 0\n", "datasets:\n  - a\n  - b  # two\n  - c\nseed: 0\n"),
        ("datasets:\n- a\n-   b", "datasets:\n- a\n-   b\n-   c"),
        ("datasets:\r\n  - a\r\nseed: 0\r\n", "datasets:\r\n  - a\r\n  - c\r\nseed: 0\r\n"),
        ("seed: 0\ndatasets: ['a', \"b\"]\n", "seed: 0\ndatasets: ['a', \"b\", c]\n"),
        ("datasets: [c]\n", "datasets: [c]\n"),
        (
            "datasets:  # all\n  - a  # one\n  # between\n  - b  # two\n  # - d\n\n# new\nseed: 0\n",
            "datasets:  # all\n  - a  # one\n  # between\n  - b  # two\n  - c\n  # - d\n\n# new\nseed: 0\n",
        ),
        (
            "datasets: [\n  a,  # one\n  b,  # two\n]\nseed: 0\n",
            "datasets: [\n  a,  # one\n  b, c,  # two\n]\nseed: 0\n",
        ),
        ("datasets: []  # none\nseed: 0\n", "datasets: [c]  # none\nseed: 0\n"),
        ("datasets:  # none\r\nseed: 0\r\n", "datasets: [c]  # none\r\nseed: 0\r\n"),
        ("seed: 0  # zero", "seed: 0  # zero\ndatasets: [c]\n"),
        ("seed: 0\r\n", "seed: 0\r\ndatasets: [c]\r\n"),
    ],
)
def test_a_name_is_added_and_all_else_is_kept(text, expected):
    assert with_names(text, ["c"]) == expected


@pytest.mark.parametrize(
    "text",
    [
        "datasets: a\n",
        "datasets: {a: b}\n",
        "",
        "- a\n",
        "other: &names [a]\ndatasets: *names\n",
        "datasets: [a]\ndatasets: [b]\n",
        "{seed: 0}\n",
    ],
)
def test_a_list_that_cannot_be_edited_safely_is_refused(text):
    with pytest.raises(ConfigError, match="cannot be edited safely; add c, d to it by hand"):
        with_names(text, ["c", "d"])


def test_a_file_that_is_no_yaml_is_refused():
    with pytest.raises(ConfigError, match="params.yaml is not valid YAML"):
        with_names("datasets: [a\n", ["c"])


def test_an_added_dataset_stands_beside_the_others_or_alone(tmp_path):
    path = write_csv(tmp_path)
    beside = add(Request(path, Wishes(target="churned")))
    assert beside.n_others == len(yaml.safe_load(paths.PARAMS.read_text())["datasets"]) - 1 > 0
    assert add(Request(path, Wishes(target="churned"), force=True, alone=True)).n_others == 0
    params = yaml.safe_load(paths.PARAMS.read_text())
    assert (params["datasets"], params["anchors"]["stop"]) == (["people"], None)


def test_the_real_params_can_be_edited():
    text = (Path(__file__).parents[2] / "params.yaml").read_text()
    assert with_names(text, ["mine"]).count("mine") == 1
    assert len(with_names(text, ["mine"])) == len(text) + len(", mine")


@pytest.mark.parametrize(
    "name", ["a", "yes", "1", "a: b", "a, b", "[a]", "#a", "", " a", "ä", "it's", 'say "x"', "a" * 300]
)
def test_a_name_stays_itself_in_yaml(name):
    assert yaml.safe_load(f"[{scalar(name)}]") == [name]
    assert yaml.safe_load(f"key: {scalar(name)}  # why") == {"key": name}


def test_a_dataset_alone_has_all_of_its_rows_and_the_rest_of_the_real_params_stays():
    text = (Path(__file__).parents[2] / "params.yaml").read_text()
    changed = alone(text, "mine").splitlines()
    pairs = [(old, new) for old, new in zip(text.splitlines(), changed, strict=True) if old != new]
    assert [new for _, new in pairs] == ["datasets: [mine]", "  stop: null"]


@pytest.mark.parametrize(
    "text", ["datasets:\n  - a\nanchors: {stop: 4}\n", "datasets: [a]\nanchors:\n  start: 2\n"]
)
def test_params_that_cannot_list_a_dataset_alone_safely_are_refused(text):
    with pytest.raises(ConfigError, match=r"write datasets: \[mine\] in it by hand, and stop: null"):
        alone(text, "mine")
