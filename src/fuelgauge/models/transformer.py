"""Transformer encoders for sequences and for texts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from fuelgauge.data.dataset import Examples
from fuelgauge.errors import ConfigError
from fuelgauge.models.deep import DeepModel, set_learning_rate
from fuelgauge.models.layers import Dropout
from fuelgauge.models.sequences import SequenceModel, summary
from fuelgauge.models.texts import texts_of, words_of
from fuelgauge.models.training import warm_cosine

__all__ = ["SequenceTransformer", "TextTransformer"]

PLACE_DEVIATION = 0.1  # standard deviation of the first vectors of positions
WORD_DEVIATION = 0.01  # that of words is smaller, so that a word seen once has little effect
ATTENDED_SHARE = 0.1  # first weight of the output of the blocks, compared with the sum of words
HIDDEN_FACTOR = 2  # hidden units of a block, as a multiple of the width


@dataclass
class TransformerModel(DeepModel):
    """Shared parts of both Transformers: blocks of attention with normalisation first, and a warm-up.

    The blocks follow Vaswani et al. (arXiv 1706.03762), with the normalisation of Xiong et al. (arXiv
    2002.04745).

    Parameters
    ----------
    width
        Length of the vector of a token.
    depth, heads
        Number of blocks, and number of attention heads in each.
    dropout
        Share of the numbers dropped in training after attention and after the layers of a block.
    warm
        Share of the steps in which the learning rate rises.
    """

    width: int = 64
    depth: int = 2
    heads: int = 4
    dropout: float = 0.1
    warm: float = 0.1

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ConfigError(f"width is {self.width}, which is not a multiple of the {self.heads} heads.")

    def before_step(self, net: nn.Module, optimizer: torch.optim.Optimizer, step: int, steps: int) -> None:
        """Set the learning rate before a step."""
        set_learning_rate(optimizer, warm_cosine(step, steps, self.warm))

    def encoder(self, n_tokens: int) -> Encoder:
        """Return untrained blocks for at most `n_tokens` tokens."""
        return Encoder(n_tokens, self.width, self.depth, self.heads, self.dropout)


@dataclass
class SequenceTransformer(TransformerModel, SequenceModel):
    """A Transformer encoder whose tokens are the steps of a folded sequence.

    If `longest` is below the number of steps, neighbouring steps form one token, like the patches of
    PatchTST (Nie et al., arXiv 2211.14730).
    """

    def network(self, inputs: Tensor, n_outputs: int) -> nn.Module:
        """Return the layers."""
        _, n_tokens, n_channels = inputs.shape
        steps = Steps(n_channels, self.width, self.encoder(n_tokens))
        return nn.Sequential(steps, nn.Linear(3 * self.width, n_outputs)).to(inputs.device)


@dataclass
class TextTransformer(TransformerModel):
    """A Transformer encoder whose tokens are words.

    The vocabulary is that of the training rows. Other words are left out.

    Parameters
    ----------
    vocabulary
        Largest number of words. The most frequent ones are kept.
    words
        Number of words read from the beginning of a text.
    """

    # Rows are long here, so fewer of them fill a chunk of the usual size.
    prediction_rows: ClassVar[int] = 256

    vocabulary: int = 20_000
    words: int = 96

    def fit_encoder(self, train: Examples) -> None:
        """Give the words numbers from 1 by falling frequency. The number 0 means no word."""
        counts: Counter[str] = Counter()
        for text in texts_of(train):
            counts.update(words_of(text, self.words))
        frequent = counts.most_common(self.vocabulary)
        self.numbers = {word: number for number, (word, _) in enumerate(frequent, start=1)}

    def encode(self, examples: Examples) -> np.ndarray:
        """Return the numbers of the known words of each text, padded with 0."""
        encoded = np.zeros((len(examples), self.words), dtype=np.int32)
        for row, text in zip(encoded, texts_of(examples), strict=True):
            known = [self.numbers[word] for word in words_of(text, self.words) if word in self.numbers]
            row[: len(known)] = known
        return encoded

    def network(self, inputs: Tensor, n_outputs: int) -> nn.Module:
        """Return the layers."""
        words = Words(len(self.numbers), self.width, self.encoder(self.words))
        return nn.Sequential(words, nn.Linear(2 * self.width, n_outputs)).to(inputs.device)


class Steps(nn.Module):
    """Vectors of steps, blocks of attention and a summary of their output over time.

    Parameters
    ----------
    n_channels
        Number of channels of a step.
    width
        Length of a vector.
    encoder
        Blocks that process the vectors.
    """

    def __init__(self, n_channels: int, width: int, encoder: Encoder):
        super().__init__()
        self.vectors = nn.Linear(n_channels, width)
        self.encoder = encoder

    def forward(self, sequences: Tensor) -> Tensor:
        """Return an array of shape (rows, 3 * width)."""
        said = self.encoder(self.vectors(sequences))
        return summary(said, said[:, -1])


class Words(nn.Module):
    """Vectors of words, blocks of attention with the mean of their output, and the sum of the words.

    The sum of a text's word vectors is divided by the square root of the number of tokens and bypasses the
    blocks. From few texts, only the words themselves can be learned, and attention alone would hide them.

    Parameters
    ----------
    n_words
        Size of the vocabulary, which is numbered from 1.
    width
        Length of a vector.
    encoder
        Blocks that process the vectors.
    """

    def __init__(self, n_words: int, width: int, encoder: Encoder):
        super().__init__()
        self.vectors = nn.Embedding(n_words + 1, width, padding_idx=0)
        nn.init.normal_(self.vectors.weight[1:], std=WORD_DEVIATION)
        self.encoder = encoder

    def forward(self, numbers: Tensor) -> Tensor:
        """Return an array of shape (texts, 2 * width). Padding beyond the longest text takes no time."""
        counts = nn.functional.pad(numbers != 0, (1, 0), value=True)  # the start token first
        n_longest = int(counts.sum(dim=1).max())
        counts, numbers = counts[:, :n_longest], numbers[:, : n_longest - 1]
        vectors, n_tokens = self.vectors(numbers), counts.sum(dim=1, keepdim=True)
        said = self.encoder(vectors, counts[:, None, None, :])
        mean = ATTENDED_SHARE * (said * counts.unsqueeze(2)).sum(dim=1) / n_tokens
        return torch.cat([mean, vectors.sum(dim=1) / n_tokens.sqrt()], dim=1)


class Encoder(nn.Module):
    """Blocks of attention over a start token and tokens with learned positions.

    The start token gives an empty text at least one token.

    Parameters
    ----------
    n_tokens
        Largest number of tokens, without the start token.
    width, depth, heads, dropout
        See `TransformerModel`.
    """

    def __init__(self, n_tokens: int, width: int, depth: int, heads: int, dropout: float):
        super().__init__()
        self.start = nn.Parameter(PLACE_DEVIATION * torch.randn(1, 1, width))
        self.positions = nn.Parameter(PLACE_DEVIATION * torch.randn(n_tokens, width))
        self.dropout = Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the output for the start token and the tokens, shape (rows, 1 + tokens, width).

        Parameters
        ----------
        tokens
            Vectors of tokens, shape (rows, tokens, width).
        mask
            False for padding, shape (rows, 1, 1, 1 + tokens). None means that there is no padding.
        """
        placed = self.dropout(tokens + self.positions[: tokens.shape[1]])
        values = torch.cat([self.start.expand(len(tokens), -1, -1), placed], dim=1)
        for block in self.blocks:
            values = block(values, mask)
        return self.norm(values)


class Block(nn.Module):
    """Attention and a hidden layer, each added to its input.

    Parameters
    ----------
    width, heads, dropout
        See `TransformerModel`.
    """

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.asks = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 3 * width))
        self.joins = nn.Sequential(nn.Linear(width, width), Dropout(dropout))
        self.hidden = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, HIDDEN_FACTOR * width),
            nn.GELU(),
            nn.Linear(HIDDEN_FACTOR * width, width),
            Dropout(dropout),
        )

    def forward(self, values: Tensor, mask: Tensor | None) -> Tensor:
        """Return an array of the same shape, (rows, tokens, width)."""
        values = values + self.joins(self.attention(values, mask))
        return values + self.hidden(values)

    def attention(self, values: Tensor, mask: Tensor | None) -> Tensor:
        """Return what the heads of each token gather from the tokens that the mask admits."""
        queries, keys, contents = self.asks(values).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        gathered = nn.functional.scaled_dot_product_attention(queries, keys, contents, attn_mask=mask)
        return gathered.transpose(1, 2).flatten(2)
