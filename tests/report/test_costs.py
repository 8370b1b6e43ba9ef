from __future__ import annotations

from types import SimpleNamespace

import pandas as pd

from fuelgauge.report import ReportContext
from fuelgauge.report._contents import gather
from fuelgauge.report._costs import cost_rows, cost_summary
from tests.report.power_laws import MODELS, SHAPES


def exponents(analysis: SimpleNamespace) -> pd.DataFrame:
    curves = analysis.curves[["dataset", "model", "level"]].drop_duplicates()
    return curves.assign(
        loss_exponent=-0.314, loss_exponent_lo=-0.4, loss_exponent_hi=-0.2, fit_seconds_exponent=0.81
    )


def test_a_row_for_each_curve_that_is_no_baseline(analysis: SimpleNamespace) -> None:
    contents = gather(SimpleNamespace(**vars(analysis), exponents=exponents(analysis)), ReportContext())
    rows = cost_rows(contents)
    assert {row["model"] for row in rows} == set(MODELS) - {"dummy"}
    assert {row["dataset"] for row in rows} == set(SHAPES) and {row["n"] for row in rows} == {"16,384"}
    written = {
        (row["loss_exponent"], row["loss_exponent_interval"], row["fit_seconds_exponent"]) for row in rows
    }
    assert written == {("\u22120.31", "\u22120.40 to \u22120.20", "0.81")}


def test_the_summary_is_the_median_over_datasets(analysis: SimpleNamespace) -> None:
    table = exponents(analysis)
    places = {name: place for place, name in enumerate(SHAPES)}
    table["loss_exponent"] = -0.1 * table["dataset"].map(places)
    contents = gather(SimpleNamespace(**vars(analysis), exponents=table), ReportContext())
    rows = {row["model"]: row for row in cost_summary(contents)}
    assert rows["mlp"]["loss_exponent"] == "\u22120.10" and rows["mlp"]["datasets"] == "3"
    assert rows["cnn1d"]["loss_exponent"] == "\u22120.20" and rows["cnn1d"]["datasets"] == "1"


def test_scores_are_written_in_their_metric(analysis: SimpleNamespace) -> None:
    scored = SimpleNamespace(**{**vars(analysis), "trials": analysis.trials.assign(metric="accuracy")})
    last = analysis.curves[
        (analysis.curves["dataset"] == "letter") & (analysis.curves["model"] == "mlp")
    ].iloc[-1]
    for drawn, value in ((scored, 1 - last["loss_mean"]), (analysis, last["loss_mean"])):
        rows = cost_rows(gather(drawn, ReportContext()))
        row = next(row for row in rows if (row["dataset"], row["model"]) == ("letter", "mlp"))
        assert row["value"].replace("\u2212", "-") == f"{value:.3g}"
