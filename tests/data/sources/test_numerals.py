"""Numbers as people write them: what the strings of a column suggest, and how they are then read."""

import numpy as np
import pyarrow as pa
import pytest

from fuelgauge.data.sources.numerals import Numeral, Tally, numerals, readable
from fuelgauge.errors import ConfigError, DataError


def tallied(*texts: str, decimal: str = ".") -> Tally:
    tally = Tally(decimal)
    tally.add(pa.array(texts), 0)
    return tally


def read(*texts: str, decimal: str = ".") -> list[float]:
    """Return strings as numbers by the rule that they suggest themselves."""
    rule = tallied(*texts, decimal=decimal).rule()
    return readable(rule, pa.array(texts), 0, "t.csv: column 'a'").to_pylist()


NUMBERS = [
    (("1,234", "950", "12,000"), [1234, 950, 12000]),
    (("1.234,56", "3,5"), [1234.56, 3.5]),
    (("1.234,56", "-7"), [1234.56, -7]),
    (("$1,200.50", "$3", "-$4.20", "$-1"), [1200.5, 3, -4.2, -1]),
    (("($1,200)", "$7"), [-1200, 7]),
    (("(1,200)", "7"), [-1200, 7]),
    (("12,5 \u20ac", "1.234,5 \u20ac"), [12.5, 1234.5]),
    (("\u00a31,200", "\u00a37"), [1200, 7]),
    (("R$ 1.234,56",), [1234.56]),
    (("USD 5", "USD 1,000.25"), [5, 1000.25]),
    (("5 EUR", "7 EUR"), [5, 7]),
    (("CHF 1'200.-", "CHF 7.50"), [1200, 7.5]),
    (("12,--", "13,50"), [12, 13.5]),
    (("1'234", "5\u2019678.5"), [1234, 5678.5]),
    (("1 234,5", "1\u00a0000", "2\u202f000,25", "7"), [1234.5, 1000, 2000.25, 7]),
    (("1,00,000", "2,34,567.5"), [100000, 234567.5]),
    (("12.5%", "3 %", "-1%"), [12.5, 3, -1]),
    (("12.5 kg", "3kg", "4 KG"), [12.5, 3, 4]),
    (("1.5 km/h", "2 km/h"), [1.5, 2]),
    (("1200 m2", "3 m2"), [1200, 3]),
    (("35 \u00b0C", "-3 \u00b0C"), [35, -3]),
    (("1.2e3", "+5", " 7 ", "5-"), [1200, 5, 7, -5]),
    (("\u22125", "3"), [-5, 3]),
    ((".5", "5."), [0.5, 5]),
    (('"12.5"', '"3"'), [12.5, 3]),
    (('="12"', '="3"'), [12, 3]),
    (("'12.5", "3"), [12.5, 3]),
    (("~12", "\u2248 3"), [12, 3]),
    (("\u0661\u0662", "\u06f3", "\u0969", "\uff14"), [12, 3, 3, 4]),
]


@pytest.mark.parametrize(("texts", "expected"), NUMBERS)
def test_numbers_that_people_write(texts, expected):
    assert tallied(*texts).share == 1
    assert read(*texts) == expected


def test_other_values_decide_what_a_mark_means():
    assert read("1,234", "2.5") == [1234, 2.5]
    assert read("1,234", "12,5") == [1.234, 12.5]
    assert read("1,234", "0,250") == [1.234, 0.25]
    assert read("1.234", "1,5", decimal=",") == [1234, 1.5]
    assert read("1.234.567", "1.000") == [1234567, 1000]
    assert tallied("1,234", "950").is_ambiguous()
    assert not tallied("1,234", "2.5").is_ambiguous()


@pytest.mark.parametrize(
    "text",
    [
        *("u12", "A/5 21171", "2024-03", "31.12.2024", "192.168.1.1", "10:30", "1,23,4", "01,234,5", "", "-"),
        *("kg", "3-4", "1 2", "+-5", "-5-", "(-5)", "(5", "5)", "$5 EUR", "12 %%%%%%%%%%%%%%%%%%%%%"),
    ],
)
def test_strings_that_are_not_numbers(text):
    assert tallied(text).n_numbers == 0


def test_several_units_are_told_apart():
    assert list(tallied("12.5 kg", "3 lb", "4 KG").named_units) == ["kg", "lb"]
    assert list(tallied("5 m", "3 M").named_units) == ["m", "M"]  # metres and millions


def test_markers_that_repeat_stand_for_missing_values():
    assert read("1", "2", "-", "-") == [1, 2, None, None]
    assert tallied("1", "2", "-").strangers == {"-": 1}
    assert tallied("1", "2", "NA").absent == {"NA": 1}
    assert tallied("1", "2", "old", "old").absent == {}


def test_what_is_counted_does_not_depend_on_the_batches():
    texts = pa.array([f"{k:,}" if k % 3 else "-" for k in range(900, 1300)])
    whole, parts = Tally(), Tally()
    whole.add(texts, 0)
    for start in range(0, len(texts), 37):
        parts.add(texts[start : start + 37], start)
    assert (whole.rule(), whole.example, whole.absent) == (parts.rule(), parts.example, parts.absent)
    assert whole.example == ("1,000", 101)


def test_a_value_that_does_not_follow_the_rule_is_named_with_its_row():
    rule = Numeral(thousands=",", unit="$")
    for text in ("5", "5 lb", "1.234,5", "x", "-", "\u20ac5"):
        with pytest.raises(DataError, match=f"column 'a' is read as numbers .* row 12 holds '{text}'"):
            readable(rule, pa.array(["$5", text]), 10, "t.csv: column 'a'")
    assert readable(rule, pa.array(["$5", None]), 0, "t").to_pylist() == [5, None]


def test_settings_hold_the_rule():
    rule = Numeral(decimal=",", thousands=".", unit="kg", parentheses=True, missing=("-",))
    assert numerals({"a": rule.settings()}, "t.csv") == {"a": rule}
    assert Numeral().settings() == {}
    with pytest.raises(ConfigError, match="source.numbers.a has a key 'decimals', did you mean 'decimal'"):
        numerals({"a": {"decimals": ","}}, "t.csv")
    with pytest.raises(ConfigError, match="decimal and thousands must be two different characters"):
        numerals({"a": {"decimal": ",", "thousands": ","}}, "t.csv")


def test_names_are_given_up_early():
    tally = tallied(*(f"name {k}" for k in range(2000)))
    assert tally.is_hopeless
    tally.add(pa.array(["1"] * 9000), 2000)
    assert tally.n_strings == 2000


def test_random_numbers_are_read_back_in_every_writing():
    values = np.random.default_rng(0).normal(0, 1e5, 500).round(2)
    plain = [f"{value:,.2f}" for value in values]
    swapped = [text.translate(str.maketrans(",.", ".,")) for text in plain]
    spaced = [text.translate(str.maketrans(",.", "\u202f,")) for text in plain]
    for texts in (plain, swapped, spaced, [f"${text}" for text in plain], [f"{text} kr" for text in swapped]):
        assert read(*texts) == values.tolist()


def test_times_are_numbers_by_their_own_rule():
    rule = Numeral(clock="minutes", missing=("-",))
    texts = pa.array(["8:30", "-", None, "10:05 PM"])
    assert readable(rule, texts, 0, "t.csv: column 'a'").to_pylist() == [510, None, None, 1325]
    assert rule.settings() == {"missing": ["-"], "clock": "minutes"}
    assert not rule.is_plain
    with pytest.raises(DataError, match="row 3 holds '8:30:15'; correct the row"):
        readable(rule, pa.array(["8:30", "-", "8:30:15"]), 0, "t.csv: column 'a'")
    with pytest.raises(ConfigError, match="source.numbers.a.clock is 'minute', .*minutes"):
        numerals({"a": {"clock": "minute"}}, "t.yaml")
