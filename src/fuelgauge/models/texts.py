"""What the models of texts share: how a text becomes words and parts of words."""

from __future__ import annotations

import itertools
import re

from fuelgauge.data.dataset import Examples

# Words, and runs of signs between them: "!!" and ":-)" say something too.
TOKEN = r"\w+|[^\w\s]+"
LONGEST_WORD = 32


def texts_of(examples: Examples) -> list[str]:
    """Return the texts of examples that are texts."""
    return [str(text) for text in examples.x]


def words_of(text: str, limit: int) -> list[str]:
    """Return the first words of a text in lower case, at most `limit`, none above 32 characters.

    A text of any length costs no more than one of `limit` words.
    """
    shown = text[: limit * LONGEST_WORD].lower()
    return [word[:LONGEST_WORD] for word in re.findall(TOKEN, shown)[:limit]]


def pairs_of(words: list[str]) -> list[str]:
    """Return the neighbouring words, two by two."""
    return [f"{first} {second}" for first, second in itertools.pairwise(words)]


def parts_of(word: str, shortest: int, longest: int) -> list[str]:
    """Return the n-grams of characters of a word with marked ends, each marked as a part."""
    marked = f"<{word}>"
    return [
        f"#{marked[start : start + n]}"
        for n in range(shortest, longest + 1)
        for start in range(len(marked) - n + 1)
    ]
