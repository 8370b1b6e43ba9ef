"""The facts around an analysis: the origin of its numbers, and the way to reproduce them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from fuelgauge.report.money import Prices


@dataclass(frozen=True)
class ReportContext:
    """The facts around an analysis. All are optional, and the page leaves out those that are missing.

    Attributes
    ----------
    title
        Title of the page.
    created
        Date of the report, as the page shows it.
    versions
        Versions by package.
    machine
        Description of the machine that ran the trials.
    how_to_reproduce
        Shell commands, one per entry.
    data_cards
        One mapping per dataset: name, title, modality, task, metric, n_rows, n_features, n_classes, licence,
        citation, url, reference. The page also shows further keys.
    held_equal
        Conditions that are the same for every model, one sentence per entry.
    not_held_equal
        Conditions that differ between models, one sentence per entry.
    pretrained_on
        Description of the pretraining by model.
    failures
        Failed and skipped trials with their reasons; None takes them from the trial table.
    prices
        Prices of compute; None shows no costs in money.
    published
        Verdicts on the same claims from published learning curves, one mapping per verdict.
    sweep_efficiency
        Share of the cores' time that the sweep spent on fits, between 0 and 1.
    """

    title: str = "How much data does a model need?"
    created: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: str = ""
    how_to_reproduce: Sequence[str] = ()
    data_cards: Sequence[Mapping[str, Any]] = ()
    held_equal: Sequence[str] = ()
    not_held_equal: Sequence[str] = ()
    pretrained_on: Mapping[str, str] = field(default_factory=dict)
    failures: pd.DataFrame | Sequence[Mapping[str, Any]] | None = None
    prices: Prices | None = None
    published: Sequence[Mapping[str, Any]] = ()
    sweep_efficiency: float | None = None
