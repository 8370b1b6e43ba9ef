"""Texts of other people are only text in Markdown, and a report is cut to a limit at the right places."""

import markdown_it
import pytest

from fuelgauge.months import _drift as drift
from fuelgauge.months import retrain
from fuelgauge.months._markdown import Part, escaped, escaped_table, shortened, whole
from fuelgauge.registry import Decision

MARKDOWN = markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"])
TEXTS = [
    "a|b",
    "**bold** _slanted_ `code` ~~gone~~",
    "[link](http://x.org) ![picture](x.png) <b>html</b> <!-- hidden -->",
    "back\\slash \\| &amp; &lt;",
    "line\nbreak\r\n| --- |",
    "https://x.org/a www.x.org",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_in_a_cell_is_shown_as_it_is(text):
    table = f"| head |\n| --- |\n| {escaped(text)} |"
    tokens = MARKDOWN.parse(table)
    (cell,) = [tokens[i + 1] for i, token in enumerate(tokens) if token.type == "td_open"]
    shown = "".join(child.content for child in cell.children if child.type != "html_inline")
    assert shown == " ".join(text.split())
    assert {child.content for child in cell.children if child.type == "html_inline"} <= {"<!-- -->"}
    assert {child.type for child in cell.children} <= {"text", "html_inline"}


def test_mentions_references_and_links_are_broken():
    broken = "@<!-- -->maintainers #<!-- -->12 GH-<!-- -->12 a@<!-- -->b https:/<!-- -->/x"
    assert escaped("@maintainers #12 GH-12 a@b https://x") == broken


def test_a_table_of_another_program_is_escaped_and_loses_its_padding():
    lines = ["| Path    | Value   |", "|---------|---------|", "| a_b.json | 1     |"]
    assert escaped_table(lines) == ["| Path | Value |", "| --- | --- |", "| a\\_b.json | 1 |"]


def test_a_report_loses_the_lines_of_the_highest_rank_first():
    parts = [
        Part(["# Head"]),
        Part(["| a |", "| - |", *["| 1 |"] * 100], rank=1),
        Part(["![picture](drift/a.png)"]),
        Part(["## Diff", *["x" * 50] * 200], rank=2),
    ]
    assert shortened(parts, 1_000_000, "there") == whole(parts)
    text = shortened(parts, 5_000, "there")
    assert 4_900 < len(text.encode()) <= 5_000
    assert text.count("| 1 |") == 100
    assert "![picture](drift/a.png)\n## Diff\nxxx" in text
    n_left = text.count("x" * 50)
    assert text.endswith(f"\n\n*{200 - n_left} more lines are in there.*\n")
    short = shortened(parts, 300, "there")
    assert len(short.encode()) <= 300
    assert short.startswith("# Head\n| a |\n| - |\n| 1 |")
    assert "![picture](drift/a.png)" in short


def test_the_body_stays_below_the_limit_with_a_long_diff_and_the_picture_in_it(project, monkeypatch):
    shifts = tuple(drift.Shift(f"column_{i}|x", "chi_square", 1.0, 0.001, 0.3) for i in range(300))
    found = drift.Drift("flights", "2013-07", "rmse", 10, 10, shifts, (), ("version 1: **left out**",))
    metrics = {"rmse": {"value": 1.0, "lo": 1.0, "hi": 1.0}}
    about = {"dataset": "flights", "version": "2", "contestant": "a|b", "promoted": True, "champion": "1"}
    numbers = {"n_train": 10, "n_test": 10, "metric": "rmse", "metrics": metrics, "improvement": None}
    decision = Decision.from_json({**about, **numbers, "reason": "ask @someone"})
    monkeypatch.setattr(retrain, "compose", lambda *_: type("C", (), {"register": ["flights"]}))
    monkeypatch.setattr(retrain, "registered", lambda _: (decision, found))
    monkeypatch.setattr(retrain, "metrics_diff", lambda: [f"| {'x' * 100}é | 1 | 2 |"] * 1_000)
    summary = retrain.write_summary("2013-06", "2013-07").read_text()
    assert len(summary) > 108_000
    body = (retrain.paths.REPORTS / retrain.BODY).read_text()
    assert len(body.encode()) <= 65_536 - 1_500 - 300
    assert "![Drift of flights](drift/flights.png)" in body
    assert "| flights | 2 | a\\|b | 10 | **champion** | ask @<!-- -->someone |" in body
    assert "version 1: \\*\\*left out\\*\\*" in body
    assert body.count("column\\_") == 600
    assert "more lines are in reports/retrain.md of this run" in body
