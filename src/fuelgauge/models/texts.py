"""Shared parts of the models for texts: how a text becomes words and parts of words."""

from __future__ import annotations

import itertools
import re

from fuelgauge.data.dataset import Examples

__all__ = ["TOKEN", "pairs_of", "parts_of", "texts_of", "words_of"]

# Words, and runs of signs between them, because "!!" and ":-)" also carry meaning.
TOKEN = r"\w+|[^\w\s]+"
LONGEST_WORD = 32


def texts_of(examples: Examples) -> list[str]:
    """Return the texts of the examples."""
    return [str(text) for text in examples.x]


def words_of(text: str, limit: int) -> list[str]:
    """Return the first words of a text in lower case, at most `limit` words of at most 32 characters.

    A text of any length takes no more time than a text of `limit` words.
    """
    shown = text[: limit * LONGEST_WORD].lower()
    return [word[:LONGEST_WORD] for word in re.findall(TOKEN, shown)[:limit]]


def pairs_of(words: list[str]) -> list[str]:
    """Return all pairs of neighbouring words."""
    return [f"{first} {second}" for first, second in itertools.pairwise(words)]


def parts_of(word: str, shortest: int, longest: int) -> list[str]:
    """Return the character n-grams of a word with marked ends. A mark tells them from words."""
    marked = f"<{word}>"
    return [
        f"#{marked[start : start + n]}"
        for n in range(shortest, longest + 1)
        for start in range(len(marked) - n + 1)
    ]
