"""An effect over datasets: random-effects meta-analysis, shares, margins and corrections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from fuelgauge.claims.judging.evidence import Rules
from fuelgauge.claims.judging.measures import NAN, Across, Effect, Margin, Measure
from fuelgauge.claims.statistics.meta import Meta, detectable, hochberg, random_effects
from fuelgauge.claims.statistics.resample import Floats, holm, t_quantile, wilcoxon

__all__ = ["RANDOM_EFFECTS", "adjust_strata", "effect_across", "error_of", "side_on_dataset", "standardise"]

RANDOM_EFFECTS = "random effects, Hartung-Knapp"
POWER = 0.8
SIDES = {"above": 1, "below": -1}


def error_of(value: float, lo: float, hi: float, repeats: float, level: float) -> float:
    """Return the standard error behind a t interval over repeats, on the scale of its ends.

    An open end leaves the other one. Without any end there is none.
    """
    if not repeats > 1:
        return NAN
    reach = [abs(value - end) for end in (lo, hi) if np.isfinite(end)]
    return float(np.mean(reach)) / t_quantile(level, int(repeats)) if reach else NAN


def standardise(measure: Measure, group: pd.DataFrame) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the effects of datasets on the scale of their test, with errors, censoring and repeats.

    Parameters
    ----------
    measure
        Measure of the effects. Ratios become logarithms.
    group
        One row per dataset, with an `Effect` in the column of the measure.

    Returns
    -------
    tuple of array
        Values, standard errors, censoring (1, -1 or 0) and numbers of repeats, each of shape (datasets,).
        Datasets without a value are left out.
    """
    effects: Sequence[Effect] = list(group[measure.name]) if len(group) else []
    kept = [e for e in effects if np.isfinite(e.effect) and (e.effect > 0 or not measure.is_ratio)]
    found = np.array([[e.effect, e.error, SIDES.get(e.censored, 0), e.repeats] for e in kept], dtype=float)
    values, errors, censored, repeats = found.reshape(-1, 4).T
    return (np.log(values) if measure.is_ratio else values), errors, censored, repeats


def effect_across(measure: Measure, group: pd.DataFrame, level: float, rules: Rules) -> Effect:
    """Return the mean effect over datasets, with its interval, its test and its spread.

    Parameters
    ----------
    measure
        Measure of the effect.
    group
        One row per dataset, with an `Effect` in the column of the measure.
    level
        Confidence level of the intervals, between 0 and 1.
    rules
        Rules of the claim: threshold of the measure, min_datasets, alpha and margins (optional).

    Notes
    -----
    The mean is that of a random-effects meta-analysis (`fuelgauge.claims.statistics.meta`). If no dataset has
    a standard error, each counts the same.
    """
    values, errors, censored, repeats = standardise(measure, group)
    if len(values) < rules["min_datasets"]:
        return replace(measure.unknown(RANDOM_EFFECTS), effect=_median(measure, values))
    found = random_effects(values, errors, censored)
    threshold = _scaled(measure, rules[measure.name])
    lo, hi = found.interval(level)
    back = np.exp if measure.is_ratio else float
    effect = measure.effect(
        float(back(found.mean)), float(back(lo)), float(back(hi)), RANDOM_EFFECTS, found.p_value(threshold)
    )
    across = _across(measure, found, (values, errors, repeats), level, rules)
    censored_mean = {1: "above", -1: "below"}.get(found.bound, "")
    return replace(effect, error=found.error, across=across, censored=censored_mean)


def _across(
    measure: Measure, found: Meta, data: tuple[Floats, Floats, Floats], level: float, rules: Rules
) -> Across:
    values, errors, repeats = data
    threshold, back = _scaled(measure, rules[measure.name]), np.exp if measure.is_ratio else float
    share = found.share_above(threshold, level)
    sides = [side_on_dataset(*one, threshold) for one in zip(values, errors, repeats, strict=True)]
    shown = holm(np.array([p for p, _ in sides])) < rules["alpha"]
    signs = np.array([sign for _, sign in sides])
    return Across(
        tau=found.tau,
        share=share.share,
        share_lo=share.lo,
        share_hi=share.hi,
        next_one=share.next_one,
        n_above=int(np.sum(shown & (signs > 0))),
        n_below=int(np.sum(shown & (signs < 0))),
        detectable=float(back(detectable(found, POWER, level))),
        median=_median(measure, values),
        p_wilcoxon=wilcoxon(values - threshold),
        margins=tuple(_margins(measure, found, rules)),
    )


def side_on_dataset(value: float, error: float, repeats: float, threshold: float) -> tuple[float, float]:
    """Return the p value of an effect on one dataset against its threshold, and the sign of the distance."""
    if not repeats > 1 or not error > 0:
        return NAN, 0.0
    statistic = (value - threshold) / error
    return float(2 * special.stdtr(repeats - 1, -abs(statistic))), float(np.sign(statistic))


def _margins(measure: Measure, found: Meta, rules: Rules) -> list[Margin]:
    """Return the tests against every margin and its reciprocal; none for a measure that is not a ratio."""
    if not measure.is_ratio:
        return []
    multiples = sorted({m for margin in rules.get("margins", ()) for m in (1 / margin, 1.0, margin)})
    threshold = float(np.log(rules[measure.name]))
    return [Margin(m, found.p_value(threshold + float(np.log(m)))) for m in multiples]


def _scaled(measure: Measure, threshold: float) -> float:
    return float(np.log(threshold)) if measure.is_ratio else float(threshold)


def _median(measure: Measure, values: Floats) -> float:
    if not len(values):
        return NAN
    return float(np.exp(np.median(values)) if measure.is_ratio else np.median(values))


def adjust_strata(
    strata: Sequence[Any], deciding: Sequence[bool], rows: Sequence[Sequence[Effect]], rules: Rules
) -> list[list[Effect]]:
    """Correct the tests over datasets by Hochberg's procedure within each stratum.

    Parameters
    ----------
    strata
        Stratum (modality) of each row.
    deciding
        Whether each measure decides. The tests of the others stand beside and are corrected separately.
    rows
        Effects of each pair of families, in the order of the measures.
    rules
        Rules of the claim, with alpha.

    Notes
    -----
    In a stratum there is one test for each rival and deciding measure. The tests against one margin are
    corrected together, over the rivals.
    """
    corrected = [list(row) for row in rows]
    for stratum, decides in product(dict.fromkeys(strata), (True, False)):
        measures = [j for j, has_a_say in enumerate(deciding) if has_a_say == decides]
        places = [(i, j) for i in range(len(rows)) if strata[i] == stratum for j in measures]
        adjusted = hochberg(np.array([rows[i][j].p for i, j in places], dtype=float))
        for (i, j), p in zip(places, adjusted, strict=True):
            corrected[i][j] = replace(rows[i][j], p_adjusted=float(p))
        _adjust_margins(corrected, places, rules)
    return corrected


def _adjust_margins(rows: list[list[Effect]], places: Sequence[tuple[int, int]], rules: Rules) -> None:
    """Correct the tests against every margin over the rivals, and read the sizes that are shown."""
    known = [(i, j) for i, j in places if (across := rows[i][j].across) and across.margins]
    if not known:
        return
    p_values = np.array([[m.p for m in _margins_of(rows[i][j])] for i, j in known])
    adjusted = np.apply_along_axis(hochberg, 0, p_values)
    for (i, j), row in zip(known, adjusted, strict=True):
        effect = rows[i][j]
        margins = tuple(
            replace(m, p_adjusted=float(p)) for m, p in zip(_margins_of(effect), row, strict=True)
        )
        rows[i][j] = _with_sizes(effect, margins, rules)


def _margins_of(effect: Effect) -> tuple[Margin, ...]:
    return effect.across.margins if effect.across else ()


def _with_sizes(effect: Effect, margins: tuple[Margin, ...], rules: Rules) -> Effect:
    """Return an effect with the largest margin that it is above, and the smallest that it is below."""
    ratio = effect.effect / rules[effect.effect_name]
    shown = [m.margin for m in margins if m.p_adjusted < rules["alpha"]]
    at_least = max((m for m in shown if ratio > m), default=NAN)
    less_than = min((m for m in shown if ratio < m), default=NAN)
    assert effect.across is not None
    across = replace(effect.across, margins=margins, at_least=at_least, less_than=less_than)
    return replace(effect, across=across)
