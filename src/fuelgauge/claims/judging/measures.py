"""What a claim measures: numbers with a label, a scale, an interval and a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from fuelgauge.claims.statistics.pairs import prefix_of

__all__ = ["DIFFERENCE", "NAN", "RATIO", "Across", "Effect", "Margin", "Measure", "column_measures"]

NAN = float("nan")
RATIO, DIFFERENCE = "ratio", "difference"


@dataclass(frozen=True)
class Margin:
    """Test of a mean over datasets against a multiple of its threshold.

    Attributes
    ----------
    margin
        The multiple, or its reciprocal.
    p, p_adjusted
        Two-sided p value, and the same after the correction for the number of rivals.
    """

    margin: float
    p: float
    p_adjusted: float = NAN


@dataclass(frozen=True)
class Across:
    """How an effect varies over datasets, and what its mean is significantly above or below.

    Attributes
    ----------
    tau
        Standard deviation between datasets on the scale of the test, the logarithm of a ratio.
    share, share_lo, share_hi
        Share of datasets whose true effect lies above the threshold, with its interval.
    next_one
        Predictive probability that the effect on one more dataset lies above the threshold.
    n_above, n_below
        Numbers of datasets on which the effect is significantly above or below the threshold, after Holm's
        correction over the datasets.
    detectable
        Smallest mean ratio, above the threshold, that a run like this one shows with probability 0.8; a
        difference on other scales.
    median, p_wilcoxon
        Median over the datasets, and the p value of Wilcoxon's signed-rank test.
    margins
        Tests of the mean against multiples of the threshold.
    at_least, less_than
        Largest margin that the mean is significantly above, and smallest that it is significantly below; NaN
        where there is none.
    """

    tau: float
    share: float
    share_lo: float
    share_hi: float
    next_one: float
    n_above: int
    n_below: int
    detectable: float
    median: float
    p_wilcoxon: float
    margins: tuple[Margin, ...] = ()
    at_least: float = NAN
    less_than: float = NAN

    def as_dict(self) -> dict[str, Any]:
        """Return all fields but the single tests against margins."""
        return {name: value for name, value in vars(self).items() if name != "margins"}


@dataclass(frozen=True)
class Effect:
    """A measured number with its interval and its test; NaN where there is none.

    Attributes
    ----------
    effect_name
        Name of the measure.
    effect, lo, hi
        The number and the ends of its interval.
    test
        Name of the test, or of the method behind the interval.
    p, p_adjusted
        p value, and the same after the correction for the number of tests.
    censored
        ``above`` or ``below`` if the effect is a bound and the true value is larger or smaller; else empty.
    label, unit, scale, per_doubling
        Those of the `Measure`.
    error, repeats
        Standard error on the scale of the test, the logarithm of a ratio, and number of repeats behind it.
    across
        Distribution over datasets; None for a single dataset.
    """

    effect_name: str
    effect: float
    lo: float
    hi: float
    test: str
    p: float = NAN
    p_adjusted: float = NAN
    censored: str = ""
    label: str = ""
    unit: str = ""
    scale: str = ""
    per_doubling: bool = False
    error: float = NAN
    repeats: float = NAN
    across: Across | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return all fields; those of the distribution over datasets follow under their own names."""
        own = {name: value for name, value in vars(self).items() if name != "across"}
        return {**own, **(self.across.as_dict() if self.across else {})}


@dataclass(frozen=True)
class Measure:
    """A number that a claim looks at, on every dataset and across datasets.

    Attributes
    ----------
    name
        Name of the effect, and of its threshold in the rules.
    label
        Name for people, such as ``data-efficiency ratio``.
    column
        Column of the pair table that holds the number, with its interval in ``<column>_lo`` and
        ``<column>_hi``; empty for a number that the claim computes itself.
    scale
        ``ratio`` (1 means no difference) or ``difference`` (0 means no difference).
    per_doubling
        Whether the number is a change per doubling of the rows. A ratio per doubling is the slope of the
        logarithm of a ratio, and 0 means no change.
    unit
        Unit of a difference, such as ``sizes``; empty where there is none.
    p_column, censored_column
        Columns of the pair table with the p value and the censoring; empty where there is none.
    reducer
        Function that turns the values at the anchors of a dataset into one value; the first value by default,
        for columns that are equal at all anchors.
    is_beside
        Whether the number is only reported. Its tests are corrected separately from those that decide.
    """

    name: str
    label: str
    column: str = ""
    scale: str = RATIO
    per_doubling: bool = False
    unit: str = ""
    p_column: str = ""
    censored_column: str = ""
    reducer: Callable[[pd.Series], float] = lambda values: values.iloc[0]
    is_beside: bool = False

    @property
    def is_ratio(self) -> bool:
        """Tell whether the number is a ratio that is tested on the scale of its logarithm."""
        return self.scale == RATIO and not self.per_doubling

    def effect(
        self, value: float, lo: float, hi: float, test: str, p: float = NAN, censored: str = ""
    ) -> Effect:
        """Return a value of this measure with its interval and its test."""
        return Effect(
            self.name,
            value,
            lo,
            hi,
            test,
            p,
            censored=censored,
            label=self.label,
            unit=self.unit,
            scale=self.scale,
            per_doubling=self.per_doubling,
        )

    def unknown(self, test: str = "") -> Effect:
        """Return the effect of a dataset on which nothing could be measured."""
        return self.effect(NAN, NAN, NAN, test)


class ColumnMeasures(NamedTuple):
    """Family A compared with family B on a column of the trial table; see `column_measures`."""

    ratio: Measure
    growth: Measure
    ratio_at_equal_loss: Measure


def column_measures(column: str, label: str) -> ColumnMeasures:
    """Return the measures that compare two families on a column of the trial table.

    Parameters
    ----------
    column
        Numeric column without negative values, such as ``predict_seconds``. The claim's module names it in
        ``COLUMNS`` too.
    label
        Name of the quantity for people, such as ``prediction time``.

    Returns
    -------
    ratio
        Mean of the column in A over that in B: the median over the anchors from 64 rows up, with an interval.
    growth
        Slope of the logarithm of this ratio per doubling of the rows.
    ratio_at_equal_loss
        The ratio when A gets the rows that it needs to reach the loss of B; the median over the anchors.

    Notes
    -----
    The measures, and their thresholds in the rules, are named ``<column>_ratio``, ``<column>_growth`` and
    ``<column>_ratio_at_equal_loss``. For ``fit_seconds`` the names begin with ``time``.
    """
    prefix = prefix_of(column)
    at_equal_loss = f"{prefix}_ratio_at_equal_loss"
    return ColumnMeasures(
        Measure(f"{prefix}_ratio", f"{label} ratio", f"{prefix}_median"),
        Measure(f"{prefix}_growth", f"{label} ratio per doubling", f"{prefix}_slope", per_doubling=True),
        Measure(at_equal_loss, f"{label} ratio at equal loss", at_equal_loss, reducer=pd.Series.median),
    )
