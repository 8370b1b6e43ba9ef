from __future__ import annotations

import pandas as pd
import pytest

from fuelgauge.report._contents import LEAD_COLUMNS
from fuelgauge.report._leads import choices, lead_panels


def orders(
    n_datasets: int, leader: str, modality: str = "tabular", sizes: tuple[int, ...] = (64, 128)
) -> pd.DataFrame:
    rows = [
        (f"{modality}{i}", modality, "trees", n, leader if n == sizes[-1] else "trees")
        for i in range(n_datasets)
        for n in sizes
    ]
    return pd.DataFrame(rows, columns=LEAD_COLUMNS)


def test_each_bar_is_the_share_of_the_datasets_measured_at_n() -> None:
    both = pd.concat([orders(3, "deep"), orders(1, "", "text", (128, 256))])
    (panel, *_) = lead_panels(both)
    assert [(bar["n"], bar["datasets"]) for bar in panel["bars"]] == [("64", 3), ("128", 4), ("256", 1)]
    assert [bar["deep"] for bar in panel["bars"]] == [0, 75, 0]
    assert [bar["neither"] for bar in panel["bars"]] == [0, 0, 100]
    assert panel["bars"][1]["said"] == "128 rows: deep models 3, tree models 1, neither 0 of 4"
    assert not any(bar["few"] for bar in panel["bars"])


def test_bars_of_few_datasets_are_pale_where_other_bars_have_many() -> None:
    more = pd.concat([orders(6, "deep"), orders(2, "deep", sizes=(128, 256))]).drop_duplicates(
        ["dataset", "n"]
    )
    assert [bar["few"] for bar in lead_panels(more)[0]["bars"]] == [False, False, True]


def test_tables_come_first_where_there_are_six_of_them() -> None:
    for n_tables, first in ((6, "tabular"), (5, "all")):
        panels = lead_panels(pd.concat([orders(n_tables, "deep"), orders(2, "deep", "text")]))
        assert panels[0]["stratum"] == first
        assert set(choices(panels)["strata"]) == {"all", "tabular", "text"}
    assert [panel["stratum"] for panel in lead_panels(orders(2, "deep"))] == ["tabular"]
    assert lead_panels(orders(0, "deep")) == []


@pytest.mark.parametrize(
    ("leader", "said"),
    [
        ("deep", "deep models pass tree models at 64 to 128 rows (95% interval 64 to 128 rows)."),
        ("trees", "beyond what was measured, if at all (95% interval: more than 128 rows)."),
        ("", "beyond what was measured, if at all (95% interval: more than 64 rows)."),
    ],
)
def test_the_passing_is_said_with_its_interval(leader: str, said: str) -> None:
    (panel,) = lead_panels(orders(6, leader))
    assert panel["passing"].startswith("On half of the tables, ") and panel["passing"].endswith(said)


def test_few_datasets_say_nothing_of_the_passing() -> None:
    (panel,) = lead_panels(orders(5, "deep"))
    assert panel["passing"] == ""
    (alone,) = lead_panels(orders(1, "deep"))
    assert alone["title"].endswith("on tabular0")


def test_where_nothing_is_shown_no_passing_is_claimed() -> None:
    (panel,) = lead_panels(orders(6, "").assign(leader=""))
    assert panel["passing"] == "On none of the 6 tables is either side shown to lead."


def test_deep_models_that_lead_from_the_first_size_are_bounded_from_above() -> None:
    (panel,) = lead_panels(orders(6, "deep").assign(leader="deep"))
    assert "at 64 rows or fewer (95% interval: 64 rows or fewer)." in panel["passing"]
