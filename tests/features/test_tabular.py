import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuelgauge.config.engineered import FUNCTIONS, check, feature_names
from fuelgauge.errors import ConfigError, DataError
from fuelgauge.features._tabular import days, engineered
from fuelgauge.spec.dataset import DatasetConfig, EngineeredFeatures, FeatureTypes

TABLE = pd.DataFrame(
    {
        "a": [1.0, 0.0, np.nan, -4.0],
        "b c": [0, 3, 1, 2],
        "kind": ["u", None, "v", "u"],
        "when": pd.Series(
            ["2024-01-01", "2024-12-31T12:00", None, "1969-12-31T18:00"], dtype="datetime64[us]"
        ),
        "price": [1, 2, 3, 4],
    }
)


def dataset(features: dict | None = None, **more) -> DatasetConfig:
    """Return the description of TABLE, with further settings under `engineered`."""
    raw = {"numeric": ["a", "b c"], "categorical": ["kind"], **(features or {})}
    return DatasetConfig(
        name="toy", target="price", features=FeatureTypes(**raw), engineered=EngineeredFeatures(**more)
    )


def derived(expression: str, table: pd.DataFrame = TABLE) -> np.ndarray:
    """Return the column that an expression derives from TABLE."""
    return engineered(table, dataset({"dates": ["when"]}, derive={"new": expression}))["new"]


def test_columns_are_shown_as_they_are():
    shown = engineered(TABLE, dataset())
    assert list(shown) == ["a", "b c", "kind"]
    np.testing.assert_array_equal(shown["a"], TABLE["a"].to_numpy(np.float64))
    assert shown["b c"].dtype == np.float64
    assert shown["kind"].tolist() == ["u", None, "v", "u"]


def test_further_columns_are_shown_and_a_repeated_one_once():
    shown = engineered(TABLE, dataset({"numeric": ["a"]}, numeric=["b c", "a"]))
    assert list(shown) == ["a", "b c", "kind"]


def test_parts_of_dates():
    shown = engineered(TABLE, dataset(dates=["when"]))
    assert shown["when"].tolist()[:2] == [19723, 20088.5]
    assert shown["when_year"].tolist()[:2] == [2024, 2024]
    turns = {"when_day_of_year": [0, 365 / 366], "when_weekday": [0, 1 / 7], "when_time": [0, 0.5]}
    for name, places in turns.items():
        np.testing.assert_allclose(shown[f"{name}_sin"][:2], np.sin(2 * np.pi * np.array(places)), atol=1e-6)
        np.testing.assert_allclose(shown[f"{name}_cos"][:2], np.cos(2 * np.pi * np.array(places)), atol=1e-6)


def test_midnight_is_the_start_of_its_circle_and_six_in_the_evening_three_quarters_round():
    shown = engineered(TABLE, dataset(dates=["when"]))
    assert (shown["when_time_sin"][0], shown["when_time_cos"][0]) == (0, 1)
    assert (shown["when_time_sin"][3], shown["when_time_cos"][3]) == (-1, pytest.approx(0, abs=1e-7))
    assert shown["when"][3] == -0.25


def test_a_missing_date_is_missing_in_every_part():
    shown = engineered(TABLE, dataset(dates=["when"]))
    assert all(np.isnan(values[2]) for name, values in shown.items() if name.startswith("when"))


def test_days_are_exact_and_times_good_to_three_minutes():
    dates = pd.Series(pd.date_range("1970-01-01", "2100-01-01", freq="1000003s", unit="us"))
    exact = (dates - pd.Timestamp(0)) / pd.Timedelta(days=1)
    assert np.abs(days(dates) - exact).max() < 3 / 24 / 60
    assert np.array_equal(days(dates.dt.normalize()), np.floor(exact))


def test_cycles_of_numbers():
    shown = engineered(TABLE, dataset(cyclic={"b c": 4, "a": 24}))
    np.testing.assert_allclose(shown["b c_sin"], [0, -1, 1, 0], atol=1e-6)
    np.testing.assert_allclose(shown["b c_cos"], [1, 0, 0, -1], atol=1e-6)
    assert np.isnan(shown["a_sin"][2])


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a + 2 * `b c`", [1, 6, np.nan, 0]),
        ("a / `b c`", [np.nan, 0, np.nan, -2]),
        ("`b c` / a", [0, np.nan, np.nan, -0.5]),
        ("log(a)", [0, np.nan, np.nan, np.nan]),
        ("sqrt(abs(a))", [1, 0, np.nan, 2]),
        ("log1p(a) * 0", [0, 0, np.nan, np.nan]),
        ("exp(`b c` * 1000)", [1, np.nan, np.nan, np.nan]),
        ("`b c` ** 200 * 0 + 10 ** 39", [np.nan] * 4),
        ("a > 0", [1, 0, np.nan, 0]),
        ("a < 1 and `b c` > 2 or a == 1", [1, 1, np.nan, 0]),
        ("a < 1 and not (`b c` > 2)", [0, 0, np.nan, 1]),
        ("~(a >= 0) | (a == 0)", [0, 1, np.nan, 1]),
        ("-1 <= a < 1", [0, 1, np.nan, 0]),
        ("`b c` % 2 + `b c` // 2", [0, 2, 1, 1]),
        ("when - 19723", [0, 365.5, np.nan, -19723.25]),
        ("a\n  + 1", [2, 1, np.nan, -3]),
    ],
)
def test_derived_columns(expression, expected):
    found = derived(expression)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected)


def test_a_derived_column_can_use_one_before_it_and_be_a_cycle():
    shown = engineered(TABLE, dataset(derive={"half": "a / 2", "whole": "half * 2"}, cyclic={"half": 2}))
    np.testing.assert_array_equal(shown["whole"], shown["a"])
    assert shown["half_sin"][0] == pytest.approx(1)


@pytest.mark.parametrize(
    "expression",
    [
        *("a - a.mean()", "rank(a)", "mean(a)", "a[0]", "a @ a", "@a", "a = 2", "kind == 'u'", "a + None"),
        *(
            "a if a > 0 else 1",
            "[a]",
            "log(a, a)",
            "log(a)(a)",
            "a in (1, 2)",
            "lambda: a",
            "a < < 3",
            "",
            "`a",
        ),
        *("__import__('os')", "a.values", "abs(x=a)", "True", "a ^ 2", "a; a", "max(a)", "(a := 1)"),
    ],
)
def test_an_expression_that_is_not_arithmetic_on_one_row_is_refused(expression):
    with pytest.raises(ConfigError) as error:
        derived(expression)
    sentence = f"conf/dataset/toy.yaml, engineered.derive.new: '{expression}' may hold only columns, numbers"
    assert str(error.value).startswith(sentence)
    assert "Each row is computed alone" in str(error.value)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (
            {"derive": {"x": "a + bc"}},
            "engineered.derive.x: 'bc' is not a listed number or date, did you mean 'b c'",
        ),
        ({"derive": {"x": "price * 2"}}, "engineered.derive.x: 'price' is not a listed number or date"),
        ({"derive": {"x": "kind * 2"}}, "engineered.derive.x: 'kind' is not a listed number or date"),
        ({"derive": {"x": "y", "y": "a"}}, "engineered.derive.x: 'y' is not a listed number or date"),
        ({"derive": {"x": "log"}}, "engineered.derive.x: 'log' is not a listed number or date"),
        ({"derive": {"x": "1 + 2"}}, "engineered.derive.x: '1 \\+ 2' uses no column"),
        (
            {"derive": {"a": "a + 1"}},
            "conf/dataset/toy.yaml: features and engineered would make two columns named 'a'",
        ),
        (
            {"derive": {"price": "a"}},
            "would make two columns named 'price', or one with the name of the target",
        ),
        ({"derive": {"a_sin": "a"}, "cyclic": {"a": 2}}, "would make two columns named 'a_sin'"),
        ({"categorical": ["a"]}, "would make two columns named 'a'"),
        (
            {"cyclic": {"d": 7}},
            "conf/dataset/toy.yaml, engineered.cyclic.d: 'd' is not a listed number or date",
        ),
        ({"cyclic": {"a": 0}}, "engineered.cyclic.a is 0; a period must be above 0"),
        ({"cyclic": {"a": float("nan")}}, "engineered.cyclic.a is nan"),
    ],
)
def test_a_wrong_description_is_said_before_any_data(more, sentence):
    with pytest.raises(ConfigError, match=sentence):
        check(dataset(**more))


def test_truth_values_are_not_made_of_numbers():
    with pytest.raises(ConfigError, match="engineered.derive.new: 'a and `b c`' cannot be computed"):
        derived("a and `b c`")


@pytest.mark.parametrize(
    ("features", "sentence"),
    [
        (
            {"numeric": ["z"]},
            "toy.yaml lists the column 'z', which the ingested table does not have; "
            "ingest the dataset again with: dvc repro",
        ),
        ({"numeric": ["kind"], "categorical": []}, "lists the column 'kind' under numeric, but it holds str"),
        ({"dates": ["a"], "numeric": []}, "lists the column 'a' under dates, but it holds float64"),
    ],
)
def test_a_column_that_is_not_as_listed_is_said(features, sentence):
    with pytest.raises(DataError, match=sentence):
        engineered(TABLE, dataset(features))


FULL = dataset(
    {"dates": ["when"]},
    derive={
        "ratio": "a / `b c`",
        "age": "when - a",
        "power": "abs(a) ** 1.5 % 3",
        "either": "a > 1 or a < `b c`",
        **{f"{name}_of": f"{name}(a)" for name in FUNCTIONS},
    },
    cyclic={"a": 24, "when": 29.53, "ratio": 2},
)

rows = st.tuples(
    st.none() | st.floats(width=32),
    st.integers(-(2**40), 2**40) | st.integers(-2, 2),
    st.none() | st.text(max_size=3),
    st.none() | st.datetimes(pd.Timestamp("1800-01-01"), pd.Timestamp("2200-01-01")),
)


def table_of(content: list[tuple]) -> pd.DataFrame:
    """Return the rows that hypothesis has drawn as a table."""
    a, b, kind, when = zip(*content, strict=True)
    return pd.DataFrame(
        {
            "a": pd.Series(a, dtype="float64"),
            "b c": pd.Series(b, dtype="int64"),
            "kind": pd.Series(kind, dtype="str"),
            "when": pd.Series(when, dtype="datetime64[us]"),
        }
    )


@given(st.lists(rows, min_size=1, max_size=8), st.data())
@settings(max_examples=25, deadline=None)
def test_features_of_a_row_depend_on_that_row_alone(content, data):
    table = table_of(content)
    together = engineered(table, FULL)
    assert list(together) == feature_names(FULL)
    order = np.array(data.draw(st.permutations(range(len(table)))))
    shuffled = engineered(table.iloc[order], FULL)
    alone = [engineered(table.iloc[[row]], FULL) for row in range(len(table))]
    for name, values in together.items():
        np.testing.assert_array_equal(shuffled[name], values[order], name)
        np.testing.assert_array_equal(np.concatenate([row[name] for row in alone]), values, name)
        assert values.dtype == (object if name == "kind" else np.float64)
        assert name == "a" or values.dtype == object or not np.isinf(values).any()


def test_no_rows_have_as_many_features():
    assert list(engineered(TABLE.iloc[:0], FULL)) == feature_names(FULL)
