"""`fuelgauge add` with numbers as people write them, and with labels that look like something else."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from fuelgauge.config.compose import compose
from fuelgauge.data.dataset import Dataset
from fuelgauge.data.ingest import ingest
from fuelgauge.errors import ConfigError, DataError
from fuelgauge.features.featurize import featurize
from fuelgauge.intake.add import Added, Request, add
from fuelgauge.intake.guesses import Wishes
from tests.intake.test_add import checkout

N = 120
__all__ = ["checkout"]  # a fixture that leaves the project as it was


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path


def values(n: int = N) -> np.ndarray:
    return np.random.default_rng(0).integers(1000, 9000, n)


def labels(n: int = N) -> list[str]:
    return np.where(np.random.default_rng(1).random(n) < 0.5, "no", "yes").tolist()


def added(folder: Path, table: dict[str, Sequence[object]], kind: str = "csv", **settings: object) -> Added:
    """Add a table with columns a, b and y."""
    frame = pd.DataFrame({"b": np.random.default_rng(2).normal(size=N), "y": labels(), **table})
    path = folder / f"t.{kind}"
    frame.to_parquet(path) if kind == "parquet" else frame.to_csv(path, index=False)
    wishes = Wishes(**{"target": "y", **settings.pop("wishes", {})})
    return add(Request(path, wishes, name="written", force=True, **settings))


def run(made: Added) -> Dataset:
    """Ingest and featurize a dataset as the pipeline would."""
    config = compose(f"dataset={made.name}")
    ingest(config.dataset)
    featurize(config.dataset, config.feature_set)
    return Dataset.open(made.name, "raw")


def feature(made: Added, name: str = "a") -> np.ndarray:
    return run(made).take(np.arange(N)).x[name].to_numpy()


def source(made: Added) -> dict[str, object]:
    return yaml.safe_load(made.description.read_text())["source"]


WRITINGS = {
    "thousands": (
        [f"{v:,}" for v in values()],
        {"thousands": ","},
        "if ',' is the decimal mark, use --decimal",
    ),
    "dollars": ([f"${v:,}" for v in values()], {"thousands": ",", "unit": "$"}, "'$' is left off"),
    "euros": ([f"{v} \u20ac" for v in values()], {"unit": "\u20ac"}, "'\u20ac' is left off"),
    "percent": ([f"{v}%" for v in values()], {"unit": "%"}, "nothing is divided by 100"),
    "units": ([f"{v} kg" for v in values()], {"unit": "kg"}, "'kg' is left off"),
    "apostrophes": ([f"{v:,}".replace(",", "'") for v in values()], {"thousands": "'"}, "is read as numbers"),
    "spaces": ([f"{v:,}".replace(",", "\u202f") for v in values()], {"thousands": " "}, "is read as numbers"),
}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("case", WRITINGS)
def test_a_column_is_read_as_numbers_and_said(folder, case, kind):
    texts, settings, said = WRITINGS[case]
    made = added(folder, {"a": texts}, kind)
    assert source(made)["numbers"] == {"a": settings}
    shown = texts[0].replace("\u202f", " ")
    assert f"column 'a' is read as numbers: '{shown}' in row 1 is {values()[0]}" in made.guess.warnings[0]
    assert said in made.guess.warnings[0]
    np.testing.assert_array_equal(feature(made), values())


def test_accounting_negatives_and_decimal_commas(folder):
    texts = [f"({v:,})" if k % 3 == 0 else f"{v:,}.5" for k, v in enumerate(values())]
    expected = np.where(np.arange(N) % 3 == 0, -values(), values() + 0.5)
    np.testing.assert_array_equal(feature(added(folder, {"a": texts})), expected)
    swapped = [text.translate(str.maketrans(",.", ".,")) for text in texts]
    np.testing.assert_array_equal(feature(added(folder, {"a": swapped})), expected)


@pytest.mark.parametrize("marker", ["-", "--", "<NA>", "n.a.", ".", "?", "none", "unknown"])
def test_a_marker_in_a_fifth_of_the_rows_is_missing_and_said(folder, marker):
    texts = [marker if k % 5 == 0 else str(v / 8) for k, v in enumerate(values())]
    made = added(folder, {"a": texts})
    if marker != "?":  # is missing in every CSV file
        assert (
            f"column 'a' is read as numbers: '{marker}' (24 rows) stands for a missing"
            in made.guess.warnings[0]
        )
        assert source(made)["numbers"] == {"a": {"missing": [marker]}}
    np.testing.assert_array_equal(feature(made), np.where(np.arange(N) % 5, values() / 8, np.nan))


def test_a_later_value_that_does_not_fit_is_an_error_with_its_row(folder):
    made = added(folder, {"a": [f"${v:,}" for v in values()]})
    with made.file.open("a") as file:
        file.write("1.5,no,7 lb\n")
    with pytest.raises(
        DataError, match="column 'a' is read as numbers by source.numbers, but row 121 holds '7 lb'"
    ):
        run(made)


ASKED = {
    "one stranger": (
        [str(v) if k % 4 else "offline" for k, v in enumerate(values())],
        r"column 'a' holds numbers, but row 1 holds 'offline' \(30 rows do\); .* use --missing 'offline'",
    ),
    "two writings": (
        [
            f"{v:,}.5" if k % 2 else f"{v:,}.5".translate(str.maketrans(",.", ".,"))
            for k, v in enumerate(values())
        ],
        r"'.' as the decimal mark and ',' for thousands, but row 1 holds '.\....,5'; write all",
    ),
    "some percent": (
        [f"{v}%" if k % 2 else str(v) for k, v in enumerate(values())],
        r"holds '\d+%' in row 2 and '\d+' in row 1; write the percent sign everywhere or nowhere",
    ),
}


@pytest.mark.parametrize("case", ASKED)
def test_what_is_not_clear_is_asked(folder, case):
    texts, sentence = ASKED[case]
    with pytest.raises(DataError, match=sentence):
        added(folder, {"a": texts})


def test_flags_settle_what_was_asked(folder):
    offline = [str(v) if k % 4 else "offline" for k, v in enumerate(values())]
    for kind in ("csv", "parquet"):
        np.testing.assert_array_equal(
            feature(added(folder, {"a": offline}, kind, missing=("offline",))),
            np.where(np.arange(N) % 4, values(), np.nan),
        )
    thousands = [f"{v:,}" for v in values()]
    made = added(folder, {"a": thousands}, decimal=("a=,",))
    np.testing.assert_allclose(feature(made), values() / 1000, rtol=1e-6)
    assert added(folder, {"a": thousands}, wishes={"categorical": ("a",)}).guess.numbers == {}
    with pytest.raises(ConfigError, match="--decimal is 'a=x'"):
        added(folder, {"a": thousands}, decimal=("a=x",))
    with pytest.raises(ConfigError, match="has no column 'aa', did you mean 'a'"):
        added(folder, {"a": thousands}, decimal=("aa=,",))
    with pytest.raises(DataError, match="column 'a' does not hold numbers: row 1 holds 'u0'"):
        added(folder, {"a": [f"u{k}" for k in range(N)]}, wishes={"numeric": ("a",)})


def test_columns_that_only_look_like_numbers_are_left_out_and_said(folder):
    units = [f"{v} kg" if k % 2 else f"{v} lb" for k, v in enumerate(values())]
    tickets = [str(v) if k % 4 else f"A/5 {v}" for k, v in enumerate(values())]
    made = added(folder, {"a": units, "c": tickets}).guess
    assert {made.roles[name].kind for name in "ac"} == {"names"}
    assert "'a' looks like numbers in several units (" in made.warnings[0]
    assert "'c' looks like numbers in 75% of the rows (but 'A/5 " in made.warnings[1]


def test_marks_that_are_doubtful_in_a_semicolon_file_are_said(folder):
    rows = "".join(f"{v:,};{k % 2}\n" for k, v in enumerate(values()))
    (folder / "t.csv").write_text(f"a;y\n{rows}")
    (warning,) = add(Request(folder / "t.csv", Wishes("y"), name="written")).guess.warnings
    assert "if ',' stands between thousands, use --decimal 'a=.'" in warning
    made = add(Request(folder / "t.csv", Wishes("y"), name="written", force=True, decimal=("a=.",)))
    np.testing.assert_array_equal(feature(made), values())


# ---- targets


def test_a_target_with_thousands_is_a_regression(folder):
    for texts in ([f"{v:,}" for v in values()], [f"{v // 1000},000" for v in values()]):
        made = added(folder, {"y": texts})
        assert made.guess.task == "regression"
        assert source(made)["numbers"] == {"y": {"thousands": ","}}
        expected = [float(text.replace(",", "")) for text in texts]
        np.testing.assert_array_equal(run(made).take(np.arange(N)).y, expected)


@pytest.mark.parametrize("word", ["None", "NA", "null", "nan", "N/A", "n/a", "NaN", "NULL"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_class_called_none_stays_a_class_and_is_said(folder, word, kind):
    y = np.where(np.arange(N) % 3 == 0, word, labels()).tolist()
    made = added(folder, {"y": y}, kind)
    assert made.guess.task == "multiclass"
    assert (
        f"'{word}' is a class of the target 'y' (40 rows); if it means a missing value"
        in made.guess.warnings[0]
    )
    about = run(made).description
    assert (set(about.classes), about.n_rows) == ({word, "no", "yes"}, N)


def test_a_word_is_missing_if_the_user_says_so(folder):
    y = np.where(np.arange(N) % 3 == 0, "None", labels()).tolist()
    made = added(folder, {"y": y}, missing=("None",))
    assert made.guess.task == "binary"
    assert run(made).description.n_rows == N - 40


def test_features_keep_their_missing_values(folder):
    made = added(folder, {"y": ["NA", "u", "v"] * 40, "a": ["NA", "p", "q"] * 40, "c": ["NA", "1", "2"] * 40})
    assert run(made).description.classes == ("NA", "u", "v")
    taken = run(made).take(np.arange(N)).x
    assert (taken["a"].isna().sum(), taken["c"].isna().sum()) == (40, 40)


def test_a_word_in_a_regression_target_is_missing_and_said(folder):
    for word in ("NA", "None", "-"):
        y = [word if k % 10 == 0 else str(v / 8) for k, v in enumerate(values())]
        made = added(folder, {"y": y})
        assert (made.guess.task, run(made).description.n_rows) == ("regression", N - 12)
        assert f"'{word}' (12 rows) stands for a missing value" in made.guess.warnings[0]


def test_a_word_with_a_single_row_names_the_flag(folder):
    with pytest.raises(DataError, match="class 'NA' with a single row; .* use --missing 'NA' if that means"):
        added(folder, {"y": ["NA", *labels()[1:]]})


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_labels_that_differ_in_blanks_or_case_are_one(folder, kind):
    spellings = ["yes", "yes ", "no", " no", "No", "yes"]
    y = [spellings[k % 6] for k in range(N)]
    made = added(folder, {"y": y}, kind)
    assert made.guess.task == "binary"
    assert "differ only in blanks or in case are taken as one: 'yes ' to 'yes'" in made.guess.warnings[0]
    assert source(made)["labels"] == {"y": ["no", "yes"]}
    assert run(made).description.classes == ("no", "yes")
    if kind == "csv":
        with made.file.open("a") as file:
            file.write("1.5,maybe\n")
        with pytest.raises(
            DataError, match="column 'y': row 121 holds 'maybe', which is none of the labels no, yes"
        ):
            run(made)


def test_labels_that_all_have_blanks_stay_as_they_are(folder):
    made = added(folder, {"y": [f" {label}" for label in labels()]})
    assert run(made).description.classes == (" no", " yes")
    assert "labels" not in source(made)


MULTIPLES = {
    "k and millions": (lambda v: f"{v / 1000}M" if v > 5000 else f"{v}k", 1e3),
    "thousands and bare": (lambda v: f"{v / 1000}K" if v > 5000 else f"{v}", 1.0),
    "millions and bare": (lambda v: f"{v}mn" if v > 5000 else f"{v}000000", 1e6),
    "euros": (lambda v: f"\u20ac{v / 1000}M" if v > 5000 else f"\u20ac{v}K", 1e3),
    "lakh and crore": (lambda v: f"{v / 100} crore" if v > 5000 else f"{v} lakh", 1e5),
    "negative": (lambda v: f"(${v}k)", -1000.0),
}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("case", MULTIPLES)
def test_letters_for_thousands_and_millions_are_read_as_such_and_said(folder, case, kind):
    write, factor = MULTIPLES[case]
    made = added(folder, {"a": [write(v) for v in values()]}, kind)
    assert source(made)["numbers"]["a"]["multiples"] is True
    assert "letters such as k and M stand for thousands and millions" in made.guess.warnings[0]
    np.testing.assert_allclose(feature(made), factor * values(), rtol=1e-12)


def test_a_letter_that_may_be_a_unit_is_left_off(folder):
    made = added(folder, {"a": [f"{v} m" if k % 2 else f"{v}" for k, v in enumerate(values())]})
    assert source(made)["numbers"] == {"a": {"unit": "m", "bare": True}}
    np.testing.assert_array_equal(feature(made), values())


@pytest.mark.parametrize(
    "write", [lambda v: f"$({v:,}.50)", lambda v: f"$ ({v:,}.50)", lambda v: f"(${v:,}.50)"]
)
def test_a_currency_before_or_within_parentheses(folder, write):
    texts = [write(v) if k % 2 else f"${v:,}.50" for k, v in enumerate(values())]
    signs = np.where(np.arange(N) % 2, -1, 1)
    np.testing.assert_array_equal(feature(added(folder, {"a": texts})), signs * (values() + 0.5))


def test_a_comma_before_a_power_of_ten_is_the_decimal_mark(folder):
    made = added(folder, {"a": [f"{v:.3E}".replace(".", ",") for v in values()]})
    assert source(made)["numbers"] == {"a": {"decimal": ","}}
    np.testing.assert_allclose(feature(made), values(), rtol=1e-3)


def test_credit_and_debit_are_not_left_off(folder):
    texts = [f"{v}.25 CR" if k % 2 else f"{v}.5" for k, v in enumerate(values())]
    (warning,) = [each for each in added(folder, {"a": texts}).guess.warnings if "column 'a'" in each]
    assert "looks like numbers with CR or DR, which may be the sign" in warning


@pytest.mark.parametrize("far", [-999, 9_999_999])
def test_a_number_far_from_all_others_that_is_repeated_is_said(folder, far):
    numbers = np.where(np.arange(N) % 5, values() / 100, far)
    (warning,) = [each for each in added(folder, {"a": numbers}).guess.warnings if "far from" in each]
    assert f"column 'a' holds {far:g} in 20% of the rows" in warning
    assert f"use --missing '{far:g}'" in warning
    quiet = np.where(np.arange(N) % 5, values() + 2_000, 0)  # a zero means nothing, or none
    assert not [each for each in added(folder, {"a": quiet}).guess.warnings if "far from" in each]


def test_a_number_in_nines_below_zero_is_said_where_no_other_is_below_zero(folder):
    numbers = np.where(np.arange(N) % 5, values() * 10, -999)
    (warning,) = [each for each in added(folder, {"a": numbers}).guess.warnings if "far from" in each]
    assert "column 'a' holds -999 in 20% of the rows" in warning
    others = np.where(np.arange(N) % 5, values() * 10 * (-1) ** np.arange(N), -999)
    assert not [each for each in added(folder, {"a": others}).guess.warnings if "far from" in each]
