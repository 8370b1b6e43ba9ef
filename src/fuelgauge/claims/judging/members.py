"""A family is as good as its best member, and validation rows choose that member.

Where the table says of what kind tree models are, forests and boosted trees are families of their own.
"""

from __future__ import annotations

import pandas as pd

PREFIX = "family:"


def family_trials(trials: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the trials of every family's best member, as trials of a model named ``family:<name>``.

    Per dataset, anchor and repeat the member with the lowest val_loss is taken, whole: its loss, its fit
    seconds and all else (ties go to the first name). The test loss never chooses. A member without a
    val_loss cannot be chosen, except where it is all that its family has on that dataset.

    Parameters
    ----------
    trials
        Checked trials; val_loss and subfamily are optional.

    Returns
    -------
    family_trials
        The columns of `trials`, with model ``family:<name>``; family stays as it was, also where the name is
        that of a subfamily.
    warnings
        One sentence for each kind of gap met.
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
    """Return the subfamily of each trial, or its family where it has none."""
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
            f"No val_loss chooses among the members of {len(lost)} families ({named}"
            f"{', ...' if len(lost) > 3 else ''}), so they have no family curve."
        )
    members = sorted({m for d, f, m in _keys(unchoosable) if (d, f) in found})
    if members:
        warnings.append(
            f"Trials without val_loss cannot be chosen for their family's curve: {', '.join(members)}."
        )
    return warnings


def _keys(trials: pd.DataFrame) -> set[tuple[str, str, str]]:
    return set(zip(trials["dataset"], trials["own"], trials["model"], strict=True))
