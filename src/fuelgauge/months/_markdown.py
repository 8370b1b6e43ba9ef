"""Texts in Markdown: escape what other people have written, and shorten a report to a limit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SPECIAL = re.compile(r"([\\`*_\[\]<>|~&])")
# GitHub turns these into mentions and links even after a backslash; an empty comment prevents it.
LINKING = re.compile(r"([@#])(?=\w)|(?<=\bGH)(-)(?=\d)")
URL = re.compile(r"(?i)\b(https?|ftp)://|\bwww\.")


@dataclass(frozen=True)
class Part:
    """A part of a report.

    Parameters
    ----------
    lines
        Lines of Markdown.
    rank
        Parts of the highest rank are shortened first.
    """

    lines: Sequence[str]
    rank: int = 0


def escaped(text: object) -> str:
    """Return a text on one line, in which nothing is Markdown, HTML, a mention or a link."""
    line = SPECIAL.sub(r"\\\1", " ".join(str(text).split()))
    line = LINKING.sub(lambda found: f"{found[0]}<!-- -->", line)
    return URL.sub(lambda found: f"{found[0][:-1]}<!-- -->{found[0][-1]}", line)


def escaped_table(lines: Iterable[str]) -> list[str]:
    """Return a Markdown table of another program with escaped cells and without its padding."""
    return [f"| {' | '.join(map(cell, line.strip().strip('|').split('|')))} |" for line in lines]


def cell(text: str) -> str:
    """Return a cell of a table; the dashes under a head are kept short."""
    return "---" if set(text.strip()) == {"-"} else escaped(text)


def whole(parts: Iterable[Part]) -> str:
    """Return all parts as one text."""
    return "\n".join(line for part in parts for line in part.lines) + "\n"


def shortened(parts: Sequence[Part], limit: int, where: str) -> str:
    """Return a report that is not longer than a limit.

    Lines are taken from the end of the parts of the highest rank first.

    Parameters
    ----------
    limit
        Most bytes of the text in UTF-8.
    where
        Place at which the whole report is, for the sentence that replaces the lines.
    """
    kept = list(parts)
    for i in sorted(range(len(parts)), key=lambda i: (parts[i].rank, i), reverse=True):
        excess = size(kept) - limit
        if excess > 0:
            kept[i] = cut(parts[i], excess, where)
    text = whole(kept)
    return text if size(kept) <= limit else text.encode()[:limit].decode(errors="ignore")


def cut(part: Part, excess: int, where: str) -> Part:
    """Return a part without so many of its last lines that it is shorter by `excess` bytes, or empty."""
    lines, n_cut = list(part.lines), 0
    while lines and excess + len(note(n_cut, where).encode()) + 2 > 0:
        excess -= len(lines.pop().encode()) + 1
        n_cut += 1
    return Part([*lines, "", note(n_cut, where)] if n_cut else lines, part.rank)


def note(n_lines: int, where: str) -> str:
    """Return the sentence that replaces lines."""
    return f"*{n_lines:,} more lines are in {where}.*"


def size(parts: Iterable[Part]) -> int:
    """Return the number of bytes of parts in UTF-8."""
    return len(whole(parts).encode())
