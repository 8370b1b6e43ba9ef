"""Facts about the columns of a table, guessed roles, and columns that give the target away."""

import re
from datetime import date, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from fuelgauge.data.inspection import leaks, tell_tales
from fuelgauge.errors import ConfigError, DataError
from fuelgauge.intake import _survey as surveys
from fuelgauge.intake._survey import Survey, layout, survey
from fuelgauge.intake.guesses import Guess, Wishes, guess, words_of

N = 400


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def labels(n: int = N) -> np.ndarray:
    return rng().choice(["no", "yes"], n, p=[0.7, 0.3])


def surveyed(batch: int = 1 << 17, **columns: object) -> Survey:
    """Survey a table with a target `y`; strings are what a CSV file holds."""
    columns = {"y": labels(len(next(iter(columns.values())))), **columns}
    table = pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})
    return survey(table.to_reader(max_chunksize=batch))


def guessed(wishes: Wishes | None = None, **columns: object) -> Guess:
    return guess(surveyed(**columns), wishes or Wishes(target="y"), "t.csv")


def role(values: object, name: str = "a", wishes: Wishes | None = None) -> tuple[str, str]:
    """Return the guessed role of a column, in a table with one more column of numbers."""
    made = guessed(wishes, **{name: values, "b": rng().normal(size=len(values))})
    return tuple(made.roles[name]) if name in made.roles else ("part", "")


# ---- what gives the target away


def given_away(task: str = "binary", **columns: object) -> dict[str, str]:
    return tell_tales(pd.DataFrame(columns), "y", task)


def test_the_target_under_another_name():
    y = labels()
    found = given_away(y=y, flag=(y == "yes").astype(int), text=np.where(y == "yes", "ja", "nein"))
    assert re.fullmatch(
        r"it is the target under another name \('0' where the target is 'no'\)", found["flag"]
    )
    assert "'nein' where the target is 'no'" in found["text"]


def test_codes_of_several_classes_in_any_order():
    y = rng().choice(list("abc"), N)
    codes = pd.Series(y).map({"a": 7, "b": 1, "c": 4})
    assert "under another name" in given_away("multiclass", y=y, codes=codes)["codes"]


def test_a_number_that_separates_the_classes():
    y = labels()
    delay = np.where(y == "yes", 15 + rng().exponential(5, N), -rng().exponential(5, N))
    found = given_away(y=y, delay=delay, noisy=delay + rng().normal(size=N) * 20, other=rng().normal(size=N))
    assert found == {"delay": "by itself it separates the classes"}


def test_a_value_that_only_one_class_has():
    y = labels()
    moved_out = pd.Series(pd.Timestamp("2026-01-01"), range(N)).where(pd.Series(y == "yes"))
    assert "moved_out" in given_away(y=y, moved_out=moved_out)


def test_an_id_whose_order_sorts_the_target():
    y = np.sort(labels())
    names = [f"u{place:05d}" for place in range(N)]
    found = given_away(y=y, id=np.arange(N), name=names, shuffled=rng().permutation(names))
    assert found == dict.fromkeys(["id", "name"], "its order separates the classes")


def test_categories_that_each_go_with_one_class():
    y = labels()
    agent = [f"{value}{place % 20}" for place, value in enumerate(y)]
    found = given_away(y=y, agent=agent, fair=rng().integers(0, 20, N).astype(str))
    assert found == {"agent": "each of its values goes with one class"}


def test_rare_classes_in_rare_categories_prove_nothing():
    y = np.where(rng().random(5000) < 0.01, "yes", "no")
    pairs = (np.arange(5000) // 2).astype(str)  # nearly every pair is pure, but foretells nothing
    assert given_away(y=y, pairs=pairs) == {}
    assert given_away(y=["a"] * 100 + ["b"] * 4, x=[0] * 100 + [1] * 4) == {}
    assert given_away(y=["a", "b"] * 5, x=[0, 1] * 5) == {}


def test_values_that_give_away_values():
    y = rng().normal(size=N)
    found = given_away(
        "regression",
        y=y,
        log=np.exp(y),
        scaled=-3 * y + 1e-4 * rng().normal(size=N),
        near=y + 0.2 * rng().permutation(y),
        constant=np.ones(N),
    )
    assert found == dict.fromkeys(
        ["log", "scaled"], "by itself it follows the target with a correlation above .9999"
    )
    y = rng().normal(size=20)[rng().integers(0, 20, N)]
    shop = pd.Series(pd.factorize(y)[0]).map(lambda code: f"shop {code * 7 % 20}")
    assert "one value of the target" in given_away("regression", y=y, shop=shop)["shop"]


def test_the_sentence_names_column_and_target():
    y = labels()
    assert leaks(pd.DataFrame({"y": y, "twin": y}), "y", "binary") == [
        "column 'twin' gives the target 'y' away: it is the target under another name ('no' where the target "
        "is 'no'); leave it out unless it is known when a prediction is needed."
    ]


def test_a_table_of_one_class_or_without_targets_is_no_reason_to_fail():
    assert leaks(pd.DataFrame({"y": ["a"] * 50, "x": range(50)}), "y", "binary") == []
    assert leaks(pd.DataFrame({"y": [None] * 50, "x": range(50)}), "y", "binary") == []
    assert leaks(pd.DataFrame({"y": [1.0] * 50, "x": range(50)}), "y", "regression") == []


# ---- what a column is


def test_numbers():
    assert role(rng().normal(size=N)) == ("numeric", "")
    assert role([1.5, None] * (N // 2)) == ("numeric", "missing in 200 rows")
    assert role([str(value) for value in rng().normal(size=N)]) == ("numeric", "")
    assert role(rng().random(N) < 0.5) == ("numeric", "")
    assert role(rng().integers(0, 5, N)) == ("numeric", "")


def test_categories():
    assert role(["a", "b", "c", "c"] * 100) == ("categorical", "3 categories")
    assert role([f"{zip_code:05d}" for zip_code in rng().integers(0, 90, N)]) == (
        "categorical",
        "digits with leading zeros",
    )
    assert role(rng().integers(0, 30, N), "shop_id") == ("categorical", "an id by its name, with repeats")
    assert role([1, 2, 3, 4] * 100, wishes=Wishes("y", categorical=("a",))) == ("categorical", "as you said")


def test_ids_and_numbers_of_rows():
    assert role(np.arange(N))[1].startswith("whole numbers that grow with every row")
    assert role([str(10 * place) for place in range(N)])[1].startswith("whole numbers that grow")
    assert role([f"u{place}" for place in rng().permutation(N)]) == (
        "names",
        "a different value in every row",
    )
    assert role(rng().permutation(N), "ticketId") == ("out", "an id by its name, different in every row")
    assert role(rng().permutation(N), "paid") == ("numeric", "")
    assert role([f"u{place}" for place in rng().integers(0, 500, N)])[1] == "a different value in most rows"
    assert role(np.sort(rng().normal(size=N))) == ("numeric", "")


def test_columns_that_say_nothing():
    assert role(["AT"] * N) == ("out", "it is the same in every row (AT)")
    assert role([1.0] * N) == ("out", "it is the same in every row (1.0)")
    assert role(pa.nulls(N, pa.string())) == ("out", "all its values are missing")
    assert role([None, "x"] * (N // 2)) == ("categorical", "1 categories, missing in 200 rows")
    assert role([[1, 2]] * N)[1].startswith("its type is list")
    assert role(rng().normal(size=N), "") == ("out", "it has no name")
    assert role(rng().normal(size=N), wishes=Wishes("y", drop=("a",))) == ("out", "as you said")


def test_free_text():
    texts = [f"this is review number {place} of many" for place in range(N)]
    made = guessed(a=texts, b=rng().normal(size=N))
    assert made.roles["a"] == ("text", "free text, 7 words on average")
    assert made.warnings == ["column 'a' is free text and left out; to use it as the only input: --text 'a'."]
    assert role(["a phrase of some words", "another phrase of some words"] * 200)[0] == "categorical"


def test_many_categories(monkeypatch):
    codes = [f"c{code}" for code in np.tile(np.arange(1500), 3)]
    made = guessed(a=codes, b=rng().normal(size=len(codes)))
    assert made.roles["a"] == ("categorical", "1,500 categories")
    assert made.warnings == ["column 'a' has 1,500 categories."]
    codes = [f"c{code}" for code in np.tile(np.arange(100_000), 3)]
    made = guessed(a=codes, b=rng().normal(size=len(codes)))
    assert made.roles["a"] == ("names", "more than 20,000 categories") or made.roles["a"].kind == "names"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31", "%Y-%m-%d"),
        ("2026-1-5", "%Y-%m-%d"),
        ("2026-01-31T10:00:00", "ISO8601"),
        ("2026-01-31 10:00:00.125+01:00", "ISO8601"),
        ("2026/01/31", "%Y/%m/%d"),
        ("31.01.2026", "day first|%d.%m.%Y"),
        ("01/31/26", "month first|%m/%d/%y"),
        ("01/02/2026 10:15", "day or month first|%d/%m/%Y %H:%M"),
        ("1/31/2026 10:15:01 PM", "month first|%m/%d/%Y %I:%M:%S %p"),
        ("31 Jan 2026", "%d %b %Y"),
        ("31-Jan-2026", "%d-%b-%Y"),
        ("January 31, 2026", "%B %d, %Y"),
        ("2026-13-01", None),
        ("32.01.2026", None),
        ("13/13/2026", None),
        ("2026-02-30", None),
        ("29.02.2026", None),
        ("29.02.24", "day first|%d.%m.%y"),
        ("0000-01-01", None),
        ("February 30, 2026", None),
        ("Sept 1, 2020", "%b %d, %Y"),
        ("1 Marching 2020", None),
        ("2026-01-31 24:00", None),
        ("1/31/2026 13:15 PM", None),
        ("10:15", None),
        ("1.2.3", None),
        ("192.168.1.10", None),
        ("Foo 31, 2026", None),
        ("2026-01-31 noon", None),
        ("", None),
    ],
)
def test_layouts_of_dates(text, expected):
    assert layout(text) == expected


def test_every_layout_of_a_date_reads_what_was_written():
    moment = pd.Timestamp(2026, 12, 31, 22, 5, 7)
    for form in ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%y", "%d %B %Y", "%b %d, %Y", "%d-%b-%Y", "%Y/%m/%d"]:
        for clock in ["", " %H:%M", " %H:%M:%S", " %I:%M %p"]:
            found = layout(moment.strftime(form + clock)).rpartition("|")[2]
            assert pd.to_datetime(moment.strftime(form + clock), format=found).date() == moment.date()


def test_dates():
    days = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng().integers(0, 300, N), "D")
    assert role(days) == ("dates", "")
    made = guessed(a=days.strftime("%d.%m.%Y"), b=rng().normal(size=N))
    assert made.roles["a"] == ("dates", "dates like %d.%m.%Y")
    assert made.formats == {"a": "%d.%m.%Y"}
    assert role(["02/01/2026", "03/04/2026"] * 200) == (
        "dates",
        "dates like %m/%d/%Y; day and month could be swapped",
    )
    assert role([date(2026, 1, 1), date(2026, 1, 2)] * 200) == ("dates", "")


# ---- what a table is


def task(y: object, wished: str = "") -> str:
    return guessed(Wishes("y", task=wished), y=y, b=rng().normal(size=len(y))).task


def test_tasks():
    assert task(["no", "yes"] * 50) == "binary"
    assert task([0, 1] * 50) == "binary"
    assert task([True, False] * 50) == "binary"
    assert task(["a", "b", "c"] * 50) == "multiclass"
    assert task([1, 2, 3] * 50) == "multiclass"
    assert task(["1", "2", "3"] * 50) == "multiclass"
    assert task([1, 2, 3] * 50, "regression") == "regression"
    assert task([1.0, 2.0, 3.5] * 50) == "regression"
    assert task(range(21)) == "regression"
    assert task(list(range(15)) * 2) == "regression"  # two rows a value
    assert task(rng().normal(size=N)) == "regression"
    assert task([str(value) for value in rng().normal(size=N)]) == "regression"


def test_metric_follows_the_task():
    made = guessed(b=rng().normal(size=N))
    assert (made.metric, made.why["metric"]) == ("roc_auc", "also possible: accuracy, log_loss")
    assert re.fullmatch(r"two different values: no \(64%\), yes \(36%\)", made.why["task"])


def test_texts_are_the_modality_if_there_is_nothing_else():
    texts = [f"this is review number {place} of many" for place in range(N)]
    made = guessed(review=texts, id=np.arange(N), country=["AT"] * N)
    assert (made.modality, made.text) == ("text", "review")
    names = [f"name{place}" for place in rng().integers(0, 700, N)]
    assert guessed(name=names).text == "name"
    made = guessed(Wishes("y", text="review"), review=texts, b=rng().normal(size=N))
    assert (made.modality, made.text, made.roles["b"].kind) == ("text", "review", "out")
    with pytest.raises(DataError, match=r"several columns of texts \(a, b\); choose one with --text"):
        guessed(a=texts, b=texts[::-1])
    with pytest.raises(DataError, match="column 'b' holds double, not texts"):
        guessed(Wishes("y", text="b"), b=rng().normal(size=N))


def test_a_group_is_taken_if_it_is_clear():
    people = rng().integers(0, 100, N)
    made = guessed(patient_id=people, b=rng().normal(size=N))
    assert made.group == "patient_id"
    assert "patient_id" not in made.roles
    for unclear in ({"shop_id": people}, {"patient_id": people % 5}, {"user": people, "patient": people}):
        made = guessed(**unclear, b=rng().normal(size=N))
        assert made.group == ""
        assert made.why["group"].startswith(f"or {' or '.join(unclear)}, to keep the rows of each value")
    assert guessed(patient_id=rng().permutation(N), b=rng().normal(size=N)).why["group"] == ""
    assert guessed(Wishes("y", group="b"), a=people, b=people).group == "b"


def test_a_time_is_taken_if_it_is_clear():
    days = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(N) // 2, "D")
    made = guessed(when=days.strftime("%Y-%m-%d"), b=rng().normal(size=N))
    assert (made.time, made.time_is_date, made.formats) == ("when", True, {"when": "%Y-%m-%d"})
    assert guessed(year=np.arange(N), b=rng().normal(size=N)).time == "year"
    assert guessed(row=np.arange(N), b=rng().normal(size=N)).time == ""
    shuffled = days[rng().permutation(N)]
    made = guessed(when=shuffled, b=rng().normal(size=N))
    assert (made.time, made.why["time"]) == ("", "or when, to predict the future")
    assert guessed(Wishes("y", time="when"), when=shuffled, b=rng().normal(size=N)).time == "when"
    assert guessed(begin=days, end=days, b=rng().normal(size=N)).time == ""


def test_leaks_are_warned_of_and_marked():
    y = labels()
    made = guessed(y=y, twin=y == "yes", id=np.arange(N), b=rng().normal(size=N))
    assert len(made.warnings) == 1
    assert made.warnings[0].endswith("use --drop 'twin' unless it is known when a prediction is needed.")
    assert made.roles["twin"].why.startswith("gives the target away?")
    ordered = guessed(y=np.sort(y), id=np.arange(N), b=rng().normal(size=N))
    assert ordered.warnings == [
        "column 'id' gives the target away: its order separates the classes; it is left out."
    ]
    assert guessed(Wishes("y", drop=("twin",)), y=y, twin=y, b=rng().normal(size=N)).warnings == []


def test_few_rows_and_rare_classes_are_warned_of():
    made = guessed(y=["a"] * 45 + ["b"] * 5, b=rng().normal(size=50))
    assert made.warnings == [
        "50 rows with a target give only a short learning curve.",
        "class 'b' of the target has only 5 rows.",
    ]


MIXED = ["2026-01-31", "31.01.2026", "01/31/2026"] * 20
BAD = {
    "constant target": ({"y": ["a"] * 50}, r"the target 'y' is constant \(a\)"),
    "no target at all": ({"y": pa.nulls(50, pa.string())}, "target 'y' is missing in 50 of 50 rows"),
    "target nearly all missing": (
        {"y": ["a", "b"] * 10 + [None] * 30},
        "is missing in 30 of 50 rows; at least half need one",
    ),
    "a class with one row": (
        {"y": ["a", "b"] * 20 + ["c"]},
        "class 'c' with a single row; leave the row out",
    ),
    "a number with one row": ({"y": [1, 2, 3] * 20 + [4]}, "class '4' with a single row.*--task regression"),
    "dates as target": ({"y": pd.date_range("2026-01-01", periods=50)}, "the target 'y' is a date"),
    "names as target": (
        {"y": [f"n{k}" for k in range(2000)] * 2},
        "has 2,000 different values, too many for classes",
    ),
    "lists as target": ({"y": [[1], [2]] * 20}, "'y' is of type list.*, which cannot be a target"),
    "infinite": ({"a": [1.0, 2.0, np.inf] * 20}, "column 'a' holds inf in row 3"),
    "infinite text": ({"a": ["1", "-inf", "2"] * 20}, "column 'a' holds -inf in row 2"),
    "infinite target": ({"y": [1.0, 2.0, np.inf] * 20}, "column 'y' holds inf in row 3"),
    "mixed types": (
        {"a": ["1", "2"] * 20 + ["old"]},
        "column 'a' holds numbers, but row 41 holds 'old'.*--missing 'old'",
    ),
    "mixed target": (
        {"y": ["1.5", "2.5"] * 20 + ["?!"]},
        r"column 'y' holds numbers, but row 41 holds '\?!'",
    ),
    "three formats": (
        {"a": MIXED},
        r"column 'a' holds dates in 3 formats: '2026-01-31' \(row 1: %Y-%m-%d\), "
        r"'31.01.2026' \(row 2: %d.%m.%Y\), '01/31/2026' \(row 3: %m/%d/%Y\)",
    ),
    "day and month mixed": ({"a": ["31/01/2026", "01/31/2026"] * 20}, "holds dates in 2 formats"),
    "no date": ({"a": ["2026-01-31"] * 30 + ["soon"]}, "column 'a' holds dates, but row 31 holds 'soon'"),
    "nothing to learn from": ({"a": ["AT"] * 50}, r"has no column to learn from \(a: it is the same"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_are_one_sentence(case):
    columns, sentence = BAD[case]
    columns = columns if "a" in columns else {**columns, "b": np.arange(len(columns["y"])) % 7}
    with pytest.raises(DataError, match=sentence) as raised:
        guessed(**columns)
    assert str(raised.value).startswith("t.csv")


@pytest.mark.parametrize(
    ("wishes", "sentence"),
    [
        (Wishes("z"), "t.csv has no column 'z', valid: a, y"),
        (Wishes("y", drop=("aa",)), "no column 'aa', did you mean 'a'"),
        (Wishes("y", time="y"), "column 'y' cannot have two roles"),
        (Wishes("y", task="classification"), "--task is 'classification'"),
    ],
)
def test_wishes_that_cannot_be(wishes, sentence):
    with pytest.raises(ConfigError, match=sentence):
        guessed(wishes, a=rng().normal(size=N))


@pytest.mark.parametrize(
    ("wishes", "sentence"),
    [
        (Wishes("y", task="regression"), "does not hold numbers, which a regression needs"),
        (Wishes("y", time="a"), "the time column 'a' holds neither dates nor numbers"),
        (Wishes("y", time="b"), "the time column 'b' is missing in 200 rows"),
        (Wishes("y", group="b"), "the group column 'b' is missing in 200 rows"),
    ],
)
def test_wishes_that_the_table_does_not_fulfil(wishes, sentence):
    with pytest.raises(DataError, match=sentence):
        guessed(wishes, a=["u", "v"] * (N // 2), b=[1.0, None] * (N // 2))


def test_a_binary_task_needs_two_classes():
    with pytest.raises(DataError, match="has 3 classes; a binary task has two"):
        task(["a", "b", "c"] * 20, "binary")


# ---- how a table is looked at


def test_what_is_counted_does_not_depend_on_the_batches(monkeypatch):
    monkeypatch.setattr(surveys, "SAMPLE", 100)
    columns = {
        "number": [str(value) for value in rng().normal(size=N)],
        "late": ["1"] * 350 + ["x"] * 50,
        "category": rng().choice(list("abc"), N),
        "day": [f"{1 + k % 28:02d}/03/2026" for k in range(N)],
        "moment": [datetime(2026, 1, 1 + k % 28) for k in range(N)],
        "gap": [None, 1.5] * (N // 2),
    }
    whole, parts = surveyed(**columns), surveyed(batch=23, **columns)
    for name, facts in whole.columns.items():
        other = parts.columns[name]
        for what in ("n_rows", "n_missing", "counts", "n_distinct", "is_complete", "no_number", "layouts"):
            assert getattr(facts, what) == getattr(other, what), (name, what)
    pd.testing.assert_frame_equal(whole.sample, parts.sample)
    assert 100 <= len(whole.sample) <= 200
    assert whole.columns["late"].no_number == ("x", 351)


def test_the_count_of_values_is_bounded(monkeypatch):
    monkeypatch.setattr(surveys, "MOST_VALUES", 50)
    facts = surveyed(batch=40, a=[f"v{k % 90}" for k in range(N)]).columns["a"]
    assert (facts.is_complete, facts.n_distinct, facts.n_counted, len(facts.counts)) == (False, 80, 80, 0)


def test_words_of_names():
    assert words_of("customer_id") == words_of("CustomerID") == words_of("customer.Id") == ["customer", "id"]
    assert words_of("x1") == ["x"]


def test_a_date_that_the_calendar_does_not_have_is_named():
    days = ["2026-01-31"] * 150 + ["2026-02-30"] + ["2026-03-01"] * 49
    for wishes in (Wishes("y"), Wishes("y", time="a")):
        with pytest.raises(DataError, match="column 'a' holds dates, but row 151 holds '2026-02-30'"):
            guessed(wishes, a=days, b=rng().normal(size=200))


def test_a_date_that_cannot_be_computed_with_is_named():
    days = pa.array(["2026-01-31 10:00:00+00:00"] * 24 + ["2026-01-31 10:00:00+99:00"])
    days = pa.concat_arrays([days, pa.array([f"2026-02-{k:02d} 10:00:00+00:00" for k in range(1, 26)])])
    with pytest.raises(
        DataError, match=r"column 'a': row 25 holds '2026-01-31 10:00:00\+99:00', which is not a date"
    ):
        guessed(a=days, b=rng().normal(size=50))


def test_decimal_marks_are_told_apart():
    mixed = pa.table({"a": ["1,5", "2.5", "3,5", "4,5"] * 5, "b": ["1.2", "2.3", "3", "4"] * 5})
    facts = survey(mixed.to_reader(max_chunksize=6), ",").columns
    assert (facts["a"].is_number, facts["a"].is_turned, facts["a"].turned) == (False, True, ("2.5", 2))
    assert (facts["b"].is_number, facts["b"].is_turned) == (False, True)
    assert not survey(pa.table({"a": ["x", "1.5"] * 5}).to_reader(), ",").columns["a"].is_turned


def test_numbers_with_another_decimal_mark_are_read_and_said():
    made = guessed(a=[f"{value:.5f}".replace(".", ",") for value in rng().normal(size=N)], b=np.arange(N) % 7)
    assert made.roles["a"].kind == "numeric"
    assert made.numbers["a"].decimal == ","
    assert re.search(r"column 'a' is read as numbers: '0,12573' in row 1 is 0.12573", made.warnings[0])


# ---- an index that another program has saved


@pytest.mark.parametrize(
    "name", ["Unnamed: 0", "Unnamed: 0.1", "index", "Index", "level_0", "__index_level_0__"]
)
def test_a_saved_index_is_no_feature(name):
    rows = rng().permutation(N)
    for values in (rows, rows.astype(str), [f"r{row}" for row in rows]):
        assert role(values, name) == ("out", "a row number that was saved with the table, by its name")


def test_an_index_by_its_name_alone_is_a_feature():
    assert role(rng().integers(0, 9, N), "index")[0] == "numeric"  # an index of prices
    assert role(rng().normal(size=N), "index")[0] == "numeric"
    assert role(rng().integers(0, 9, N), "Unnamed: 0")[0] == "out"  # frames under one another


def test_an_index_that_pandas_notes_in_the_file_is_no_feature():
    frame = pd.DataFrame({"y": labels(), "b": rng().normal(size=N)}, index=rng().permutation(N))
    for named, name in ((frame, "__index_level_0__"), (frame.rename_axis("who"), "who")):
        made = guess(survey(pa.Table.from_pandas(named).to_reader()), Wishes("y"), "t.parquet")
        assert (made.roles[name].kind, made.roles["b"].kind) == ("out", "numeric")
    days = frame.set_index(pd.date_range("2026-01-01", periods=N, name="day"))
    assert guess(survey(pa.Table.from_pandas(days).to_reader()), Wishes("y"), "t.parquet").time == "day"


def test_columns_that_are_left_out_are_said_if_they_may_say_something():
    grows = np.sort(rng().choice(100_000, N, replace=False))
    made = guessed(income=grows, b=rng().normal(size=N))
    assert made.warnings == [
        "column 'income' is left out, as its whole numbers grow with every row; if it is a quantity, use "
        "--numeric 'income'."
    ]
    made = guessed(Wishes("y", numeric=("income",)), income=grows, b=rng().normal(size=N))
    assert (made.roles["income"], made.warnings) == (("numeric", "as you said"), [])
    names, values = [f"u{place}" for place in rng().permutation(N)], rng().normal(size=N)
    assert "strings that hardly repeat are left out: a; to use" in guessed(a=names, b=values).warnings[-1]
    made = guessed(**{"": rng().integers(0, 9, N), "b": rng().normal(size=N)})
    assert "a column without a name is left out; give it a name" in made.warnings[0]


@pytest.mark.parametrize("name", ["__target__", "__row__", "__group__", "__time__"])
def test_names_that_the_pipeline_keeps_are_refused(name):
    with pytest.raises(
        DataError, match=f"t.csv has a column '{name}', a name that the pipeline reserves; rename"
    ):
        guessed(**{name: rng().normal(size=N), "b": rng().normal(size=N)})


def test_strings_named_x_alone_are_refused():
    with pytest.raises(DataError, match="the only feature is a column 'x' of strings"):
        guessed(x=["a", "b", "c", "c"] * 100)
    assert guessed(x=["a", "b", "c", "c"] * 100, b=rng().normal(size=N)).roles["x"].kind == "categorical"
