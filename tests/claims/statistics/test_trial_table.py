from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fuelgauge.claims.statistics.trial_table import read_trials
from fuelgauge.errors import TableError
from tests.claims.worlds import power_law, trial_table


@pytest.fixture
def trials() -> pd.DataFrame:
    curve = power_law(1.0, 0.4, 0.05)
    models = {"logistic": ("linear", curve), "mlp": ("deep", curve)}
    return trial_table({"flights": models, "letter": models}, n_repeats=2)


def refusal(trials: pd.DataFrame) -> str:
    with pytest.raises(TableError) as refused:
        read_trials(trials)
    sentence = str(refused.value)
    assert sentence.endswith(".") and "\n" not in sentence and ". " not in sentence
    return sentence


def warning(trials: pd.DataFrame) -> str:
    (said,) = read_trials(trials).warnings
    return said


def test_a_good_table_passes_without_a_word(trials: pd.DataFrame) -> None:
    checked = read_trials(trials.sample(frac=1, random_state=0))
    assert checked.warnings == ()
    pd.testing.assert_frame_equal(checked.trials, trials, check_dtype=False)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_both_formats_are_read(trials: pd.DataFrame, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"trials.{suffix}"
    getattr(trials, f"to_{suffix}")(path, index=False)
    assert len(read_trials(path).trials) == len(trials)
    assert len(read_trials(str(path)).trials) == len(trials)


def test_a_missing_file() -> None:
    with pytest.raises(TableError, match="there is no such file"):
        read_trials(Path("nowhere.csv"))


def test_another_format(tmp_path: Path) -> None:
    (tmp_path / "trials.xlsx").write_text("x")
    with pytest.raises(TableError, match=r"trials\.xlsx: a trial table is a \.parquet or a \.csv file"):
        read_trials(tmp_path / "trials.xlsx")


@pytest.mark.parametrize("name", ["broken.parquet", "empty.csv"])
def test_a_broken_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(TableError, match=f"{name} cannot be read"):
        read_trials(tmp_path / name)


def test_a_missing_column(trials: pd.DataFrame) -> None:
    assert refusal(trials.drop(columns="loss")) == "the table lacks the column 'loss'."
    assert "the columns 'family', 'loss'" in refusal(trials.drop(columns=["loss", "family"]))


def test_no_trial_is_done(trials: pd.DataFrame) -> None:
    assert refusal(trials.assign(status="failed")) == "the table has no trial with status 'done'."


def test_trials_that_are_not_done_are_left_out(trials: pd.DataFrame) -> None:
    trials["status"] = "done"
    trials.loc[0, ["status", "loss"]] = ["failed", np.nan]
    trials.loc[1, ["status", "loss"]] = ["skipped", np.nan]
    assert len(read_trials(trials).trials) == len(trials) - 2
    assert (
        warning(trials)
        == "the table: trials with another status than 'done' are left out (1 failed, 1 skipped)."
    )


@pytest.mark.parametrize(("value", "kind"), [(-0.5, "a negative"), (np.inf, "an infinite")])
def test_impossible_losses(trials: pd.DataFrame, value: float, kind: str) -> None:
    trials.loc[0, "loss"] = value
    sentence = refusal(trials)
    assert sentence.startswith("the table, column 'loss': dataset 'flights', model 'logistic' has " + kind)
    assert "at n_train 32, repeat 0" in sentence


def test_a_loss_that_is_no_number(trials: pd.DataFrame) -> None:
    assert refusal(trials.assign(loss="low")) == "the table, column 'loss': not every value is a number."


def test_missing_losses_are_left_out_and_said(trials: pd.DataFrame) -> None:
    trials.loc[0, "loss"] = np.nan
    assert "1 trials without a loss are left out (first: dataset 'flights', model 'logistic')" in warning(
        trials
    )
    assert refusal(trials.assign(loss=np.nan)) == "the table, column 'loss': every value is missing."


def test_a_missing_name(trials: pd.DataFrame) -> None:
    trials.loc[3, "model"] = None
    assert refusal(trials) == "the table, column 'model': a name is missing in row 3."


@pytest.mark.parametrize("n_train", [0, -1, 10.5, np.nan])
def test_impossible_rows(trials: pd.DataFrame, n_train: float) -> None:
    trials["n_train"] = trials["n_train"].astype(float)
    trials.loc[0, "n_train"] = n_train
    assert "column 'n_train': dataset 'flights', model 'logistic' has" in refusal(trials)


def test_duplicates(trials: pd.DataFrame) -> None:
    sentence = refusal(pd.concat([trials, trials.tail(1)]))
    expected = "dataset 'letter', model 'mlp' has more than one trial at n_train 8192, repeat 1"
    assert expected in sentence


def test_a_model_in_two_families(trials: pd.DataFrame) -> None:
    trials.loc[0, "family"] = "trees"
    assert refusal(trials) == "the table, column 'family': model 'logistic' is in more than one family."


def test_an_unknown_subfamily(trials: pd.DataFrame) -> None:
    trials["subfamily"] = np.where(trials["model"] == "mlp", "forest", None)
    assert refusal(trials) == (
        "the table, column 'subfamily': dataset 'flights', model 'mlp' has 'forest' in the family 'deep'; "
        "leave it empty, or give forest or boosted in the family trees."
    )


def test_a_model_in_two_subfamilies(trials: pd.DataFrame) -> None:
    trials["family"] = trials["family"].mask(trials["model"] == "mlp", "trees")
    trials["subfamily"] = np.where((trials["model"] == "mlp") & (trials["n_train"] > 64), "forest", "")
    assert refusal(trials) == (
        "the table, column 'subfamily': model 'mlp' is in more than one subfamily (none and 'forest')."
    )


@pytest.mark.parametrize("empty", [None, np.nan, "", " "])
def test_no_subfamily_may_be_written_in_many_ways(trials: pd.DataFrame, empty: object) -> None:
    column = pd.Series([empty] * len(trials), index=trials.index)
    for given in (column, column.astype("category")):
        assert set(read_trials(trials.assign(subfamily=given)).trials["subfamily"]) == {""}


def test_one_anchor_only(trials: pd.DataFrame) -> None:
    single = trials[trials["n_train"] == 32]
    assert "dataset 'flights', model 'logistic' has one anchor only" in refusal(single)


def test_a_curve_with_one_anchor_is_left_out_and_said(trials: pd.DataFrame) -> None:
    cut = (trials["dataset"] == "flights") & (trials["model"] == "mlp") & (trials["n_train"] > 32)
    said = read_trials(trials[~cut]).warnings
    assert "1 curves with one anchor only are left out (first: dataset 'flights', model 'mlp')" in said[0]


def test_a_model_on_one_dataset_only(trials: pd.DataFrame) -> None:
    only = trials[(trials["dataset"] == "flights") | (trials["model"] == "mlp")]
    assert warning(only) == "the table: these models are on one dataset only: logistic."


def test_one_model_only(trials: pd.DataFrame) -> None:
    assert "there is only one model" in warning(trials[trials["model"] == "mlp"])


def test_one_repeat_only(trials: pd.DataFrame) -> None:
    assert "no intervals and no tests, on flights, letter" in warning(trials[trials["repeat"] == 0])


def test_loss_and_score_swapped(trials: pd.DataFrame) -> None:
    said = warning(trials.assign(loss=1 / (1 + trials["loss"])))
    assert "the loss rises with n_train on 4 of 4 curves; were loss and score swapped?" in said


def test_times_of_different_devices(trials: pd.DataFrame) -> None:
    trials["device"] = np.where(trials["model"] == "mlp", "cuda", "cpu")
    assert "fit times with different device are compared on flights, letter" in warning(trials)


def test_variants_of_a_model_are_contestants_of_their_own(trials: pd.DataFrame) -> None:
    tuned = trials.assign(search="tpe", size="default", features="raw")
    large = trials.assign(search="none", size="large", features="raw")
    usual = trials.assign(search="none", size="default", features="raw")
    checked = read_trials(pd.concat([usual, tuned, large])).trials
    assert set(checked["model"]) == {
        "logistic", "mlp", "logistic+tpe", "mlp+tpe", "logistic-large", "mlp-large",
    }  # fmt: skip
    unsaid = read_trials(pd.concat([trials.assign(search=None), tuned])).trials
    assert set(unsaid["model"]) == {"logistic", "mlp", "logistic+tpe", "mlp+tpe"}
    alone = read_trials(tuned).trials
    assert set(alone["model"]) == {"logistic", "mlp"}, "without another variant the plain name says it all"


def test_a_missing_size_is_the_default_one_and_any_size_is_the_name_in_all(trials: pd.DataFrame) -> None:
    large = trials.assign(size="large")
    found = read_trials(pd.concat([trials.assign(size=None), large])).trials
    mlp = found[found["any_size"] == "mlp"]
    assert set(zip(mlp["model"], mlp["size"], strict=True)) == {("mlp", "default"), ("mlp-large", "large")}


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ([True, None], [True, False]),
        (["True", " false"], [True, False]),
        ([1, 0], [True, False]),
        ([np.nan, 1.0], [False, True]),
    ],
    ids=str,
)
def test_exposed_is_true_or_false_and_a_missing_value_is_false(given: list[object], read: list[bool]) -> None:
    trials = trial_table({"d": {"a": ("deep", power_law(1, 0.3, 0))}}, 1, anchors=np.array([32.0, 64.0]))
    found = read_trials(trials.assign(exposed=given)).trials["exposed"]
    assert found.dtype == bool and found.tolist() == read


def test_a_column_of_exposure_without_any_value_is_no_column() -> None:
    trials = trial_table({"d": {"a": ("deep", power_law(1, 0.3, 0))}}, 1, anchors=np.array([32.0, 64.0]))
    assert "exposed" not in read_trials(trials.assign(exposed=None)).trials
    with pytest.raises(TableError, match="column 'exposed': 'perhaps' is neither true nor false"):
        read_trials(trials.assign(exposed="perhaps"))


def test_a_csv_file_may_have_semicolons_decimal_commas_and_capital_letters(
    trials: pd.DataFrame, tmp_path: Path
) -> None:
    expected = read_trials(trials).trials["loss"].tolist()
    for decimal in (".", ","):
        trials.to_csv(tmp_path / "mine.CSV", sep=";", decimal=decimal, index=False)
        assert read_trials(tmp_path / "mine.CSV").trials["loss"].tolist() == expected


def test_families_that_no_claim_reads_are_named_with_the_remedy(trials: pd.DataFrame) -> None:
    said = warning(trials.replace({"family": {"deep": "Deep"}}))
    assert "column 'family': no claim reads 'Deep' (write 'deep'); rename them (baseline, linear," in said


def test_a_semicolon_in_the_name_of_a_column_leaves_a_csv_file_with_commas(
    trials: pd.DataFrame, tmp_path: Path
) -> None:
    trials.rename(columns={"val_loss": "loss; tuning rows"}).to_csv(tmp_path / "mine.csv", index=False)
    assert read_trials(tmp_path / "mine.csv").trials["loss"].tolist() == trials["loss"].tolist()
