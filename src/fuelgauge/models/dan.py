"""Net over words: a deep averaging network on words and parts of words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

import numpy as np
from torch import Tensor, nn

from fuelgauge.data.dataset import Examples
from fuelgauge.models.deep import DeepModel
from fuelgauge.models.layers import Dropout
from fuelgauge.models.texts import pairs_of, parts_of, texts_of, words_of

__all__ = ["DAN"]

INITIAL_DEVIATION = 0.01
MOST_GRAMS = 4096  # per text; 256 English words have about 2,500


@dataclass
class DAN(DeepModel):
    """One hidden layer on pooled vectors of words, pairs of words and parts of words.

    The model follows Iyyer et al. (2015). Its pairs and parts are those of fastText (Joulin et al. and
    Bojanowski et al., 2017). The vocabulary is that of the training rows, and anything else is left out. The
    sum of a text's vectors is divided by the square root of their number. A mean would be too small for a
    long text.

    Parameters
    ----------
    embedding
        Length of a vector.
    width
        Number of units of the hidden layer.
    dropout
        Share of units dropped in training.
    vocabulary
        Largest number of words, pairs and parts. The most frequent ones are kept.
    part_min, part_max
        Number of characters of the shortest and of the longest part of a word.
    words
        Number of words read from the beginning of a text.
    """

    # Rows are long here, so fewer of them fill a chunk of the usual size.
    prediction_rows: ClassVar[int] = 1024

    embedding: int = 64
    width: int = 64
    dropout: float = 0.25
    vocabulary: int = 50_000
    part_min: int = 3
    part_max: int = 4
    words: int = 256

    def fit_encoder(self, train: Examples) -> None:
        """Give the vocabulary numbers from 1 by falling frequency. The number 0 means no word."""
        counts: Counter[str] = Counter()
        for text in texts_of(train):
            counts.update(self.grams(text))
        frequent = counts.most_common(self.vocabulary)
        self.numbers = {gram: number for number, (gram, _) in enumerate(frequent, start=1)}

    def encode(self, examples: Examples) -> np.ndarray:
        """Return the numbers of the known words, pairs and parts of each text, padded with 0."""
        rows = [self.known(text) for text in texts_of(examples)]
        encoded = np.zeros((len(rows), max(map(len, rows), default=0) or 1), dtype=np.int32)
        for row, numbers in zip(encoded, rows, strict=True):
            row[: len(numbers)] = numbers
        return encoded

    def known(self, text: str) -> np.ndarray:
        """Return the numbers of the known words, pairs and parts of one text."""
        numbers = (self.numbers[gram] for gram in self.grams(text) if gram in self.numbers)
        return np.fromiter(islice(numbers, MOST_GRAMS), dtype=np.int32)

    def grams(self, text: str) -> Iterator[str]:
        """Yield the words, pairs of words and parts of words of a text."""
        words = words_of(text, self.words)
        yield from words
        yield from pairs_of(words)
        for word in words:
            yield from parts_of(word, self.part_min, self.part_max)

    def network(self, inputs: Tensor, n_outputs: int) -> nn.Module:
        """Return the layers."""
        return nn.Sequential(
            Pool(len(self.numbers), self.embedding),
            nn.Linear(self.embedding, self.width),
            nn.ReLU(),
            Dropout(self.dropout),
            nn.Linear(self.width, n_outputs),
        ).to(inputs.device)


class Pool(nn.Module):
    """Sum of the vectors of a text's words, divided by the square root of their number.

    The result is 0 for a text without a known word.

    Parameters
    ----------
    n_words
        Size of the vocabulary, which is numbered from 1.
    size
        Length of a vector.
    """

    def __init__(self, n_words: int, size: int):
        super().__init__()
        self.vectors = nn.EmbeddingBag(n_words + 1, size, mode="sum", padding_idx=0)
        nn.init.normal_(self.vectors.weight, std=INITIAL_DEVIATION)

    def forward(self, numbers: Tensor) -> Tensor:
        """Return an array of shape (texts, size)."""
        n_known = (numbers != 0).sum(dim=1, keepdim=True).clamp(min=1)
        return self.vectors(numbers) / n_known.sqrt()
