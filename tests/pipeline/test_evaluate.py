"""The evaluate stage's additions to an analysis: efficiency, prices and metrics."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from fuelgauge import paths
from fuelgauge.claims.savings import COLUMNS
from fuelgauge.errors import ConfigError
from fuelgauge.pipeline import evaluate


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


def test_what_a_session_ran_beside_a_table_is_no_idleness(monkeypatch) -> None:
    def record(session: str, elapsed: float, cpu: float | None) -> dict:
        result = {} if cpu is None else {"fit_cpu_seconds": cpu, "search_cpu_seconds": 0.0}
        return {"session": session, "elapsed": elapsed, "cores": 2, "result": result}

    first = {"a": record("s", 4.0, 6.0), "b": record("s", 9.0, 8.0), "failed": record("s", 9.5, None)}
    closing = {"session": "s", "elapsed": 10.0, "cores": 2}
    stored = {"one": (first, [closing]), "other": ({"c": record("t", 50.0, 1.0)}, [])}
    monkeypatch.setattr(evaluate, "stores", lambda: list(stored))
    monkeypatch.setattr(evaluate, "read_store", lambda path: stored[path])
    found = evaluate.sweep_metrics(pd.DataFrame({"trial_id": ["a"], "status": ["done"]}))
    assert found["efficiency"] == pytest.approx(14 / 20)
    assert (found["wall_seconds"], found["fit_cpu_seconds"]) == (10.0, 14.0)


def test_savings_are_written_with_the_cost_of_the_encoder_where_there_are_any(
    tmp_path: Path, monkeypatch
) -> None:
    about = {"dataset": "d", "target": "a.Encoder", "n_embedded": 9, "seconds": 1.0, "cpu_seconds": 2.0}
    kept = tmp_path / "embeddings" / "0123" / "d"
    kept.mkdir(parents=True)
    (kept / "about.json").write_text(json.dumps(about))
    monkeypatch.setattr(paths, "DATA", tmp_path)
    found = pd.DataFrame([("d", 64, 4.0, 3.0, 5.0, "")], columns=COLUMNS)
    evaluate.write_savings(found.iloc[:0], tmp_path / "plots")
    assert not (tmp_path / "plots").exists()
    evaluate.write_savings(found, tmp_path / "plots")
    text = (tmp_path / "plots" / "savings.md").read_text()
    assert "| d | 64 | 4 | 3 to 5 |" in text
    assert "- d: Encoder embedded 9 rows in 1 s (2 CPU seconds)" in text
    assert (tmp_path / "plots" / "savings.png").stat().st_size > 1000


def test_metrics_have_the_saving_at_the_largest_n_of_each_dataset() -> None:
    rows = [("a", 64, 4.0, 3.0, 5.0, ""), ("a", 128, 8.123456, 5.0, 9.0, ""), ("b", 64, 0.5, 0.1, 0.9, "")]
    found = evaluate.labels_saved(pd.DataFrame(rows, columns=COLUMNS))
    assert found == {"a": {"n": 128.0, "ratio": 8.1235}, "b": {"n": 64.0, "ratio": 0.5}}
