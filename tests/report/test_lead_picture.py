"""Who leads at each number of rows, over several runs."""

import numpy as np
import pandas as pd
import pytest

from fuelgauge.report.lead_picture import draw_leads, loss_ratios, shares

LEADS = pd.DataFrame(
    [
        ("a", "tabular", "trees", 32, ""),
        ("a", "tabular", "trees", 64, "deep"),
        ("b", "tabular", "trees", 32, "trees"),
        ("b", "tabular", "linear", 32, "deep"),
        ("c", "image", "trees", 32, "deep"),
    ],
    columns=["dataset", "modality", "rival", "n", "leader"],
)


def curves(**losses):
    rows = [
        (dataset, f"family:{side}", n, loss)
        for dataset, sides in losses.items()
        for side, found in sides.items()
        for n, loss in found.items()
    ]
    return pd.DataFrame(rows, columns=["dataset", "model", "n_train", "loss_mean"])


CURVES = curves(
    a={"deep": {32: 0.5, 64: 0.3, 128: 0.2}, "boosted": {32: 0.4, 64: 0.4}},
    b={"deep": {32: 0.9}, "boosted": {32: 0.6, 64: 0.5}},
    c={"deep": {32: 0.1}, "boosted": {32: 0.2}},
)


def test_ratios_are_of_tables_and_of_sizes_that_both_sides_have():
    found = loss_ratios(CURVES, LEADS)
    assert found.columns.tolist() == ["a", "b"]
    assert found.index.tolist() == [32, 64]
    np.testing.assert_allclose(found.to_numpy(), [[1.25, 1.5], [0.75, np.nan]])


def test_shares_say_who_is_lower_and_whether_it_is_shown():
    found = shares(LEADS, loss_ratios(CURVES, LEADS))
    assert found["tables"].tolist() == [2, 1]
    assert found["trees_shown"].tolist() == [0.5, 0]
    assert found["trees"].tolist() == [0.5, 0]
    assert found["deep_shown"].tolist() == [0, 1]
    assert found["deep"].tolist() == [0, 0]


@pytest.mark.parametrize("runs", [("one run",), ("one run", "another")])
def test_the_picture_is_drawn(tmp_path, runs):
    path = draw_leads(dict.fromkeys(runs, LEADS), dict.fromkeys(runs, CURVES), tmp_path / "leads.png")
    assert path.read_bytes().startswith(b"\x89PNG")
