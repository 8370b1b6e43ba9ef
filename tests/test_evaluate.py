"""What the evaluate stage adds to an analysis: efficiency, prices, metrics."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuelgauge import evaluate, paths
from fuelgauge.errors import ConfigError


def write_prices(folder: Path, text: str) -> None:
    (folder / "price").mkdir()
    (folder / "price" / "own.yaml").write_text(text)


def test_the_prices_of_the_project_say_where_they_come_from() -> None:
    prices = evaluate.read_prices("cloud")
    assert prices.core_hour > 0 and prices.gpu_hour > prices.core_hour
    assert "assumption" in prices.source


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: own\ncurrency: EUR\ncore_hour: -1\ngpu_hour: 2\nsource: x\n", "core_hour is -1.0"),
        (
            "name: own\ncurrency: EUR\ncore_hours: 1\n",
            "unknown setting 'core_hours'",
        ),
        ("name: own\ncurrency: EUR\n", "conf/price/own.yaml"),
    ],
)
def test_wrong_prices_are_named(tmp_path: Path, monkeypatch, text: str, said: str) -> None:
    write_prices(tmp_path, text)
    monkeypatch.setattr(paths, "CONF", tmp_path)
    with pytest.raises(ConfigError, match=said):
        evaluate.read_prices("own")


def test_a_trial_s_cpu_seconds_are_its_share_of_a_pack_where_that_is_known() -> None:
    alone = {"fit_cpu_seconds": 2.0, "search_cpu_seconds": 0.0}
    assert evaluate.all_cpu_seconds(alone) == 2.0
    assert evaluate.all_cpu_seconds({**alone, "search_cpu_seconds": 9.0}) == 9.0
    assert (
        evaluate.all_cpu_seconds({**alone, "fit_cpu_seconds": float("nan"), "used_cpu_seconds": 0.5}) == 0.5
    )
    assert evaluate.all_cpu_seconds({**alone, "used_cpu_seconds": None}) == 2.0


def test_unknown_numbers_become_null_in_metrics() -> None:
    assert evaluate.rounded({"a": float("nan"), "b": 1.23456789, "c": "x"}) == {
        "a": None,
        "b": 1.2346,
        "c": "x",
    }
