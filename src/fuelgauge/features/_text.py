"""Engineered features of texts: hashed n-grams of words and of characters, and statistics.

Hashing needs no vocabulary, so nothing is fitted: the bucket and the sign of an n-gram depend only on the
n-gram.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from fuelgauge.spec.features import TextSettings

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import HashingVectorizer

# A word with its apostrophe, or a run of other signs, such as "!!!" and ":)".
TOKEN = r"(?u)\w+(?:'\w+)?|[^\w\s]+"
WORD = re.compile(r"\w+(?:'\w+)?")
MARKS = re.compile(r"[^\w\s]+")
SENTENCE_END = re.compile(r"[.!?]+")
RUN = re.compile(r"(.)\1*", re.DOTALL)


def engineered(texts: np.ndarray, settings: TextSettings) -> np.ndarray:
    """Return hashed n-grams of words, hashed n-grams of characters and statistics of every text.

    Parameters
    ----------
    texts
        Texts, shape (rows,); a text may be empty.
    settings
        Settings of the hashing.

    Returns
    -------
    numpy.ndarray
        Features, float32, shape (rows, word_buckets + character_buckets + statistics).
    """
    words = vectorizer("word", settings.word_buckets, settings.word_ngrams)
    characters = vectorizer("char_wb", settings.character_buckets, settings.character_ngrams)
    counted = np.array([list(statistics(text).values()) for text in ["", *texts]], dtype=np.float32)
    return np.concatenate([hashed(texts, words), hashed(texts, characters), counted[1:]], axis=1)


def vectorizer(analyzer: str, buckets: int, lengths: list[int]) -> HashingVectorizer:
    """Return the vectorizer that counts the n-grams of lower-cased texts in buckets."""
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(
        analyzer=analyzer,
        n_features=buckets,
        ngram_range=(lengths[0], lengths[1]),
        token_pattern=TOKEN if analyzer == "word" else None,
        norm=None,
    )


def hashed(texts: np.ndarray, vectorizer: HashingVectorizer) -> np.ndarray:
    """Return sign(count) * log(1 + |count|) for every bucket, with each row scaled to length 1."""
    from sklearn.preprocessing import normalize

    if not len(texts):
        return np.empty((0, vectorizer.n_features), dtype=np.float32)
    counts = vectorizer.transform(texts)
    counts.data = np.sign(counts.data) * np.log1p(np.abs(counts.data))
    return normalize(counts, copy=False).astype(np.float32).toarray()


def statistics(text: str) -> dict[str, float]:
    """Return the statistics of a text by name; shares and means are 0 for an empty text."""
    words = WORD.findall(text)
    n_words, n_characters = max(1, len(words)), max(1, len(text))

    def share(belongs: Callable[[str], bool]) -> float:
        return sum(map(belongs, text)) / n_characters

    return {
        "log_characters": math.log1p(len(text)),
        "log_words": math.log1p(len(words)),
        "log_sentences": math.log1p(len(SENTENCE_END.findall(text))),
        "log_lines": math.log1p(text.count("\n")),
        "mean_word_length": sum(map(len, words)) / n_words,
        "log_longest_word": math.log1p(max(map(len, words), default=0)),
        "log_longest_run": math.log1p(max((len(run[0]) for run in RUN.finditer(text)), default=0)),
        "distinct_words": len({word.lower() for word in words}) / n_words,
        "words_in_capitals": sum(len(word) > 1 and word.isupper() for word in words) / n_words,
        "words_with_capital": sum(word[0].isupper() for word in words) / n_words,
        "upper_case": share(str.isupper),
        "digits": share(str.isdigit),
        "spaces": share(str.isspace),
        "punctuation": sum(map(len, MARKS.findall(text))) / n_characters,
        "exclamation_marks": text.count("!") / n_characters,
        "question_marks": text.count("?") / n_characters,
        "non_ascii": (len(text) - len(text.encode("ascii", "ignore"))) / n_characters,
    }
