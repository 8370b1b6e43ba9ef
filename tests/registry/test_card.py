"""Texts of the model card about held-out rows, which come from repeat 0 or from a month."""

from typing import Any

import pytest

from fuelgauge.config.compose import compose
from fuelgauge.data.dataset import read_description
from fuelgauge.data.months import AboutMonths
from fuelgauge.registry._card import choice_section, introduction, limits_section

FACTS: dict[str, Any] = {
    "contestant": "mlp",
    "family": "deep",
    "n_train": 850,
    "n_validation": 170,
    "refit": True,
    "n_test": 150,
    "anchor": 128,
    "val_losses": {"mlp": 0.1},
    "pretrained_on": "",
}
MONTH = AboutMonths("2013-03", 150, 0)


@pytest.fixture
def told(featurized):
    """Return a function that joins the sections about held-out rows into one text."""

    def sections(months: AboutMonths | None) -> str:
        about = read_description("mnist1d", "raw")
        limits = limits_section(compose("dataset=mnist1d"), about, FACTS, months)
        return "\n".join([introduction(about, FACTS, months), *choice_section(FACTS, months), *limits])

    return sections


def test_without_a_month_the_held_out_rows_are_those_of_repeat_0(told):
    text = told(None)
    assert "evaluated on 150 held-out rows: the test rows of repeat 0." in text
    assert "the validation loss of repeat 0; none of its validation rows is a held-out row." in text
    assert "Every comparison of champion and challenger uses the same held-out rows." in text
    assert "month" not in text


def test_with_a_month_the_held_out_rows_are_those_of_the_month(told):
    text = told(MONTH)
    assert "evaluated on 150 held-out rows: rows of 2013-03, the month after the fitting rows." in text
    assert "compared at 128 rows, the largest anchor that they all share. The criterion is the mean " in text
    assert "validation loss of all repeats; no repeat uses rows of 2013-03." in text
    assert "It was evaluated on 2013-03 alone" in text
    assert "repeat 0" not in text
    assert "uses the same held-out rows" not in text
