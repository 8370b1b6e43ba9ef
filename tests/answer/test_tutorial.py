"""The tutorial for a notebook: all of its cells run, in an empty folder."""

import runpy

import matplotlib as mpl
import pytest

from fuelgauge.answer import _plan
from tests.conftest import CHECKOUT


def test_the_cells_of_the_tutorial_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_plan, "REPEATS", 3)
    monkeypatch.setattr(_plan, "REPEATS_OF_SMALL", 3)
    mpl.use("Agg")
    said = runpy.run_path(str(CHECKOUT / "docs" / "tutorial_ask.py"))
    assert said["answer"].value_of_label()["cost"] == pytest.approx(0.40 * 2_000)
    assert set(said["answer"].table.index) >= {"logistic", "xgboost"}
    assert len(said["curve"].table) == len(said["curve"].train_sizes)
    assert (tmp_path / "customers.html").is_file()
    assert (tmp_path / "ask_customers.html").is_file()
