"""`ask` on a small table, from the file to the page: one run in a fresh process, in an empty folder."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fuelgauge.answer import _loop, _plan, _rows
from fuelgauge.answer._lines import INDENT, WIDE, lines
from fuelgauge.answer._question import Question, Workplace
from fuelgauge.answer._rows import prepare
from fuelgauge.answer.ask import ask
from fuelgauge.claims.analysis import analyze
from fuelgauge.errors import ConfigError, DataError, StoreError
from fuelgauge.features.featurize import featurize
from fuelgauge.sweep.store import TrialStore
from tests.conftest import CHECKOUT

PROGRAM = """
import json, sys
import pandas as pd
import fuelgauge
from fuelgauge.answer import _plan
_plan.REPEATS_OF_SMALL = 6  # so that the answer ends by itself, on a busy machine too
answer = fuelgauge.ask("shop.csv", "bought", minutes=0.9, label_price=0.5)
loaded = {name.partition(".")[0] for name in sys.modules}
rows = pd.read_csv("shop.csv").head(5)
fitted = answer.best_
print(json.dumps({
    "loaded": sorted(loaded),
    "summary": answer.summary,
    "headline": answer.headline,
    "best": fitted.name,
    "table": answer.table.reset_index().to_dict("list"),
    "predicted": fitted.predict(rows.drop(columns="bought")).tolist(),
    "probabilities": fitted.predict_proba(rows).sum(axis=1).tolist(),
    "needed": answer.rows_for(roc_auc=0.5).loc[fitted.name].tolist(),
    "at": answer.at(rows=2000).loc[fitted.name].tolist(),
    "value": answer.value_of_label(),
    "leaks": answer.leaks,
}))
"""


def shop(rows=400, seed=0):
    """Return a table with a number as money, a leak, a category and an id."""
    rng = np.random.default_rng(seed)
    age, price = rng.normal(40, 12, rows), rng.gamma(2, 300, rows)
    city = rng.choice(["Bonn", "Kiel", "Ulm"], rows)
    chance = 1 / (1 + np.exp(-(age - 40) / 8 + price / 500 - (city == "Ulm")))
    bought = rng.random(rows) < chance
    return pd.DataFrame(
        {
            "order_id": [f"a{i:05d}x" for i in rng.permutation(rows)],
            "age": age.round(1),
            "price": [f"${value:,.2f}" for value in price],
            "city": city,
            "receipt": np.where(bought, rng.random(rows) + 1, rng.random(rows)).round(4),
            "bought": np.where(bought, "yes", "no"),
        }
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    shop().drop(columns="receipt").to_csv(folder / "shop.csv", index=False)
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(CHECKOUT / "src"), "HOME": str(folder)},
    )
    assert result.returncode == 0, result.stderr
    return folder, json.loads(result.stdout.splitlines()[-1])


def test_no_part_of_the_pipeline_is_imported(told):
    loaded = set(told[1]["loaded"])
    assert not loaded & {"mlflow", "hydra", "dvc", "ray", "lightning"}


def test_the_lines_say_what_was_read_what_to_ship_and_what_more_rows_bring(told):
    summary = told[1]["summary"].splitlines()
    assert summary[0].startswith("shop.csv: 400 rows, 4 columns, target bought")
    starts = {line.split()[0] for line in summary}
    assert {"read", "SHIP", "vs", "MORE", "COST", "TRUST", "page", "next"} <= starts
    assert "price" in summary[1]
    assert "order_id" in summary[1]
    assert len([line for line in summary if not line.startswith(INDENT)]) <= 20
    assert max(map(len, summary)) <= WIDE


def test_the_best_model_takes_rows_with_the_columns_of_the_table(told):
    assert set(told[1]["predicted"]) <= {"yes", "no"}
    np.testing.assert_allclose(told[1]["probabilities"], 1, rtol=1e-5)


def test_the_table_of_models_begins_with_the_best_and_its_chances_sum_to_one(told):
    table = told[1]["table"]
    assert table["model"][0] == told[1]["best"]
    assert table["gap"][0] == 0
    assert sum(table["p_now"]) == pytest.approx(1)
    assert sum(table["p_double"]) == pytest.approx(1)


def test_rows_and_labels_can_be_asked_for(told):
    rows, least, most = told[1]["needed"]
    assert least <= rows <= most
    loss, low, high = told[1]["at"]
    assert low <= loss <= high
    assert told[1]["value"]["cost"] == 0.5 * 400
    table = told[1]["table"]
    chance = table["p_double"][table["model"].index(told[1]["value"]["model"])]
    assert told[1]["value"]["probability"] == chance


def test_the_trial_table_is_that_of_the_pipeline(told, tmp_path):
    trials = pd.read_parquet(told[0] / "ask_shop.parquet")
    assert {"loss", "loss_before_refit", "train_loss", "fit_seconds", "choice_loss"} <= set(trials.columns)
    assert set(trials["n_train"]) == {40, 80, 160, 320}
    verdicts = analyze(told[0] / "ask_shop.parquet", tmp_path / "report").verdicts
    assert {each["claim"] for each in verdicts} >= {"data", "time"}


def test_the_files_lie_beside_the_table_and_hold_no_pickle(told):
    folder = told[0]
    assert (folder / "ask_shop.html").is_file()
    names = {path.name for path in (folder / "ask_shop.model").iterdir()}
    assert {"model.json", "state.skops", "table.json"} <= names
    assert not [path for path in folder.rglob("*") if path.suffix in (".pkl", ".pickle", ".object")]


def test_an_answer_goes_on_from_its_journal(told):
    folder = told[0]
    before = len(pd.read_parquet(folder / "ask_shop.parquet"))
    answer = ask(folder / "shop.csv", "bought", minutes=0.05, folder=folder)
    assert len(answer.trials) >= before
    assert answer.trials["trial_id"].is_unique


def test_a_second_run_beside_it_is_told_to_wait(tmp_path):
    shop().to_csv(tmp_path / "shop.csv", index=False)
    with TrialStore(tmp_path / "ask_shop" / "journal.trials"), pytest.raises(StoreError, match="wait"):
        ask(tmp_path / "shop.csv", "bought", folder=tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.assign(bought="yes"), "nothing to learn"),
        (lambda table: table.head(2), "single row"),
        (lambda table: table.head(40), "60 or more"),
    ],
)
def test_a_table_that_cannot_be_learned_from_is_refused_in_one_sentence(change, message, tmp_path):
    change(shop()).to_csv(tmp_path / "shop.csv", index=False)
    with pytest.raises(DataError, match=message) as caught:
        ask(tmp_path / "shop.csv", "bought", folder=tmp_path)
    assert "conf/" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["shop.csv"]
    assert "\n" not in str(caught.value)


def test_slips_are_named(tmp_path):
    shop().to_csv(tmp_path / "shop.csv", index=False)
    with pytest.raises(ConfigError, match="did you mean 'bought'"):
        ask(tmp_path / "shop.csv", "baught", folder=tmp_path)
    with pytest.raises(ConfigError, match="roc_auc"):
        ask(tmp_path / "shop.csv", "bought", metric="auc", folder=tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        ask(tmp_path / "shep.csv", "bought", folder=tmp_path)
    with pytest.raises(ConfigError, match="above 0"):
        ask(tmp_path / "shop.csv", "bought", minutes=0, folder=tmp_path)


class Broken:
    def fit(self, x, y):
        raise ValueError("no such luck")


class Mean:
    """A classifier without probabilities, which takes the most frequent class."""

    def fit(self, x, y):
        self.most = np.bincount(y).argmax()
        return self

    def predict(self, x):
        return np.full(len(x), self.most)


def test_own_models_take_part_and_a_broken_one_is_left_out_and_named(tmp_path, monkeypatch):
    monkeypatch.setattr(_plan, "REPEATS_OF_SMALL", 4)
    answer = ask(
        shop(300), "bought", minutes=0.9, models={"broken": Broken(), "mean": Mean()}, folder=tmp_path
    )
    text = "\n".join(lines(answer))
    assert "no such luck" in text
    assert "mean" in set(answer.trials["model"])
    assert set(answer.leaks) == {"receipt"}
    assert Path(tmp_path / "ask_table.html").is_file()


class Sleeper:
    """A model that hangs."""

    def fit(self, x, y):
        import time

        time.sleep(600)


def test_a_model_that_hangs_is_left_out_and_the_answer_comes(tmp_path, monkeypatch):
    monkeypatch.setattr(_loop, "LEAST_LIMIT", 1.0)
    monkeypatch.setattr(_loop, "SHARE_OF_PROBE", 0.0)
    monkeypatch.setattr(_plan, "REPEATS_OF_SMALL", 3)
    answer = ask(shop(120), "bought", minutes=0.9, models={"sleeper": Sleeper()}, folder=tmp_path)
    assert "took longer than 1 seconds" in "\n".join(lines(answer))
    assert answer.findings is not None


def test_a_run_that_was_killed_while_it_wrote_loses_one_trial_at_most(told, tmp_path):
    shutil.copytree(told[0], tmp_path, dirs_exist_ok=True)
    journal = tmp_path / "ask_shop" / "journal.trials"
    content = journal.read_bytes()
    journal.write_bytes(content[:-40])
    answer = ask(tmp_path / "shop.csv", "bought", minutes=0.08, folder=tmp_path)
    assert len(answer.trials) >= content.count(b"\n") - 1


def test_a_changed_table_is_read_again(told, tmp_path):
    shop(200, seed=3).to_csv(tmp_path / "shop.csv", index=False)
    place = Workplace(tmp_path, "shop")
    place.open()
    question = Question.of_file(tmp_path / "shop.csv", "bought")
    assert prepare(question, place).is_new
    assert not prepare(question, place).is_new
    shop(220, seed=3).to_csv(tmp_path / "shop.csv", index=False)
    again = prepare(question, place)
    assert again.is_new
    assert len(again.dataset.target) == 220


def test_a_table_that_grows_while_it_is_read_is_refused_and_read_again_later(tmp_path, monkeypatch):
    shop(200).to_csv(tmp_path / "shop.csv", index=False)
    place = Workplace(tmp_path, "shop")
    place.open()
    question = Question.of_file(tmp_path / "shop.csv", "bought")

    def growing(*arguments):
        found = featurize(*arguments)
        with (tmp_path / "shop.csv").open("a", encoding="utf-8") as file:
            file.write("a9x,30,$1.00,Bonn,0.5,no\n")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(_rows, "featurize", growing)
        with pytest.raises(DataError, match="changed while it was read"):
            prepare(question, place)
    assert prepare(question, place).is_new


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    shop(100).to_csv(tmp_path / "shop.csv", index=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        ask(tmp_path / "shop.csv", "bought", folder=tmp_path / "file")
