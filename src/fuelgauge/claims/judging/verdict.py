"""From measures to verdicts: the machinery that every claim shares.

A claim is one file here and one rules file of the same name in conf/claim/. The file offers
``judge(evidence, rules)``; one that compares families on a few measures states those as a `Question` and
leaves the rest to `judge_pairs`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from fuelgauge.claims.judging.members import PREFIX
from fuelgauge.claims.statistics.resample import holm, median_interval, wilcoxon
from fuelgauge.errors import ConfigError, nearest
from fuelgauge.paths import CONF

ALL = "all"
SUPPORTED, REFUTED, UNDECIDED = "supported", "refuted", "undecided"
# How a plain sentence opens.
OPENINGS = {SUPPORTED: "supported", REFUTED: "refuted", UNDECIDED: "not decided"}
NAN = float("nan")
# What a sentence calls the models of a family where "... models" would not do.
NOUNS = {"forest": "forests", "boosted": "boosted trees", "flexible": "flexible classical models"}
Rules = Mapping[str, Any]


@dataclass(frozen=True)
class Evidence:
    """What a claim may look at.

    Attributes
    ----------
    trials, curves, pairs
        Tables of `fuelgauge.claims.analysis.Analysis`.
    datasets
        Indexed by dataset: modality, control, test_share.
    level
        Of all intervals.
    n_resamples
        Of the bootstrap over datasets.
    """

    trials: pd.DataFrame
    curves: pd.DataFrame
    pairs: pd.DataFrame
    datasets: pd.DataFrame
    level: float
    n_resamples: int


@dataclass(frozen=True)
class Effect:
    """A measured number with its interval and its test; NaN where there is none.

    `censored` says that the effect is only a bound (``above``: it is larger, ``below``: smaller).
    """

    effect_name: str
    effect: float
    lo: float
    hi: float
    test: str
    p: float = NAN
    p_adjusted: float = NAN
    censored: str = ""


@dataclass(frozen=True)
class Verdict:
    """One claim judged on one dataset, or across the datasets of one modality (or of all).

    Attributes
    ----------
    claim, title
        The name of the claim's file in conf/claim/, and its sentence there.
    level
        ``dataset`` or ``overall``.
    dataset
        None across datasets.
    control
        Whether the dataset is a control, which never counts across datasets.
    family_a, family_b
        The families compared.
    main, further
        The effect that the sentence is about, and the others that the rule looks at or that are reported.
    n_datasets
        Datasets that the verdict rests on.
    verdict, reason, sentence
        supported, refuted or undecided; why; and the same in a plain sentence.
    """

    claim: str
    title: str
    modality: str
    level: str
    dataset: str | None
    control: bool
    family_a: str
    family_b: str
    main: Effect
    further: tuple[Effect, ...]
    n_datasets: int
    verdict: str
    reason: str
    sentence: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields with those of the main effect beside them; `further` is a list of such."""
        own = {name: value for name, value in vars(self).items() if name not in ("main", "further")}
        return {**own, **vars(self.main), "further": [dict(vars(effect)) for effect in self.further]}


@dataclass(frozen=True)
class Measure:
    """A column of the pairs of families that a claim looks at.

    Attributes
    ----------
    name
        Of the effect, and of its threshold in the rules.
    column
        In pairs.parquet, with its interval in ``<column>_lo`` and ``<column>_hi`` where there is one.
    is_ratio
        Tested on the scale of its logarithm.
    p_column, censored_column
        Where pairs.parquet holds its test and its censoring; empty if nowhere.
    summary
        How a dataset's value comes from the anchors' values.
    is_beside
        Reported without a say in the decision; its tests are corrected apart from those that have one.
    """

    name: str
    column: str
    is_ratio: bool
    p_column: str = ""
    censored_column: str = ""
    summary: Callable[[pd.Series], float] = lambda column: column.iloc[0]
    is_beside: bool = False


@dataclass(frozen=True)
class Finding:
    """Everything that a decision and its sentence may use.

    Attributes
    ----------
    effects
        By name of the measure.
    sides
        By name: 1 where the effect is shown to lie above the rules' threshold, -1 below, 0 not shown.
    where
        Such as ``On flights`` or ``Across 8 datasets``.
    agreeing
        The number of datasets if the main effect lies on one side of its threshold on all, else 0; 0 also on
        a single dataset.
    """

    family_a: str
    family_b: str
    modality: str
    where: str
    effects: Mapping[str, Effect]
    sides: Mapping[str, int]
    agreeing: int


@dataclass(frozen=True)
class Question:
    """What a claim measures, and how it decides.

    Attributes
    ----------
    measures
        The first is the main effect.
    decide
        Gives verdict and reason.
    say
        Gives the plain sentence for a verdict and its reason.
    topic
        Names the claim in a sentence, from its rules and the rival.
    """

    measures: Sequence[Measure]
    decide: Callable[[Finding], tuple[str, str]]
    say: Callable[[Finding, str, str], str]
    topic: Callable[[Rules, str], str] = lambda rules, rival: f"{rules['title']} than {models_of(rival)}"


def available_claims() -> dict[str, Rules]:
    """Return the rules of every claim that has a file in conf/claim/, by the name of the claim."""
    rules = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(_rules_files()))
    return {str(rule["claim"]): rule for rule in rules}


def _rules_files() -> Iterator[Path]:
    return (CONF / "claim").glob("*.yaml")


def judge_claims(evidence: Evidence, names: Sequence[str] | None = None) -> list[Verdict]:
    """Judge claims by their rules.

    Parameters
    ----------
    evidence
        An analysis without its verdicts.
    names
        The claims to judge; all that there are rules for if None.

    Raises
    ------
    ConfigError
        There is no such claim, or its rule lacks a setting.
    """
    rules = available_claims()
    verdicts = []
    for name in rules if names is None else names:
        if name not in rules:
            raise ConfigError(f"There is no claim '{name}' in conf/claim/: {nearest(name, rules)}")
        module = importlib.import_module(f"fuelgauge.claims.{name}")
        try:
            verdicts += module.judge(evidence, rules[name])
        except KeyError as error:
            raise ConfigError(f"conf/claim/{name}.yaml: the rule lacks {error}.") from error
    return verdicts


def judge_pairs(question: Question, evidence: Evidence, rules: Rules) -> list[Verdict]:
    """Judge a claim about pairs of families: on every dataset, then across datasets.

    Parameters
    ----------
    question
        The claim's measures and its decision.
    evidence
        The tables.
    rules
        Of conf/claim/: claim, pairs, alpha, min_datasets, and a threshold for each measure.

    Notes
    -----
    Pairs whose second family the table lacks are left out, unless it lacks that of every pair. See
    `judge_measured`.
    """
    families = {*evidence.pairs["model_a"], *evidence.pairs["model_b"]}
    known = [pair for pair in rules["pairs"] if PREFIX + pair[1] in families]
    rules = {**rules, "pairs": known or rules["pairs"]}
    return judge_measured(question, _measured(question.measures, evidence, rules), evidence, rules)


def judge_measured(
    question: Question, measured: pd.DataFrame, evidence: Evidence, rules: Rules
) -> list[Verdict]:
    """Judge a claim from what was measured on every dataset.

    Parameters
    ----------
    question, evidence, rules
        As in `judge_pairs`; of the rules' pairs only the names are used.
    measured
        One row a dataset and pair: dataset, family_a, family_b, modality, control, and an `Effect` for each
        measure, in a column of its name.

    Notes
    -----
    Across datasets the effect is the median of the datasets' effects with an expanded percentile
    bootstrap interval over datasets, tested by Wilcoxon's signed-rank test against the threshold. Holm's
    correction is over all tests of the claim across datasets, and apart from them over all of its tests
    on single datasets; the tests of a modality that is the only one are those of ``all`` and count once.
    """
    overall = list(_overall(question, measured, evidence, rules))
    return [*_on_datasets(question, measured, rules), *overall]


def _measured(measures: Sequence[Measure], evidence: Evidence, rules: Rules) -> pd.DataFrame:
    """Return one row a dataset and pair of families that the rules name."""
    pairs = evidence.pairs[evidence.pairs["level"] == "family"]
    rows: list[dict[str, Any]] = []
    for family_a, family_b in rules["pairs"]:
        chosen = pairs[(pairs["model_a"] == PREFIX + family_a) & (pairs["model_b"] == PREFIX + family_b)]
        for dataset, group in chosen.groupby("dataset", sort=True):
            about = evidence.datasets.loc[dataset]
            values = {measure.name: effect_on_dataset(measure, group) for measure in measures}
            kept = {"modality": about["modality"], "control": bool(about["control"])}
            rows.append({"dataset": dataset, "family_a": family_a, "family_b": family_b, **kept, **values})
    return pd.DataFrame(rows)


def effect_on_dataset(measure: Measure, group: pd.DataFrame) -> Effect:
    """Read a measure from the rows of a pair on a dataset; NaN where its column is missing."""

    def value(column: str) -> float:
        return float(measure.summary(group[column])) if column in group else NAN

    censored = str(group[measure.censored_column].iloc[0]) if measure.censored_column else ""
    return Effect(
        measure.name,
        value(measure.column),
        value(f"{measure.column}_lo"),
        value(f"{measure.column}_hi"),
        "Nadeau-Bengio corrected t" if measure.p_column else "jackknife t interval",
        p=value(measure.p_column),
        censored=censored if censored in ("above", "below") else "",
    )


def _on_datasets(question: Question, measured: pd.DataFrame, rules: Rules) -> Iterator[Verdict]:
    if measured.empty:
        return
    names = [measure.name for measure in question.measures]
    effects_found = [[row[name] for name in names] for _, row in measured.iterrows()]
    adjusted = _adjusted_by_say(question.measures, effects_found)
    for (_, row), effects in zip(measured.iterrows(), adjusted, strict=True):
        sides = {effect.effect_name: side_of_interval(effect, rules) for effect in effects}
        yield _verdict(question, rules, row, effects, sides, f"On {row['dataset']}", "dataset", 1)


def _overall(
    question: Question, measured: pd.DataFrame, evidence: Evidence, rules: Rules
) -> Iterator[Verdict]:
    groups = list(_groups(measured, rules, evidence))
    tested = [_effects_across(question.measures, group, evidence, rules) for _, group in groups]
    for (about, group), effects in zip(groups, _adjusted_by_say(question.measures, tested), strict=True):
        enough = len(group) >= rules["min_datasets"]
        sides = {e.effect_name: side_of_test(e, rules) if enough else 0 for e in effects}
        agreeing = _agreeing(question.measures[0], group, rules)
        where = f"Across {len(group)} {'' if about['modality'] == ALL else about['modality'] + ' '}datasets"
        verdict = _verdict(question, rules, about, effects, sides, where, "overall", len(group), agreeing)
        yield verdict if enough else _too_few(verdict, question, rules)


def _groups(
    measured: pd.DataFrame, rules: Rules, evidence: Evidence
) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    known = sorted(set(evidence.datasets["modality"]) - {""})
    for family_a, family_b in rules["pairs"]:
        for modality in (ALL, *known):
            about = {"family_a": family_a, "family_b": family_b, "modality": modality}
            yield about | {"dataset": None, "control": False}, _counted(measured, about)


def _counted(measured: pd.DataFrame, about: Mapping[str, Any]) -> pd.DataFrame:
    """Return the datasets that count for a pair of families and a modality: no controls."""
    if measured.empty:
        return measured
    counts = ~measured["control"]
    for key in ("family_a", "family_b"):
        counts &= measured[key] == about[key]
    if about["modality"] != ALL:
        counts &= measured["modality"] == about["modality"]
    return measured[counts]


def _effects_across(
    measures: Sequence[Measure], group: pd.DataFrame, evidence: Evidence, rules: Rules
) -> list[Effect]:
    return [effect_across(measure, group, evidence, rules) for measure in measures]


def effect_across(measure: Measure, group: pd.DataFrame, evidence: Evidence, rules: Rules) -> Effect:
    """Return the median effect over datasets, with its bootstrap interval and Wilcoxon's test."""
    test = "Wilcoxon signed rank"
    found = _found(measure, group)
    if len(found) == 0:
        return Effect(measure.name, NAN, NAN, NAN, test)
    values, back = (np.log(found), np.exp) if measure.is_ratio else (found, np.asarray)
    if len(found) < rules["min_datasets"]:
        return Effect(measure.name, float(back(np.median(values))), NAN, NAN, test)
    threshold = np.log(rules[measure.name]) if measure.is_ratio else rules[measure.name]
    label = "/".join([rules["claim"], measure.name, *group["dataset"]])
    lo, hi = median_interval(values, evidence.level, evidence.n_resamples, label)
    p = wilcoxon(values - threshold)
    return Effect(measure.name, float(back(np.median(values))), float(back(lo)), float(back(hi)), test, p)


def _found(measure: Measure, group: pd.DataFrame) -> np.ndarray:
    """Return the datasets' effects that can be read."""
    found = np.array([effect.effect for effect in group[measure.name]] if len(group) else [], dtype=float)
    return found[np.isfinite(found) & ((found > 0) | (not measure.is_ratio))]


def _agreeing(measure: Measure, group: pd.DataFrame, rules: Rules) -> int:
    """Return the number of datasets if all lie on one side of the threshold, else 0."""
    beyond = _found(measure, group) - rules[measure.name]
    return len(beyond) if (beyond > 0).all() or (beyond < 0).all() else 0


def _adjusted_by_say(measures: Sequence[Measure], effects: list[list[Effect]]) -> list[list[Effect]]:
    """Apply Holm's correction over the tests that decide, and apart from them over those beside."""
    adjusted = [list(row) for row in effects]
    for is_beside in (False, True):
        chosen = [i for i, measure in enumerate(measures) if measure.is_beside == is_beside]
        for row, found in zip(adjusted, adjust([[row[i] for i in chosen] for row in effects]), strict=True):
            for i, effect in zip(chosen, found, strict=True):
                row[i] = effect
    return adjusted


def adjust(effects: list[list[Effect]]) -> list[list[Effect]]:
    """Apply Holm's correction over all tests, one that is repeated word for word counting once."""
    tests = {_identity(effect): effect.p for row in effects for effect in row}
    adjusted = dict(zip(tests, holm(np.array(list(tests.values()), dtype=float)), strict=True))
    return [[replace(e, p_adjusted=float(adjusted[_identity(e)])) for e in row] for row in effects]


def _identity(effect: Effect) -> tuple[object, ...]:
    return effect.effect_name, effect.effect, effect.lo, effect.hi, effect.p


def side_of_interval(effect: Effect, rules: Rules) -> int:
    """Return 1 where the whole interval lies above the rules' threshold, -1 where below, else 0."""
    threshold = rules[effect.effect_name]
    return int(effect.lo > threshold) - int(effect.hi < threshold)


def side_of_test(effect: Effect, rules: Rules) -> int:
    """Return on which side of the rules' threshold an effect lies that its adjusted test tells from it."""
    if not effect.p_adjusted < rules["alpha"]:
        return 0
    return int(np.sign(effect.effect - rules[effect.effect_name]))


def _verdict(
    question: Question,
    rules: Rules,
    about: Mapping[str, Any] | pd.Series,
    effects: Sequence[Effect],
    sides: Mapping[str, int],
    where: str,
    level: str,
    n_datasets: int,
    agreeing: int = 0,
) -> Verdict:
    by_name = {effect.effect_name: effect for effect in effects}
    families = about["family_a"], about["family_b"]
    finding = Finding(*families, about["modality"], where, by_name, sides, agreeing)
    word, reason = question.decide(finding)
    return Verdict(
        claim=rules["claim"],
        title=rules["title"],
        modality=about["modality"],
        level=level,
        dataset=about["dataset"],
        control=bool(about["control"]),
        family_a=about["family_a"],
        family_b=about["family_b"],
        main=effects[0],
        further=tuple(effects[1:]),
        n_datasets=n_datasets,
        verdict=word,
        reason=f"{reason}; a control, which never counts" if about["control"] else reason,
        sentence=question.say(finding, word, reason),
    )


def _too_few(verdict: Verdict, question: Question, rules: Rules) -> Verdict:
    reason = f"too few datasets ({verdict.n_datasets} of {rules['min_datasets']})"
    return replace(
        verdict,
        verdict=UNDECIDED,
        reason=reason,
        sentence=f"{question.topic(rules, verdict.family_b)}: undecided, {reason}.",
    )


def unclear(finding: Finding, names: Sequence[str]) -> str:
    """Say why none of the named effects decides."""
    reasons = []
    for name in names:
        effect = finding.effects[name]
        if np.isnan(effect.effect):
            reasons.append(f"{name} cannot be read")
        elif np.isnan(effect.lo) and np.isnan(effect.hi):
            reasons.append(f"{name} has no interval (one repeat, or one that was timed)")
        elif finding.sides[name] == 0:
            reasons.append(f"{name} is not told from its threshold")
    return "; ".join(reasons)


def opening(finding: Finding, verdict: str) -> str:
    """Return how a sentence opens; what all datasets say and yet cannot show is not passed over.

    Of n datasets that agree Wilcoxon's p is 2^(1 - n), which Holm's correction multiplies by up to the number
    of the claim's tests.
    """
    main = next(iter(finding.effects.values()))
    if verdict != UNDECIDED or finding.agreeing < 2 or np.isnan(main.p_adjusted):
        return OPENINGS[verdict]
    return (
        f"{OPENINGS[verdict]}, though all {finding.agreeing} point one way, since so few cannot decide among "
        f"so many tests (p {_short(main.p)}, adjusted {_short(main.p_adjusted)})"
    )


def models_of(family: str) -> str:
    """Name a family's models in a sentence: ``tree models`` for ``trees``."""
    return NOUNS.get(family) or f"{family.removesuffix('s')} models"


def times(effect: Effect) -> str:
    """Write a ratio with its interval: ``1.6 times (1.2 to 2.3)``."""
    bound = {"above": "more than ", "below": "less than "}.get(effect.censored, "")
    return f"{bound}{_short(effect.effect)} times{between(effect.lo, effect.hi)}"


def between(lo: float, hi: float) -> str:
    """Write an interval in brackets, or nothing where there is none."""
    if np.isnan(lo) or np.isnan(hi):
        return ""
    if np.isinf(hi):
        return f" (at least {_short(lo)})" if lo > 0 else ""
    return f" ({_short(lo)} to {_short(hi)})" if lo > 0 else f" (at most {_short(hi)})"


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 99.5 else f"{value:.2g}"
