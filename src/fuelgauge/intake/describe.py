"""Write the file in conf/dataset/ for `fuelgauge add`: the guessed settings, with reasons as comments.

The lines are put together here. The library ruamel.yaml can write comments, but it quotes by the rules of
YAML 1.2. A column named `yes` would get no quotes, and PyYAML would read a truth value.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from fuelgauge.config.edit import inline
from fuelgauge.intake.guesses import CATEGORICAL, DATES, FEW, NAMES, NUMERIC, OUT, TEXT, Guess, few

__all__ = ["describe", "summary"]

WIDTH = 110
COMMENT_AT = 24


def describe(guess: Guess, name: str, source: Mapping[str, Any], title: str, command: str) -> str:
    """Return the text of conf/dataset/<name>.yaml.

    Parameters
    ----------
    guess
        Guessed settings, with their reasons.
    name
        Name of the dataset.
    source
        Loader and its arguments.
    title
        Title of the dataset.
    command
        Command line that the user typed, for the first line.
    """
    lines = [f"# Written by `{one_line(command)}`. Settings with a comment are guesses: check them."]
    lines += [setting("name", name), setting("title", title)]
    for key in ("modality", "task", "metric", "target"):
        lines.append(setting(key, getattr(guess, key), guess.why.get(key, "")))
    lines += ["source:", *(f"  {setting(key, value)}" for key, value in source.items())]
    lines += features(guess)
    lines += left_out(guess)
    for key in ("group", "time"):
        if getattr(guess, key) or guess.why.get(key):
            lines.append(setting(key, getattr(guess, key), guess.why.get(key, "")))
    if guess.time_is_date and guess.modality == "tabular":
        lines += [
            "engineered:",
            setting("  dates", [guess.time], "the feature set raw does not include the time"),
        ]
    if guess.duplicates:
        lines.append(setting("duplicates", guess.duplicates, guess.why["duplicates"]))
    lines += [setting("licence", "unknown"), setting("citation", "own data")]
    return "\n".join(lines) + "\n"


def summary(guess: Guess) -> list[tuple[str, str, str]]:
    """Return the guesses as rows for the terminal: setting, value and reason."""
    settings = [
        (key, getattr(guess, key) or "none", guess.why.get(key, ""))
        for key in ("modality", "task", "metric", "target", "text", "group", "time", "duplicates")
        if getattr(guess, key) or guess.why.get(key)
    ]
    features = [
        (kind, few(columns), few(f"{name}: {why}" for name, why in columns.items() if why))
        for kind in (NUMERIC, CATEGORICAL, DATES)
        if (columns := guess.named(kind))
    ]
    unused = {**guess.named(OUT), **guess.named(TEXT), **guess.named(NAMES)}
    shown = [("left out", name, why) for name, why in [*unused.items()][:FEW]]
    if len(unused) > FEW:
        shown.append(("left out", f"and {len(unused) - FEW} more", "see the file"))
    return [("rows", f"{guess.n_rows:,}", ""), *settings, *features, *shown]


def features(guess: Guess) -> list[str]:
    """Return the lines that list the columns that models may use."""
    if guess.modality == "text":
        return ["features:", setting("  text", guess.text)]
    if guess.modality != "tabular":
        return []
    lines = ["features:"]
    for kind in (NUMERIC, CATEGORICAL, DATES):
        lines += listed(kind, guess.named(kind))
    return lines


def listed(kind: str, columns: Mapping[str, str]) -> list[str]:
    """Return the lines that list the columns of a kind, one line per column if any column has a comment."""
    if not columns:
        return []
    if any(columns.values()):
        return [f"  {kind}:", *(with_comment(f"    - {scalar(name)}", why) for name, why in columns.items())]
    names = ", ".join(scalar(name) for name in columns)
    indent = " " * len(f"  {kind}: [")
    wrapped = textwrap.wrap(
        f"{kind}: [{names}]",
        WIDTH,
        initial_indent="  ",
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapped if yaml.safe_load("\n".join(wrapped)) == {kind: [*columns]} else [f"  {kind}: [{names}]"]


def left_out(guess: Guess) -> list[str]:
    """Return comment lines about the columns that models do not use."""
    columns = {**guess.named(OUT), **guess.named(TEXT), **guess.named(NAMES)}
    if not columns:
        return []
    return [
        "# left out:",
        *(f"#   {one_line(name) or '(no name)'}: {one_line(why)}" for name, why in columns.items()),
    ]


def setting(key: str, value: Any, why: str = "") -> str:
    """Return a line that sets a value, with a comment if there is one."""
    return with_comment(f"{key}: {scalar(value)}", why)


def with_comment(line: str, why: str) -> str:
    """Return a line with an aligned comment, or the line alone if the comment is empty."""
    return f"{line:<{COMMENT_AT}}  # {one_line(why)}" if why else line


def one_line(text: str) -> str:
    """Return a text without line breaks and other characters that a YAML comment cannot hold."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def scalar(value: Any) -> str:
    """Return a value as YAML on one line, with `${` escaped so that OmegaConf does not interpolate it."""
    return '""' if value == "" else inline(escape(value))


def escape(value: Any) -> Any:
    """Return a value in which OmegaConf finds no interpolation."""
    if isinstance(value, str):
        return value.replace("${", "\\${")
    if isinstance(value, Mapping):
        return {escape(key): escape(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [escape(item) for item in value]
    return value
