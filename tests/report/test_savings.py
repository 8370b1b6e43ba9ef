from types import SimpleNamespace

import pandas as pd

from fuelgauge.claims.savings import COLUMNS
from fuelgauge.report import write_report
from fuelgauge.report.savings import draw_savings, embedding_lines, saving_rows, savings_table

ROWS = pd.DataFrame(
    [
        ("banking", 64, 4.0, 3.0, 5.0, ""),
        ("banking", 128, 8.0, 5.0, float("inf"), "above"),
        ("mails", 64, 0.5, 0.0, 0.9, "below"),
    ],
    columns=COLUMNS,
)


def test_the_table_says_where_a_ratio_is_a_bound():
    lines = savings_table(ROWS).splitlines()
    assert lines[2:] == [
        "| banking | 64 | 4 | 3 to 5 |",
        "| banking | 128 | at least 8 | 5 to inf |",
        "| mails | 64 | at most 0.5 | 0 to 0.9 |",
    ]


def test_what_an_encoder_cost_is_a_line_of_its_own():
    cost = {
        "dataset": "banking",
        "target": "fuelgauge.models.minilm.MiniLM",
        "n_embedded": 13083,
        "seconds": 40.2,
        "cpu_seconds": 79.6,
    }
    assert embedding_lines([cost]) == (
        "- banking: MiniLM embedded 13,083 rows in 40 s (80 CPU seconds), once for all trials; no fit counts "
        "them.\n"
    )
    assert embedding_lines([]) == ""


def test_the_picture_is_drawn_with_and_without_rows(tmp_path):
    draw_savings(ROWS, tmp_path / "some.png")
    draw_savings(ROWS.iloc[:0], tmp_path / "none.png")
    sizes = [(tmp_path / name).stat().st_size for name in ("some.png", "none.png")]
    assert min(sizes) > 1000
    assert sizes[0] != sizes[1]


def test_a_row_of_the_page_is_a_dataset_and_a_cell_says_whether_it_is_a_bound():
    banking, mails = saving_rows(ROWS)
    assert banking["dataset"] == "banking"
    assert banking["points"] == [
        {
            "n": "64",
            "ratio": "4\N{MULTIPLICATION SIGN}",
            "interval": "3\N{MULTIPLICATION SIGN} to 5\N{MULTIPLICATION SIGN}",
        },
        {
            "n": "128",
            "ratio": "at least 8\N{MULTIPLICATION SIGN}",
            "interval": "5\N{MULTIPLICATION SIGN} to ∞",
        },
    ]
    assert mails["points"][0]["ratio"] == "at most 0.5\N{MULTIPLICATION SIGN}"


def test_the_page_has_the_savings_where_there_are_any(analysis, context, tmp_path):
    for name, table in (("none", ROWS.iloc[:0]), ("some", ROWS)):
        write_report(SimpleNamespace(**vars(analysis), savings=table), tmp_path / name, context)
    none, some = ((tmp_path / name / "index.html").read_text(encoding="utf-8") for name in ("none", "some"))
    assert 'id="pretraining"' not in none
    assert 'id="pretraining"' in some and "at least 8\N{MULTIPLICATION SIGN}" in some
