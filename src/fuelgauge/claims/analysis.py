"""Analyse a trial table: curves, pairs, verdicts, extrapolations and flags."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fuelgauge.claims.judging.claims import Claim, find_claims, readable_claims
from fuelgauge.claims.judging.evidence import Evidence
from fuelgauge.claims.judging.members import PREFIX, family_trials
from fuelgauge.claims.judging.sides import PRIMARY, named_teams
from fuelgauge.claims.leads import leaders
from fuelgauge.claims.savings import savings
from fuelgauge.claims.statistics.beyond import forecast_curves
from fuelgauge.claims.statistics.cube import FIT_SECONDS, Cube, cubes
from fuelgauge.claims.statistics.curves import curve_table
from fuelgauge.claims.statistics.exponents import exponent_table
from fuelgauge.claims.statistics.flags import constant_flags, curve_flags, load_flags
from fuelgauge.claims.statistics.pairs import FIRST_ROWS, REACH, compare_models
from fuelgauge.claims.statistics.trial_table import TrialTable, read_trials
from fuelgauge.files import whole, write_whole

__all__ = ["Analysis", "analyze", "judge"]

# Tables that are written, each in a file with its name.
TABLES = ("curves", "pairs", "extrapolations", "leads", "exponents")
FACTORS = (2, 10)
EXTRAPOLATION_LEVEL = 0.9


@dataclass(frozen=True)
class Analysis:
    """Results of the analysis of a trial table.

    Attributes
    ----------
    trials
        Trials analysed, followed by those of the families' best members; column level is ``model`` or
        ``family``.
    curves
        Table of `fuelgauge.claims.statistics.curves.curve_table`.
    pairs
        Table of `fuelgauge.claims.statistics.pairs.compare`.
    verdicts
        Dictionaries of `fuelgauge.claims.judging.verdict.Verdict.as_dict`.
    extrapolations
        Table of `fuelgauge.claims.statistics.beyond.forecast_curves`: the loss of every curve at twice and
        ten times its largest anchor, and its 90% interval:
        dataset, model, family, level, n_max, factor, n_train, loss, loss_lo, loss_hi.
    flags
        Table of `fuelgauge.claims.statistics.flags.curve_flags`.
    warnings
        One sentence for each problem that did not stop the analysis.
    further
        Results that claims show besides their verdicts, by name.
    judged_pairs
        Pairs of families with the members that the first claim with sides judges, in the columns of `pairs`;
        empty if no claim has sides.
    leads
        Table of `fuelgauge.claims.leads.leaders`: who is shown to lead at each number of rows.
    exponents
        Table of `fuelgauge.claims.statistics.exponents.exponent_table`.
    savings
        Table of `fuelgauge.claims.savings.savings`: the labels that pretraining saves.
    """

    trials: pd.DataFrame
    curves: pd.DataFrame
    pairs: pd.DataFrame
    verdicts: list[dict[str, Any]]
    extrapolations: pd.DataFrame
    flags: pd.DataFrame
    warnings: list[str]
    further: Mapping[str, Any]
    judged_pairs: pd.DataFrame
    leads: pd.DataFrame
    exponents: pd.DataFrame
    savings: pd.DataFrame


def analyze(
    table: Path | str | pd.DataFrame,
    out: Path | None = None,
    claims: Sequence[str] | None = None,
    level: float = 0.95,
) -> Analysis:
    """Analyse a trial table and write the results.

    Parameters
    ----------
    table
        Parquet file, CSV file or DataFrame; see `fuelgauge.claims.statistics.trial_table.read_trials`.
    out
        Folder for verdicts.json and the tables of `TABLES` as Parquet files; nothing is written if None.
    claims
        Names of the claims to judge. If None, all claims in conf/claim/ are judged for which the table has
        the columns, and a warning names the others.
    level
        Confidence level of all intervals except those of extrapolations, between 0 and 1.

    Raises
    ------
    TableError
        The table cannot be analysed, or it lacks a column that a claim in `claims` reads.
    ConfigError
        There is no such claim, or its rules file or its module is missing.
    """
    found = _judged(table, claims, level)
    evidence, checked = found.evidence, found.checked
    analysis = Analysis(
        trials=found.trials,
        curves=evidence.curves,
        pairs=evidence.pairs,
        verdicts=found.verdicts,
        extrapolations=forecast_curves(found.trials, FACTORS, EXTRAPOLATION_LEVEL),
        flags=_flags(found.cubes, checked.trials, evidence.datasets, level),
        warnings=found.warnings,
        further={name: shown for claim in found.claims for name, shown in claim.further(evidence).items()},
        judged_pairs=_judged_pairs(evidence),
        leads=leaders(checked.trials, evidence.datasets, level),
        exponents=exponent_table(found.cubes, evidence.datasets, level),
        savings=savings(checked.trials, level),
    )
    if out is not None:
        _write(analysis, Path(out))
    return analysis


def judge(
    table: Path | str | pd.DataFrame, claims: Sequence[str] | None = None, level: float = 0.95
) -> list[dict[str, Any]]:
    """Return the verdicts of `analyze` and nothing else, which takes about half of its time.

    Parameters
    ----------
    table, claims, level
        As for `analyze`.

    Raises
    ------
    TableError, ConfigError
        As `analyze` does.
    """
    return _judged(table, claims, level).verdicts


@dataclass(frozen=True)
class _Judged:
    """The verdicts on a table, and what they were judged from."""

    checked: TrialTable
    trials: pd.DataFrame
    cubes: Sequence[Cube]
    claims: Sequence[Claim]
    evidence: Evidence
    verdicts: list[dict[str, Any]]
    warnings: list[str]


def _judged(table: Path | str | pd.DataFrame, claims: Sequence[str] | None, level: float) -> _Judged:
    asked = find_claims(claims)
    columns = [column for claim in asked for column in claim.columns]
    checked = read_trials(table, columns)
    judged, left_out = readable_claims(asked, checked.trials, checked.name, must_all=claims is not None)
    families, family_warnings = family_trials(checked.trials)
    trials = pd.concat(
        [checked.trials.assign(level="model"), families.assign(level="family")], ignore_index=True
    )
    datasets = _datasets(checked.trials)
    curves = curve_table(trials, datasets, level)
    compared = tuple(dict.fromkeys((FIT_SECONDS, *(c for claim in judged for c in claim.columns))))
    all_cubes = cubes(trials, compared)
    named = named_teams(checked.trials, [claim.rules for claim in judged])
    with_teams = pd.concat([families, named.trials], ignore_index=True).assign(level="family")
    of_families = {cube.dataset: cube for cube in (cubes(with_teams, compared) if named.pairs else ())}
    of_all = [of_families.get(cube.dataset, cube) if cube.level == "family" else cube for cube in all_cubes]
    every, pair_warnings = compare_models(of_all, datasets, level, named.wanted)
    pairs, teams = _without_teams(every)
    del every  # at a million trials the largest table
    evidence = Evidence(checked.trials, curves, pairs, datasets, level, teams)
    verdicts = [verdict.as_dict() for claim in judged for verdict in claim.verdicts(evidence)]
    warnings = [
        *checked.warnings,
        *left_out,
        *(family_warnings if _can_choose(checked.trials) else ()),  # else `_limits` says it of all
        *pair_warnings,
        *_limits(checked.trials),
    ]
    return _Judged(checked, trials, all_cubes, judged, evidence, verdicts, warnings)


def _without_teams(every: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the pairs of models and of families, and the pairs of teams."""
    is_team = (every["level"] == "family") & ~every["model_a"].astype(str).str.startswith(PREFIX)
    if not is_team.any():
        return every, every.iloc[:0]
    return every[~is_team].reset_index(drop=True), every[is_team]


def _judged_pairs(evidence: Evidence) -> pd.DataFrame:
    primary = (found[0].pairs for found in evidence.computed.values() if found[0].name == PRIMARY)
    return next(primary, evidence.pairs.iloc[:0])


def _flags(
    all_cubes: Sequence[Cube], trials: pd.DataFrame, datasets: pd.DataFrame, level: float
) -> pd.DataFrame:
    found = [curve_flags(all_cubes, datasets, level), constant_flags(trials), load_flags(trials)]
    return pd.concat([flags for flags in found if len(flags)] or found[:1], ignore_index=True)


def _datasets(trials: pd.DataFrame) -> pd.DataFrame:
    """Return modality, control and test_share of every dataset, as far as the table has them."""
    grouped = trials.groupby("dataset")
    about = pd.DataFrame(index=grouped.size().index)
    about["modality"] = grouped["modality"].first().fillna("").astype(str) if "modality" in trials else ""
    about["control"] = grouped["control"].first().eq(True) if "control" in trials else False
    n_pool = grouped["n_pool"].median() if "n_pool" in trials else grouped["n_train"].max()
    n_test = grouped["n_test"].median() if "n_test" in trials else 0.0
    about["test_share"] = (n_test / n_pool.fillna(grouped["n_train"].max())).fillna(0.0)
    return about


def _limits(trials: pd.DataFrame) -> list[str]:
    """Return warnings on tests and ratios that are limited or missing for this table."""
    said = []
    if "n_test" not in trials:
        said.append(
            "Column 'n_test' is missing: intervals and p values on single datasets assume that repeats are "
            "independent."
        )
    n_members = trials.groupby(["dataset", "family"])["model"].nunique()
    if not _can_choose(trials) and (n_members > 1).any():
        said.append(
            "Columns 'choice_loss' and 'val_loss' are missing: no best model can be chosen where a family or "
            "a side has several. Claims that need one leave that dataset out; add one of the columns."
        )
    largest = trials.groupby("dataset")["n_train"].max()
    small = largest[largest < FIRST_ROWS * REACH].index
    if len(small):
        said.append(
            f"Fewer than {FIRST_ROWS * REACH} rows, so no data-efficiency ratio, on {', '.join(small)}."
        )
    return said


def _can_choose(trials: pd.DataFrame) -> bool:
    """Tell whether any trial has a loss by which the best member of a family can be chosen."""
    return any(name in trials and trials[name].notna().any() for name in ("choice_loss", "val_loss"))


def _write(analysis: Analysis, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name in TABLES:
        with whole(out / f"{name}.parquet") as partial:
            getattr(analysis, name).to_parquet(partial)
    text = json.dumps(_plain(analysis.verdicts), indent=1, ensure_ascii=False) + "\n"
    write_whole(out / "verdicts.json", text)


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold: an unknown or infinite number becomes null."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
