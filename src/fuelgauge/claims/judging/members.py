"""Choose the best member of every family by validation loss.

If the table has subfamilies of tree models, forests and boosted trees are families of their own.
"""

from __future__ import annotations

import pandas as pd

__all__ = ["PREFIX", "family_trials"]

PREFIX = "family:"


def family_trials(trials: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the trials of every family's best member, as trials of a model named ``family:<name>``.

    Per dataset, anchor and repeat, the member with the lowest val_loss represents its family, with all of its
    columns. Ties go to the first name. The test loss never chooses. A member without a val_loss cannot be
    chosen, unless it is the only member of its family on that dataset.

    Parameters
    ----------
    trials
        Checked trials; val_loss and subfamily are optional.

    Returns
    -------
    family_trials
        Trials with the columns of `trials` and model ``family:<name>``. The name may be that of a subfamily;
        the column family is unchanged.
    warnings
        One sentence for each kind of missing val_loss.
    """
    val_loss = trials["val_loss"] if "val_loss" in trials else float("nan")
    trials = trials.assign(val_loss=val_loss, own=own_family(trials))
    n_members = trials.groupby(["dataset", "own"])["model"].transform("nunique")
    without = trials["val_loss"].isna()
    choosable = trials[~without | (n_members == 1)]
    best = choosable.sort_values(["val_loss", "model"], kind="stable").drop_duplicates(
        ["dataset", "own", "n_train", "repeat"]
    )
    warnings = _gaps(trials[without & (n_members > 1)], best)
    return best.assign(model=PREFIX + best["own"]).drop(columns="own"), warnings


def own_family(trials: pd.DataFrame) -> pd.Series:
    """Return the subfamily of each trial, or its family if it has no subfamily."""
    if "subfamily" not in trials:
        return trials["family"]
    return trials["subfamily"].where(trials["subfamily"] != "", trials["family"])


def _gaps(unchoosable: pd.DataFrame, best: pd.DataFrame) -> list[str]:
    if unchoosable.empty:
        return []
    found = set(zip(best["dataset"], best["own"], strict=True))
    lost = sorted(set(zip(unchoosable["dataset"], unchoosable["own"], strict=True)) - found)
    warnings = []
    if lost:
        named = ", ".join(f"{family} on {dataset}" for dataset, family in lost[:3])
        warnings.append(
            "These families have no val_loss to choose a member by, so they have no family curve: "
            f"{named}{f' and {len(lost) - 3} more' if len(lost) > 3 else ''}."
        )
    members = sorted({m for d, f, m in _keys(unchoosable) if (d, f) in found})
    if members:
        warnings.append(
            f"Trials without val_loss cannot be chosen for their family's curve: {', '.join(members)}."
        )
    return warnings


def _keys(trials: pd.DataFrame) -> set[tuple[str, str, str]]:
    return set(zip(trials["dataset"], trials["own"], trials["model"], strict=True))
