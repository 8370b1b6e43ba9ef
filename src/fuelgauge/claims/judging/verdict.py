"""From measures to verdicts: what all claims share.

A claim that compares families on a few measures states them as a `Question` and calls `judge_pairs`.
`fuelgauge.claims.judging.claims` says what else a claim offers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from fuelgauge.claims.judging.across import adjust_strata, effect_across, error_of
from fuelgauge.claims.judging.evidence import Evidence, Rules
from fuelgauge.claims.judging.measures import NAN, RATIO, Effect, Measure
from fuelgauge.claims.judging.members import PREFIX
from fuelgauge.claims.judging.sides import ALL_MEMBERS, PRIMARY, SINGLE, Comparison, Lineup, comparisons
from fuelgauge.claims.statistics.resample import holm
from fuelgauge.errors import ConfigError, nearest
from fuelgauge.spec.names import FAMILIES, SUBFAMILIES

__all__ = [
    "ALL",
    "REFUTED",
    "SUPPORTED",
    "UNDECIDED",
    "Evidence",
    "Finding",
    "Question",
    "Rules",
    "Verdict",
    "adjust",
    "capital",
    "effect_on_dataset",
    "judge_measured",
    "judge_pairs",
    "judge_unexposed",
    "measure_pairs",
    "models_of",
    "not_significant",
    "of_control",
    "opening",
    "readings",
    "short_number",
    "side_of_interval",
    "side_of_test",
    "times",
    "unclear",
]

ALL = "all"
SUPPORTED, REFUTED, UNDECIDED = "supported", "refuted", "undecided"
# Names of families in a sentence, where "<family> models" would be wrong.
NOUNS = {"forest": "forests", "boosted": "boosted trees", "flexible": "flexible classical models"}
NO_INTERVAL = "(one repeat only, or only one with a value)"
# What counts in a comparison, for a table of verdicts.
COUNTED = {
    PRIMARY: "equal numbers of members",
    SINGLE: "the best-known default of each side",
    ALL_MEMBERS: "all members",
}


@dataclass(frozen=True)
class Verdict:
    """One claim judged on one dataset, or across the datasets of one modality or of all.

    Attributes
    ----------
    claim, title
        Name of the claim, and its sentence in the rules.
    modality
        Modality of the dataset or of the datasets; ``all`` across modalities.
    level
        ``dataset`` or ``overall``.
    dataset
        Name of the dataset; None across datasets.
    control
        Whether the dataset is a control, which does not count across datasets.
    family_a, family_b
        Names of the families compared.
    main, further
        Effect that the sentence is about, and the other effects that decide or are reported.
    n_datasets
        Number of datasets that the verdict rests on.
    verdict, reason, sentence
        ``supported``, ``refuted`` or ``undecided``; the reason; and both in plain English.
    comparison
        Members that count: ``primary``, ``single`` or ``all`` (`fuelgauge.claims.judging.sides`).
    unexposed
        Whether only datasets count on which no default of these members was chosen.
    note
        Sentences on the members that count, where there is something to say.
    beside
        Verdicts on the same question with other members or on the unexposed datasets. They decide nothing.
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
    comparison: str = ALL_MEMBERS
    unexposed: bool = False
    note: str = ""
    beside: tuple[Verdict, ...] = ()

    @property
    def question(self) -> tuple[str | None, ...]:
        """Return what verdicts that stand beside each other have in common."""
        return self.level, self.dataset, self.modality, self.family_a, self.family_b

    @property
    def counted(self) -> str:
        """Return in words which members count."""
        return COUNTED.get(self.comparison, self.comparison)

    @property
    def short(self) -> str:
        """Return members, datasets, verdict and main effect in one line, to stand beside a sentence."""
        kind = "unexposed " if self.unexposed else ""
        noun = "dataset" if self.n_datasets == 1 else "datasets"
        effect = self.main
        value = (
            times(effect)
            if effect.scale == RATIO and not effect.per_doubling
            else short_number(effect.effect)
        )
        measured = f", {effect.label} {value}" if np.isfinite(effect.effect) else ""
        return f"{self.counted}, {self.n_datasets} {kind}{noun}: {self.verdict}{measured}"

    def as_dict(self) -> dict[str, Any]:
        """Return all fields and those of the main effect, with `counted` and `short`.

        `further` and `beside` become lists of dictionaries.
        """
        nested = ("main", "further", "beside")
        own = {name: value for name, value in vars(self).items() if name not in nested}
        return {
            **own,
            **self.main.as_dict(),
            "counted": self.counted,
            "short": self.short,
            "further": [effect.as_dict() for effect in self.further],
            "beside": [verdict.as_dict() for verdict in self.beside],
        }


@dataclass(frozen=True)
class Finding:
    """Everything that a decision and its sentence may use.

    Attributes
    ----------
    family_a, family_b
        Names of the families compared.
    modality
        Modality of the dataset or of the datasets; ``all`` across modalities.
    where
        Start of the sentence, such as ``On flights`` or ``Across 8 datasets``.
    effects
        Effects by name of the measure.
    sides
        1 where an effect is significantly above its threshold, -1 where below, else 0; by name.
    agreeing
        Number of datasets if the main effect lies on the same side of its threshold on all of them, else 0;
        0 on a single dataset.
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
        Measures of the claim; the first is the main effect.
    decide
        Function that returns verdict and reason.
    say
        Function that returns the plain sentence for a verdict and its reason.
    topic
        Function that returns the claim as a clause, from its rules and the rival.
    """

    measures: Sequence[Measure]
    decide: Callable[[Finding], tuple[str, str]]
    say: Callable[[Finding, str, str], str]
    topic: Callable[[Rules, str], str] = lambda rules, rival: f"{rules['title']} than {models_of(rival)}"


# Returns one row per dataset and pair of families, as `judge_measured` takes them, with the column exposed.
Measuring = Callable[[Sequence[Measure], Comparison, Evidence, Rules], pd.DataFrame]


def judge_pairs(
    question: Question, evidence: Evidence, rules: Rules, measure: Measuring | None = None
) -> list[Verdict]:
    """Judge a claim about pairs of families: on every dataset, then across datasets.

    Parameters
    ----------
    question
        Measures of the claim, and its decision.
    evidence
        Tables to judge from.
    rules
        Rules of the claim, with pairs, alpha, min_datasets, and a threshold for each measure; sides and
        single are optional (`fuelgauge.claims.judging.sides`).
    measure
        Function that measures the pairs of a comparison; `measure_pairs` if None, which reads the table of
        pairs.

    Notes
    -----
    A pair is left out if the table lacks its second family. If the table lacks the second family of every
    pair, all pairs stay. See `judge_measured` for the rest.

    With sides, the primary comparison is judged. The verdicts of the other comparisons stand beside it, each
    with a Holm's correction of its own. The same goes for the verdicts across unexposed datasets.

    Raises
    ------
    ConfigError
        A pair or a side names a family or a contestant that does not exist, or sides are unequal.
    """
    families = {*evidence.pairs["model_a"].unique(), *evidence.pairs["model_b"].unique()}
    _check_families(rules, {name.removeprefix(PREFIX) for name in families if name.startswith(PREFIX)})
    known = [pair for pair in rules["pairs"] if PREFIX + pair[1] in families]
    rules = {**rules, "pairs": known or rules["pairs"]}
    judged, *others = _compared(question, evidence, rules, measure or measure_pairs)
    return _side_by_side(judged, others)


def _compared(
    question: Question, evidence: Evidence, rules: Rules, measure: Measuring
) -> Iterator[list[Verdict]]:
    """Yield the verdicts of every comparison, on all datasets and then on the unexposed ones.

    The first is judged. A comparison with the same members as an earlier one is not computed twice. It is
    left out if these are the members that are judged.
    """
    known: dict[frozenset[Any], list[Verdict]] = {}

    def judged(one: Comparison, measured: pd.DataFrame) -> list[Verdict]:
        members = _members(one, measured)
        if members not in known:
            known[members] = judge_measured(question, measured, evidence, rules)
        return [_of_comparison(verdict, one, measured) for verdict in known[members]]

    found = [(one, measure(question.measures, one, evidence, rules)) for one in comparisons(evidence, rules)]
    distinct: dict[frozenset[Any], tuple[Comparison, pd.DataFrame]] = {}
    for pair in found:
        distinct.setdefault(_members(*pair), pair)
    found = list(distinct.values())
    for one, measured in found:
        yield judged(one, measured)
    if "exposed" in evidence.trials:
        for one, measured in found:
            unexposed = measured[~measured["exposed"]] if len(measured) else measured
            across = [verdict for verdict in judged(one, unexposed) if verdict.level == "overall"]
            yield [replace(verdict, unexposed=True) for verdict in across]


def _members(comparison: Comparison, measured: pd.DataFrame) -> frozenset[Any]:
    """Return the members that count in each row of a comparison, in a form that can be compared."""
    rows = measured[["dataset", "family_a", "family_b"]].itertuples(index=False) if len(measured) else ()
    keys = [tuple(map(str, row)) for row in rows]
    lineups = [comparison.lineups.get((dataset, a, b)) for dataset, a, b in keys]
    return frozenset(
        (key, lineup and (frozenset(lineup.members_a), frozenset(lineup.members_b)))
        for key, lineup in zip(keys, lineups, strict=True)
    )


def _of_comparison(verdict: Verdict, comparison: Comparison, measured: pd.DataFrame) -> Verdict:
    """Return a verdict with the name of its comparison and what there is to say about its members."""
    named = replace(verdict, comparison=comparison.name)
    if comparison.name != PRIMARY or measured.empty:
        return named
    about = {"family_a": verdict.family_a, "family_b": verdict.family_b, "modality": verdict.modality}
    datasets = _counted(measured, about)["dataset"] if verdict.dataset is None else [verdict.dataset]
    keys = [(str(dataset), verdict.family_a, verdict.family_b) for dataset in datasets]
    lineups = [comparison.lineups[key] for key in keys if key in comparison.lineups]
    if verdict.dataset is None:
        return replace(named, note=_said_of_lineups(lineups))
    return replace(named, note=" ".join(map(_said_of_lineup, lineups)))


def _said_of_lineup(lineup: Lineup) -> str:
    said = f"Counted: {_listed(lineup.members_a)} against {_listed(lineup.members_b)}."
    if lineup.unnamed:
        families = " and ".join(models_of(family) for family in lineup.unnamed)
        said += f" All {families} count, because the table has none here that the rules name."
    if lineup.exposed:
        said += f" A default was chosen on this dataset: {_listed(lineup.exposed)}."
    return said


def _said_of_lineups(lineups: Sequence[Lineup]) -> str:
    without = sum(bool(lineup.unnamed) for lineup in lineups)
    if not without:
        return ""
    where = f"On {without} of {len(lineups)} datasets the" if without < len(lineups) else "The"
    return f"{where} table has no member that the rules name for a side; all members of that side count."


def _listed(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _side_by_side(judged: Sequence[Verdict], others: Sequence[Sequence[Verdict]]) -> list[Verdict]:
    """Return verdicts with those on the same question beside them, as far as these rest on any dataset."""
    by_question = [{verdict.question: verdict for verdict in verdicts} for verdicts in others]
    return [replace(one, beside=tuple(_beside(one, by_question))) for one in judged]


def _beside(judged: Verdict, others: Sequence[Mapping[tuple[str | None, ...], Verdict]]) -> Iterator[Verdict]:
    found = [verdicts[judged.question] for verdicts in others if judged.question in verdicts]
    measured = {judged.comparison, *(v.comparison for v in found if not v.unexposed and v.n_datasets)}
    return (verdict for verdict in found if verdict.comparison in measured)


def judge_unexposed(
    judged: Sequence[Verdict], judge: Callable[[set[str]], Sequence[Verdict]], exposed: set[str] | None
) -> list[Verdict]:
    """Return verdicts with those across the unexposed datasets beside them.

    Parameters
    ----------
    judged
        Verdicts on all datasets, for a claim that takes sides of its own.
    judge
        Function that judges again without some datasets.
    exposed
        Datasets on which a default of a judged model was chosen; None if the table does not say.
    """
    if exposed is None:
        return list(judged)
    again = judge(exposed) if exposed else judged
    across = [replace(verdict, unexposed=True) for verdict in again if verdict.level == "overall"]
    return _side_by_side(judged, [across])


def _check_families(rules: Rules, of_table: set[str]) -> None:
    """Raise ConfigError if a pair names a family that neither the project nor the trial table has."""
    known = {*FAMILIES, *SUBFAMILIES, *of_table}
    for family in (name for pair in rules["pairs"] for name in pair):
        if family not in known:
            where = f"conf/claim/{rules['claim']}.yaml, pairs"
            raise ConfigError(f"{where}: there is no family '{family}', {nearest(family, known)}.")


def judge_measured(
    question: Question, measured: pd.DataFrame, evidence: Evidence, rules: Rules
) -> list[Verdict]:
    """Judge a claim from what was measured on every dataset.

    Parameters
    ----------
    question, evidence, rules
        Same as in `judge_pairs`; only the names in the rules' pairs are used.
    measured
        One row per dataset and pair: dataset, family_a, family_b, modality, control, and an `Effect` for
        each measure, in a column with its name.

    Notes
    -----
    Across datasets the effect is the median of the datasets' effects. Its interval is an expanded percentile
    bootstrap interval over datasets, and its test is Wilcoxon's signed-rank test against the threshold.

    Holm's correction covers all tests of the claim across datasets. A separate correction covers all of its
    tests on single datasets. With one modality only, its tests are those of ``all`` and count once.
    """
    overall = list(_overall(question, measured, evidence, rules))
    return [*_on_datasets(question, measured, rules), *overall]


def measure_pairs(
    measures: Sequence[Measure], comparison: Comparison, evidence: Evidence, rules: Rules
) -> pd.DataFrame:
    """Return one row per dataset and pair of families that the rules name, from the pairs of a comparison."""
    pairs = comparison.pairs
    rows: list[dict[str, Any]] = []
    for family_a, family_b in rules["pairs"]:
        chosen = pairs[(pairs["model_a"] == PREFIX + family_a) & (pairs["model_b"] == PREFIX + family_b)]
        for dataset, group in chosen.groupby("dataset", sort=True):
            about = evidence.datasets.loc[dataset]
            values = {measure.name: effect_on_dataset(measure, group, evidence.level) for measure in measures}
            lineup = comparison.lineups.get((str(dataset), family_a, family_b))
            kept = {
                "modality": about["modality"],
                "control": bool(about["control"]),
                "exposed": bool(lineup and lineup.exposed),
            }
            rows.append({"dataset": dataset, "family_a": family_a, "family_b": family_b, **kept, **values})
    return pd.DataFrame(rows)


def effect_on_dataset(measure: Measure, group: pd.DataFrame, level: float) -> Effect:
    """Read a measure from the rows of a pair on a dataset.

    Raises
    ------
    ConfigError
        The pairs lack the column of the measure.
    """
    if measure.column not in group:
        raise ConfigError(
            f"The measure '{measure.name}' reads '{measure.column}', which the table of pairs lacks: name "
            "its column of the trial table in COLUMNS of the claim's module."
        )

    def value(column: str) -> float:
        return float(measure.reducer(group[column])) if column in group else float("nan")

    censored = str(group[measure.censored_column].iloc[0]) if measure.censored_column else ""
    middle, lo, hi = (value(f"{measure.column}{end}") for end in ("", "_lo", "_hi"))
    found = measure.effect(
        middle,
        lo,
        hi,
        "Nadeau-Bengio corrected t" if measure.p_column else "jackknife t interval",
        p=value(measure.p_column),
        censored=censored if censored in ("above", "below") else "",
    )
    repeats = float(group["repeats"].iloc[0]) if "repeats" in group else NAN
    ends = np.array([middle, lo, hi])
    if measure.is_ratio:
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = np.log(ends)
    error = error_of(float(ends[0]), float(ends[1]), float(ends[2]), repeats, level)
    return replace(found, error=error, repeats=repeats)


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
    tested = [
        [effect_across(measure, group, evidence.level, rules) for measure in question.measures]
        for _, group in groups
    ]
    strata = [about["modality"] for about, _ in groups]
    deciding = [not measure.is_beside for measure in question.measures]
    for (about, group), effects in zip(groups, adjust_strata(strata, deciding, tested, rules), strict=True):
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
    """Return the datasets that count for a pair of families and a modality; controls do not count."""
    if measured.empty:
        return measured
    counts = ~measured["control"]
    for key in ("family_a", "family_b"):
        counts &= measured[key] == about[key]
    if about["modality"] != ALL:
        counts &= measured["modality"] == about["modality"]
    return measured[counts]


def _agreeing(measure: Measure, group: pd.DataFrame, rules: Rules) -> int:
    """Return the number of datasets if the effects of all lie on the same side of the threshold, else 0."""
    found = np.array([effect.effect for effect in group[measure.name]] if len(group) else [], dtype=float)
    beyond = found[np.isfinite(found)] - rules[measure.name]
    return len(beyond) if (beyond > 0).all() or (beyond < 0).all() else 0


def _adjusted_by_say(measures: Sequence[Measure], effects: list[list[Effect]]) -> list[list[Effect]]:
    """Apply Holm's correction to the tests that decide, and separately to those that are only reported."""
    adjusted = [list(row) for row in effects]
    for is_beside in (False, True):
        chosen = [i for i, measure in enumerate(measures) if measure.is_beside == is_beside]
        for row, found in zip(adjusted, adjust([[row[i] for i in chosen] for row in effects]), strict=True):
            for i, effect in zip(chosen, found, strict=True):
                row[i] = effect
    return adjusted


def adjust(effects: list[list[Effect]]) -> list[list[Effect]]:
    """Apply Holm's correction to all tests; identical tests count once."""
    tests = {_identity(effect): effect.p for row in effects for effect in row}
    adjusted = dict(zip(tests, holm(np.array(list(tests.values()), dtype=float)), strict=True))
    return [[replace(e, p_adjusted=float(adjusted[_identity(e)])) for e in row] for row in effects]


def _identity(effect: Effect) -> tuple[object, ...]:
    return effect.effect_name, effect.effect, effect.lo, effect.hi, effect.p


def side_of_interval(effect: Effect, rules: Rules) -> int:
    """Return 1 if the whole interval lies above the rules' threshold, -1 if below, else 0."""
    threshold = rules[effect.effect_name]
    return int(effect.lo > threshold) - int(effect.hi < threshold)


def side_of_test(effect: Effect, rules: Rules) -> int:
    """Return 1 if the effect is significantly above the rules' threshold, -1 if below, else 0."""
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
        reason=of_control(reason) if about["control"] else reason,
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


def of_control(reason: str) -> str:
    """Add to a reason that its dataset is a control."""
    return f"{reason}; the dataset is a control, which does not count"


def unclear(finding: Finding, names: Sequence[str]) -> str:
    """Return why none of the named effects decides."""
    reasons = []
    for name in names:
        effect = finding.effects[name]
        if np.isnan(effect.effect):
            reasons.append(f"{named(effect)} cannot be measured")
        elif np.isnan(effect.lo) and np.isnan(effect.hi):
            reasons.append(f"{named(effect)} has no interval {NO_INTERVAL}")
        elif finding.sides[name] == 0:
            reasons.append(not_significant(effect))
    return "; ".join(reasons)


def not_significant(effect: Effect) -> str:
    """Return the clause that an effect is not significant."""
    return f"{named(effect)} is not significantly different from its threshold"


def named(effect: Effect) -> str:
    """Name an effect in a sentence: ``the data-efficiency ratio``."""
    return f"the {(effect.label or effect.effect_name).split(',')[0]}"


def opening(finding: Finding, verdict: str) -> str:
    """Return the verdict for a sentence.

    If it is undecided across datasets, the text says what a run like this one would have shown.
    """
    main = next(iter(finding.effects.values()))
    if verdict != UNDECIDED or main.across is None or not np.isfinite(main.across.detectable):
        return verdict
    return f"{verdict} (this many datasets would show a mean of {short_number(main.across.detectable)})"


def readings(effect: Effect) -> str:
    """Return what is shown of the size of a mean, and on what share of the datasets it lies above 1.

    The text is empty for an effect on a single dataset.
    """
    across = effect.across
    if across is None or np.isnan(across.share):
        return ""
    sizes = [
        f"{words} {margin:.3g} times"
        for words, margin in (("at least", across.at_least), ("less than", across.less_than))
        if np.isfinite(margin) and margin != 1
    ]
    shown = f" Shown: {' and '.join(sizes)} on average." if sizes else ""
    ends = f"{across.share_lo:.0%} to {across.share_hi:.0%}"
    return f"{shown} It is above 1 on {across.share:.0%} of such datasets ({ends})."


def models_of(family: str) -> str:
    """Name the models of a family in a sentence: ``tree models`` for ``trees``."""
    return NOUNS.get(family) or f"{family.removesuffix('s')} models"


def capital(text: str) -> str:
    """Return a text with a capital first letter."""
    return text[:1].upper() + text[1:]


def times(effect: Effect) -> str:
    """Write a ratio with its interval: ``1.6 times (1.2 to 2.3)``."""
    bound = {"above": "more than ", "below": "less than "}.get(effect.censored, "")
    return f"{bound}{short_number(effect.effect)} times{between(effect.lo, effect.hi)}"


def between(lo: float, hi: float) -> str:
    """Write an interval in brackets; return nothing where there is no interval."""
    if np.isnan(lo) or np.isnan(hi):
        return ""
    if np.isinf(hi):
        return f" (at least {short_number(lo)})" if lo > 0 else ""
    return f" ({short_number(lo)} to {short_number(hi)})" if lo > 0 else f" (at most {short_number(hi)})"


def short_number(value: float) -> str:
    """Write a number with two digits, but with three where it would look like 1 and is not."""
    if 0.995 < value < 1.05:
        return f"{value:.3g}"
    return f"{value:.0f}" if abs(value) >= 99.5 else f"{value:.2g}"
