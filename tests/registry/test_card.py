"""What the model card says of the held-out rows, which are those of a draw or of a month."""

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
    "n_test": 150,
    "anchor": 128,
    "val_losses": {"mlp": 0.1},
    "pretrained_on": "",
}
MONTH = AboutMonths("2013-03", 150, 0)


@pytest.fixture
def told(featurized):
    """Return the sections that speak of held-out rows, as one text."""

    def sections(months: AboutMonths | None) -> str:
        about = read_description("mnist1d", "raw")
        limits = limits_section(compose("dataset=mnist1d"), about, FACTS, months)
        return "\n".join([introduction(about, FACTS, months), *choice_section(FACTS, months), *limits])

    return sections


def test_of_a_draw_the_held_out_rows_are_those_of_repeat_0(told):
    text = told(None)
    assert "judged on 150 held-out rows, the test rows of repeat 0." in text
    assert "By the validation loss of repeat 0, whose validation rows are none of the held-out rows" in text
    assert "on the same held-out rows again and again" in text
    assert "month" not in text


def test_of_a_month_they_are_those_of_the_month(told):
    text = told(MONTH)
    assert "judged on 150 held-out rows, rows of 2013-03, the month after them." in text
    assert "By the mean validation loss of all repeats, which have no row of 2013-03, at 128 rows" in text
    assert "It was judged on 2013-03 alone" in text
    assert "repeat 0" not in text
    assert "again and again" not in text
