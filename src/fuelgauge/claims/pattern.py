"""The claim that deep learning is for patterns, classical for tables (rules: conf/claim/pattern.yaml)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from fuelgauge.claims.judging.across import RANDOM_EFFECTS, adjust_strata, effect_across, standardise
from fuelgauge.claims.judging.contrast import Contrast, best_of_sides, contrast, ratio_effect
from fuelgauge.claims.judging.evidence import exposed_datasets
from fuelgauge.claims.judging.measures import NAN, Effect, Measure
from fuelgauge.claims.judging.verdict import (
    ALL,
    REFUTED,
    SUPPORTED,
    UNDECIDED,
    Evidence,
    Rules,
    Verdict,
    adjust,
    judge_unexposed,
    not_significant,
    of_control,
    side_of_interval,
    side_of_test,
    times,
)
from fuelgauge.claims.statistics.cube import Cube
from fuelgauge.claims.statistics.meta import difference, random_effects
from fuelgauge.claims.statistics.resample import RepeatTest

__all__ = ["judge"]

DEEP, CLASSICAL = "deep", "classical"
ON_PATTERNS = Measure("ratio_on_patterns", "loss ratio on patterns, deep over classical")
ON_TABLES = Measure("ratio_on_tables", "loss ratio on tables, deep over classical")
SHIFT = Measure("ratio_patterns_to_tables", "ratio on patterns over ratio on tables")
OF_CONTROL = Measure("ratio_of_control", "ratio without the pattern over ratio with it")
STATEMENT = "deep learning is for patterns and classical learning for tables"


@dataclass(frozen=True)
class Measured:
    """The ratio of losses on one dataset, deep over classical."""

    dataset: str
    modality: str
    control: bool
    is_table: bool
    effect: Effect


@dataclass(frozen=True)
class Control:
    """The advantage of deep models on a control, relative to that on the original with its pattern."""

    dataset: str
    original: str
    modality: str
    advantage_is_shown: bool
    effect: Effect

    @property
    def advantage_stays(self) -> bool:
        """Tell whether there is a significant advantage that does not shrink significantly."""
        return self.advantage_is_shown and not self.effect.lo > 1


def judge(evidence: Evidence, rules: Rules) -> list[Verdict]:
    """Judge on every dataset and on its control, then across datasets, patterns against tables."""
    sides = _sides(evidence.trials, rules)
    cubes = best_of_sides(evidence.trials, sides)
    measured = [found for cube in cubes.values() for found in _measure(cube, evidence, rules)]
    controls = list(_controls(cubes, evidence, rules))
    on_datasets = list(_on_datasets(measured, controls, rules))

    def across(left_out: set[str]) -> list[Verdict]:
        counted = [one for one in measured if one.dataset not in left_out]
        kept = [one for one in controls if not {one.dataset, one.original} & left_out]
        return list(_overall(counted, kept, evidence, rules))

    exposed = exposed_datasets(evidence.trials[sides.notna()])
    return [*on_datasets, *judge_unexposed(across(set()), across, exposed)]


def _sides(trials: pd.DataFrame, rules: Rules) -> pd.Series:
    names = {family: side for side in (DEEP, CLASSICAL) for family in rules[side]}
    return trials["family"].map(names)


def _measure(cube: Cube, evidence: Evidence, rules: Rules) -> Iterator[Measured]:
    about = evidence.datasets.loc[cube.dataset]
    modality = str(about["modality"])
    found = contrast(cube, DEEP, CLASSICAL)
    if modality not in (*rules["patterns"], *rules["tables"]) or not len(found.anchors):
        return
    is_table = modality in rules["tables"]
    measure = ON_TABLES if is_table else ON_PATTERNS
    effect = ratio_effect(measure, found.log_ratio[:, -1], _test(cube.dataset, evidence))
    yield Measured(cube.dataset, modality, bool(about["control"]), is_table, effect)


def _test(dataset: str, evidence: Evidence) -> RepeatTest:
    return RepeatTest(evidence.level, evidence.datasets["test_share"].to_dict()[dataset])


def _controls(cubes: Mapping[str, Cube], evidence: Evidence, rules: Rules) -> Iterator[Control]:
    for control, original in rules["controls"].items():
        if control in cubes and original in cubes:
            ends = [contrast(cubes[name], DEEP, CLASSICAL) for name in (control, original)]
            common = np.intersect1d(ends[0].anchors, ends[1].anchors)
            if len(common):
                yield _compare(control, original, ends, float(common[-1]), evidence)


def _compare(control: str, original: str, ends: list[Contrast], n: float, evidence: Evidence) -> Control:
    ratios = [end.log_ratio[:, end.anchors == n] for end in ends]
    tests = [_test(name, evidence) for name in (control, original)]
    errors = [float(test.standard_error(ratio)[0]) for test, ratio in zip(tests, ratios, strict=True)]
    n_repeats = [len(ratio) - 1 for ratio in ratios]
    found = _difference(float(ratios[0][0, 0] - ratios[1][0, 0]), errors, n_repeats, evidence.level)
    of_original = ratio_effect(ON_PATTERNS, ratios[1][:, 0], tests[1])
    modality = str(evidence.datasets["modality"].to_dict()[original])
    return Control(control, original, modality, of_original.hi < 1, found)


def _difference(value: float, errors: list[float], n_repeats: list[int], level: float) -> Effect:
    """Return the exponential of a difference of two independent means, by Welch's t test."""
    variances = np.square(errors)
    error = float(np.sqrt(variances.sum()))
    if not error > 0:
        return OF_CONTROL.effect(float(np.exp(value)), NAN, NAN, "Welch t")
    freedom = error**4 / float(np.sum(variances**2 / (np.array(n_repeats) - 1)))
    reach = float(stats.t.ppf(0.5 + level / 2, freedom)) * error
    p = float(2 * stats.t.sf(abs(value) / error, freedom))
    middle, lo, hi = (float(np.exp(end)) for end in (value, value - reach, value + reach))
    return OF_CONTROL.effect(middle, lo, hi, "Welch t", p)


def _on_datasets(measured: list[Measured], controls: list[Control], rules: Rules) -> Iterator[Verdict]:
    by_control = {control.dataset: control for control in controls}
    counted = [one for one in measured if not one.control]
    judged = [one for one in measured if one.control and one.dataset in by_control]
    effects = [one.effect for one in counted] + [by_control[one.dataset].effect for one in judged]
    adjusted = adjust([[effect] for effect in effects])
    for one, (effect,) in zip([*counted, *judged], adjusted, strict=True):
        if one.control:
            yield _on_control(by_control[one.dataset], one, effect, rules)
        else:
            yield _on_dataset(one, effect, rules)


def _on_dataset(one: Measured, effect: Effect, rules: Rules) -> Verdict:
    wanted = 1 if one.is_table else -1
    side = side_of_interval(effect, rules) * wanted
    word = {1: SUPPORTED, -1: REFUTED, 0: UNDECIDED}[side]
    reason = {
        1: f"{'classical' if one.is_table else 'deep'} models have the lower loss",
        -1: f"{'deep' if one.is_table else 'classical'} models have the lower loss",
        0: "the two losses are not significantly different",
    }[side]
    sentence = (
        f"On {one.dataset} ({one.modality}), {STATEMENT}: {word}. At the largest common number of rows, "
        f"deep models had {times(effect)} the loss of classical models."
    )
    return _verdict(rules, one.modality, [effect], 1, (word, reason, sentence), one.dataset)


def _on_control(control: Control, one: Measured, effect: Effect, rules: Rules) -> Verdict:
    side = side_of_interval(effect, rules)
    word = {1: SUPPORTED, -1: REFUTED, 0: UNDECIDED}[side]
    change = {1: "shrinks", -1: "grows", 0: "does not change significantly"}[side]
    reason = f"the advantage of deep models on {control.original} {change} without its pattern"
    sentence = (
        f"On {control.dataset}, which is {control.original} without its pattern: {word}. The loss of deep "
        f"models over that of classical models was {times(effect)} the ratio on {control.original}."
    )
    verdict = _verdict(rules, one.modality, [effect], 1, (word, reason, sentence), control.dataset)
    return replace(verdict, control=True, reason=of_control(reason))


def _overall(
    measured: list[Measured], controls: list[Control], evidence: Evidence, rules: Rules
) -> Iterator[Verdict]:
    counted = [one for one in measured if not one.control]
    tables = [one for one in counted if one.is_table]
    patterns_of = {kind: [one for one in counted if one.modality == kind] for kind in rules["patterns"]}
    kinds = {ALL: [one for one in counted if not one.is_table]}
    kinds |= {kind: found for kind, found in patterns_of.items() if found}
    tested = [_effects_across(patterns, tables, evidence, rules) for patterns in kinds.values()]
    corrected = adjust_strata(list(kinds), [True] * 3, tested, rules)
    for (kind, patterns), effects in zip(kinds.items(), corrected, strict=True):
        of_kind = [control for control in controls if kind in (ALL, control.modality)]
        yield _across(kind, len(patterns), len(tables), effects, of_kind, rules)


def _effects_across(
    patterns: list[Measured], tables: list[Measured], evidence: Evidence, rules: Rules
) -> list[Effect]:
    """Return the shift between the two sides, then the effect on each side."""
    sides = [_table(ON_PATTERNS, patterns), _table(ON_TABLES, tables)]
    means = [
        effect_across(measure, side, evidence.level, rules)
        for measure, side in zip((ON_PATTERNS, ON_TABLES), sides, strict=True)
    ]
    return [_shift_between(sides[0], sides[1], evidence.level, rules), *means]


def _table(measure: Measure, side: list[Measured]) -> pd.DataFrame:
    return pd.DataFrame({"dataset": [o.dataset for o in side], measure.name: [o.effect for o in side]})


def _shift_between(patterns: pd.DataFrame, tables: pd.DataFrame, level: float, rules: Rules) -> Effect:
    """Return the mean ratio on patterns over that on tables, from the two meta-analyses."""
    if min(len(patterns), len(tables)) < rules["min_datasets"]:
        return SHIFT.unknown(RANDOM_EFFECTS)
    sides = ((ON_PATTERNS, patterns), (ON_TABLES, tables))
    one, other = (random_effects(*standardise(measure, side)[:3]) for measure, side in sides)
    found = difference(one, other)
    lo, hi = (float(np.exp(end)) for end in found.interval(level))
    p = found.p_value(float(np.log(rules[SHIFT.name])))
    return SHIFT.effect(float(np.exp(found.mean)), lo, hi, RANDOM_EFFECTS, p)


def _across(
    kind: str, n_patterns: int, n_tables: int, effects: list[Effect], controls: list[Control], rules: Rules
) -> Verdict:
    n_datasets = n_patterns + n_tables
    named = "pattern" if kind == ALL else kind
    if min(n_patterns, n_tables) < rules["min_datasets"]:
        reason = (
            f"too few datasets ({n_patterns} {named} and {n_tables} tabular of {rules['min_datasets']} each)"
        )
        if not n_datasets:
            reason = "too few datasets: none of a known modality has deep and classical models"
        sentence = f"{rules['title']}{'' if kind == ALL else f' ({kind})'}: undecided, {reason}."
        return _verdict(rules, kind, effects, n_datasets, (UNDECIDED, reason, sentence))
    word, reason = _decide(effects, controls, rules)
    sentence = (
        f"Across {n_patterns} {named} and {n_tables} tabular datasets, {STATEMENT}: {word}. Deep models "
        f"had {times(effects[1])} the loss of classical models on "
        f"{'patterns' if kind == ALL else f'{kind} data'} and {times(effects[2])} on tables{_said(controls)}."
    )
    return _verdict(rules, kind, effects, n_datasets, (word, reason, sentence))


def _decide(effects: list[Effect], controls: list[Control], rules: Rules) -> tuple[str, str]:
    by_name = {effect.effect_name: effect for effect in effects}
    on_patterns, on_tables, shifted = (
        side_of_test(by_name[measure.name], rules) for measure in (ON_PATTERNS, ON_TABLES, SHIFT)
    )
    if on_patterns > 0:
        return REFUTED, "classical models have the lower loss on patterns"
    if on_tables < 0:
        return REFUTED, "deep models have the lower loss on tables"
    if shifted > 0:
        return REFUTED, "deep models do better on tables than on patterns"
    is_shown = {ON_PATTERNS.name: on_patterns < 0, ON_TABLES.name: on_tables > 0, SHIFT.name: shifted < 0}
    unshown = [not_significant(by_name[name]) for name, shown in is_shown.items() if not shown]
    if unshown:
        return UNDECIDED, "; ".join(unshown)
    staying = [control.dataset for control in controls if control.advantage_stays]
    if staying:
        return UNDECIDED, f"the advantage of deep models stays on the control {', '.join(staying)}"
    return SUPPORTED, "deep models have the lower loss on patterns, and classical models on tables"


def _said(controls: list[Control]) -> str:
    return "".join(
        f"; on {control.dataset}, without the pattern, the ratio was {times(control.effect)} that with it"
        for control in controls
    )


def _verdict(
    rules: Rules,
    modality: str,
    effects: list[Effect],
    n_datasets: int,
    said: tuple[str, str, str],
    dataset: str | None = None,
) -> Verdict:
    word, reason, sentence = said
    return Verdict(
        claim=rules["claim"],
        title=rules["title"],
        modality=modality,
        level="dataset" if dataset else "overall",
        dataset=dataset,
        control=False,
        family_a=DEEP,
        family_b=CLASSICAL,
        main=effects[0],
        further=tuple(effects[1:]),
        n_datasets=n_datasets,
        verdict=word,
        reason=reason,
        sentence=sentence,
    )
