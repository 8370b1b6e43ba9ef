"""A family is as good as its best member, and validation rows choose that member."""

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
        Checked trials; val_loss is optional.

    Returns
    -------
    family_trials
        The columns of `trials`, with model ``family:<name>``.
    warnings
        One sentence for each kind of gap met.
    """
    trials = trials.assign(val_loss=trials["val_loss"] if "val_loss" in trials else float("nan"))
    n_members = trials.groupby(["dataset", "family"])["model"].transform("nunique")
    without = trials["val_loss"].isna()
    choosable = trials[~without | (n_members == 1)]
    best = choosable.sort_values(["val_loss", "model"], kind="stable").drop_duplicates(
        ["dataset", "family", "n_train", "repeat"]
    )
    return best.assign(model=PREFIX + best["family"]), _gaps(trials[without & (n_members > 1)], best)


def _gaps(unchoosable: pd.DataFrame, best: pd.DataFrame) -> list[str]:
    if unchoosable.empty:
        return []
    found = set(zip(best["dataset"], best["family"], strict=True))
    lost = sorted(set(zip(unchoosable["dataset"], unchoosable["family"], strict=True)) - found)
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
    return set(zip(trials["dataset"], trials["family"], trials["model"], strict=True))
