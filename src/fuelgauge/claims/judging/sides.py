"""The members that count on each side of a pair of families: equal numbers, one a side, or all.

The rules of a claim name the members before the run:

- ``sides``: the places of each family. A place is a contestant, or a list of contestants of which the first
  that a dataset has takes the place. So one rule holds for classes and numbers, and for any modality.
- ``single``: one such place for each family, for its best-known default.

On a dataset, both sides of a pair count as many members as the side with fewer has, in the order of the list.
If the table has none of the contestants of a side on a dataset, all members of that family count there.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import pandas as pd
import yaml

from fuelgauge import paths
from fuelgauge.claims.judging.evidence import Evidence, Rules
from fuelgauge.claims.judging.members import PREFIX, best_members, own_family
from fuelgauge.claims.statistics.cube import Cube
from fuelgauge.errors import ConfigError, nearest

__all__ = ["ALL_MEMBERS", "PRIMARY", "SINGLE", "Comparison", "Lineup", "Teams", "comparisons", "named_teams"]

PRIMARY, SINGLE, ALL_MEMBERS = "primary", "single", "all"
PAIR = ["dataset", "model_a", "model_b"]
Places = tuple[tuple[str, ...], ...]
Members = tuple[str, ...]
Key = tuple[str, str, str]  # dataset, family A, family B


@dataclass(frozen=True)
class Lineup:
    """The members that count on the two sides of a pair on one dataset.

    Attributes
    ----------
    members_a, members_b
        Names of the contestants.
    unnamed
        Families that count with all of their members, because the table has none that the rules name.
    exposed
        Members of which a default was chosen on this dataset.
    """

    members_a: Members
    members_b: Members
    unnamed: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()

    @property
    def is_duel(self) -> bool:
        """Tell whether each side has one member."""
        return len(self.members_a) == len(self.members_b) == 1


@dataclass(frozen=True)
class Comparison:
    """The pairs of a claim, with one rule for the members that count.

    Attributes
    ----------
    name
        ``primary``, ``single`` or ``all``.
    pairs
        Rows of the pair table whose models are ``family:<name>``.
    lineups
        Members by dataset, family A and family B; none where the evidence has no trials.
    """

    name: str
    pairs: pd.DataFrame
    lineups: Mapping[Key, Lineup] = field(default_factory=dict)


@dataclass(frozen=True)
class Teams:
    """Sides of several named members, which are compared in addition to whole families.

    Attributes
    ----------
    trials
        Trials of the best member of each team, as those of a model with the names of all members.
    pairs
        Pairs of teams to compare, by dataset.
    """

    trials: pd.DataFrame
    pairs: Mapping[str, frozenset[tuple[str, str]]]

    def wanted(self, cube: Cube) -> Iterable[tuple[str, str]]:
        """Return the pairs of a cube to compare: those of models or of families, and those of teams."""
        asked = self.pairs.get(cube.dataset, frozenset()) if cube.level == "family" else frozenset()
        of_teams = {name for pair in asked for name in pair}
        others = [name for name in cube.models if name not in of_teams]
        here = set(cube.models)
        return [*permutations(others, 2), *(pair for pair in sorted(asked) if here >= set(pair))]


def named_teams(trials: pd.DataFrame, rules: Iterable[Rules]) -> Teams:
    """Return the teams that the rules of claims name, as far as they are neither one model nor a family.

    Parameters
    ----------
    trials
        Checked trials.
    rules
        Rules of the claims.
    """
    with_sides = [own for own in rules if own.get("sides") and own.get("pairs")]
    roster = _roster(trials) if with_sides else _Roster({}, {})
    lineups = [
        (key[0], lineup)
        for own in with_sides
        for key, lineup in _primary(roster, own).items()
        if not lineup.is_duel
    ]
    pairs: dict[str, set[tuple[str, str]]] = {}
    datasets_of: dict[Members, set[str]] = {}
    for dataset, lineup in lineups:
        pairs.setdefault(dataset, set()).add((_label(lineup.members_a), _label(lineup.members_b)))
        for members in (lineup.members_a, lineup.members_b):
            datasets_of.setdefault(members, set()).add(dataset)
    own = trials[trials["model"].isin({name for members in datasets_of for name in members})]
    teams = [_team(own, members, datasets) for members, datasets in datasets_of.items()]
    found = pd.concat(teams, ignore_index=True) if teams else trials.iloc[:0]
    return Teams(found, {dataset: frozenset(asked) for dataset, asked in pairs.items()})


def _team(trials: pd.DataFrame, members: Members, datasets: set[str]) -> pd.DataFrame:
    own = trials[trials["dataset"].isin(datasets) & trials["model"].isin(members)]
    best, _ = best_members(own, pd.Series(_label(members), index=own.index))
    return best.assign(model=_label(members))


@dataclass(frozen=True)
class _Roster:
    """The contestants of each family on each dataset, sorted, and those that are exposed there."""

    members: Mapping[tuple[str, str], Members]
    exposed: Mapping[str, frozenset[str]]

    @property
    def datasets(self) -> list[str]:
        return sorted({dataset for dataset, _ in self.members})

    def names(self, family: str) -> set[str]:
        return {name for (_, own), names in self.members.items() if own == family for name in names}

    def lineup(self, key: Key, members_a: Members, members_b: Members, unnamed: Members = ()) -> Lineup:
        known = self.exposed.get(key[0], frozenset())
        exposed = tuple(name for name in (*members_a, *members_b) if name in known)
        return Lineup(members_a, members_b, unnamed, exposed)


def comparisons(evidence: Evidence, rules: Rules) -> list[Comparison]:
    """Return the comparison that is judged, and then those that stand beside it.

    Parameters
    ----------
    evidence
        Tables to judge from.
    rules
        Rules of the claim, with pairs. Without sides, all members count and nothing stands beside.

    Returns
    -------
    `PRIMARY`, `SINGLE` and `ALL_MEMBERS`; `ALL_MEMBERS` alone without sides.

    Raises
    ------
    ConfigError
        The sides have unequal numbers of places, or name a family or a contestant that does not exist.
    """
    question = repr([rules["pairs"], rules.get("sides"), rules.get("single")])
    if question not in evidence.computed:
        evidence.computed[question] = _comparisons(evidence, rules)
    found: list[Comparison] = evidence.computed[question]
    return found


def _comparisons(evidence: Evidence, rules: Rules) -> list[Comparison]:
    roster = _roster(evidence.trials)
    families = evidence.pairs[evidence.pairs["level"] == "family"]
    everyone = dict(_all_lineups(roster, rules["pairs"]))
    of_all = Comparison(ALL_MEMBERS, families, everyone)
    if not rules.get("sides"):
        return [of_all]
    _check(rules, roster)
    changed = _primary(roster, rules)
    primary = dict(_primary_lineups(roster, rules["pairs"], _places(rules, "sides")))
    singles = dict(_single_lineups(roster, rules["pairs"], _places(rules, "single")))
    return [
        Comparison(PRIMARY, _replaced(families, _pairs_of(evidence, changed)), primary),
        Comparison(SINGLE, _pairs_of(evidence, singles), singles),
        of_all,
    ]


def _primary(roster: _Roster, rules: Rules) -> dict[Key, Lineup]:
    """Return the lineups of the primary comparison that are not whole families."""
    everyone = dict(_all_lineups(roster, rules["pairs"]))
    lineups = _primary_lineups(roster, rules["pairs"], _places(rules, "sides"))
    return {key: lineup for key, lineup in lineups if _counts(lineup) != _counts(everyone[key])}


def _counts(lineup: Lineup) -> tuple[frozenset[str], frozenset[str]]:
    return frozenset(lineup.members_a), frozenset(lineup.members_b)


def _roster(trials: pd.DataFrame) -> _Roster:
    if trials.empty or "model" not in trials:
        return _Roster({}, {})
    keys = [name for name in ("dataset", "model", "family", "subfamily") if name in trials]
    unique = trials[keys].drop_duplicates()
    contestants = unique.assign(own=own_family(unique)).drop_duplicates(["dataset", "own", "model"])
    members = {
        (str(dataset), str(own)): tuple(sorted(names))
        for (dataset, own), names in contestants.groupby(["dataset", "own"])["model"]
    }
    if "exposed" not in trials:
        return _Roster(members, {})
    exposed = trials[trials["exposed"]].groupby("dataset")["model"].unique()
    return _Roster(members, {str(dataset): frozenset(names) for dataset, names in exposed.items()})


def _all_lineups(roster: _Roster, pairs: Iterable[Sequence[str]]) -> Iterator[tuple[Key, Lineup]]:
    for family_a, family_b in pairs:
        for dataset in roster.datasets:
            sides = [roster.members.get((dataset, family)) for family in (family_a, family_b)]
            if sides[0] and sides[1]:
                key = (dataset, family_a, family_b)
                yield key, roster.lineup(key, sides[0], sides[1])


def _primary_lineups(
    roster: _Roster, pairs: Iterable[Sequence[str]], sides: Mapping[str, Places]
) -> Iterator[tuple[Key, Lineup]]:
    for key, everyone in _all_lineups(roster, pairs):
        both = (everyone.members_a, everyone.members_b)
        named = [_filled(sides.get(family, ()), there) for family, there in zip(key[1:], both, strict=True)]
        n_members = min(len(chosen or there) for chosen, there in zip(named, both, strict=True))
        counted = [chosen[:n_members] or there for chosen, there in zip(named, both, strict=True)]
        unnamed = tuple(family for family, chosen in zip(key[1:], named, strict=True) if not chosen)
        yield key, roster.lineup(key, counted[0], counted[1], unnamed)


def _single_lineups(
    roster: _Roster, pairs: Iterable[Sequence[str]], single: Mapping[str, Places]
) -> Iterator[tuple[Key, Lineup]]:
    for key, everyone in _all_lineups(roster, pairs):
        both = (everyone.members_a, everyone.members_b)
        named = [_filled(single.get(family, ()), there) for family, there in zip(key[1:], both, strict=True)]
        if named[0] and named[1]:
            yield key, roster.lineup(key, named[0], named[1])


def _filled(places: Places, there: Members) -> Members:
    """Return the contestants that take the places, from those that a dataset has."""
    takers = (next((name for name in place if name in there), None) for place in places)
    return tuple(name for name in takers if name is not None)


def _pairs_of(evidence: Evidence, lineups: Mapping[Key, Lineup]) -> pd.DataFrame:
    """Return the rows of the pair table for lineups, with the names of their families.

    One member against another is a pair of models, and any other lineup a pair of `Teams`.
    """
    duels = {key: lineup for key, lineup in lineups.items() if lineup.is_duel}
    teams = {key: lineup for key, lineup in lineups.items() if not lineup.is_duel}
    tables = [_renamed(evidence.pairs, duels), _renamed(evidence.teams, teams)]
    return pd.concat(
        [table for table in tables if len(table)] or [evidence.pairs.iloc[:0]], ignore_index=True
    )


def _renamed(pairs: pd.DataFrame, lineups: Mapping[Key, Lineup]) -> pd.DataFrame:
    """Return the rows of lineups under the names of their families."""
    if pairs.empty or not lineups:
        return pairs.iloc[:0]
    rows = [
        (key[0], _label(lineup.members_a), _label(lineup.members_b), PREFIX + key[1], PREFIX + key[2])
        for key, lineup in lineups.items()
    ]
    wanted = pd.DataFrame(rows, columns=[*PAIR, "family_a", "family_b"])
    asked = pairs[pairs["model_a"].isin(wanted["model_a"]) & pairs["model_b"].isin(wanted["model_b"])]
    found = asked.merge(wanted, on=PAIR)
    named = found.assign(model_a=found["family_a"], model_b=found["family_b"], level="family")
    return named[pairs.columns]


def _label(members: Members) -> str:
    return " & ".join(members)


def _replaced(families: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs of families, with other rows for some of them."""
    if others.empty:
        return families
    stale = pd.MultiIndex.from_frame(families[PAIR]).isin(pd.MultiIndex.from_frame(others[PAIR]))
    return pd.concat([families[~stale], others], ignore_index=True)


def _places(rules: Rules, setting: str) -> dict[str, Places]:
    """Return the places of each family: each a tuple of contestants."""
    given = rules.get(setting) or {}
    where = f"conf/claim/{rules['claim']}.yaml, {setting}"
    if not isinstance(given, Mapping):
        raise ConfigError(f"{where}: give names of contestants by family.")
    return {
        str(family): _checked_places([names] if setting == "single" else names, f"{where}.{family}")
        for family, names in given.items()
    }


def _checked_places(names: Any, where: str) -> Places:
    places = tuple((place,) if isinstance(place, str) else tuple(place or ()) for place in _listed(names))
    named = [name for place in places for name in place]
    if not named or not all(places) or not all(isinstance(name, str) for name in named):
        raise ConfigError(f"{where}: each place is the name of a contestant, or a list of such names.")
    twice = [name for name in named if named.count(name) > 1]
    if twice:
        raise ConfigError(f"{where}: '{twice[0]}' has two places; a contestant takes one.")
    return places


def _listed(names: Any) -> Sequence[Any]:
    return names if isinstance(names, list) else []


def _check(rules: Rules, roster: _Roster) -> None:
    sides = _places(rules, "sides")
    where = f"conf/claim/{rules['claim']}.yaml"
    for family_a, family_b in rules["pairs"]:
        if family_a in sides and family_b in sides and len(sides[family_a]) != len(sides[family_b]):
            raise ConfigError(
                f"{where}, sides: {family_a} has {len(sides[family_a])} places and {family_b} "
                f"{len(sides[family_b])}: give both the same number."
            )
    for setting in ("sides", "single"):
        for family, places in _places(rules, setting).items():
            unknown = {name for place in places for name in place} - roster.names(family)
            if unknown:
                _check_names(unknown, family, roster, f"{where}, {setting}.{family}")


def _check_names(names: set[str], family: str, roster: _Roster, where: str) -> None:
    families = project_models()
    own = {name for name, of in families.items() if family in of} | roster.names(family)
    if not own:
        known = {name for of in families.values() for name in of} | {of for _, of in roster.members}
        raise ConfigError(f"{where}: there is no family '{family}', {nearest(family, known)}.")
    for name in sorted(names):
        if name not in own and re.split("[-+@]", name)[0] not in own:
            raise ConfigError(f"{where}: '{name}' is no model of this family, {nearest(name, own)}.")


@functools.cache
def project_models() -> dict[str, tuple[str, ...]]:
    """Return the families of every model in conf/model: its family, and its subfamily if it has one."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = {}
    for file in sorted((paths.CONF / "model").glob("*.yaml")):
        content = yaml.load(file.read_text(encoding="utf-8"), loader) or {}
        found[file.stem] = tuple(str(content[key]) for key in ("family", "subfamily") if content.get(key))
    return found
