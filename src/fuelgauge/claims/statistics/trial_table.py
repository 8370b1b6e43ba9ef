"""Read any trial table, and refuse a wrong one with one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fuelgauge.errors import TableError
from fuelgauge.spec.names import FAMILIES, SUBFAMILIES, USUAL, contestant

__all__ = ["TrialTable", "read_trials"]

NEEDED = ("dataset", "model", "family", "n_train", "repeat", "loss")
KEY = ["dataset", "model", "n_train", "repeat"]
NAMES = ("dataset", "model", "family")
NUMBERS = ("n_train", "repeat", "loss")
FURTHER_NUMBERS = (
    "val_loss",
    "choice_loss",
    "train_loss",
    "constant_loss",
    "score",
    "fit_seconds",
    "n_test",
    "n_pool",
)
YES_OR_NO = {True: True, False: False, "true": True, "false": False}
FEW_REPEATS = 2
SWAP_SHARE = 2 / 3


@dataclass(frozen=True)
class TrialTable:
    """Trials that can be analysed, with warnings.

    Attributes
    ----------
    name
        Name of the file, or ``the table``, for messages.
    trials
        One row per finished trial, sorted by dataset, model, n_train and repeat.
    warnings
        One sentence for each problem that did not stop the reading.
    """

    name: str
    trials: pd.DataFrame
    warnings: tuple[str, ...]


def read_trials(source: Path | str | pd.DataFrame, columns: Sequence[str] = ()) -> TrialTable:
    """Read and check a trial table.

    Parameters
    ----------
    source
        Parquet file, CSV file or DataFrame with the columns dataset, model, family, n_train, repeat and loss;
        all others are optional. If there is a column status, only rows with ``done`` are kept. The column
        subfamily holds ``forest`` or ``boosted`` for tree models, or nothing; exposed holds true or false.
    columns
        Further columns that must hold numbers if the table has them.

    Raises
    ------
    TableError
        The table cannot be analysed; the sentence names the file, the column and the dataset or model.
    """
    raw, name = _load(source)
    _need_columns(raw, name)
    trials, warnings = _done_only(raw, name)
    trials = _named_by_variant(_typed(trials, name, columns))
    trials, dropped = _without_missing_loss(trials, name)
    for check in (_positive_rows, _finite_losses, _no_duplicates, _one_family_a_model, _known_subfamilies):
        check(trials, name)
    trials, short = _without_single_anchors(trials, name)
    trials = trials.astype({"n_train": "int64"}).sort_values(KEY, kind="stable").reset_index(drop=True)
    warnings += dropped + short + _remarks(trials, name)
    return TrialTable(name, trials, tuple(warnings))


def _load(source: Path | str | pd.DataFrame) -> tuple[pd.DataFrame, str]:
    if isinstance(source, pd.DataFrame):
        return source.copy(), "the table"
    path = Path(source)
    if not path.is_file():
        raise TableError(f"{path}: there is no such file.")
    kind = path.suffix.lower()
    if kind not in (".parquet", ".csv"):
        raise TableError(f"{path.name}: a trial table is a .parquet or a .csv file.")
    try:
        return (pd.read_parquet(path) if kind == ".parquet" else _read_csv(path)), path.name
    except (ValueError, OSError) as error:  # pyarrow's and pandas' parser errors derive from these
        raise TableError(f"{path.name} cannot be read: {str(error).splitlines()[0]}.") from error


def _read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV file with commas, or with semicolons and decimal commas or points."""
    with path.open(encoding="utf-8-sig") as stream:
        head = stream.readline()
    if head.count(";") <= head.count(","):
        return pd.read_csv(path)
    table = pd.read_csv(path, sep=";")
    has_points = "loss" not in table or pd.api.types.is_numeric_dtype(table["loss"])
    return table if has_points else pd.read_csv(path, sep=";", decimal=",")


def _need_columns(trials: pd.DataFrame, name: str) -> None:
    missing = [column for column in NEEDED if column not in trials]
    if missing:
        listed = ", ".join(f"'{column}'" for column in missing)
        raise TableError(f"{name} lacks the column{'s' * (len(missing) > 1)} {listed}.")


def _done_only(trials: pd.DataFrame, name: str) -> tuple[pd.DataFrame, list[str]]:
    if "status" not in trials:
        done, warnings = trials, []
    else:
        is_done = trials["status"] == "done"
        others = trials.loc[~is_done, "status"].astype(str).value_counts()
        done = trials[is_done]
        counted = ", ".join(f"{count} {status}" for status, count in others.items())
        said = f"{name}: trials with another status than 'done' are left out ({counted})."
        warnings = [said] if len(others) else []
    if done.empty:
        raise TableError(f"{name} has no trial with status 'done'.")
    return done.copy(), warnings


def _typed(trials: pd.DataFrame, name: str, columns: Sequence[str]) -> pd.DataFrame:
    for column in NAMES:
        if trials[column].isna().any():
            raise TableError(f"{name}, column '{column}': a name is missing in {_first(trials, column)}.")
        trials[column] = trials[column].astype(str)
    if "subfamily" in trials:
        given = trials["subfamily"].astype(object)
        trials["subfamily"] = given.where(given.notna(), "").astype(str).str.strip()
    optional = dict.fromkeys((*FURTHER_NUMBERS, *columns))
    for column in (*NUMBERS, *(c for c in optional if c in trials)):
        try:
            trials[column] = pd.to_numeric(trials[column]).astype(float)
        except (ValueError, TypeError) as error:
            raise TableError(f"{name}, column '{column}': not every value is a number.") from error
    return _with_exposure(trials, name)


def _with_exposure(trials: pd.DataFrame, name: str) -> pd.DataFrame:
    """Make the column exposed true or false; a missing value is false, and a column without any goes."""
    if "exposed" not in trials or trials["exposed"].dtype == bool:
        return trials
    given = trials["exposed"].astype(object)
    if given.isna().all():
        return trials.drop(columns="exposed")
    known = given.map(lambda value: value.strip().lower() if isinstance(value, str) else value).map(YES_OR_NO)
    wrong = given[known.isna() & given.notna()]
    if len(wrong):
        raise TableError(f"{name}, column 'exposed': {wrong.iloc[0]!r} is neither true nor false.")
    return trials.assign(exposed=known.eq(True))


def _named_by_variant(trials: pd.DataFrame) -> pd.DataFrame:
    """Name contestants instead of models, if the table has more than one variant of a kind.

    The kinds of variants are feature set, size and search, each in its own column. The column `any_size`
    gets the name without the size.
    """
    kinds = pd.DataFrame({c: trials[c].astype(object).fillna(USUAL[c]) for c in USUAL if c in trials})
    varied = [column for column in kinds if kinds[column].nunique() > 1]
    if not varied:
        return trials
    without_size = [column for column in varied if column != "size"]
    names = _names(trials["model"], kinds[varied])
    any_size = _names(trials["model"], kinds[without_size])
    filled = {str(name): kinds[name] for name in varied}
    return trials.assign(model=names, any_size=any_size, **filled)


def _names(models: pd.Series, kinds: pd.DataFrame) -> list[str]:
    variants = kinds.astype(str).to_dict("records") or [{}] * len(models)
    return [
        contestant(model, **{str(column): value for column, value in variant.items()})
        for model, variant in zip(models, variants, strict=True)
    ]


def _first(trials: pd.DataFrame, column: str) -> str:
    return f"row {trials.index[trials[column].isna()][0]}"


def _without_missing_loss(trials: pd.DataFrame, name: str) -> tuple[pd.DataFrame, list[str]]:
    missing = trials["loss"].isna()
    if not missing.any():
        return trials, []
    if missing.all():
        raise TableError(f"{name}, column 'loss': every value is missing.")
    return trials[~missing], [
        f"{name}, column 'loss': {missing.sum()} trials without a loss are left out "
        f"(first: {_whose(trials[missing])})."
    ]


def _whose(trials: pd.DataFrame) -> str:
    row = trials.iloc[0]
    return f"dataset '{row['dataset']}', model '{row['model']}'"


def _positive_rows(trials: pd.DataFrame, name: str) -> None:
    n_train = trials["n_train"]
    wrong = trials[~(n_train > 0) | np.isinf(n_train) | (n_train % 1 != 0)]
    if len(wrong):
        found = wrong["n_train"].iloc[0]
        raise TableError(
            f"{name}, column 'n_train': {_whose(wrong)} has {found:g}, which is not a number of rows."
        )


def _finite_losses(trials: pd.DataFrame, name: str) -> None:
    for kind, wrong in (
        ("an infinite", trials[np.isinf(trials["loss"])]),
        ("a negative", trials[trials["loss"] < 0]),
    ):
        if len(wrong):
            row = wrong.iloc[0]
            raise TableError(
                f"{name}, column 'loss': {_whose(wrong)} has {kind} loss "
                f"({row['loss']:g} at n_train {row['n_train']:g}, repeat {row['repeat']:g})."
            )


def _no_duplicates(trials: pd.DataFrame, name: str) -> None:
    doubled = trials[trials.duplicated(KEY, keep=False)]
    if len(doubled):
        row = doubled.iloc[0]
        raise TableError(
            f"{name}: {_whose(doubled)} has more than one trial at n_train {row['n_train']:g}, "
            f"repeat {row['repeat']:g}."
        )


def _one_family_a_model(trials: pd.DataFrame, name: str) -> None:
    families = trials.groupby("model")["family"].nunique()
    torn = families[families > 1]
    if len(torn):
        raise TableError(f"{name}, column 'family': model '{torn.index[0]}' is in more than one family.")


def _known_subfamilies(trials: pd.DataFrame, name: str) -> None:
    if "subfamily" not in trials:
        return
    given = trials[trials["subfamily"] != ""]
    wrong = given[given["subfamily"].map(SUBFAMILIES) != given["family"]]
    if len(wrong):
        row = wrong.iloc[0]
        raise TableError(
            f"{name}, column 'subfamily': {_whose(wrong)} has '{row['subfamily']}' in the family "
            f"'{row['family']}'; leave it empty, or give {' or '.join(SUBFAMILIES)} in the family trees."
        )
    kinds = trials.groupby("model")["subfamily"].unique()
    torn = kinds[kinds.map(len) > 1]
    if len(torn):
        named = " and ".join(f"'{kind}'" if kind else "none" for kind in sorted(torn.iloc[0]))
        raise TableError(
            f"{name}, column 'subfamily': model '{torn.index[0]}' is in more than one subfamily ({named})."
        )


def _without_single_anchors(trials: pd.DataFrame, name: str) -> tuple[pd.DataFrame, list[str]]:
    n_anchors = trials.groupby(["dataset", "model"])["n_train"].transform("nunique")
    single = trials[n_anchors < 2]
    if single.empty:
        return trials, []
    if len(single) == len(trials):
        raise TableError(
            f"{name}, column 'n_train': {_whose(single)} has one anchor only, like every other curve; a "
            "learning curve needs two."
        )
    n_curves = len(single[["dataset", "model"]].drop_duplicates())
    return trials[n_anchors >= 2], [
        f"{name}, column 'n_train': {n_curves} curves with one anchor only are left out "
        f"(first: {_whose(single)})."
    ]


def _remarks(trials: pd.DataFrame, name: str) -> list[str]:
    remarks = [
        _unknown_families(trials, name),
        _single_repeats(trials, name),
        _lonely_models(trials, name),
        _suspected_swap(trials, name),
        _mixed_devices(trials, name),
    ]
    return [remark for remark in remarks if remark]


def _unknown_families(trials: pd.DataFrame, name: str) -> str:
    unknown = sorted(set(trials["family"]) - {*FAMILIES, *SUBFAMILIES})
    if not unknown:
        return ""
    listed = ", ".join(f"'{family}'{_meant(family)}" for family in unknown)
    return (
        f"{name}, column 'family': no claim reads {listed}; rename them ({', '.join(FAMILIES)}; of trees "
        f"also {' and '.join(SUBFAMILIES)}), or name them under pairs in conf/claim/data.yaml."
    )


def _meant(family: str) -> str:
    """Return the known family that differs from a name only in case and blanks, for a message."""
    meant = family.strip().lower()
    return f" (write '{meant}')" if meant in {*FAMILIES, *SUBFAMILIES} else ""


def _single_repeats(trials: pd.DataFrame, name: str) -> str:
    n_repeats = trials.groupby("dataset")["repeat"].nunique()
    single = n_repeats[n_repeats < FEW_REPEATS].index
    if single.empty:
        return ""
    return f"{name}, column 'repeat': one repeat only, so no intervals and no tests, on {', '.join(single)}."


def _lonely_models(trials: pd.DataFrame, name: str) -> str:
    if trials["model"].nunique() == 1:
        return f"{name}, column 'model': there is only one model, so nothing can be compared."
    if trials["dataset"].nunique() == 1:
        return ""
    n_datasets = trials.groupby("model")["dataset"].nunique()
    lonely = n_datasets[n_datasets == 1].index
    return f"{name}: these models are on one dataset only: {', '.join(lonely)}." if len(lonely) else ""


def _suspected_swap(trials: pd.DataFrame, name: str) -> str:
    means = trials.groupby(["dataset", "model", "n_train"])["loss"].mean()
    ends = means.groupby(level=["dataset", "model"]).agg(["first", "last"])
    rising = int((ends["last"] > ends["first"]).sum())
    if rising <= SWAP_SHARE * len(ends):
        return ""
    return (
        f"{name}, column 'loss': the loss rises with n_train on {rising} of {len(ends)} curves; were loss "
        "and score swapped?"
    )


def _mixed_devices(trials: pd.DataFrame, name: str) -> str:
    columns = [column for column in ("device", "threads") if column in trials]
    if not columns or "fit_seconds" not in trials:
        return ""
    kinds = trials.groupby("dataset")[columns].nunique().max(axis=1)
    mixed = kinds[kinds > 1].index
    if mixed.empty:
        return ""
    return f"{name}: fit times with different {' or '.join(columns)} are compared on {', '.join(mixed)}."
