"""What a report knows beside the analysis: where the numbers come from and how to get them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from fuelgauge.report.money import Prices


@dataclass(frozen=True)
class ReportContext:
    """The facts around an analysis, all of them optional; what is not given is left out of the page.

    Attributes
    ----------
    title
        The page's name.
    created
        When the report was made, as a reader should see it.
    versions
        Version by package.
    machine
        The machine that ran the trials, in words.
    how_to_reproduce
        Shell commands, one an entry.
    data_cards
        One mapping a dataset: name, modality, task, metric, n_rows, n_features, n_classes, licence,
        citation, url, reference; further keys are shown as they are.
    held_equal
        What was the same for every model, one sentence an entry.
    not_held_equal
        What was not, one sentence an entry.
    pretrained_on
        By model, what it has learned from before it saw these data, in a sentence.
    failures
        Failed and skipped trials with their reasons; taken from the trial table where not given.
    prices
        Of compute, for costs in money.
    published
        Verdicts of the same claims on published learning curves, as mappings.
    sweep_efficiency
        Share of the cores' time that was spent on fits, between 0 and 1.
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
