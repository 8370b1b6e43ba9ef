"""The net for words: a deep averaging network on words and parts of words."""

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

INITIAL_DEVIATION = 0.01
MOST_GRAMS = 4096  # of a text; 256 English words have some 2,500


@dataclass
class DAN(DeepModel):
    """Learned vectors of words, pairs of words and parts of words, pooled and put through a hidden layer.

    After Iyyer et al. (2015), with the pairs and parts of fastText (Joulin et al. and Bojanowski et
    al., 2017). The vocabulary is that of the training rows; what is not in it is left out. The sum of
    a text's vectors is divided by the root of their number: a mean is too small in a long text.

    Parameters
    ----------
    embedding
        Numbers in a vector.
    width
        Units of the hidden layer.
    dropout
        Share of units dropped in training.
    vocabulary
        Words, pairs and parts at most; the most frequent are taken.
    part_min, part_max
        Characters of the shortest and of the longest part of a word.
    words
        Of a text that are read, from its beginning.
    """

    # The rows are long: a chunk of them holds as much as one of the usual size in other nets.
    prediction_rows: ClassVar[int] = 1024

    embedding: int = 64
    width: int = 64
    dropout: float = 0.25
    vocabulary: int = 50_000
    part_min: int = 3
    part_max: int = 4
    words: int = 256

    def fit_encoder(self, train: Examples) -> None:
        """Give the vocabulary numbers by falling frequency, from 1; 0 is no word."""
        counts: Counter[str] = Counter()
        for text in texts_of(train):
            counts.update(self.grams(text))
        frequent = counts.most_common(self.vocabulary)
        self.numbers = {gram: number for number, (gram, _) in enumerate(frequent, start=1)}

    def encode(self, examples: Examples) -> np.ndarray:
        """Return the numbers of the known words, pairs and parts of each text, filled up with 0."""
        rows = [self.known(text) for text in texts_of(examples)]
        encoded = np.zeros((len(rows), max(map(len, rows), default=0) or 1), dtype=np.int32)
        for row, numbers in zip(encoded, rows, strict=True):
            row[: len(numbers)] = numbers
        return encoded

    def known(self, text: str) -> np.ndarray:
        """Return the numbers of what is known of a text."""
        numbers = (self.numbers[gram] for gram in self.grams(text) if gram in self.numbers)
        return np.fromiter(islice(numbers, MOST_GRAMS), dtype=np.int32)

    def grams(self, text: str) -> Iterator[str]:
        """Yield the words, the pairs of words and the parts of words of a text."""
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
    """The sum of the vectors of a text's words over the root of their number; 0 for no word.

    Parameters
    ----------
    n_words
        In the vocabulary, numbered from 1.
    size
        Of a vector.
    """

    def __init__(self, n_words: int, size: int):
        super().__init__()
        self.vectors = nn.EmbeddingBag(n_words + 1, size, mode="sum", padding_idx=0)
        nn.init.normal_(self.vectors.weight, std=INITIAL_DEVIATION)

    def forward(self, numbers: Tensor) -> Tensor:
        """Return an array of shape (texts, size)."""
        n_known = (numbers != 0).sum(dim=1, keepdim=True).clamp(min=1)
        return self.vectors(numbers) / n_known.sqrt()
