"""The pretrained model for texts: WordLlama's sentence embeddings and a linear head."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from safetensors.numpy import load
from tokenizers import Tokenizer

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitError
from fuelgauge.models.embedding_head import EmbeddingHead
from fuelgauge.models.texts import texts_of

__all__ = ["WordLlama"]

# Files of the package with their SHA-256, because other vectors would be another model.
WEIGHTS = (
    "weights/l2_supercat_256.safetensors",
    "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5",
)
TOKENIZER = (
    "tokenizers/l2_supercat_tokenizer_config.json",
    "93248f2a9ec36c7b35f700a033d5f36228aae48db61aee31007fa49062cdeb68",
)


@dataclass
class WordLlama(EmbeddingHead):
    """Logistic or ridge regression on a pretrained embedding of each text, scaled to variance 1.

    The embedding is the mean of the vectors of a text's tokens, with 256 numbers per token. The vectors are
    those of WordLlama (`l2_supercat`). WordLlama joins the token embeddings of LLaMA 2 70B, Phi-3 medium and
    others of the same vocabulary. It projects them by contrastive training on public pairs of English
    sentences: AllNLI, MS MARCO, HotpotQA, GooAQ, Yahoo Answers, Stack Exchange, Quora, Amazon questions and
    more.

    Unlike models without pretraining, this model has seen text besides its training rows. The language models
    may have read a tweet or a review of a test set. The vectors do not change: only the regression is fitted,
    and only its coefficients are counted.

    Parameters
    ----------
    C
        Inverse strength of the penalty.
    characters
        Number of characters read from the beginning of a text.
    max_iter
        Upper bound on iterations of L-BFGS.
    """

    C: float = 0.003
    characters: int = 4000
    max_iter: int = 1000

    def embed(self, examples: Examples) -> np.ndarray:
        """Return the pretrained embeddings of the texts, shape (rows, 256)."""
        return np.stack([embedder().embed(text[: self.characters]) for text in texts_of(examples)])


@dataclass(frozen=True)
class Embedder:
    """A tokenizer and the vectors of its tokens.

    Parameters
    ----------
    tokenizer
        Tokenizer of LLaMA 2.
    vectors
        Vectors of the tokens, shape (tokens of the vocabulary, 256).
    """

    tokenizer: Tokenizer
    vectors: np.ndarray

    def embed(self, text: str) -> np.ndarray:
        """Return the mean of the vectors of a text's tokens, or zeros for a text without tokens."""
        # Half of a pair of UTF-16 codes is not a character, and the tokenizer refuses it.
        readable = text.encode("utf-8", errors="replace").decode()
        tokens = self.tokenizer.encode(readable, add_special_tokens=False).ids
        if not tokens:
            return np.zeros(self.vectors.shape[1], dtype=np.float32)
        return self.vectors[tokens].mean(axis=0)


@functools.cache
def embedder() -> Embedder:
    """Return the pretrained embedder. It is read once per process from files of the package `wordllama`.

    The package's own loader is not used. It downloads files that it does not find. When imported, it also
    turns on the logs of all libraries.
    """
    tokenizer = Tokenizer.from_str(package_file(*TOKENIZER).decode())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    vectors = load(package_file(*WEIGHTS))["embedding.weight"]
    return Embedder(tokenizer, vectors.astype(np.float32))


def package_file(name: str, sha256: str) -> bytes:
    """Return a file of the package `wordllama`.

    Raises
    ------
    FitError
        The package is not installed, or its file has another checksum.
    """
    package = find_spec("wordllama")
    if package is None or not package.submodule_search_locations:
        raise FitError("the package wordllama is not installed; create the environment again: make env")
    path = Path(package.submodule_search_locations[0]) / name
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != sha256:
        raise FitError(f"{path} is not the file that this model is made for; install wordllama as locked.")
    return content
