import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fuelgauge.claims import analysis as module
from fuelgauge.claims.analysis import analyze, judge
from fuelgauge.claims.judging.claims import available_claims
from tests.claims.worlds import power_law, trial_table

MODELS = {
    "logistic": ("linear", power_law(1.0, 0.3, 0.05)),
    "xgboost": ("trees", power_law(2.0, 0.45, 0.05)),
    "mlp": ("deep", power_law(6.0, 0.45, 0.05)),
    "cnn": ("deep", power_law(8.0, 0.45, 0.05)),
}
FILES = {"verdicts.json", *(f"{name}.parquet" for name in module.TABLES)}


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    table = trial_table({"flights": MODELS, "letter": MODELS, "shuffled": MODELS})
    table["score"] = 1 - table["loss"]
    table["n_test"] = 500
    table["modality"] = table["dataset"].map(
        {"flights": "tabular", "letter": "tabular", "shuffled": "sequence"}
    )
    return table.assign(control=table["dataset"] == "shuffled")


def test_everything_is_found_and_written(trials: pd.DataFrame, tmp_path: Path) -> None:
    found = analyze(trials, tmp_path / "reports")
    assert {file.name for file in (tmp_path / "reports").iterdir()} == FILES
    assert found.warnings == []
    assert len(found.curves) == 3 * 9 * (4 + 3)
    assert set(found.curves["level"]) == {"model", "family"}
    assert len(found.pairs) == 3 * 9 * (4 * 3 + 3 * 2)
    assert len(found.extrapolations) == 3 * 7 * 2
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "reports" / "pairs.parquet"), found.pairs)
    extrapolated = found.extrapolations.iloc[0]
    assert (extrapolated["n_max"], extrapolated["factor"], extrapolated["n_train"]) == (8192, 2, 16384)


def test_judging_alone_gives_the_verdicts_of_the_analysis(trials: pd.DataFrame) -> None:
    assert str(judge(trials, ["data"])) == str(analyze(trials, claims=["data"]).verdicts)


def test_n_test_over_n_pool_reaches_every_interval_of_losses(trials: pd.DataFrame) -> None:
    """Five repeats, 500 test rows, 2000 rows to draw from: every reach grows by sqrt(1 + 5 / 4) = 1.5."""
    single = trials[trials["dataset"] == "flights"]
    sharing = analyze(single.assign(n_pool=2000), claims=[])
    apart = analyze(single.drop(columns="n_test"), claims=[])
    for table, name, factor in (
        ("pairs", "slope", 1.5),
        ("curves", "score", 1.5),
        ("curves", "fit_seconds", 1.0),
    ):
        wide, narrow = (
            found[f"{name}_hi"] - found[f"{name}_lo"]
            for found in (getattr(sharing, table), getattr(apart, table))
        )
        assert wide.to_numpy() == pytest.approx(factor * narrow.to_numpy())


def test_verdicts_are_plain_json(trials: pd.DataFrame, tmp_path: Path) -> None:
    analyze(trials, tmp_path, claims=["data"])
    verdicts = json.loads((tmp_path / "verdicts.json").read_text())
    needed = (
        "claim modality level dataset family_a family_b effect_name effect lo hi test p p_adjusted "
        "n_datasets verdict reason sentence"
    )
    assert set(needed.split()) <= set(verdicts[0])
    overall = [v for v in verdicts if v["level"] == "overall" and v["modality"] == "all"]
    assert [v["reason"] for v in overall] == ["too few datasets (2 of 6)"] * 2


def test_the_analysis_is_the_same_each_time_and_in_any_order(trials: pd.DataFrame) -> None:
    first = analyze(trials)
    again = analyze(trials.sample(frac=1, random_state=1))
    for name in ("curves", "pairs", "extrapolations", "flags"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(again, name))
    assert json.dumps(first.verdicts) == json.dumps(again.verdicts)


def test_every_verdict_has_the_title_of_its_claim(trials: pd.DataFrame) -> None:
    titles = {(verdict["claim"], verdict["title"]) for verdict in analyze(trials).verdicts}
    assert titles == {(name, rule["title"]) for name, rule in available_claims().items()}


def test_the_smallest_table_is_analysed() -> None:
    table = trial_table({"d": MODELS}, n_repeats=1, anchors=np.array([32.0, 64.0]))
    found = analyze(table[["dataset", "model", "family", "n_train", "repeat", "loss"]])
    assert any("one repeat only" in said for said in found.warnings)
    assert any("no data-efficiency ratio, on d" in said for said in found.warnings)
    assert any("'n_test' is missing" in said for said in found.warnings)
    assert any("no best model can be chosen" in said and "add one" in said for said in found.warnings)
    assert not any("so they have no family curve" in said for said in found.warnings)
    assert found.pairs["der"].isna().all()


def test_anchors_with_a_repeat_each_of_their_own_are_analysed(trials: pd.DataFrame) -> None:
    scattered = trials[trials["repeat"] == np.log2(trials["n_train"]) % 5]
    found = analyze(scattered)
    assert len(found.curves) == 3 * 9 * (4 + 3) and found.curves["loss_lo"].isna().all()
    assert found.pairs.empty and "share fewer than two anchors" in found.warnings[-1]


def test_a_failed_write_leaves_the_old_file(
    trials: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    single = trials[trials["dataset"] == "flights"]
    analyze(single, tmp_path, claims=[])
    before = (tmp_path / "verdicts.json").read_text()

    def fail(value: object) -> object:
        raise OSError("disk full")

    monkeypatch.setattr(module.json, "dumps", fail)
    with pytest.raises(OSError, match="disk full"):
        analyze(single, tmp_path)
    assert (tmp_path / "verdicts.json").read_text() == before
    assert {file.name for file in tmp_path.iterdir()} == FILES


def test_the_room_imports_nothing_heavy_and_no_other_room() -> None:
    probe = "import fuelgauge.claims.analysis, sys; print(' '.join(sys.modules))"
    result = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True)
    loaded = set(result.stdout.split())
    rooms = {f"fuelgauge.{room}" for room in ("data", "features", "models", "sweep", "report", "tracking")}
    assert not loaded & (rooms | {"torch", "mlflow", "sklearn", "lightning", "xgboost", "matplotlib"})
