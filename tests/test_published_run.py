"""The published trial tables, and the documents that are made from them."""

from __future__ import annotations

import importlib.util
import re
import sys
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from fuelgauge.claims.analysis import Analysis
from tests.conftest import CHECKOUT

PUBLISHED = CHECKOUT / "published"


@pytest.fixture(scope="module")
def publish() -> ModuleType:
    spec = importlib.util.spec_from_file_location("publish", CHECKOUT / "scripts/publish.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=sorted(path.stem for path in PUBLISHED.glob("*.parquet")))
def judged(publish: ModuleType, request: pytest.FixtureRequest) -> tuple[Any, Analysis]:
    run = next(run for run in publish.RUNS if run.name == request.param)
    return run, publish.analyze(run.table)


def test_the_page_of_results_says_what_the_published_table_says(publish, judged):
    run, analysis = judged
    assert run.results.read_text(encoding="utf-8") == publish.results(run, analysis)


def test_the_readme_shows_what_the_published_tables_say(publish):
    made = {run.name: publish.analyze(run.table) for run in publish.published()}
    readme = publish.README.read_text(encoding="utf-8")
    assert publish.with_block(readme, publish.block(made)) == readme
    first = publish.published()[0]
    assert publish.block(made).startswith(publish.answer(first, made[first.name].verdicts))


def test_the_published_page_is_of_the_published_table(judged):
    run, analysis = judged
    page = run.page.read_text(encoding="utf-8")
    for dataset in analysis.curves["dataset"].unique():
        assert f'"{dataset}"' in page or f">{dataset} <" in page
    assert not re.search(r'(?:src|href)="https?://', page)


def test_every_published_table_is_a_small_one_of_a_known_run(publish):
    tables = sorted(PUBLISHED.glob("*.parquet"))
    assert tables == sorted(run.table for run in publish.published())
    assert all(table.stat().st_size < publish.LARGEST for table in tables)


def test_a_table_that_is_too_large_is_refused_and_the_old_one_stays(publish, tmp_path, monkeypatch):
    table, run = tmp_path / "new.parquet", publish.Run("mine", "Mine", tmp_path)
    run.table.parent.mkdir()
    run.table.write_text("old")
    pd.DataFrame({"loss": [0.5]}).to_parquet(table)
    monkeypatch.setattr(publish, "LARGEST", 10)
    with pytest.raises(SystemExit, match="more than 10 bytes"):
        publish.publish(run, table)
    assert run.table.read_text() == "old"


def test_a_block_of_the_readme_is_replaced_and_the_rest_stays(publish):
    readme = f"before\n{publish.BEGIN}\nold\n{publish.END}\nafter"
    assert publish.with_block(readme, "new") == f"before\n{publish.BEGIN}\nnew\n{publish.END}\nafter"


def test_the_readme_names_the_verdicts_that_change_without_the_refit_of_nets(publish):
    rule = {"family_b": "linear", "verdict": "supported", "effect": 1.6, "lo": 1.1, "hi": 2.2, "censored": ""}
    other = rule | {"verdict": "undecided", "effect": 1.3, "lo": 0.9, "hi": 1.8}
    found = dict(zip(publish.HINGES, ([rule], [other], [other]), strict=True))
    (said,) = publish.caution(found)
    assert said.endswith(
        "With nets judged without it: 1.3 times (0.9 to 1.8) the rows of linear models, undecided."
    )
    assert publish.caution(dict(zip(publish.HINGES, ([rule], [rule], [other]), strict=True))) == []
