"""Choose the best member of every family by its validation rows.

If the table has subfamilies of tree models, forests and boosted trees are families of their own.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fuelgauge.claims.statistics.resample import Floats

__all__ = ["PREFIX", "best_members", "family_trials", "own_family"]

PREFIX = "family:"
CHOICE_LOSS, VAL_LOSS = "choice_loss", "val_loss"


def family_trials(trials: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the trials of every family's best member, as trials of a model named ``family:<name>``.

    Parameters
    ----------
    trials
        Checked trials; choice_loss, val_loss and subfamily are optional.

    Returns
    -------
    family_trials
        Trials with the columns of `trials` and model ``family:<name>``. The name may be that of a subfamily;
        the column family is unchanged.
    warnings
        One sentence for each kind of missing validation loss.

    Notes
    -----
    `best_members` states the rule of the choice.
    """
    return best_members(trials, own_family(trials))


def best_members(trials: pd.DataFrame, own: pd.Series) -> tuple[pd.DataFrame, list[str]]:
    """Return the trials of the best member of every group of models, as those of ``family:<name>``.

    Per dataset, anchor and repeat, the member with the lowest choice_loss stands for its group. That loss is
    the mean cross-entropy of the validation rows, or their mean squared error. It costs the choice less noise
    than val_loss, which may be an error rate of few rows. The test loss never chooses.

    Parameters
    ----------
    trials
        Checked trials; choice_loss and val_loss are optional.
    own
        Name of the group of each trial.

    Returns
    -------
    Trials and warnings, as in `family_trials`.

    Notes
    -----
    Losses of two kinds are never compared. Where a member of the group lacks choice_loss at an anchor in a
    repeat and has val_loss, val_loss chooses there among all members that have it. A member that has neither
    cannot be chosen, unless it is the only one of its group on that dataset.

    Members with equal losses stand for their group together: each number of the trial is the mean over them.
    That is what a member drawn at random among them would have on average. It does not depend on names, and
    a family with more members gains nothing by ties. What is not a number is that of the first name.
    """
    trials = trials.assign(own=own)
    choosing = _choosing_loss(trials)
    n_members = trials.groupby(["dataset", "own"])["model"].transform("nunique").to_numpy()
    unknown = np.isnan(choosing)
    choosing[unknown & (n_members == 1)] = 0.0
    best = _lowest(trials, choosing)
    warnings = _gaps(trials[unknown & (n_members > 1) & ~_has_loss(trials)], best)
    return best.assign(model=PREFIX + best["own"]).drop(columns="own"), warnings


def own_family(trials: pd.DataFrame) -> pd.Series:
    """Return the subfamily of each trial, or its family if it has no subfamily."""
    if "subfamily" not in trials:
        return trials["family"]
    return trials["subfamily"].where(trials["subfamily"] != "", trials["family"])


def _column(trials: pd.DataFrame, name: str) -> Floats:
    return trials[name].to_numpy(float) if name in trials else np.full(len(trials), np.nan)


def _has_loss(trials: pd.DataFrame) -> NDArray[np.bool_]:
    return np.asarray(~np.isnan(_column(trials, CHOICE_LOSS)) | ~np.isnan(_column(trials, VAL_LOSS)))


def _cells(trials: pd.DataFrame) -> NDArray[np.int_]:
    """Return a number for each dataset, group, anchor and repeat."""
    return np.asarray(
        trials.groupby(["dataset", "own", "n_train", "repeat"], sort=False).ngroup(), dtype=np.int_
    )


def _choosing_loss(trials: pd.DataFrame) -> Floats:
    """Return the loss that chooses, of one kind in each cell; NaN where a member cannot be chosen."""
    choice_loss, val_loss = _column(trials, CHOICE_LOSS), _column(trials, VAL_LOSS)
    by_val_loss = np.isnan(choice_loss) & ~np.isnan(val_loss)
    if not by_val_loss.any():
        return choice_loss.copy()
    if by_val_loss.all():
        return val_loss.copy()
    cells = _cells(trials)
    is_mixed = np.zeros(cells.max() + 1, dtype=bool)
    is_mixed[cells[by_val_loss]] = True
    return np.where(is_mixed[cells], val_loss, choice_loss)


def _lowest(trials: pd.DataFrame, choosing: Floats) -> pd.DataFrame:
    """Return one trial for each cell: that with the lowest loss, or the mean of those that share it."""
    known = ~np.isnan(choosing)
    trials, choosing = trials[known], choosing[known]
    if trials.empty:
        return trials
    cells = _cells(trials)
    lowest = np.full(cells.max() + 1, np.inf)
    np.minimum.at(lowest, cells, choosing)
    is_best = choosing == lowest[cells]
    best, cells = trials[is_best], cells[is_best]
    is_tied = np.bincount(cells)[cells] > 1
    if not is_tied.any():
        return best
    return pd.concat([best[~is_tied], _means(best[is_tied], cells[is_tied])]).sort_index(kind="stable")


def _means(tied: pd.DataFrame, cells: NDArray[np.int_]) -> pd.DataFrame:
    """Return one trial for each cell: means of its numbers, and all else from the first name."""
    order = np.lexsort((pd.factorize(tied["model"], sort=True)[0], cells))
    tied, cells = tied.iloc[order], cells[order]
    first = tied[np.diff(cells, prepend=-1) > 0]
    means = tied.select_dtypes("float").groupby(cells).mean()
    return first.assign(**{str(name): values.to_numpy() for name, values in means.items()})


def _gaps(unchoosable: pd.DataFrame, best: pd.DataFrame) -> list[str]:
    if unchoosable.empty:
        return []
    found = set(zip(best["dataset"], best["own"], strict=True))
    lost = sorted(set(zip(unchoosable["dataset"], unchoosable["own"], strict=True)) - found)
    warnings = []
    if lost:
        named = ", ".join(f"{family} on {dataset}" for dataset, family in lost[:3])
        warnings.append(
            "These families have no choice_loss or val_loss to choose a member by, so they have no family "
            f"curve: {named}{f' and {len(lost) - 3} more' if len(lost) > 3 else ''}."
        )
    members = sorted({m for d, f, m in _keys(unchoosable) if (d, f) in found})
    if members:
        warnings.append(
            "Trials without choice_loss and val_loss cannot be chosen for their family's curve: "
            f"{', '.join(members)}."
        )
    return warnings


def _keys(trials: pd.DataFrame) -> set[tuple[str, str, str]]:
    return set(zip(trials["dataset"], trials["own"], trials["model"], strict=True))
