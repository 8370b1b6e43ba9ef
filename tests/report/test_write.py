from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fuelgauge.report import ReportContext, write_report
from fuelgauge.report._contents import gather
from fuelgauge.report._style import BASELINE, DARK, LIGHT, PALETTE, line_styles
from fuelgauge.report._ticks import log_ticks, size_label, size_ticks
from fuelgauge.report.figures import draw_pictures
from tests.report.power_laws import make_analysis

PICTURES = ("learning_curves", "fit_time", "cost", "der")
MEGABYTE = 1_000_000
PANELS = ("#ffffff", "#181f29")


@pytest.fixture(scope="module")
def out(analysis: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_report(analysis, folder)
    return folder


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_not_blank(out: Path, name: str) -> None:
    from matplotlib.image import imread

    pixels = imread(out / "plots" / f"{name}.png")[..., :3]
    assert min(pixels.shape[:2]) > 250
    assert 0.01 < (pixels.min(axis=2) < 0.9).mean() < 0.5


def test_the_page_is_small_and_holds_its_pictures(out: Path) -> None:
    page = (out / "index.html").read_text(encoding="utf-8")
    assert len(page.encode()) < MEGABYTE
    assert page.count('src="data:image/png;base64,') == len(PICTURES)
    assert page.index("<noscript>") < page.index("data:image/png")


def repeated(table: pd.DataFrame, times: int) -> pd.DataFrame:
    """Return a table with each dataset as many times, under other names."""
    copies = [table.assign(dataset=table["dataset"] + f"_{i:02d}") for i in range(times)]
    return pd.concat(copies, ignore_index=True)


def test_a_page_of_a_hundred_datasets_and_twenty_models_is_at_most_two_megabytes(tmp_path: Path) -> None:
    few = make_analysis()
    for name in ("trials", "curves", "pairs", "extrapolations"):
        table = getattr(few, name)
        models = table["model_a" if name == "pairs" else "model"]
        further = table[~models.str.startswith("family:")]
        renamed = (
            [further.assign(model=further["model"] + str(i)) for i in range(4)] if name != "pairs" else []
        )
        setattr(few, name, repeated(pd.concat([table, *renamed], ignore_index=True), 34))
    verdicts = [
        {**verdict, "dataset": f"{verdict['dataset']}_{i:02d}", "claim": claim}
        for verdict in few.verdicts
        for i in range(34)
        for claim in ("data", "time", "depth")
        if verdict["dataset"]
    ]
    write_report(SimpleNamespace(**{**vars(few), "verdicts": [*few.verdicts, *verdicts]}), tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count('<details class="panel dataset"') == 102
    assert len(page.encode()) <= 2 * MEGABYTE


def draw(analysis: SimpleNamespace, folder: Path) -> set[str]:
    return set(draw_pictures(gather(analysis, ReportContext()), folder))


def on_one_dataset(analysis: SimpleNamespace) -> dict[str, pd.DataFrame]:
    tables = {name: getattr(analysis, name) for name in ("curves", "pairs")}
    return {name: table[table["dataset"] == "letter"] for name, table in tables.items()}


def test_without_times_there_is_no_picture_of_them(analysis: SimpleNamespace, tmp_path: Path) -> None:
    tables = on_one_dataset(analysis)
    untimed = tables["curves"].drop(columns=[c for c in tables["curves"] if c.startswith("fit")])
    assert draw(SimpleNamespace(curves=untimed), tmp_path) == {"learning_curves"}


def test_one_repeat_and_losses_of_zero_are_drawn(tmp_path: Path) -> None:
    tables = on_one_dataset(make_analysis(repeats=1))
    tables["curves"] = tables["curves"].assign(loss_mean=tables["curves"]["loss_mean"].clip(upper=1.0) - 0.5)
    tables["curves"]["loss_mean"] = tables["curves"]["loss_mean"].clip(lower=0.0)
    assert draw(SimpleNamespace(**tables), tmp_path) == set(PICTURES)


def test_an_empty_analysis_has_no_pictures(tmp_path: Path) -> None:
    assert draw(SimpleNamespace(), tmp_path) == set()


def test_records_for_dvc_plots(out: Path, analysis: SimpleNamespace) -> None:
    learning = json.loads((out / "plots" / "learning_curves.json").read_text())
    cost = json.loads((out / "plots" / "cost_curves.json").read_text())
    assert len(learning) == len(cost) == len(analysis.curves)
    assert list(learning[0]) == ["dataset", "model", "n_train", "loss", "loss_lo", "loss_hi", "fit_seconds"]
    assert list(cost[0]) == ["dataset", "model", "n_train", "fit_seconds", "loss"]


def test_colours_are_fixed_and_the_baseline_has_its_own() -> None:
    families = {"dummy": "baseline", **{f"model{i}": "deep" for i in range(12)}}
    styles = line_styles(families)
    assert styles["dummy"].colour == BASELINE[LIGHT]
    assert len({(style.colour, style.is_open) for style in styles.values()}) == 13


@pytest.mark.parametrize("mode", [LIGHT, DARK])
def test_names_in_colour_can_be_read(mode: int) -> None:
    for colour in (*PALETTE, BASELINE):
        assert contrast(colour[mode], PANELS[mode]) >= 4.5, colour[mode]


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize(("low", "high"), [(32, 16384), (30, 40000), (100, 110), (1, 2e6)])
def test_size_ticks_are_few_and_within(low: float, high: float) -> None:
    ticks = size_ticks(low, high)
    assert 1 <= len(ticks) <= 7
    assert all(low <= tick <= high for tick in ticks)


def test_size_labels() -> None:
    assert [size_label(n) for n in (32, 512, 2048, 2**17, 2**21, 3000)] == [
        "32",
        "512",
        "2k",
        "128k",
        "2M",
        "3,000",
    ]


@pytest.mark.parametrize(
    ("low", "high"), [(0.3, 1.2), (0.89, 0.93), (1e-4, 80), (1e-9, 1e9), (0.5, 0.500001)]
)
def test_log_ticks_are_few_and_within(low: float, high: float) -> None:
    ticks = log_ticks(low, high)
    assert 2 <= len(ticks) <= 8
    assert all(low * 0.999 <= tick <= high * 1.001 for tick in ticks)
