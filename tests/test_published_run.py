"""The published trial table, and the documents that are made from it."""

from __future__ import annotations

import importlib.util
import re
from types import ModuleType

import pandas as pd
import pytest

from fuelgauge.claims.analysis import Analysis
from tests.conftest import CHECKOUT


@pytest.fixture(scope="module")
def publish() -> ModuleType:
    spec = importlib.util.spec_from_file_location("publish", CHECKOUT / "scripts/publish.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def analysis(publish: ModuleType) -> Analysis:
    return publish.analyze(publish.TABLE)


def test_the_page_of_results_says_what_the_published_table_says(publish, analysis):
    assert publish.RESULTS.read_text(encoding="utf-8") == publish.results(analysis)


def test_the_readme_shows_the_published_verdicts(publish, analysis):
    readme = publish.README.read_text(encoding="utf-8")
    assert publish.with_block(readme, publish.answer(analysis.verdicts)) == readme


def test_the_published_page_is_of_the_published_table(publish, analysis):
    page = publish.PAGE.read_text(encoding="utf-8")
    for dataset in analysis.curves["dataset"].unique():
        assert f'"{dataset}"' in page
    assert not re.search(r'(?:src|href)="https?://', page)


def test_the_published_table_is_small(publish):
    assert publish.TABLE.stat().st_size < publish.LARGEST


def test_a_table_that_is_too_large_is_refused_and_the_old_one_stays(publish, tmp_path, monkeypatch):
    table, target = tmp_path / "new.parquet", tmp_path / "published.parquet"
    target.write_text("old")
    pd.DataFrame({"loss": [0.5]}).to_parquet(table)
    monkeypatch.setattr(publish, "TABLE", target)
    monkeypatch.setattr(publish, "LARGEST", 10)
    with pytest.raises(SystemExit, match="more than 10 bytes"):
        publish.publish(table)
    assert target.read_text() == "old"


def test_a_block_of_the_readme_is_replaced_and_the_rest_stays(publish):
    readme = f"before\n{publish.BEGIN}\nold\n{publish.END}\nafter"
    assert publish.with_block(readme, "new") == f"before\n{publish.BEGIN}\nnew\n{publish.END}\nafter"
