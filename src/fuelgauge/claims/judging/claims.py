"""Find the claims.

A claim is one module, src/fuelgauge/claims/<name>.py, and one rules file, conf/claim/<name>.yaml. The module
offers:

- ``judge(evidence, rules)``, which returns a list of verdicts;
- ``COLUMNS``, where the claim reads optional columns of the trial table: a tuple with their names;
- ``further(evidence, rules)``, where the claim shows more than verdicts: it returns a dictionary.

Rules may take the sides of another claim: ``sides_of`` names it.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import pandas as pd
import yaml

from fuelgauge.claims.judging.evidence import Evidence, Rules
from fuelgauge.claims.judging.verdict import Verdict
from fuelgauge.errors import ConfigError, TableError, nearest
from fuelgauge.paths import CONF

__all__ = ["Claim", "available_claims", "find_claims", "readable_claims"]

MODULES = "fuelgauge.claims"


@dataclass(frozen=True)
class Claim:
    """A claim that can be judged.

    Attributes
    ----------
    name
        Name of the module and of the rules file.
    rules
        Content of the rules file.
    module
        The claim's module.
    """

    name: str
    rules: Rules
    module: ModuleType

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the optional columns of the trial table that the claim reads."""
        return tuple(getattr(self.module, "COLUMNS", ()))

    def verdicts(self, evidence: Evidence) -> list[Verdict]:
        """Return the verdicts on the claim.

        Raises
        ------
        ConfigError
            The rules lack a setting.
        """
        try:
            found: list[Verdict] = self.module.judge(evidence, self.rules)
        except KeyError as error:
            raise ConfigError(f"{rules_file(self.name)} lacks the setting {error}.") from error
        return found

    def further(self, evidence: Evidence) -> dict[str, Any]:
        """Return what the claim shows besides its verdicts, by name."""
        show = getattr(self.module, "further", None)
        return show(evidence, self.rules) if show else {}


def available_claims() -> dict[str, Rules]:
    """Return the rules of every claim in conf/claim/, by name.

    The first ones are those whose rules have an ``order``, by that number; the others follow by name.
    """
    files = sorted((CONF / "claim").glob("*.yaml"))
    contents = {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}
    rules = {name: {**(content or {}), "claim": name} for name, content in contents.items()}
    rules = {name: _with_sides(content, rules) for name, content in rules.items()}
    return dict(sorted(rules.items(), key=lambda item: item[1].get("order", math.inf)))


def _with_sides(own: Rules, rules: Mapping[str, Rules]) -> dict[str, Any]:
    """Return rules with the sides of another claim, if they name one under ``sides_of``."""
    other = own.get("sides_of")
    if other is None:
        return dict(own)
    if other not in rules:
        where = f"{rules_file(own['claim'])}, sides_of"
        raise ConfigError(f"{where}: there is no claim '{other}', {nearest(str(other), rules)}.")
    shared = {setting: rules[other][setting] for setting in ("sides", "single") if setting in rules[other]}
    return {**shared, **own}


def find_claims(names: Sequence[str] | None = None) -> list[Claim]:
    """Return claims with their rules and modules, in the order asked for.

    Parameters
    ----------
    names
        Names of the claims; all that have a rules file if None.

    Raises
    ------
    ConfigError
        There is no such claim, or its rules file or its module is missing.
    """
    rules = available_claims()
    return [_claim(name, rules) for name in (rules if names is None else names)]


def _claim(name: str, rules: dict[str, Rules]) -> Claim:
    module = _module(name)
    if name in rules and module is None:
        raise ConfigError(
            f"{rules_file(name)} has no module {module_file(name)}: write the module or remove the rules."
        )
    if name not in rules and module is not None:
        raise ConfigError(
            f"{module_file(name)} has no rules {rules_file(name)}: write the rules to have the claim judged."
        )
    if module is None:
        raise ConfigError(f"There is no claim '{name}' in conf/claim/: {nearest(name, rules)}")
    return Claim(name, rules[name], module)


def _module(name: str) -> ModuleType | None:
    """Return the module of a claim; None if there is no module with a function ``judge``."""
    where = f"{MODULES}.{name}"
    if not name.isidentifier() or find_spec(where) is None:
        return None
    module = importlib.import_module(where)
    return module if hasattr(module, "judge") else None


def rules_file(name: str) -> str:
    """Return the path of a claim's rules file, for messages."""
    return f"conf/claim/{name}.yaml"


def module_file(name: str) -> str:
    """Return the path of a claim's module, for messages."""
    return f"src/fuelgauge/claims/{name}.py"


def readable_claims(
    asked: Sequence[Claim], trials: pd.DataFrame, name: str, must_all: bool
) -> tuple[list[Claim], list[str]]:
    """Return the claims whose columns a trial table has.

    Parameters
    ----------
    asked
        Claims to be judged.
    trials
        The trial table.
    name
        Name of the trial table, for messages.
    must_all
        Whether a missing column is an error. If not, the claim is left out with a warning.

    Returns
    -------
    claims
        Claims that can be judged.
    warnings
        One sentence for each claim that was left out.

    Raises
    ------
    TableError
        A column is missing that a claim reads, and `must_all` is true.
    """
    missing = {claim.name: [c for c in claim.columns if c not in trials] for claim in asked}
    lacking = [
        f"{name} lacks {_listed(columns)}, which the claim '{claim}' reads"
        for claim, columns in missing.items()
        if columns
    ]
    if lacking and must_all:
        raise TableError(f"{lacking[0]}: add the column, or leave the claim out.")
    warnings = [f"{reason}; the claim is left out. Add the column to have it judged." for reason in lacking]
    return [claim for claim in asked if not missing[claim.name]], warnings


def _listed(columns: Sequence[str]) -> str:
    quoted = ", ".join(f"'{column}'" for column in columns)
    return f"the column{'s' * (len(columns) > 1)} {quoted}"
