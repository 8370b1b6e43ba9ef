import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from fuelgauge.data.about import About
from fuelgauge.data.dataset import TIME, Dataset
from fuelgauge.data.ingest import ingest
from fuelgauge.data.months import AboutMonths, following, held_out, months_of
from fuelgauge.errors import DataError
from fuelgauge.features.featurize import featurize
from fuelgauge.spec.dataset import FeatureTypes
from fuelgauge.spec.features import FeatureSetConfig
from tests.data.made import described

DAYS = pd.date_range("2013-01-01", "2013-04-30 23:00", freq="12h")
ROWS = pd.DataFrame(
    {"a": np.arange(len(DAYS), dtype=float), "b": "u", "when": DAYS, "y": np.arange(len(DAYS)) % 2}
)


def ended(tmp_path, until, source=ROWS, **settings):
    config = described(source, time="when", **settings)
    ingest(config, tmp_path / "raw", until)
    featurize(config, FeatureSetConfig(name="raw"), tmp_path / "raw", tmp_path / "features")
    return Dataset.open("made", "raw", tmp_path / "features")


def refused(tmp_path, until, sentence, source=ROWS, **settings):
    with pytest.raises(DataError, match=sentence):
        ended(tmp_path, until, source, **settings)


def test_trials_see_what_is_before_the_month_and_the_month_is_held_out(tmp_path):
    seen = ended(tmp_path, "2013-03")
    last = held_out("made", "raw", tmp_path / "features")
    assert set(months_of(seen.table[TIME].to_numpy())) == {"2013-01", "2013-02"}
    assert set(months_of(last.table[TIME].to_numpy())) == {"2013-03"}
    assert len(seen.target) == 2 * (31 + 28)
    assert AboutMonths.of("made", tmp_path / "features") == AboutMonths("2013-03", 62, 60)
    assert About.of(pq.ParquetFile(tmp_path / "raw/made.parquet")).n_later == 60


def test_one_month_more_is_one_month_more(tmp_path):
    before = ended(tmp_path, "2013-03").description.n_rows
    assert ended(tmp_path, following("2013-03")).description.n_rows == before + 62


def test_without_a_month_there_is_everything_and_nothing_is_held_out(tmp_path):
    limited = ended(tmp_path, "2013-03")
    whole = ended(tmp_path, None)
    assert (len(limited.target), len(whole.target)) == (118, 240)
    assert held_out("made", "raw", tmp_path / "features") is None


def test_the_codes_of_classes_are_those_of_all_rows(tmp_path):
    last = ROWS["when"] >= "2013-03-01"
    named = ROWS.assign(y=np.where(ROWS["y"] == 1, "yes", "no"))
    seen = ended(tmp_path, "2013-03", named[~last | (named["y"] == "yes")])
    month = held_out("made", "raw", tmp_path / "features")
    assert set(np.unique(seen.target)) == {0, 1}
    assert set(month.target) == {1}


def test_a_dataset_without_time_stays_whole(tmp_path):
    config = described(ROWS)
    ingest(config, tmp_path / "raw", "2013-02")
    assert pq.read_table(tmp_path / "raw/made.parquet").num_rows == len(ROWS)


def test_a_month_without_rows_stops_with_the_months_that_there_are(tmp_path):
    for until in ("2013-05", "2012-12"):
        refused(tmp_path, until, f"no row lies in {until} .*the source covers 2013-01 to 2013-04")
    refused(tmp_path, "2013-01", "no row lies before 2013-01")
    hole = ROWS[ROWS["when"].dt.month != 2]
    refused(tmp_path, "2013-02", "no row lies in 2013-02", source=hole)


def test_a_time_of_numbers_has_no_months(tmp_path):
    refused(tmp_path, "2013-02", "holds numbers, not dates", source=ROWS.assign(when=range(len(ROWS))))


def test_a_column_that_is_gone_or_of_another_kind_stops_and_is_named(tmp_path):
    features = FeatureTypes(numeric=["a"], categorical=["b"])
    ended(tmp_path, "2013-02", features=features)
    gone = ROWS.drop(columns="b")
    refused(
        tmp_path, "2013-03", r"the new data have no column 'b' \(strings before\)", gone, features=features
    )
    other = ROWS.assign(b=7)
    sentence = (
        "column 'b' holds numbers in the new data, but held strings before.*deleting data/schema/made.json"
    )
    refused(tmp_path, "2013-03", sentence, other, features=features)
    (tmp_path / "schema/made.json").unlink()
    ended(tmp_path, "2013-03", other, features=features)


def test_inferred_columns_are_remembered_too(tmp_path):
    infer = FeatureTypes(infer=True)
    ended(tmp_path, "2013-02", features=infer)
    refused(tmp_path, "2013-03", "have no column 'a'", ROWS.drop(columns="a"), features=infer)
    refused(tmp_path, "2013-03", "a column 'c', which was not there before", ROWS.assign(c=1), features=infer)
    ended(tmp_path, "2013-03", ROWS.assign(a=ROWS["a"].astype(int)), features=infer)


def test_a_refused_month_does_not_change_what_is_remembered(tmp_path):
    ended(tmp_path, "2013-02")
    remembered = (tmp_path / "schema/made.json").read_text()
    refused(tmp_path, "2013-03", "strings in the new data", ROWS.assign(a="x"))
    assert (tmp_path / "schema/made.json").read_text() == remembered


def test_a_month_whose_rows_have_no_target_stops(tmp_path):
    unlabelled = ROWS.assign(y=ROWS["y"].where(ROWS["when"] < "2013-03-01"))
    refused(
        tmp_path, "2013-03", "no row in 2013-03 has a target", unlabelled[unlabelled["when"] < "2013-04-01"]
    )
