"""What a claim judges from: the tables of an analysis, and the rules of the claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

__all__ = ["Evidence", "Rules", "exposed_datasets"]

Rules = Mapping[str, Any]


@dataclass(frozen=True)
class Evidence:
    """Everything that a claim may read.

    Attributes
    ----------
    trials, curves, pairs
        Tables of `fuelgauge.claims.analysis.Analysis`; `trials` without the families' best members.
    datasets
        modality, control and test_share of every dataset, indexed by dataset.
    level
        Confidence level of all intervals, between 0 and 1.
    teams
        Rows of the pair table for sides of several named members (`fuelgauge.claims.judging.sides.Teams`).
    computed
        Comparisons that claims with the same sides share, by their rules.
    """

    trials: pd.DataFrame
    curves: pd.DataFrame
    pairs: pd.DataFrame
    datasets: pd.DataFrame
    level: float
    teams: pd.DataFrame = field(default_factory=pd.DataFrame)
    computed: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)


def exposed_datasets(trials: pd.DataFrame) -> set[str] | None:
    """Return the datasets on which a default of one of the models was chosen.

    Parameters
    ----------
    trials
        Checked trials of the models that are judged.

    Returns
    -------
    Names of the datasets; None if the table does not have the column ``exposed``.
    """
    if "exposed" not in trials:
        return None
    return set(trials.loc[trials["exposed"], "dataset"])
