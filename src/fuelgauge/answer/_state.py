"""What is known about a table while its answer grows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from fuelgauge.answer._question import Question, Reading, Workplace
from fuelgauge.answer._standing import Findings
from fuelgauge.answer._trust import Calibration, Rarest
from fuelgauge.data.dataset import Dataset
from fuelgauge.errors import DataError
from fuelgauge.spec.description import Description

NEARLY_ALL = 0.9
LEAST_COLUMNS, LEAST_SHARE = 3, 0.3
ALONE = "alone"  # how intake begins a reason that is about a share


@dataclass(repr=False)
class State:
    """What is known about a table: the question, the trials and what they say.

    Parameters
    ----------
    question, place
        What was asked, and where the files of the answer lie.
    reading
        How the columns were read.
    dataset
        Rows as models get them.
    trials
        Trial table, one row per fit; `fuelgauge analyze` reads it too.
    findings
        What the trials say; None while there are too few.
    calibration
        How far the probabilities of the best model can be believed; None for a regression.
    rarest
        How well the rarest class is found; None if no class is rare.
    alone
        Share of what can be explained that each column explains alone.
    importance
        Rise of the best model's loss when a column is shuffled.
    slices
        Parts of the held-out rows on which the best model is worst.
    final
        Rows and seconds of the last fit, and why it was not stored if so.
    seconds
        Seconds that the answer has taken.
    objects
        Models that were handed over as objects, by name.
    """

    question: Question
    place: Workplace
    reading: Reading
    dataset: Dataset
    trials: pd.DataFrame = field(default_factory=pd.DataFrame)
    findings: Findings | None = None
    calibration: Calibration | None = None
    rarest: Rarest | None = None
    alone: dict[str, float] = field(default_factory=dict)
    importance: dict[str, float] = field(default_factory=dict)
    slices: list[dict[str, Any]] = field(default_factory=list)
    final: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    objects: Mapping[str, Any] = field(default_factory=dict)

    @property
    def description(self) -> Description:
        """Facts about the rows that models get."""
        return self.dataset.description

    @property
    def found(self) -> Findings:
        """What the trials say.

        Raises
        ------
        DataError
            No model has been measured yet.
        """
        if self.findings is None:
            raise DataError("No model could be measured in this time; give it more minutes.")
        return self.findings

    @property
    def leaks(self) -> dict[str, str]:
        """Columns that may give the target away, each with the reason.

        Besides those that determine the target, these are columns that alone explain nine tenths of what all
        columns together do.
        """
        found = {
            name: how if how.startswith(ALONE) else f"gives the target away: {how}"
            for name, how in self.reading.suspects.items()
            if len(self.alone) >= LEAST_COLUMNS or not how.startswith(ALONE)
        }
        for name, part in self.parts_of_whole().items():
            if part >= NEARLY_ALL:
                found.setdefault(name, f"alone explains {100 * min(1.0, part):.0f}% of what all columns do")
        return found

    def parts_of_whole(self) -> dict[str, float]:
        """Return what each column explains alone over what all columns explain, if that is much."""
        if self.findings is None or not self.findings.constant or len(self.alone) < LEAST_COLUMNS:
            return {}
        whole = 1 - self.findings.best.loss / self.findings.constant
        return {name: own / whole for name, own in self.alone.items()} if whole >= LEAST_SHARE else {}
